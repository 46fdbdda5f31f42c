//! revokeCert (RFC 8555 §7.6).

use acme::Problem;
use acme::payload::RevokeCert;
use axum::extract::State;
use axum::http::StatusCode;
use model::RevocationReason;

use super::envelope::AcmeError;
use super::extract::ByEither;
use crate::error::Result;
use crate::issuance::revoke::{self, Requester};
use crate::state::AppState;

pub async fn revoke(State(state): State<AppState>, request: ByEither) -> Result<StatusCode, AcmeError> {
    let payload = match &request {
        ByEither::Account(r) => &r.payload,
        ByEither::Key(r) => &r.payload,
    };
    let body: RevokeCert = payload.parse()?;
    let reason = reason(body.reason)?;
    let core = &state.core;
    match &request {
        ByEither::Account(r) => {
            revoke::revoke(core, &r.caller, Requester::Account(&r.account), &body.certificate, reason)
                .await?;
        }
        ByEither::Key(r) => {
            let requester = Requester::CertificateKey(r.key.spki_der());
            revoke::revoke(core, &r.caller, requester, &body.certificate, reason).await?;
        }
    }
    Ok(StatusCode::OK)
}

fn reason(code: Option<i64>) -> Result<RevocationReason> {
    let Some(code) = code else { return Ok(RevocationReason::UNSPECIFIED) };
    RevocationReason::from_code(code).ok_or_else(|| {
        let allowed: Vec<_> =
            RevocationReason::ALLOWED.iter().map(|(c, name)| format!("{c} ({name})")).collect();
        let detail = format!("the reason {code} is not allowed; allowed: {}", allowed.join(", "));
        Problem::bad_revocation_reason(detail).into()
    })
}
