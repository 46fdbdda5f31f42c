//! Which names a profile permits: [`model::NamePattern`]. The first line of an input is a pattern, every further one an
//! identifier.

use model::{DnsName, Identifier, NamePattern};

pub fn check(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let mut lines = text.lines();
    let Some(first) = lines.next() else { return };
    let pattern: NamePattern = match first.parse() {
        Ok(pattern) => pattern,
        Err(refusal) => return assert!(refusal.to_string().len() <= 2048),
    };
    let canonical = pattern.to_string();
    assert_eq!(canonical.parse().as_ref(), Ok(&pattern));
    assert_eq!(serde_json::from_value(serde_json::json!(canonical)).ok().as_ref(), Some(&pattern));

    let own = canonical.trim_start_matches("*.").trim_start_matches("**.");
    for line in lines.chain([own, &format!("a.{own}"), &format!("*.{own}"), &format!("b.a.{own}")]) {
        if let Ok(identifier) = Identifier::parse_any(line) {
            judged(&pattern, &canonical, &identifier);
        }
    }
}

fn judged(pattern: &NamePattern, text: &str, identifier: &Identifier) {
    let (covers, overlaps) = (pattern.covers(identifier), pattern.overlaps(identifier));
    assert!(overlaps || !covers, "{text} covers but does not meet {identifier}");
    let Identifier::Dns(name) = identifier else {
        assert_eq!(covers, overlaps);
        return;
    };
    if !name.is_wildcard() {
        assert_eq!(covers, overlaps, "{text} and {identifier}");
        assert_eq!(covers, expected(text, name.as_str()), "{text} and {identifier}");
        return;
    }
    // A wildcard stands for the names with one label more. The labels of the pattern are those that could matter.
    let labels = text.split('.').filter(|label| !label.contains('*')).chain(["x", "zz-9"]);
    for name in labels.filter_map(|label| DnsName::parse(&format!("{label}.{}", name.base())).ok()) {
        let one = Identifier::Dns(name);
        assert!(pattern.covers(&one) || !covers, "{text} covers {identifier}, but not {one}");
        assert!(!pattern.covers(&one) || overlaps, "{text} covers {one}, but does not meet {identifier}");
    }
}

/// What the documentation says of a name without wildcard.
fn expected(pattern: &str, name: &str) -> bool {
    let in_front = |suffix: &str| name.strip_suffix(suffix)?.strip_suffix('.').map(str::to_owned);
    if let Some(suffix) = pattern.strip_prefix("**.") {
        in_front(suffix).is_some_and(|front| !front.is_empty())
    } else if let Some(suffix) = pattern.strip_prefix("*.") {
        in_front(suffix).is_some_and(|front| !front.is_empty() && !front.contains('.'))
    } else {
        pattern == name
    }
}
