//! What CAA records say: [`acme::caa`]. Each line of an input is a record: its flags as a digit, its tag and its value,
//! with a blank between them.

use acme::caa::{Forbidden, Issuance, IssueValue, Property, permits};
use model::ChallengeKind;

const ACCOUNT: &str = "https://ca.example/acme/account/1";

pub fn check(octets: &[u8]) {
    let records: Vec<Property> = octets.split(|octet| *octet == b'\n').filter_map(record).collect();
    for record in &records {
        value(&record.value);
    }
    let identities = ["ca.example".to_owned(), "other.example".to_owned()];
    for wildcard in [false, true] {
        for method in ChallengeKind::ALL.iter().copied().map(Some).chain([None]) {
            judged(
                &records,
                &Issuance { identities: &identities, wildcard, method, account_uri: Some(ACCOUNT) },
            );
        }
    }
}

fn record(line: &[u8]) -> Option<Property> {
    let mut fields = line.splitn(3, |octet| *octet == b' ');
    let (flags, tag, value) = (fields.next()?, fields.next()?, fields.next()?);
    let tag = String::from_utf8(tag.to_vec()).ok()?;
    Some(Property { critical: flags != b"0", tag, value: value.to_vec() })
}

/// RFC 8659 §4.2.
fn value(octets: &[u8]) {
    let Some(value) = IssueValue::parse(octets) else { return };
    let is_label = |label: &str| {
        label.split('-').next().is_some_and(|first| !first.is_empty())
            && label.split('-').next_back().is_some_and(|last| !last.is_empty())
            && label.bytes().all(|b| b == b'-' || b.is_ascii_alphanumeric())
    };
    assert!(value.issuer.is_none_or(|issuer| issuer.split('.').all(is_label)), "{value:?}");
    for (tag, value) in &value.parameters {
        assert!(is_label(tag), "{tag}");
        assert!(value.bytes().all(|b| b.is_ascii_graphic() && b != b';'), "{value}");
    }
    let parameters: String =
        value.parameters.iter().map(|(tag, value)| format!(";\t{tag} = {value} ")).collect();
    let again = format!(" {} {parameters}", value.issuer.unwrap_or_default());
    assert_eq!(IssueValue::parse(again.as_bytes()), Some(value), "{again:?}");
}

fn judged(records: &[Property], issuance: &Issuance<'_>) {
    let permitted = permits(records, issuance).is_ok();
    let property = |critical, tag: &str, value: &str| Property {
        critical,
        tag: tag.to_owned(),
        value: value.as_bytes().to_vec(),
    };
    let with = |more: Property| permits(&[records, &[more]].concat(), issuance);

    // A set has no order.
    let reversed: Vec<Property> = records.iter().rev().cloned().collect();
    assert_eq!(permits(&reversed, issuance).is_ok(), permitted);
    // Tags have no case.
    let upper = records.iter().map(|r| Property { tag: r.tag.to_ascii_uppercase(), ..r.clone() });
    assert_eq!(permits(&upper.collect::<Vec<_>>(), issuance).is_ok(), permitted);

    // RFC 8659 §4.1 and §4.5: the flag decides about what is unknown.
    assert!(matches!(with(property(true, "unheardof", "")), Err(Forbidden::UnknownCritical(_))));
    assert_eq!(with(property(false, "unheardof", "")).is_ok(), permitted);

    let unknown_critical = matches!(permits(records, issuance), Err(Forbidden::UnknownCritical(_)));
    let tag = if issuance.wildcard { "issuewild" } else { "issue" };
    // One record that names us is enough, whatever the others say.
    assert_eq!(with(property(false, tag, "ca.example")).is_ok(), !unknown_critical);
    // It is not when it is for somebody else.
    let other = with(property(false, tag, "ca.example; accounturi=https://ca.example/acme/account/2"));
    assert!(other.is_err() || permitted);
    // Nobody is named by this one: it opens nothing.
    assert!(with(property(false, tag, ";")).is_err() || permitted);

    let relevant = records.iter().any(|record| {
        record.tag.eq_ignore_ascii_case("issue")
            || (issuance.wildcard && record.tag.eq_ignore_ascii_case("issuewild"))
    });
    if !relevant {
        assert_eq!(permitted, !unknown_critical, "only issue and issuewild restrict");
    }
    let nobody = Issuance { identities: &[], ..*issuance };
    assert_eq!(permits(records, &nobody).is_ok(), !relevant && !unknown_critical);
}
