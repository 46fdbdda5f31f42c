//! What the certificates above a leaf decide: alternate chains (RFC 8555 §7.4.2) and nameConstraints (RFC 5280
//! §4.2.1.10).

use std::fs;

use end2end::api::with_open_profile;
use end2end::authority::{AuthorityFiles, CrossSigned, authority_params, root, subordinate};
use end2end::certificate::Chain;
use end2end::program::run;
use end2end::{Engine, on_each_engine};
use rcgen::{CidrSubnet, GeneralSubtree, NameConstraints};
use tempfile::TempDir;
use testkit::acme::{Key, RawAcme, Signer};
use testkit::http::Response;
use testkit::server;

on_each_engine!(row_121_alternate_chains_are_linked_one_a_line, name_constraints_are_honoured_at_new_order);

async fn row_121_alternate_chains_are_linked_one_a_line(engine: Engine) {
    let ca = CrossSigned::new();
    let server = ca.settings(engine.server()).start().await;
    let directory = with_open_profile(&server).await;
    let acme = RawAcme::new(server.client(), &directory).await;
    let (key, other) = (Key::new(), Key::new());
    let account = acme.register(&key).await;
    let signer = Signer::Kid(&key, &account);
    let (pem, order) = acme.issue(signer, &["dns:a.internal"]).await;
    let main = Chain::from_pem(&pem);
    main.verify_with_webpki(&ca.old.pem(), "a.internal");

    let url = order["certificate"].as_str().unwrap();
    let links = alternates(&acme.read(signer, url).await);
    assert_eq!(links, [format!("{url}/alternate/1")]);
    let answer = acme.read(signer, &links[0]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/pem-certificate-chain"));
    let alternate = Chain::from_pem(&answer.text());
    assert_eq!(alternate.leaf(), main.leaf());
    alternate.verify_with_webpki(&ca.new.pem(), "a.internal");

    for none in ["0", "2", "x", "01"] {
        acme.read(signer, &format!("{url}/alternate/{none}")).await.expect_problem(404, "malformed");
    }
    let stranger = acme.register(&other).await;
    let foreign = acme.read(Signer::Kid(&other, &stranger), &links[0]).await;
    foreign.expect_problem(404, "malformed");
    let issuer = server.api().get("/api/issuers/iss-internal-ca").await.expect(200);
    assert!(issuer["alternate_chains_pem"][0].as_str().unwrap().contains(&ca.new.pem()), "{issuer}");
}

fn alternates(answer: &Response) -> Vec<String> {
    let lines = answer.headers.get_all("link").into_iter().map(|line| line.to_str().unwrap());
    let one = |line: &str| Some(line.strip_suffix(">;rel=\"alternate\"")?.strip_prefix('<')?.to_owned());
    lines.filter_map(one).collect()
}

#[tokio::test]
async fn a_chain_of_another_ca_is_no_alternate() {
    let (root, other) = (root(authority_params("A root")), root(authority_params("Another root")));
    let files = AuthorityFiles::new(&root);
    let alternate = files.directory.path().join("alternate.crt");
    for (pem, word) in [(other.pem(), "public key"), (root.pem(), "another one"), (String::new(), "PEM")] {
        fs::write(&alternate, pem).unwrap();
        let directory = TempDir::new().unwrap();
        let mut command = server::command(["serve"]);
        command.current_dir(directory.path()).env("CERTCTL_LISTEN", "127.0.0.1:0");
        command.env("CERTCTL_CA_CERT_FILE", &files.certificate).env("CERTCTL_CA_KEY_FILE", &files.key);
        command.env("CERTCTL_CA_ALTERNATE_CHAIN_FILE", &alternate);
        let finished = run(command).await;
        assert_eq!(finished.code, Some(2), "{}", finished.text());
        assert!(finished.stderr.contains("CERTCTL_CA_ALTERNATE_CHAIN_FILE"), "{}", finished.stderr);
        assert!(finished.stderr.contains(word), "{word} is not in: {}", finished.stderr);
    }
}

async fn name_constraints_are_honoured_at_new_order(engine: Engine) {
    let root = root(authority_params("A root"));
    let mut params = authority_params("Constrained CA");
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("corp.internal".to_owned()),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([10, 0, 0, 0], 8)),
        ],
        excluded_subtrees: vec![GeneralSubtree::DnsName("secret.corp.internal".to_owned())],
    });
    let files = AuthorityFiles::new(&subordinate(params, &root)).below(&root.pem());
    let server = files.settings(engine.server()).start().await;
    let directory = with_open_profile(&server).await;
    let acme = RawAcme::new(server.client(), &directory).await;
    let key = Key::new();
    let account = acme.register(&key).await;
    let signer = Signer::Kid(&key, &account);

    let good = ["dns:a.corp.internal", "dns:*.b.corp.internal", "ip:10.1.2.3"];
    let (pem, _) = acme.issue(signer, &good).await;
    Chain::from_pem(&pem).verify_with_webpki(&root.pem(), "a.corp.internal");
    for bad in ["dns:a.internal", "dns:secret.corp.internal", "dns:*.corp.internal", "ip:192.0.2.1"] {
        let refused = acme.order(signer, &["dns:good.corp.internal", bad]).await;
        let problem = refused.expect_problem(400, "rejectedIdentifier");
        let subproblems = problem["subproblems"].as_array().unwrap();
        assert_eq!(subproblems.len(), 1, "{problem}");
        assert_eq!(subproblems[0]["identifier"]["value"], bad.split_once(':').unwrap().1);
        assert!(subproblems[0]["detail"].as_str().unwrap().contains("nameConstraints"), "{problem}");
    }
}
