use app::{Backend, PageError};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::backend::Services;
use super::page_of_app;
use crate::http::auth::{ReturnTo, Visitor};
use crate::http::problem::ApiError;
use crate::http::request::RequestInfo;
use crate::state::AppState;

/// A text of the page "Connect a client" as a file. What the page would refuse is refused by the same page.
pub async fn client_text(
    state: State<AppState>,
    Path((profile, file)): Path<(String, String)>,
    info: RequestInfo,
    visitor: Result<Visitor, ApiError>,
    request: Request,
) -> Response {
    let (known, visitor) = match visitor {
        Ok(Visitor(visitor)) => (Ok(visitor.clone()), Ok(Visitor(visitor))),
        Err(ApiError(error)) => return page_of_app(state, info, Err(ApiError(error)), request).await,
    };
    let connect = Services::new(state.0.clone(), &info, known).connect(&profile).await;
    let text = connect.and_then(|view| {
        let mut texts =
            view.trust.into_iter().chain(view.clients.into_iter().flat_map(|guide| guide.snippets));
        let found = texts.find(|snippet| snippet.file == file);
        found.ok_or_else(|| PageError::NotFound(format!("file {file}")))
    });
    let snippet = match text {
        Ok(snippet) => snippet,
        Err(PageError::SignIn) => {
            return Redirect::to(&ReturnTo::parse(request.uri().path()).sign_in_page()).into_response();
        }
        Err(_) => return page_of_app(state, info, visitor, request).await,
    };
    let mut response = format!("{}\n", snippet.text.trim_end()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{}\"", snippet.file));
    headers
        .insert(header::CONTENT_DISPOSITION, disposition.unwrap_or(HeaderValue::from_static("attachment")));
    response
}
