//! Keys and certificate requests, made before the clock starts.

use std::thread;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{CertificateParams, DistinguishedName, PublicKeyData};

use crate::error::Error;

/// What leaves are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// A DNS name that no other leaf of this run has.
    Hosts,
    /// The loopback addresses 127.0.0.1 to 127.0.0.n, in turn.
    Loopback(u8),
}

/// What one order asks for: one name, and a request with its own P-256 key.
#[derive(Debug)]
pub struct Leaf {
    /// A DNS name or an IP address.
    pub name: String,
    /// The type of the identifier (RFC 8555 §9.7.7, RFC 8738 §3): `dns` or `ip`.
    pub kind: &'static str,
    /// The finalize payload: `{"csr":"…"}` (RFC 8555 §7.4).
    pub finalize: String,
    /// The SubjectPublicKeyInfo that the certificate must have.
    pub public_key: Vec<u8>,
}

/// Makes leaves.
#[derive(Debug, Default)]
pub struct LeafFactory {
    made: usize,
}

impl LeafFactory {
    /// `count` new leaves, made by all cores.
    ///
    /// # Errors
    /// When key generation or signing fails.
    pub fn make(&mut self, count: usize, naming: Naming) -> Result<Vec<Leaf>, Error> {
        let first = self.made;
        self.made += count;
        let numbers: Vec<usize> = (first..first + count).collect();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            let workers: Vec<_> = numbers
                .chunks(count.div_ceil(cores).max(1))
                .map(|share| {
                    scope.spawn(|| {
                        share.iter().map(|&number| leaf(number, naming)).collect::<Result<Vec<_>, _>>()
                    })
                })
                .collect();
            let mut leaves = Vec::with_capacity(count);
            for worker in workers {
                leaves.extend(worker.join().map_err(|_| Error::Crypto)??);
            }
            Ok(leaves)
        })
    }
}

fn leaf(number: usize, naming: Naming) -> Result<Leaf, Error> {
    let failed = |error: rcgen::Error| Error::other(format!("certificate request: {error}"));
    let (kind, name) = match naming {
        Naming::Hosts => ("dns", format!("host-{number:06}.bench.internal")),
        Naming::Loopback(addresses) => {
            ("ip", format!("127.0.0.{}", 1 + number % usize::from(addresses.max(1))))
        }
    };
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let mut request = CertificateParams::new(vec![name.clone()]).map_err(failed)?;
    request.distinguished_name = DistinguishedName::new();
    let request = request.serialize_request(&key).map_err(failed)?;
    Ok(Leaf {
        name,
        kind,
        finalize: format!(r#"{{"csr":"{}"}}"#, URL_SAFE_NO_PAD.encode(request.der())),
        public_key: key.subject_public_key_info(),
    })
}

/// A new P-256 account key, for ES256 (RFC 7518 §3.4).
///
/// # Errors
/// When key generation fails.
pub fn account_key() -> Result<EcdsaKeyPair, Error> {
    Ok(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?)
}

/// The public key as a JWK (RFC 7518 §6.2.1).
pub fn jwk(key: &EcdsaKeyPair) -> String {
    let (x, y) = coordinates(key);
    format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)
}

/// The key's thumbprint (RFC 7638), which an answer to a challenge names the account by (RFC 8555 §8.1).
pub fn thumbprint(key: &EcdsaKeyPair) -> String {
    // `jwk` has the required members alone, sorted and without white space, as RFC 7638 §3 wants them.
    URL_SAFE_NO_PAD.encode(digest(&SHA256, jwk(key).as_bytes()))
}

/// The public key's coordinates as a JWK has them.
pub fn coordinates(key: &EcdsaKeyPair) -> (String, String) {
    // An uncompressed point: 0x04, x, y (SEC 1 §2.3.3).
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_in_turn() {
        let leaves = LeafFactory::default().make(3, Naming::Loopback(2)).unwrap();
        let names: Vec<_> = leaves.iter().map(|leaf| (leaf.kind, leaf.name.as_str())).collect();
        assert_eq!(names, [("ip", "127.0.0.1"), ("ip", "127.0.0.2"), ("ip", "127.0.0.1")]);
    }

    #[test]
    fn names_are_distinct_over_several_batches() {
        let mut factory = LeafFactory::default();
        let mut leaves = factory.make(3, Naming::Hosts).unwrap();
        leaves.extend(factory.make(2, Naming::Hosts).unwrap());
        let names: Vec<&str> = leaves.iter().map(|leaf| leaf.name.as_str()).collect();
        assert_eq!(names[0], "host-000000.bench.internal");
        assert_eq!(names[4], "host-000004.bench.internal");
        assert!(factory.make(0, Naming::Hosts).unwrap().is_empty());
    }
}
