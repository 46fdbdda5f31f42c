//! CAs that others made, as operators bring them.

use ca::{CaError, CaKeyAlgorithm, CaSigner, LeafRequest, Serial};
use model::{KeyType, SystemEntropy};
use x509_parser::extensions::ParsedExtension;

use crate::leaf::{openssl_accepts, webpki_accepts};
use crate::support::{DAY, OpenSsl, ids, leaf_request, now, root, subject_key};

const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
const CA: &str =
    "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash";

/// What is to be certified.
struct Spec<'a> {
    key: &'a str,
    subject: &'a str,
    extensions: &'a str,
    /// `string_mask` of OpenSSL's configuration: which string types a Name is made of.
    strings: &'a str,
    days: u32,
}

impl Default for Spec<'_> {
    fn default() -> Self {
        Self { key: P256, subject: "/CN=Root", extensions: CA, strings: "utf8only", days: 30 }
    }
}

/// Lets OpenSSL make `<name>.key` and `<name>.crt`, signed by `issuer` or itself.
fn make(openssl: &OpenSsl, name: &str, issuer: Option<&str>, spec: &Spec<'_>) {
    let Spec { key, subject, extensions, strings, days } = spec;
    let config =
        format!("[req]\ndistinguished_name=dn\nstring_mask={strings}\nutf8=yes\n[dn]\n[ext]\n{extensions}\n");
    openssl.write("x.cnf", config);
    openssl.run(&format!("genpkey {key} -out {name}.key"));
    let arguments =
        format!("req -new -config x.cnf -utf8 -key {name}.key -out {name}.csr -multivalue-rdn -subj");
    openssl.run_with(&arguments.split(' ').chain([*subject]).collect::<Vec<_>>());
    let signer = match issuer {
        Some(issuer) => format!("-CA {issuer}.crt -CAkey {issuer}.key -CAcreateserial"),
        None => format!("-signkey {name}.key"),
    };
    openssl.run(&format!(
        "x509 -req -in {name}.csr -out {name}.crt -days {days} -extfile x.cnf -extensions ext {signer}"
    ));
}

/// Issues a leaf under `signer` and checks all that RFC 5280 says about how it names its issuer.
fn issues_good_leaves(signer: &CaSigner) {
    let (key, names) = (subject_key(KeyType::EcdsaP256), ids(&["a.example"]));
    let leaf = signer.sign_leaf(&LeafRequest {
        not_after: now() + DAY,
        not_before: now(),
        ..leaf_request(&key, &names)
    });
    let leaf = leaf.unwrap();
    let (_, leaf_parsed) = x509_parser::parse_x509_certificate(&leaf.der).unwrap();
    let (_, issuer) = x509_parser::parse_x509_certificate(&signer.chain()[0]).unwrap();
    assert_eq!(leaf_parsed.issuer().as_raw(), issuer.subject().as_raw());
    let issuer_key_identifier = issuer.iter_extensions().find_map(|e| match e.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
        _ => None,
    });
    let authority = leaf_parsed.iter_extensions().find_map(|e| match e.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(aki) => aki.key_identifier.as_ref().map(|k| k.0.to_vec()),
        _ => None,
    });
    assert_eq!(authority.as_deref(), Some(signer.ski()));
    if let Some(id) = &issuer_key_identifier {
        assert_eq!(signer.ski(), id);
    }
    // The strict mode of OpenSSL wants both in every CA certificate, as RFC 5280 §4.2.1.2 and §4.2.1.3 do.
    if issuer_key_identifier.is_some() && issuer.key_usage().unwrap().is_some() {
        openssl_accepts(&leaf.der, signer, "a.example");
    }
    webpki_accepts(&leaf.der, signer, &["a.example"]);
}

#[test]
fn the_issuer_is_byte_for_byte_the_subject_of_the_ca() {
    for (subject, strings) in [
        ("/CN=Plain", "utf8only"),
        ("/C=DE/O=Example GmbH/CN=Printable", "MASK:0x2"),
        ("/O=Müller KG/CN=Telefon", "MASK:0x4"),
        ("/O=Müller ☂/CN=Zwei Oktette", "MASK:0x800"),
        ("/CN=Vier Oktette ☂", "MASK:0x100"),
        ("/DC=com/DC=example/DC=corp/CN=Corp CA", "default"),
        ("/O=A/OU=One/OU=Two/CN=First/CN=Second", "default"),
        ("/O=Multi+OU=Valued/CN=a+serialNumber=1", "default"),
        ("/emailAddress=ca@example.com/CN=Mail", "default"),
        ("/O=No common name", "default"),
    ] {
        let openssl = OpenSsl::new();
        make(&openssl, "ca", None, &Spec { subject, strings, ..Spec::default() });
        let signer = CaSigner::from_pem(&openssl.text("ca.crt"), &openssl.text("ca.key"), now());
        issues_good_leaves(&signer.unwrap_or_else(|e| panic!("{subject} {strings}: {e}")));
    }
}

#[test]
fn key_identifiers_of_every_kind_are_taken_over() {
    for identifier in [
        "subjectKeyIdentifier=hash",
        "subjectKeyIdentifier=01:02:03",
        &format!("subjectKeyIdentifier={}", "ab".repeat(32)),
        "",
    ] {
        let openssl = OpenSsl::new();
        let extensions =
            format!("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n{identifier}");
        make(&openssl, "ca", None, &Spec { extensions: &extensions, ..Spec::default() });
        issues_good_leaves(
            &CaSigner::from_pem(&openssl.text("ca.crt"), &openssl.text("ca.key"), now()).unwrap(),
        );
    }
}

#[test]
fn a_ca_without_key_usage_may_issue() {
    let openssl = OpenSsl::new();
    make(&openssl, "ca", None, &Spec { extensions: "basicConstraints=critical,CA:TRUE", ..Spec::default() });
    issues_good_leaves(&CaSigner::from_pem(&openssl.text("ca.crt"), &openssl.text("ca.key"), now()).unwrap());
}

#[test]
fn sub_cas_of_every_algorithm_issue() {
    let algorithms = [
        P256,
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-521",
        "-algorithm ED25519",
        "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
    ];
    for (i, key) in algorithms.iter().enumerate() {
        let openssl = OpenSsl::new();
        let above = algorithms[(i + 1) % algorithms.len()];
        make(&openssl, "root", None, &Spec { key: above, ..Spec::default() });
        let sub = Spec {
            key,
            subject: "/CN=Sub",
            extensions: &format!("{CA}\nauthorityKeyIdentifier=keyid"),
            ..Spec::default()
        };
        make(&openssl, "sub", Some("root"), &sub);
        let chain = openssl.text("sub.crt") + &openssl.text("root.crt");
        let signer = CaSigner::from_pem(&chain, &openssl.text("sub.key"), now()).unwrap();
        assert_eq!((signer.common_name(), signer.chain().len()), ("Sub", 2));
        issues_good_leaves(&signer);
        // Without the root it is a chain too.
        CaSigner::from_pem(&openssl.text("sub.crt"), &openssl.text("sub.key"), now()).unwrap();
    }
}

#[test]
fn key_files_in_every_usual_form_are_read() {
    let openssl = OpenSsl::new();
    make(&openssl, "ec", None, &Spec::default());
    openssl.run("ec -in ec.key -out sec1.key");
    openssl.run("ecparam -name prime256v1 -out parameters.pem");
    make(
        &openssl,
        "rsa",
        None,
        &Spec { key: "-algorithm RSA -pkeyopt rsa_keygen_bits:2048", ..Spec::default() },
    );
    openssl.run("rsa -in rsa.key -traditional -out pkcs1.key");
    assert!(openssl.text("sec1.key").contains("BEGIN EC PRIVATE KEY"));
    assert!(openssl.text("pkcs1.key").contains("BEGIN RSA PRIVATE KEY"));

    let with_parameters = openssl.text("parameters.pem") + &openssl.text("sec1.key");
    for (certificate, key) in [
        ("ec.crt", openssl.text("ec.key")),
        ("ec.crt", openssl.text("sec1.key")),
        ("ec.crt", with_parameters),
        ("rsa.crt", openssl.text("rsa.key")),
        ("rsa.crt", openssl.text("pkcs1.key")),
    ] {
        issues_good_leaves(&CaSigner::from_pem(&openssl.text(certificate), &key, now()).unwrap());
    }

    openssl.run("pkcs8 -topk8 -in ec.key -passout pass:x -out encrypted.key");
    openssl.run("rsa -in rsa.key -traditional -aes128 -passout pass:x -out old-encrypted.key");
    for encrypted in ["encrypted.key", "old-encrypted.key"] {
        let refused = CaSigner::from_pem(&openssl.text("ec.crt"), &openssl.text(encrypted), now());
        assert_eq!(refused.unwrap_err(), CaError::KeyEncrypted, "{encrypted}");
    }
    let refused = |certificate: &str, key: &str| CaSigner::from_pem(certificate, key, now()).unwrap_err();
    let (certificate, key) = (openssl.text("ec.crt"), openssl.text("ec.key"));
    assert_eq!(refused(&certificate, ""), CaError::NoKey);
    assert_eq!(refused(&certificate, &certificate), CaError::NoKey);
    assert_eq!(refused(&key, &key), CaError::NoCertificate);
    assert_eq!(refused(&certificate, &key.replace('M', "N")), CaError::KeyUnreadable);
    assert!(matches!(refused(&certificate, &openssl.text("rsa.key")), CaError::KeyMismatch { .. }));
    let broken = certificate.replace("-----END", "");
    assert!(matches!(refused(&broken, &key), CaError::CertificatePem(_)));
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(refused(nonsense, &key), CaError::MalformedCertificate { position: 1 });
}

#[test]
fn certificates_that_cannot_issue_are_refused() {
    let refused = |extensions: &str| {
        let openssl = OpenSsl::new();
        make(&openssl, "ca", None, &Spec { extensions, ..Spec::default() });
        CaSigner::from_pem(&openssl.text("ca.crt"), &openssl.text("ca.key"), now()).unwrap_err()
    };
    assert!(matches!(refused("basicConstraints=CA:FALSE"), CaError::NotCa { .. }));
    assert!(matches!(refused("subjectKeyIdentifier=hash"), CaError::NotCa { .. }));
    let no_signing = "basicConstraints=critical,CA:TRUE\nkeyUsage=digitalSignature";
    assert!(matches!(refused(no_signing), CaError::NoKeyCertSign { .. }));

    let openssl = OpenSsl::new();
    make(
        &openssl,
        "ca",
        None,
        &Spec { key: "-algorithm RSA -pkeyopt rsa_keygen_bits:1024", ..Spec::default() },
    );
    let weak = CaSigner::from_pem(&openssl.text("ca.crt"), &openssl.text("ca.key"), now()).unwrap_err();
    assert!(matches!(weak, CaError::KeyUnreadable | CaError::CaKey { .. }), "{weak}");
}

#[test]
fn time_is_checked_for_the_whole_chain() {
    let openssl = OpenSsl::new();
    make(&openssl, "root", None, &Spec { days: 10, ..Spec::default() });
    make(&openssl, "sub", Some("root"), &Spec { subject: "/CN=Sub", days: 20, ..Spec::default() });
    let chain = openssl.text("sub.crt") + &openssl.text("root.crt");
    let at = |time| CaSigner::from_pem(&chain, &openssl.text("sub.key"), time);
    let signer = at(now()).unwrap();
    assert!(signer.not_after() < now() + 11 * DAY, "the root ends first");
    assert!(matches!(at(now() + 15 * DAY), Err(CaError::Expired { subject, .. }) if subject == "CN=Root"));
    assert!(matches!(at(now() + 25 * DAY), Err(CaError::Expired { subject, .. }) if subject == "CN=Sub"));
    assert!(matches!(at(now() - DAY), Err(CaError::NotYetValid { .. })));
}

#[test]
fn a_chain_must_be_in_order_and_signed() {
    let openssl = OpenSsl::new();
    make(&openssl, "root", None, &Spec::default());
    make(&openssl, "other", None, &Spec { subject: "/CN=Other", ..Spec::default() });
    // The same name as the root, another key.
    make(&openssl, "impostor", None, &Spec::default());
    make(&openssl, "sub", Some("root"), &Spec { subject: "/CN=Sub", ..Spec::default() });
    let [root, other, impostor, sub] =
        ["root", "other", "impostor", "sub"].map(|n| openssl.text(&format!("{n}.crt")));
    let key = openssl.text("sub.key");
    let refused = |chain: &str| CaSigner::from_pem(chain, &key, now()).unwrap_err();
    assert!(matches!(refused(&format!("{sub}{other}")), CaError::ChainOrder { .. }));
    assert!(matches!(refused(&format!("{sub}{impostor}")), CaError::ChainSignature { .. }));
    assert!(matches!(refused(&format!("{sub}{sub}")), CaError::ChainOrder { .. }));
    assert!(matches!(refused(&other), CaError::KeyMismatch { .. }));
    assert!(matches!(refused(&format!("{root}{sub}")), CaError::ChainOrder { .. }));
    // A self-issued certificate whose signature is not its own.
    let root_key = openssl.text("root.key");
    let chain = format!("{sub}{root}");
    assert_eq!(
        CaSigner::from_pem(&chain, &root_key, now()).unwrap_err(),
        CaError::KeyOfLaterCertificate { position: 2 }
    );
}

#[test]
fn path_lengths_are_kept() {
    let length = |limit: u32| CA.replace("CA:TRUE", &format!("CA:TRUE,pathlen:{limit}"));
    for (limits, good) in [([1, 0], true), ([2, 5], true), ([0, 0], false)] {
        let openssl = OpenSsl::new();
        make(&openssl, "root", None, &Spec { extensions: &length(limits[0]), ..Spec::default() });
        let sub = length(limits[1]) + "\nauthorityKeyIdentifier=keyid";
        make(
            &openssl,
            "sub",
            Some("root"),
            &Spec { subject: "/CN=Sub", extensions: &sub, ..Spec::default() },
        );
        let chain = openssl.text("sub.crt") + &openssl.text("root.crt");
        match CaSigner::from_pem(&chain, &openssl.text("sub.key"), now()) {
            Ok(signer) => {
                assert!(good);
                issues_good_leaves(&signer);
            }
            Err(error) => {
                assert!(!good && matches!(error, CaError::PathLength { limit: 0, below: 1, .. }), "{error}");
            }
        }
    }
}

#[test]
fn a_stored_ca_must_fit_its_key() {
    let (one, _) = CaSigner::generate("One", CaKeyAlgorithm::EcdsaP256, DAY, now(), &SystemEntropy).unwrap();
    let (_, other) =
        CaSigner::generate("Two", CaKeyAlgorithm::EcdsaP256, DAY, now(), &SystemEntropy).unwrap();
    let load = |chain: Vec<Vec<u8>>, key: &[u8]| CaSigner::load(chain, key).unwrap_err();
    assert!(matches!(load(one.chain().to_vec(), &other), CaError::KeyMismatch { .. }));
    assert_eq!(load(one.chain().to_vec(), b"x"), CaError::KeyUnreadable);
    assert_eq!(load(vec![], &other), CaError::NoCertificate);
    // A leaf is no CA, whatever its key signs.
    let ca = root(CaKeyAlgorithm::EcdsaP256);
    let (pkcs8, key) = ca::generate_key(CaKeyAlgorithm::EcdsaP256).unwrap();
    let names = ids(&["a.example"]);
    let serial = Serial::generate(now(), &SystemEntropy);
    let leaf = ca.sign_leaf(&LeafRequest { serial, ..leaf_request(&key, &names) }).unwrap();
    assert!(matches!(load(vec![leaf.der], &pkcs8), CaError::NotCa { .. }));
}
