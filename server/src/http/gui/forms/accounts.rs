use axum::extract::{Path, State};
use axum::response::Response;

use super::{Done, Sent};
use crate::error::Result;
use crate::http::api::accounts::parse_id;
use crate::services::accounts;
use crate::state::AppState;

pub async fn suspend(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        accounts::suspend(&state.core, sent.caller(), &parse_id(&id)?, &sent.reason()?).await?;
        Ok(done(&id, "The account is suspended. What it asks for is refused until it is resumed."))
    }
    .await;
    sent.answer(&state, outcome).await
}

pub async fn resume(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        accounts::resume(&state.core, sent.caller(), &parse_id(&id)?, &sent.reason()?).await?;
        Ok(done(&id, "The account may order again."))
    }
    .await;
    sent.answer(&state, outcome).await
}

pub async fn deactivate(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        accounts::deactivate(&state.core, sent.caller(), &parse_id(&id)?, &sent.reason()?).await?;
        Ok(done(&id, "The account is deactivated for ever."))
    }
    .await;
    sent.answer(&state, outcome).await
}

fn done(id: &str, message: &str) -> Done {
    Done::at(format!("/acme-accounts/{id}"), message)
}
