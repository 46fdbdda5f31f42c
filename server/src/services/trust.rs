//! The certificates that others must trust. Public: there is nothing secret in them.

use model::Timestamp;

use crate::core::Core;
use crate::error::{Error, Result};

/// The name of the server's own CA among the trust anchors.
pub const SERVER_CA: &str = "server-ca";

/// A CA certificate for people to recognise.
#[derive(Debug, Clone)]
pub struct TrustAnchor {
    /// As in `/pki/{name}.pem`.
    pub name: String,
    pub subject: String,
    pub sha256: [u8; 32],
    pub not_after: Timestamp,
}

/// The root, or what is known nearest to it, of each issuer.
pub fn issuers(core: &Core) -> Result<Vec<TrustAnchor>> {
    core.signers
        .iter()
        .filter_map(|(id, signer)| Some(anchor(id.to_string(), signer.chain().last()?)))
        .collect()
}

/// The CA of the server's own certificate, from its PEM.
pub fn server_ca(pem: &str) -> Result<TrustAnchor> {
    let certificates = ca::pem::decode_certificates(pem).map_err(|e| Error::Internal(e.to_string()))?;
    let last = certificates.last().ok_or_else(|| Error::Internal("the server's CA is empty".to_owned()))?;
    anchor(SERVER_CA.to_owned(), last)
}

fn anchor(name: String, der: &[u8]) -> Result<TrustAnchor> {
    let info = ca::describe(der).map_err(|e| Error::Internal(e.to_string()))?;
    let subject = info.subject.strip_prefix("CN=").filter(|cn| !cn.contains('=')).unwrap_or(&info.subject);
    Ok(TrustAnchor { name, subject: subject.to_owned(), sha256: ca::sha256(der), not_after: info.not_after })
}
