//! The bodies of answers (RFC 8555 §7.1). Times have whole seconds in UTC, URLs are absolute.

use std::collections::BTreeMap;

use model::{
    AccountStatus, AuthorizationStatus, ChallengeKind, Identifier, OrderStatus, StoredProblem, Timestamp,
};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::ChallengeStatus;

/// RFC 8555 §7.1.1.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Directory {
    pub new_nonce: String,
    pub new_account: String,
    pub new_order: String,
    pub new_authz: String,
    pub revoke_cert: String,
    pub key_change: String,
    /// RFC 9773 §3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renewal_info: Option<String>,
    #[serde(skip_serializing_if = "DirectoryMeta::is_empty")]
    pub meta: DirectoryMeta,
}

/// RFC 8555 §9.7.6.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryMeta {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms_of_service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caa_identities: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_account_required: Option<bool>,
    /// Names with descriptions (draft-ietf-acme-profiles §3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profiles: Option<BTreeMap<String, String>>,
}

impl DirectoryMeta {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// RFC 8555 §7.1.2.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountObject {
    #[serde(serialize_with = "account_status")]
    pub status: AccountStatus,
    /// Always there, also when empty: clients compare it with what they sent.
    pub contact: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms_of_service_agreed: Option<bool>,
    /// As the client sent it, once it was verified (RFC 8555 §7.3.4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_account_binding: Option<Box<RawValue>>,
    pub orders: String,
}

/// RFC 8555 §7.1.3.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderObject {
    pub status: OrderStatus,
    #[serde(serialize_with = "seconds")]
    pub expires: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "optional_seconds")]
    pub not_before: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "optional_seconds")]
    pub not_after: Option<Timestamp>,
    pub identifiers: Vec<Identifier>,
    /// draft-ietf-acme-profiles §4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    pub authorizations: Vec<String>,
    pub finalize: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<StoredProblem>,
    /// RFC 9773 §5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
}

/// RFC 8555 §7.1.4.
#[derive(Debug, Clone, Serialize)]
pub struct AuthorizationObject {
    pub status: AuthorizationStatus,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "optional_seconds")]
    pub expires: Option<Timestamp>,
    /// Without `*.`.
    pub identifier: Identifier,
    pub challenges: Vec<ChallengeObject>,
    /// Must be absent where it is false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub wildcard: bool,
}

/// RFC 8555 §7.1.5 and §8.
#[derive(Debug, Clone, Serialize)]
pub struct ChallengeObject {
    pub r#type: ChallengeKind,
    pub url: String,
    pub status: ChallengeStatus,
    pub token: String,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "optional_seconds")]
    pub validated: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<StoredProblem>,
}

/// RFC 8555 §7.1.2.1.
#[derive(Debug, Clone, Serialize)]
pub struct OrdersList {
    pub orders: Vec<String>,
}

/// RFC 8555 §7.1.2 knows `revoked` for what the server has shut.
fn account_status<S: Serializer>(status: &AccountStatus, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(match status {
        AccountStatus::Valid => "valid",
        AccountStatus::Deactivated => "deactivated",
        AccountStatus::Suspended => "revoked",
    })
}

fn seconds<S: Serializer>(time: &Timestamp, s: S) -> Result<S::Ok, S::Error> {
    time.truncated_to_second().serialize(s)
}

fn optional_seconds<S: Serializer>(time: &Option<Timestamp>, s: S) -> Result<S::Ok, S::Error> {
    time.map(Timestamp::truncated_to_second).serialize(s)
}
