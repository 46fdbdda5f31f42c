use std::collections::BTreeSet;

use model::Identifier;

use crate::der::{self, Element, NotDer, Reader, oid};
use crate::extension_request::requested_names;
use crate::key::{KeyError, SubjectKey};
use crate::sha256;
use crate::signature::{self, BadSignature};

/// A certification request (PKCS#10, RFC 2986) whose signature and key are good and which asks for nothing that a
/// leaf may not have. Only the public key goes into the certificate, and the common name if the order has it.
#[derive(Clone, Debug)]
pub struct Csr {
    subject_key: SubjectKey,
    common_name: Option<String>,
    names: BTreeSet<Identifier>,
    sha256: [u8; 32],
}

/// Why a CSR is refused, in words for the client (`badCSR`, RFC 8555 §7.4).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsrError {
    #[error("the CSR is malformed: {0}")]
    Malformed(&'static str),
    #[error("the CSR's signature was not made by the key in it")]
    Signature,
    #[error(
        "the CSR's signature algorithm is not supported or does not go with its key; use SHA-256, SHA-384 or SHA-512 with RSA (PKCS #1 v1.5) or ECDSA, or Ed25519"
    )]
    SignatureAlgorithm,
    #[error("the CSR's key is not accepted: {0}")]
    Key(#[from] KeyError),
    #[error("the CSR asks for the extension {0}, which is not issued")]
    Extension(String),
    #[error("the CSR has the extension {0} twice")]
    DuplicateExtension(&'static str),
    #[error("the CSR asks for a CA certificate ({0})")]
    Ca(&'static str),
    #[error("the CSR has a subjectAltName of the type {0}; only dNSName and iPAddress are issued")]
    NameType(&'static str),
    #[error("the CSR has the name `{name}`, which cannot be issued: {reason}")]
    Name { name: String, reason: &'static str },
    #[error("the CSR's common name `{0}` is not among the identifiers of the order")]
    CommonName(String),
    #[error("the CSR's common name {0}")]
    CommonNameForm(&'static str),
    #[error("the CSR's names are not those of the order: {}", name_difference(missing, surplus))]
    Names { missing: Vec<Identifier>, surplus: Vec<Identifier> },
}

fn name_difference(missing: &[Identifier], surplus: &[Identifier]) -> String {
    // A CSR can hold thousands of names; a problem document should not.
    const SHOWN: usize = 10;
    let list = |what: &str, names: &[Identifier]| {
        let mut text = names.iter().take(SHOWN).map(Identifier::value).collect::<Vec<_>>().join(", ");
        if names.len() > SHOWN {
            text.push_str(&format!(" and {} more", names.len() - SHOWN));
        }
        format!("{what} {text}")
    };
    match (missing.is_empty(), surplus.is_empty()) {
        (false, true) => list("it lacks", missing),
        (true, _) => list("it has beyond them", surplus),
        (false, false) => format!("{}, and {}", list("it lacks", missing), list("has beyond them", surplus)),
    }
}

/// RFC 5280 appendix A.1, ub-common-name: a longer name stands in the subjectAltName only.
const MAX_COMMON_NAME: usize = 64;

impl Csr {
    /// Parses `der`, all of it, and checks the signature, the key and the requested extensions: subjectAltName with
    /// DNS names and IP addresses, keyUsage and extendedKeyUsage (without effect: the profile decides),
    /// basicConstraints that say "no CA", subjectKeyIdentifier and the TLS feature `status_request`; no others.
    pub fn parse(der: &[u8]) -> Result<Self, CsrError> {
        let parts =
            Parts::read(der).map_err(|NotDer| CsrError::Malformed("it is not a DER PKCS #10 request"))?;
        if parts.version != [0] {
            return Err(CsrError::Malformed("its version is not v1"));
        }
        let subject_key = SubjectKey::parse(parts.spki)?;
        signature::verify(&subject_key, parts.algorithm, parts.info, parts.signature).map_err(
            |e| match e {
                BadSignature::Unsupported => CsrError::SignatureAlgorithm,
                BadSignature::Wrong => CsrError::Signature,
            },
        )?;
        Ok(Self {
            subject_key,
            common_name: common_name(parts.subject)?,
            names: requested_names(parts.attributes)?,
            sha256: sha256(der),
        })
    }

    pub fn subject_key(&self) -> &SubjectKey {
        &self.subject_key
    }

    /// As it stands in the CSR.
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// The names of the subjectAltName.
    pub fn names(&self) -> impl Iterator<Item = &Identifier> {
        self.names.iter()
    }

    /// SHA-256 of the DER encoding.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// [`Self::sha256`] in lower-case hexadecimal, as [`model::Order::csr_sha256`] has it.
    pub fn sha256_hex(&self) -> String {
        hex::encode(self.sha256)
    }

    /// Checks that the names in subjectAltName and common name together are exactly `order`'s (RFC 8555 §7.4): a
    /// client may put names into either. Gives the common name for the certificate: the CSR's in canonical form,
    /// unless it is longer than the 64 characters that X.520 permits.
    pub fn check_names(&self, order: &[Identifier]) -> Result<Option<String>, CsrError> {
        let ordered: BTreeSet<&Identifier> = order.iter().collect();
        let common_name = self.common_name().map(|text| named_by(text, order)).transpose()?;
        let requested = |id: &Identifier| self.names.contains(id) || common_name.as_ref() == Some(id);
        if ordered.iter().all(|id| requested(id)) && self.names.iter().all(|id| ordered.contains(id)) {
            return Ok(common_name.and_then(|id| fitting(&id)));
        }
        Err(CsrError::Names {
            missing: ordered.iter().filter(|id| !requested(id)).map(|id| (*id).clone()).collect(),
            surplus: self.names.iter().filter(|id| !ordered.contains(id)).cloned().collect(),
        })
    }
}

/// The common name that a certificate for `order` gets where a CSR asks for `text`; none where it is too long.
pub fn common_name_of(text: &str, order: &[Identifier]) -> Result<Option<String>, CsrError> {
    named_by(text, order).map(|id| fitting(&id))
}

/// The one of `order` that a common name names.
fn named_by(text: &str, order: &[Identifier]) -> Result<Identifier, CsrError> {
    match Identifier::parse_any(text) {
        Ok(id) if order.contains(&id) => Ok(id),
        _ => Err(CsrError::CommonName(text.chars().take(MAX_COMMON_NAME * 4).collect())),
    }
}

fn fitting(id: &Identifier) -> Option<String> {
    Some(id.value()).filter(|text| text.len() <= MAX_COMMON_NAME)
}

/// The fields of a CertificationRequest, not yet looked into.
struct Parts<'a> {
    /// CertificationRequestInfo with its tag: what is signed.
    info: &'a [u8],
    version: &'a [u8],
    /// Contents of the Name.
    subject: &'a [u8],
    spki: &'a [u8],
    /// Contents of the SET OF Attribute. RFC 2986 has it even when empty, yet old clients leave it out.
    attributes: &'a [u8],
    /// Contents of the AlgorithmIdentifier.
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Parts<'a> {
    fn read(der: &'a [u8]) -> Result<Self, NotDer> {
        let mut request = Reader::new(Reader::only(der, der::SEQUENCE)?);
        let info = request.element()?;
        let algorithm = request.expect(der::SEQUENCE)?;
        let signature = request.octet_aligned_bits()?;
        request.finish()?;

        if info.tag != der::SEQUENCE {
            return Err(NotDer);
        }
        let mut fields = Reader::new(info.content);
        let version = fields.expect(der::INTEGER)?;
        let subject = fields.expect(der::SEQUENCE)?;
        let spki = fields.element()?.raw;
        let attributes = fields.optional(der::context_constructed(0))?.unwrap_or_default();
        fields.finish()?;
        Ok(Self { info: info.raw, version, subject, spki, attributes, algorithm, signature })
    }
}

/// The one common name of an RDNSequence; other attributes of the subject do not matter.
fn common_name(subject: &[u8]) -> Result<Option<String>, CsrError> {
    let malformed = |NotDer| CsrError::Malformed("its subject is not a Name");
    let mut found = None;
    let mut names = Reader::new(subject);
    while !names.is_empty() {
        let mut attributes = Reader::new(names.expect(der::SET).map_err(malformed)?);
        while !attributes.is_empty() {
            let mut attribute = attributes.sequence().map_err(malformed)?;
            let kind = attribute.expect(der::OID).map_err(malformed)?;
            let value = attribute.element().map_err(malformed)?;
            attribute.finish().map_err(malformed)?;
            if kind != oid::COMMON_NAME || value.content.is_empty() {
                continue;
            }
            if found.replace(text(&value)?).is_some() {
                return Err(CsrError::CommonNameForm("stands there more than once"));
            }
        }
    }
    Ok(found)
}

/// Decodes the string types of which ASCII, all that a host name has, is a plain part.
fn text(value: &Element<'_>) -> Result<String, CsrError> {
    if !matches!(value.tag, der::UTF8_STRING | der::PRINTABLE_STRING | der::TELETEX_STRING | der::IA5_STRING)
    {
        return Err(CsrError::CommonNameForm(
            "has an unusual string type; use UTF8String or PrintableString",
        ));
    }
    let text =
        std::str::from_utf8(value.content).map_err(|_| CsrError::CommonNameForm("is not readable text"))?;
    Ok(text.to_owned())
}
