//! instant-acme, and what cert-manager's shape of use asks of a server.

use end2end::api::{certificate_by_serial, list, with_open_profile};
use end2end::certificate::{Chain, internal_ca};
use end2end::{Engine, on_each_engine};
use futures::future::join_all;
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, Error, Identifier, NewAccount, NewOrder, OrderStatus,
    RetryPolicy, RevocationReason, RevocationRequest,
};
use rustls_pki_types::PrivateKeyDer;
use testkit::CertctlServer;
use testkit::acme::{Csr, LeafKey};

on_each_engine!(
    an_account_lives_through_key_change_and_deactivation,
    names_of_all_kinds,
    thirty_two_orders_at_once_on_one_account,
    revocation_needs_the_right_account,
);

async fn an_account_lives_through_key_change_and_deactivation(engine: Engine) {
    let server = engine.server().start().await;
    let directory = with_open_profile(&server).await;
    let (mut account, credentials) = register(&server, &directory).await;
    let url = account.id().to_owned();

    let key = |credentials: &AccountCredentials| {
        let pkcs8 = credentials.private_key().clone_key();
        (instant_acme::Key::from_pkcs8_der(pkcs8.clone_key()).unwrap(), PrivateKeyDer::Pkcs8(pkcs8))
    };
    let (found, _) = builder(&server).from_key(key(&credentials), directory.clone()).await.unwrap();
    assert_eq!(found.id(), url, "a key leads to its account");
    account.update_contacts(&["mailto:new@example.com"]).await.unwrap();

    let fresh = account.update_key().await.unwrap();
    issue(&account, &dns(&["after-key-change.internal"])).await;
    let (found, _) = builder(&server).from_key(key(&fresh), directory.clone()).await.unwrap();
    assert_eq!(found.id(), url, "the account has the new key");
    let old = builder(&server).from_key(key(&credentials), directory.clone()).await;
    assert_problem(old.map(|_| ()), "accountDoesNotExist");

    found.deactivate().await.unwrap();
    let refused = account.new_order(&NewOrder::new(&dns(&["too-late.internal"]))).await;
    assert_problem(refused.map(|_| ()), "unauthorized");
    let accounts = list(&server.api(), "/api/acme/accounts").await;
    assert_eq!((accounts.len(), &accounts[0]["status"]), (1, &"deactivated".into()));
    let actor = format!("/api/audit-events?actor=acme:{}", accounts[0]["id"].as_str().unwrap());
    let events = list(&server.api(), &actor).await;
    for action in ["account.created", "account.updated", "account.key_changed", "account.deactivated"] {
        let count = events.iter().filter(|event| event["action"] == action).count();
        assert_eq!(count, 1, "{action} in {events:?}");
    }
}

async fn names_of_all_kinds(engine: Engine) {
    let server = engine.server().start().await;
    let directory = with_open_profile(&server).await;
    let (account, _) = register(&server, &directory).await;
    let ca = internal_ca(&server.api()).await;

    let hundred: Vec<String> = (0..100).map(|n| format!("n{n:03}.many.internal")).collect();
    let chain = issue(&account, &dns(&hundred)).await;
    assert_eq!(chain.names().len(), 100);
    chain.verify_with_webpki(&ca, "n099.many.internal");

    let chain = issue(&account, &dns(&["*.wild.internal", "wild.internal"])).await;
    chain.verify_with_webpki(&ca, "any.wild.internal");
    chain.verify_with_webpki(&ca, "wild.internal");

    let addresses = ["192.0.2.7", "2001:db8::7"].map(|ip| Identifier::Ip(ip.parse().unwrap()));
    let chain = issue(&account, &addresses).await;
    chain.verify_with_webpki(&ca, "192.0.2.7");
    chain.verify_with_webpki(&ca, "2001:db8::7");

    let mixed = [Identifier::Dns("xn--bcher-kva.internal".into()), addresses[0].clone()];
    let mut names = issue(&account, &mixed).await.names();
    names.sort_unstable();
    assert_eq!(names, ["192.0.2.7", "xn--bcher-kva.internal"]);
}

/// cert-manager runs all Certificates of a cluster through one account, many at a time.
async fn thirty_two_orders_at_once_on_one_account(engine: Engine) {
    let server = engine.server().start().await;
    let directory = with_open_profile(&server).await;
    let (account, _) = register(&server, &directory).await;
    for round in 0..3 {
        let orders = (0..32).map(|n| {
            let account = account.clone();
            tokio::spawn(async move { issue(&account, &dns(&[format!("r{round}-{n}.internal")])).await })
        });
        let chains: Vec<Chain> = join_all(orders).await.into_iter().map(|chain| chain.unwrap()).collect();
        let mut serials: Vec<String> = chains.iter().map(Chain::serial).collect();
        serials.sort_unstable();
        serials.dedup();
        assert_eq!(serials.len(), 32);
    }
}

async fn revocation_needs_the_right_account(engine: Engine) {
    let server = engine.server().start().await;
    let directory = with_open_profile(&server).await;
    let (owner, _) = register(&server, &directory).await;
    let (stranger, _) = register(&server, &directory).await;
    let chain = issue(&owner, &dns(&["mine.internal"])).await;
    let request = || RevocationRequest {
        certificate: chain.leaf(),
        reason: Some(RevocationReason::CessationOfOperation),
    };

    assert_problem(stranger.revoke(&request()).await, "unauthorized");
    owner.revoke(&request()).await.unwrap();
    assert_problem(owner.revoke(&request()).await, "alreadyRevoked");
    let shown = certificate_by_serial(&server.api(), &chain.serial()).await;
    assert_eq!(shown["status"], "revoked");

    // Whoever holds the authorizations of all its names may revoke a certificate too (RFC 8555 §7.6).
    let second = issue(&owner, &dns(&["shared.internal"])).await;
    issue(&stranger, &dns(&["shared.internal"])).await;
    stranger.revoke(&RevocationRequest { certificate: second.leaf(), reason: None }).await.unwrap();
}

fn builder(server: &CertctlServer) -> instant_acme::AccountBuilder {
    Account::builder_with_root(server.ca_file()).unwrap()
}

async fn register(server: &CertctlServer, directory: &str) -> (Account, AccountCredentials) {
    let new = NewAccount {
        contact: &["mailto:test@example.com"],
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    builder(server).create(&new, directory.to_owned(), None).await.unwrap()
}

async fn issue(account: &Account, identifiers: &[Identifier]) -> Chain {
    let mut order = account.new_order(&NewOrder::new(identifiers)).await.unwrap();
    assert_eq!(order.state().status, OrderStatus::Ready, "authorizations are born valid");
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        assert_eq!(authorization.unwrap().status, AuthorizationStatus::Valid);
    }
    let names: Vec<String> = identifiers
        .iter()
        .map(|identifier| match identifier {
            Identifier::Dns(name) => name.clone(),
            Identifier::Ip(address) => address.to_string(),
            other => panic!("{other:?} has no name"),
        })
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    order.finalize_csr(&Csr::new(&names).sign(&LeafKey::P256.generate())).await.unwrap();
    Chain::from_pem(&order.poll_certificate(&RetryPolicy::default()).await.unwrap())
}

fn dns<S: AsRef<str>>(names: &[S]) -> Vec<Identifier> {
    names.iter().map(|name| Identifier::Dns(name.as_ref().to_owned())).collect()
}

#[track_caller]
fn assert_problem(result: Result<(), Error>, kind: &str) {
    match result {
        Err(Error::Api(problem)) => {
            assert_eq!(problem.r#type, Some(format!("urn:ietf:params:acme:error:{kind}")), "{problem}");
        }
        other => panic!("{kind} expected: {other:?}"),
    }
}
