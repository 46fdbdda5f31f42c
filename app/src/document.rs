//! The document around every page, and the routes to the pages.

use leptos::prelude::*;
use leptos_meta::{MetaTags, provide_meta_context};
use leptos_router::components::{Route, Router, Routes};
use leptos_router::path;

use crate::pages::*;
use crate::{Assets, PageRequest};

/// The whole document.
pub fn shell() -> impl IntoView {
    let head = use_context::<PageRequest>().map(|request| {
        let Assets { style, script, icon } = request.assets;
        view! {
            <link rel="stylesheet" href=style.to_string()/>
            <link rel="icon" type="image/svg+xml" href=icon.to_string()/>
            // Comfort only: each page does all it does without it.
            <script type="module" src=script.to_string()></script>
        }
    });
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                {head}
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

/// One line for each page.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <Routes fallback=NotFound>
                <Route path=path!("/") view=Home/>
                <Route path=path!("/pki") view=Trust/>
                <Route path=path!("/sign-in") view=SignIn/>
                <Route path=path!("/account") view=Account/>
                <Route path=path!("/auth/link/:token") view=Link/>
                <Route path=path!("/certificates") view=Certificates/>
                <Route path=path!("/certificates/:id") view=Certificate/>
                <Route path=path!("/certificates/:id/revoke") view=RevokeCertificate/>
                <Route path=path!("/certificates/:id/renew-now") view=RenewNow/>
                <Route path=path!("/certificates/:id/renew-now/cancel") view=CancelRenewNow/>
                <Route path=path!("/bulk-actions") view=BulkActions/>
                <Route path=path!("/bulk-actions/new") view=NewBulkAction/>
                <Route path=path!("/bulk-actions/:id") view=BulkAction/>
                <Route path=path!("/bulk-actions/:id/stop") view=StopBulkAction/>
                <Route path=path!("/orders") view=Orders/>
                <Route path=path!("/orders/refused") view=RefusedOrders/>
                <Route path=path!("/orders/:id") view=Order/>
                <Route path=path!("/acme-accounts") view=AcmeAccounts/>
                <Route path=path!("/acme-accounts/:id") view=AcmeAccount/>
                <Route path=path!("/acme-accounts/:id/suspend") view=SuspendAccount/>
                <Route path=path!("/acme-accounts/:id/resume") view=ResumeAccount/>
                <Route path=path!("/acme-accounts/:id/deactivate") view=DeactivateAccount/>
                <Route path=path!("/eab-keys") view=EabKeys/>
                <Route path=path!("/eab-keys/new") view=NewEabKey/>
                <Route path=path!("/eab-keys/:id") view=EabKey/>
                <Route path=path!("/eab-keys/:id/rotate") view=RotateEabKey/>
                <Route path=path!("/eab-keys/:id/revoke") view=RevokeEabKey/>
                <Route path=path!("/api-keys") view=ApiKeys/>
                <Route path=path!("/api-keys/new") view=NewApiKey/>
                <Route path=path!("/api-keys/:id") view=ApiKey/>
                <Route path=path!("/api-keys/:id/rotate") view=RotateApiKey/>
                <Route path=path!("/api-keys/:id/revoke") view=RevokeApiKey/>
                <Route path=path!("/profiles") view=Profiles/>
                <Route path=path!("/profiles/new") view=NewProfile/>
                <Route path=path!("/profiles/:id") view=Profile/>
                <Route path=path!("/profiles/:id/edit") view=EditProfile/>
                <Route path=path!("/profiles/:id/preview") view=PreviewProfile/>
                <Route path=path!("/profiles/:id/history") view=ProfileHistory/>
                <Route path=path!("/profiles/:id/disable") view=DisableProfile/>
                <Route path=path!("/profiles/:id/enable") view=EnableProfile/>
                <Route path=path!("/profiles/:id/delete") view=DeleteProfile/>
                <Route path=path!("/profiles/:id/connect") view=Connect/>
                <Route path=path!("/issuers") view=Issuers/>
                <Route path=path!("/issuers/:id") view=Issuer/>
                <Route path=path!("/rate-limits") view=RateLimits/>
                <Route path=path!("/rate-limits/edit") view=EditRateLimits/>
                <Route path=path!("/rate-limits/reset") view=ResetRateLimit/>
                <Route path=path!("/system") view=System/>
                <Route path=path!("/users") view=Users/>
                <Route path=path!("/users/:id") view=User/>
                <Route path=path!("/users/:id/grants") view=UserGrants/>
                <Route path=path!("/users/:id/deactivate") view=DeactivateUser/>
                <Route path=path!("/users/:id/reactivate") view=ReactivateUser/>
                <Route path=path!("/users/:id/end-sessions") view=EndSessionsOfUser/>
                <Route path=path!("/roles") view=Roles/>
                <Route path=path!("/roles/new") view=NewRole/>
                <Route path=path!("/roles/:id") view=Role/>
                <Route path=path!("/roles/:id/edit") view=EditRole/>
                <Route path=path!("/roles/:id/delete") view=DeleteRole/>
                <Route path=path!("/providers") view=Providers/>
                <Route path=path!("/providers/new") view=NewProvider/>
                <Route path=path!("/providers/:id") view=Provider/>
                <Route path=path!("/providers/:id/edit") view=EditProvider/>
                <Route path=path!("/providers/:id/mappings") view=ProviderMappings/>
                <Route path=path!("/providers/:id/test") view=TestProvider/>
                <Route path=path!("/providers/:id/disable") view=DisableProvider/>
                <Route path=path!("/providers/:id/enable") view=EnableProvider/>
                <Route path=path!("/providers/:id/delete") view=DeleteProvider/>
                <Route path=path!("/break-glass") view=BreakGlass/>
                <Route path=path!("/sessions") view=Sessions/>
                <Route path=path!("/sessions/end-all") view=EndAllSessions/>
                <Route path=path!("/sessions/:id/end") view=EndSession/>
                <Route path=path!("/audit") view=AuditEvents/>
                <Route path=path!("/audit/:id") view=AuditEvent/>
            </Routes>
        </Router>
    }
}
