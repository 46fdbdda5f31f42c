use axum::extract::{Path, State};
use axum::response::Response;
use model::{InvalidId, Permission, Permissions};

use super::{Done, Sent, beside_id};
use crate::error::{Error, Result};
use crate::http::api::roles::parse_id;
use crate::services::roles::{self, RoleSpec};
use crate::state::AppState;

const PATH: &str = "/roles";
const PERMISSIONS: &str = "permissions";

pub async fn create(State(state): State<AppState>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        let id = sent.fields().get("id").map(str::parse).transpose();
        let id = id.map_err(|e: InvalidId| Error::invalid("id", e.to_string()))?;
        let role = roles::create(&state.core, sent.caller(), id, spec(&sent)?).await;
        let role = role.map_err(beside_id)?;
        Ok(Done::at(format!("{PATH}/{}", role.id), "The role is created. Nobody holds it yet."))
    }
    .await;
    sent.answer_beside(&state, outcome, PERMISSIONS).await
}

pub async fn edit(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        let (role, version) = (parse_id(&id)?, Some(sent.version()?));
        roles::replace(&state.core, sent.caller(), &role, version, spec(&sent)?).await?;
        Ok(Done::at(format!("{PATH}/{id}"), "The role is changed, for everybody who holds it."))
    }
    .await;
    sent.answer_beside(&state, outcome, PERMISSIONS).await
}

pub async fn delete(State(state): State<AppState>, Path(id): Path<String>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        roles::delete(&state.core, sent.caller(), &parse_id(&id)?, None).await?;
        Ok(Done::at(PATH, format!("The role {id} is deleted.")))
    }
    .await;
    sent.answer(&state, outcome).await
}

fn spec(sent: &Sent) -> Result<RoleSpec> {
    let fields = sent.fields();
    let permissions = fields.all(PERMISSIONS).map(|name| {
        let permission: Option<Permission> = name.parse().ok();
        permission.ok_or_else(|| Error::invalid(PERMISSIONS, format!("there is no permission `{name}`")))
    });
    Ok(RoleSpec {
        description: fields.get("description").unwrap_or_default().to_owned(),
        permissions: permissions.collect::<Result<Permissions>>()?,
    })
}
