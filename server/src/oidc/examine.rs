//! "Test this provider": what is right and wrong with its settings, in words, and what to do.

use model::ProviderSpec;
use serde_json::Value;

use super::http::{HttpClient, HttpFault};
use super::keys::Keys;
use super::metadata::{ClientAuthentication, Metadata, algorithm_names, discovery_url, shown};

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Check {
    pub name: &'static str,
    pub ok: bool,
    /// What was found, and what to do if it is wrong.
    pub detail: String,
}

/// What does not stand in the provider's own settings.
#[derive(Debug)]
pub struct Environment<'a> {
    pub redirect_uri: &'a str,
    pub backchannel_logout_uri: &'a str,
    pub post_logout_redirect_uri: &'a str,
    pub has_client_secret: bool,
    /// CERTCTL_BOOTSTRAP_ADMIN_GROUPS names any.
    pub bootstrap_groups: bool,
}

/// Asks the provider now, past every cache.
pub async fn examine(spec: &ProviderSpec, environment: &Environment<'_>) -> Vec<Check> {
    let mut report = Report::default();
    let http = match HttpClient::new(spec.ca_certificates.as_deref()) {
        Ok(http) => http,
        Err(why) => {
            report.bad("ca_certificates", format!("They cannot be used: {why}."));
            return report.0;
        }
    };
    if let Some(metadata) = discover(&mut report, &http, spec).await {
        examine_metadata(&mut report, &metadata, spec, environment);
        examine_keys(&mut report, &http, &metadata).await;
    }
    examine_settings(&mut report, spec, environment);
    report.0
}

#[derive(Default)]
struct Report(Vec<Check>);

impl Report {
    fn add(&mut self, name: &'static str, ok: bool, detail: impl Into<String>) {
        self.0.push(Check { name, ok, detail: detail.into() });
    }

    fn good(&mut self, name: &'static str, detail: impl Into<String>) {
        self.add(name, true, detail);
    }

    fn bad(&mut self, name: &'static str, detail: impl Into<String>) {
        self.add(name, false, detail);
    }
}

async fn discover(report: &mut Report, http: &HttpClient, spec: &ProviderSpec) -> Option<Metadata> {
    let url = discovery_url(&spec.issuer);
    let document: Value = match http.get_json(&url, None).await {
        Ok(document) => document,
        Err(fault) => {
            report.bad("discovery", format!("{url}: {fault}. {}", advice(&fault)));
            return None;
        }
    };
    // Before anything else, because a wrong issuer is what goes wrong most often.
    if let Some(issuer) = document.get("issuer").and_then(Value::as_str)
        && issuer != spec.issuer
    {
        report.good("discovery", format!("{url} answers."));
        report.bad(
            "issuer",
            format!(
                "The provider calls itself `{}`; set the issuer to exactly that, a slash at the end included.",
                shown(issuer)
            ),
        );
        return None;
    }
    let metadata: Metadata = match serde_json::from_value(document) {
        Ok(metadata) => metadata,
        Err(e) => {
            report.bad("discovery", format!("{url} is no provider metadata: {}.", shown(&e.to_string())));
            return None;
        }
    };
    match metadata.check(&spec.issuer) {
        Ok(()) => {
            report.good("discovery", format!("{url} answers."));
            report.good("issuer", format!("The provider calls itself `{}`, as configured.", spec.issuer));
            Some(metadata)
        }
        Err(why) => {
            report.bad("discovery", format!("{url}: {why}."));
            None
        }
    }
}

fn advice(fault: &HttpFault) -> &'static str {
    match fault {
        HttpFault::Untrusted(_) => {
            "Put the CA certificate of the provider's TLS certificate (PEM) into ca_certificates, or into the \
             system's trust store."
        }
        HttpFault::Unreachable(_) | HttpFault::TooSlow => {
            "Check the host name in the issuer, DNS, firewalls and whether the provider runs; the request comes \
             from the server itself."
        }
        HttpFault::Status(status) if status.is_redirection() => {
            "Redirects are not followed; set the issuer to the address that the provider itself announces."
        }
        HttpFault::Status(_) | HttpFault::NotJson => {
            "Check the path in the issuer: the metadata are at the issuer with /.well-known/openid-configuration \
             behind it."
        }
        HttpFault::TooLarge | HttpFault::Request(_) => "Check that the issuer is that of an OpenID provider.",
    }
}

fn examine_metadata(
    report: &mut Report,
    metadata: &Metadata,
    spec: &ProviderSpec,
    environment: &Environment<'_>,
) {
    match &metadata.code_challenge_methods_supported {
        _ if metadata.refuses_s256() => report.bad(
            "pkce",
            "The provider does not offer PKCE with S256, which every sign-in uses; switch it on for the client.",
        ),
        Some(_) => report.good("pkce", "The provider offers PKCE with S256."),
        None => report.good("pkce", "The provider does not say whether it knows PKCE; S256 is sent all the same."),
    }
    if let Some(types) = &metadata.response_types_supported
        && !types.iter().any(|kind| kind == "code")
    {
        report.bad("flow", "The provider does not offer the authorization code flow (response_type=code).");
    }
    match metadata.algorithms().is_empty() {
        true => report.bad(
            "algorithms",
            format!(
                "The provider signs ID tokens with none of {}; set the client's ID token signature algorithm to one \
                 of them.",
                algorithm_names()
            ),
        ),
        false => report.good("algorithms", "The provider signs ID tokens with an algorithm that is believed."),
    }
    if environment.has_client_secret {
        match metadata.client_authentication() {
            ClientAuthentication::Impossible => report.bad(
                "client_authentication",
                "The provider takes the client secret neither by client_secret_basic nor by client_secret_post; \
                 allow one of them for the client.",
            ),
            _ => report.good("client_authentication", "The provider takes the client secret as it will be sent."),
        }
    } else {
        report.good(
            "client_authentication",
            "There is no client secret: the client must be a public one at the provider.",
        );
    }
    examine_scopes(report, metadata, spec);
    examine_claims(report, metadata, spec);
    report.good(
        "response_issuer",
        match metadata.authorization_response_iss_parameter_supported {
            true => "The provider names itself in its responses (RFC 9207); this is required from now on.",
            false => "The provider does not name itself in its responses (RFC 9207); its own redirect URI tells it \
                      from other providers.",
        },
    );
    report.good(
        "rp_initiated_logout",
        match &metadata.end_session_endpoint {
            Some(_) => format!(
                "Signing out ends the provider's session too. Register this post-logout redirect URI: {}",
                environment.post_logout_redirect_uri
            ),
            None => "The provider has no end_session_endpoint: signing out leaves its own session open."
                .to_owned(),
        },
    );
    let uri = environment.backchannel_logout_uri;
    report.good(
        "backchannel_logout",
        match (metadata.backchannel_logout_supported, metadata.backchannel_logout_session_supported) {
            (true, true) => {
                format!("Register this back-channel logout URI, with session (sid) required: {uri}")
            }
            (true, false) => format!("Register this back-channel logout URI: {uri}"),
            (false, _) => {
                "The provider announces no back-channel logout: sessions here end by their own time, or \
                           when an administrator ends them."
                    .to_owned()
            }
        },
    );
}

fn examine_scopes(report: &mut Report, metadata: &Metadata, spec: &ProviderSpec) {
    let Some(known) = &metadata.scopes_supported else { return };
    let unknown: Vec<_> = spec.scopes.iter().filter(|scope| !known.contains(scope)).cloned().collect();
    match unknown.is_empty() {
        true => report.good("scopes", "The provider knows all scopes."),
        false => report.bad(
            "scopes",
            format!(
                "The provider does not announce {}; remove it from scopes, or define it at the provider.",
                unknown.join(", ")
            ),
        ),
    }
}

/// Providers announce few of the claims that they can be told to send, so this is a hint.
fn examine_claims(report: &mut Report, metadata: &Metadata, spec: &ProviderSpec) {
    let Some(known) = &metadata.claims_supported else { return };
    let claim = &spec.groups_claim;
    let first = claim.split('.').next().unwrap_or(claim);
    let detail = match known.iter().any(|name| name == claim || name == first) {
        true => format!("The provider announces the claim `{claim}`."),
        false => format!(
            "The provider does not announce the claim `{claim}`. If people who sign in have no groups, add it to the \
             ID token or to userinfo at the provider, or correct groups_claim."
        ),
    };
    report.good("groups_claim", detail);
}

async fn examine_keys(report: &mut Report, http: &HttpClient, metadata: &Metadata) {
    let url = shown(&metadata.jwks_uri);
    let set: Value = match http.get_json(&metadata.jwks_uri, None).await {
        Ok(set) => set,
        Err(fault) => return report.bad("keys", format!("{url}: {fault}. {}", advice(&fault))),
    };
    match Keys::parse(&set) {
        Err(why) => report.bad("keys", format!("{url} is no JWK set: {why}.")),
        Ok(keys) if !keys.any_for(&metadata.algorithms()) => report.bad(
            "keys",
            format!(
                "{url} has no key that can check a signature ({} others): RSA of 2048 bits or more, EC or Ed25519.",
                keys.ignored
            ),
        ),
        Ok(keys) => report.good(
            "keys",
            format!("{} keys can check signatures; {} others are not used.", keys.usable.len(), keys.ignored),
        ),
    }
}

fn examine_settings(report: &mut Report, spec: &ProviderSpec, environment: &Environment<'_>) {
    report.good(
        "redirect_uri",
        format!("Register exactly this redirect URI for the client: {}", environment.redirect_uri),
    );
    match (spec.group_mappings.len(), environment.bootstrap_groups) {
        (0, false) => report.bad(
            "group_mappings",
            "No group is mapped to a role, so only people who were granted a role themselves can sign in; add \
             group_mappings.",
        ),
        (0, true) => report.good(
            "group_mappings",
            "No group is mapped to a role yet; members of CERTCTL_BOOTSTRAP_ADMIN_GROUPS become administrators \
             while there is none.",
        ),
        (n, _) => report.good("group_mappings", format!("{n} groups are mapped to roles.")),
    }
    if !spec.enabled {
        report.good("enabled", "The provider is disabled: nobody can sign in through it yet.");
    }
}
