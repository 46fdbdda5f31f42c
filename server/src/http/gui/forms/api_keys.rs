use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::Response;
use model::{ApiKey, Grant, IpNet, Permission, RoleId};

use super::values::{Values, parsed};
use super::{Done, Sent};
use crate::auth::ApiKeyText;
use crate::error::{Error, Result};
use crate::http::api::api_keys::parse_id;
use crate::http::gui::backend::api_keys::{NEW, PATH};
use crate::services::api_keys::{self, NewApiKey};
use crate::state::AppState;

pub async fn create(State(state): State<AppState>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        let new = read(&sent)?;
        let text = ApiKeyText::generate(state.core.entropy.as_ref());
        let key = api_keys::create(&state.core, sent.caller(), new, &text).await?;
        Ok(made(&sent, &key, &text, format!("The API key {} is made.", key.name)))
    }
    .await;
    sent.answer(&state, outcome).await
}

fn read(sent: &Sent) -> Result<NewApiKey> {
    let mut values = Values::of(sent.fields());
    let role = values.required::<RoleId>("role");
    let profiles = values.lines("profiles", parsed);
    let (allowed_networks, expires_at) =
        (values.lines("allowed_networks", network), values.end_of_day("expires_at"));
    let name = values.text("name");
    let new =
        role.map(|role| NewApiKey { name, grant: Grant { role, profiles }, allowed_networks, expires_at });
    values.finish(new)?.ok_or_else(|| Error::invalid("role", "it is missing"))
}

/// A network, or an address for itself alone.
fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<std::net::IpAddr>().map(IpNet::from);
    text.parse()
        .or_else(|_| address())
        .map_err(|_| "neither a network such as 10.20.0.0/16 nor an address such as 2001:db8::7".to_owned())
}

pub async fn rotate(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        let mut values = Values::of(sent.fields());
        let overlap = values.required("overlap_seconds").map(Duration::from_secs);
        let overlap = values.finish(overlap)?.unwrap_or_default();
        let text = ApiKeyText::generate(state.core.entropy.as_ref());
        let key = api_keys::rotate(&state.core, sent.caller(), &parse_id(&id)?, overlap, &text).await?;
        let message = format!("This key is in the place of the one of the same name, {id}.");
        Ok(made(&sent, &key, &text, message))
    }
    .await;
    sent.answer(&state, outcome).await
}

/// Leads to the page of a key that was made, or to that of new ones whoever may not see it.
fn made(sent: &Sent, key: &ApiKey, text: &ApiKeyText, message: String) -> Done {
    let page = match sent.caller().rights.allows(Permission::ApiKeyRead) {
        true => format!("{PATH}/{}", key.id),
        false => NEW.to_owned(),
    };
    Done::at(page, message).with_secret(text.expose())
}

pub async fn revoke(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        let id = parse_id(&id)?;
        api_keys::revoke(&state.core, sent.caller(), &id, sent.optional_reason()?).await?;
        let message = "The key is revoked, and the sessions that were begun with it have ended.";
        Ok(Done::at(format!("{PATH}/{id}"), message))
    }
    .await;
    sent.answer(&state, outcome).await
}
