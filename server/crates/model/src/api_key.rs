use crate::{ApiKeyId, Timestamp};

/// An administrator's API key. The key itself is never stored, only its SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub name: String,
    /// SHA-256 of the key's text. The key has 256 random bits, so a slow hash would add nothing.
    pub sha256: [u8; 32],
    /// The actor that created it, as audit events name it.
    pub created_by: String,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}
