use std::fmt;
use std::str::FromStr;

use crate::clock::{Entropy, Timestamp};

/// The text is no identifier of this resource.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a valid {what} id")]
pub struct InvalidId {
    what: &'static str,
    text: String,
}

/// Ids that we make ourselves: a prefix and a UUIDv7 in 32 hexadecimal digits. The leading time keeps them in
/// order, so that an index grows at its end; the twelve bits after the milliseconds hold their fraction (RFC 9562
/// §6.2, method 3), so that events of one millisecond stay in order too; 62 random bits make them unguessable.
fn generate(prefix: &str, now: Timestamp, entropy: &dyn Entropy) -> String {
    let micros = u64::try_from(now.unix_micros()).unwrap_or(0);
    let mut random = [0; 10];
    entropy.fill(&mut random);
    let fraction = u16::try_from((micros % 1000) * 4096 / 1000).unwrap_or(0);
    random[..2].copy_from_slice(&fraction.to_be_bytes());
    let uuid = uuid::Builder::from_unix_timestamp_millis(micros / 1000, &random).into_uuid();
    format!("{prefix}{}", uuid.simple())
}

fn is_generated(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

/// Ids that an administrator may choose: 1 to 63 of `a-z 0-9 -`, starting and ending with a letter or digit.
fn is_chosen(text: &str) -> bool {
    let edge = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|b| edge(b) || *b == b'-')
        && bytes.first().is_some_and(edge)
        && bytes.last().is_some_and(edge)
}

macro_rules! id {
    ($(#[$meta:meta])* $Name:ident, $what:literal, $prefix:literal, $valid:expr) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $Name(String);

        impl $Name {
            pub const PREFIX: &'static str = $prefix;

            pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
                Self(generate($prefix, now, entropy))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $Name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidId { what: $what, text: text.chars().take(80).collect() })
                }
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }

        impl fmt::Debug for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }

        impl serde::Serialize for $Name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.serialize_str(&self.0) }
        }

        impl<'de> serde::Deserialize<'de> for $Name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(/// An ACME account.
    AccountId, "account", "acc-", |t| is_generated("acc-", t));
id!(/// An API key (its public id, not the key).
    ApiKeyId, "API key", "key-", |t| is_generated("key-", t));
id!(/// An audit event.
    AuditEventId, "audit event", "evt-", |t| is_generated("evt-", t));
id!(/// An ACME authorization.
    AuthorizationId, "authorization", "authz-", |t| is_generated("authz-", t));
id!(/// The same change of many certificates.
    BulkActionId, "bulk action", "act-", |t| is_generated("act-", t));
id!(/// A certificate that we issued.
    CertificateId, "certificate", "cert-", |t| is_generated("cert-", t));
id!(/// A key for external account binding (its public id, the `kid`, not the MAC key).
    EabKeyId, "EAB key", "eab-", |t| is_generated("eab-", t));
id!(/// An issuer. `iss-internal-ca` exists after the first start.
    IssuerId, "issuer", "iss-", is_chosen);
id!(/// An ACME order.
    OrderId, "order", "ord-", |t| is_generated("ord-", t));
id!(/// A profile; the administrator may choose it.
    ProfileId, "profile", "prof-", is_chosen);
id!(/// An OpenID provider; the administrator may choose it. `local` is this machine itself.
    ProviderId, "provider", "idp-", is_chosen);
id!(/// A role: `admin` and the others that are built in, or one of the administrator's own.
    RoleId, "role", "role-", is_chosen);
id!(/// A browser that is signed in (not the secret in its cookie).
    SessionId, "session", "ses-", |t| is_generated("ses-", t));
id!(/// A person.
    UserId, "user", "usr-", |t| is_generated("usr-", t));

impl ProviderId {
    /// Users of the machine's own command line; no provider can have this id.
    pub fn local() -> Self {
        Self("local".to_owned())
    }
}

impl RoleId {
    pub fn admin() -> Self {
        Self("admin".to_owned())
    }
}

impl IssuerId {
    /// The issuer that exists after the first start.
    pub fn internal_ca() -> Self {
        Self("iss-internal-ca".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemEntropy;

    #[test]
    fn generated_ids_are_ordered_by_time_and_parse_back() {
        let a = OrderId::generate(Timestamp::from_unix_seconds(1_700_000_000), &SystemEntropy);
        let b = OrderId::generate(Timestamp::from_unix_seconds(1_700_000_001), &SystemEntropy);
        assert!(a < b, "{a} < {b}");
        assert_eq!(a.as_str().parse::<OrderId>().as_ref(), Ok(&a));
        assert!(a.as_str().replace("ord-", "acc-").parse::<OrderId>().is_err());
    }

    #[test]
    fn chosen_ids_are_one_dns_like_label() {
        for good in ["prof-test", "a", "0", &"x".repeat(63)] {
            assert!(good.parse::<ProfileId>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a/b", "a.b", "a b", &"x".repeat(64)] {
            assert!(bad.parse::<ProfileId>().is_err(), "{bad}");
        }
    }
}
