//! What is inside a JWS: every type of [`acme::payload`].

use acme::payload::{
    self, ChallengeResponse, DeactivateAuthorization, Finalize, KeyChange, NewAccount, NewAuthorization,
    NewOrder, RevokeCert, UpdateAccount,
};
use acme::{ProblemType, RawIdentifier, base64url, check_contacts};
use serde_json::Value;

use crate::{assert_problem, identifiers};

pub fn check(octets: &[u8]) {
    // The last of two equal members that we ignore counts; those that we know may not be there twice.
    let seen = Seen(serde_json::from_slice(octets).ok());
    if let Some(sent) = parse::<NewAccount>(octets) {
        seen.texts("contact", sent.contact.as_deref());
        seen.flag("termsOfServiceAgreed", sent.terms_of_service_agreed);
        seen.flag("onlyReturnExisting", sent.only_return_existing);
        contacts(sent.contact.as_deref().unwrap_or_default());
        if let Some(binding) = sent.external_account_binding {
            let text = std::str::from_utf8(octets).expect("JSON is UTF-8");
            assert!(text.contains(binding.get()), "it is echoed as it came");
        }
    }
    if let Some(sent) = parse::<UpdateAccount>(octets) {
        seen.texts("contact", sent.contact.as_deref());
        seen.text("status", sent.status.as_deref());
        seen.flag("termsOfServiceAgreed", sent.terms_of_service_agreed);
        contacts(sent.contact.as_deref().unwrap_or_default());
    }
    if let Some(sent) = parse::<NewOrder>(octets) {
        seen.text("notBefore", sent.not_before.as_deref());
        seen.text("notAfter", sent.not_after.as_deref());
        seen.text("profile", sent.profile.as_deref());
        seen.text("replaces", sent.replaces.as_deref());
        for time in [&sent.not_before, &sent.not_after].into_iter().flatten() {
            timestamp(time);
        }
        identifiers::parse(&sent.identifiers);
    }
    if let Some(sent) = parse::<NewAuthorization>(octets) {
        let RawIdentifier { r#type, value } = &sent.identifier;
        seen.member("identifier", |seen| seen["type"] == **r#type && seen["value"] == **value);
        identifiers::parse(&[sent.identifier]);
    }
    if let Some(sent) = parse::<Finalize>(octets) {
        seen.text("csr", Some(&base64url::encode(sent.csr)));
    }
    if let Some(sent) = parse::<RevokeCert>(octets) {
        seen.text("certificate", Some(&base64url::encode(sent.certificate)));
        seen.member("reason", |seen| seen.as_i64() == sent.reason);
    }
    if let Some(sent) = parse::<KeyChange>(octets) {
        seen.text("account", Some(&sent.account));
        assert!(sent.check(&format!("{}/", sent.account), "").is_err());
        let old_key = acme::Jwk::parse(sent.old_key.get());
        let thumbprint = old_key.as_ref().map_or_else(|_| String::new(), acme::Jwk::thumbprint);
        assert_eq!(sent.check(&sent.account, &thumbprint).is_ok(), old_key.is_ok());
    }
    if let Some(sent) = parse::<DeactivateAuthorization>(octets) {
        seen.text("status", sent.status.as_deref());
    }
    if parse::<ChallengeResponse>(octets).is_some() {
        seen.is_object();
    }
}

fn parse<T: serde::de::DeserializeOwned>(octets: &[u8]) -> Option<T> {
    match payload::parse(octets) {
        Ok(sent) => Some(sent),
        Err(problem) => {
            assert_problem(&problem, &[ProblemType::Malformed]);
            None
        }
    }
}

/// The same text by another reader; `None` when that refuses it for what is in members that we ignore.
struct Seen(Option<Value>);

impl Seen {
    /// `null` counts as absent.
    fn member(&self, name: &str, as_expected: impl FnOnce(&Value) -> bool) {
        if let Some(seen) = &self.0 {
            assert!(as_expected(&seen[name]), "`{name}` in {seen}");
        }
    }

    fn text(&self, name: &str, text: Option<&str>) {
        self.member(name, |seen| seen.as_str() == text);
    }

    fn flag(&self, name: &str, flag: Option<bool>) {
        self.member(name, |seen| seen.as_bool() == flag);
    }

    fn texts(&self, name: &str, texts: Option<&[String]>) {
        self.member(name, |seen| match (seen.as_array(), texts) {
            (Some(seen), Some(texts)) => seen.iter().map(Value::as_str).eq(texts.iter().map(|t| Some(&**t))),
            (seen, texts) => seen.is_none() && texts.is_none(),
        });
    }

    fn is_object(&self) {
        if let Some(seen) = &self.0 {
            assert!(seen.is_object(), "{seen}");
        }
    }
}

/// An accepted contact is one address that can stand in a mail's header.
fn contacts(contacts: &[String]) {
    match check_contacts(contacts) {
        Ok(()) => {
            assert!(contacts.len() <= 10);
            for contact in contacts {
                let address = contact.get(7..).expect("it begins with `mailto:`");
                assert!(contact.is_char_boundary(7) && contact[..7].eq_ignore_ascii_case("mailto:"));
                assert!(
                    !address
                        .contains(|c: char| c.is_control() || c.is_whitespace() || "<>\",;:?".contains(c))
                );
                for escaped in ["%00", "%0a", "%0d", "%20", "%22", "%2c", "%3a", "%3b", "%3c", "%3e"] {
                    assert!(!address.to_ascii_lowercase().contains(escaped), "{contact}");
                }
            }
        }
        Err(problem) => {
            assert_problem(&problem, &[ProblemType::InvalidContact, ProblemType::UnsupportedContact]);
        }
    }
}

fn timestamp(text: &str) {
    if let Some(time) = model::Timestamp::parse_rfc3339(text) {
        assert_eq!(model::Timestamp::parse_rfc3339(&time.to_rfc3339()), Some(time), "{text}");
    }
}
