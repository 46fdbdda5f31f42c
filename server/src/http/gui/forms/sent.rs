use std::time::Duration;

use app::Query;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Redirect, Response};
use model::Caller;

use super::Done;
use crate::error::{Error, Result};
use crate::http::api::{check_comment, check_reason};
use crate::http::auth::{ReturnTo, Visitor, check_token, form, from_script};
use crate::http::gui::{self, Refused};
use crate::http::problem::ApiError;
use crate::http::request::RequestInfo;
use crate::services::sessions::Checked;
use crate::state::AppState;

/// A profile with three lists of a thousand names fits.
const MAX_BODY: usize = 512 * 1024;
const CSRF_TOKEN: &str = "csrf_token";

/// A form that somebody who is signed in has sent from one of our own pages.
pub struct Sent {
    /// The page's path.
    page: String,
    info: RequestInfo,
    visitor: Checked,
    fields: Query,
}

impl FromRequest<AppState> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let page = parts.uri.path().to_owned();
        let answer = |e: ApiError| e.into_response();
        let info = RequestInfo::from_request_parts(&mut parts, state).await.map_err(answer)?;
        let Visitor(visitor) = Visitor::from_request_parts(&mut parts, state).await.map_err(answer)?;
        let Some(visitor) = visitor else {
            return Err(Redirect::to(&ReturnTo::parse(&page).sign_in_page()).into_response());
        };
        let mut sent = Self { page, info, visitor, fields: Query::default() };
        // Before the form is read: a page must not show what another site has filled in.
        if let Err(foreign) = from_script(&parts.headers, &state.links) {
            return Err(sent.refuse(state, &foreign).await);
        }
        let fields = form::read(&parts.headers, body, MAX_BODY, Duration::from_secs(15)).await;
        let (token, fields): (Vec<_>, Vec<_>) =
            fields.map_err(|e| answer(e.into()))?.into_iter().partition(|(name, _)| name == CSRF_TOKEN);
        sent.fields = Query::new(fields);
        let token = token.first().map_or("", |(_, token)| token);
        match check_token(&sent.visitor, token) {
            Ok(()) => Ok(sent),
            Err(stale) => Err(sent.refuse(state, &stale).await),
        }
    }
}

impl Sent {
    pub fn caller(&self) -> &Caller {
        &self.visitor.caller
    }

    pub fn fields(&self) -> &Query {
        &self.fields
    }

    /// Why somebody does what they do: 1 to 500 characters.
    pub fn reason(&self) -> Result<String> {
        check_reason(self.fields.get("reason").unwrap_or_default()).map(str::to_owned)
    }

    /// The same, where it may be left out.
    pub fn optional_reason(&self) -> Result<Option<&str>> {
        let text = self.fields.get("reason").filter(|text| !text.trim().is_empty());
        text.map(check_reason).transpose()
    }

    /// What somebody has to say beside: at most 500 characters.
    pub fn comment(&self) -> Result<Option<&str>> {
        check_comment(self.fields.get("comment"))
    }

    /// At which version the page read what it changes.
    pub fn version(&self) -> Result<i64> {
        version_of(&self.fields)
    }

    /// Leads on to what was done, or shows the page again with what was sent and why it was refused.
    pub async fn answer(self, state: &AppState, outcome: Result<Done>) -> Response {
        self.answer_about(state, outcome, None).await
    }

    /// The same; a refusal that names no field stands beside this one, which it is about.
    pub async fn answer_beside(
        self,
        state: &AppState,
        outcome: Result<Done>,
        field: &'static str,
    ) -> Response {
        self.answer_about(state, outcome, Some(field)).await
    }

    async fn answer_about(
        self,
        state: &AppState,
        outcome: Result<Done>,
        field: Option<&'static str>,
    ) -> Response {
        match outcome {
            Ok(done) => done.lead_on(&state.core, &self.visitor),
            Err(Error::Unauthenticated(_)) => {
                Redirect::to(&ReturnTo::parse(&self.page).sign_in_page()).into_response()
            }
            Err(refusal) => self.refuse_about(state, &refusal, field).await,
        }
    }

    /// Shows the page again with what was sent, for a form that changes nothing and asks for what the page shows.
    pub async fn show(self, state: &AppState) -> Response {
        gui::asked(state, &self.info, Visitor(Some(self.visitor)), &self.page, self.fields).await
    }

    async fn refuse(self, state: &AppState, refusal: &Error) -> Response {
        self.refuse_about(state, refusal, None).await
    }

    async fn refuse_about(self, state: &AppState, refusal: &Error, field: Option<&'static str>) -> Response {
        let refused = Refused { refusal, sent: Some(self.fields), field };
        gui::page(state, &self.info, Visitor(Some(self.visitor)), &self.page, Some(refused)).await
    }
}

/// At which version a page read what its form with these fields changes.
pub fn version_of(fields: &Query) -> Result<i64> {
    let version = fields.get("version").and_then(|version| version.parse().ok());
    version.ok_or_else(|| Error::invalid("version", "the page has not sent it; open it again"))
}
