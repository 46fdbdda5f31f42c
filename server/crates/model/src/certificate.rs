use serde::{Deserialize, Serialize};

use crate::{
    AccountId, CertificateId, Identifier, IssuerId, KeyType, NamePart, OrderId, PageRequest, ProfileId,
    Timestamp,
};

words! {
    /// Where a certificate stands at a given time.
    pub enum CertificateState {
        Valid = "valid",
        Expired = "expired",
        Revoked = "revoked",
    }
}

/// CRL reason codes (RFC 5280 §5.3.1). 7 is unused there; `removeFromCRL` (8) is for delta CRLs only, and
/// `certificateHold` (6) can be taken back, which RFC 8555 revocation cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationReason(u8);

/// By its name.
impl Serialize for RevocationReason {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for RevocationReason {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(d)?;
        let unknown = || serde::de::Error::custom(format!("`{name}` is no reason that is accepted"));
        Self::from_name(&name).ok_or_else(unknown)
    }
}

impl RevocationReason {
    pub const UNSPECIFIED: Self = Self(0);
    /// The codes that are accepted, with the names of RFC 5280.
    pub const ALLOWED: &'static [(u8, &'static str)] = &[
        (0, "unspecified"),
        (1, "keyCompromise"),
        (3, "affiliationChanged"),
        (4, "superseded"),
        (5, "cessationOfOperation"),
        (9, "privilegeWithdrawn"),
    ];

    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALLOWED.iter().find(|(c, _)| i64::from(*c) == code).map(|(c, _)| Self(*c))
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALLOWED.iter().find(|(_, n)| *n == name).map(|(c, _)| Self(*c))
    }

    pub const fn code(self) -> u8 {
        self.0
    }

    pub fn name(self) -> &'static str {
        Self::ALLOWED.iter().find(|(c, _)| *c == self.0).map_or("unspecified", |(_, n)| n)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    pub at: Timestamp,
    pub reason: RevocationReason,
}

/// An administrator wants a certificate renewed at once, such as after an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewalDemand {
    pub since: Timestamp,
    pub reason: String,
    /// An https URL that explains it to people (RFC 9773 §4.2).
    pub explanation_url: Option<String>,
}

/// Everything about a certificate but its bytes; what lists show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSummary {
    pub id: CertificateId,
    /// The serial number's octets in lower-case hexadecimal.
    pub serial: String,
    pub issuer_id: IssuerId,
    pub profile_id: ProfileId,
    /// `None` for certificates that no ACME account asked for.
    pub account_id: Option<AccountId>,
    pub order_id: Option<OrderId>,
    pub common_name: Option<String>,
    pub identifiers: Vec<Identifier>,
    pub key_type: KeyType,
    /// SHA-256 of the DER encoding in lower-case hexadecimal.
    pub sha256: String,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    pub created_at: Timestamp,
    pub revocation: Option<Revocation>,
    pub renewal_demand: Option<RenewalDemand>,
    /// The certificate whose order named this one as replaced (RFC 9773 §5).
    pub replaced_by: Option<CertificateId>,
}

impl CertificateSummary {
    pub fn state(&self, now: Timestamp) -> CertificateState {
        match (&self.revocation, self.not_after < now) {
            (Some(_), _) => CertificateState::Revoked,
            (None, true) => CertificateState::Expired,
            (None, false) => CertificateState::Valid,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    pub summary: CertificateSummary,
    pub der: Vec<u8>,
    /// Which stored chain leads from this leaf to its root: the SHA-256, in hexadecimal, of the issuer's
    /// certificate. The issuer may get another certificate later; this leaf keeps the chain it was issued under.
    pub chain_id: String,
    /// The order that replaces it, or that did so in vain when it has become invalid.
    pub replaced_by_order: Option<OrderId>,
}

words! {
    /// In which order certificates are listed.
    pub enum CertificateOrder {
        Newest = "newest",
        /// The next to expire first; of expired ones, the last to expire first.
        Expiry = "expiry",
    }
}

/// Which certificates to list. Empty fields do not restrict.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CertificateFilter {
    /// A name or address in the certificate, exactly.
    pub name: Option<String>,
    /// Part of a name or address in the certificate.
    pub name_part: Option<NamePart>,
    pub serial: Option<String>,
    pub sha256: Option<String>,
    pub account_id: Option<AccountId>,
    pub order_id: Option<OrderId>,
    pub profile_id: Option<ProfileId>,
    /// Any of these profiles; empty: any at all.
    pub within: Vec<ProfileId>,
    pub issuer_id: Option<IssuerId>,
    pub state: Option<CertificateState>,
    /// At or after.
    pub expires_after: Option<Timestamp>,
    /// Before.
    pub expires_before: Option<Timestamp>,
    /// At or after.
    pub created_after: Option<Timestamp>,
    /// Before.
    pub created_before: Option<Timestamp>,
    /// Whether another certificate has replaced it.
    pub superseded: Option<bool>,
    /// Whether an administrator wants it renewed at once.
    pub renewal_demanded: Option<bool>,
    /// `None`: as [`CertificateFilter::order`] says.
    pub order: Option<CertificateOrder>,
    /// Which part of the list; no filter, so it is not stored with one.
    #[serde(skip)]
    pub page: PageRequest,
}

impl CertificateFilter {
    /// The order of the list. When nothing but the expiry tells which certificates are wanted, the list runs along it:
    /// what ended a year ago would else be searched for among the newest.
    pub fn order(&self) -> CertificateOrder {
        if self.serial.is_some() || self.sha256.is_some() || self.order_id.is_some() {
            // There is one at most.
            return CertificateOrder::Newest;
        }
        let told_by_another = self.name.is_some()
            || self.name_part.is_some()
            || self.account_id.is_some()
            || self.profile_id.is_some()
            || self.issuer_id.is_some()
            || self.created_after.is_some()
            || self.created_before.is_some()
            || self.renewal_demanded == Some(true);
        let by_expiry = self.expires_after.is_some()
            || self.expires_before.is_some()
            || self.state == Some(CertificateState::Expired);
        self.order.unwrap_or(match by_expiry && !told_by_another {
            true => CertificateOrder::Expiry,
            false => CertificateOrder::Newest,
        })
    }
}
