//! Why a request, an issuance or a whole run failed.

use std::io;

/// Everything that can go wrong. Nothing here is handled by kind except a server's problem document, so the rest
/// is told apart by its words.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("connection: {0}")]
    Io(#[from] io::Error),
    #[error("HTTP: {0}")]
    Http(&'static str),
    /// An RFC 8555 §6.7 problem document.
    #[error("{status} {kind}: {detail}")]
    Problem { status: u16, kind: String, detail: String },
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("{0} took longer than {1} s")]
    TooSlow(&'static str, u64),
    #[error("cryptography failed")]
    Crypto,
    #[error("{0}")]
    Other(String),
}

impl Error {
    pub fn other(text: impl Into<String>) -> Self {
        Self::Other(text.into())
    }

    /// Whether this is the problem `urn:ietf:params:acme:error:badNonce`, after which a client tries again
    /// (RFC 8555 §6.5).
    pub fn is_bad_nonce(&self) -> bool {
        matches!(self, Self::Problem { kind, .. } if kind.ends_with(":badNonce"))
    }
}

impl From<aws_lc_rs::error::Unspecified> for Error {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Crypto
    }
}
