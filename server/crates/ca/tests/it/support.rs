use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
};
use ca::{CaKeyAlgorithm, CaSigner, LeafRequest, Serial, SubjectKey, create_csr};
use model::{Clock as _, ExtendedKeyUsage, Identifier, KeyType, SystemClock, SystemEntropy, Timestamp};

pub const DAY: Duration = Duration::from_secs(86_400);

/// OpenSSL compares with the machine's clock, so the tests live in its present.
pub fn now() -> Timestamp {
    SystemClock.now()
}

pub fn ids(names: &[&str]) -> Vec<Identifier> {
    names.iter().map(|name| Identifier::parse_any(name).unwrap()).collect()
}

pub fn root(algorithm: CaKeyAlgorithm) -> CaSigner {
    CaSigner::generate("Test Root", algorithm, 365 * DAY, now(), &SystemEntropy).unwrap().0
}

/// A private key (PKCS#8) of each leaf key type, made once.
pub fn pkcs8(key_type: KeyType) -> &'static [u8] {
    static KEYS: LazyLock<Vec<(KeyType, Vec<u8>)>> = LazyLock::new(|| {
        let random = SystemRandom::new();
        let ecdsa = |a| EcdsaKeyPair::generate_pkcs8(a, &random).unwrap().as_ref().to_vec();
        let make = |key_type| match key_type {
            KeyType::EcdsaP256 => ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING),
            KeyType::EcdsaP384 => ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING),
            KeyType::EcdsaP521 => ecdsa(&ECDSA_P521_SHA512_ASN1_SIGNING),
            KeyType::Ed25519 => Ed25519KeyPair::generate_pkcs8v1(&random).unwrap().as_ref().to_vec(),
            KeyType::Rsa => {
                RsaKeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap().as_ref().to_vec()
            }
        };
        KeyType::ALL.iter().map(|key_type| (*key_type, make(*key_type))).collect()
    });
    KEYS.iter().find(|(k, _)| *k == key_type).map(|(_, pkcs8)| pkcs8.as_slice()).unwrap()
}

/// The public key of [`pkcs8`], taken the way that the server takes it: from a CSR.
pub fn subject_key(key_type: KeyType) -> SubjectKey {
    let csr = create_csr(pkcs8(key_type), &ids(&["a.example"])).unwrap();
    ca::Csr::parse(&csr).unwrap().subject_key().clone()
}

pub fn leaf_request<'a>(key: &'a SubjectKey, identifiers: &'a [Identifier]) -> LeafRequest<'a> {
    LeafRequest {
        serial: Serial::generate(now(), &SystemEntropy),
        subject_key: key,
        identifiers,
        common_name: None,
        not_before: now() - Duration::from_secs(60),
        not_after: now() + 30 * DAY,
        extended_key_usages: &[ExtendedKeyUsage::ServerAuth],
        must_staple: false,
    }
}

/// A directory for OpenSSL to work in.
pub struct OpenSsl {
    directory: tempfile::TempDir,
}

impl OpenSsl {
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> &Self {
        std::fs::write(self.path(name), contents).unwrap();
        self
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// Runs `openssl` with `arguments` (split at blanks) in the directory; file names are relative to it.
    pub fn run(&self, arguments: &str) -> String {
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        self.run_with(&arguments)
    }

    /// As [`Self::run`], for arguments that have blanks in them.
    pub fn run_with(&self, arguments: &[&str]) -> String {
        let (ok, output) = openssl(self.directory.path(), arguments);
        assert!(ok, "openssl {arguments:?}:\n{output}");
        output
    }
}

fn openssl(directory: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(directory)
        .output()
        .expect("the program `openssl` is needed; install the Debian package `openssl`");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}
