//! What a sign-in that has begun must know when the browser is back (RFC 9700 §4.7.1). It travels in the browser's own
//! cookie, sealed, so that starts that never come back leave nothing behind.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca::Sealer;
use model::{Entropy, ProviderId, Timestamp};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::auth;

/// How long the browser may be away.
const LIFETIME: Duration = Duration::from_secs(600);
const SEAL_PURPOSE: &str = "oidc-login";
/// More no browser keeps.
const MAX_COOKIE: usize = 4000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginState {
    pub state: String,
    pub nonce: String,
    /// Of PKCE (RFC 7636 §4.1).
    pub verifier: String,
    /// Where the browser goes afterwards: a path of this server.
    pub return_to: String,
    pub started_at: Timestamp,
}

impl LoginState {
    /// `return_to`: a path of this server.
    pub fn new(return_to: &str, now: Timestamp, entropy: &dyn Entropy) -> Self {
        let random = || {
            let mut octets = [0; 32];
            entropy.fill(&mut octets);
            URL_SAFE_NO_PAD.encode(octets)
        };
        Self {
            state: random(),
            nonce: random(),
            verifier: random(),
            return_to: return_to.to_owned(),
            started_at: now,
        }
    }

    pub fn expires_at(&self) -> Timestamp {
        self.started_at + LIFETIME
    }

    /// In seconds, for the cookie.
    pub const fn lifetime() -> u64 {
        LIFETIME.as_secs()
    }

    /// The cookie's value; it opens for the same provider only.
    pub fn seal(&self, provider: &ProviderId, sealer: &Sealer, entropy: &dyn Entropy) -> String {
        // A struct of texts and a time can always be written.
        let json = serde_json::to_vec(self).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(sealer.seal(SEAL_PURPOSE, provider.as_str(), &json, entropy))
    }

    /// What [`Self::seal`] made for `provider`, while it has not expired.
    pub fn open(cookie: &str, provider: &ProviderId, sealer: &Sealer, now: Timestamp) -> Option<Self> {
        if cookie.len() > MAX_COOKIE {
            return None;
        }
        let sealed = URL_SAFE_NO_PAD.decode(cookie).ok()?;
        let json = sealer.open(SEAL_PURPOSE, provider.as_str(), &sealed).ok()?;
        let login: Self = serde_json::from_slice(&json).ok()?;
        (now < login.expires_at()).then_some(login)
    }

    /// Whether `state` is what this sign-in sent.
    pub fn has_state(&self, state: &str) -> bool {
        self.state.as_bytes().ct_eq(state.as_bytes()).into()
    }

    /// Names this sign-in where it is redeemed.
    pub fn redemption(&self) -> [u8; 16] {
        auth::nonce_id(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use model::SystemEntropy;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn provider(id: &str) -> ProviderId {
        id.parse().unwrap()
    }

    #[test]
    fn it_opens_for_its_provider_and_for_ten_minutes() {
        let sealer = Sealer::new(&[1; 32]);
        let login = LoginState::new("/profiles?x=1", NOW, &SystemEntropy);
        let cookie = login.seal(&provider("a"), &sealer, &SystemEntropy);
        let open = |id: &str, seconds| {
            LoginState::open(&cookie, &provider(id), &sealer, NOW + Duration::from_secs(seconds))
        };
        assert_eq!(open("a", 0), Some(login.clone()));
        assert!(open("a", 599).is_some() && open("a", 600).is_none() && open("b", 0).is_none());
        assert!(login.has_state(&login.state) && !login.has_state("") && !login.has_state(&login.nonce));
        for bad in ["", "!", &cookie[1..], &"A".repeat(5000)] {
            assert_eq!(LoginState::open(bad, &provider("a"), &sealer, NOW), None);
        }
    }

    #[test]
    fn everything_in_it_is_fresh() {
        let (a, b) = (LoginState::new("/", NOW, &SystemEntropy), LoginState::new("/", NOW, &SystemEntropy));
        assert_ne!((&a.state, &a.nonce, &a.verifier), (&b.state, &b.nonce, &b.verifier));
        assert!(a.state != a.nonce && a.nonce != a.verifier && a.verifier.len() == 43);
        assert_ne!(a.redemption(), b.redemption());
    }
}
