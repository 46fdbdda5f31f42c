use axum::extract::{Path, State};
use axum::response::Response;

use super::{Done, Sent};
use crate::error::{Error, Result};
use crate::http::api::sessions::parse_id;
use crate::services::sessions;
use crate::state::AppState;

const PATH: &str = "/sessions";

pub async fn end(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        match sessions::revoke(&state.core, sent.caller(), &parse_id(&id)?).await {
            // It may have ended by itself meanwhile.
            Ok(()) | Err(Error::NotFound(_)) => Ok(Done::at(PATH, "The session has ended.")),
            Err(refusal) => Err(refusal),
        }
    }
    .await;
    sent.answer(&state, outcome).await
}

pub async fn end_all(State(state): State<AppState>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        let count = sessions::revoke_all(&state.core, sent.caller(), &sent.reason()?).await?;
        Ok(Done::at(PATH, ended(count)))
    }
    .await;
    sent.answer(&state, outcome).await
}

/// How many sessions were ended, in words.
pub fn ended(count: usize) -> String {
    match count {
        0 => "There was no session to end.".to_owned(),
        1 => "1 session has ended.".to_owned(),
        count => format!("{count} sessions have ended."),
    }
}
