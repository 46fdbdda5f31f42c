use leptos::prelude::*;

/// For providers that are common, where their values are: the issuer, the client and the groups.
const PLACES: &[(&str, [&str; 3])] = &[
    (
        "Keycloak",
        [
            "https://<host>/realms/<realm>; Realm settings → OpenID Endpoint Configuration shows it.",
            "Clients → Create client, with client authentication on; the secret is on the tab Credentials.",
            "Client scopes → <client>-dedicated → Add mapper → Group Membership, with the claim name groups and without the full group path.",
        ],
    ),
    (
        "Microsoft Entra ID",
        [
            "https://login.microsoftonline.com/<tenant id>/v2.0; the tenant id is on the overview of the app registration.",
            "App registrations → New registration (platform Web); Certificates & secrets → New client secret, of which the value counts, not the id.",
            "Token configuration → Add groups claim → Groups assigned to the application. The groups are object ids.",
        ],
    ),
    (
        "Okta",
        [
            "https://<org>.okta.com, or https://<org>.okta.com/oauth2/<server id> for a custom authorization server.",
            "Applications → Create App Integration → OIDC, Web Application; client id and secret are on the tab General.",
            "The app → Sign On → ID Token → a groups claim filter named groups; the org server wants the scope groups as well.",
        ],
    ),
    (
        "authentik",
        [
            "https://<host>/application/o/<slug>/, with the slash at the end.",
            "Applications → Create with provider → OAuth2/OIDC, confidential; choose a signing key, or tokens are signed by the secret and refused.",
            "The scope profile brings groups, by name.",
        ],
    ),
];

/// Where the values of a provider are to be found.
pub fn where_to_find() -> impl IntoView {
    let all = PLACES.iter().map(|(provider, [issuer, client, groups])| {
        view! {
            <details>
                <summary>{*provider}</summary>
                <dl class="stacked">
                    <dt>"Issuer"</dt><dd>{*issuer}</dd>
                    <dt>"Client id and secret"</dt><dd>{*client}</dd>
                    <dt>"Groups"</dt><dd>{*groups}</dd>
                </dl>
            </details>
        }
    });
    view! {
        <section class="card">
            <header><h2>"Where to find the values"</h2></header>
            <div class="body">{all.collect_view()}</div>
        </section>
    }
}
