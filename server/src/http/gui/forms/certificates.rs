use axum::extract::{Path, State};
use axum::response::Response;
use model::RenewalDemand;

use super::{Done, Sent};
use crate::error::{Error, Result};
use crate::http::api::certificates::{parse_id, revocation_reason};
use crate::http::api::renewal::https_url;
use crate::services::{certificates, renewal};
use crate::state::AppState;

pub async fn revoke(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        let reason = reason(&sent)?;
        certificates::revoke(&state.core, sent.caller(), &parse_id(&id)?, reason, sent.comment()?).await?;
        Ok(done(&id, "The certificate is revoked."))
    }
    .await;
    sent.answer(&state, outcome).await
}

pub async fn renew_now(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        let demand = demand(&state, &sent)?;
        renewal::demand_of(&state.core, sent.caller(), &parse_id(&id)?, Some(demand)).await?;
        Ok(done(&id, "The certificate is to be renewed at once. Its client is told when it asks."))
    }
    .await;
    sent.answer(&state, outcome).await
}

pub async fn cancel_renew_now(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        renewal::demand_of(&state.core, sent.caller(), &parse_id(&id)?, None).await?;
        Ok(done(&id, "The certificate is renewed as usual."))
    }
    .await;
    sent.answer(&state, outcome).await
}

/// Why certificates are revoked.
pub fn reason(sent: &Sent) -> Result<model::RevocationReason> {
    match sent.fields().get("reason") {
        Some(name) => revocation_reason(name),
        None => Err(Error::invalid("reason", "choose one")),
    }
}

fn demand(state: &AppState, sent: &Sent) -> Result<RenewalDemand> {
    Ok(RenewalDemand {
        since: state.core.now(),
        reason: sent.reason()?,
        explanation_url: explanation_url(sent)?,
    })
}

/// What whoever has to renew can read.
pub fn explanation_url(sent: &Sent) -> Result<Option<String>> {
    sent.fields().get("explanation_url").map(str::to_owned).map(https_url).transpose()
}

fn done(id: &str, message: &str) -> Done {
    Done::at(format!("/certificates/{id}"), message)
}
