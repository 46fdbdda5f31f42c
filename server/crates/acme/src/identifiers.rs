//! The identifiers of a new order, from what clients write to what a certificate can carry (RFC 8555 §7.1.3 and
//! §7.1.4, RFC 8738 §3).

use std::net::IpAddr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use model::{DnsName, Identifier};

use crate::{Problem, ProblemType, Subproblem};

/// As many as one order may have.
pub const MAX_IDENTIFIERS: usize = 100;

/// An identifier as a client wrote it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RawIdentifier {
    pub r#type: String,
    pub value: String,
}

impl From<&Identifier> for RawIdentifier {
    fn from(identifier: &Identifier) -> Self {
        Self { r#type: identifier.kind().as_str().to_owned(), value: identifier.value() }
    }
}

/// Parses all identifiers of an order. Names come out in lower case and addresses in their canonical text, duplicates
/// once, in the order of their first occurrence.
///
/// # Errors
/// `malformed` when there are none or too many. Otherwise a subproblem for each identifier that cannot be taken:
/// `unsupportedIdentifier` for its type, `malformed` for its value; the whole has their type, or `compound`.
pub fn parse_identifiers(raw: &[RawIdentifier]) -> Result<Vec<Identifier>, Problem> {
    if raw.is_empty() {
        return Err(Problem::malformed("The order has no identifiers."));
    }
    if raw.len() > MAX_IDENTIFIERS {
        return Err(Problem::malformed(format!(
            "The order has {} identifiers; at most {MAX_IDENTIFIERS} are accepted.",
            raw.len()
        )));
    }
    let mut identifiers = Vec::with_capacity(raw.len());
    let mut subproblems = Vec::new();
    for one in raw {
        match parse_identifier(one) {
            Ok(identifier) if identifiers.contains(&identifier) => {}
            Ok(identifier) => identifiers.push(identifier),
            Err(problem) => subproblems.push(Subproblem {
                kind: problem.kind,
                detail: problem.detail,
                identifier: Some(one.clone()),
            }),
        }
    }
    match subproblems.len() {
        0 => Ok(identifiers),
        1 => Err(Problem::from_subproblems("An identifier of the order cannot be accepted.", subproblems)),
        n => Err(Problem::from_subproblems(
            format!("{n} identifiers of the order cannot be accepted."),
            subproblems,
        )),
    }
}

fn parse_identifier(raw: &RawIdentifier) -> Result<Identifier, Problem> {
    match raw.r#type.as_str() {
        "dns" => dns(&raw.value).map(Identifier::Dns).map_err(Problem::malformed),
        "ip" => ip(&raw.value).map(Identifier::Ip).map_err(Problem::malformed),
        _ => Err(Problem::new(
            ProblemType::UnsupportedIdentifier,
            "The identifier types that are supported are `dns` and `ip`.",
        )),
    }
}

fn dns(value: &str) -> Result<DnsName, String> {
    if !value.is_ascii() {
        let (star, base) = value.strip_prefix("*.").map_or(("", value), |base| ("*.", base));
        let proposed = idna::domain_to_ascii_strict(base).map(|ascii| format!("{star}{ascii}"));
        // Some become what is refused in its turn: an address written with other digits, a last label of digits.
        let hint = match proposed {
            Ok(ascii) if dns(&ascii).is_ok() => format!(": `{ascii}`"),
            _ => String::new(),
        };
        return Err(format!("an internationalised name must be sent in its ASCII form (`xn--…`){hint}"));
    }
    let name = DnsName::parse(value)?;
    if name.base().split('.').any(|label| label.starts_with("xn--") && !is_a_label(label)) {
        return Err("a label that starts with `xn--` is not a valid internationalised label".to_owned());
    }
    Ok(name)
}

/// Whether `label` decodes to Unicode and that encodes to `label` again: otherwise two texts would show as one name.
/// The rules are those of UTS #46 without transitional processing, as browsers have them.
fn is_a_label(label: &str) -> bool {
    let uts46 = Uts46::new();
    let (unicode, decoded) = uts46.to_unicode(label.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast);
    decoded.is_ok()
        && !unicode.is_ascii()
        && uts46
            .to_ascii(unicode.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
            .is_ok_and(|ascii| ascii == label)
}

/// RFC 8738 §3 wants the canonical text. Any text that names one address beyond doubt is taken all the same: the order
/// shows the canonical one, as it shows names in lower case.
fn ip(value: &str) -> Result<IpAddr, &'static str> {
    if value.contains('%') {
        return Err("an address with a zone is known on one machine only");
    }
    if value.starts_with('[') {
        return Err("an IPv6 address is written without brackets here");
    }
    match value.parse() {
        // An IPv6 SAN with such an address matches nothing: clients dial, and compare, the IPv4 address.
        Ok(IpAddr::V6(v6)) if v6.to_ipv4_mapped().is_some() => {
            Err("an IPv4 address is written as such, not mapped into IPv6")
        }
        Ok(address) => Ok(address),
        Err(_) => Err("not an IPv4 or IPv6 address"),
    }
}
