//! The CA and the server certificate of a cluster with TLS.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};

use super::ServerUser;

/// Writes `ca.crt`, `server.crt` and `server.key`. The CA's key is forgotten.
pub(super) fn write_identity(directory: &Path, user: &ServerUser) {
    let ca = authority();
    let key = KeyPair::generate().expect("a P-256 key can be made");
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let leaf = CertificateParams::new(names).expect("the names are valid");
    let leaf = leaf.signed_by(&key, &ca).expect("our own CA signs");
    fs::write(directory.join("ca.crt"), ca.pem()).expect("the cluster's directory is writable");
    user.write_private(&directory.join("server.crt"), &leaf.pem());
    user.write_private(&directory.join("server.key"), &key.serialize_pem());
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "test database CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let key = KeyPair::generate().expect("a P-256 key can be made");
    CertifiedIssuer::self_signed(params, key).expect("a CA can sign itself")
}
