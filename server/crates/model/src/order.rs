use serde::{Deserialize, Serialize};

use crate::{
    AccountId, AuthorizationId, CertificateId, ChallengeKind, Identifier, NamePart, OrderId, PageRequest,
    ProfileId, Timestamp,
};

words! {
    /// RFC 8555 §7.1.6.
    pub enum OrderStatus {
        Pending = "pending",
        Ready = "ready",
        Processing = "processing",
        Valid = "valid",
        Invalid = "invalid",
    }
}

words! {
    /// RFC 8555 §7.1.6.
    pub enum AuthorizationStatus {
        Pending = "pending",
        Valid = "valid",
        Invalid = "invalid",
        Deactivated = "deactivated",
        Expired = "expired",
        Revoked = "revoked",
    }
}

/// Why an order failed, as the client was or will be told (RFC 8555 §6.7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredProblem {
    /// The full URN.
    pub r#type: String,
    pub detail: String,
    pub status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub id: OrderId,
    pub account_id: AccountId,
    pub profile_id: ProfileId,
    pub status: OrderStatus,
    pub identifiers: Vec<Identifier>,
    /// As the client asked (RFC 8555 §7.4); `None` leaves it to the profile.
    pub not_before: Option<Timestamp>,
    pub not_after: Option<Timestamp>,
    /// The certificate that this order replaces, as the client named it (RFC 9773 §5).
    pub replaces: Option<String>,
    pub error: Option<StoredProblem>,
    /// SHA-256 of the CSR (DER, lower-case hexadecimal) of the finalization that is under way or succeeded. A
    /// client that lost the answer and repeats its request gets the same certificate.
    pub csr_sha256: Option<String>,
    pub certificate_id: Option<CertificateId>,
    /// In the order of `identifiers`.
    pub authorization_ids: Vec<AuthorizationId>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub updated_at: Timestamp,
}

/// An order and its authorizations, to be stored together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrder {
    pub order: Order,
    pub authorizations: Vec<Authorization>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    pub id: AuthorizationId,
    /// `None`: a client asked for it before any order (newAuthz, RFC 8555 §7.4.1).
    pub order_id: Option<OrderId>,
    pub account_id: AccountId,
    /// The profile whose rules it was made under, and whose orders it serves.
    pub profile_id: ProfileId,
    /// Never a wildcard: `*.example.com` in the order is `example.com` here with `wildcard` set (RFC 8555 §7.1.4).
    pub identifier: Identifier,
    pub wildcard: bool,
    pub status: AuthorizationStatus,
    /// One token for all challenges of this authorization: 256 random bits in unpadded base64url.
    pub token: String,
    /// The challenges of which one must be fulfilled. `None`: it was born valid, without a validation.
    pub offered: Option<Vec<ChallengeKind>>,
    /// The validated authorization that this one was made valid by; when that is deactivated, so is this.
    pub source_id: Option<AuthorizationId>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub validated_at: Option<Timestamp>,
}

/// Which orders to list, newest first. Empty fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct OrderFilter {
    /// Part of a name or address that was ordered.
    pub name_part: Option<NamePart>,
    pub account_id: Option<AccountId>,
    pub profile_id: Option<ProfileId>,
    pub status: Option<OrderStatus>,
    /// At or after.
    pub created_after: Option<Timestamp>,
    /// Before.
    pub created_before: Option<Timestamp>,
    pub page: PageRequest,
}
