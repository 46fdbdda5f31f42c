use std::net::IpAddr;

use crate::{AccountId, Timestamp};

words! {
    /// RFC 8555 §7.1.6, and `suspended`, which an administrator sets and takes back.
    pub enum AccountStatus {
        Valid = "valid",
        Deactivated = "deactivated",
        Suspended = "suspended",
    }
}

/// An ACME account. Accounts belong to the server, not to a profile: cert-manager compares only the host when it
/// decides whether it must register again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub status: AccountStatus,
    /// The public key as canonical JWK JSON (RFC 7638 member order).
    pub jwk: String,
    /// SHA-256 JWK thumbprint (RFC 7638) in unpadded base64url; unique among accounts.
    pub key_thumbprint: String,
    pub contacts: Vec<String>,
    pub created_at: Timestamp,
    pub created_from: Option<IpAddr>,
    /// Grows with every change.
    pub version: i64,
}
