use crate::{IssuerId, Timestamp};

/// A CA that signs leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    pub id: IssuerId,
    /// The common name of the CA certificate.
    pub name: String,
    /// DER certificates from the one that signs leaves to the last one known.
    pub chain: Vec<Vec<u8>>,
    /// The signing key (PKCS#8), sealed; `None` when the key stays in the operator's file.
    pub sealed_key: Option<Vec<u8>>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
