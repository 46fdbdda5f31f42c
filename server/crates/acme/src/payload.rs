//! What clients send inside the JWS. Members that we do not know are ignored (RFC 8555 §7.3), `null` counts as
//! absent, and a known member that occurs twice is refused.

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _};
use serde_json::value::RawValue;

use crate::{Jwk, Problem, RawIdentifier, base64url, json};

/// Parses the payload of a request that writes.
///
/// # Errors
/// `malformed` when it is not a JSON object or a member is missing or of the wrong type.
pub fn parse<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Problem> {
    // Derived code takes an array for a struct too.
    if payload.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::malformed("The payload of this request must be a JSON object."));
    }
    // RFC 8259 §8.1. serde would look at the octets of those strings only that it hands over.
    let text = std::str::from_utf8(payload)
        .map_err(|_| Problem::malformed("The payload of this request is not UTF-8, as JSON must be."))?;
    serde_json::from_str(text).map_err(|error| json::not_understood("the payload", &error))
}

/// RFC 8555 §7.3.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewAccount {
    pub contact: Option<Vec<String>>,
    pub terms_of_service_agreed: Option<bool>,
    pub only_return_existing: Option<bool>,
    /// A JWS of its own (RFC 8555 §7.3.4), to be echoed as it came.
    pub external_account_binding: Option<Box<RawValue>>,
}

/// RFC 8555 §7.3.2 and §7.3.6.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateAccount {
    pub contact: Option<Vec<String>>,
    pub status: Option<String>,
    /// Not in the RFC, which leaves open how an account agrees to changed terms (§7.3.3).
    pub terms_of_service_agreed: Option<bool>,
}

impl UpdateAccount {
    /// Every other status is ignored (RFC 8555 §7.3.2).
    pub fn deactivates(&self) -> bool {
        self.status.as_deref() == Some("deactivated")
    }
}

/// RFC 8555 §7.4; `profile` from draft-ietf-acme-profiles, `replaces` from RFC 9773 §5.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewOrder {
    /// Absent is as good as empty, which [`crate::parse_identifiers`] refuses.
    #[serde(default)]
    pub identifiers: Vec<RawIdentifier>,
    pub not_before: Option<String>,
    pub not_after: Option<String>,
    pub profile: Option<String>,
    pub replaces: Option<String>,
}

/// newAuthz (RFC 8555 §7.4.1).
#[derive(Debug, Clone, serde::Deserialize)]
pub struct NewAuthorization {
    pub identifier: RawIdentifier,
}

/// RFC 8555 §7.4.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Finalize {
    /// PKCS#10 in DER, not looked at yet.
    #[serde(deserialize_with = "der")]
    pub csr: Vec<u8>,
}

/// RFC 8555 §7.6.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct RevokeCert {
    /// In DER, not looked at yet.
    #[serde(deserialize_with = "der")]
    pub certificate: Vec<u8>,
    /// A CRLReason, not looked at yet.
    pub reason: Option<i64>,
}

/// The payload of the inner JWS of a key change (RFC 8555 §7.3.5).
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyChange {
    pub account: String,
    /// A JWK.
    pub old_key: Box<RawValue>,
}

impl KeyChange {
    /// Checks that the new key's owner means this account with the key that it has: `account_url` is the `kid` of the
    /// outer JWS, `thumbprint` that of the account's present key.
    ///
    /// # Errors
    /// `malformed` when it names another account or another key.
    pub fn check(&self, account_url: &str, thumbprint: &str) -> Result<(), Problem> {
        if self.account != account_url {
            return Err(Problem::malformed("`account` in the inner JWS is not the `kid` of the outer one."));
        }
        match Jwk::parse(self.old_key.get()) {
            Ok(old) if old.thumbprint() == thumbprint => Ok(()),
            _ => Err(Problem::malformed("`oldKey` in the inner JWS is not the account's key.")),
        }
    }
}

/// RFC 8555 §7.5.2.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct DeactivateAuthorization {
    pub status: Option<String>,
}

impl DeactivateAuthorization {
    pub fn deactivates(&self) -> bool {
        self.status.as_deref() == Some("deactivated")
    }
}

/// The client is ready for a challenge (RFC 8555 §7.5.1). The known challenges need nothing from it.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct ChallengeResponse {}

fn der<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(d)?;
    base64url::decode(&text, "the DER").map_err(|problem| D::Error::custom(problem.detail))
}
