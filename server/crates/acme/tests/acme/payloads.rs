use acme::payload::{
    self, ChallengeResponse, DeactivateAuthorization, Finalize, KeyChange, NewAccount, NewOrder, RevokeCert,
    UpdateAccount,
};
use acme::{Algorithm, Jwk, Problem, ProblemType};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::keys::TestKey;

fn parse<T: DeserializeOwned>(payload: &str) -> Result<T, Problem> {
    payload::parse(payload.as_bytes())
}

fn malformed<T: DeserializeOwned>(payload: &str) {
    let problem = parse::<T>(payload).err().expect(payload);
    assert_eq!((problem.kind, problem.status), (ProblemType::Malformed, 400), "{payload}");
}

#[test]
fn row_5_unknown_members_are_ignored() {
    let account: NewAccount =
        parse(r#"{"contact":null,"x":{"contact":5},"onlyReturnExisting":true}"#).unwrap();
    assert_eq!(account.contact, None);
    assert_eq!(account.only_return_existing, Some(true));
    assert_eq!(account.terms_of_service_agreed, None);
}

#[test]
fn row_50_a_payload_that_is_no_object_is_malformed() {
    for payload in
        ["", " ", "null", "[]", "[[\"mailto:a@example.com\"]]", "5", "\"x\"", "{", "{}x", "{]", "\u{feff}{}"]
    {
        malformed::<NewAccount>(payload);
        malformed::<UpdateAccount>(payload);
        malformed::<NewOrder>(payload);
        malformed::<Finalize>(payload);
        malformed::<RevokeCert>(payload);
        malformed::<KeyChange>(payload);
        malformed::<DeactivateAuthorization>(payload);
        malformed::<ChallengeResponse>(payload);
    }
    assert!(payload::parse::<NewAccount>(b"{\"contact\":[\"\xff\"]}").is_err());
}

#[test]
fn row_50_wrong_types_and_repeated_members_are_malformed() {
    malformed::<NewAccount>(r#"{"contact":"mailto:a@example.com"}"#);
    malformed::<NewAccount>(r#"{"contact":[5]}"#);
    malformed::<NewAccount>(r#"{"termsOfServiceAgreed":"yes"}"#);
    malformed::<NewAccount>(r#"{"contact":[],"contact":[]}"#);
}

#[test]
fn row_64_an_account_binding_is_kept_as_it_came() {
    let text = r#"{ "protected":"e30",  "b":1,"a":2 }"#;
    let account: NewAccount = parse(&format!(r#"{{"externalAccountBinding":{text}}}"#)).unwrap();
    assert_eq!(account.external_account_binding.unwrap().get(), text);
}

#[test]
fn row_68_only_deactivated_is_a_status_to_act_on() {
    for (status, acts) in
        [("deactivated", true), ("valid", false), ("revoked", false), ("Deactivated", false)]
    {
        let text = json!({"status": status}).to_string();
        assert_eq!(parse::<UpdateAccount>(&text).unwrap().deactivates(), acts, "{status}");
        assert_eq!(parse::<DeactivateAuthorization>(&text).unwrap().deactivates(), acts, "{status}");
    }
    assert!(!parse::<UpdateAccount>("{}").unwrap().deactivates());
}

#[test]
fn row_73_account_and_old_key_must_match() {
    let key = TestKey::generate(Algorithm::ES256).jwk();
    let thumbprint = Jwk::parse(&key.to_string()).unwrap().thumbprint();
    let change = |account: &str, old_key| {
        let payload = json!({"account": account, "oldKey": old_key}).to_string();
        parse::<KeyChange>(&payload).unwrap().check("https://ca.example/acme/account/1", &thumbprint)
    };
    assert!(change("https://ca.example/acme/account/1", key.clone()).is_ok());
    let other = TestKey::generate(Algorithm::ES256).jwk();
    for (account, old_key) in [
        ("https://ca.example/acme/account/2", key),
        ("https://ca.example/acme/account/1", other),
        ("https://ca.example/acme/account/1", json!({})),
        ("https://ca.example/acme/account/1", json!(5)),
    ] {
        assert_eq!(change(account, old_key).unwrap_err().kind, ProblemType::Malformed);
    }
    malformed::<KeyChange>(r#"{"account":"x"}"#);
    malformed::<KeyChange>(r#"{"oldKey":{}}"#);
}

#[test]
fn row_76_a_new_order_has_all_its_members() {
    let order: NewOrder = parse(
        r#"{"identifiers":[{"type":"dns","value":"a.example"}],"notBefore":"2026-01-01T00:00:00Z",
            "notAfter":"2026-02-01T00:00:00Z","profile":"short","replaces":"a.b"}"#,
    )
    .unwrap();
    assert_eq!(order.identifiers[0].value, "a.example");
    assert_eq!(order.not_before.as_deref(), Some("2026-01-01T00:00:00Z"));
    assert_eq!(order.not_after.as_deref(), Some("2026-02-01T00:00:00Z"));
    assert_eq!(order.profile.as_deref(), Some("short"));
    assert_eq!(order.replaces.as_deref(), Some("a.b"));
}

#[test]
fn row_77_identifiers_of_a_wrong_type_are_malformed() {
    malformed::<NewOrder>(r#"{"identifiers":"a.example"}"#);
    malformed::<NewOrder>(r#"{"identifiers":["a.example"]}"#);
    malformed::<NewOrder>(r#"{"identifiers":[{"type":"dns"}]}"#);
    malformed::<NewOrder>(r#"{"identifiers":[{"type":"dns","value":5}]}"#);
    assert!(parse::<NewOrder>("{}").unwrap().identifiers.is_empty());
}

#[test]
fn row_112_a_csr_that_is_missing_or_not_base64url_is_malformed() {
    assert_eq!(parse::<Finalize>(r#"{"csr":"MAA"}"#).unwrap().csr, [0x30, 0x00]);
    for payload in ["{}", r#"{"csr":null}"#, r#"{"csr":5}"#, r#"{"csr":"MAA="}"#, r#"{"csr":"+/"}"#] {
        malformed::<Finalize>(payload);
    }
    malformed::<Finalize>(r#"{"csr":"-----BEGIN CERTIFICATE REQUEST-----"}"#);
}

#[test]
fn row_126_a_reason_is_a_number_or_absent() {
    assert_eq!(parse::<RevokeCert>(r#"{"certificate":"MAA","reason":99}"#).unwrap().reason, Some(99));
    assert_eq!(parse::<RevokeCert>(r#"{"certificate":"MAA"}"#).unwrap().reason, None);
    malformed::<RevokeCert>(r#"{"certificate":"MAA","reason":"keyCompromise"}"#);
    malformed::<RevokeCert>(r#"{"certificate":"MAA","reason":1.5}"#);
    malformed::<RevokeCert>(r#"{"certificate":"M=","reason":1}"#);
}

#[test]
fn a_payload_is_utf8_in_members_that_are_ignored_too() {
    for payload in [&b"{\"contact\":[\"\xdf\"]}"[..], b"{\"unknown\":\"\xdf\"}"] {
        let problem = payload::parse::<NewAccount>(payload).unwrap_err();
        assert_eq!(problem.kind, ProblemType::Malformed);
    }
}
