//! The words that every other crate shares: identifiers of resources, time, accounts, orders, certificates,
//! profiles, actors and audit events. Plain data; no input or output, no cryptography, no SQL.

/// Declares an enum that is stored, shown and serialised as one fixed word per variant.
macro_rules! words {
    ($(#[$meta:meta])* pub enum $Name:ident { $($(#[$vmeta:meta])* $Variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $Name { $($(#[$vmeta])* $Variant),+ }

        impl $Name {
            pub const ALL: &'static [$Name] = &[$($Name::$Variant),+];

            /// The word by which this value is stored and shown.
            pub const fn as_str(self) -> &'static str {
                match self { $($Name::$Variant => $word),+ }
            }
        }

        impl std::fmt::Display for $Name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }

        impl std::str::FromStr for $Name {
            type Err = crate::UnknownWord;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                match s {
                    $($word => Ok($Name::$Variant),)+
                    other => Err(crate::UnknownWord { value: other.to_owned(), allowed: concat!($("`", $word, "` "),+).trim_end() }),
                }
            }
        }

        impl serde::Serialize for $Name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.serialize_str(self.as_str()) }
        }

        impl<'de> serde::Deserialize<'de> for $Name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let word = std::borrow::Cow::<'de, str>::deserialize(d)?;
                word.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

mod account;
mod actor;
mod api_key;
mod audit;
mod bulk_action;
mod certificate;
mod challenge;
mod clock;
mod eab_key;
mod id;
mod identifier;
mod issuer;
mod order;
mod page;
mod part;
mod permission;
mod profile;
mod provider;
mod rate_limit;
mod rights;
mod role;
mod user;

pub use account::{Account, AccountFilter, AccountOrder, AccountStatus, ExternalAccount};
pub use actor::{Actor, Caller, UnknownActor};
pub use api_key::{ApiKey, ApiKeyState};
pub use audit::{AuditEvent, AuditFilter, Outcome};
pub use bulk_action::{BulkAction, BulkActionFilter, BulkActionState, BulkChange, BulkKind, BulkSelection};
pub use certificate::{
    Certificate, CertificateFilter, CertificateOrder, CertificateState, CertificateSummary, RenewalDemand,
    Revocation, RevocationReason,
};
pub use challenge::{AttemptOutcome, Challenge, ChallengeKind, ChallengeStatus, ValidationAttempt};
pub use clock::{Clock, Entropy, SystemClock, SystemEntropy, Timestamp};
pub use eab_key::{EabKey, EabKeyState};
pub use id::{
    AccountId, ApiKeyId, AuditEventId, AuthorizationId, BulkActionId, CertificateId, EabKeyId, InvalidId,
    IssuerId, OrderId, ProfileId, ProviderId, RoleId, SessionId, UserId,
};
pub use identifier::{DnsName, Identifier, IdentifierKind};
pub use issuer::Issuer;
pub use order::{
    Authorization, AuthorizationStatus, NewOrder, Order, OrderFilter, OrderStatus, StoredProblem,
};
pub use page::{Cursor, Page, PageRequest};
pub use part::{ContactPart, NamePart};
pub use permission::{Permission, Permissions, Reachable};
pub use profile::{
    AcmeAuthMode, CaaMode, ExtendedKeyUsage, IpNet, KeyType, NamePattern, NamePatternError, Profile,
    ProfileSpec,
};
pub use provider::{GroupMapping, Provider, ProviderSpec};
pub use rate_limit::{InvalidRateSubject, RateCounter, RateLimit, RateLimits, RateSubject, StoredRateLimits};
pub use rights::{Reach, Rights};
pub use role::{BuiltInRole, Grant, Role};
pub use user::{
    Owner, Password, Principal, Session, SessionData, SessionFilter, SignInMethod, SignedIn, User, UserFilter,
};

/// A word of a fixed vocabulary could not be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is none of: {allowed}")]
pub struct UnknownWord {
    pub value: String,
    pub allowed: &'static str,
}
