//! Writes the seeds in `fuzz/corpus` anew: `cargo run --package properties --example seeds`. They are what clients really send,
//! made by the client and the key tools of the tests; the private keys are gone when this ends. Files of other names,
//! such as what once broke a property, are left alone.

use std::fs;
use std::path::Path;

use acme::base64url::encode;
use properties::external_account::{ACCOUNT_KEY, URL};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, CustomExtension, GeneralSubtree, IsCa, KeyPair,
    NameConstraints, SanType,
};
use serde_json::json;
use testkit::acme::{Algorithm, Csr, ExternalKey, Key, LeafKey, Signer, jws};

fn main() {
    requests();
    payloads();
    keys_and_csrs();
    bindings();
    certificates();
    texts();
}

/// `name` begins with `seed-`, to tell it from what fuzzing found.
fn write(target: &str, name: &str, contents: impl AsRef<[u8]>) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(target);
    fs::create_dir_all(&directory).expect("the corpus can be written");
    fs::write(directory.join(format!("seed-{name}")), contents).expect("the corpus can be written");
}

fn requests() {
    let account = "https://ca.example/acme/account/1";
    for algorithm in Algorithm::ALL {
        let key = Key::generate(algorithm);
        let name = algorithm.jws_name().to_ascii_lowercase();
        let header = serde_json::Value::Object(Signer::Jwk(&key).header(&encode([7; 16]), URL));
        let request = jws(&key, &header, br#"{"termsOfServiceAgreed":true}"#);
        write("jws", &format!("new-account-{name}"), request.to_string());
        write("jws", &format!("header-{name}"), header.to_string());
        write("jwk", &name, key.jwk().to_string());
    }
    let key = Key::new();
    let header = serde_json::Value::Object(Signer::Kid(&key, account).header(&encode([7; 16]), URL));
    write("jws", "post-as-get", jws(&key, &header, b"").to_string());
    let inner = json!({ "alg": "ES256", "jwk": key.jwk(), "url": "https://ca.example/acme/key-change" });
    let change = json!({ "account": account, "oldKey": key.jwk() });
    write("jws", "key-change", jws(&key, &inner, change.to_string().as_bytes()).to_string());
    write("payload", "key-change", change.to_string());
}

fn payloads() {
    let names = [("dns", "a.example"), ("dns", "*.b.example"), ("ip", "192.0.2.1"), ("ip", "2001:db8::1")];
    let identifiers: Vec<_> = names.map(|(kind, value)| json!({ "type": kind, "value": value })).into();
    let order = json!({
        "identifiers": identifiers, "notBefore": "2026-01-01T00:00:00Z", "notAfter": "2026-01-02T00:00:00+01:00",
        "profile": "short", "replaces": "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE",
    });
    let account = json!({
        "contact": ["mailto:admin@example.com", "mailto:caf%C3%A9@localhost"], "termsOfServiceAgreed": true,
        "onlyReturnExisting": false, "externalAccountBinding": { "protected": "", "payload": "", "signature": "" },
    });
    write("payload", "new-order", order.to_string());
    write("payload", "new-account", account.to_string());
    write("payload", "new-authorization", json!({ "identifier": identifiers[0] }).to_string());
    write("payload", "deactivate", json!({ "status": "deactivated" }).to_string());
    write("payload", "challenge", "{}");
}

fn keys_and_csrs() {
    let names = ["a.example", "*.b.example", "192.0.2.1", "2001:db8::1"];
    for (name, kind) in [
        ("p256", LeafKey::P256),
        ("p384", LeafKey::P384),
        ("p521", LeafKey::P521),
        ("ed25519", LeafKey::Ed25519),
        ("rsa", LeafKey::Rsa2048),
    ] {
        let key = kind.generate();
        write("public_key", name, rcgen::PublicKeyData::subject_public_key_info(&key));
        write("csr", name, Csr::new(&names).common_name("A.Example").sign(&key));
    }
    let key = LeafKey::P256.generate();
    let with = |extensions: Vec<CustomExtension>| {
        Csr::new(&["a.example"]).with(|params| params.custom_extensions = extensions).sign(&key)
    };
    let extension = CustomExtension::from_oid_content;
    write("csr", "nothing", Csr::new(&[]).sign(&key));
    write(
        "csr",
        "extensions",
        with(vec![
            extension(&[2, 5, 29, 19], b"\x30\x00".to_vec()),
            extension(&[2, 5, 29, 15], b"\x03\x02\x05\xa0".to_vec()),
            extension(&[2, 5, 29, 37], b"\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01".to_vec()),
            extension(&[1, 3, 6, 1, 5, 5, 7, 1, 24], b"\x30\x03\x02\x01\x05".to_vec()),
        ]),
    );
    write("csr", "refused-extension", with(vec![extension(&[2, 5, 29, 32], b"\x30\x00".to_vec())]));
    let finalize = json!({ "csr": encode(Csr::new(&["a.example"]).sign(&key)) });
    write("payload", "finalize", finalize.to_string());
}

fn bindings() {
    // Known to everybody; the property uses the same.
    let external = ExternalKey::new("eab", &encode([7; 32]));
    for algorithm in ["HS256", "HS384", "HS512"] {
        let header = json!({ "alg": algorithm, "kid": external.kid(), "url": URL });
        let name = algorithm.to_ascii_lowercase();
        let binding = external.sign(&header, ACCOUNT_KEY.as_bytes());
        write("external_account", &name, binding.to_string());
        write("external_account", &format!("header-{name}"), header.to_string());
    }
    write("external_account", "payload", ACCOUNT_KEY);
}

fn certificates() {
    let key = KeyPair::generate().expect("a key can be made");
    let certificate = |names: &[&str], change: fn(&mut CertificateParams)| {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names
            .iter()
            .map(|name| match name.parse() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName((*name).try_into().expect("an ASCII name")),
            })
            .collect();
        change(&mut params);
        params.self_signed(&key).expect("rcgen can express it").der().to_vec()
    };
    let challenge = |params: &mut CertificateParams| {
        params.custom_extensions = vec![CustomExtension::new_acme_identifier(&[7; 32])];
    };
    let dns = certificate(&["a.example"], challenge);
    write("challenge_certificate", "dns", &dns);
    write("challenge_certificate", "ip", certificate(&["2001:db8::1"], challenge));
    write(
        "challenge_certificate",
        "plain",
        certificate(&["a.example", "192.0.2.1"], |params| {
            params.use_authority_key_identifier_extension = true;
        }),
    );
    // The contents of the SEQUENCE of extensions alone.
    write(
        "challenge_certificate",
        "extensions",
        [
            b"\x30\x14\x06\x03\x55\x1d\x11\x04\x0d\x30\x0b\x82\x09a.example" as &[u8],
            b"\x30\x31\x06\x08\x2b\x06\x01\x05\x05\x07\x01\x1f\x01\x01\xff\x04\x22\x04\x20",
            &[7; 32],
        ]
        .concat(),
    );
    let revocation = json!({ "certificate": encode(&dns), "reason": 4 });
    write("payload", "revocation", revocation.to_string());

    let subtrees = NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("corp.example".into()),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([10, 0, 0, 0], 8)),
        ],
        excluded_subtrees: vec![
            GeneralSubtree::DnsName(".secret.corp.example".into()),
            GeneralSubtree::DnsName("db.corp.example".into()),
            GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix([0xfd; 16], 16)),
            GeneralSubtree::Rfc822Name("example.com".into()),
        ],
    };
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.name_constraints = Some(subtrees);
    let ca = params.self_signed(&key).expect("rcgen can express it");
    let oid = b"\x06\x03\x55\x1d\x1e\x01\x01\xff\x04";
    let at = ca.der().windows(oid.len()).position(|window| window == oid).expect("it has the extension");
    let value = &ca.der()[at + oid.len()..];
    // Its length has one octet, or two after the first.
    let (header, length) = match value[0] {
        0x81 => (2, usize::from(value[1])),
        short => (1, usize::from(short)),
    };
    write("name_constraints", "both", &value[header..header + length]);
    write("name_constraints", "empty", b"\x30\x00");
    write("name_constraints", "everything", b"\x30\x06\xa1\x04\x30\x02\x82\x00");
}

fn texts() {
    write("certificate_id", "rfc9773", "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
    write("certificate_id", "values", b"\x04\x01\x02\x03\x04\x00\x87\x65");
    write(
        "identifiers",
        "several",
        "dns A.Example\ndns *.b.example\nip 192.0.2.1\nip 2001:DB8:0::1\ndns a.example",
    );
    write("identifiers", "international", "dns xn--bcher-kva.example\ndns *.xn--n3h.example");
    write("identifiers", "unicode", "dns bücher.example\ndns *.faß.example");
    write("identifiers", "refused", "dns 10.0.0.1\ndns a_b.example\nip ::ffff:192.0.2.1\nemail a@b.example");
    write("name_pattern", "exact", "host.example.com\nhost.example.com\n*.example.com");
    write("name_pattern", "one-label", "*.example.com\na.example.com\na.b.example.com\n*.example.com");
    write("name_pattern", "any-depth", "**.example.com\na.b.example.com\n*.com\nexample.com");
    write("name_pattern", "network", "10.0.0.0/8\n10.1.2.3\n11.0.0.1\n::1");
    write("caa", "issue", "0 issue ca.example\n0 issuewild ;\n0 iodef mailto:a@b.example");
    write(
        "caa",
        "parameters",
        "128 issue ca.example; accounturi=https://ca.example/acme/account/1; validationmethods=dns-01,http-01",
    );
    write("caa", "unknown", "128 tbs Unknown\n0 ISSUE other.example");
}
