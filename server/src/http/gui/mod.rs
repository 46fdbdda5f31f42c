//! The GUI over HTTP: the app's pages, rendered to the last byte before they leave, and what belongs to them.

mod assets;
mod backend;
mod days;
mod downloads;
pub mod forms;
mod spans;

use std::sync::Arc;

use app::{Fault, Labels, PageError, PageRequest, Query, Sent, Status};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use futures::StreamExt;
use leptos::prelude::{RenderHtml, provide_context};

use super::auth::{ReturnTo, Visitor};
use super::problem::{self, ApiError};
use super::request::RequestInfo;
use crate::error::Error;
use crate::services::sessions::Checked;
use crate::state::AppState;
use backend::Services;
use forms::Done;

/// Nothing may run or be loaded but our own style sheet, script and icon; the script may fetch our own pages.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// Every page that the app has, and what of them can be had as files.
pub fn page_router() -> Router<AppState> {
    // Those below /auth stand in the table of routes.
    let pages = leptos_axum::generate_route_list(app::App);
    let pages = pages.iter().filter(|page| !page.path().starts_with("/auth/"));
    let router = Router::new().route("/profiles/{id}/connect/{file}", get(downloads::client_text));
    pages.fold(router, |router, page| router.route(page.path(), get(page_of_app)))
}

/// What belongs to every page.
pub fn asset_router() -> Router<AppState> {
    Router::new().route("/style/{file}", get(assets::serve))
}

async fn page_of_app(
    State(state): State<AppState>,
    info: RequestInfo,
    visitor: Result<Visitor, ApiError>,
    request: Request,
) -> Response {
    // Public pages are shown also while the database is away and nobody knows who asks.
    let visitor = visitor.map(|Visitor(visitor)| visitor).map_err(|error| backend::shown(error.0));
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let signed_in = visitor.as_ref().ok().and_then(Option::as_ref);
    let done = signed_in.and_then(|visitor| Done::of(&state.core, visitor, request.headers(), &path));
    let told = done.is_some();
    let mut response = render(&state, &info, visitor, request, Said { done, ..Said::default() }).await;
    if response.status() == StatusCode::UNAUTHORIZED {
        return Redirect::to(&ReturnTo::parse(&path).sign_in_page()).into_response();
    }
    if told {
        response.headers_mut().append(header::SET_COOKIE, forms::DONE_REMOVAL);
    }
    response
}

/// Why a handler refused what a page sent.
#[derive(Debug)]
pub struct Refused<'a> {
    pub refusal: &'a Error,
    /// What was sent, for forms that keep their input.
    pub sent: Option<Query>,
    /// The field that the refusal is about, where it names none itself.
    pub field: Option<&'static str>,
}

impl<'a> Refused<'a> {
    /// Without what was sent.
    pub fn whole(refusal: &'a Error) -> Self {
        Self { refusal, sent: None, field: None }
    }
}

/// The page at `path` for a handler that has something to say: why it refused what was sent.
pub async fn page(
    state: &AppState,
    info: &RequestInfo,
    Visitor(visitor): Visitor,
    path: &str,
    refused: Option<Refused<'_>>,
) -> Response {
    let said = refused.map_or_else(Said::default, |Refused { refusal, sent, field }| Said {
        refusal: Some(refusal),
        sent: sent.map(|values| Sent { values, faults: faults(refusal, field) }),
        done: None,
    });
    page_saying(state, info, visitor, path, said).await
}

/// The page at `path` for a form that changes nothing and asks for what the page shows.
pub async fn asked(
    state: &AppState,
    info: &RequestInfo,
    Visitor(visitor): Visitor,
    path: &str,
    values: Query,
) -> Response {
    let sent = Some(Sent { values, faults: Vec::new() });
    page_saying(state, info, visitor, path, Said { sent, ..Said::default() }).await
}

/// What a page says beside what it shows.
#[derive(Default)]
struct Said<'a> {
    refusal: Option<&'a Error>,
    sent: Option<Sent>,
    done: Option<app::Done>,
}

async fn page_saying(
    state: &AppState,
    info: &RequestInfo,
    visitor: Option<Checked>,
    path: &str,
    said: Said<'_>,
) -> Response {
    match Request::get(path).body(Body::empty()) {
        Ok(request) => render(state, info, Ok(visitor), request, said).await,
        Err(e) => ApiError(Error::Internal(format!("`{path}` is no path: {e}"))).into_response(),
    }
}

async fn render(
    state: &AppState,
    info: &RequestInfo,
    visitor: Result<Option<Checked>, PageError>,
    request: Request,
    Said { refusal, sent, done }: Said<'_>,
) -> Response {
    let query = url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    let query = Query::new(query.map(|(name, value)| (name.into_owned(), value.into_owned())));
    let status = Status::default();
    let signed_in = visitor.as_ref().ok().and_then(Option::as_ref);
    let context = PageRequest {
        visitor: backend::visitor(&state.core, signed_in).await,
        backend: Arc::new(Services::new(state.clone(), info, visitor)),
        assets: assets::paths(),
        status: status.clone(),
        refusal: refusal.map(Error::public_detail),
        sent,
        done,
        query,
        labels: Labels::default(),
        request_id: info.request_id.as_str().into(),
    };
    // No mode of leptos leaves its scripts out, and each resource would stand in the page twice. So the stream is
    // collected here, and the chunks that would hydrate it are dropped.
    let mut response = leptos_axum::handle_response_inner(
        move || provide_context(context.clone()),
        app::shell,
        request,
        |app, _chunks, _out_of_order| {
            Box::pin(async move {
                let html: String = app.to_html_stream_in_order().collect().await;
                futures::stream::once(async move { html }).boxed()
            })
        },
    )
    .await;
    *response.status_mut() = StatusCode::from_u16(status.get()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(error) = refusal {
        // A page is no challenge of RFC 9110 §11.6.1: its form asks again.
        *response.status_mut() = match error.status() {
            StatusCode::UNAUTHORIZED => StatusCode::FORBIDDEN,
            status => status,
        };
        problem::note(error, &mut response);
    }
    response
}

/// What is wrong, by field. `field`: what a refusal is about that names none, unless it is one of the whole thing.
fn faults(refusal: &Error, field: Option<&str>) -> Vec<Fault> {
    match (refusal, field) {
        (Error::Invalid(fields), _) => {
            let faults = fields.iter();
            faults.map(|f| Fault { field: f.field.clone(), reason: f.reason.clone() }).collect()
        }
        (Error::Conflict(reason) | Error::Forbidden(reason), Some(field)) => {
            vec![Fault { field: field.to_owned(), reason: reason.clone() }]
        }
        _ => Vec::new(),
    }
}

/// What no route has: a page for a browser, a problem document for everybody else.
pub async fn not_found(
    state: State<AppState>,
    info: RequestInfo,
    visitor: Result<Visitor, ApiError>,
    request: Request,
) -> Response {
    let path = request.uri().path();
    let machine = path.starts_with("/api/") || path.starts_with("/acme/") || !wants_html(request.headers());
    if machine || !matches!(*request.method(), Method::GET | Method::HEAD) {
        return problem::not_found(request.uri().clone()).await;
    }
    hardened(page_of_app(state, info, visitor, request).await)
}

/// What a browser is told where there is no time even to put a page together.
pub fn busy() -> Response {
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Busy – certctl</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><link rel=\"stylesheet\" href=\"{}\"></head>\
         <body><main class=\"main\"><h1>Not available right now</h1>\
         <p class=\"note bad\">The server is busy. Try again in a few seconds.</p></main></body></html>",
        assets::paths().style
    );
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, Html(page)).into_response();
    problem::note(&Error::Overloaded, &mut response);
    response
}

pub fn wants_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or("");
    accept.split(',').any(|kind| kind.trim().starts_with("text/html"))
}

pub async fn harden(request: Request, next: Next) -> Response {
    hardened(next.run(request).await)
}

fn hardened(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
