//! All of HTTP: the route table, what every request goes through, and the faces.

pub mod acme;
mod api;
pub mod auth;
mod body;
mod gui;
pub mod links;
pub mod listener;
mod openapi;
mod operations;
pub mod overload;
mod pki;
mod problem;
mod request;
mod shares;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, delete, get, head, patch, post, put};

use crate::state::AppState;

pub use request::Peer;

/// One line of the route table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    pub path: &'static str,
    pub method: &'static str,
}

/// Declares a face's routes once: as a router and as data that tests compare with the documentation.
macro_rules! routes {
    ($(#[$meta:meta])* $table:ident, $build:ident: $($method:ident $path:literal => $handler:path;)+) => {
        $(#[$meta])*
        pub const $table: &[Route] = &[$(Route { path: $path, method: stringify!($method) }),+];
        fn $build() -> Router<AppState> {
            Router::new()$(.route($path, $method($handler)))+
        }
    };
}

routes! {
    /// ACME (RFC 8555). Present only where the ACME server is enabled. Accounts, orders and what hangs on them are
    /// global: cert-manager compares only the host when it decides whether its account still fits.
    ACME_ROUTES, acme_router:
    get  "/acme/profile/{profile_id}/directory"   => acme::directory::of_profile;
    post "/acme/profile/{profile_id}/directory"   => acme::directory::of_profile_by_post;
    get  "/acme/profile/{profile_id}/new-nonce"   => acme::nonce::get;
    head "/acme/profile/{profile_id}/new-nonce"   => acme::nonce::head;
    post "/acme/profile/{profile_id}/new-nonce"   => acme::nonce::post;
    post "/acme/profile/{profile_id}/new-account" => acme::account::create;
    post "/acme/profile/{profile_id}/new-order"   => acme::order::create;
    post "/acme/profile/{profile_id}/new-authz"   => acme::authorization::create;
    get  "/acme/directory"                        => acme::directory::of_default;
    post "/acme/directory"                        => acme::directory::of_default_by_post;
    get  "/acme/new-nonce"                        => acme::nonce::get;
    head "/acme/new-nonce"                        => acme::nonce::head;
    post "/acme/new-nonce"                        => acme::nonce::post;
    post "/acme/new-account"                      => acme::account::create_by_default;
    post "/acme/new-order"                        => acme::order::create_by_default;
    post "/acme/new-authz"                        => acme::authorization::create_by_default;
    post "/acme/account/{id}"                     => acme::account::read_or_update;
    post "/acme/account/{id}/orders"              => acme::account::orders;
    post "/acme/order/{id}"                       => acme::order::read;
    post "/acme/order/{id}/finalize"              => acme::order::finalize;
    post "/acme/authz/{id}"                       => acme::authorization::read_or_deactivate;
    post "/acme/challenge/{authz_id}/{kind}"      => acme::challenge::read_or_respond;
    post "/acme/certificate/{id}"                 => acme::certificate::download;
    post "/acme/certificate/{id}/alternate/{number}" => acme::certificate::download_alternate;
    get  "/acme/renewal-info/{certid}"            => acme::renewal::read;
    post "/acme/revoke-cert"                      => acme::revoke::revoke;
    post "/acme/key-change"                       => acme::key_change::change;
    get  "/acme/rate-limits/{limit}"              => acme::rate_limit::explain;
}

routes! {
    /// The JSON API of administrators.
    API_ROUTES, api_router:
    get    "/api/profiles"                      => api::profiles::list;
    post   "/api/profiles"                      => api::profiles::create;
    get    "/api/profiles/{id}"                 => api::profiles::read;
    put    "/api/profiles/{id}"                 => api::profiles::replace;
    patch  "/api/profiles/{id}"                 => api::profiles::change;
    delete "/api/profiles/{id}"                 => api::profiles::remove;
    post   "/api/profiles/{id}/preview"         => api::preview::preview;
    get    "/api/issuers"                       => api::issuers::list;
    get    "/api/issuers/{id}"                  => api::issuers::read;
    get    "/api/certificates"                  => api::certificates::list;
    post   "/api/certificates"                  => api::certificates::issue;
    post   "/api/certificates/renew-now"        => api::renewal::demand;
    post   "/api/certificates/renew-now/cancel" => api::renewal::cancel;
    get    "/api/certificates/{id}"             => api::certificates::read;
    get    "/api/certificates/{id}/pem"         => api::certificates::download;
    get    "/api/certificates/{id}/der"         => api::certificates::download_der;
    post   "/api/certificates/{id}/revoke"      => api::certificates::revoke;
    get    "/api/bulk-actions"                  => api::bulk_actions::list;
    post   "/api/bulk-actions"                  => api::bulk_actions::start;
    get    "/api/bulk-actions/{id}"             => api::bulk_actions::read;
    get    "/api/bulk-actions/{id}/failures"    => api::bulk_actions::failures;
    post   "/api/bulk-actions/{id}/stop"        => api::bulk_actions::stop;
    get    "/api/acme/accounts"                 => api::accounts::list;
    get    "/api/acme/accounts/{id}"            => api::accounts::read;
    post   "/api/acme/accounts/{id}/suspend"    => api::accounts::suspend;
    post   "/api/acme/accounts/{id}/resume"     => api::accounts::resume;
    post   "/api/acme/accounts/{id}/deactivate" => api::accounts::deactivate;
    get    "/api/acme/eab-keys"                 => api::eab_keys::list;
    post   "/api/acme/eab-keys"                 => api::eab_keys::create;
    get    "/api/acme/eab-keys/{id}"            => api::eab_keys::read;
    post   "/api/acme/eab-keys/{id}/revoke"     => api::eab_keys::revoke;
    post   "/api/acme/eab-keys/{id}/rotate"     => api::eab_keys::rotate;
    get    "/api/acme/orders"                   => api::orders::list;
    get    "/api/acme/orders/{id}"              => api::orders::read;
    get    "/api/acme/rate-limits"              => api::rate_limits::read;
    put    "/api/acme/rate-limits"              => api::rate_limits::replace;
    get    "/api/acme/rate-limits/usage"        => api::rate_limits::usage;
    post   "/api/acme/rate-limits/reset"        => api::rate_limits::reset;
    get    "/api/api-keys"                      => api::api_keys::list;
    post   "/api/api-keys"                      => api::api_keys::create;
    get    "/api/api-keys/{id}"                 => api::api_keys::read;
    delete "/api/api-keys/{id}"                 => api::api_keys::remove;
    post   "/api/api-keys/{id}/rotate"          => api::api_keys::rotate;
    get    "/api/roles"                         => api::roles::list;
    post   "/api/roles"                         => api::roles::create;
    get    "/api/roles/{id}"                    => api::roles::read;
    put    "/api/roles/{id}"                    => api::roles::replace;
    delete "/api/roles/{id}"                    => api::roles::remove;
    post   "/api/auth/bootstrap"                => api::bootstrap::bootstrap;
    get    "/api/auth/me"                       => api::identity::me;
    get    "/api/audit-events"                  => api::audit::list;
    get    "/api/audit-events/export"           => api::audit::export;
    get    "/api/oidc/providers"                => api::providers::list;
    post   "/api/oidc/providers"                => api::providers::create;
    get    "/api/oidc/providers/{id}"           => api::providers::read;
    put    "/api/oidc/providers/{id}"           => api::providers::replace;
    delete "/api/oidc/providers/{id}"           => api::providers::remove;
    post   "/api/oidc/providers/{id}/test"      => api::providers::test;
    get    "/api/sessions"                      => api::sessions::list;
    post   "/api/sessions/revoke"               => api::sessions::revoke_all;
    delete "/api/sessions/{id}"                 => api::sessions::remove;
    get    "/api/users"                         => api::users::list;
    get    "/api/users/{id}"                    => api::users::read;
    put    "/api/users/{id}/grants"             => api::users::set_grants;
    post   "/api/users/{id}/deactivate"         => api::users::deactivate;
    post   "/api/users/{id}/reactivate"         => api::users::reactivate;
    get    "/api/system"                        => api::system::read;
    get    "/api/openapi.json"                  => openapi::document;
}

routes! {
    /// Signing in and out, for browsers.
    AUTH_ROUTES, auth_router:
    post "/auth/api-key"            => auth::api_key::sign_in;
    post "/auth/break-glass"        => auth::break_glass::sign_in;
    get  "/auth/link/{token}"       => auth::link::show;
    post "/auth/link"               => auth::link::sign_in;
    post "/auth/logout"             => auth::logout::sign_out;
    get  "/auth/oidc/{provider}/login"              => auth::oidc::login;
    get  "/auth/oidc/{provider}/callback"           => auth::oidc::callback;
    post "/auth/oidc/{provider}/backchannel-logout" => auth::oidc::backchannel_logout;
    post "/auth/sessions/{id}/end"  => auth::logout::end_session;
}

routes! {
    /// What the forms of the pages do. Each is sent to the path of its page.
    FORM_ROUTES, form_router:
    post "/certificates/{id}/revoke"           => gui::forms::certificates::revoke;
    post "/certificates/{id}/renew-now"        => gui::forms::certificates::renew_now;
    post "/certificates/{id}/renew-now/cancel" => gui::forms::certificates::cancel_renew_now;
    post "/bulk-actions/new"                   => gui::forms::bulk_actions::start;
    post "/bulk-actions/{id}/stop"             => gui::forms::bulk_actions::stop;
    post "/eab-keys/new"                       => gui::forms::eab_keys::create;
    post "/eab-keys/{id}/rotate"               => gui::forms::eab_keys::rotate;
    post "/eab-keys/{id}/revoke"               => gui::forms::eab_keys::revoke;
    post "/api-keys/new"                       => gui::forms::api_keys::create;
    post "/api-keys/{id}/rotate"               => gui::forms::api_keys::rotate;
    post "/api-keys/{id}/revoke"               => gui::forms::api_keys::revoke;
    post "/rate-limits/edit"                   => gui::forms::rate_limits::replace;
    post "/rate-limits/reset"                  => gui::forms::rate_limits::reset;
    post "/acme-accounts/{id}/suspend"    => gui::forms::accounts::suspend;
    post "/acme-accounts/{id}/resume"     => gui::forms::accounts::resume;
    post "/acme-accounts/{id}/deactivate" => gui::forms::accounts::deactivate;
    post "/profiles/new"                  => gui::forms::profiles::create;
    post "/profiles/{id}/edit"            => gui::forms::profiles::edit;
    post "/profiles/{id}/disable"         => gui::forms::profiles::disable;
    post "/profiles/{id}/enable"          => gui::forms::profiles::enable;
    post "/profiles/{id}/delete"          => gui::forms::profiles::delete;
    post "/users/{id}/grants"             => gui::forms::users::set_grants;
    post "/users/{id}/deactivate"         => gui::forms::users::deactivate;
    post "/users/{id}/reactivate"         => gui::forms::users::reactivate;
    post "/users/{id}/end-sessions"       => gui::forms::users::end_sessions;
    post "/roles/new"                     => gui::forms::roles::create;
    post "/roles/{id}/edit"               => gui::forms::roles::edit;
    post "/roles/{id}/delete"             => gui::forms::roles::delete;
    post "/providers/new"                 => gui::forms::providers::create;
    post "/providers/{id}/edit"           => gui::forms::providers::edit;
    post "/providers/{id}/mappings"       => gui::forms::providers::set_mappings;
    post "/providers/{id}/test"           => gui::forms::providers::test;
    post "/providers/{id}/disable"        => gui::forms::providers::disable;
    post "/providers/{id}/enable"         => gui::forms::providers::enable;
    post "/providers/{id}/delete"         => gui::forms::providers::delete;
    post "/sessions/end-all"              => gui::forms::sessions::end_all;
    post "/sessions/{id}/end"             => gui::forms::sessions::end;
}

routes! {
    /// Operations and trust anchors; public, nothing secret in them.
    OPEN_ROUTES, open_router:
    get "/healthz"    => operations::healthz;
    get "/readyz"     => operations::readyz;
    get "/metrics"    => operations::metrics;
    get "/pki/{file}" => pki::download;
}

/// The whole server as a service.
pub fn build_router(state: AppState) -> Router {
    // The pages stand in the app, which declares each once.
    let sessions = auth::session::layer(&state.core);
    let mut router = open_router().merge(gui::asset_router().layer(from_fn(gui::harden)));
    // Inside the envelopes, so that what is shed has the headers of every answer.
    let shedding = from_fn_with_state(state.clone(), overload::layer);
    let api = api_router().layer(sessions.clone());
    router = router.merge(api.layer(shedding.clone()).layer(from_fn(api::envelope::layer)));
    let pages = gui::page_router().merge(form_router()).merge(auth_router()).layer(sessions.clone());
    router = router.merge(pages.layer(shedding.clone()).layer(from_fn(gui::harden)));
    if state.acme.enabled {
        // Inside the envelope: what a lost client is told has the headers of every other answer.
        let routes = acme_router().route("/acme/{*path}", any(problem::not_found)).layer(shedding);
        router = router.merge(routes.layer(from_fn_with_state(state.clone(), acme::envelope::layer)));
    }
    // Whoever is signed in keeps the frame of the pages on one that does not exist.
    let lost = any(gui::not_found).layer(sessions);
    router
        .fallback_service(lost.with_state(state.clone()))
        .layer(from_fn_with_state(state.clone(), request::layer))
        .with_state(state)
}
