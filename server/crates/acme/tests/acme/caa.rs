use acme::caa::{Forbidden, Issuance, IssueValue, Property, permits};
use model::ChallengeKind;
use proptest::prelude::*;

const ACCOUNT: &str = "https://ca.example/acme/account/acc-1";

fn property(text: &str) -> Property {
    let mut parts = text.splitn(3, ' ');
    let flags: u8 = parts.next().unwrap().parse().unwrap();
    Property {
        critical: flags & 0x80 != 0,
        tag: parts.next().unwrap().to_owned(),
        value: parts.next().unwrap_or_default().as_bytes().to_vec(),
    }
}

fn judge_as(wildcard: bool, method: ChallengeKind, records: &[&str]) -> Result<(), Forbidden> {
    let records: Vec<_> = records.iter().map(|text| property(text)).collect();
    let identities = ["ca.example".to_owned(), "ca2.example".to_owned()];
    permits(
        &records,
        &Issuance { identities: &identities, wildcard, method: Some(method), account_uri: Some(ACCOUNT) },
    )
}

fn judge(records: &[&str]) -> Result<(), Forbidden> {
    judge_as(false, ChallengeKind::Http01, records)
}

#[test]
fn one_record_that_names_us_suffices() {
    for allowed in [
        &[][..],
        &["0 issue ca.example"],
        &["0 ISSUE CA.Example"],
        &["0 issue other.example", "0 issue \t ca2.example \t "],
        &["0 issue ca.example;"],
        &["0 issue ca.example; policy=ev; x-y=1"],
        &["0 iodef mailto:a@example"],
        // Says nothing about names without a wildcard.
        &["0 issuewild other.example"],
        &["128 issue ca.example", "128 iodef x", "128 issuemail ;"],
        // Not critical: only the highest bit counts.
        &["1 future x"],
    ] {
        assert_eq!(judge(allowed), Ok(()), "{allowed:?}");
    }
}

#[test]
fn other_records_forbid() {
    for forbidden in [
        "0 issue",
        "0 issue ;",
        "0 issue other.example",
        "0 issue sub.ca.example",
        "0 issue ca.example.",
        "0 issue .ca.example",
        "0 issue -ca.example",
        "0 issue ca.example policy=ev",
        "0 issue ca.example; policy",
        "0 issue ca.example; a=b;",
        "0 issue ca.example; a=b c",
        "0 issue ca.example; -a=b",
        "0 issue ca.example; a=ö",
        "0 issue %%%%",
    ] {
        assert_eq!(judge(&[forbidden]), Err(Forbidden::Issuer), "{forbidden}");
    }
}

#[test]
fn a_critical_property_must_be_known() {
    assert_eq!(
        judge(&["0 issue ca.example", "128 future x"]),
        Err(Forbidden::UnknownCritical("future".into()))
    );
}

#[test]
fn wildcards_follow_issuewild_where_there_is_any() {
    let wildcard = |records: &[&str]| judge_as(true, ChallengeKind::Dns01, records);
    assert_eq!(wildcard(&["0 issue ca.example"]), Ok(()));
    assert_eq!(wildcard(&["0 issue other.example"]), Err(Forbidden::Issuer));
    assert_eq!(wildcard(&["0 issue ca.example", "0 issuewild ;"]), Err(Forbidden::Issuer));
    assert_eq!(wildcard(&["0 issue ;", "0 issuewild ca.example"]), Ok(()));
    assert_eq!(judge(&["0 issue ;", "0 issuewild ca.example"]), Err(Forbidden::Issuer));
}

#[test]
fn accounts_and_methods_are_bound() {
    let own = format!("0 issue ca.example; accounturi={ACCOUNT}");
    assert_eq!(judge(&[&own]), Ok(()));
    assert_eq!(judge(&["0 issue ca.example; accounturi=https://ca.example/other"]), Err(Forbidden::Account));
    assert_eq!(judge(&["0 issue ca.example; accounturi="]), Err(Forbidden::Account));
    assert_eq!(judge(&[&format!("{own}; accounturi={ACCOUNT}")]), Err(Forbidden::Account));

    assert_eq!(judge(&["0 issue ca.example; validationmethods=dns-01,http-01"]), Ok(()));
    assert_eq!(judge(&["0 issue ca.example; ValidationMethods=http-01"]), Ok(()));
    assert_eq!(judge(&["0 issue ca.example; validationmethods=dns-01"]), Err(Forbidden::Method));
    assert_eq!(judge(&["0 issue ca.example; validationmethods="]), Err(Forbidden::Method));
    let unvalidated = |record: &str| {
        let identities = ["ca.example".to_owned()];
        let issuance =
            Issuance { identities: &identities, wildcard: false, method: None, account_uri: Some(ACCOUNT) };
        permits(&[property(record)], &issuance)
    };
    assert_eq!(unvalidated("0 issue ca.example"), Ok(()));
    assert_eq!(unvalidated("0 issue ca.example; validationmethods=http-01"), Err(Forbidden::Method));
    let twice = "0 issue ca.example; validationmethods=http-01; validationmethods=dns-01";
    assert_eq!(judge(&[twice]), Err(Forbidden::Method));

    // Another record may allow what one does not.
    let either = [twice, "0 issue ca.example; accounturi=x", "0 issue ca2.example"];
    assert_eq!(judge(&either), Ok(()));
}

#[test]
fn values_are_taken_apart() {
    let value = IssueValue::parse(b" ca.example ; a = b;c=:/=~ ").unwrap();
    assert_eq!(value.issuer, Some("ca.example"));
    assert_eq!(value.parameters, [("a", "b"), ("c", ":/=~")]);
    assert_eq!(IssueValue::parse(b""), Some(IssueValue { issuer: None, parameters: Vec::new() }));
    assert_eq!(IssueValue::parse(b"; a=b").unwrap().parameters, [("a", "b")]);
    assert_eq!(IssueValue::parse(b"\xff"), None);
}

proptest! {
    /// Whatever stands in a record, only one that names us lets us issue.
    #[test]
    fn noise_never_authorises(value in proptest::collection::vec(any::<u8>(), 0..80)) {
        let authorised = judge(&["0 issue other.example"]).is_ok();
        prop_assert!(!authorised);
        let identities = ["ca.example".to_owned()];
        let issuance = Issuance { identities: &identities, wildcard: false, method: Some(ChallengeKind::Http01), account_uri: Some(ACCOUNT) };
        let names_us = String::from_utf8_lossy(&value).to_ascii_lowercase().contains("ca.example");
        let record = Property { critical: false, tag: "issue".into(), value };
        prop_assert!(names_us || permits(&[record], &issuance).is_err());
    }
}
