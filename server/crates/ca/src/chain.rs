//! A CA's certificate and the ones above it, as an operator hands them over.

use model::{Identifier, Timestamp};
use x509_parser::certificate::X509Certificate;
use x509_parser::error::X509Error;
use x509_parser::extensions::ParsedExtension;

use crate::der;
use crate::inspect;
use crate::key::{SubjectKey, key_identifier};
use crate::name_constraints::NameConstraints;
use crate::signature;
use crate::signer::CaError;
use crate::validity::Validity;

/// What signing needs to know about a chain.
#[derive(Debug)]
pub(crate) struct Chain {
    /// DER, the issuing certificate first.
    pub(crate) certificates: Vec<Vec<u8>>,
    pub(crate) issuing_key: SubjectKey,
    /// The issuing certificate's subject, with its tag.
    pub(crate) name: Vec<u8>,
    pub(crate) common_name: String,
    /// The issuing certificate's subjectKeyIdentifier; derived from its key if it has none.
    pub(crate) key_identifier: Vec<u8>,
    /// When every certificate of the chain is valid.
    pub(crate) validity: Validity,
    /// Of every certificate that has them, the root included: many verifiers honour those of a trust anchor too.
    name_constraints: Vec<NameConstraints>,
}

impl Chain {
    /// Checks that each certificate is a CA's, was signed by the next one, and allows the ones below it.
    pub(crate) fn parse(certificates: Vec<Vec<u8>>) -> Result<Self, CaError> {
        let parsed = certificates
            .iter()
            .enumerate()
            .map(|(i, der)| {
                inspect::parse(der).map_err(|_| CaError::MalformedCertificate { position: i + 1 })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let issuing = parsed.first().ok_or(CaError::NoCertificate)?;

        // Certificates between this one and the leaf that count against pathLenConstraint (RFC 5280 §4.2.1.9).
        let mut below = 0;
        for certificate in &parsed {
            check_ca(certificate, below)?;
            if certificate.subject().as_raw() != certificate.issuer().as_raw() {
                below += 1;
            }
        }
        for pair in parsed.windows(2) {
            if let [child, parent] = pair {
                check_link(child, parent)?;
            }
        }
        if let Some(last) = parsed.last()
            && last.subject().as_raw() == last.issuer().as_raw()
        {
            check_link(last, last)?;
        }

        let issuing_key =
            SubjectKey::parse(issuing.public_key().raw).map_err(|reason| CaError::CaKey { reason })?;
        let name = issuing.subject().as_raw().to_vec();
        let common_name = common_name(issuing);
        let key_identifier = subject_key_identifier(issuing)
            .unwrap_or_else(|| key_identifier(issuing_key.public_key()).to_vec());
        let validity =
            parsed.iter().map(|one| inspect::validity(one)).fold(inspect::validity(issuing), |all, one| {
                let (not_before, not_after) =
                    (all.not_before.max(one.not_before), all.not_after.min(one.not_after));
                Validity { not_before, not_after }
            });
        let name_constraints =
            parsed.iter().filter_map(|ca| NameConstraints::of(ca).transpose()).collect::<Result<_, _>>()?;
        drop(parsed);
        Ok(Self { certificates, issuing_key, name, common_name, key_identifier, validity, name_constraints })
    }

    /// Why `identifier` cannot be certified below this chain; `None` when it can.
    pub(crate) fn refusal(&self, identifier: &Identifier) -> Option<String> {
        self.name_constraints.iter().find_map(|constraints| constraints.refusal(identifier))
    }

    /// Whether leaves may have this common name. OpenSSL holds a common name that is an address against the
    /// constraints of DNS names.
    pub(crate) fn allows_common_name(&self, name: &str) -> bool {
        self.name_constraints.is_empty()
            || (name.parse::<std::net::IpAddr>().is_err()
                && self.name_constraints.iter().all(NameConstraints::allow_a_subject))
    }

    /// Which certificate, if any, makes the chain invalid at `now`.
    pub(crate) fn check_time(&self, now: Timestamp) -> Result<(), CaError> {
        for der in &self.certificates {
            let Ok(certificate) = inspect::parse(der) else { continue };
            let (subject, validity) = (certificate.subject().to_string(), inspect::validity(&certificate));
            if validity.not_after < now {
                return Err(CaError::Expired { subject, not_after: validity.not_after });
            }
            if now < validity.not_before {
                return Err(CaError::NotYetValid { subject, not_before: validity.not_before });
            }
        }
        Ok(())
    }

    /// Where in the chain, counted from 1, the certificate of `public_key` stands.
    pub(crate) fn position_of(&self, public_key: &[u8]) -> Option<usize> {
        let has_key = |der: &Vec<u8>| {
            inspect::parse(der).is_ok_and(|c| c.public_key().subject_public_key.data.as_ref() == public_key)
        };
        self.certificates.iter().position(has_key).map(|i| i + 1)
    }
}

fn check_ca(certificate: &X509Certificate<'_>, below: u32) -> Result<(), CaError> {
    let subject = || certificate.subject().to_string();
    let malformed = |_: X509Error| CaError::MalformedExtensions { subject: subject() };
    let constraints = certificate.basic_constraints().map_err(malformed)?;
    let Some(constraints) = constraints.map(|e| e.value).filter(|c| c.ca) else {
        return Err(CaError::NotCa { subject: subject() });
    };
    if let Some(limit) = constraints.path_len_constraint
        && limit < below
    {
        return Err(CaError::PathLength { subject: subject(), limit, below });
    }
    // Without the extension a key may be used for everything (RFC 5280 §4.2.1.3).
    if certificate.key_usage().map_err(malformed)?.is_some_and(|e| !e.value.key_cert_sign()) {
        return Err(CaError::NoKeyCertSign { subject: subject() });
    }
    Ok(())
}

fn check_link(child: &X509Certificate<'_>, parent: &X509Certificate<'_>) -> Result<(), CaError> {
    let names = || (child.subject().to_string(), parent.subject().to_string());
    if child.issuer().as_raw() != parent.subject().as_raw() {
        let (subject, next) = names();
        return Err(CaError::ChainOrder { subject, issuer: child.issuer().to_string(), next });
    }
    if !signed_by(child, parent) {
        let (subject, issuer) = names();
        return Err(CaError::ChainSignature { subject, issuer });
    }
    Ok(())
}

/// x509-parser knows what old roots were signed with (RSA-PSS, and SHA-1 too), our own list knows P-521.
fn signed_by(child: &X509Certificate<'_>, parent: &X509Certificate<'_>) -> bool {
    match child.verify_signature(Some(parent.public_key())) {
        Ok(()) => true,
        Err(X509Error::SignatureUnsupportedAlgorithm) => {
            let Ok(key) = SubjectKey::parse(parent.public_key().raw) else { return false };
            let mut algorithm = Vec::new();
            der::write_bytes(&mut algorithm, der::OID, child.signature_algorithm.algorithm.as_bytes());
            let message = child.tbs_certificate.as_ref();
            signature::verify(&key, &algorithm, message, &child.signature_value.data).is_ok()
        }
        Err(_) => false,
    }
}

fn subject_key_identifier(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
    certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
        _ => None,
    })
}

/// The common name, or the whole subject of a CA that has none.
fn common_name(certificate: &X509Certificate<'_>) -> String {
    let name = certificate.subject().iter_common_name().next();
    // T61String is Latin-1 in practice; only ASCII is sure, and this is only for show.
    name.map_or_else(
        || certificate.subject().to_string(),
        |attribute| String::from_utf8_lossy(attribute.as_slice()).into_owned(),
    )
}
