//! What belongs to every page: the style sheet, the script and the icon, each under a name that changes with its content,
//! so that browsers may keep it for ever.

use std::sync::{Arc, LazyLock};

use app::Assets;
use axum::extract::{Path, Request};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::http::problem;

/// `/style/{file}` has them all.
const PREFIX: &str = "/style/";

struct Asset {
    path: Arc<str>,
    kind: HeaderValue,
    content: &'static str,
}

static STYLE: LazyLock<Asset> =
    LazyLock::new(|| asset("main", "css", "text/css", include_str!("../../../../style/main.css")));
static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| asset("main", "js", "text/javascript", include_str!("../../../../style/main.js")));
static ICON: LazyLock<Asset> =
    LazyLock::new(|| asset("icon", "svg", "image/svg+xml", include_str!("../../../../style/icon.svg")));

fn asset(stem: &str, extension: &str, kind: &str, content: &'static str) -> Asset {
    let hash = ca::sha256_hex(content.as_bytes());
    Asset {
        path: format!("{PREFIX}{stem}.{}.{extension}", hash.get(..16).unwrap_or_default()).into(),
        kind: HeaderValue::from_str(&format!("{kind}; charset=utf-8"))
            .unwrap_or(HeaderValue::from_static("application/octet-stream")),
        content,
    }
}

/// Where pages find them.
pub fn paths() -> Assets {
    let path = |asset: &Asset| Arc::clone(&asset.path);
    Assets { style: path(&STYLE), script: path(&SCRIPT), icon: path(&ICON) }
}

pub async fn serve(Path(file): Path<String>, request: Request) -> Response {
    let named = |asset: &&Asset| asset.path.strip_prefix(PREFIX) == Some(file.as_str());
    let Some(asset) = [&*STYLE, &SCRIPT, &ICON].into_iter().find(named) else {
        return problem::not_found(request.uri().clone()).await;
    };
    let mut response = asset.content.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, asset.kind.clone());
    let for_ever = HeaderValue::from_static("public, max-age=31536000, immutable");
    headers.insert(header::CACHE_CONTROL, for_ever);
    response
}
