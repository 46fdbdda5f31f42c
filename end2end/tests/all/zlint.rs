//! Every kind of leaf under every kind of CA key stands before zlint, Go's x509, openssl and webpki.

use std::fs;
use std::path::{Path, PathBuf};

use end2end::api::{PROFILE, open_profile};
use end2end::certificate::{Chain, internal_ca};
use end2end::program::{openssl_verify, program, run};
use serde_json::json;
use tempfile::TempDir;
use testkit::CertctlServer;
use testkit::acme::{Csr, Key, LeafKey, RawAcme, Signer};

#[tokio::test(flavor = "multi_thread")]
async fn leaves_under_an_ecdsa_ca() {
    let server = CertctlServer::start().await;
    let judge = Judge::of(&server).await;
    for key in LeafKey::ALL {
        judge.judge(key, &["plain.internal"], None).await;
    }
    judge.judge(LeafKey::P256, &["named.internal", "www.named.internal"], Some("named.internal")).await;
    judge.judge(LeafKey::Rsa2048, &["*.wild.internal", "wild.internal"], Some("*.wild.internal")).await;
    judge.judge(LeafKey::P256, &["192.0.2.1", "2001:db8::1"], None).await;
    judge.judge(LeafKey::P384, &["xn--bcher-kva.internal", "10.1.2.3"], Some("xn--bcher-kva.internal")).await;
    let hundred: Vec<String> = (0..100).map(|number| format!("n{number}.many.internal")).collect();
    judge.judge(LeafKey::P256, &hundred.iter().map(String::as_str).collect::<Vec<_>>(), None).await;
    // Longer than a common name may be (X.520: 64 characters), so only in the SAN.
    let long = format!("{}.{}.internal", "a".repeat(60), "b".repeat(60));
    judge.judge(LeafKey::P256, &[&long], None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leaves_under_cas_of_other_keys() {
    for algorithm in ["ecdsa-p384", "rsa-3072", "rsa-4096", "ed25519"] {
        let server = CertctlServer::builder().env("CERTCTL_CA_KEY_ALGORITHM", algorithm).start().await;
        let judge = Judge::of(&server).await;
        for key in [LeafKey::P256, LeafKey::Rsa2048, LeafKey::Ed25519] {
            judge.judge(key, &["plain.internal"], Some("plain.internal")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leaves_with_all_that_a_profile_can_add() {
    let server = CertctlServer::start().await;
    let mut profile = open_profile(PROFILE);
    profile["must_staple"] = json!(true);
    profile["extended_key_usages"] = json!(["server_auth", "client_auth"]);
    profile["default_ttl_seconds"] = json!(3600);
    let judge = Judge::with_profile(&server, profile).await;
    for key in [LeafKey::P256, LeafKey::Rsa2048] {
        let chain = judge.judge(key, &["short.internal"], None).await;
        let (not_before, not_after) = chain.validity();
        // Both ends count (RFC 5280 §4.1.2.5).
        assert_eq!(not_after - not_before, 3599, "an hour, the backdating included");
    }
}

/// Issues certificates and has them judged.
struct Judge {
    acme: RawAcme,
    key: Key,
    account: String,
    ca_pem: String,
    directory: TempDir,
}

impl Judge {
    async fn of(server: &CertctlServer) -> Self {
        Self::with_profile(server, open_profile(PROFILE)).await
    }

    async fn with_profile(server: &CertctlServer, profile: serde_json::Value) -> Self {
        server.api().post("/api/profiles", profile).await.expect(201);
        let acme = RawAcme::new(server.client(), &server.directory_url(PROFILE)).await;
        let key = Key::new();
        let account = acme.register(&key).await;
        let ca_pem = internal_ca(&server.client()).await;
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("ca.pem"), &ca_pem).unwrap();
        Self { acme, key, account, ca_pem, directory }
    }

    /// Issues for `names` with a new key, and has the result judged.
    async fn judge(&self, key: LeafKey, names: &[&str], common_name: Option<&str>) -> Chain {
        let identifiers: Vec<String> = names.iter().map(|name| identifier(name)).collect();
        let identifiers: Vec<&str> = identifiers.iter().map(String::as_str).collect();
        let signer = Signer::Kid(&self.key, &self.account);
        let order = self.acme.order(signer, &identifiers).await.expect(201);
        let csr = common_name.iter().fold(Csr::new(names), |csr, name| csr.common_name(name));
        let finalize = order["finalize"].as_str().unwrap();
        let order = self.acme.finalize(signer, finalize, &csr.sign(&key.generate())).await.expect(200);
        let pem = self.acme.read(signer, order["certificate"].as_str().unwrap()).await.text();
        let chain = Chain::from_pem(&pem);
        let mut sorted = (chain.names(), names.to_vec());
        sorted.0.sort_unstable();
        sorted.1.sort_unstable();
        assert_eq!(sorted.0, sorted.1);

        let leaf = self.directory.path().join("leaf.pem");
        fs::write(&leaf, &pem).unwrap();
        let ca = self.directory.path().join("ca.pem");
        self.lint(&leaf, &ca, names).await;
        openssl_verify(&ca, &leaf).await;
        for name in names {
            chain.verify_with_webpki(&self.ca_pem, &name.replace('*', "any"));
        }
        chain
    }

    async fn lint(&self, leaf: &Path, ca: &Path, names: &[&str]) {
        let mut certlint = program(certlint());
        certlint.arg("--leaf").arg(leaf).arg("--chain").arg(ca);
        for name in names {
            certlint.args(["--name", &name.replace('*', "any")]);
        }
        let finished = run(certlint).await;
        assert_eq!(finished.code, Some(0), "{names:?}:\n{}", finished.text());
    }
}

fn identifier(name: &str) -> String {
    let kind = if name.parse::<std::net::IpAddr>().is_ok() { "ip" } else { "dns" };
    format!("{kind}:{name}")
}

/// The linter of end2end/zlint, where `make certlint` puts it.
fn certlint() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target directory");
    let program = target.join("certlint");
    assert!(program.exists(), "{} is missing: run `make certlint`", program.display());
    program
}
