//! CAs that tests make for themselves.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SigningKey,
};
use tempfile::TempDir;
use testkit::server::ServerBuilder;

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

/// Another certificate (PEM) for the name and key of `authority`, by `parent`.
///
/// # Panics
/// When rcgen fails.
pub fn cross_signature(
    params: &CertificateParams,
    authority: &Authority,
    parent: &Issuer<'_, impl SigningKey>,
) -> String {
    params.signed_by(authority.key(), parent).expect("a CA signs").pem()
}

/// A TLS server certificate for `localhost` and its key, both PEM.
///
/// # Panics
/// When rcgen fails.
pub fn localhost_identity(issuer: &Authority) -> (String, String) {
    server_identity(issuer, "localhost")
}

/// A TLS server certificate for `name` and its key, both PEM.
///
/// # Panics
/// When rcgen fails.
pub fn server_identity(issuer: &Authority, name: &str) -> (String, String) {
    let key = new_key();
    let mut params = CertificateParams::new([name.to_owned()]).expect("a valid name");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, issuer).expect("a CA signs");
    (certificate.pem(), key.serialize_pem())
}

/// A CA's certificate and key as files, for a server to sign with.
#[derive(Debug)]
pub struct AuthorityFiles {
    pub directory: TempDir,
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl AuthorityFiles {
    /// # Panics
    /// When the files cannot be written.
    pub fn new(authority: &Authority) -> Self {
        let directory = TempDir::new().expect("the temporary directory is writable");
        let (certificate, key) = (directory.path().join("ca.crt"), directory.path().join("ca.key"));
        fs::write(&certificate, authority.pem()).expect("our own directory is writable");
        write_private(&key, &authority.key().serialize_pem());
        Self { directory, certificate, key }
    }

    /// Adds the CAs above, in PEM, to the certificate file.
    ///
    /// # Panics
    /// When the file cannot be written.
    #[must_use]
    pub fn below(self, above: &str) -> Self {
        let own = fs::read_to_string(&self.certificate).expect("our own file is readable");
        fs::write(&self.certificate, own + above).expect("our own directory is writable");
        self
    }

    #[must_use]
    pub fn settings(&self, server: ServerBuilder) -> ServerBuilder {
        server.env("CERTCTL_CA_CERT_FILE", &self.certificate).env("CERTCTL_CA_KEY_FILE", &self.key)
    }
}

/// A CA that two roots have signed, with the files for a server: the old root is in the main chain, the new one in an
/// alternate.
#[derive(Debug)]
pub struct CrossSigned {
    pub old: Authority,
    pub new: Authority,
    pub files: AuthorityFiles,
    alternate: PathBuf,
}

impl CrossSigned {
    /// # Panics
    /// When rcgen fails or the files cannot be written.
    #[expect(clippy::new_without_default, reason = "it makes keys and files")]
    pub fn new() -> Self {
        let (old, new) = (root(authority_params("Old root")), root(authority_params("New root")));
        let issuing = subordinate(authority_params("Issuing CA"), &old);
        let cross = cross_signature(&authority_params("Issuing CA"), &issuing, &new);
        let files = AuthorityFiles::new(&issuing).below(&old.pem());
        let alternate = files.directory.path().join("alternate.crt");
        fs::write(&alternate, cross + &new.pem()).expect("our own directory is writable");
        Self { old, new, files, alternate }
    }

    #[must_use]
    pub fn settings(&self, server: ServerBuilder) -> ServerBuilder {
        self.files.settings(server).env("CERTCTL_CA_ALTERNATE_CHAIN_FILE", &self.alternate)
    }
}

/// Writes a file that only its owner may read.
///
/// # Panics
/// When that cannot be done.
pub fn write_private(path: &Path, text: &str) {
    fs::write(path, text).expect("the directory is writable");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("the file is ours");
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("a P-256 key can be made")
}
