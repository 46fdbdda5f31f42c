use std::net::IpAddr;

use crate::{AccountId, EabKeyId, PageRequest, Timestamp};

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
    pub external_account: Option<ExternalAccount>,
    /// The version of the terms of service that the account last agreed to.
    pub terms_version: Option<String>,
    pub created_at: Timestamp,
    pub created_from: Option<IpAddr>,
    /// Grows with every change.
    pub version: i64,
}

/// What binds an account to somebody known outside of ACME (RFC 8555 §7.3.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalAccount {
    pub key_id: EabKeyId,
    /// The binding as the client sent it: the JSON text of a JWS, verified.
    pub binding: String,
}

/// Which accounts to list, newest first. Empty fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct AccountFilter {
    pub status: Option<AccountStatus>,
    /// The EAB key that bound them.
    pub eab_key_id: Option<EabKeyId>,
    pub page: PageRequest,
}
