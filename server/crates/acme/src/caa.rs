//! What CAA records say (RFC 8659, with the parameters of RFC 8657). Finding them in DNS is the caller's part.

use model::ChallengeKind;

/// The data of one CAA record (RFC 8659 §4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    pub critical: bool,
    pub tag: String,
    pub value: Vec<u8>,
}

/// Who wants to issue what.
#[derive(Debug, Clone, Copy)]
pub struct Issuance<'a> {
    /// The issuer domain names that stand for this CA.
    pub identities: &'a [String],
    pub wildcard: bool,
    /// How control was shown; `None`: by no challenge, which no list of challenges allows.
    pub method: Option<ChallengeKind>,
    /// `None`: no account asks, which no `accounturi` allows.
    pub account_uri: Option<&'a str>,
}

/// Why the records do not let this CA issue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// RFC 8659 §4.1; has the tag.
    #[error("it has a critical property that is not known here")]
    UnknownCritical(String),
    #[error("none of its records names this CA")]
    Issuer,
    #[error("the records that name this CA are for other accounts")]
    Account,
    #[error("the records that name this CA do not allow this challenge type")]
    Method,
}

/// Judges the relevant record set (RFC 8659 §3) of a name. An empty one allows everything.
///
/// # Errors
/// When no property authorises the issuance, the reason why the last property that names this CA does not.
pub fn permits(records: &[Property], issuance: &Issuance<'_>) -> Result<(), Forbidden> {
    if let Some(unknown) = records.iter().find(|p| p.critical && !is_known(&p.tag)) {
        return Err(Forbidden::UnknownCritical(unknown.tag.clone()));
    }
    let tagged = |tag: &str| records.iter().filter(|p| p.tag.eq_ignore_ascii_case(tag)).collect::<Vec<_>>();
    // RFC 8659 §4.3: for wildcards, issuewild takes the place of issue where there is any.
    let mut relevant = if issuance.wildcard { tagged("issuewild") } else { Vec::new() };
    if relevant.is_empty() {
        relevant = tagged("issue");
    }
    if relevant.is_empty() {
        return Ok(());
    }
    let mut reason = Forbidden::Issuer;
    for property in relevant {
        // RFC 8659 §4.2: what does not match the grammar names no issuer.
        let Some(value) = IssueValue::parse(&property.value) else { continue };
        match value.authorises(issuance) {
            Ok(()) => return Ok(()),
            Err(Forbidden::Issuer) => {}
            Err(closer) => reason = closer,
        }
    }
    Err(reason)
}

/// Those of RFC 8659 §4 and the others of the registry, which say nothing about certificates for hosts: `issuemail`
/// (RFC 9495) is about mail, `contactemail` and `contactphone` are where to reach somebody.
fn is_known(tag: &str) -> bool {
    ["issue", "issuewild", "iodef", "issuemail", "contactemail", "contactphone"]
        .iter()
        .any(|known| tag.eq_ignore_ascii_case(known))
}

/// The value of an `issue` or `issuewild` property (RFC 8659 §4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueValue<'a> {
    /// `None` names nobody.
    pub issuer: Option<&'a str>,
    pub parameters: Vec<(&'a str, &'a str)>,
}

impl<'a> IssueValue<'a> {
    /// `None` when `value` does not match the grammar:
    ///
    /// ```text
    /// issue-value = *WSP [issuer-domain-name *WSP] [";" *WSP [parameters *WSP]]
    /// parameters  = (parameter *WSP ";" *WSP parameters) / parameter
    /// parameter   = tag *WSP "=" *WSP value
    /// ```
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        let (issuer, parameters) = match text.split_once(';') {
            Some((issuer, parameters)) => (trim(issuer), trim(parameters)),
            None => (trim(text), ""),
        };
        let issuer = match issuer {
            "" => None,
            name => Some(name.split('.').all(is_label).then_some(name)?),
        };
        let parameters = match parameters {
            "" => Vec::new(),
            list => list.split(';').map(parameter).collect::<Option<_>>()?,
        };
        Some(Self { issuer, parameters })
    }

    fn authorises(&self, issuance: &Issuance<'_>) -> Result<(), Forbidden> {
        let named = |issuer: &str| issuance.identities.iter().any(|own| own.eq_ignore_ascii_case(issuer));
        if !self.issuer.is_some_and(named) {
            return Err(Forbidden::Issuer);
        }
        // RFC 8657 §3: given more than once, it cannot be satisfied.
        if !self.values("accounturi").all(|uri| Some(uri) == issuance.account_uri)
            || self.values("accounturi").count() > 1
        {
            return Err(Forbidden::Account);
        }
        // RFC 8657 §4.
        let lists =
            |list: &str| list.split(',').any(|method| Some(method) == issuance.method.map(|m| m.as_str()));
        if !self.values("validationmethods").all(lists) {
            return Err(Forbidden::Method);
        }
        Ok(())
    }

    fn values(&self, tag: &str) -> impl Iterator<Item = &'a str> {
        self.parameters.iter().filter(move |(t, _)| t.eq_ignore_ascii_case(tag)).map(|(_, value)| *value)
    }
}

fn parameter(text: &str) -> Option<(&str, &str)> {
    let (tag, value) = text.split_once('=')?;
    let (tag, value) = (trim(tag), trim(value));
    let is_value = value.bytes().all(|b| matches!(b, 0x21..=0x3a | 0x3c..=0x7e));
    (is_label(tag) && is_value).then_some((tag, value))
}

/// `(ALPHA / DIGIT) *( *("-") (ALPHA / DIGIT))`, for labels and for tags of parameters.
fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}
