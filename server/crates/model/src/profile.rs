use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{ChallengeKind, DnsName, Identifier, IssuerId, ProfileId, Timestamp};

pub use ipnet::IpNet;

words! {
    /// How an order's authorizations come to be valid.
    pub enum AcmeAuthMode {
        /// Authorizations are born valid: whoever may order under the profile gets what the profile permits.
        TrustAuthenticated = "trust_authenticated",
        /// Every authorization takes a challenge (RFC 8555 §8).
        Challenge = "challenge",
    }
}

words! {
    /// What CAA records (RFC 8659) are to a profile.
    pub enum CaaMode {
        /// They are not looked at.
        Off = "off",
        /// They must allow this CA, at the validation and again at the finalization.
        Enforce = "enforce",
    }
}

words! {
    /// Public keys that a leaf may carry.
    pub enum KeyType {
        EcdsaP256 = "ecdsa-p256",
        EcdsaP384 = "ecdsa-p384",
        EcdsaP521 = "ecdsa-p521",
        Ed25519 = "ed25519",
        /// RSA of 2048 to 8192 bits.
        Rsa = "rsa",
    }
}

words! {
    /// Extended key usages (RFC 5280 §4.2.1.12) that a profile may put into a leaf.
    pub enum ExtendedKeyUsage {
        ServerAuth = "server_auth",
        ClientAuth = "client_auth",
    }
}

/// A set of names in a profile's policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamePattern {
    /// `host.example.com`: this name only. `*.example.com` as an exact wildcard is covered by [`Self::OneLabel`].
    Exact(DnsName),
    /// `*.example.com`: names with exactly one label in front of the suffix, the wildcard `*.example.com` included.
    OneLabel(DnsName),
    /// `**.example.com`: names with one or more labels in front of the suffix, wildcards included.
    AnyDepth(DnsName),
    /// `10.0.0.0/8`, `2001:db8::/32` or one address.
    Net(IpNet),
}

/// A name pattern could not be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a name pattern ({reason}); use `host.example.com`, `*.example.com` (one label), `**.example.com` (any depth), an IP address or a range such as `10.0.0.0/8`"
)]
pub struct NamePatternError {
    text: String,
    reason: &'static str,
}

impl NamePattern {
    /// Whether every name that `id` stands for is in this set: a wildcard stands for all names with one more label.
    pub fn covers(&self, id: &Identifier) -> bool {
        match (self, id) {
            (Self::Exact(exact), Identifier::Dns(name)) => exact == name,
            (Self::OneLabel(suffix), Identifier::Dns(name)) => match name.is_wildcard() {
                true => name.base() == suffix.as_str(),
                false => labels_before(name.base(), suffix.as_str()) == Some(1),
            },
            (Self::AnyDepth(suffix), Identifier::Dns(name)) => {
                let depth = labels_before(name.base(), suffix.as_str());
                let least = if name.is_wildcard() { 0 } else { 1 };
                depth.is_some_and(|d| d >= least)
            }
            (Self::Net(net), Identifier::Ip(ip)) => net.contains(ip),
            (Self::Net(_), Identifier::Dns(_)) | (_, Identifier::Ip(_)) => false,
        }
    }

    /// Whether any name that `id` stands for is in this set; an exclusion must catch those too.
    pub fn overlaps(&self, id: &Identifier) -> bool {
        if self.covers(id) {
            return true;
        }
        let Identifier::Dns(name) = id else {
            return false;
        };
        if !name.is_wildcard() {
            return false;
        }
        match self {
            // `*.base` stands for `label.base`: it meets an exact name with one label before `base` …
            Self::Exact(exact) => labels_before(exact.base(), name.base()) == Some(1),
            // … and `**.suffix` where a `label.base` can be, or be under, the suffix.
            Self::AnyDepth(suffix) => labels_before(name.base(), suffix.as_str()).is_some(),
            Self::OneLabel(_) | Self::Net(_) => false,
        }
    }
}

/// How many labels `name` has in front of `suffix`; `None` when it does not end with it. Equal names: 0.
fn labels_before(name: &str, suffix: &str) -> Option<usize> {
    if name == suffix {
        return Some(0);
    }
    let front = name.strip_suffix(suffix)?.strip_suffix('.')?;
    Some(front.split('.').count())
}

impl FromStr for NamePattern {
    type Err = NamePatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |reason| NamePatternError { text: text.chars().take(280).collect(), reason };
        if text.contains('/') {
            return text.parse().map(Self::Net).map_err(|_| fail("not an address range"));
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self::Net(IpNet::from(ip)));
        }
        let (make, name): (fn(DnsName) -> Self, &str) = if let Some(rest) = text.strip_prefix("**.") {
            (Self::AnyDepth, rest)
        } else if let Some(rest) = text.strip_prefix("*.") {
            (Self::OneLabel, rest)
        } else {
            (Self::Exact, text)
        };
        let name = DnsName::parse(name).map_err(fail)?;
        if name.is_wildcard() {
            return Err(fail("`*` stands at a wrong place"));
        }
        Ok(make(name))
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => write!(f, "{name}"),
            Self::OneLabel(name) => write!(f, "*.{name}"),
            Self::AnyDepth(name) => write!(f, "**.{name}"),
            Self::Net(net) => write!(f, "{net}"),
        }
    }
}

impl Serialize for NamePattern {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NamePattern {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What an administrator decides about a profile. Stored as one JSON value, so a new rule needs no migration;
/// `serde(default)` on each optional rule keeps older rows readable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileSpec {
    pub name: String,
    #[serde(default)]
    pub description: String,
    pub issuer_id: IssuerId,
    pub acme_auth_mode: AcmeAuthMode,
    /// Longest validity of a leaf, in seconds.
    pub max_ttl_seconds: u64,
    /// Validity of a leaf whose order asks for none, in seconds; at most `max_ttl_seconds`, which is the default.
    #[serde(default)]
    pub default_ttl_seconds: Option<u64>,
    /// Leaf keys that are accepted; empty: all of [`KeyType`].
    #[serde(default)]
    pub allowed_key_types: Vec<KeyType>,
    /// What goes into the leaf's extended key usage; empty: `server_auth`.
    #[serde(default)]
    pub extended_key_usages: Vec<ExtendedKeyUsage>,
    /// Names that may be ordered; empty: every name.
    #[serde(default)]
    pub permitted_names: Vec<NamePattern>,
    /// Names that may not be ordered, also when permitted.
    #[serde(default)]
    pub excluded_names: Vec<NamePattern>,
    /// Puts the TLS feature `status_request` (RFC 7633) into leaves.
    #[serde(default)]
    pub must_staple: bool,
    /// Networks from which orders are accepted; empty: every network.
    #[serde(default)]
    pub allowed_client_networks: Vec<IpNet>,
    /// Challenges that may show control of an identifier; empty: all of [`ChallengeKind`].
    #[serde(default)]
    pub allowed_challenge_types: Vec<ChallengeKind>,
    #[serde(default = "caa_off")]
    pub caa: CaaMode,
    /// For how many hours after its validation an authorization serves further orders of the same account; 0: for
    /// its own order only.
    #[serde(default)]
    pub reuse_authorizations_hours: u32,
    /// Other profiles that may be chosen in this one's directory (draft-ietf-acme-profiles). Those that do not exist or
    /// are disabled are not offered.
    #[serde(default)]
    pub selectable_profiles: Vec<ProfileId>,
    /// Whether only accounts with an external account binding (RFC 8555 §7.3.4) that covers this profile may order.
    #[serde(default)]
    pub eab_required: bool,
    /// A disabled profile accepts nothing: no directory, no order, no finalization.
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn yes() -> bool {
    true
}

fn caa_off() -> CaaMode {
    CaaMode::Off
}

impl ProfileSpec {
    pub fn allows_challenge(&self, kind: ChallengeKind) -> bool {
        self.allowed_challenge_types.is_empty() || self.allowed_challenge_types.contains(&kind)
    }

    pub fn reuses_authorizations_for(&self) -> Duration {
        Duration::from_secs(u64::from(self.reuse_authorizations_hours) * 3600)
    }

    pub fn accepts_key(&self, key: KeyType) -> bool {
        self.allowed_key_types.is_empty() || self.allowed_key_types.contains(&key)
    }

    pub fn accepts_client(&self, ip: Option<IpAddr>) -> bool {
        self.allowed_client_networks.is_empty()
            || ip.is_some_and(|ip| {
                let ip = ip.to_canonical();
                self.allowed_client_networks.iter().any(|net| net.contains(&ip))
            })
    }

    /// Why `id` may not be ordered; `None` when it may.
    pub fn refusal(&self, id: &Identifier) -> Option<String> {
        if let Some(rule) = self.excluded_names.iter().find(|rule| rule.overlaps(id)) {
            return Some(format!("{id} is excluded by the rule {rule}"));
        }
        if self.permitted_names.is_empty() || self.permitted_names.iter().any(|rule| rule.covers(id)) {
            return None;
        }
        Some(format!("{id} is not among the permitted names"))
    }

    /// Validity in seconds of a leaf whose order asks for none.
    pub fn ttl_seconds(&self) -> u64 {
        self.default_ttl_seconds.unwrap_or(self.max_ttl_seconds)
    }

    pub fn extended_key_usages(&self) -> &[ExtendedKeyUsage] {
        match self.extended_key_usages.is_empty() {
            true => &[ExtendedKeyUsage::ServerAuth],
            false => &self.extended_key_usages,
        }
    }
}

/// A profile as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub id: ProfileId,
    #[serde(flatten)]
    pub spec: ProfileSpec,
    /// Grows by one with every change; the ETag.
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(pattern: &str, id: &str) -> bool {
        pattern.parse::<NamePattern>().unwrap().covers(&Identifier::parse_any(id).unwrap())
    }

    fn overlaps(pattern: &str, id: &str) -> bool {
        pattern.parse::<NamePattern>().unwrap().overlaps(&Identifier::parse_any(id).unwrap())
    }

    #[test]
    fn patterns_cover_what_they_say() {
        assert!(covers("a.example", "A.example"));
        assert!(!covers("a.example", "b.a.example"));
        assert!(covers("*.example", "a.example"));
        assert!(covers("*.example", "*.example"));
        assert!(!covers("*.example", "example"));
        assert!(!covers("*.example", "b.a.example"));
        assert!(!covers("*.example", "*.a.example"));
        assert!(!covers("*.example", "aexample"));
        assert!(covers("**.internal", "hello.internal"));
        assert!(covers("**.internal", "a.b.internal"));
        assert!(covers("**.internal", "*.internal"));
        assert!(covers("**.internal", "*.a.internal"));
        assert!(!covers("**.internal", "internal"));
        assert!(!covers("**.internal", "xinternal"));
        assert!(covers("10.0.0.0/8", "10.1.2.3"));
        assert!(!covers("10.0.0.0/8", "11.1.2.3"));
        assert!(covers("2001:db8::1", "2001:db8:0::1"));
    }

    #[test]
    fn a_wildcard_cannot_reach_an_excluded_name() {
        assert!(overlaps("secret.example", "*.example"));
        assert!(overlaps("*.example", "*.example"));
        assert!(overlaps("**.example", "*.example"));
        assert!(overlaps("**.a.example", "*.a.example"));
        assert!(!overlaps("**.a.example", "*.example"));
        assert!(!overlaps("secret.a.example", "*.example"));
        assert!(!overlaps("secret.example", "other.example"));
    }

    #[test]
    fn malformed_patterns_are_refused() {
        for bad in ["", "***.a", "*.*.a", "**", "a.*.b", "10.0.0.0/99", "a/b", "a_b"] {
            assert!(bad.parse::<NamePattern>().is_err(), "{bad}");
        }
    }
}
