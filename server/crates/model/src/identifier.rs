use std::fmt;
use std::net::IpAddr;

words! {
    /// The identifier types that an order may name (RFC 8555 §9.7.7, RFC 8738).
    pub enum IdentifierKind {
        Dns = "dns",
        Ip = "ip",
    }
}

/// A DNS name in lower case, with or without a leading `*.`; at most 253 characters, labels of letters, digits
/// and hyphens.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DnsName(String);

impl DnsName {
    /// Lower-cases and checks `text`; the error says what is wrong with it. Does not check whether an `xn--`
    /// label decodes: that takes tables which the `acme` crate has.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let name = text.to_ascii_lowercase();
        let base = name.strip_prefix("*.").unwrap_or(&name);
        if base.is_empty() {
            return Err("the name is empty");
        }
        if name.len() > 253 {
            return Err("the name is longer than 253 characters");
        }
        if base.contains('*') {
            return Err("`*` may only stand alone as the leftmost label");
        }
        if base.parse::<IpAddr>().is_ok() {
            return Err("an IP address is not a DNS name; use the identifier type `ip`");
        }
        if base.ends_with('.') {
            return Err("the name ends with a dot");
        }
        for label in base.split('.') {
            if label.is_empty() {
                return Err("the name has an empty label");
            }
            if label.len() > 63 {
                return Err("a label is longer than 63 characters");
            }
            if !label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
                return Err("a label has a character other than letters, digits and hyphens");
            }
            if label.starts_with('-') || label.ends_with('-') {
                return Err("a label starts or ends with a hyphen");
            }
        }
        if base.rsplit('.').next().is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit())) {
            return Err("the last label is only digits");
        }
        Ok(Self(name))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }

    /// The name without `*.`.
    pub fn base(&self) -> &str {
        self.0.strip_prefix("*.").unwrap_or(&self.0)
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a certificate is for: a DNS name or an IP address.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Identifier {
    Dns(DnsName),
    Ip(IpAddr),
}

impl Identifier {
    pub fn kind(&self) -> IdentifierKind {
        match self {
            Self::Dns(_) => IdentifierKind::Dns,
            Self::Ip(_) => IdentifierKind::Ip,
        }
    }

    /// The canonical text: lower case for names, the text form of RFC 5952 for IPv6.
    pub fn value(&self) -> String {
        match self {
            Self::Dns(name) => name.as_str().to_owned(),
            Self::Ip(ip) => ip.to_string(),
        }
    }

    pub fn is_wildcard(&self) -> bool {
        matches!(self, Self::Dns(name) if name.is_wildcard())
    }

    /// Parses a stored or displayed value of the given type.
    pub fn parse(kind: IdentifierKind, value: &str) -> Result<Self, &'static str> {
        match kind {
            IdentifierKind::Dns => DnsName::parse(value).map(Self::Dns),
            IdentifierKind::Ip => value.parse().map(Self::Ip).map_err(|_| "not an IPv4 or IPv6 address"),
        }
    }

    /// Parses text that names either type, as a person writes it.
    pub fn parse_any(value: &str) -> Result<Self, &'static str> {
        match value.parse::<IpAddr>() {
            Ok(ip) => Ok(Self::Ip(ip)),
            Err(_) => DnsName::parse(value).map(Self::Dns),
        }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name.as_str()),
            Self::Ip(ip) => ip.fmt(f),
        }
    }
}

/// The wire form of RFC 8555 §7.1.3: `{"type":"dns","value":"example.com"}`.
impl serde::Serialize for Identifier {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut out = s.serialize_struct("Identifier", 2)?;
        out.serialize_field("type", self.kind().as_str())?;
        out.serialize_field("value", &self.value())?;
        out.end()
    }
}

impl<'de> serde::Deserialize<'de> for Identifier {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Wire {
            r#type: IdentifierKind,
            value: String,
        }
        let wire = Wire::deserialize(d)?;
        Self::parse(wire.r#type, &wire.value).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lowered_and_checked() {
        assert_eq!(DnsName::parse("WWW.Example.com").unwrap().as_str(), "www.example.com");
        assert_eq!(DnsName::parse("*.a.b").unwrap().base(), "a.b");
        assert!(DnsName::parse("localhost").is_ok());
        for bad in [
            "",
            "*",
            "*.",
            "a.*.b",
            "*.*.b",
            "*a.b",
            "a..b",
            ".a",
            "a.",
            "-a.b",
            "a-.b",
            "a_b.c",
            "a b",
            "a:80",
            "u@a",
            "10.0.0.1",
            "::1",
            "a.1",
            &"a".repeat(64),
            &"a.".repeat(127),
        ] {
            assert!(DnsName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ip_identifiers_have_one_canonical_text() {
        let id = Identifier::parse(IdentifierKind::Ip, "2001:DB8:0:0::1").unwrap();
        assert_eq!(id.value(), "2001:db8::1");
        assert!(Identifier::parse(IdentifierKind::Ip, "010.0.0.1").is_err());
    }
}
