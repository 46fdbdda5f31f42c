use model::{
    Caller, Certificate, CertificateFilter, CertificateId, CertificateSummary, Page, Permission,
    RevocationReason,
};

use crate::auth::authorise;
use crate::core::Core;
use crate::error::{Error, Result};
use crate::issuance::revoke;

pub async fn list(
    core: &Core,
    caller: &Caller,
    filter: &CertificateFilter,
) -> Result<Page<CertificateSummary>> {
    authorise(caller, Permission::CertificateRead)?;
    Ok(core.store.read().await?.certificates(filter, core.now()).await?)
}

/// The certificate and the chain above it (DER, issuer first).
pub async fn find(core: &Core, caller: &Caller, id: &CertificateId) -> Result<(Certificate, Vec<Vec<u8>>)> {
    authorise(caller, Permission::CertificateRead)?;
    load(core, id).await?.ok_or_else(|| Error::not_found(format!("certificate {id}")))
}

/// Revocation by an administrator.
pub async fn revoke(
    core: &Core,
    caller: &Caller,
    id: &CertificateId,
    reason: RevocationReason,
) -> Result<Certificate> {
    authorise(caller, Permission::CertificateRevoke)?;
    let certificate = core.store.read().await?.certificate(id).await?;
    let certificate = certificate.ok_or_else(|| Error::not_found(format!("certificate {id}")))?;
    if certificate.summary.revocation.is_some() {
        return Err(Error::Conflict(format!("the certificate {id} is revoked already")));
    }
    revoke::store(core, caller, certificate, reason).await
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
    let mut db = core.store.read().await?;
    let Some(certificate) = db.certificate(id).await? else { return Ok(None) };
    let chain = db.chain(&certificate.chain_id).await?.ok_or_else(|| {
        Error::Internal(format!(
            "certificate {id} names the chain {}, which is not stored",
            certificate.chain_id
        ))
    })?;
    Ok(Some((certificate, chain)))
}
