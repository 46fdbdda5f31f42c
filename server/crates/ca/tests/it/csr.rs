use std::fmt::Write as _;

use ca::{CaKeyAlgorithm, Csr, CsrError, KeyError, create_csr, generate_key};
use model::KeyType;

use crate::support::{OpenSsl, ids, pkcs8};

/// Lets OpenSSL make a CSR. `extensions` are lines of a configuration section.
fn openssl_csr(new_key: &str, subject: &str, extensions: &str, more: &str) -> Vec<u8> {
    let openssl = OpenSsl::new();
    openssl.write(
        "req.cnf",
        format!("[req]\ndistinguished_name=dn\nreq_extensions=ext\n[dn]\n[ext]\n{extensions}\n"),
    );
    openssl.run(&format!("genpkey {new_key} -out key.pem"));
    let mut arguments: Vec<&str> =
        "req -new -config req.cnf -key key.pem -utf8 -outform DER -out csr.der -subj".split(' ').collect();
    arguments.push(subject);
    arguments.extend(more.split_whitespace());
    openssl.run_with(&arguments);
    openssl.read("csr.der")
}

const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";

fn refusal(extensions: &str) -> String {
    Csr::parse(&openssl_csr(P256, "/", extensions, "")).unwrap_err().to_string()
}

#[test]
fn openssl_csrs_of_every_key_type_are_accepted() {
    for (new_key, algorithm, more) in [
        (P256, "ecdsa-p256", ""),
        (P256, "ecdsa-p256", "-sha512"),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "ecdsa-p384", "-sha256"),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "ecdsa-p384", "-sha384"),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-521", "ecdsa-p521", "-sha256"),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-521", "ecdsa-p521", "-sha512"),
        ("-algorithm ED25519", "ed25519", ""),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "rsa-2048", "-sha256"),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:3072", "rsa-3072", "-sha384"),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "rsa-2048", "-sha512"),
    ] {
        let csr = Csr::parse(&openssl_csr(new_key, "/CN=a.example", "subjectAltName=DNS:a.example", more));
        let csr = csr.unwrap_or_else(|e| panic!("{new_key} {more}: {e}"));
        assert_eq!(csr.subject_key().algorithm().to_string(), algorithm);
        assert_eq!(csr.common_name(), Some("a.example"));
        assert_eq!(csr.check_names(&ids(&["a.example"])), Ok(Some("a.example".to_owned())));
    }
}

#[test]
fn our_own_csrs_are_accepted_by_both() {
    for key_type in KeyType::ALL {
        let der = create_csr(pkcs8(*key_type), &ids(&["a.example", "*.b.example", "192.0.2.1"])).unwrap();
        let csr = Csr::parse(&der).unwrap();
        assert_eq!(csr.subject_key().key_type(), *key_type);
        assert_eq!(csr.check_names(&ids(&["192.0.2.1", "*.b.example", "a.example"])), Ok(None));
        OpenSsl::new().write("csr.der", &der).run("req -in csr.der -inform DER -noout -verify");
    }
}

#[test]
fn names_may_be_in_either_place() {
    let csr = |subject: &str, names: &str| Csr::parse(&openssl_csr(P256, subject, names, "")).unwrap();
    let without_names = "keyUsage=digitalSignature";

    let only_cn = csr("/C=DE/O=Example/CN=A.Example", without_names);
    assert_eq!(only_cn.check_names(&ids(&["a.example"])), Ok(Some("a.example".to_owned())));
    assert!(matches!(only_cn.check_names(&ids(&["a.example", "b.example"])), Err(CsrError::Names { .. })));
    assert!(matches!(only_cn.check_names(&ids(&["b.example"])), Err(CsrError::CommonName(_))));

    let only_san = csr("/", "subjectAltName=DNS:B.example,DNS:a.example,IP:2001:db8:0::1");
    assert_eq!(only_san.common_name(), None);
    assert_eq!(only_san.check_names(&ids(&["a.example", "b.example", "2001:db8::1"])), Ok(None));

    let both = csr("/CN=a.example", "subjectAltName=DNS:b.example,IP:192.0.2.1");
    let order = ids(&["a.example", "b.example", "192.0.2.1"]);
    assert_eq!(both.check_names(&order), Ok(Some("a.example".to_owned())));

    let ip = csr("/CN=192.0.2.1", without_names);
    assert_eq!(ip.check_names(&ids(&["192.0.2.1"])), Ok(Some("192.0.2.1".to_owned())));

    let person = csr("/CN=My Server", "subjectAltName=DNS:a.example");
    let error = person.check_names(&ids(&["a.example"])).unwrap_err();
    assert_eq!(error, CsrError::CommonName("My Server".to_owned()));
}

#[test]
fn a_difference_between_csr_and_order_is_spelt_out() {
    let csr = Csr::parse(&openssl_csr(P256, "/", "subjectAltName=DNS:a.example,DNS:c.example", "")).unwrap();
    let error = csr.check_names(&ids(&["a.example", "b.example"])).unwrap_err().to_string();
    assert!(error.ends_with("it lacks b.example, and has beyond them c.example"), "{error}");
    let error = csr.check_names(&ids(&["a.example"])).unwrap_err().to_string();
    assert!(error.ends_with("it has beyond them c.example"), "{error}");

    let many = (0..30).fold("subjectAltName=DNS:a.example".to_owned(), |mut text, i| {
        let _ = write!(text, ",DNS:n{i}.example");
        text
    });
    let csr = Csr::parse(&openssl_csr(P256, "/", &many, "")).unwrap();
    let error = csr.check_names(&ids(&["a.example"])).unwrap_err().to_string();
    assert!(error.ends_with("and 20 more"), "{error}");
}

#[test]
fn a_name_too_long_for_a_common_name_stays_out_of_it() {
    let long = format!("{}.{}.example", "a".repeat(40), "b".repeat(40));
    let der = openssl_csr(P256, "/", &format!("subjectAltName=DNS:{long}"), "");
    assert_eq!(Csr::parse(&der).unwrap().check_names(&ids(&[&long])), Ok(None));

    // OpenSSL itself keeps to the 64 characters, so this one is made by rcgen.
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new([long.clone()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, long.as_str());
    let csr = Csr::parse(params.serialize_request(&key).unwrap().der()).unwrap();
    assert_eq!(csr.common_name(), Some(long.as_str()));
    assert_eq!(csr.check_names(&ids(&[&long])), Ok(None));
}

#[test]
fn harmless_requests_are_tolerated() {
    let harmless = "subjectAltName=DNS:a.example\nbasicConstraints=critical,CA:FALSE\n\
        keyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth,clientAuth,codeSigning\n\
        subjectKeyIdentifier=hash\ntlsfeature=status_request";
    let csr = Csr::parse(&openssl_csr(P256, "/", harmless, "")).unwrap();
    assert_eq!(csr.check_names(&ids(&["a.example"])), Ok(None));
}

#[test]
fn other_attributes_ask_for_nothing() {
    let openssl = OpenSsl::new();
    openssl.write(
        "req.cnf",
        "[req]\ndistinguished_name=dn\nattributes=att\nprompt=no\n[dn]\nCN=a.example\n[att]\n\
         challengePassword=secret\nunstructuredName=text\n",
    );
    openssl.run(&format!("genpkey {P256} -out key.pem"));
    openssl.run("req -new -config req.cnf -key key.pem -outform DER -out csr.der");
    let csr = Csr::parse(&openssl.read("csr.der")).unwrap();
    assert_eq!(csr.check_names(&ids(&["a.example"])), Ok(Some("a.example".to_owned())));
}

#[test]
fn forbidden_requests_are_refused_with_the_reason() {
    for (extensions, reason) in [
        ("basicConstraints=CA:TRUE", "cA true"),
        ("keyUsage=keyCertSign", "keyCertSign"),
        ("keyUsage=digitalSignature,cRLSign", "cRLSign"),
        ("nameConstraints=permitted;DNS:example", "nameConstraints (2.5.29.30)"),
        ("certificatePolicies=1.2.3.4", "certificatePolicies"),
        ("1.2.3.4.5=ASN1:NULL", "1.2.3.4.5"),
        ("tlsfeature=17", "TLS feature"),
        ("keyUsage=DER:0400", "keyUsage"),
        ("basicConstraints=DER:0500", "basicConstraints"),
        ("subjectAltName=email:a@example.com", "rfc822Name"),
        ("subjectAltName=URI:https://a.example", "uniformResourceIdentifier"),
        ("subjectAltName=RID:1.2.3", "registeredID"),
        ("subjectAltName=otherName:1.2.3;UTF8:x", "otherName"),
        ("subjectAltName=DNS:a_b.example", "a character other than"),
        ("subjectAltName=DNS:a.example.", "ends with a dot"),
        ("subjectAltName=DNS:192.0.2.1", "IP address"),
    ] {
        let error = refusal(extensions);
        assert!(error.contains(reason), "{extensions}: {error}");
    }
}

#[test]
fn weak_and_unsupported_keys_are_refused() {
    for (new_key, reason) in [
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:1024", "1024 bits"),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:3", "65537"),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-224", "not supported"),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1", "not supported"),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit", "not supported"),
        ("-algorithm ED448", "not supported"),
        ("-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048", "not supported"),
    ] {
        let der = openssl_csr(new_key, "/", "subjectAltName=DNS:a.example", "");
        let error = Csr::parse(&der).unwrap_err();
        assert!(matches!(error, CsrError::Key(_)), "{new_key}: {error}");
        assert!(error.to_string().contains(reason), "{new_key}: {error}");
    }
}

#[test]
fn sha_1_and_pss_signatures_are_refused() {
    let rsa = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
    for more in ["-sha1", "-sha256 -sigopt rsa_padding_mode:pss"] {
        let der = openssl_csr(rsa, "/", "subjectAltName=DNS:a.example", more);
        assert_eq!(Csr::parse(&der).unwrap_err(), CsrError::SignatureAlgorithm, "{more}");
    }
}

#[test]
fn only_the_key_itself_can_sign() {
    for key_type in KeyType::ALL {
        let der = create_csr(pkcs8(*key_type), &ids(&["a.example"])).unwrap();
        // In the name: the request still parses, but says something else than was signed.
        let at = der.windows(9).position(|w| w == b"a.example").unwrap();
        let mut changed = der.clone();
        changed[at] = b'b';
        assert_eq!(Csr::parse(&changed).unwrap_err(), CsrError::Signature, "{key_type}");
        let mut trailing = der.clone();
        trailing.push(0);
        assert!(matches!(Csr::parse(&trailing), Err(CsrError::Malformed(_))));
        assert!(matches!(Csr::parse(&der[..der.len() - 1]), Err(CsrError::Malformed(_))));
    }
}

#[test]
fn a_foreign_public_key_is_no_proof_of_possession() {
    let names = ids(&["a.example"]);
    let (_, stranger) = generate_key(CaKeyAlgorithm::EcdsaP256).unwrap();
    let der = create_csr(pkcs8(KeyType::EcdsaP256), &names).unwrap();
    let own = Csr::parse(&der).unwrap().subject_key().clone();
    let at = der.windows(own.spki_der().len()).position(|w| w == own.spki_der()).unwrap();
    let mut swapped = der.clone();
    swapped[at..at + stranger.spki_der().len()].copy_from_slice(stranger.spki_der());
    assert_eq!(Csr::parse(&swapped).unwrap_err(), CsrError::Signature);

    let mut off_curve = der;
    off_curve[at + own.spki_der().len() - 1] ^= 1;
    assert_eq!(Csr::parse(&off_curve).unwrap_err(), CsrError::Key(KeyError::NotOnCurve));
}
