use app::views::{Badge, IssuerRow, IssuerView, Tone};
use model::{Caller, Issuer, IssuerId, Permission, Timestamp};

use super::certificates::{chain_links, in_words};
use super::{Services, words};
use crate::error::{Error, Result};
use crate::services::issuers;

/// Before the end of a CA its certificates must all have been replaced.
const SOON_SECONDS: i64 = 90 * 86_400;

impl Services {
    pub(super) async fn list_issuers(&self, caller: &Caller) -> Result<Vec<IssuerRow>> {
        let now = self.state.core.now();
        let all = issuers::list(&self.state.core, caller).await?;
        all.iter().map(|issuer| self.issuer_row(issuer, now)).collect()
    }

    fn issuer_row(&self, issuer: &Issuer, now: Timestamp) -> Result<IssuerRow> {
        let info = ca::describe(signing(issuer)?).map_err(|e| malformed(issuer, e))?;
        Ok(IssuerRow {
            issuer: self.issuer_link(&issuer.id),
            subject: info.subject,
            status: status(info.not_before, info.not_after, now),
            key: info.key,
            expires: words::moment(info.not_after, now),
        })
    }

    pub(super) async fn show_issuer(&self, caller: &Caller, id: &str) -> Result<IssuerView> {
        let core = &self.state.core;
        let id: IssuerId = id.parse().map_err(|_| Error::not_found(format!("issuer {id}")))?;
        let issuer = issuers::find(core, caller, &id).await?;
        let now = core.now();
        let der = signing(&issuer)?;
        let info = ca::describe(der).map_err(|e| malformed(&issuer, e))?;
        let usages = ca::usages(der).map_err(|e| malformed(&issuer, e))?;
        Ok(IssuerView {
            subject: info.subject,
            status: status(info.not_before, info.not_after, now),
            issued_by: info.issuer,
            serial: words::colons(&info.serial_hex),
            fingerprint: words::colons(&info.sha256_hex),
            key: info.key,
            key_usages: in_words(&usages.key),
            kept: match issuer.sealed_key {
                Some(_) => "kept in the database, encrypted",
                None => "kept in the operator's file",
            },
            not_before: words::moment(info.not_before, now),
            not_after: words::moment(info.not_after, now),
            chain: chain_links(&issuer.chain, now).map_err(|e| malformed(&issuer, e))?,
            certificates: self.list_link(Permission::CertificateRead, &format!("/certificates?issuer={id}")),
            audit: self.audit_of(id.as_str()),
            id: id.to_string(),
        })
    }
}

/// The certificate of the key that signs.
fn signing(issuer: &Issuer) -> Result<&[u8]> {
    let first = issuer.chain.first().map(Vec::as_slice);
    first.ok_or_else(|| Error::Internal(format!("the issuer {} has no certificate", issuer.id)))
}

fn malformed(issuer: &Issuer, error: ca::MalformedCertificate) -> Error {
    Error::Internal(format!("the issuer {}: {error}", issuer.id))
}

pub(super) fn status(from: Timestamp, until: Timestamp, now: Timestamp) -> Badge {
    match until.unix_seconds() - now.unix_seconds() {
        ..0 => words::badge("expired", Tone::Bad),
        _ if from > now => words::badge("not yet valid", Tone::Bad),
        0..SOON_SECONDS => words::badge("expires soon", Tone::Warn),
        _ => words::badge("valid", Tone::Ok),
    }
}
