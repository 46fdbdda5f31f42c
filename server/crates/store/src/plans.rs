//! What a call costs does not grow with the tables: every statement of the public calls is explained by the engine
//! over tables with thousands of rows that do not concern the call, and how many rows it looks at is limited.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use model::*;
use serde_json::Value as Json;
use testkit::postgres::Postgres;

use crate::engine::{Connection, Outcome, Statement, args};
use crate::fixtures::*;
use crate::{BulkStep, DatabaseUrl, EngineKind, Store, StoreError, StoreOptions, Tx};

/// How many rows of each growing table have nothing to do with the calls.
const OTHERS: u64 = 2000;
/// A page's worth and the few rows that an index may give in vain.
const MOST_ROWS: u64 = 200;
/// They have as many rows as an administrator makes.
const SMALL_TABLES: [&str; 6] = ["issuers", "profiles", "secrets", "chains", "rate_limits", "oidc_providers"];

/// Partial indexes that have the wanted rows and no others, in the order of the list where there is one.
const EXACT: [&str; 5] = [
    "c USING INDEX certificates_revoked",
    "c USING INDEX certificates_to_renew",
    "challenges USING INDEX challenges_due",
    "challenges USING COVERING INDEX challenges_due",
    "users USING INDEX users_with_grants",
];

/// Explains each statement before it runs it.
struct Explaining {
    inner: Option<Box<dyn Connection>>,
    engine: EngineKind,
    faults: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl Connection for Explaining {
    async fn run(&mut self, statement: Statement) -> Result<Outcome, StoreError> {
        let fault = match self.engine {
            EngineKind::Sqlite => sqlite_fault(self.inner(), &statement).await?,
            EngineKind::Postgres => postgres_fault(self.inner(), &statement).await?,
        };
        if let Some(fault) = fault {
            self.faults.lock().unwrap().push(format!("{}\n  {fault}", statement.text()));
        }
        self.inner().run(statement).await
    }

    async fn begin(&mut self) -> Result<(), StoreError> {
        self.inner().begin().await
    }

    async fn commit(&mut self) -> Result<(), StoreError> {
        self.inner().commit().await
    }

    async fn rollback(&mut self) -> Result<(), StoreError> {
        self.inner().rollback().await
    }
}

impl Explaining {
    fn inner(&mut self) -> &mut dyn Connection {
        self.inner.as_mut().unwrap().as_mut()
    }
}

/// SQLite plans without looking at the rows. `SEARCH` goes by an index; `SCAN` goes from end to end, which only a list
/// in the order of its key may, because its LIMIT ends it. A subquery is judged by what it reads itself.
async fn sqlite_fault(
    connection: &mut dyn Connection,
    statement: &Statement,
) -> Result<Option<String>, StoreError> {
    let plan = connection.run(statement.explained("EXPLAIN QUERY PLAN ")).await?;
    let lines: Vec<String> =
        plan.rows.iter().map(|row| row.of("plan").string("detail")).collect::<Result<_, _>>()?;
    let text = statement.text();
    let sorted = lines.iter().any(|line| line.contains("TEMP B-TREE"));
    let ends = text.contains(" LIMIT ") && !text.contains(" WHERE ") && !sorted;
    let subqueries: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("CO-ROUTINE ")).collect();
    let scans = lines.iter().filter_map(|line| line.strip_prefix("SCAN ")).any(|what| {
        let table = what.split(' ').next().unwrap_or_default();
        !ends
            && !SMALL_TABLES.contains(&table)
            && !subqueries.contains(&table)
            && !what.ends_with("VALUES CLAUSE")
            && !EXACT.contains(&what)
    });
    Ok(scans.then(|| lines.join("\n  ")))
}

/// PostgreSQL tells how many rows it looked at, those included that a filter threw away.
async fn postgres_fault(
    connection: &mut dyn Connection,
    statement: &Statement,
) -> Result<Option<String>, StoreError> {
    connection.run(Statement::new("SAVEPOINT explained", args![])).await?;
    let explain = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, FORMAT JSON) ";
    let plan = connection.run(statement.explained(explain)).await?;
    connection.run(Statement::new("ROLLBACK TO explained", args![])).await?;
    let plan: Json = plan.rows[0].of("plan").json("QUERY PLAN")?;
    let looked_at = rows_looked_at(&plan[0]["Plan"]);
    Ok((looked_at > MOST_ROWS).then(|| format!("{looked_at} rows looked at: {plan:#}")))
}

/// Of the nodes that read tables.
fn rows_looked_at(node: &Json) -> u64 {
    let number = |name: &str| node[name].as_u64().unwrap_or(0);
    let small = node["Relation Name"].as_str().is_some_and(|table| SMALL_TABLES.contains(&table));
    let reads = node["Node Type"].as_str().is_some_and(|kind| kind.contains("Scan")) && !small;
    let own =
        number("Actual Rows") + number("Rows Removed by Filter") + number("Rows Removed by Index Recheck");
    let below: u64 = node["Plans"].as_array().into_iter().flatten().map(rows_looked_at).sum();
    below + if reads { own * number("Actual Loops") } else { 0 }
}

/// What the calls are about.
#[derive(Clone)]
pub struct Subjects {
    pub account: Account,
    pub order: NewOrder,
    pub certificate: Certificate,
    key: ApiKey,
    eab_key: EabKey,
    event: AuditEvent,
    user: User,
    session: Session,
    bulk: BulkAction,
}

type Call = for<'t> fn(&'t mut Tx, Subjects) -> BoxFuture<'t, Result<(), StoreError>>;

macro_rules! calls {
    ($($name:literal: |$tx:ident, $s:ident| $call:expr;)+) => {
        &[$(($name, |$tx, $s| Box::pin(async move { $call.await.map(drop) }))),+]
    };
}

/// Every call of the store on growing tables. Lists look at fewer rows here than they do in the product.
const CALLS: &[(&str, Call)] = calls! {
    "account": |tx, s| tx.account(&s.account.id);
    "account by key": |tx, s| tx.account_by_thumbprint(&s.account.key_thumbprint);
    "accounts": |tx, _s| tx.accounts(&AccountFilter::default());
    "accounts by EAB key": |tx, s| tx.accounts(&AccountFilter {
        eab_key_id: Some(s.eab_key.id.clone()), ..AccountFilter::default()
    });
    "accounts by EAB key and status": |tx, s| tx.accounts(&AccountFilter {
        eab_key_id: Some(s.eab_key.id.clone()),
        status: Some(AccountStatus::Suspended),
        ..AccountFilter::default()
    });
    "accounts by status": |tx, _s| tx.accounts(&AccountFilter {
        status: Some(AccountStatus::Suspended), ..AccountFilter::default()
    });
    "accounts by part of a contact": |tx, _s| tx.accounts(&AccountFilter {
        contact_part: Some(ContactPart::parse("own@").unwrap()), ..AccountFilter::default()
    });
    "accounts by part of a contact that many have": |tx, _s| tx.accounts(&AccountFilter {
        contact_part: Some(ContactPart::parse("example.com").unwrap()), ..AccountFilter::default()
    });
    "accounts, the longest unseen first": |tx, _s| tx.accounts(&AccountFilter {
        order: Some(AccountOrder::LastSeen), ..AccountFilter::default()
    });
    "accounts, not seen since": |tx, _s| tx.accounts(&AccountFilter {
        not_seen_since: Some(NOW), ..AccountFilter::default()
    });
    "accounts, not seen since, newest first": |tx, _s| tx.accounts(&AccountFilter {
        not_seen_since: Some(NOW), order: Some(AccountOrder::Newest), ..AccountFilter::default()
    });
    "accounts, seen": |tx, s| async move { tx.note_accounts_seen(&[s.account.id], after(9)).await };
    "account, changed": |tx, s| tx.update_account(&s.account);
    "account, new": |tx, _s| tx.insert_account(&account("brand new"));
    "API key": |tx, s| tx.api_key(&s.key.id);
    "API key by hash": |tx, s| tx.api_key_by_sha256(&s.key.sha256);
    "API keys": |tx, _s| tx.api_keys(&PageRequest::default());
    "any API key": |tx, _s| tx.any_api_key();
    "API key, revoked": |tx, s| tx.revoke_api_key(&s.key.id, NOW);
    "any active administrator's key": |tx, _s| tx.any_active_admin_key(NOW);
    "API keys of a role": |tx, _s| tx.api_keys_of_role(&"rare".parse::<RoleId>().unwrap(), 50);
    "API keys to report": |tx, _s| tx.api_keys_to_report(NOW, after(300), 50);
    "API keys that end": |tx, _s| tx.api_keys_ending(NOW, after(300), &PageRequest::default());
    "API keys that end, the next page": |tx, s| async move {
        let after_own = Some(format!("{}-{}", after(100).unix_micros(), s.key.id));
        tx.api_keys_ending(NOW, after(300), &PageRequest { after: after_own, limit: 50 }).await
    };
    "API keys that end, counted": |tx, _s| tx.count_api_keys_ending(NOW, after(300));
    "API key, new": |tx, _s| async move { tx.insert_api_key(&api_key("new", [8; 32])).await };
    "API key, replaced": |tx, s| tx.replace_api_key(&s.key.id, &s.key.id, NOW);
    "API key, used": |tx, s| tx.note_api_key_use(&s.key.id, NOW, None);
    "API key, reported": |tx, s| tx.mark_api_key_reported(&s.key.id);
    "API keys by ids": |tx, s| async move { tx.api_keys_by_ids(std::slice::from_ref(&s.key.id)).await };
    "role": |tx, _s| tx.role(&"own".parse::<RoleId>().unwrap());
    "roles": |tx, _s| tx.roles(&PageRequest::default());
    "roles by ids": |tx, _s| async move { tx.roles_by_ids(&["own".parse().unwrap()]).await };
    "role, new": |tx, _s| async move { tx.insert_role(&role("new")).await };
    "role, replaced": |tx, _s| async move { tx.replace_role(&role("own"), 1).await };
    "role, deleted": |tx, _s| tx.delete_role(&"own".parse::<RoleId>().unwrap(), 1);
    "administration, locked": |tx, _s| tx.lock_administration();
    "user": |tx, s| tx.user(&s.user.id);
    "user by subject": |tx, s| tx.user_by_subject(&s.user.provider_id, &s.user.subject);
    "users by ids": |tx, s| async move { tx.users_by_ids(std::slice::from_ref(&s.user.id)).await };
    "users": |tx, _s| tx.users(&UserFilter::default());
    "users of a provider": |tx, s| tx.users(&UserFilter {
        provider_id: Some(s.user.provider_id.clone()), ..UserFilter::default()
    });
    "users with grants": |tx, _s| tx.users_with_grants(&PageRequest::default());
    "user, new": |tx, _s| async move { tx.insert_user(&user("idp-rare", "new")).await };
    "user, replaced": |tx, s| async move { tx.replace_user(&s.user, 1).await };
    "user, signed in": |tx, s| tx.note_sign_in(&s.user.id, "x", None, &[], NOW);
    "EAB key": |tx, s| tx.eab_key(&s.eab_key.id);
    "EAB keys": |tx, _s| tx.eab_keys(&PageRequest::default());
    "EAB key, used": |tx, s| tx.use_eab_key(&s.eab_key, NOW);
    "EAB key, rotated": |tx, s| tx.rotate_eab_key(&s.eab_key, b"other", NOW);
    "EAB key, revoked": |tx, s| tx.revoke_eab_key(&s.eab_key.id, NOW);
    "EAB key, new": |tx, _s| tx.insert_eab_key(&eab_key());
    "order": |tx, s| tx.order(&s.order.order.id);
    "orders": |tx, _s| tx.orders(&OrderFilter::default());
    "orders of an account": |tx, s| tx.orders(&OrderFilter {
        account_id: Some(s.account.id.clone()), ..OrderFilter::default()
    });
    "orders of a profile": |tx, _s| tx.orders(&OrderFilter {
        profile_id: Some("prof-rare".parse().unwrap()), ..OrderFilter::default()
    });
    "orders by status": |tx, _s| tx.orders(&OrderFilter {
        status: Some(OrderStatus::Ready), ..OrderFilter::default()
    });
    "orders of a span of time": |tx, _s| tx.orders(&OrderFilter {
        created_after: Some(NOW), created_before: Some(after(1)), ..OrderFilter::default()
    });
    "orders by part of a name": |tx, _s| tx.orders(&OrderFilter {
        name_part: Some(NamePart::parse("own.ex").unwrap()), ..OrderFilter::default()
    });
    "orders by part of a name that many have": |tx, _s| tx.orders(&OrderFilter {
        name_part: Some(NamePart::parse("example").unwrap()), ..OrderFilter::default()
    });
    "failed orders of a profile": |tx, _s| tx.orders(&OrderFilter {
        profile_id: Some(PROFILE.parse().unwrap()), status: Some(OrderStatus::Processing), ..OrderFilter::default()
    });
    "open orders of an account": |tx, s| tx.orders(&OrderFilter {
        account_id: Some(s.account.id.clone()), status: Some(OrderStatus::Ready), ..OrderFilter::default()
    });
    "ended orders of an account": |tx, s| tx.orders(&OrderFilter {
        account_id: Some(s.account.id.clone()), status: Some(OrderStatus::Valid), ..OrderFilter::default()
    });
    "an account's own list": |tx, s| tx.order_ids_of_account(&s.account.id, &PageRequest::default());
    "counts of open orders": |tx, _s| tx.open_order_counts();
    "pending orders of an account, counted": |tx, s| tx.count_pending_orders(&s.account.id, 100);
    "open orders of a profile, counted": |tx, _s|
        tx.count_open_orders_of_profile(&PROFILE.parse::<ProfileId>().unwrap());
    "order, new": |tx, s| tx.insert_order(&order(&s.account.id, "new.example"));
    "order, locked": |tx, s| tx.lock_order(&s.order.order.id);
    "order, made ready": |tx, s| tx.ready_order(&s.order.order.id, NOW);
    "order, claimed": |tx, s| tx.claim_order(&s.order.order.id, "csr", "claim", NOW);
    "order, completed": |tx, s| tx.complete_order(&s.order.order.id, "claim", &s.certificate.summary.id, NOW);
    "order, released": |tx, s| tx.release_order(&s.order.order.id, "claim", NOW);
    "order, failed": |tx, s| tx.fail_order(&s.order.order.id, OrderStatus::Pending, &problem(), NOW);
    "orders, stale": |tx, _s| tx.release_stale_orders(NOW, NOW, 50);
    "orders, expired": |tx, _s| tx.expire_orders(after(1), 50);
    "order, ended if open": |tx, s| tx.invalidate_order_if_open(&s.order.order.id, &problem(), NOW);
    "orders of an account, ended": |tx, s| tx.invalidate_open_orders(&s.account.id, &problem(), NOW);
    "orders, deleted": |tx, _s| tx.delete_orders(NOW - Duration::from_secs(1), 50);
    "authorization": |tx, s| tx.authorization(&s.order.authorizations[0].id);
    "authorizations of an order": |tx, s| tx.authorizations_of_order(&s.order.order.id);
    "authorizations held": |tx, s|
        tx.holds_authorizations(&s.account.id, &s.certificate.summary.identifiers, NOW);
    "authorizations to use again": |tx, s| tx.reusable_authorizations(
        &s.account.id, &s.order.order.profile_id, &s.certificate.summary.identifiers, NOW, NOW
    );
    "authorization, new": |tx, s| tx.insert_authorization(&Authorization {
        order_id: None, ..order(&s.account.id, "lone.example").authorizations.remove(0)
    });
    "authorizations, held": |tx, s| tx.hold_valid_authorizations(&s.order.order.authorization_ids, NOW);
    "authorization, validated": |tx, s|
        tx.validate_authorization(&s.order.authorizations[0].id, after(9), NOW);
    "authorization, invalidated": |tx, s| tx.invalidate_authorization(&s.order.authorizations[0].id, NOW);
    "authorizations by another, deactivated": |tx, s|
        tx.deactivate_authorizations_made_by(&s.order.authorizations[0].id, NOW);
    "authorizations, deleted": |tx, _s| tx.delete_lone_authorizations(NOW, 50);
    "challenges of an authorization": |tx, s| tx.challenges_of_authorization(&s.order.authorizations[0].id);
    "challenges of an order": |tx, s| tx.challenges_of_order(&s.order.order.id);
    "challenges that validated": |tx, s| tx.challenges_that_validated(&s.order.order.id);
    "challenge, answered": |tx, s|
        tx.start_challenge(&s.order.authorizations[0].id, ChallengeKind::Http01, NOW);
    "profiles with due challenges": |tx, _s| tx.profiles_with_due_challenges(after(9));
    "challenges under way, counted": |tx, _s| tx.count_processing_challenges();
    "challenges, taken back": |tx, _s| tx.take_back_challenges(NOW);
    "challenges, claimed": |tx, s| tx.claim_challenges(&s.order.order.profile_id, "claim", after(9), NOW, 10);
    "challenge, kept": |tx, s|
        tx.keep_challenge(&s.order.authorizations[0].id, ChallengeKind::Http01, "claim", after(9));
    "challenge, retried": |tx, s| tx.retry_challenge(
        &s.order.authorizations[0].id, ChallengeKind::Http01, "claim", 1, None, after(9), NOW
    );
    "challenge, finished": |tx, s| tx.finish_challenge(
        &s.order.authorizations[0].id, ChallengeKind::Http01, "claim", 1, None, NOW
    );
    "challenges, ended": |tx, s| tx.end_challenges(&s.order.authorizations[0].id, NOW);
    "attempt, new": |tx, s| tx.insert_validation_attempt(&attempt(&s.order.authorizations[0].id));
    "attempts of an order": |tx, s| tx.validation_attempts_of_order(&s.order.order.id);
    "authorization, deactivated": |tx, s| tx.deactivate_authorization(&s.order.authorizations[0].id, NOW);
    "certificate": |tx, s| tx.certificate(&s.certificate.summary.id);
    "certificate by hash": |tx, s| tx.certificate_by_sha256(&s.certificate.summary.sha256);
    "certificate by serial": |tx, s| tx.certificate_by_serial(&s.certificate.summary.serial);
    "certificates": |tx, _s| tx.certificates(&CertificateFilter::default(), NOW);
    "certificates by name": |tx, _s| tx.certificates(&CertificateFilter {
        name: Some("own.example".to_owned()), ..CertificateFilter::default()
    }, NOW);
    "certificates by part of a name": |tx, _s| tx.certificates(&CertificateFilter {
        name_part: Some(NamePart::parse("own.ex").unwrap()), ..CertificateFilter::default()
    }, NOW);
    "certificates by part of a few names": |tx, _s| tx.certificates(&CertificateFilter {
        name_part: Some(NamePart::parse("own").unwrap()), ..CertificateFilter::default()
    }, NOW);
    "certificates by part of a few names, by expiry": |tx, _s| tx.certificates(&CertificateFilter {
        name_part: Some(NamePart::parse("own").unwrap()),
        order: Some(CertificateOrder::Expiry),
        ..CertificateFilter::default()
    }, NOW);
    "certificates by part of a name that many have": |tx, _s| tx.certificates(&CertificateFilter {
        name_part: Some(NamePart::parse("example").unwrap()), ..CertificateFilter::default()
    }, NOW);
    "certificates by a name, by expiry": |tx, _s| tx.certificates(&CertificateFilter {
        name: Some("own.example".to_owned()), order: Some(CertificateOrder::Expiry), ..CertificateFilter::default()
    }, NOW);
    "certificates by issuer": |tx, _s| tx.certificates(&CertificateFilter {
        issuer_id: Some("iss-rare".parse().unwrap()), ..CertificateFilter::default()
    }, NOW);
    "certificates, valid": |tx, _s| tx.certificates(&CertificateFilter {
        state: Some(CertificateState::Valid), ..CertificateFilter::default()
    }, NOW);
    "certificates, expired": |tx, _s| tx.certificates(&CertificateFilter {
        state: Some(CertificateState::Expired), ..CertificateFilter::default()
    }, after(7200));
    "certificates by expiry": |tx, _s| tx.certificates(&CertificateFilter {
        order: Some(CertificateOrder::Expiry), ..CertificateFilter::default()
    }, NOW);
    "certificates of a profile by expiry": |tx, _s| tx.certificates(&CertificateFilter {
        order: Some(CertificateOrder::Expiry),
        profile_id: Some("prof-rare".parse().unwrap()),
        ..CertificateFilter::default()
    }, NOW);
    "certificates within profiles by expiry": |tx, _s| tx.certificates(&CertificateFilter {
        order: Some(CertificateOrder::Expiry),
        within: vec!["prof-rare".parse().unwrap()],
        ..CertificateFilter::default()
    }, NOW);
    "certificates, replaced": |tx, _s| tx.certificates(&CertificateFilter {
        superseded: Some(true), ..CertificateFilter::default()
    }, NOW);
    "certificates by serial": |tx, s| tx.certificates(&CertificateFilter {
        serial: Some(s.certificate.summary.serial.clone()), ..CertificateFilter::default()
    }, NOW);
    "certificates by hash": |tx, s| tx.certificates(&CertificateFilter {
        sha256: Some(s.certificate.summary.sha256.clone()), ..CertificateFilter::default()
    }, NOW);
    "certificates by account": |tx, s| tx.certificates(&CertificateFilter {
        account_id: Some(s.account.id.clone()), ..CertificateFilter::default()
    }, NOW);
    "certificates by order": |tx, s| tx.certificates(&CertificateFilter {
        order_id: Some(s.order.order.id.clone()), ..CertificateFilter::default()
    }, NOW);
    "certificates by profile": |tx, _s| tx.certificates(&CertificateFilter {
        profile_id: Some("prof-rare".parse().unwrap()), ..CertificateFilter::default()
    }, NOW);
    "certificates, revoked": |tx, _s| tx.certificates(&CertificateFilter {
        state: Some(CertificateState::Revoked), ..CertificateFilter::default()
    }, NOW);
    "certificates to renew": |tx, _s| tx.certificates(&CertificateFilter {
        renewal_demanded: Some(true), ..CertificateFilter::default()
    }, NOW);
    "certificates that expire soon": |tx, _s| tx.certificates(&CertificateFilter {
        expires_before: Some(after(60)), ..CertificateFilter::default()
    }, NOW);
    "certificates, valid, of an account": |tx, s| tx.certificates(&CertificateFilter {
        state: Some(CertificateState::Valid), account_id: Some(s.account.id.clone()), ..CertificateFilter::default()
    }, NOW);
    "certificates by ids": |tx, s| async move { tx.certificates_by_ids(&[s.certificate.summary.id]).await };
    "certificates, several revoked": |tx, s| async move {
        let revocation = Revocation { at: NOW, reason: RevocationReason::UNSPECIFIED };
        tx.revoke_certificates(&[s.certificate.summary.id], &revocation).await
    };
    "bulk action": |tx, s| tx.bulk_action(&s.bulk.id);
    "bulk actions": |tx, _s| tx.bulk_actions(&BulkActionFilter::default());
    "bulk actions of somebody": |tx, s| tx.bulk_actions(&BulkActionFilter {
        actor: Some(s.bulk.actor.clone()), ..BulkActionFilter::default()
    });
    "bulk action, new": |tx, _s| async move { tx.insert_bulk_action(&bulk_action("usr")).await };
    "bulk action, claimed": |tx, _s| tx.claim_bulk_action("claim", after(5), NOW);
    "bulk action, kept": |tx, s| tx.keep_bulk_action(&s.bulk.id, "claim", after(9));
    "bulk action, advanced": |tx, s| async move {
        let step = BulkStep { done: 1, failed: 0, position: None, ended: false, due_at: Some(NOW) };
        tx.advance_bulk_action(&s.bulk.id, "claim", &step, NOW).await
    };
    "bulk action, stopped": |tx, s| tx.stop_bulk_action(&s.bulk.id, "enough", None, NOW);
    "bulk action, counted": |tx, s| tx.note_bulk_replaced(&s.bulk.id, "claim", 1, None, NOW);
    "bulk action's items, new": |tx, s| async move {
        let other = CertificateId::generate(NOW, &SystemEntropy);
        tx.insert_bulk_items(&s.bulk.id, &[(other, None)]).await
    };
    "bulk action's items, replaced": |tx, s| tx.count_bulk_replaced(&s.bulk.id, None, 100);
    "bulk action's failures": |tx, s| async move {
        tx.bulk_failures(&s.bulk.id, &PageRequest::default()).await
    };
    "bulk actions, taken back": |tx, _s| tx.take_back_bulk_actions(NOW);
    "certificate, new": |tx, s| tx.insert_certificate(&certificate(&s.account.id, "x.example", 999_999));
    "certificate, revoked": |tx, s| tx.revoke_certificate(
        &s.certificate.summary.id, &Revocation { at: NOW, reason: RevocationReason::UNSPECIFIED }
    );
    "replacement, claimed": |tx, s| tx.claim_replacement(&s.certificate.summary.id, &None, &s.order.order.id);
    "replacement, completed": |tx, s| tx.complete_replacement(
        &s.certificate.summary.serial, &s.order.order.id, &s.certificate.summary.id
    );
    "renewal, demanded": |tx, s| async move {
        let demand = RenewalDemand { since: NOW, reason: "x".to_owned(), explanation_url: None };
        tx.demand_renewal(&[s.certificate.summary.id], &[PROFILE.parse().unwrap()], Some(&demand), NOW).await
    };
    "renewal, not demanded any more": |tx, s| async move {
        tx.demand_renewal(&[s.certificate.summary.id], &[], None, NOW).await
    };
    "chain, new": |tx, _s| async move { tx.put_chain("chain", &[vec![1]]).await };
    "chain": |tx, _s| tx.chain("chain");
    "certificates that end in spans of time": |tx, _s|
        tx.expiry_counts(&[after(10_000_000), after(10_000_001), after(10_000_002)]);
    "certificates issued in spans of time": |tx, _s|
        tx.issuance_counts(&[after(10_000_000), after(10_000_001), after(10_000_002)]);
    "orders that failed in spans of time": |tx, _s|
        tx.failure_counts(&[after(10_000_000), after(10_000_001), after(10_000_002)]);
    "bulk action that ended first, to be deleted": |tx, _s| tx.delete_ended_bulk_action(after(2), 10);
    "event": |tx, s| tx.audit_event(&s.event.id);
    "events": |tx, _s| tx.audit_events(&AuditFilter::default());
    "events by actor": |tx, s| tx.audit_events(&AuditFilter {
        actor: Some(s.event.actor.clone()), ..AuditFilter::default()
    });
    "events by the beginning of an actor": |tx, _s| tx.audit_events(&AuditFilter {
        actor: Some("key:".to_owned()), ..AuditFilter::default()
    });
    "events by action": |tx, s| tx.audit_events(&AuditFilter {
        action: Some(s.event.action.clone()), ..AuditFilter::default()
    });
    "events by resource": |tx, s| tx.audit_events(&AuditFilter {
        resource_id: Some(s.event.resource_id.clone()), ..AuditFilter::default()
    });
    "history of a profile": |tx, _s|
        tx.profile_history(&PROFILE.parse::<ProfileId>().unwrap(), &PageRequest::default());
    "history of a profile, further back": |tx, s|
        tx.profile_history(&PROFILE.parse::<ProfileId>().unwrap(), &PageRequest {
            after: Some(s.event.id.to_string()), ..PageRequest::default()
        });
    "events by a rare type of resource": |tx, s| tx.audit_events(&AuditFilter {
        resource_type: Some(s.event.resource_type.clone()), ..AuditFilter::default()
    });
    "events by a rare type of resource that were refused": |tx, s| tx.audit_events(&AuditFilter {
        resource_type: Some(s.event.resource_type.clone()),
        outcome: Some(model::Outcome::Refused),
        ..AuditFilter::default()
    });
    "events by a rare type of resource and the beginning of an actor": |tx, s| tx.audit_events(&AuditFilter {
        resource_type: Some(s.event.resource_type.clone()),
        actor: Some("key:".to_owned()),
        ..AuditFilter::default()
    });
    "events by actor and action": |tx, s| tx.audit_events(&AuditFilter {
        actor: Some(s.event.actor.clone()), action: Some("order.created".to_owned()), ..AuditFilter::default()
    });
    "events by the beginning of most actors": |tx, _s| tx.audit_events(&AuditFilter {
        actor: Some("acme:".to_owned()), ..AuditFilter::default()
    });
    "events that went well, by action": |tx, _s| tx.audit_events(&AuditFilter {
        action: Some("order.created".to_owned()),
        outcome: Some(model::Outcome::Success),
        ..AuditFilter::default()
    });
    "events about certificates": |tx, _s| tx.audit_events(&AuditFilter {
        resource_type: Some("certificate".to_owned()), ..AuditFilter::default()
    });
    "events that were refused": |tx, _s| tx.audit_events(&AuditFilter {
        outcome: Some(model::Outcome::Refused), ..AuditFilter::default()
    });
    "events of a time": |tx, _s| tx.audit_events(&AuditFilter {
        since: Some(after(7200)), until: Some(after(10_000)), ..AuditFilter::default()
    });
    "events by everything": |tx, s| tx.audit_events(&AuditFilter {
        actor: Some("acme:".to_owned()),
        action: Some("order.created".to_owned()),
        resource_id: Some(s.event.resource_id.clone()),
        outcome: Some(model::Outcome::Success),
        ..AuditFilter::default()
    });
    "events, new": |tx, _s| tx.record(&[event("acme:x", "y")]);
    "nonces, redeemed": |tx, _s| tx.redeem_nonces(&[([1; 16], after(60)), ([2; 16], after(60))]);
    "nonces, deleted": |tx, _s| tx.delete_expired_nonces(NOW, 50);
    "rate limits": |tx, _s| tx.rate_limits();
    "rate counters of a subject": |tx, _s|
        tx.rate_counters_of(&"name:own.example".parse::<RateSubject>().unwrap(), NOW);
    "rate limits, changed": |tx, _s| async move { tx.replace_rate_limits(&RateLimits::default(), 0, NOW).await };
    "rate counter": |tx, _s| async move {
        tx.rate_counter(RateLimit::NameOrders, &"name:n1.example".parse().unwrap(), after(3600)).await
    };
    "rate counters, high": |tx, _s| tx.high_rate_counters(
        &[(RateLimit::NameOrders, 5), (RateLimit::AccountOrders, 5)], NOW, 100
    );
    "rate counters, added": |tx, _s| tx.add_to_rate_counters(vec![counter(1), counter(999_999)]);
    "rate refusal, noted": |tx, _s| async move {
        tx.note_rate_refusal(RateLimit::NameOrders, &"name:n1.example".parse().unwrap(), after(3600), NOW).await
    };
    "rate counters, reset": |tx, _s| async move {
        tx.delete_rate_counters(RateLimit::NameOrders, &"name:n1.example".parse().unwrap()).await
    };
    "rate counters, ended": |tx, _s| tx.delete_ended_rate_counters(NOW, 50);
    "profile": |tx, _s| tx.profile(&PROFILE.parse::<ProfileId>().unwrap());
    "provider, new": |tx, _s| async move { tx.insert_provider(&provider("new")).await };
    "password": |tx, s| tx.password(&s.user.id);
    "password by name": |tx, _s| tx.password_by_name("own");
    "password, used lately": |tx, _s| tx.password_used_since(NOW);
    "password, set": |tx, s| tx.put_password(&s.user.id, "hash", NOW);
    "password, wrong": |tx, s| tx.note_password_failure(&s.user.id);
    "password, locked": |tx, s| tx.lock_password(&s.user.id, after(9));
    "passwords": |tx, _s| tx.passwords(50);
    "password, right": |tx, s| tx.note_password_use(&s.user.id, "hash", NOW);
    "password, taken away": |tx, s| tx.delete_password(&s.user.id);
    "link": |tx, _s| tx.login_link(&[1; 32], NOW);
    "link, new": |tx, s| tx.insert_login_link(&[2; 32], &s.user.id, after(60));
    "link, taken": |tx, _s| tx.take_login_link(&[1; 32], NOW);
    "links, expired": |tx, _s| tx.delete_expired_login_links(NOW, 50);
    "session's check": |tx, s| tx.signed_in(&s.session.id_sha256);
    "session": |tx, s| tx.session(&s.session.id);
    "sessions": |tx, _s| tx.sessions(&SessionFilter::default());
    "sessions of a user": |tx, s| tx.sessions(&SessionFilter {
        user_id: Some(s.user.id.clone()), ..SessionFilter::default()
    });
    "sessions of an API key": |tx, s| tx.sessions(&SessionFilter {
        api_key_id: Some(s.key.id.clone()), ..SessionFilter::default()
    });
    "session, new": |tx, s| async move {
        tx.insert_session(&session(Principal::User(s.user.id.clone()), [2; 32])).await
    };
    "session, touched": |tx, s| tx.touch_session(&s.session.id_sha256, after(90), Duration::from_secs(60));
    "session, rekeyed": |tx, s| async move {
        let old = s.session.id_sha256;
        tx.rekey_session(&old, &Session { id_sha256: [3; 32], ..s.session }).await
    };
    "session, deleted": |tx, s| tx.delete_session(&s.session.id);
    "session of a cookie, deleted": |tx, s| tx.delete_session_of_cookie(&s.session.id_sha256);
    "sessions of a user, deleted": |tx, s| tx.delete_sessions_of_user(&s.user.id);
    "sessions of an API key, deleted": |tx, s| tx.delete_sessions_of_api_key(&s.key.id);
    "sessions of a provider's session, deleted": |tx, s|
        tx.delete_sessions_of_provider_session(&s.user.provider_id, "own");
    "sessions, ended": |tx, _s| tx.delete_ended_sessions(NOW, NOW - Duration::from_secs(60), 50);
    "session ended by its provider": |tx, s| tx.provider_session_ended_at(&s.user.provider_id, "sid:own");
    "session ended by its provider, noted": |tx, s|
        tx.note_provider_session_ended(&s.user.provider_id, "sid:own", NOW, after(60));
    "sessions ended by their provider, forgotten": |tx, _s| tx.forget_ended_provider_sessions(NOW, 50);
};

/// An administrator's, which ends before all others.
fn own_key() -> ApiKey {
    ApiKey { grant: Grant::admin(), expires_at: Some(after(100)), ..api_key("own", [7; 32]) }
}

fn own_user() -> User {
    User { grants: vec![Grant::admin()], ..user("idp-rare", "own") }
}

fn role(id: &str) -> Role {
    Role {
        id: id.parse().unwrap(),
        description: String::new(),
        permissions: Permissions::NONE,
        version: 1,
        created_at: NOW,
        updated_at: NOW,
    }
}

fn counter(number: u64) -> RateCounter {
    RateCounter {
        limit: RateLimit::NameOrders,
        subject: format!("name:n{number}.example").parse().unwrap(),
        resets_at: after(3600),
        count: 1,
        refused: false,
    }
}

fn eab_key() -> EabKey {
    EabKey {
        id: EabKeyId::generate(NOW, &SystemEntropy),
        note: String::new(),
        profiles: Vec::new(),
        permitted_names: Vec::new(),
        preauthorized: false,
        max_uses: None,
        uses: 0,
        sealed_mac_key: vec![1],
        created_by: "key:x".to_owned(),
        created_at: NOW,
        expires_at: None,
        rotated_at: None,
        revoked_at: None,
    }
}

fn attempt(authorization: &AuthorizationId) -> ValidationAttempt {
    ValidationAttempt {
        authorization_id: authorization.clone(),
        kind: ChallengeKind::Http01,
        number: 1,
        started_at: NOW,
        duration: Duration::from_millis(1),
        outcome: AttemptOutcome::Retried,
        problem: None,
        evidence: serde_json::json!({}),
    }
}

fn problem() -> StoredProblem {
    StoredProblem { r#type: "urn:x".to_owned(), detail: "x".to_owned(), status: 403 }
}

async fn put<F>(store: &Store, work: F)
where
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<(), StoreError>> + Send + 'static,
{
    store.write(work).await.unwrap();
}

/// Fills the tables with rows of other accounts, and some that the calls are about.
pub async fn seed(store: &Store) -> Subjects {
    for start in (0..OTHERS).step_by(50) {
        put(store, move |tx| Box::pin(async move { seed_others(tx, start..start + 50).await })).await;
    }
    let eab_key = eab_key();
    let bound = ExternalAccount { key_id: eab_key.id.clone(), binding: "{}".to_owned() };
    let contacts = vec!["mailto:own@own.test".to_owned()];
    let own = Account { external_account: Some(bound), contacts, ..account("own") };
    let mut certificate = certificate(&own.id, "own.example", 777_777);
    certificate.summary.profile_id = "prof-rare".parse().unwrap();
    certificate.summary.not_after = after(30);
    certificate.summary.identifiers.push(Identifier::parse_any("owned.example").unwrap());
    certificate.summary.revocation = Some(Revocation { at: NOW, reason: RevocationReason::UNSPECIFIED });
    let mut order = order(&own.id, "own.example");
    order.order.profile_id = "prof-rare".parse().unwrap();
    order.order.identifiers.clone_from(&certificate.summary.identifiers);
    order.order.certificate_id = Some(certificate.summary.id.clone());
    certificate.summary.order_id = Some(order.order.id.clone());
    let mut event = event("key:own", "order.failed");
    event.resource_type = "server".to_owned();
    event.resource_id = "own".to_owned();
    event.outcome = model::Outcome::Refused;
    event.id = AuditEventId::generate(after(9000), &SystemEntropy);
    event.created_at = after(9000);
    let (key, user) = (own_key(), own_user());
    let session = session(Principal::User(user.id.clone()), [8; 32]);
    let subjects = Subjects {
        account: own,
        order,
        certificate,
        key,
        eab_key,
        event,
        user,
        session,
        bulk: bulk_action("usr"),
    };
    let stored = subjects.clone();
    put(store, move |tx| {
        Box::pin(async move {
            tx.put_issuer(&issuer()).await?;
            tx.insert_profile(&profile(PROFILE)).await?;
            tx.insert_account(&Account { status: AccountStatus::Suspended, ..stored.account }).await?;
            tx.insert_order(&stored.order).await?;
            tx.insert_certificate(&stored.certificate).await?;
            tx.insert_api_key(&stored.key).await?;
            tx.insert_eab_key(&stored.eab_key).await?;
            tx.insert_role(&role("own")).await?;
            tx.insert_user(&stored.user).await?;
            tx.put_password(&stored.user.id, "hash", NOW).await?;
            tx.insert_session(&stored.session).await?;
            tx.insert_bulk_action(&stored.bulk).await?;
            tx.insert_bulk_items(&stored.bulk.id, &[(stored.certificate.summary.id, None)]).await?;
            tx.record(&[stored.event]).await
        })
    })
    .await;
    subjects
}

async fn seed_others(tx: &mut Tx, numbers: std::ops::Range<u64>) -> Result<(), StoreError> {
    let mut events = Vec::new();
    let mut nonces = Vec::new();
    let mut counters = Vec::new();
    for number in numbers {
        let key = eab_key();
        tx.insert_eab_key(&key).await?;
        let bound = ExternalAccount { key_id: key.id, binding: "{}".to_owned() };
        let other = Account { external_account: Some(bound), ..account(&format!("other {number}")) };
        counters.push(counter(number));
        tx.insert_account(&other).await?;
        let mut ended = order(&other.id, &format!("n{number}.example"));
        ended.order.status = if number % 2 == 0 { OrderStatus::Valid } else { OrderStatus::Invalid };
        tx.insert_order(&ended).await?;
        let mut certificate = certificate(&other.id, &format!("n{number}.example"), number + 1);
        certificate.summary.order_id = Some(ended.order.id.clone());
        certificate.summary.not_after = after(3600 + number);
        tx.insert_certificate(&certificate).await?;
        let ended_at = Some(after(1 + number));
        let bulk = BulkAction { state: BulkActionState::Done, due_at: None, ended_at, ..bulk_action("key") };
        tx.insert_bulk_action(&bulk).await?;
        let failure = (number % 2 == 0).then(|| "a reason".to_owned());
        tx.insert_bulk_items(&bulk.id, &[(certificate.summary.id.clone(), failure)]).await?;
        let mut decided = order(&other.id, "challenged.example");
        decided.order.status = OrderStatus::Pending;
        decided.order.expires_at = after(100_000);
        decided.authorizations[0].status = AuthorizationStatus::Pending;
        decided.authorizations[0].offered = Some(vec![ChallengeKind::Http01]);
        let challenged = decided.authorizations[0].id.clone();
        tx.insert_order(&decided).await?;
        tx.start_challenge(&challenged, ChallengeKind::Http01, NOW).await?;
        tx.end_challenges(&challenged, NOW).await?;
        tx.fail_order(&decided.order.id, OrderStatus::Pending, &problem(), NOW).await?;
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&(number + 1).to_be_bytes());
        hash[31] = 1;
        tx.insert_api_key(&api_key("other", hash)).await?;
        let person = user("idp-other", &format!("other {number}"));
        tx.insert_user(&person).await?;
        tx.insert_role(&role(&format!("other-{number}"))).await?;
        tx.put_password(&person.id, "hash", NOW).await?;
        tx.insert_login_link(&hash, &person.id, after(3600)).await?;
        let mut other = session(Principal::User(person.id), hash);
        other.provider_id = Some(person.provider_id.clone());
        other.provider_session = Some(format!("n{number}"));
        tx.insert_session(&other).await?;
        let sid = format!("sid:n{number}");
        tx.note_provider_session_ended(&person.provider_id, &sid, NOW, after(3600)).await?;
        let mut created = event(&format!("acme:{}", other.id), "order.created");
        created.resource_id = ended.order.id.to_string();
        events.push(created);
        // The profile of the calls refused many orders, and other profiles were changed as often.
        for (action, profile) in [("order.refused", PROFILE), ("profile.updated", "prof-other")] {
            let resource_id = profile.to_owned();
            events.push(AuditEvent { resource_id, ..event(&format!("acme:{}", other.id), action) });
        }
        let mut nonce = [9; 16];
        nonce[..8].copy_from_slice(&number.to_be_bytes());
        nonces.push((nonce, after(3600)));
    }
    tx.record(&events).await?;
    tx.add_to_rate_counters(counters).await?;
    tx.redeem_nonces(&nonces).await.map(drop)
}

/// Runs each of `calls` in one transaction, which is rolled back, and returns what they should not have done.
async fn explain(store: &Store, subjects: &Subjects, calls: &'static [(&'static str, Call)]) -> Vec<String> {
    let (engine, faults) = (store.engine(), Arc::new(Mutex::new(Vec::new())));
    let (seen, subjects) = (Arc::clone(&faults), subjects.clone());
    let outcome = store
        .write(move |tx| {
            Box::pin(async move {
                let nothing = Explaining { inner: None, engine, faults: Arc::clone(&seen) };
                let inner = tx.replace_connection(Box::new(nothing));
                tx.replace_connection(Box::new(Explaining {
                    inner: Some(inner),
                    engine,
                    faults: Arc::clone(&seen),
                }));
                for (name, call) in calls {
                    let before = seen.lock().unwrap().len();
                    // What a call finds is not asked here; some find that their row has moved on.
                    match call(tx, subjects.clone()).await {
                        Ok(()) | Err(StoreError::Conflict) => {}
                        Err(error) => seen.lock().unwrap().push(format!("fails: {error}")),
                    }
                    for fault in &mut seen.lock().unwrap()[before..] {
                        *fault = format!("{name}: {fault}");
                    }
                }
                Err::<(), _>(StoreError::Conflict)
            })
        })
        .await;
    assert!(matches!(outcome, Err(StoreError::Conflict)), "{outcome:?}");
    let mut faults = faults.lock().unwrap();
    std::mem::take(&mut *faults)
}

pub async fn open(url: DatabaseUrl) -> Store {
    let store = Store::connect(&StoreOptions::new(url)).await.unwrap();
    store.migrate().await.unwrap();
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_every_statement_goes_by_an_index() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(DatabaseUrl::Sqlite { path: directory.path().join("plans.db") }).await;
    let subjects = seed(&store).await;
    let faults = explain(&store, &subjects, CALLS).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_every_statement_looks_at_few_rows() {
    let url = Postgres::shared().create_database("plans");
    let store = open(DatabaseUrl::Postgres { url: url.clone() }).await;
    let subjects = seed(&store).await;
    Postgres::shared().query(&url, "ANALYZE");
    let faults = explain(&store, &subjects, CALLS).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What an issuance asks of the store, from newOrder to the download.
const ISSUANCE: &[(&str, Call)] = calls! {
    "account": |tx, s| tx.account(&s.account.id);
    "profile": |tx, _s| tx.profile(&PROFILE.parse::<ProfileId>().unwrap());
    "nonce": |tx, _s| tx.redeem_nonces(&[([1; 16], after(60))]);
    "newOrder": |tx, s| async move {
        tx.insert_order(&order(&s.account.id, "new.example")).await?;
        tx.record(&[event("acme:own", "order.created")]).await
    };
    "order": |tx, s| tx.order(&s.order.order.id);
    "authorizations": |tx, s| tx.authorizations_of_order(&s.order.order.id);
    "claim": |tx, s| tx.claim_order(&s.order.order.id, "csr", "claim", NOW);
    "finalize": |tx, s| async move {
        let new = certificate(&s.account.id, "own.example", 888_888);
        tx.insert_certificate(&new).await?;
        tx.complete_order(&s.order.order.id, "claim", &new.summary.id, NOW).await?;
        tx.record(&[event("acme:own", "certificate.issued")]).await
    };
    "download": |tx, s| tx.certificate(&s.certificate.summary.id);
    "orders list": |tx, s| tx.order_ids_of_account(&s.account.id, &PageRequest { after: None, limit: 50 });
};

/// cert-manager's shape of trouble: one account whose orders nobody finishes. Its next issuance must not look at them.
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_pending_orders_of_an_account_do_not_burden_its_next_one() {
    let directory = tempfile::tempdir().unwrap();
    let url = Postgres::shared().create_database("pending");
    for database in [
        DatabaseUrl::Sqlite { path: directory.path().join("pending.db") },
        DatabaseUrl::Postgres { url: url.clone() },
    ] {
        let store = open(database).await;
        let own = account("own");
        let subjects = Subjects {
            order: order(&own.id, "own.example"),
            certificate: certificate(&own.id, "own.example", 1),
            key: api_key("own", [7; 32]),
            eab_key: eab_key(),
            event: event("acme:own", "x"),
            user: own_user(),
            session: session(Principal::User(UserId::generate(NOW, &SystemEntropy)), [8; 32]),
            bulk: bulk_action("usr"),
            account: own.clone(),
        };
        let stored = subjects.clone();
        put(&store, move |tx| {
            Box::pin(async move {
                tx.insert_account(&stored.account).await?;
                tx.insert_order(&stored.order).await?;
                tx.insert_certificate(&stored.certificate).await
            })
        })
        .await;
        for _ in 0..100 {
            let owner = own.id.clone();
            put(&store, move |tx| {
                Box::pin(async move {
                    for _ in 0..100 {
                        let mut pending = order(&owner, "never.example");
                        pending.order.status = OrderStatus::Pending;
                        pending.authorizations[0].status = AuthorizationStatus::Pending;
                        tx.insert_order(&pending).await?;
                    }
                    Ok(())
                })
            })
            .await;
        }
        if store.engine() == EngineKind::Postgres {
            Postgres::shared().query(&url, "ANALYZE");
        }
        let faults = explain(&store, &subjects, ISSUANCE).await;
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}
