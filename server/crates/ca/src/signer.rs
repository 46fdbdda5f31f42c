use std::fmt;
use std::time::Duration;

use model::{Entropy, Identifier, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyIdMethod, KeyUsagePurpose,
};
use zeroize::Zeroizing;

use crate::chain::Chain;
use crate::inspect;
use crate::key::{CaKeyAlgorithm, KeyError, PublicKeyAlgorithm};
use crate::leaf::{self, IssuerPart, Leaf, LeafRequest, UnsignedLeaf};
use crate::pem;
use crate::private_key::{PrivateKey, generate_key};
use crate::serial::Serial;
use crate::sha256_hex;
use crate::validity::Validity;

/// A CA: its certificate, the ones above it, and its private key. Everything that a leaf needs is kept ready, so that
/// signing parses nothing.
pub struct CaSigner {
    chain: Chain,
    chain_id: String,
    /// Other chains that begin with a certificate for the same CA, each with the id of its first certificate.
    alternates: Vec<(String, Chain)>,
    key: PrivateKey,
    issuer: IssuerPart,
}

/// A CA cannot be made, loaded or used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaError {
    #[error("there is no certificate (expected a PEM block `CERTIFICATE`)")]
    NoCertificate,
    #[error("certificate {position} of the chain is not readable")]
    MalformedCertificate { position: usize },
    #[error("the certificate of {subject} has unreadable extensions")]
    MalformedExtensions { subject: String },
    #[error("the certificate file is {0}")]
    CertificatePem(pem::PemError),
    #[error(
        "there is no private key (expected a PEM block `PRIVATE KEY`, `EC PRIVATE KEY` or `RSA PRIVATE KEY`)"
    )]
    NoKey,
    #[error("the private key is encrypted; decrypt it first, e.g. with `openssl pkey`")]
    KeyEncrypted,
    #[error(
        "the private key is not readable; PKCS#8, SEC1 and PKCS#1 with RSA (2048 to 8192 bits), ECDSA on P-256, P-384 or P-521, or Ed25519 are"
    )]
    KeyUnreadable,
    #[error("the key of the CA certificate is not accepted: {reason}")]
    CaKey { reason: KeyError },
    #[error("the private key does not match the first certificate, that of {subject}")]
    KeyMismatch { subject: String },
    #[error("the private key belongs to certificate {position} of the chain; that one must come first")]
    KeyOfLaterCertificate { position: usize },
    #[error("the certificate of {subject} is not a CA's (basicConstraints without cA)")]
    NotCa { subject: String },
    #[error("the certificate of {subject} may not sign certificates (keyUsage without keyCertSign)")]
    NoKeyCertSign { subject: String },
    #[error(
        "the certificate of {subject} allows {limit} CA certificates below it (pathLenConstraint), the chain has {below}"
    )]
    PathLength { subject: String, limit: u32, below: u32 },
    #[error("the certificate of {subject} expired at {not_after}")]
    Expired { subject: String, not_after: Timestamp },
    #[error("the certificate of {subject} is not valid before {not_before}")]
    NotYetValid { subject: String, not_before: Timestamp },
    #[error(
        "the chain is out of order: the certificate of {subject} was issued by {issuer}, but {next} follows it"
    )]
    ChainOrder { subject: String, issuer: String, next: String },
    #[error("the signature on the certificate of {subject} is not by the key of {issuer}")]
    ChainSignature { subject: String, issuer: String },
    #[error(
        "an alternate chain begins with another certificate for the same CA, but that of {subject} has another {difference}"
    )]
    AlternateOfOther { subject: String, difference: &'static str },
    #[error(
        "the certificate of {subject} is the one that the CA signs with; an alternate chain begins with another one"
    )]
    AlternateIsMain { subject: String },
    #[error("the common name of a CA has 1 to 64 characters (X.520)")]
    CommonName,
    #[error("the validity does not end after it starts, or ends after the year 9999")]
    Validity,
    #[error("a leaf needs at least one name")]
    NoNames,
    #[error("`{0}` is not one of the leaf's names, or longer than 64 characters")]
    LeafCommonName(String),
    #[error("the leaf's validity is not within that of its issuer")]
    LeafValidity,
    #[error("the leaf's key is the CA's own")]
    LeafKey,
    /// What aws-lc or rcgen was doing; neither says more.
    #[error("failed while {0}")]
    Crypto(&'static str),
}

impl CaSigner {
    /// A root starts this much in the past, for relying parties whose clock is behind.
    const BACKDATE: Duration = Duration::from_secs(5 * 60);

    /// Makes a key and a self-signed root certificate for it. Gives also the private key (PKCS#8 DER), to be sealed.
    ///
    /// The serial number's random part comes from `entropy`, the key from aws-lc's own generator.
    pub fn generate(
        common_name: &str,
        algorithm: CaKeyAlgorithm,
        validity: Duration,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<(Self, Zeroizing<Vec<u8>>), CaError> {
        // RFC 5280 appendix A.1: ub-common-name counts characters.
        if !(1..=64).contains(&common_name.chars().count()) {
            return Err(CaError::CommonName);
        }
        let (not_before, not_after) = (now - Self::BACKDATE, now + validity);
        if validity.is_zero() || not_after > LATEST {
            return Err(CaError::Validity);
        }
        let (pkcs8, public) = generate_key(algorithm)?;
        let key = PrivateKey::from_der(&pkcs8).ok_or(CaError::KeyUnreadable)?;

        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.serial_number = Some(Serial::generate(now, entropy).as_bytes().to_vec().into());
        params.not_before = not_before.to_offset_date_time();
        params.not_after = not_after.to_offset_date_time();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.key_identifier_method = KeyIdMethod::PreSpecified(public.key_identifier().to_vec());
        let root = params.self_signed(&key).map_err(|_| CaError::Crypto("signing the root certificate"))?;

        let signer = Self::assemble(Chain::parse(vec![root.der().to_vec()])?, key)?;
        Ok((signer, pkcs8))
    }

    /// Loads what was stored: DER certificates, the issuing one first, and its private key (PKCS#8 DER). An expired
    /// chain loads too; [`Self::check_time`] says so.
    pub fn load(chain: Vec<Vec<u8>>, pkcs8: &[u8]) -> Result<Self, CaError> {
        let key = PrivateKey::from_der(pkcs8).ok_or(CaError::KeyUnreadable)?;
        Self::assemble(Chain::parse(chain)?, key)
    }

    /// Loads an existing root or sub-CA from the operator's files. `certificates`: the issuing certificate first, then
    /// the ones above it, each signed by the next; the root may be left out. `key`: PKCS#8, SEC1 or PKCS#1.
    pub fn from_pem(certificates: &str, key: &str, now: Timestamp) -> Result<Self, CaError> {
        let chain = pem::decode_certificates(certificates).map_err(CaError::CertificatePem)?;
        let key = pem_key(key)?;
        let signer = Self::assemble(Chain::parse(chain)?, key)?;
        signer.check_time(now)?;
        Ok(signer)
    }

    fn assemble(chain: Chain, key: PrivateKey) -> Result<Self, CaError> {
        let first = chain.certificates.first().ok_or(CaError::NoCertificate)?;
        if key.public_key() != chain.issuing_key.public_key() {
            return Err(match chain.position_of(key.public_key()) {
                Some(position) => CaError::KeyOfLaterCertificate { position },
                None => CaError::KeyMismatch {
                    subject: inspect::describe(first).map_or_else(|_| String::new(), |c| c.subject),
                },
            });
        }
        Ok(Self {
            chain_id: sha256_hex(first),
            issuer: IssuerPart {
                name: chain.name.clone(),
                key_identifier: chain.key_identifier.clone(),
                signature_algorithm: key.signature_algorithm(),
            },
            chain,
            alternates: Vec::new(),
            key,
        })
    }

    /// Adds another chain for this CA, such as one that a cross-signature leads to. `certificates`: a certificate for
    /// this CA's name and key, then the ones above it, each signed by the next.
    pub fn add_alternate(&mut self, certificates: &str, now: Timestamp) -> Result<(), CaError> {
        let chain = Chain::parse(pem::decode_certificates(certificates).map_err(CaError::CertificatePem)?)?;
        let first = chain.certificates.first().ok_or(CaError::NoCertificate)?;
        let id = sha256_hex(first);
        let subject = || inspect::describe(first).map_or_else(|_| String::new(), |c| c.subject);
        let differences = [
            ("public key", chain.issuing_key.spki_der() != self.chain.issuing_key.spki_der()),
            ("subject", chain.name != self.chain.name),
            // Leaves name one (RFC 5280 §4.2.1.1), by which verifiers look for the certificate above.
            ("subjectKeyIdentifier", chain.key_identifier != self.chain.key_identifier),
        ];
        if let Some((difference, _)) = differences.iter().find(|(_, differs)| *differs) {
            return Err(CaError::AlternateOfOther { subject: subject(), difference });
        }
        if id == self.chain_id || self.alternates.iter().any(|(known, _)| *known == id) {
            return Err(CaError::AlternateIsMain { subject: subject() });
        }
        chain.check_time(now)?;
        self.alternates.push((id, chain));
        Ok(())
    }

    /// DER certificates, the issuing one first.
    pub fn chain(&self) -> &[Vec<u8>] {
        &self.chain.certificates
    }

    pub fn chain_pem(&self) -> String {
        pem::encode_certificates(self.chain())
    }

    /// Lower-case hexadecimal SHA-256 of the issuing certificate; see [`model::Certificate::chain_id`].
    pub fn chain_id(&self) -> &str {
        &self.chain_id
    }

    /// Of the issuing certificate; its whole subject if it has no common name.
    pub fn common_name(&self) -> &str {
        &self.chain.common_name
    }

    /// When every certificate of the chain is valid.
    pub fn validity(&self) -> Validity {
        self.chain.validity
    }

    /// The last second in which every certificate of the chain is valid.
    pub fn not_after(&self) -> Timestamp {
        self.chain.validity.not_after
    }

    /// What leaves have as authorityKeyIdentifier: the issuing certificate's subjectKeyIdentifier.
    pub fn ski(&self) -> &[u8] {
        &self.issuer.key_identifier
    }

    pub fn algorithm(&self) -> PublicKeyAlgorithm {
        self.key.algorithm()
    }

    /// Fails with [`CaError::Expired`] or [`CaError::NotYetValid`] when a certificate of the chain is not valid.
    pub fn check_time(&self, now: Timestamp) -> Result<(), CaError> {
        self.chain.check_time(now)
    }

    /// All alternate chains (DER, the certificate of this CA first), in the order in which they were added.
    pub fn alternates(&self) -> impl Iterator<Item = &[Vec<u8>]> {
        self.alternates.iter().map(|(_, chain)| chain.certificates.as_slice())
    }

    /// The alternate chains for a leaf of this CA with these names that was handed out with the chain `chain_id`, each
    /// with its number, which counts from 1 through [`Self::alternates`]. A chain whose nameConstraints would not
    /// permit the leaf is none for it.
    pub fn alternates_for<'a>(
        &'a self,
        chain_id: &'a str,
        identifiers: &'a [Identifier],
    ) -> impl Iterator<Item = (usize, &'a [Vec<u8>])> {
        (1..)
            .zip(&self.alternates)
            .filter(move |(_, (id, chain))| {
                id != chain_id && identifiers.iter().all(|name| chain.refusal(name).is_none())
            })
            .map(|(number, (_, chain))| (number, chain.certificates.as_slice()))
    }

    /// Why `identifier` cannot be certified by this CA; `None` when it can. A leaf that the nameConstraints of a
    /// certificate above do not permit would be refused by every relying party (RFC 5280 §6.1.3).
    pub fn refusal(&self, identifier: &Identifier) -> Option<String> {
        self.chain.refusal(identifier)
    }

    /// Whether a leaf may have `name` as its common name; the names themselves are asked for by [`Self::refusal`].
    pub fn allows_common_name(&self, name: &str) -> bool {
        self.chain.allows_common_name(name)
    }

    /// Builds and signs a leaf.
    pub fn sign_leaf(&self, request: &LeafRequest<'_>) -> Result<Leaf, CaError> {
        self.sign(self.prepare_leaf(request)?)
    }

    /// Builds a leaf, all but its signature. Checks what would make it useless; what the profile permits is the caller's
    /// to check.
    pub fn prepare_leaf(&self, request: &LeafRequest<'_>) -> Result<UnsignedLeaf, CaError> {
        let validity = Validity {
            not_before: request.not_before.truncated_to_second(),
            not_after: request.not_after.truncated_to_second(),
        };
        if request.identifiers.is_empty() {
            return Err(CaError::NoNames);
        }
        if let Some(name) = request.common_name
            && (name.len() > 64 || !request.identifiers.iter().any(|id| id.value() == name))
        {
            return Err(CaError::LeafCommonName(name.to_owned()));
        }
        if validity.not_after < validity.not_before || !self.chain.validity.contains(&validity) {
            return Err(CaError::LeafValidity);
        }
        if request.subject_key.spki_der() == self.chain.issuing_key.spki_der() {
            return Err(CaError::LeafKey);
        }

        let to_be_signed = leaf::to_be_signed(request, &self.issuer);
        Ok(UnsignedLeaf { to_be_signed, serial: request.serial, validity })
    }

    /// Signs what [`Self::prepare_leaf`] of the same CA has built.
    pub fn sign(&self, leaf: UnsignedLeaf) -> Result<Leaf, CaError> {
        let UnsignedLeaf { to_be_signed, serial, validity } = leaf;
        let signature = self.key.sign(&to_be_signed).map_err(|_| CaError::Crypto("signing a leaf"))?;
        let der = leaf::assemble(&to_be_signed, &self.issuer.signature_algorithm, &signature);
        Ok(Leaf {
            serial_hex: serial.to_hex(),
            sha256_hex: sha256_hex(&der),
            not_before: validity.not_before,
            not_after: validity.not_after,
            der,
        })
    }
}

impl fmt::Debug for CaSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaSigner")
            .field("common_name", &self.chain.common_name)
            .field("chain_id", &self.chain_id)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// 9999-12-31T23:59:59Z, the last moment that X.509 can write (RFC 5280 §4.1.2.5).
const LATEST: Timestamp = Timestamp::from_unix_seconds(253_402_300_799);

/// The first private key in PEM text. OpenSSL may put a block `EC PARAMETERS` before it.
fn pem_key(text: &str) -> Result<PrivateKey, CaError> {
    use rustls_pki_types::PrivateKeyDer;
    use rustls_pki_types::pem::PemObject as _;

    // PKCS#8 says it in the label, the older formats in a header (RFC 1421) that no PEM reader wants.
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(CaError::KeyEncrypted);
    }
    let der = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|e| match e {
        rustls_pki_types::pem::Error::NoItemsFound => CaError::NoKey,
        _ => CaError::KeyUnreadable,
    })?;
    PrivateKey::from_der(der.secret_der()).ok_or(CaError::KeyUnreadable)
}
