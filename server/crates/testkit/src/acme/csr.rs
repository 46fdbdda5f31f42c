//! Certificate requests (PKCS #10), made by rcgen.

use std::net::IpAddr;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, RsaKeySize, SanType};

/// Kinds of leaf keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafKey {
    P256,
    P384,
    P521,
    Ed25519,
    Rsa2048,
    Rsa3072,
    Rsa4096,
}

impl LeafKey {
    pub const ALL: [Self; 7] =
        [Self::P256, Self::P384, Self::P521, Self::Ed25519, Self::Rsa2048, Self::Rsa3072, Self::Rsa4096];

    /// A new key.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn generate(self) -> KeyPair {
        let rsa = |size| KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size);
        let key = match self {
            Self::P256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
            Self::P384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
            Self::P521 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512),
            Self::Ed25519 => KeyPair::generate_for(&rcgen::PKCS_ED25519),
            Self::Rsa2048 => rsa(RsaKeySize::_2048),
            Self::Rsa3072 => rsa(RsaKeySize::_3072),
            Self::Rsa4096 => rsa(RsaKeySize::_4096),
        };
        key.expect("the provider makes keys of this kind")
    }
}

/// What a certificate request asks for. `names` are DNS names or IP addresses and become its subject alternative
/// names; the subject is empty unless [`Csr::common_name`] is called.
#[derive(Debug)]
pub struct Csr {
    params: CertificateParams,
}

impl Csr {
    /// # Panics
    /// When a name cannot be in a request.
    pub fn new(names: &[&str]) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.subject_alt_names = names.iter().map(|name| alternative_name(name)).collect();
        Self { params }
    }

    #[must_use]
    pub fn common_name(mut self, name: &str) -> Self {
        self.params.distinguished_name.push(DnType::CommonName, name);
        self
    }

    /// Changes anything else that rcgen can put into a request.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut CertificateParams)) -> Self {
        change(&mut self.params);
        self
    }

    /// The request in DER, signed by `key`.
    ///
    /// # Panics
    /// When rcgen cannot express it.
    pub fn sign(&self, key: &KeyPair) -> Vec<u8> {
        self.params.serialize_request(key).expect("rcgen can express the request").der().to_vec()
    }
}

fn alternative_name(name: &str) -> SanType {
    match name.parse::<IpAddr>() {
        Ok(ip) => SanType::IpAddress(ip),
        Err(_) => SanType::DnsName(name.try_into().expect("an ASCII name")),
    }
}
