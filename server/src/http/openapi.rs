//! `/api/openapi.json`: made from the handlers' own annotations; a test compares it with the route table.

use std::sync::OnceLock;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use utoipa::openapi::path::{HttpMethod, OperationBuilder, PathItem};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{OpenApi as Document, Response as Answer};
use utoipa::{Modify, OpenApi};

use super::auth::session::COOKIE;
use super::{ACME_ROUTES, AUTH_ROUTES, OPEN_ROUTES, Route, api};

#[derive(OpenApi)]
#[openapi(
    info(title = "certctl", description = "A private certificate authority that speaks ACME: its JSON API.",
        license(name = "Apache-2.0")),
    paths(
        api::preview::preview, api::profiles::list, api::profiles::create, api::profiles::read, api::profiles::replace,
        api::profiles::change, api::profiles::remove, api::issuers::list, api::issuers::read,
        api::certificates::list, api::certificates::read, api::certificates::download, api::certificates::download_der, api::certificates::revoke,
        api::certificates::issue,
        api::renewal::demand, api::renewal::cancel, api::bulk_actions::list, api::bulk_actions::start,
        api::bulk_actions::read, api::bulk_actions::failures, api::bulk_actions::stop,
        api::accounts::list, api::accounts::read, api::accounts::suspend, api::accounts::resume,
        api::accounts::deactivate, api::rate_limits::read, api::rate_limits::replace, api::rate_limits::usage,
        api::rate_limits::reset, api::eab_keys::list, api::eab_keys::create, api::eab_keys::read,
        api::eab_keys::revoke, api::eab_keys::rotate, api::orders::list, api::orders::read, api::api_keys::list,
        api::api_keys::create, api::api_keys::read, api::api_keys::rotate, api::api_keys::remove,
        api::roles::list, api::roles::create, api::roles::read, api::roles::replace, api::roles::remove,
        api::bootstrap::bootstrap, api::audit::list, api::audit::export, api::identity::me,
        api::providers::list, api::providers::create, api::providers::read, api::providers::replace,
        api::providers::remove, api::providers::test, api::sessions::list, api::sessions::revoke_all,
        api::sessions::remove, api::users::list, api::users::read, api::users::set_grants, api::users::deactivate,
        api::users::reactivate, api::system::read, document,
    ),
    modifiers(&ApiKeySecurity, &OtherRoutes)
)]
struct ApiDocument;

/// This document.
#[utoipa::path(get, path = "/api/openapi.json", tag = "operations", security(()),
    responses((status = 200, body = Object)))]
pub async fn document() -> Response {
    static JSON: OnceLock<String> = OnceLock::new();
    // The document has only string keys, so it can always be written.
    let json = JSON.get_or_init(|| openapi().to_json().unwrap_or_default());
    let mut response = json.as_str().into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub fn openapi() -> Document {
    ApiDocument::openapi()
}

/// API keys open the API, and so do sessions.
struct ApiKeySecurity;

impl Modify for ApiKeySecurity {
    fn modify(&self, document: &mut Document) {
        let scheme =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("certctl API key").build();
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("api_key", SecurityScheme::Http(scheme));
        let cookie = ApiKeyValue::with_description(
            COOKIE,
            "The session of a browser. Changes need its CSRF token too, in X-CSRF-Token.",
        );
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
        let each = ["api_key", "session"].map(|name| SecurityRequirement::new(name, Vec::<String>::new()));
        document.security = Some(each.to_vec());
    }
}

/// Routes whose bodies are defined elsewhere: by RFC 8555, or as plain files.
struct OtherRoutes;

impl Modify for OtherRoutes {
    fn modify(&self, document: &mut Document) {
        for route in ACME_ROUTES {
            add(document, route, "ACME", "As RFC 8555 defines it; present where the ACME server is enabled.");
        }
        for route in AUTH_ROUTES {
            add(document, route, "sign-in", "For browsers: forms of the sign-in page and what they lead to.");
        }
        for route in OPEN_ROUTES {
            let summary = match route.path {
                "/healthz" => "Whether the process answers.",
                "/readyz" => "Whether database and signers work (503 otherwise).",
                "/metrics" => "Prometheus metrics.",
                _ => "A trust anchor: server-ca or an issuer's id, with .pem, .der or .cabundle.",
            };
            add(document, route, "operations", summary);
        }
    }
}

fn add(document: &mut Document, route: &Route, tag: &str, summary: &str) {
    let method = match route.method {
        "get" => HttpMethod::Get,
        "head" => HttpMethod::Head,
        _ => HttpMethod::Post,
    };
    let operation = OperationBuilder::new()
        .tag(tag)
        .summary(Some(summary))
        .security(SecurityRequirement::default())
        .response("default", Answer::new("The resource, or a problem document."))
        .build();
    let item = PathItem::new(method, operation);
    match document.paths.paths.get_mut(route.path) {
        Some(known) => known.merge_operations(item),
        None => drop(document.paths.paths.insert(route.path.to_owned(), item)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::API_ROUTES;

    #[test]
    fn the_document_has_every_route_and_no_other() {
        let json: serde_json::Value = serde_json::from_str(&openapi().to_json().unwrap()).unwrap();
        let documented: BTreeSet<(String, String)> = json["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, item)| {
                let methods = item.as_object().unwrap().keys();
                methods.map(|m| (path.clone(), m.clone())).collect::<Vec<_>>()
            })
            .collect();
        let served: BTreeSet<(String, String)> = [ACME_ROUTES, API_ROUTES, AUTH_ROUTES, OPEN_ROUTES]
            .concat()
            .iter()
            .map(|r| (r.path.to_owned(), r.method.to_owned()))
            .collect();
        assert_eq!(documented, served);
    }
}
