use axum::extract::{Path, State};
use axum::response::Response;
use model::{Profile, ProfileSpec};

use super::{Done, Sent, profile_fields};
use crate::error::Result;
use crate::http::api::profiles::parse_id;
use crate::services::profiles;
use crate::state::AppState;

pub async fn create(State(state): State<AppState>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        let mut draft = profile_fields::read(sent.fields(), None);
        let id = profile_fields::id(sent.fields()).unwrap_or_else(|fault| {
            draft.unread.push(fault);
            None
        });
        let profile = profiles::create(&state.core, sent.caller(), id, draft).await?;
        Ok(done(
            &profile,
            "The profile is made. Clients can use it as soon as they have its directory's URL.",
        ))
    }
    .await;
    sent.answer(&state, outcome).await
}

pub async fn edit(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        let version = sent.version()?;
        let change = |before| Ok(profile_fields::read(sent.fields(), Some(&before)));
        let id = parse_id(&id)?;
        let profile = profiles::update(&state.core, sent.caller(), &id, Some(version), change).await?;
        Ok(match profile.version == version {
            true => done(&profile, "Nothing was changed: the profile is as it was."),
            false => done(
                &profile,
                "The profile is changed. Orders that are open are judged by it when they are finalized.",
            ),
        })
    }
    .await;
    sent.answer(&state, outcome).await
}

fn done(profile: &Profile, message: &str) -> Done {
    Done::at(format!("/profiles/{}", profile.id), message)
}

pub async fn disable(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    let outcome = set_enabled(&state, &id, &sent, false).await;
    sent.answer(&state, outcome).await
}

pub async fn enable(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    let outcome = set_enabled(&state, &id, &sent, true).await;
    sent.answer(&state, outcome).await
}

/// Whatever else was changed meanwhile stays as it is, so any version will do.
async fn set_enabled(state: &AppState, id: &str, sent: &Sent, enabled: bool) -> Result<Done> {
    let change = |before| Ok(ProfileSpec { enabled, ..before }.into());
    let profile = profiles::update(&state.core, sent.caller(), &parse_id(id)?, None, change).await?;
    let message = match enabled {
        true => "The profile is enabled. Clients may order under it again.",
        false => "The profile is disabled. It accepts nothing until it is enabled again.",
    };
    Ok(done(&profile, message))
}

pub async fn delete(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        let version = sent.version()?;
        let id = parse_id(&id)?;
        profiles::delete(&state.core, sent.caller(), &id, Some(version)).await?;
        Ok(Done::at("/profiles", format!("The profile {id} is deleted.")))
    }
    .await;
    sent.answer(&state, outcome).await
}
