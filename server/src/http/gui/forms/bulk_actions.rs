use axum::extract::{Path, State};
use axum::response::Response;
use model::{BulkChange, BulkKind};

use super::certificates::{explanation_url, reason};
use super::{Done, Sent};
use crate::error::{Error, Result};
use crate::http::api::bulk_actions::parse_id;
use crate::http::gui::backend::bulk_actions::{as_of, kind, selection};
use crate::services::bulk_actions;
use crate::state::AppState;

pub async fn start(State(state): State<AppState>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        let (change, selection) = (change(&sent)?, selection(sent.fields())?);
        let as_of = as_of(sent.fields()).unwrap_or_else(|| state.core.now());
        let started = bulk_actions::start(&state.core, sent.caller(), change, selection, as_of).await?;
        let message = "It has begun and goes on by itself, also when you leave this page.";
        Ok(Done::at(format!("/bulk-actions/{}", started.id), message))
    }
    .await;
    sent.answer(&state, outcome).await
}

pub async fn stop(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        bulk_actions::stop(&state.core, sent.caller(), &parse_id(&id)?).await?;
        Ok(Done::at(format!("/bulk-actions/{id}"), "It is stopped."))
    }
    .await;
    sent.answer(&state, outcome).await
}

fn change(sent: &Sent) -> Result<BulkChange> {
    Ok(match kind(sent.fields())? {
        BulkKind::Revoke => {
            let comment = sent.comment()?.ok_or_else(|| Error::invalid("comment", "say why"));
            BulkChange::Revoke { reason: reason(sent)?, comment: comment?.to_owned() }
        }
        BulkKind::Renew => {
            BulkChange::Renew { reason: sent.reason()?, explanation_url: explanation_url(sent)? }
        }
    })
}
