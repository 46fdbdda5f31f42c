//! The names of an order: [`acme::parse_identifiers`], [`model::DnsName`]. Each line of an input is an identifier: its
//! type, a blank, its value.

use acme::{ProblemType, RawIdentifier, parse_identifiers};
use model::{DnsName, Identifier};

use crate::assert_problem;

pub fn check(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let raw: Vec<RawIdentifier> = text
        .lines()
        .map(|line| {
            let (kind, value) = line.split_once(' ').unwrap_or(("dns", line));
            RawIdentifier { r#type: kind.to_owned(), value: value.to_owned() }
        })
        .collect();
    for one in &raw {
        name(&one.value);
    }
    parse(&raw);
}

fn name(text: &str) {
    let Ok(name) = DnsName::parse(text) else {
        assert!(Identifier::parse_any(text).is_ok() == text.parse::<std::net::IpAddr>().is_ok());
        return;
    };
    let canonical = name.as_str();
    assert_eq!(canonical, text.to_ascii_lowercase());
    assert_eq!(name.to_string(), canonical);
    assert_eq!(DnsName::parse(canonical).as_ref(), Ok(&name));
    assert_eq!(DnsName::parse(&text.to_ascii_uppercase()).as_ref(), Ok(&name));
    assert_eq!(Identifier::parse_any(text), Ok(Identifier::Dns(name.clone())));
    assert!(canonical.len() <= 253);
    assert_eq!(name.is_wildcard(), canonical.starts_with("*."));
    assert_eq!(name.base(), canonical.trim_start_matches("*."));
    assert!(DnsName::parse(name.base()).is_ok_and(|base| !base.is_wildcard()));
    for label in name.base().split('.') {
        assert!((1..=63).contains(&label.len()), "{name}");
        assert!(label.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')), "{name}");
    }
    // What clients would dial as an address is no name.
    assert!(name.base().parse::<std::net::IpAddr>().is_err());
}

pub(crate) fn parse(raw: &[RawIdentifier]) {
    match parse_identifiers(raw) {
        Ok(identifiers) => accepted(raw, &identifiers),
        Err(problem) => {
            let documented =
                [ProblemType::Malformed, ProblemType::UnsupportedIdentifier, ProblemType::Compound];
            assert_problem(&problem, &documented);
            for subproblem in &problem.subproblems {
                let identifier = subproblem.identifier.as_ref().expect("it is about an identifier");
                assert!(raw.contains(identifier));
                let alone = parse_identifiers(std::slice::from_ref(identifier)).unwrap_err();
                assert_eq!(alone.kind, subproblem.kind);
                hint(identifier, &subproblem.detail);
            }
        }
    }
}

fn accepted(raw: &[RawIdentifier], identifiers: &[Identifier]) {
    assert!((1..=100).contains(&raw.len()) && (1..=raw.len()).contains(&identifiers.len()));
    let canonical: Vec<RawIdentifier> = identifiers.iter().map(RawIdentifier::from).collect();
    assert_eq!(parse_identifiers(&canonical).as_deref(), Ok(identifiers));
    for (at, identifier) in identifiers.iter().enumerate() {
        assert!(!identifiers[..at].contains(identifier), "{identifier} is there twice");
        assert_eq!(Identifier::parse(identifier.kind(), &identifier.value()).as_ref(), Ok(identifier));
        assert_eq!(Identifier::parse_any(&identifier.value()).as_ref(), Ok(identifier));
    }
    let mut first_occurrences = identifiers.iter();
    let mut next = first_occurrences.next();
    for one in raw {
        let parsed = parse_identifiers(std::slice::from_ref(one)).expect("it is part of what was accepted");
        if next == parsed.first() {
            next = first_occurrences.next();
        }
        assert!(identifiers.contains(&parsed[0]));
    }
    assert_eq!(next, None, "the order of the first occurrences is kept");
}

/// A name that a refusal proposes instead is one that is accepted.
fn hint(identifier: &RawIdentifier, detail: &str) {
    let Some((_, proposed)) = detail.split_once("ASCII form (`xn--…`): `") else { return };
    let proposed = proposed.trim_end_matches(['.', '`']).to_owned();
    let proposed = RawIdentifier { value: proposed, ..identifier.clone() };
    assert!(parse_identifiers(std::slice::from_ref(&proposed)).is_ok(), "proposes {proposed:?}");
}
