//! Which challenges an authorization offers and what answers them (RFC 8555 §8).

use model::{ChallengeKind, Identifier};

/// The challenges by which control of `identifier` can be shown. `identifier` is that of the authorization: a wildcard
/// is its base name with `wildcard` set.
pub fn offered(identifier: &Identifier, wildcard: bool) -> &'static [ChallengeKind] {
    match (identifier, wildcard) {
        // Only who controls the zone can vouch for all the names in it.
        (Identifier::Dns(_), true) => &[ChallengeKind::Dns01],
        (Identifier::Dns(_), false) => {
            &[ChallengeKind::Http01, ChallengeKind::Dns01, ChallengeKind::TlsAlpn01]
        }
        // RFC 8738 §7: dns-01 must not be used for addresses.
        (Identifier::Ip(_), _) => &[ChallengeKind::Http01, ChallengeKind::TlsAlpn01],
    }
}

/// RFC 8555 §8.1. `thumbprint` is that of the account's key, in unpadded base64url.
pub fn key_authorization(token: &str, thumbprint: &str) -> String {
    format!("{token}.{thumbprint}")
}
