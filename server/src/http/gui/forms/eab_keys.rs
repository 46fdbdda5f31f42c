use axum::extract::{Path, State};
use axum::response::Response;
use model::{EabKeyId, Permission};

use super::values::{Values, parsed};
use super::{Done, Sent};
use crate::error::Result;
use crate::http::api::eab_keys::parse_id;
use crate::http::gui::backend::eab_keys::{NEW, PATH};
use crate::services::eab_keys::{self, NewEabKey};
use crate::state::AppState;

pub async fn create(State(state): State<AppState>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        let new = read(&sent)?;
        let (key, mac_key) = eab_keys::create(&state.core, sent.caller(), new).await?;
        // Whoever may make keys and not see them is shown the new one where they made it.
        let page = match sent.caller().rights.reach(Permission::EabKeyRead) {
            Some(_) => page_of(&key.id),
            None => NEW.to_owned(),
        };
        Ok(Done::at(page, format!("The key {} is made.", key.id)).with_secret(mac_key.expose()))
    }
    .await;
    sent.answer(&state, outcome).await
}

fn read(sent: &Sent) -> Result<NewEabKey> {
    let mut values = Values::of(sent.fields());
    let new = NewEabKey {
        note: values.text("note"),
        profiles: values.lines("profiles", parsed),
        permitted_names: values.lines("permitted_names", parsed),
        preauthorized: values.flag("preauthorized"),
        max_uses: values.number("max_uses", "any number of accounts"),
        expires_at: values.end_of_day("expires_at"),
    };
    values.finish(new)
}

pub async fn rotate(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        let (key, mac_key) = eab_keys::rotate(&state.core, sent.caller(), &parse_id(&id)?).await?;
        let done = Done::at(page_of(&key.id), "The key has a new MAC key; the old one is good for nothing.");
        Ok(done.with_secret(mac_key.expose()))
    }
    .await;
    sent.answer(&state, outcome).await
}

pub async fn revoke(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        let key =
            eab_keys::revoke(&state.core, sent.caller(), &parse_id(&id)?, sent.optional_reason()?).await?;
        Ok(Done::at(page_of(&key.id), "The key is revoked for ever."))
    }
    .await;
    sent.answer(&state, outcome).await
}

fn page_of(id: &EabKeyId) -> String {
    format!("{PATH}/{id}")
}
