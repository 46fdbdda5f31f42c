use std::time::Duration;

use acme::renewal::{CertificateRef, RenewalInfo, RenewalWindow, retry_after};
use acme::{ProblemType, base64url};
use model::Timestamp;
use proptest::prelude::*;

const DAY: i64 = 86_400;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(1_800_000_000 + seconds)
}

#[test]
fn the_example_of_the_rfc_is_read() {
    // RFC 9773 §4.1 and appendix A.
    let id = CertificateRef::parse("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE", "it").unwrap();
    assert_eq!(id.serial, [0x00, 0x87, 0x65, 0x43, 0x21]);
    assert_eq!(id.authority_key_identifier[..4], [0x69, 0x88, 0x5b, 0x6b]);
}

#[test]
fn everything_else_is_malformed() {
    let long = format!("{}.AQ", "A".repeat(120));
    for bad in [
        "", ".", "AQ", "AQ.", ".AQ", "AQ.AQ.AQ", "AQ==.AQ", "AQ.AQ==", "A+/A.AQ", "AQ. AQ",
        // Bits that a decoder would drop: a second text for the same octets.
        "AR.AQ", // 00 01 and ff 80 are 1 and -128 in more octets than DER has.
        "AQ.AAE", "AQ._4A", &long,
    ] {
        let problem = CertificateRef::parse(bad, "`replaces`").unwrap_err();
        assert_eq!((problem.kind, problem.status), (ProblemType::Malformed, 400), "{bad}");
        assert!(problem.detail.contains("replaces"), "{}", problem.detail);
    }
}

#[test]
fn answers_have_the_names_of_the_rfc() {
    let mut info =
        RenewalInfo { suggested_window: RenewalWindow { start: at(0), end: at(60) }, explanation_url: None };
    let window = serde_json::json!({ "start": "2027-01-15T08:00:00Z", "end": "2027-01-15T08:01:00Z" });
    assert_eq!(serde_json::to_value(&info).unwrap(), serde_json::json!({ "suggestedWindow": window }));
    info.explanation_url = Some("https://status.example/1".to_owned());
    let shown = serde_json::to_value(&info).unwrap();
    assert_eq!(shown["explanationURL"], "https://status.example/1");
}

#[test]
fn windows_are_spread_over_an_eighth_of_the_validity() {
    let not_after = at(90 * DAY - 1);
    let first = RenewalWindow::regular(at(0), not_after, 0);
    let last = RenewalWindow::regular(at(0), not_after, u32::MAX);
    assert_eq!(first.start, at(90 * DAY * 15 / 24));
    assert_eq!(last.end, at(90 * DAY * 18 / 24));
    assert_eq!(
        first,
        RenewalWindow::regular(at(0), not_after, 0),
        "the same for every replica at every time"
    );
}

#[test]
fn what_must_be_replaced_has_a_window_in_the_past() {
    let window = RenewalWindow::past(at(0));
    assert!(window.start < window.end && window.end < at(-3000));
}

#[test]
fn clients_come_back_in_time() {
    let hour = Duration::from_secs(3600);
    assert_eq!(retry_after(at(0), at(90 * DAY), false), 6 * hour);
    assert_eq!(retry_after(at(0), at(90 * DAY), true), hour);
    assert_eq!(retry_after(at(0), at(DAY), false), hour / 2);
    assert_eq!(retry_after(at(0), at(300), false), Duration::from_secs(60));
}

proptest! {
    #[test]
    fn a_window_lies_within_the_validity(length in 1i64..4_000_000_000, spread: u32) {
        let (not_before, not_after) = (at(0), at(length));
        let window = RenewalWindow::regular(not_before, not_after, spread);
        prop_assert!(window.start < window.end && window.end <= not_after, "{window:?}");
        prop_assert!(window.start >= not_before);
    }

    #[test]
    fn every_certificate_has_an_id(aki in proptest::collection::vec(any::<u8>(), 1..40), first in 1u8..0x80, rest: [u8; 19]) {
        let serial = [&[first][..], &rest].concat();
        let text = format!("{}.{}", base64url::encode(&aki), base64url::encode(&serial));
        let id = CertificateRef::parse(&text, "it").unwrap();
        prop_assert_eq!(id, CertificateRef { authority_key_identifier: aki, serial });
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,80}") {
        let _ = CertificateRef::parse(&text, "it");
    }
}
