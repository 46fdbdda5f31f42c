use model::Identifier;
use rcgen::{CertificateParams, DistinguishedName, SanType};

use crate::private_key::PrivateKey;
use crate::signer::CaError;

/// Makes a CSR (DER) for `identifiers` with the private key `pkcs8`: what the program's own ACME client sends. The
/// subject is empty.
pub fn create_csr(pkcs8: &[u8], identifiers: &[Identifier]) -> Result<Vec<u8>, CaError> {
    let key = PrivateKey::from_der(pkcs8).ok_or(CaError::KeyUnreadable)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = identifiers
        .iter()
        .map(|identifier| match identifier {
            // Names are ASCII, so the conversion to IA5String cannot fail.
            Identifier::Dns(name) => name.as_str().try_into().map(SanType::DnsName),
            Identifier::Ip(ip) => Ok(SanType::IpAddress(*ip)),
        })
        .collect::<Result<_, rcgen::Error>>()
        .map_err(|_| CaError::Crypto("encoding the names of a CSR"))?;
    let csr = params.serialize_request(&key).map_err(|_| CaError::Crypto("signing a CSR"))?;
    Ok(csr.der().to_vec())
}
