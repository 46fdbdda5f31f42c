//! Whether what the server issued is what was asked for. Done after the clock has stopped.

use std::sync::{Mutex, PoisonError};
use std::thread;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use crate::error::Error;
use crate::keys::Leaf;

/// A downloaded chain with what it was asked for.
#[derive(Debug)]
pub struct Issued {
    pub leaf: Leaf,
    /// PEM, leaf first (RFC 8555 §7.4.2).
    pub chain: Vec<u8>,
}

/// Checks chains against one CA certificate.
#[derive(Debug)]
pub struct Verifier {
    anchor: CertificateDer<'static>,
    /// Of how many chains one is checked.
    every: usize,
}

impl Verifier {
    pub fn new(anchor: CertificateDer<'static>, every: usize) -> Self {
        Self { anchor, every: every.max(1) }
    }

    /// Checks every n-th of `issued`, with all cores: the chain leads to the CA, is valid now and for a TLS server,
    /// and the leaf has the ordered name, no other, and the requested key. Returns how many were checked.
    ///
    /// # Errors
    /// At the first chain that is wrong.
    pub fn verify(&self, issued: &[Issued]) -> Result<usize, Error> {
        let chosen: Vec<&Issued> = issued.iter().step_by(self.every).collect();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let failure = Mutex::new(None);
        thread::scope(|scope| {
            for share in chosen.chunks(chosen.len().div_ceil(cores).max(1)) {
                let failure = &failure;
                scope.spawn(move || {
                    for issued in share {
                        if let Err(why) = self.check(issued) {
                            let mut first = failure.lock().unwrap_or_else(PoisonError::into_inner);
                            first.get_or_insert_with(|| {
                                format!("the chain of {} is wrong: {why}", issued.leaf.name)
                            });
                            return;
                        }
                    }
                });
            }
        });
        match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(why) => Err(Error::Other(why)),
            None => Ok(chosen.len()),
        }
    }

    fn check(&self, issued: &Issued) -> Result<(), String> {
        let chain = parse_chain(&issued.chain)?;
        let [leaf, intermediates @ ..] = chain.as_slice() else { return Err("it is empty".to_owned()) };
        let certificate = EndEntityCert::try_from(leaf).map_err(|e| e.to_string())?;
        let anchor = anchor_from_trusted_cert(&self.anchor).map_err(|e| e.to_string())?;
        certificate
            .verify_for_usage(
                ALL_VERIFICATION_ALGS,
                &[anchor],
                intermediates,
                UnixTime::now(),
                KeyUsage::server_auth(),
                None,
                None,
            )
            .map_err(|e| e.to_string())?;
        let name = ServerName::try_from(issued.leaf.name.as_str()).map_err(|e| e.to_string())?;
        certificate.verify_is_valid_for_subject_name(&name).map_err(|e| e.to_string())?;
        let dns_names = if issued.leaf.kind == "dns" { 1 } else { 0 };
        if certificate.valid_dns_names().count() != dns_names {
            return Err("it has other names too".to_owned());
        }
        if *certificate.subject_public_key_info() != *issued.leaf.public_key {
            return Err("it has another key".to_owned());
        }
        Ok(())
    }
}

/// The last certificate of a chain: the trust anchor where nobody names one.
///
/// # Errors
/// When it is no chain.
pub fn last_of(chain: &[u8]) -> Result<CertificateDer<'static>, Error> {
    let mut chain = parse_chain(chain).map_err(Error::Other)?;
    match (chain.len(), chain.pop()) {
        (2.., Some(last)) => Ok(last),
        _ => Err(Error::other("the chain has no issuer's certificate")),
    }
}

fn parse_chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{LeafFactory, Naming};
    use rcgen::{
        BasicConstraints, CertificateParams, CertificateSigningRequestParams, IsCa, Issuer, KeyPair,
    };

    fn authority() -> (Issuer<'static, KeyPair>, rcgen::Certificate) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        (Issuer::new(params, key), certificate)
    }

    fn issue(authority: &(Issuer<'static, KeyPair>, rcgen::Certificate), leaf: Leaf) -> Issued {
        use base64::Engine as _;
        let csr = leaf.finalize.strip_prefix(r#"{"csr":""#).unwrap().strip_suffix(r#""}"#).unwrap();
        let csr = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(csr).unwrap();
        let csr = CertificateSigningRequestParams::from_der(&csr.into()).unwrap();
        let certificate = csr.signed_by(&authority.0).unwrap();
        Issued { leaf, chain: (certificate.pem() + &authority.1.pem()).into_bytes() }
    }

    #[test]
    fn a_good_chain_passes_and_a_wrong_one_is_named() {
        let (ours, other) = (authority(), authority());
        let mut leaves = LeafFactory::default().make(4, Naming::Hosts).unwrap().into_iter();
        let mut next = || leaves.next().unwrap();
        let verifier = Verifier::new(ours.1.der().clone(), 1);

        let good = issue(&ours, next());
        assert_eq!(last_of(&good.chain).unwrap(), *ours.1.der());
        assert_eq!(verifier.verify(&[good]).unwrap(), 1);

        let foreign = issue(&other, next());
        assert!(verifier.verify(&[foreign]).unwrap_err().to_string().contains("host-000001"));

        let (mut swapped, second) = (issue(&ours, next()), next());
        let public_key = std::mem::replace(&mut swapped.leaf.public_key, second.public_key);
        assert!(verifier.verify(std::slice::from_ref(&swapped)).is_err());
        swapped.leaf.public_key = public_key;
        assert_eq!(verifier.verify(std::slice::from_ref(&swapped)).unwrap(), 1);
        swapped.leaf.name = "else.bench.internal".to_owned();
        assert!(verifier.verify(&[swapped]).is_err());
    }
}
