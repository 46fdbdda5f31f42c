use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use serde::{Deserialize, Serialize};

use crate::core::Core;
use crate::http::auth::cookie;
use crate::services::sessions::Checked;

const COOKIE: &str = "__Host-certctl_done";
pub const REMOVAL: HeaderValue =
    HeaderValue::from_static("__Host-certctl_done=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
/// Seconds in which the browser follows the redirection.
const LIFETIME: u32 = 60;
const PURPOSE: &str = "what a form has done";

/// What a form has done, for the page that it leads to. It travels in a cookie, so that every replica can show it, and is
/// sealed for the session, because it may hold a secret.
#[derive(Serialize, Deserialize)]
pub struct Done {
    location: String,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl Done {
    /// `location`: the page to go to. `message`: what that page says.
    pub fn at(location: impl Into<String>, message: impl Into<String>) -> Self {
        Self { location: location.into(), message: message.into(), secret: None }
    }

    /// With a secret that the page shows this once.
    #[must_use]
    pub fn with_secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(secret.into());
        self
    }

    pub fn lead_on(&self, core: &Core, visitor: &Checked) -> Response {
        let plain = serde_json::to_vec(self).unwrap_or_default();
        let session = visitor.signed_in.session.id.as_str();
        let sealed = BASE64URL.encode(core.sealer.seal(PURPOSE, session, &plain, core.entropy.as_ref()));
        let cookie = format!("{COOKIE}={sealed}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={LIFETIME}");
        (AppendHeaders([(header::SET_COOKIE, cookie)]), Redirect::to(&self.location)).into_response()
    }

    /// What there is to say on the page at `path`. Another page leaves it where it is.
    pub fn of(core: &Core, visitor: &Checked, headers: &HeaderMap, path: &str) -> Option<app::Done> {
        let sealed = BASE64URL.decode(cookie(headers, COOKIE)?).ok()?;
        let plain = core.sealer.open(PURPOSE, visitor.signed_in.session.id.as_str(), &sealed).ok()?;
        let done: Self = serde_json::from_slice(&plain).ok()?;
        (done.location == path).then_some(app::Done { message: done.message, secret: done.secret })
    }
}
