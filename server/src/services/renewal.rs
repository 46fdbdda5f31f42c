//! When certificates are to be renewed (RFC 9773): what clients are told, and what administrators demand.

use std::time::Duration;

use acme::renewal::{CertificateRef, RenewalInfo, RenewalWindow, retry_after};
use model::{
    BulkSelection, Caller, Certificate, CertificateFilter, CertificateId, CertificateState, PageRequest,
    Permission, ProfileId, Reach, RenewalDemand,
};
use serde_json::{Value, json};

use super::scope;
use crate::auth::{authorise_named, reach};
use crate::core::{Core, Resource};
use crate::error::{Error, Result};

/// Certificates in one transaction, so that an incident never holds up an issuance for long.
const BATCH: u32 = 500;

/// The certificate that a client means, if this CA issued it.
pub async fn find(core: &Core, named: &CertificateRef) -> Result<Option<Certificate>> {
    let found = core.store.read().await?.certificate_by_serial(&hex::encode(&named.serial)).await?;
    // The certificate itself says under which key it was issued, also when the CA has another one by now.
    Ok(found.filter(|certificate| {
        let issuer = ca::authority_key_identifier(&certificate.der);
        issuer.is_ok_and(|id| id.as_ref() == Some(&named.authority_key_identifier))
    }))
}

/// What the holder of a certificate is told.
#[derive(Debug)]
pub struct Advice {
    pub info: RenewalInfo,
    /// When to ask again.
    pub retry_after: Duration,
    pub profile_id: ProfileId,
}

/// When to renew the certificate that a client means. Nobody needs to authenticate for that (RFC 9773 §4.1).
pub async fn advise(core: &Core, named: &CertificateRef) -> Result<Option<Advice>> {
    let Some(certificate) = find(core, named).await? else { return Ok(None) };
    let c = certificate.summary;
    let demanded = c.renewal_demand.as_ref().map(|demand| demand.since);
    let since = [c.revocation.as_ref().map(|revocation| revocation.at), demanded].into_iter().flatten().min();
    let window = match since {
        Some(since) => RenewalWindow::past(since),
        None => RenewalWindow::regular(c.not_before, c.not_after, spread(&c.sha256)),
    };
    let explanation_url = c.renewal_demand.and_then(|demand| demand.explanation_url);
    Ok(Some(Advice {
        info: RenewalInfo { suggested_window: window, explanation_url },
        retry_after: retry_after(c.not_before, c.not_after, since.is_some()),
        profile_id: c.profile_id,
    }))
}

/// The first 32 bits of the certificate's fingerprint (hexadecimal): as good as random, and the same on every replica.
fn spread(sha256: &str) -> u32 {
    sha256.get(..8).and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or(0)
}

/// Wants all selected certificates renewed at once that are valid now; without a demand, takes demands back. Returns
/// how many certificates that changed. `shown`: the selection for the audit events, one for each transaction.
pub async fn demand(
    core: &Core,
    caller: &Caller,
    selection: BulkSelection,
    shown: Value,
    demand: Option<RenewalDemand>,
) -> Result<u64> {
    let reach = reach(caller, Permission::CertificateRenew)?;
    let mut batches = Batches { core, caller, shown, demand, within: Vec::new(), total: 0, recorded: false };
    match selection {
        BulkSelection::Ids(ids) => {
            // What lies beyond the reach is passed over like what does not exist.
            if let Reach::Profiles(profiles) = reach {
                batches.within = profiles.into_iter().collect();
            }
            for some in ids.chunks(BATCH as usize) {
                batches.store(some.to_vec()).await?;
            }
        }
        BulkSelection::Filter(filter) => {
            for profile_id in scope::parts(&reach, filter.profile_id.as_ref()) {
                let mut filter = CertificateFilter {
                    profile_id,
                    page: PageRequest { after: None, limit: BATCH },
                    ..(*filter).clone()
                };
                match batches.demand {
                    Some(_) => filter.state = Some(CertificateState::Valid),
                    None => filter.renewal_demanded = Some(true),
                }
                batches.store_matching(filter).await?;
            }
            if !batches.recorded {
                batches.store(Vec::new()).await?;
            }
        }
    }
    Ok(batches.total)
}

/// The same of one certificate that the caller names. [`Error::Conflict`] when there is nothing to demand or to take
/// back.
pub async fn demand_of(
    core: &Core,
    caller: &Caller,
    id: &CertificateId,
    demand: Option<RenewalDemand>,
) -> Result<()> {
    const RENEW: Permission = Permission::CertificateRenew;
    reach(caller, RENEW)?;
    let unknown = || Error::not_found(format!("certificate {id}"));
    let c = core.store.read().await?.certificate(id).await?.ok_or_else(unknown)?.summary;
    authorise_named(caller, RENEW, Permission::CertificateRead, &c.profile_id, unknown)?;
    let state = c.state(core.now());
    match &demand {
        Some(_) if state != CertificateState::Valid => {
            return Err(Error::Conflict(format!("the certificate {id} is {state} and cannot be renewed")));
        }
        None if c.renewal_demand.is_none() => {
            return Err(Error::Conflict(format!("nobody wants the certificate {id} renewed at once")));
        }
        _ => {}
    }
    let shown = json!({ "ids": [id] });
    let mut one = Batches { core, caller, shown, demand, within: Vec::new(), total: 0, recorded: false };
    one.store(vec![id.clone()]).await
}

/// One demand, stored some certificates at a time.
struct Batches<'a> {
    core: &'a Core,
    caller: &'a Caller,
    shown: Value,
    demand: Option<RenewalDemand>,
    /// Only certificates of these profiles are changed; empty: all.
    within: Vec<ProfileId>,
    /// Certificates that were changed.
    total: u64,
    /// Whether there is an event of it. A selection without effect is worth one, not one for each batch.
    recorded: bool,
}

impl Batches<'_> {
    async fn store_matching(&mut self, mut filter: CertificateFilter) -> Result<()> {
        loop {
            let page = self.core.store.read().await?.certificates(&filter, self.core.now()).await?;
            let ids: Vec<_> = page.items.into_iter().map(|certificate| certificate.id).collect();
            if !ids.is_empty() {
                self.store(ids).await?;
            }
            filter.page.after = page.next;
            if filter.page.after.is_none() {
                return Ok(());
            }
        }
    }

    async fn store(&mut self, ids: Vec<CertificateId>) -> Result<()> {
        let (action, mut details) = match &self.demand {
            Some(demand) => (
                "certificate.renewal_demanded",
                json!({ "reason": demand.reason, "explanation_url": demand.explanation_url }),
            ),
            None => ("certificate.renewal_demand_cancelled", json!({})),
        };
        details["selection"] = self.shown.clone();
        let resource = match ids.as_slice() {
            [one] => one.to_string(),
            _ => "renew-now".to_owned(),
        };
        let mut event = self.core.event(self.caller, action, Resource("certificate", &resource), details);
        let (now, demand, within) = (self.core.now(), self.demand.clone(), self.within.clone());
        let recorded = self.recorded;
        let changed = self
            .core
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let changed = tx.demand_renewal(&ids, &within, demand.as_ref(), now).await?.len() as u64;
                    if changed > 0 || !recorded {
                        event.details["certificates"] = json!(changed);
                        tx.record(&[event]).await?;
                    }
                    Ok::<_, Error>(changed)
                })
            })
            .await?;
        self.recorded = true;
        self.total += changed;
        Ok(())
    }
}
