//! Who is asking, and what they sent.

use std::time::Duration;

use axum::body::HttpBody;
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use model::{Actor, Caller, Identifier, PageRequest};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::auth;
use crate::error::{Error, Result};
use crate::http::auth::{Visitor, from_script};
use crate::http::body;
use crate::http::problem::ApiError;
use crate::http::request::RequestInfo;
use crate::services::api_keys;
use crate::services::sessions::Checked;
use crate::state::AppState;

const CSRF_HEADER: &str = "x-csrf-token";
const MAX_BODY: usize = 1024 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// Who has shown who they are. What they may do, the services decide.
#[derive(Debug)]
pub struct Authenticated(pub Caller);

impl FromRequestParts<AppState> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let info = RequestInfo::from_request_parts(parts, state).await?;
        let unauthenticated = |reason: &str| Error::Unauthenticated(reason.to_owned());
        let Some(key) = auth::presented(&parts.headers) else {
            let Visitor(visitor) = Visitor::from_request_parts(parts, state).await?;
            let missing = "sign in, or send an API key: Authorization: Bearer …";
            let checked = visitor.ok_or_else(|| unauthenticated(missing))?;
            if !parts.method.is_safe() {
                check_intent(&parts.headers, state, &checked)?;
            }
            return Ok(Self(checked.caller));
        };
        let asking = info.caller(Actor::Anonymous);
        let caller = api_keys::authenticate(&state.core, &asking, key).await?;
        Ok(Self(caller.ok_or_else(|| unauthenticated("the API key is not valid"))?))
    }
}

/// A browser sends its cookie whoever made it send the request; what changes something must come from our own pages,
/// and show the session's CSRF token.
fn check_intent(headers: &HeaderMap, state: &AppState, checked: &Checked) -> Result<()> {
    from_script(headers, &state.links)?;
    let token = headers.get(CSRF_HEADER).and_then(|v| v.to_str().ok());
    let token = token.ok_or_else(|| {
        Error::Forbidden("a session needs its CSRF token in X-CSRF-Token for changes".to_owned())
    })?;
    match auth::is_same_secret(token, &checked.signed_in.session.data.csrf_token) {
        true => Ok(()),
        false => Err(Error::Forbidden("X-CSRF-Token is not the token of this session".to_owned())),
    }
}

/// A JSON body; unknown fields are errors that name them.
#[derive(Debug)]
pub struct ApiJson<T>(pub T);

impl<T: DeserializeOwned> FromRequest<AppState> for ApiJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &AppState) -> Result<Self, ApiError> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
        let essence = kind.split(';').next().unwrap_or("").trim();
        if !essence.eq_ignore_ascii_case("application/json")
            && !essence.eq_ignore_ascii_case("application/merge-patch+json")
        {
            return Err(malformed("the Content-Type must be application/json", 415).into());
        }
        let body = body::read(request.into_body(), MAX_BODY, BODY_TIMEOUT).await;
        let body = body.map_err(|fault| malformed(&fault.to_string(), fault.status()))?;
        Ok(Self(parse_json(&body)?))
    }
}

/// No body is `None`, whatever its type would have been.
impl<T: DeserializeOwned> OptionalFromRequest<AppState> for ApiJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Option<Self>, ApiError> {
        match request.body().is_end_stream() {
            true => Ok(None),
            false => <Self as FromRequest<AppState>>::from_request(request, state).await.map(Some),
        }
    }
}

/// Parses JSON; the error names the field.
pub fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|e| {
        let path = e.path().to_string();
        let inner = e.into_inner();
        if inner.is_syntax() || inner.is_eof() {
            return malformed(&format!("the body is not JSON: {inner}"), 400);
        }
        field_error(&path, &inner.to_string())
    })?;
    deserializer.end().map_err(|e| malformed(&format!("the body is not JSON: {e}"), 400))?;
    Ok(value)
}

/// serde's message in terms of a field: the one in its text (unknown, missing), else the one at its path.
pub fn field_error(path: &str, message: &str) -> Error {
    let named = ["unknown field `", "missing field `", "duplicate field `"]
        .iter()
        .find_map(|prefix| message.strip_prefix(prefix)?.split('`').next());
    let message = message.split(" at line ").next().unwrap_or(message);
    Error::invalid(named.unwrap_or(if path == "." { "(body)" } else { path }), message)
}

fn malformed(detail: &str, status: u16) -> Error {
    acme::Problem::malformed(detail).with_status(status).into()
}

/// A query string; unknown parameters are errors, so that a misspelt filter does not list everything.
#[derive(Debug)]
pub struct ApiQuery<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<AppState> for ApiQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(query)) => Ok(Self(query)),
            Err(e) => {
                let text = e.body_text();
                let message = text.rsplit("query string: ").next().unwrap_or(&text);
                let (path, message) = message.split_once(": ").unwrap_or(("(query)", message));
                Err(field_error(path, message).into())
            }
        }
    }
}

/// The parameters that every list has.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// Items on a page, 1 to 500; 50 unless given.
    pub limit: Option<u32>,
}

impl ListQuery {
    pub fn page(&self) -> Result<PageRequest> {
        page(self.cursor.as_deref(), self.limit)
    }
}

pub fn page(cursor: Option<&str>, limit: Option<u32>) -> Result<PageRequest> {
    let limit = limit.unwrap_or(PageRequest::DEFAULT_LIMIT);
    if !(1..=PageRequest::MAX_LIMIT).contains(&limit) {
        return Err(Error::invalid("limit", format!("1 to {} are allowed", PageRequest::MAX_LIMIT)));
    }
    let fits = |c: &&str| c.len() <= 80 && c.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if cursor.is_some_and(|c| !fits(&c)) {
        return Err(Error::invalid("cursor", "it is not the `next` of a page"));
    }
    Ok(PageRequest { after: cursor.map(str::to_owned), limit })
}

/// Parses an optional text of a query by its type's own rules.
pub fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(
    field: &str,
    text: Option<&str>,
) -> Result<Option<T>> {
    text.map(|t| t.parse().map_err(|e: T::Err| Error::invalid(field, e.to_string()))).transpose()
}

/// Parses an optional part of a name or the like.
pub fn parse_part<T>(
    field: &str,
    text: Option<&str>,
    parse: impl FnOnce(&str) -> Result<T, &'static str>,
) -> Result<Option<T>> {
    text.map(|text| parse(text).map_err(|reason| Error::invalid(field, reason))).transpose()
}

/// Parses an optional name or address, to be compared as a whole.
pub fn parse_name(field: &str, text: Option<&str>) -> Result<Option<String>> {
    let name = text.map(Identifier::parse_any).transpose();
    Ok(name.map_err(|reason| Error::invalid(field, reason))?.map(|id| id.value()))
}

/// Octets in hexadecimal, as certificates are listed by them: small letters, without colons.
pub fn hexadecimal(text: &str) -> String {
    text.replace(':', "").to_ascii_lowercase()
}

/// Parses an optional time of a query (RFC 3339).
pub fn parse_time(field: &str, text: Option<&str>) -> Result<Option<model::Timestamp>> {
    let Some(text) = text else { return Ok(None) };
    let time = model::Timestamp::parse_rfc3339(text);
    time.map(Some)
        .ok_or_else(|| Error::invalid(field, "not a date and time of RFC 3339, e.g. 2026-01-31T00:00:00Z"))
}

/// The version that If-Match wants (RFC 9110 §13.1.1); `*` and no header take any. `what`: of which thing.
pub fn if_match(headers: &HeaderMap, what: &str) -> Result<Option<i64>> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or("").trim();
    if text == "*" {
        return Ok(None);
    }
    let version = text.strip_prefix("\"v").and_then(|t| t.strip_suffix('"')).and_then(|t| t.parse().ok());
    version.map(Some).ok_or_else(|| {
        Error::PreconditionFailed(format!("If-Match is not an ETag that this server gave for {what}"))
    })
}
