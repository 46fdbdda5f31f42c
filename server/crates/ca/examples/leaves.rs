//! Writes leaves of every key type under CAs of every algorithm into a directory, for other programs to judge:
//! `cargo run -p ca --example leaves -- DIRECTORY`. For each pair there are `<ca>.<key>.<n>.pem`, `n` counting
//! through [`KINDS`], and for each CA `<ca>.chain.pem`.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair};
use ca::{CaKeyAlgorithm, CaSigner, Csr, LeafRequest, Serial, create_csr, generate_key, pem};
use model::{Clock as _, ExtendedKeyUsage, Identifier, SystemClock, SystemEntropy};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = PathBuf::from(std::env::args_os().nth(1).ok_or("which directory?")?);
    std::fs::create_dir_all(&directory)?;
    let day = Duration::from_secs(86_400);
    let now = SystemClock.now();

    let mut keys = Vec::new();
    for algorithm in CaKeyAlgorithm::ALL {
        keys.push(generate_key(*algorithm)?.0.to_vec());
    }
    let p521 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P521_SHA512_ASN1_SIGNING, &SystemRandom::new())?;
    keys.push(p521.as_ref().to_vec());
    keys.push(KeyPair::generate(KeySize::Rsa2048)?.as_der()?.as_ref().to_vec());

    for algorithm in CaKeyAlgorithm::ALL {
        let (signer, _) = CaSigner::generate("Example CA", *algorithm, 3650 * day, now, &SystemEntropy)?;
        std::fs::write(directory.join(format!("{algorithm}.chain.pem")), signer.chain_pem())?;
        for pkcs8 in &keys {
            for (n, kind) in KINDS.iter().enumerate() {
                let identifiers = kind
                    .names
                    .iter()
                    .map(|name| Identifier::parse_any(name))
                    .collect::<Result<Vec<_>, _>>()?;
                let csr = Csr::parse(&create_csr(pkcs8, &identifiers)?)?;
                let not_before = now - Duration::from_secs(60);
                let leaf = signer.sign_leaf(&LeafRequest {
                    serial: Serial::generate(now, &SystemEntropy),
                    subject_key: csr.subject_key(),
                    identifiers: &identifiers,
                    common_name: kind.common_name,
                    not_before,
                    // notAfter itself is still valid (RFC 5280 §4.1.2.5).
                    not_after: not_before + kind.days * day - Duration::from_secs(1),
                    extended_key_usages: kind.usages,
                    must_staple: kind.must_staple,
                })?;
                let name = format!("{algorithm}.{}.{n}.pem", csr.subject_key().algorithm());
                std::fs::write(directory.join(name), pem::encode(pem::CERTIFICATE, &leaf.der))?;
            }
        }
    }
    Ok(())
}

/// What leaves differ in. The first name is one that every kind of verifier can be asked for.
struct Kind {
    names: &'static [&'static str],
    common_name: Option<&'static str>,
    usages: &'static [ExtendedKeyUsage],
    must_staple: bool,
    days: u32,
}

const SERVER: ExtendedKeyUsage = ExtendedKeyUsage::ServerAuth;
const CLIENT: ExtendedKeyUsage = ExtendedKeyUsage::ClientAuth;

const KINDS: [Kind; 4] = [
    Kind {
        names: &["example.com", "*.example.com", "192.0.2.1", "2001:db8::1"],
        common_name: None,
        usages: &[SERVER],
        must_staple: false,
        days: 90,
    },
    Kind {
        names: &["example.com", "www.example.com"],
        common_name: Some("www.example.com"),
        usages: &[SERVER, CLIENT],
        must_staple: true,
        days: 30,
    },
    Kind {
        names: &["hello.internal", "*.internal", "localhost", "10.0.0.1", "fd00::1"],
        common_name: Some("10.0.0.1"),
        usages: &[SERVER],
        must_staple: false,
        days: 1000,
    },
    Kind {
        names: &["client.example.com"],
        common_name: None,
        usages: &[CLIENT],
        must_staple: false,
        days: 1,
    },
];
