use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use model::{Principal, Session, SessionFilter, SessionId, SignInMethod, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{ApiJson, ApiQuery, Authenticated, List, Reason, page, parse};
use crate::core::Core;
use crate::error::{Error, Result};
use crate::http::problem::{ApiError, ProblemDocument};
use crate::services::sessions;
use crate::state::AppState;

/// A browser that is signed in; never its cookie.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionView {
    id: String,
    /// Of the user whose session it is; null for an API key's.
    user_id: Option<String>,
    api_key_id: Option<String>,
    #[schema(value_type = String)]
    method: SignInMethod,
    provider_id: Option<String>,
    /// Where the sign-in came from.
    client_ip: Option<String>,
    user_agent: Option<String>,
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// A minute late at most.
    #[schema(value_type = String)]
    last_seen_at: Timestamp,
    /// When it ends if nothing is asked through it any more.
    #[schema(value_type = String)]
    ends_at: Timestamp,
    /// When it ends however much it is used.
    #[schema(value_type = String)]
    expires_at: Timestamp,
    /// Whether this request came through it.
    current: bool,
}

fn view(core: &Core, current: Option<&model::SessionId>, session: Session) -> SessionView {
    let ends_at = core.sessions.end_of(&session);
    let current = current == Some(&session.id);
    let (user_id, api_key_id) = match session.principal {
        Principal::User(id) => (Some(id.to_string()), None),
        Principal::ApiKey(id) => (None, Some(id.to_string())),
    };
    SessionView {
        id: session.id.to_string(),
        user_id,
        api_key_id,
        method: session.method,
        provider_id: session.provider_id.map(|id| id.to_string()),
        client_ip: session.client_ip.map(|ip| ip.to_string()),
        user_agent: session.user_agent,
        created_at: session.created_at,
        last_seen_at: session.last_seen_at,
        ends_at,
        expires_at: session.expires_at,
        current,
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SessionQuery {
    /// The id of a user: only theirs.
    user: Option<String>,
    /// The id of an API key: only those that were begun with it.
    api_key: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Items on a page, 1 to 500; 50 unless given.
    limit: Option<u32>,
}

/// List sessions, newest first: everybody's for those who may read them, one's own for others. Ended ones stay in the
/// list for a minute or so.
#[utoipa::path(get, path = "/api/sessions", tag = "people", params(SessionQuery),
    responses((status = 200, body = List<SessionView>), (status = "4XX", body = ProblemDocument)))]
pub async fn list(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiQuery(query): ApiQuery<SessionQuery>,
) -> Result<Json<List<SessionView>>, ApiError> {
    let filter = SessionFilter {
        user_id: parse("user", query.user.as_deref())?,
        api_key_id: parse("api_key", query.api_key.as_deref())?,
        page: page(query.cursor.as_deref(), query.limit)?,
    };
    let found = sessions::list(&state.core, &caller, filter).await?;
    Ok(List::of(found, |session| view(&state.core, caller.session.as_ref(), session)))
}

/// End a session: one's own always, another's with session.revoke.
#[utoipa::path(delete, path = "/api/sessions/{id}", tag = "people", params(("id" = String, Path)),
    responses((status = 204), (status = "4XX", body = ProblemDocument)))]
pub async fn remove(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    sessions::revoke(&state.core, &caller, &parse_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeInput {
    /// Whose sessions; absent only with `all`.
    user_id: Option<String>,
    /// Everybody's, but the session through which it is asked.
    #[serde(default)]
    all: bool,
    /// 1 to 500 characters, for the audit event.
    reason: String,
}

/// How many sessions were ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct Revoked {
    revoked: usize,
}

/// End all sessions of a user, or of everybody: one's own always, those of others with session.revoke.
#[utoipa::path(post, path = "/api/sessions/revoke", tag = "people", request_body = RevokeInput,
    responses((status = 200, body = Revoked), (status = "4XX", body = ProblemDocument)))]
pub async fn revoke_all(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiJson(input): ApiJson<RevokeInput>,
) -> Result<Json<Revoked>, ApiError> {
    let reason = Reason { reason: input.reason }.checked()?;
    let revoked = match (input.user_id, input.all) {
        (Some(user), false) => {
            let user = user.parse().map_err(|_| Error::invalid("user_id", "it is not the id of a user"))?;
            sessions::revoke_all_of_user(&state.core, &caller, &user, &reason).await?
        }
        (None, true) => sessions::revoke_all(&state.core, &caller, &reason).await?,
        _ => return Err(Error::invalid("user_id", "give either a user or `all`").into()),
    };
    Ok(Json(Revoked { revoked }))
}

pub fn parse_id(id: &str) -> Result<SessionId> {
    id.parse().map_err(|_| Error::not_found(format!("session {id}")))
}
