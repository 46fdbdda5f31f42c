use std::net::IpAddr;

use crate::{AccountId, ContactPart, EabKeyId, PageRequest, Timestamp};

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
    /// When a request of it was last accepted, to the minute; its registration counts as one.
    pub last_seen_at: Timestamp,
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

words! {
    /// In which order accounts are listed.
    pub enum AccountOrder {
        Newest = "newest",
        /// The longest unseen first.
        LastSeen = "last_seen",
    }
}

/// Which accounts to list. Empty fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct AccountFilter {
    /// Part of one of their contacts.
    pub contact_part: Option<ContactPart>,
    pub status: Option<AccountStatus>,
    /// The EAB key that bound them.
    pub eab_key_id: Option<EabKeyId>,
    /// Last seen before this time.
    pub not_seen_since: Option<Timestamp>,
    /// `None`: newest first, or the longest unseen first where nothing but `not_seen_since` restricts.
    pub order: Option<AccountOrder>,
    pub page: PageRequest,
}

impl AccountFilter {
    /// Whether this account is wanted.
    pub fn fits(&self, account: &Account) -> bool {
        let key = account.external_account.as_ref().map(|bound| &bound.key_id);
        let has = |part: &ContactPart| {
            let parts = account.contacts.iter().flat_map(|contact| ContactPart::all_of(contact));
            parts.into_iter().any(|found| found.starts_with(part.as_str()))
        };
        self.status.is_none_or(|status| status == account.status)
            && self.eab_key_id.as_ref().is_none_or(|wanted| key == Some(wanted))
            && self.not_seen_since.is_none_or(|time| account.last_seen_at < time)
            && self.contact_part.as_ref().is_none_or(has)
    }

    pub fn order(&self) -> AccountOrder {
        let alone = self.contact_part.is_none() && self.status.is_none() && self.eab_key_id.is_none();
        self.order.unwrap_or(match self.not_seen_since.is_some() && alone {
            true => AccountOrder::LastSeen,
            false => AccountOrder::Newest,
        })
    }
}
