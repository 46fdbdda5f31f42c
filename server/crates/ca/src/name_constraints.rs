//! What a CA's certificate lets it certify (RFC 5280 §4.2.1.10).

use std::net::IpAddr;

use model::{DnsName, Identifier};
use x509_parser::certificate::X509Certificate;

use crate::der::{self, NotDer, Reader, oid};
use crate::signer::CaError;

/// The nameConstraints of one CA certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameConstraints {
    /// Whose certificate has them, for people.
    ca: String,
    permitted: Vec<Subtree>,
    excluded: Vec<Subtree>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Subtree {
    /// In lower case. `example.com` holds itself and everything below; `.example.com`, which RFC 5280 does not define
    /// for DNS names but verifiers know, only what is below. Empty: every name.
    Dns(String),
    /// Address and mask, of the same length.
    Ip(Vec<u8>, Vec<u8>),
    Directory,
    /// Mail addresses and URIs, which leaves do not have.
    Other,
}

impl NameConstraints {
    /// Those of `certificate`, if it has any. What cannot be read is refused, not passed over: relying parties would
    /// refuse every leaf.
    pub(crate) fn of(certificate: &X509Certificate<'_>) -> Result<Option<Self>, CaError> {
        let ca = certificate.subject().to_string();
        let mut found = certificate
            .extensions()
            .iter()
            .filter(|extension| extension.oid.as_bytes() == oid::NAME_CONSTRAINTS)
            .map(|extension| extension.value);
        match (found.next(), found.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => match parse(value) {
                Ok((permitted, excluded)) => Ok(Some(Self { ca, permitted, excluded })),
                Err(NotDer) => Err(CaError::MalformedExtensions { subject: ca }),
            },
            (Some(_), Some(_)) => Err(CaError::MalformedExtensions { subject: ca }),
        }
    }

    /// Why `identifier` may not be certified; `None` when it may.
    pub(crate) fn refusal(&self, identifier: &Identifier) -> Option<String> {
        if self.excluded.iter().any(|subtree| subtree.overlaps(identifier)) {
            return Some(format!("the nameConstraints of the CA {} exclude {identifier}", self.ca));
        }
        // Names of a form that no permitted subtree has are not restricted.
        let mut same_form =
            self.permitted.iter().filter(|subtree| subtree.has_form_of(identifier)).peekable();
        if same_form.peek().is_none() || same_form.any(|subtree| subtree.covers(identifier)) {
            return None;
        }
        Some(format!("the nameConstraints of the CA {} do not permit {identifier}", self.ca))
    }

    /// Whether a leaf may have a subject. A common name alone is in no directory subtree of an organisation, and an
    /// empty subject is not compared at all.
    pub(crate) fn allow_a_subject(&self) -> bool {
        !self.permitted.contains(&Subtree::Directory) && !self.excluded.contains(&Subtree::Directory)
    }
}

impl Subtree {
    fn has_form_of(&self, identifier: &Identifier) -> bool {
        match (self, identifier) {
            (Self::Dns(_), Identifier::Dns(_)) => true,
            (Self::Ip(address, _), Identifier::Ip(ip)) => address.len() == octets(*ip).len(),
            _ => false,
        }
    }

    /// Whether every name that `identifier` stands for is in this subtree.
    fn covers(&self, identifier: &Identifier) -> bool {
        match (self, identifier) {
            (Self::Dns(base), Identifier::Dns(name)) => match base.strip_prefix('.') {
                // Every name that a wildcard stands for has one label more than its base.
                Some(base) if name.is_wildcard() => is_within(name.base(), base),
                Some(base) => name.as_str() != base && is_within(name.as_str(), base),
                None => is_within(name.base(), base),
            },
            (Self::Ip(address, mask), Identifier::Ip(ip)) => {
                let ip = octets(*ip);
                ip.len() == address.len()
                    && ip
                        .iter()
                        .zip(address)
                        .zip(mask)
                        .all(|((ip, address), mask)| ip & mask == address & mask)
            }
            _ => false,
        }
    }

    /// Whether any name that `identifier` stands for is in this subtree.
    fn overlaps(&self, identifier: &Identifier) -> bool {
        let reaches = |base: &str, name: &DnsName| {
            name.is_wildcard()
                && base.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == name.base())
        };
        match (self, identifier) {
            (Self::Dns(base), Identifier::Dns(name)) => self.covers(identifier) || reaches(base, name),
            _ => self.covers(identifier),
        }
    }
}

/// Whether `name` is `base` or below it.
fn is_within(name: &str, base: &str) -> bool {
    base.is_empty() || name == base || name.strip_suffix(base).is_some_and(|front| front.ends_with('.'))
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

/// NameConstraints ::= SEQUENCE { permittedSubtrees [0] GeneralSubtrees OPTIONAL, excludedSubtrees [1] … OPTIONAL }
fn parse(value: &[u8]) -> Result<(Vec<Subtree>, Vec<Subtree>), NotDer> {
    let mut fields = Reader::new(Reader::only(value, der::SEQUENCE)?);
    let permitted = fields.optional(der::context_constructed(0))?.map_or(Ok(Vec::new()), subtrees)?;
    let excluded = fields.optional(der::context_constructed(1))?.map_or(Ok(Vec::new()), subtrees)?;
    fields.finish()?;
    Ok((permitted, excluded))
}

fn subtrees(content: &[u8]) -> Result<Vec<Subtree>, NotDer> {
    let mut reader = Reader::new(content);
    let mut found = Vec::new();
    while !reader.is_empty() {
        // What follows the base, minimum and maximum, has no use in this profile of X.509.
        let base = reader.sequence()?.element()?;
        found.push(match base.tag {
            tag if tag == der::context(2) => {
                let name = std::str::from_utf8(base.content).map_err(|_| NotDer)?;
                Subtree::Dns(name.trim_end_matches('.').to_ascii_lowercase())
            }
            tag if tag == der::context(7) => {
                let (address, mask) = match base.content.len() {
                    8 | 32 => base.content.split_at(base.content.len() / 2),
                    _ => return Err(NotDer),
                };
                Subtree::Ip(address.to_vec(), mask.to_vec())
            }
            tag if tag == der::context_constructed(4) => Subtree::Directory,
            _ => Subtree::Other,
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dns(base: &str) -> Subtree {
        Subtree::Dns(base.to_owned())
    }

    fn ip(address: &[u8], mask: &[u8]) -> Subtree {
        Subtree::Ip(address.to_vec(), mask.to_vec())
    }

    fn constraints(permitted: Vec<Subtree>, excluded: Vec<Subtree>) -> NameConstraints {
        NameConstraints { ca: "CN=Test".to_owned(), permitted, excluded }
    }

    fn allows(constraints: &NameConstraints, name: &str) -> bool {
        constraints.refusal(&Identifier::parse_any(name).unwrap()).is_none()
    }

    #[test]
    fn permitted_names_are_a_subtree() {
        let only = constraints(vec![dns("corp.example"), dns(".below.example")], vec![]);
        for good in
            ["corp.example", "a.corp.example", "a.b.corp.example", "*.corp.example", "a.below.example"]
        {
            assert!(allows(&only, good), "{good}");
        }
        assert!(allows(&only, "*.below.example"));
        for bad in ["example", "xcorp.example", "*.example", "below.example", "corp.example.org"] {
            assert!(!allows(&only, bad), "{bad}");
        }
        // A form without a permitted subtree is free.
        assert!(allows(&only, "10.0.0.1") && allows(&only, "::1"));
        assert!(allows(&constraints(vec![dns("")], vec![]), "any.example"));
    }

    #[test]
    fn excluded_names_win_and_wildcards_cannot_reach_them() {
        let some = constraints(vec![dns("example")], vec![dns("secret.example"), dns(".deep.example")]);
        for good in ["a.example", "deep.example", "*.other.example", "example"] {
            assert!(allows(&some, good), "{good}");
        }
        for bad in ["secret.example", "a.secret.example", "*.secret.example", "*.example", "a.deep.example"] {
            assert!(!allows(&some, bad), "{bad}");
        }
        assert!(!allows(&constraints(vec![], vec![dns("")]), "a.example"));
    }

    #[test]
    fn addresses_are_compared_under_their_mask() {
        let some = constraints(
            vec![ip(&[10, 0, 0, 0], &[255, 0, 0, 0]), ip(&[0xfd; 16], &[0xff; 16])],
            vec![ip(&[10, 1, 0, 0], &[255, 255, 0, 0])],
        );
        assert!(allows(&some, "10.2.3.4"));
        assert!(!allows(&some, "10.1.3.4") && !allows(&some, "11.0.0.1") && !allows(&some, "::1"));
        // Without a permitted range of IPv6, its addresses are another form.
        assert!(allows(&constraints(vec![ip(&[10, 0, 0, 0], &[255, 0, 0, 0])], vec![]), "::1"));
    }

    #[test]
    fn a_directory_subtree_leaves_no_room_for_a_common_name() {
        assert!(constraints(vec![dns("example")], vec![]).allow_a_subject());
        assert!(!constraints(vec![Subtree::Directory], vec![]).allow_a_subject());
        assert!(!constraints(vec![], vec![Subtree::Directory]).allow_a_subject());
    }

    #[test]
    fn the_encoding_is_read_or_refused() {
        let permitted = [0x30, 0x0a, 0xa0, 0x08, 0x30, 0x06, 0x82, 0x04, b'A', b'.', b'b', b'c'];
        assert_eq!(parse(&permitted), Ok((vec![dns("a.bc")], vec![])));
        let excluded = [0x30, 0x0e, 0xa1, 0x0c, 0x30, 0x0a, 0x87, 0x08, 10, 0, 0, 0, 255, 0, 0, 0];
        assert_eq!(parse(&excluded), Ok((vec![], vec![ip(&[10, 0, 0, 0], &[255, 0, 0, 0])])));
        for length in 0..permitted.len() {
            assert_eq!(parse(&permitted[..length]), Err(NotDer), "{length}");
        }
        let odd_address = [0x30, 0x09, 0xa0, 0x07, 0x30, 0x05, 0x87, 0x03, 1, 2, 3];
        assert_eq!(parse(&odd_address), Err(NotDer));
        let trailing = [0x30, 0x02, 0xa2, 0x00];
        assert_eq!(parse(&trailing), Err(NotDer));
    }
}
