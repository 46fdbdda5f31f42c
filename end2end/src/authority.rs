//! CAs that tests make for themselves.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SigningKey,
};

/// A CA with its key.
pub type Authority = CertifiedIssuer<'static, KeyPair>;

/// The parameters of a CA certificate.
pub fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params
}

/// A self-signed CA.
///
/// # Panics
/// When rcgen fails.
pub fn root(params: CertificateParams) -> Authority {
    CertifiedIssuer::self_signed(params, new_key()).expect("a CA can sign itself")
}

/// A CA under another one.
///
/// # Panics
/// When rcgen fails.
pub fn subordinate(params: CertificateParams, parent: &Issuer<'_, impl SigningKey>) -> Authority {
    CertifiedIssuer::signed_by(params, new_key(), parent).expect("a CA signs")
}

/// A TLS server certificate for `localhost` and its key, both PEM.
///
/// # Panics
/// When rcgen fails.
pub fn localhost_identity(issuer: &Authority) -> (String, String) {
    let key = new_key();
    let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a valid name");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, issuer).expect("a CA signs");
    (certificate.pem(), key.serialize_pem())
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("a P-256 key can be made")
}
