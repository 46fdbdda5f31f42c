//! What the database part of an issuance costs: `cargo run --release -p store --example store_cost [-- URL [COUNT]]`.
//!
//! An issuance is three units of work: order + audit event; claim; completion + certificate + three audit events. The
//! table shows, by how many run at once, the CPU time of this process per issuance (PostgreSQL's own is not in it)
//! and how many issuances the store took per second. The default is a new SQLite database in the working directory.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use model::{
    Account, AccountId, AccountStatus, AuditEvent, AuditEventId, Authorization, AuthorizationId,
    AuthorizationStatus, Certificate, CertificateId, CertificateSummary, Clock, DnsName, Entropy, Identifier,
    IssuerId, KeyType, NewOrder, Order, OrderId, OrderStatus, Outcome, ProfileId, SystemClock, SystemEntropy,
    Timestamp,
};
use store::{DatabaseUrl, Store, StoreError, StoreOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (url, directory) = match arguments.next() {
        Some(url) => (url.parse()?, None),
        None => {
            let directory = tempfile::tempdir_in(".")?;
            (DatabaseUrl::Sqlite { path: directory.path().join("cost.db") }, Some(directory))
        }
    };
    let count: usize = arguments.next().map_or(Ok(4000), |n| n.parse())?;
    let store = Store::connect(&StoreOptions::new(url)).await?;
    store.migrate().await?;
    let account = account();
    let id = account.id.clone();
    store.write(move |tx| Box::pin(async move { tx.insert_account(&account).await })).await?;

    println!("at once   CPU µs each   of it system   issuances/s   RSS MB");
    for at_once in [1, 16, 64] {
        let count = if at_once == 1 { count / 4 } else { count };
        let (user, system, started) = (cpu("user")?, cpu("system")?, Instant::now());
        let left = Arc::new(AtomicUsize::new(count));
        let tasks: Vec<_> = (0..at_once)
            .map(|_| {
                let (store, left, id) = (store.clone(), Arc::clone(&left), id.clone());
                tokio::spawn(async move {
                    while left
                        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
                        .is_ok()
                    {
                        issue(&store, &id).await?;
                    }
                    Ok::<_, StoreError>(())
                })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        let (system, user) = (cpu("system")? - system, cpu("user")? - user);
        let each = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
        let rate = count as f64 / started.elapsed().as_secs_f64();
        println!(
            "{at_once:7} {:13.0} {:14.0} {rate:13.0} {:8.1}",
            each(user + system),
            each(system),
            rss_mb()?
        );
    }
    store.close().await;
    drop(directory);
    Ok(())
}

async fn issue(store: &Store, account: &AccountId) -> Result<(), StoreError> {
    let now = SystemClock.now();
    let order = new_order(account, now);
    let (id, name) = (order.order.id.clone(), order.order.identifiers[0].clone());
    let created = event(now, account, "order.created", id.as_str());
    store
        .write(move |tx| {
            Box::pin(async move {
                tx.insert_order(&order).await?;
                tx.record(&[created]).await
            })
        })
        .await?;

    let now = SystemClock.now();
    let claim = id.clone();
    let claimed: Result<bool, StoreError> = store
        .write(move |tx| {
            Box::pin(async move { tx.claim_order(&claim, &"c".repeat(64), "claim-1", now).await })
        })
        .await;
    assert!(claimed?, "nobody else claims it");

    let now = SystemClock.now();
    let certificate = certificate(account, &id, name, now);
    let events = ["order.finalized", "certificate.issued", "order.valid"]
        .map(|action| event(now, account, action, certificate.summary.id.as_str()));
    store
        .write(move |tx| {
            Box::pin(async move {
                if !tx.complete_order(&id, "claim-1", &certificate.summary.id, now).await? {
                    return Err(StoreError::Conflict);
                }
                tx.insert_certificate(&certificate).await?;
                tx.record(&events).await
            })
        })
        .await
}

fn account() -> Account {
    let now = SystemClock.now();
    let id = AccountId::generate(now, &SystemEntropy);
    Account {
        key_thumbprint: random_hex(16),
        id,
        status: AccountStatus::Valid,
        jwk: "{}".to_owned(),
        contacts: vec![],
        external_account: None,
        terms_version: None,
        created_at: now,
        created_from: None,
        last_seen_at: now,
        version: 1,
    }
}

fn new_order(account: &AccountId, now: Timestamp) -> NewOrder {
    let order_id = OrderId::generate(now, &SystemEntropy);
    let host = format!("host-{}.internal", random_hex(6));
    let identifier = Identifier::Dns(DnsName::parse(&host).expect("a name"));
    let expires_at = now + Duration::from_secs(3600);
    let authorization = Authorization {
        id: AuthorizationId::generate(now, &SystemEntropy),
        order_id: Some(order_id.clone()),
        account_id: account.clone(),
        profile_id: "prof-test".parse().expect("an id"),
        identifier: identifier.clone(),
        wildcard: false,
        status: AuthorizationStatus::Valid,
        token: random_hex(22),
        offered: None,
        source_id: None,
        created_at: now,
        expires_at,
        validated_at: Some(now),
    };
    let order = Order {
        id: order_id,
        account_id: account.clone(),
        profile_id: "prof-test".parse().expect("an id"),
        status: OrderStatus::Ready,
        identifiers: vec![identifier],
        not_before: None,
        not_after: None,
        replaces: None,
        error: None,
        csr_sha256: None,
        certificate_id: None,
        authorization_ids: vec![authorization.id.clone()],
        created_at: now,
        expires_at,
        updated_at: now,
    };
    NewOrder { order, authorizations: vec![authorization] }
}

fn certificate(account: &AccountId, order: &OrderId, name: Identifier, now: Timestamp) -> Certificate {
    let profile_id: ProfileId = "prof-test".parse().expect("an id");
    Certificate {
        summary: CertificateSummary {
            id: CertificateId::generate(now, &SystemEntropy),
            serial: format!("{:012x}{}", now.unix_micros(), random_hex(14)),
            issuer_id: IssuerId::internal_ca(),
            profile_id,
            account_id: Some(account.clone()),
            order_id: Some(order.clone()),
            common_name: Some(name.value()),
            identifiers: vec![name],
            key_type: KeyType::EcdsaP256,
            sha256: random_hex(32),
            not_before: now,
            not_after: now + Duration::from_secs(90 * 86400),
            created_at: now,
            revocation: None,
            renewal_demand: None,
            replaced_by: None,
        },
        der: vec![0x30; 600],
        chain_id: "0".repeat(64),
        replaced_by_order: None,
    }
}

fn event(now: Timestamp, account: &AccountId, action: &str, resource: &str) -> AuditEvent {
    AuditEvent {
        id: AuditEventId::generate(now, &SystemEntropy),
        created_at: now,
        actor: format!("acme:{account}"),
        action: action.to_owned(),
        resource_type: action.split('.').next().unwrap_or_default().to_owned(),
        resource_id: resource.to_owned(),
        outcome: Outcome::Success,
        client_ip: Some([10, 0, 0, 1].into()),
        request_id: Some(random_hex(8)),
        details: serde_json::json!({"identifiers": ["host.internal"], "profile_id": "prof-test"}),
    }
}

fn random_hex(bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    SystemEntropy.fill(&mut buffer);
    hex::encode(buffer)
}

/// CPU time of this process, `user` or `system`.
fn cpu(kind: &str) -> Result<Duration, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    // Fields 14 and 15 of proc(5), counted here from the third; in ticks of 10 ms.
    let ticks: u64 = fields[if kind == "user" { 11 } else { 12 }].parse()?;
    Ok(Duration::from_millis(ticks * 10))
}

fn rss_mb() -> Result<f64, Box<dyn Error>> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: f64 = statm.split(' ').nth(1).unwrap_or("0").parse()?;
    Ok(pages * 4096.0 / 1e6)
}
