use app::Query;
use axum::extract::{Path, State};
use axum::response::Response;
use model::{GroupMapping, Provider, ProviderSpec};

use super::{Done, Sent, beside_id, grants};
use crate::config::Secret;
use crate::error::{Error, Result};
use crate::http::api::providers::parse_id;
use crate::services::providers::{self, Written};
use crate::state::AppState;

const PATH: &str = "/providers";

pub async fn create(State(state): State<AppState>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        let fields = sent.fields();
        let id = fields.get("id").ok_or_else(|| Error::invalid("id", "choose one"))?;
        let id = id.parse().map_err(|e: model::InvalidId| Error::invalid("id", e.to_string()))?;
        let spec = settings(fields, Vec::new(), fields.all("enabled").any(|value| value == "true"));
        let written = Written { spec, client_secret: Some(secret(fields)) };
        let provider = providers::create(&state.core, sent.caller(), Some(id), written).await;
        let provider = provider.map_err(beside_id)?;
        let message = "The provider is created. Register its addresses at the provider, map groups to roles, and test it.";
        Ok(Done::at(format!("{PATH}/{}", provider.id), message))
    }
    .await;
    sent.answer(&state, outcome).await
}

pub async fn edit(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        let fields = sent.fields();
        let removed = fields.all("remove_client_secret").any(|value| value == "true");
        let client_secret = match secret(fields) {
            secret if !secret.expose().is_empty() => Some(secret),
            empty => removed.then_some(empty),
        };
        change(&state, &sent, &id, Some(sent.version()?), |before| Written {
            spec: settings(fields, before.spec.group_mappings, before.spec.enabled),
            client_secret,
        })
        .await?;
        Ok(done(&id, "The provider is changed. Test it before you rely on it."))
    }
    .await;
    sent.answer_beside(&state, outcome, "issuer").await
}

pub async fn set_mappings(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    const FIELD: &str = "group_mappings";
    let outcome: Result<Done> = async {
        let lines = grants::read_of_groups(sent.fields(), FIELD)?;
        let mappings = lines.into_iter().map(|line| GroupMapping { group: line.group, grant: line.grant });
        let group_mappings = mappings.collect();
        change(&state, &sent, &id, Some(sent.version()?), |before| {
            unchanged_but(ProviderSpec { group_mappings, ..before.spec })
        })
        .await?;
        Ok(done(&id, "The mappings are changed. They hold from now on."))
    }
    .await;
    sent.answer_beside(&state, outcome, FIELD).await
}

pub async fn disable(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    let message = "The provider is disabled, and the sessions that began through it have ended.";
    set_enabled(state, &id, sent, false, message).await
}

pub async fn enable(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    set_enabled(state, &id, sent, true, "People can sign in through this provider.").await
}

async fn set_enabled(state: AppState, id: &str, sent: Sent, enabled: bool, message: &str) -> Response {
    let outcome: Result<Done> = async {
        let switched = |before: Provider| unchanged_but(ProviderSpec { enabled, ..before.spec });
        change(&state, &sent, id, None, switched).await?;
        Ok(done(id, message))
    }
    .await;
    sent.answer(&state, outcome).await
}

pub async fn delete(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        providers::delete(&state.core, sent.caller(), &parse_id(&id)?, None).await?;
        Ok(Done::at(PATH, format!("The provider {id} is deleted.")))
    }
    .await;
    sent.answer(&state, outcome).await
}

/// The page itself asks the provider and shows what it found.
pub async fn test(State(state): State<AppState>, Path(_): Path<String>, sent: Sent) -> Response {
    sent.show(&state).await
}

/// Puts what `edit` makes of a provider in its place. `expected`: the version that was read, if that matters.
async fn change(
    state: &AppState,
    sent: &Sent,
    id: &str,
    expected: Option<i64>,
    edit: impl FnOnce(Provider) -> Written,
) -> Result<Provider> {
    let (core, caller, id) = (&state.core, sent.caller(), parse_id(id)?);
    let before = providers::find(core, caller, &id).await?;
    // What the form does not have is as it is stored now, and must not change meanwhile.
    let expected = expected.unwrap_or(before.version);
    providers::update(core, caller, &id, Some(expected), edit(before)).await
}

fn unchanged_but(spec: ProviderSpec) -> Written {
    Written { spec, client_secret: None }
}

fn settings(fields: &Query, group_mappings: Vec<GroupMapping>, enabled: bool) -> ProviderSpec {
    let text = |name: &str| fields.get(name).unwrap_or_default().to_owned();
    let list = |name: &str| {
        let parts = text(name);
        let parts = parts.split([' ', ',', ';', '\n', '\r']).filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    };
    ProviderSpec {
        name: text("name"),
        issuer: text("issuer"),
        client_id: text("client_id"),
        scopes: list("scopes"),
        groups_claim: text("groups_claim"),
        group_mappings,
        allowed_email_domains: list("allowed_email_domains"),
        // Browsers send CRLF.
        ca_certificates: fields.get("ca_certificates").map(|pem| pem.replace("\r\n", "\n")),
        enabled,
    }
}

/// As it was typed; empty where nothing was.
fn secret(fields: &Query) -> Secret {
    Secret::new(fields.get("client_secret").unwrap_or_default())
}

fn done(id: &str, message: &str) -> Done {
    Done::at(format!("{PATH}/{id}"), message)
}
