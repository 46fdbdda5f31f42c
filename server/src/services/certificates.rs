use std::sync::Arc;

use model::{
    Actor, AuditFilter, Caller, Certificate, CertificateFilter, CertificateId, CertificateOrder,
    CertificateSummary, Page, PageRequest, Permission, ProfileId, Reach, RevocationReason,
};

use super::scope;
use crate::auth::{authorise_named, reach};
use crate::core::Core;
use crate::error::{Error, Result};
use crate::issuance::{direct, revoke};

pub async fn list(
    core: &Core,
    caller: &Caller,
    filter: &CertificateFilter,
) -> Result<Page<CertificateSummary>> {
    let reach = reach(caller, Permission::CertificateRead)?;
    let (mut db, now) = (core.store.read().await?, core.now());
    if filter.order() == CertificateOrder::Expiry {
        // Pages along the ids can be put together, so this list is one, of all profiles within reach.
        let within = match (&reach, &filter.profile_id) {
            (Reach::Everywhere, _) => Vec::new(),
            (Reach::Profiles(_), Some(profile)) if reach.covers(profile) => Vec::new(),
            (Reach::Profiles(_), Some(_)) => return Ok(Page { items: Vec::new(), next: None }),
            (Reach::Profiles(profiles), None) => profiles.iter().cloned().collect(),
        };
        return Ok(db.certificates(&CertificateFilter { within, ..filter.clone() }, now).await?);
    }
    let mut pages = Vec::new();
    for profile_id in scope::parts(&reach, filter.profile_id.as_ref()) {
        pages.push(db.certificates(&CertificateFilter { profile_id, ..filter.clone() }, now).await?);
    }
    Ok(scope::merge(pages, filter.page.limit, |certificate| certificate.id.to_string()))
}

/// The certificate and the chain above it (DER, issuer first).
pub async fn find(core: &Core, caller: &Caller, id: &CertificateId) -> Result<(Certificate, Vec<Vec<u8>>)> {
    let reach = reach(caller, Permission::CertificateRead)?;
    let found = load(core, id).await?.filter(|(found, _)| reach.covers(&found.summary.profile_id));
    found.ok_or_else(|| unknown(id))
}

/// Who asked for a certificate without ACME.
#[derive(Debug)]
pub struct Requester {
    /// As audit events name actors.
    pub actor: String,
    /// Of the API key or the person.
    pub name: Option<String>,
}

/// Who asked for a certificate that has no account; for those who may see it.
pub async fn requester(core: &Core, certificate: &CertificateSummary) -> Result<Option<Requester>> {
    if certificate.account_id.is_some() {
        return Ok(None);
    }
    let issued = AuditFilter {
        resource_id: Some(certificate.id.to_string()),
        action: Some("certificate.issued".to_owned()),
        page: PageRequest { after: None, limit: 1 },
        ..AuditFilter::default()
    };
    let mut db = core.store.read().await?;
    let Some(event) = db.audit_events(&issued).await?.items.pop() else { return Ok(None) };
    let name = match event.actor.parse() {
        Ok(Actor::ApiKey(id)) => db.api_key(&id).await?.map(|key| key.name),
        Ok(Actor::User(id)) => db.user(&id).await?.map(|user| user.name),
        _ => None,
    };
    Ok(Some(Requester { actor: event.actor, name }))
}

/// Issues from a CSR (DER); the certificate and the chain above it.
pub async fn issue(
    core: &Arc<Core>,
    caller: &Caller,
    profile: &ProfileId,
    csr_der: &[u8],
) -> Result<(Certificate, Vec<Vec<u8>>)> {
    let certificate = direct::issue(core, caller, profile, csr_der).await?;
    let chain = chain_of(core, &certificate).await?;
    Ok((certificate, chain))
}

/// Revocation by an administrator. `comment`: for the audit event.
pub async fn revoke(
    core: &Core,
    caller: &Caller,
    id: &CertificateId,
    reason: RevocationReason,
    comment: Option<&str>,
) -> Result<Certificate> {
    const REVOKE: Permission = Permission::CertificateRevoke;
    reach(caller, REVOKE)?;
    let certificate = core.store.read().await?.certificate(id).await?.ok_or_else(|| unknown(id))?;
    let profile = &certificate.summary.profile_id;
    authorise_named(caller, REVOKE, Permission::CertificateRead, profile, || unknown(id))?;
    if certificate.summary.revocation.is_some() {
        return Err(Error::Conflict(format!("the certificate {id} is revoked already")));
    }
    revoke::store(core, caller, certificate, reason, comment).await
}

fn unknown(id: &CertificateId) -> Error {
    Error::not_found(format!("certificate {id}"))
}

/// The other chains (DER, issuer first) that lead from a certificate to a root, with their numbers: those of the CA as
/// it is now, for certificates of the key that it has now.
pub fn alternates<'a>(core: &'a Core, certificate: &'a Certificate) -> Vec<(usize, &'a [Vec<u8>])> {
    let Some(signer) = core.signers.signer(&certificate.summary.issuer_id) else { return Vec::new() };
    if signer.alternates().next().is_none() {
        return Vec::new();
    }
    match ca::authority_key_identifier(&certificate.der) {
        Ok(Some(issuer)) if issuer == signer.ski() => {
            signer.alternates_for(&certificate.chain_id, &certificate.summary.identifiers).collect()
        }
        _ => Vec::new(),
    }
}

/// The certificate with its chain, for whoever may see it; the caller of this function decides that.
pub async fn load(core: &Core, id: &CertificateId) -> Result<Option<(Certificate, Vec<Vec<u8>>)>> {
    let found = core.store.read().await?.certificate(id).await?;
    let Some(certificate) = found else { return Ok(None) };
    let chain = chain_of(core, &certificate).await?;
    Ok(Some((certificate, chain)))
}

async fn chain_of(core: &Core, certificate: &Certificate) -> Result<Vec<Vec<u8>>> {
    let chain = core.store.read().await?.chain(&certificate.chain_id).await?;
    chain.ok_or_else(|| {
        Error::Internal(format!(
            "certificate {} names the chain {}, which is not stored",
            certificate.summary.id, certificate.chain_id
        ))
    })
}
