use axum::extract::{Path, State};
use axum::response::Response;

use super::{Done, Sent, grants};
use crate::error::Result;
use crate::http::api::users::parse_id;
use crate::services::{sessions, users};
use crate::state::AppState;

pub async fn set_grants(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    const FIELD: &str = "grants";
    let outcome: Result<Done> = async {
        let wanted = grants::read(sent.fields(), FIELD)?.into_iter().map(|line| line.grant).collect();
        let (user, version) = (parse_id(&id)?, Some(sent.version()?));
        let set = users::set_grants(&state.core, sent.caller(), &user, wanted, version).await;
        set.map_err(grants::about(FIELD))?;
        Ok(done(&id, "The roles are changed. They hold from now on."))
    }
    .await;
    sent.answer_beside(&state, outcome, FIELD).await
}

pub async fn deactivate(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        users::deactivate(&state.core, sent.caller(), &parse_id(&id)?, sent.reason()?).await?;
        Ok(done(&id, "The user is deactivated and signed out everywhere."))
    }
    .await;
    sent.answer(&state, outcome).await
}

pub async fn reactivate(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        users::reactivate(&state.core, sent.caller(), &parse_id(&id)?, sent.reason()?).await?;
        Ok(done(&id, "The user may sign in again."))
    }
    .await;
    sent.answer(&state, outcome).await
}

pub async fn end_sessions(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        let user = parse_id(&id)?;
        let reason = sent.reason()?;
        let ended = sessions::revoke_all_of_user(&state.core, sent.caller(), &user, &reason).await?;
        Ok(done(&id, &super::sessions::ended(ended)))
    }
    .await;
    sent.answer(&state, outcome).await
}

fn done(id: &str, message: &str) -> Done {
    Done::at(format!("/users/{id}"), message)
}
