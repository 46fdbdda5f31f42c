//! Certificates that clients got.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use testkit::http::Client;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// A downloaded chain: the leaf and what came with it.
#[derive(Clone, Debug)]
pub struct Chain {
    certificates: Vec<CertificateDer<'static>>,
}

impl Chain {
    /// # Panics
    /// When `pem` is no list of certificates.
    pub fn from_pem(pem: &str) -> Self {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
        let certificates = certificates.expect("PEM");
        assert!(!certificates.is_empty(), "no certificate in {pem:?}");
        Self { certificates }
    }

    pub fn leaf(&self) -> &CertificateDer<'static> {
        &self.certificates[0]
    }

    /// The leaf's serial number in lower-case hexadecimal, as the API writes it.
    pub fn serial(&self) -> String {
        hex::encode(self.parsed().raw_serial()).trim_start_matches("00").to_owned()
    }

    /// The leaf's name in renewal information (RFC 9773 §4.1), by what it says.
    ///
    /// # Panics
    /// When it does not name its issuer's key.
    pub fn renewal_id(&self) -> String {
        let leaf = self.parsed();
        let issuer = leaf.iter_extensions().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.clone(),
            _ => None,
        });
        let encode = |octets: &[u8]| URL_SAFE_NO_PAD.encode(octets);
        format!("{}.{}", encode(issuer.expect("an authority key identifier").0), encode(leaf.raw_serial()))
    }

    /// SHA-256 of the leaf in lower-case hexadecimal.
    pub fn sha256(&self) -> String {
        hex::encode(digest(&SHA256, self.leaf()))
    }

    /// The leaf's subject alternative names, IP addresses in their usual form, in the order of the certificate.
    ///
    /// # Panics
    /// When it has none, or of other kinds.
    pub fn names(&self) -> Vec<String> {
        let leaf = self.parsed();
        let extension = leaf.subject_alternative_name().expect("a readable extension").expect("a SAN");
        extension
            .value
            .general_names
            .iter()
            .map(|name| match name {
                GeneralName::DNSName(name) => (*name).to_owned(),
                GeneralName::IPAddress(octets) => ip_text(octets),
                other => panic!("{other:?} in a leaf"),
            })
            .collect()
    }

    /// The leaf's notBefore and notAfter in seconds since the Unix epoch.
    pub fn validity(&self) -> (i64, i64) {
        let leaf = self.parsed();
        (leaf.validity().not_before.timestamp(), leaf.validity().not_after.timestamp())
    }

    /// Checks with webpki that a TLS client that trusts `ca_pem` accepts the leaf for `name`.
    ///
    /// # Panics
    /// When it does not.
    pub fn verify_with_webpki(&self, ca_pem: &str, name: &str) {
        let roots: Vec<_> =
            CertificateDer::pem_slice_iter(ca_pem.as_bytes()).map(|c| c.expect("PEM")).collect();
        let anchors: Vec<_> =
            roots.iter().map(|root| webpki::anchor_from_trusted_cert(root).expect("a root")).collect();
        let leaf = webpki::EndEntityCert::try_from(self.leaf()).expect("a certificate");
        let usage = webpki::KeyUsage::server_auth();
        leaf.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            &self.certificates[1..],
            UnixTime::now(),
            usage,
            None,
            None,
        )
        .unwrap_or_else(|error| panic!("webpki: {error}"));
        let name = ServerName::try_from(name).expect("a name");
        leaf.verify_is_valid_for_subject_name(&name).unwrap_or_else(|error| panic!("webpki: {error}"));
    }

    fn parsed(&self) -> X509Certificate<'_> {
        X509Certificate::from_der(self.leaf()).expect("a certificate").1
    }
}

/// The internal CA (PEM) from the place where everybody may download it.
pub async fn internal_ca(client: &Client) -> String {
    let answer = client.get("/pki/iss-internal-ca.pem").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text()
}

fn ip_text(octets: &[u8]) -> String {
    if let Ok(v4) = <[u8; 4]>::try_from(octets) {
        return std::net::Ipv4Addr::from(v4).to_string();
    }
    let v6 = <[u8; 16]>::try_from(octets).expect("4 or 16 octets");
    std::net::Ipv6Addr::from(v6).to_string()
}
