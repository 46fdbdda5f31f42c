use crate::{ApiKeyId, Grant, IpNet, Timestamp};

/// A machine's key to the API. The key itself is never stored, only its SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub name: String,
    /// SHA-256 of the key's text. The key has 256 random bits, so a slow hash would add nothing.
    pub sha256: [u8; 32],
    pub grant: Grant,
    /// Where it may be used from; empty: anywhere.
    pub allowed_networks: Vec<IpNet>,
    /// The actor that created it, as audit events name it.
    pub created_by: String,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    /// The key that rotation put in its place.
    pub replaced_by: Option<ApiKeyId>,
    /// Some moments late, and not written for every request.
    pub last_used_at: Option<Timestamp>,
    pub last_used_from: Option<std::net::IpAddr>,
}

words! {
    /// What an API key is good for.
    pub enum ApiKeyState {
        Active = "active",
        Expired = "expired",
        Revoked = "revoked",
    }
}

impl ApiKey {
    pub fn state(&self, now: Timestamp) -> ApiKeyState {
        if self.revoked_at.is_some() {
            ApiKeyState::Revoked
        } else if self.expires_at.is_some_and(|end| end <= now) {
            ApiKeyState::Expired
        } else {
            ApiKeyState::Active
        }
    }
}
