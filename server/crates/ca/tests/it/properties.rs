use ca::{CaKeyAlgorithm, CaSigner, Csr, KeyBlocklist, Sealer, SubjectKey, create_csr, generate_key, pem};
use model::{KeyType, SystemEntropy};
use proptest::prelude::*;

use crate::support::{ids, now, pkcs8};

proptest! {
    #[test]
    fn no_bytes_make_a_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Csr::parse(&bytes);
        let _ = SubjectKey::parse(&bytes);
        let _ = ca::describe(&bytes);
        let _ = ca::certificate_spki(&bytes);
        let _ = CaSigner::load(vec![bytes.clone()], &bytes);
        let _ = Sealer::new(&[1; 32]).open("p", "i", &bytes);
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in any::<String>()) {
        let _ = KeyBlocklist::parse(&text);
        let _ = pem::decode_certificates(&text);
        let _ = CaSigner::from_pem(&text, &text, now());
        let _ = CaSigner::from_pem(&pem::encode(pem::CERTIFICATE, text.as_bytes()), &text, now());
    }

    /// Every change to a CSR is noticed, whatever it makes of it.
    #[test]
    fn a_changed_csr_is_refused(at in any::<prop::sample::Index>(), change in 1..=255u8, length in 0..3usize) {
        let der = create_csr(pkcs8(KeyType::EcdsaP256), &ids(&["a.example", "192.0.2.1"])).unwrap();
        let at = at.index(der.len());
        let mut changed = der.clone();
        changed[at] ^= change;
        prop_assert!(Csr::parse(&changed).is_err());
        changed.drain(at..(at + length).min(der.len()));
        prop_assert!(Csr::parse(&changed).is_err());
    }

    /// Extensions of any shape, in a CSR that is signed well.
    #[test]
    fn signed_nonsense_does_not_panic(
        kind in prop::sample::select(vec![14u64, 15, 17, 19, 30, 37]),
        content in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let key = rcgen::KeyPair::try_from(pkcs8(KeyType::EcdsaP256)).unwrap();
        let mut params = rcgen::CertificateParams::default();
        let mut der = vec![0x30, u8::try_from(content.len()).unwrap()];
        der.extend_from_slice(&content);
        for content in [content, der] {
            params.custom_extensions = vec![rcgen::CustomExtension::from_oid_content(&[2, 5, 29, kind], content)];
            let csr = params.serialize_request(&key).unwrap();
            if let Ok(csr) = Csr::parse(csr.der()) {
                let _ = csr.check_names(&ids(&["a.example"]));
            }
        }
    }

    #[test]
    fn what_is_sealed_opens_with_its_own_names_only(
        secret in proptest::collection::vec(any::<u8>(), 0..100),
        purpose in "[a-z]{0,4}", id in "[a-z]{0,4}", other_purpose in "[a-z]{0,4}", other_id in "[a-z]{0,4}",
    ) {
        let sealer = Sealer::new(&[1; 32]);
        let sealed = sealer.seal(&purpose, &id, &secret, &SystemEntropy);
        let opened = sealer.open(&other_purpose, &other_id, &sealed);
        prop_assert_eq!(opened.is_ok(), (&purpose, &id) == (&other_purpose, &other_id));
        let opened = sealer.open(&purpose, &id, &sealed).unwrap();
        prop_assert_eq!(opened.as_slice(), secret);
    }
}

#[test]
fn generated_keys_are_good_keys() {
    for algorithm in CaKeyAlgorithm::ALL {
        let (pkcs8, key) = generate_key(*algorithm).unwrap();
        assert_eq!(key.algorithm().to_string(), algorithm.as_str());
        assert_eq!(SubjectKey::parse(key.spki_der()).unwrap(), key);
        assert_eq!(
            Csr::parse(&create_csr(&pkcs8, &ids(&["a.example"])).unwrap()).unwrap().subject_key(),
            &key
        );
    }
}
