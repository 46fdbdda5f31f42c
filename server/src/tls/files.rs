//! The operator's own certificate, read again when its files change.

use std::path::PathBuf;
use std::time::SystemTime;

use rustls::sign::CertifiedKey;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use crate::config::read_private_file;

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TlsFilesError(String);

#[derive(Debug)]
pub struct FileIdentity {
    cert: PathBuf,
    key: PathBuf,
    /// Modification times of both files at the last reading that was of use.
    seen: Option<(SystemTime, SystemTime)>,
}

impl FileIdentity {
    pub fn new(cert: PathBuf, key: PathBuf) -> Self {
        Self { cert, key, seen: None }
    }

    /// Reads both files.
    pub fn load(&mut self) -> Result<CertifiedKey, TlsFilesError> {
        let modified = self.modified();
        let (cert, key) = (self.cert.display(), self.key.display());
        let pem = std::fs::read_to_string(&self.cert).map_err(|e| TlsFilesError(format!("`{cert}`: {e}")))?;
        let chain =
            ca::pem::decode_certificates(&pem).map_err(|e| TlsFilesError(format!("`{cert}`: {e}")))?;
        let chain: Vec<_> = chain.into_iter().map(Into::into).collect();
        if chain.is_empty() {
            return Err(TlsFilesError(format!("`{cert}` has no certificate")));
        }
        let text = read_private_file(&self.key).map_err(TlsFilesError)?;
        let private = PrivateKeyDer::from_pem_slice(text.as_bytes())
            .map_err(|e| TlsFilesError(format!("`{key}` has no usable private key: {e}")))?;
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let loaded = CertifiedKey::from_der(chain, private, &provider)
            .map_err(|e| TlsFilesError(format!("`{cert}` and `{key}` do not belong together: {e}")))?;
        self.seen = modified;
        Ok(loaded)
    }

    /// Reads both files again if one has changed since the last reading that was of use.
    pub fn reload(&mut self) -> Option<Result<CertifiedKey, TlsFilesError>> {
        let modified = self.modified();
        if modified.is_none() || modified == self.seen {
            return None;
        }
        Some(self.load())
    }

    fn modified(&self) -> Option<(SystemTime, SystemTime)> {
        let of = |path: &PathBuf| std::fs::metadata(path).and_then(|m| m.modified()).ok();
        Some((of(&self.cert)?, of(&self.key)?))
    }
}
