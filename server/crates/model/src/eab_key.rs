use crate::{EabKeyId, Identifier, NamePattern, ProfileId, Timestamp};

/// A MAC key by which accounts are bound to somebody known outside of ACME (RFC 8555 §7.3.4), and what those accounts
/// may do. All but its MAC key and its uses stays as it was created, so an account's scope never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EabKey {
    /// The `kid` of a binding.
    pub id: EabKeyId,
    /// For administrators: whose key it is.
    pub note: String,
    /// Under which profiles it binds, and its accounts may order; empty: all.
    pub profiles: Vec<ProfileId>,
    /// What its accounts may order, among what the profile permits; empty: no further restriction.
    pub permitted_names: Vec<NamePattern>,
    /// Whether its accounts' orders need no challenge.
    pub preauthorized: bool,
    /// How many accounts it may bind; `None`: any number.
    pub max_uses: Option<u32>,
    /// How many accounts it has bound.
    pub uses: i64,
    /// 256 random bits, sealed with the purpose [`EabKey::SEAL_PURPOSE`] and the id.
    pub sealed_mac_key: Vec<u8>,
    /// The actor that created it, as audit events name it.
    pub created_by: String,
    pub created_at: Timestamp,
    /// When it stops to bind accounts. Those that it has bound stay bound.
    pub expires_at: Option<Timestamp>,
    /// When its MAC key was last replaced.
    pub rotated_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

words! {
    /// What an EAB key is good for.
    pub enum EabKeyState {
        Active = "active",
        UsedUp = "used_up",
        Expired = "expired",
        /// The only one that also binds the hands of accounts.
        Revoked = "revoked",
    }
}

impl EabKey {
    pub const SEAL_PURPOSE: &'static str = "eab-key";

    pub fn state(&self, now: Timestamp) -> EabKeyState {
        if self.revoked_at.is_some() {
            EabKeyState::Revoked
        } else if self.expires_at.is_some_and(|end| end <= now) {
            EabKeyState::Expired
        } else if self.max_uses.is_some_and(|max| self.uses >= i64::from(max)) {
            EabKeyState::UsedUp
        } else {
            EabKeyState::Active
        }
    }

    pub fn covers_profile(&self, profile: &ProfileId) -> bool {
        self.profiles.is_empty() || self.profiles.contains(profile)
    }

    /// Whether its accounts need no challenge for `identifier` under `profile`.
    pub fn preauthorizes(&self, profile: &ProfileId, identifier: &Identifier) -> bool {
        self.preauthorized
            && self.revoked_at.is_none()
            && self.covers_profile(profile)
            && self.permits(identifier)
    }

    pub fn permits(&self, identifier: &Identifier) -> bool {
        self.permitted_names.is_empty() || self.permitted_names.iter().any(|rule| rule.covers(identifier))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;

    #[test]
    fn a_key_is_in_the_state_that_matters_most() {
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        let mut key = EabKey {
            id: EabKeyId::generate(now, &SystemEntropy),
            note: String::new(),
            profiles: Vec::new(),
            permitted_names: Vec::new(),
            preauthorized: false,
            max_uses: Some(2),
            uses: 1,
            sealed_mac_key: Vec::new(),
            created_by: "key:x".to_owned(),
            created_at: now,
            expires_at: Some(now + std::time::Duration::from_secs(1)),
            rotated_at: None,
            revoked_at: None,
        };
        assert_eq!(key.state(now), EabKeyState::Active);
        key.uses = 2;
        assert_eq!(key.state(now), EabKeyState::UsedUp);
        key.expires_at = Some(now);
        assert_eq!(key.state(now), EabKeyState::Expired);
        key.revoked_at = Some(now);
        assert_eq!(key.state(now), EabKeyState::Revoked);
    }
}
