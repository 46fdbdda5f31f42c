use ca::{CaError, CaKeyAlgorithm, CaSigner, certificate_serial_hex, certificate_spki, pem};
use model::{ExtendedKeyUsage, KeyType, SystemEntropy};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::extensions::{GeneralName, ParsedExtension};

use crate::support::{DAY, OpenSsl, ids, leaf_request, now, root, subject_key};

#[test]
fn webpki_and_openssl_accept_every_leaf_of_every_ca() {
    let names = ids(&["a.example", "*.b.example", "192.0.2.1", "2001:db8::1"]);
    for algorithm in CaKeyAlgorithm::ALL {
        let signer = root(*algorithm);
        for key_type in KeyType::ALL {
            let key = subject_key(*key_type);
            for common_name in [None, Some("a.example")] {
                let mut request = leaf_request(&key, &names);
                request.common_name = common_name;
                request.must_staple = common_name.is_some();
                request.extended_key_usages = &[ExtendedKeyUsage::ServerAuth, ExtendedKeyUsage::ClientAuth];
                let leaf = signer.sign_leaf(&request).unwrap();
                let unsigned = signer.prepare_leaf(&request).unwrap();
                assert_eq!(unsigned.fields().unwrap(), ca::fields(&leaf.der).unwrap());

                webpki_accepts(&leaf.der, &signer, &["a.example", "x.b.example", "192.0.2.1", "2001:db8::1"]);
                openssl_accepts(&leaf.der, &signer, "a.example");
                assert_eq!(leaf.serial_hex, certificate_serial_hex(&leaf.der).unwrap());
                assert_eq!(key.spki_der(), certificate_spki(&leaf.der).unwrap());
                assert_eq!(leaf.not_after, ca::not_after(&leaf.der).unwrap());
                assert_eq!(leaf.sha256_hex, ca::describe(&leaf.der).unwrap().sha256_hex);
            }
        }
    }
}

pub fn webpki_accepts(leaf: &[u8], signer: &CaSigner, names: &[&str]) {
    let der = CertificateDer::from(leaf);
    let certificate = EndEntityCert::try_from(&der).unwrap();
    let (root, intermediates) = signer.chain().split_last().unwrap();
    let root = CertificateDer::from(root.as_slice());
    let anchor = anchor_from_trusted_cert(&root).unwrap();
    let intermediates: Vec<_> = intermediates.iter().map(|c| CertificateDer::from(c.as_slice())).collect();
    let time =
        UnixTime::since_unix_epoch(std::time::Duration::from_secs(now().unix_seconds().cast_unsigned()));
    certificate
        .verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &[anchor],
            &intermediates,
            time,
            KeyUsage::server_auth(),
            None,
            None,
        )
        .unwrap();
    for name in names {
        certificate.verify_is_valid_for_subject_name(&ServerName::try_from(*name).unwrap()).unwrap();
    }
}

pub fn openssl_accepts(leaf: &[u8], signer: &CaSigner, name: &str) {
    let openssl = OpenSsl::new();
    openssl.write("leaf.pem", pem::encode(pem::CERTIFICATE, leaf));
    let (root, intermediates) = signer.chain().split_last().unwrap();
    openssl.write("root.pem", pem::encode(pem::CERTIFICATE, root));
    let untrusted = if intermediates.is_empty() { "" } else { "-untrusted chain.pem" };
    openssl.write("chain.pem", pem::encode_certificates(intermediates));
    openssl.run(&format!(
        "verify -x509_strict -purpose sslserver -verify_hostname {name} -CAfile root.pem {untrusted} leaf.pem"
    ));
}

#[test]
fn a_leaf_has_what_the_profile_says_and_nothing_else() {
    let signer = root(CaKeyAlgorithm::EcdsaP256);
    let names = ids(&["b.example", "a.example", "192.0.2.1"]);
    for key_type in KeyType::ALL {
        let key = subject_key(*key_type);
        let leaf = signer.sign_leaf(&leaf_request(&key, &names)).unwrap();
        let (rest, certificate) = x509_parser::parse_x509_certificate(&leaf.der).unwrap();
        assert!(rest.is_empty());
        assert_eq!(certificate.version().0, 2);
        assert_eq!(certificate.subject().iter().count(), 0);
        assert_eq!(certificate.extensions().len(), 6);
        let usage = certificate.key_usage().unwrap().unwrap();
        assert!(usage.critical && usage.value.digital_signature());
        assert_eq!(usage.value.key_encipherment(), *key_type == KeyType::Rsa);
        assert_eq!(usage.value.flags.count_ones(), 1 + u32::from(*key_type == KeyType::Rsa));
        let constraints = certificate.basic_constraints().unwrap().unwrap();
        assert!(constraints.critical && !constraints.value.ca);
        let purposes = certificate.extended_key_usage().unwrap().unwrap();
        assert!(purposes.value.server_auth && !purposes.value.client_auth && !purposes.critical);
        let names = certificate.subject_alternative_name().unwrap().unwrap();
        assert!(names.critical, "the subject is empty");
        assert_eq!(
            names.value.general_names,
            [
                GeneralName::DNSName("b.example"),
                GeneralName::DNSName("a.example"),
                GeneralName::IPAddress(&[192, 0, 2, 1])
            ]
        );
        let authority = certificate.iter_extensions().find_map(|e| match e.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(aki) => aki.key_identifier.as_ref().map(|k| k.0.to_vec()),
            _ => None,
        });
        assert_eq!(authority.unwrap(), signer.ski());
    }
}

#[test]
fn a_client_enciphers_no_keys() {
    let signer = root(CaKeyAlgorithm::EcdsaP256);
    let (key, names) = (subject_key(KeyType::Rsa), ids(&["a.example"]));
    let mut request = leaf_request(&key, &names);
    request.extended_key_usages = &[ExtendedKeyUsage::ClientAuth];
    let leaf = signer.sign_leaf(&request).unwrap();
    let (_, certificate) = x509_parser::parse_x509_certificate(&leaf.der).unwrap();
    let usage = certificate.key_usage().unwrap().unwrap().value;
    assert!(usage.digital_signature() && !usage.key_encipherment());
}

#[test]
fn the_common_name_takes_the_criticality_from_the_names() {
    let signer = root(CaKeyAlgorithm::EcdsaP256);
    let (key, names) = (subject_key(KeyType::EcdsaP256), ids(&["a.example"]));
    let mut request = leaf_request(&key, &names);
    request.common_name = Some("a.example");
    request.must_staple = true;
    let leaf = signer.sign_leaf(&request).unwrap();
    let (_, certificate) = x509_parser::parse_x509_certificate(&leaf.der).unwrap();
    assert_eq!(certificate.subject().to_string(), "CN=a.example");
    assert!(!certificate.subject_alternative_name().unwrap().unwrap().critical);
    let feature =
        certificate.iter_extensions().find(|e| e.oid.to_id_string() == "1.3.6.1.5.5.7.1.24").unwrap();
    assert_eq!(feature.value, [0x30, 0x03, 0x02, 0x01, 0x05]);
}

#[test]
fn dates_from_2050_are_generalized_times() {
    let (signer, _) =
        CaSigner::generate("Long", CaKeyAlgorithm::EcdsaP256, 36_500 * DAY, now(), &SystemEntropy).unwrap();
    let (key, names) = (subject_key(KeyType::EcdsaP256), ids(&["a.example"]));
    for end in ["2049-12-31T23:59:59Z", "2050-01-01T00:00:00Z"] {
        let mut request = leaf_request(&key, &names);
        request.not_after = model::Timestamp::parse_rfc3339(end).unwrap();
        let leaf = signer.sign_leaf(&request).unwrap();
        assert_eq!(ca::not_after(&leaf.der).unwrap().to_rfc3339(), end);
        webpki_accepts(&leaf.der, &signer, &["a.example"]);
        openssl_accepts(&leaf.der, &signer, "a.example");
    }
}

#[test]
fn a_leaf_that_nobody_could_use_is_refused() {
    let signer = root(CaKeyAlgorithm::EcdsaP256);
    let (key, names) = (subject_key(KeyType::EcdsaP256), ids(&["a.example"]));
    let good = leaf_request(&key, &names);
    let refused = |request| signer.sign_leaf(&request).unwrap_err();

    assert_eq!(refused(ca::LeafRequest { identifiers: &[], ..good }), CaError::NoNames);
    assert!(matches!(
        refused(ca::LeafRequest { common_name: Some("b.example"), ..good }),
        CaError::LeafCommonName(_)
    ));
    let late = now() + 400 * DAY;
    assert_eq!(refused(ca::LeafRequest { not_after: late, ..good }), CaError::LeafValidity);
    assert_eq!(refused(ca::LeafRequest { not_before: now() - DAY, ..good }), CaError::LeafValidity);
    assert_eq!(refused(ca::LeafRequest { not_before: late, ..good }), CaError::LeafValidity);
    let own = ca::SubjectKey::parse(&certificate_spki(&signer.chain()[0]).unwrap()).unwrap();
    assert_eq!(refused(ca::LeafRequest { subject_key: &own, ..good }), CaError::LeafKey);
}

#[test]
fn a_generated_root_is_a_root_and_loads_again() {
    for algorithm in CaKeyAlgorithm::ALL {
        let (signer, pkcs8) =
            CaSigner::generate("Wurzel ☂ CA", *algorithm, 3650 * DAY, now(), &SystemEntropy).unwrap();
        assert_eq!(signer.algorithm().to_string(), algorithm.as_str());
        assert_eq!(signer.common_name(), "Wurzel ☂ CA");
        assert!(signer.validity().not_before < now() && signer.not_after() > now() + 3649 * DAY);

        let openssl = OpenSsl::new();
        openssl.write("root.pem", signer.chain_pem());
        let text = openssl.run("x509 -in root.pem -noout -text -ext basicConstraints,keyUsage");
        assert!(text.contains("CA:TRUE") && text.contains("Certificate Sign, CRL Sign"), "{text}");
        openssl.run("verify -x509_strict -check_ss_sig -CAfile root.pem root.pem");

        let loaded = CaSigner::load(signer.chain().to_vec(), &pkcs8).unwrap();
        assert_eq!(loaded.chain_id(), signer.chain_id());
        assert_eq!(loaded.ski(), signer.ski());
        assert!(!format!("{loaded:?}").contains(&hex::encode(&pkcs8[40..48])));
    }
    for bad in ["", &"x".repeat(65)] {
        let refused = CaSigner::generate(bad, CaKeyAlgorithm::EcdsaP256, DAY, now(), &SystemEntropy);
        assert_eq!(refused.unwrap_err(), CaError::CommonName);
    }
    for bad in [std::time::Duration::ZERO, 4_000_000 * DAY] {
        let refused = CaSigner::generate("x", CaKeyAlgorithm::EcdsaP256, bad, now(), &SystemEntropy);
        assert_eq!(refused.unwrap_err(), CaError::Validity);
    }
}
