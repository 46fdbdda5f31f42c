//! Links that sign the local administrator in, once: made on the command line alone.

use std::time::Duration;

use model::{Caller, Owner, SignInMethod, Timestamp};
use serde_json::json;

use super::local_users;
use super::sessions::{self, NewSession, SignIn};
use crate::auth::{self, SessionSecret};
use crate::core::{Core, Resource};
use crate::error::{Error, Result};

const LIFETIME: Duration = Duration::from_secs(600);

/// A link's secret, which is stored nowhere, and its end.
#[derive(Debug)]
pub struct NewLink {
    pub token: String,
    pub expires_at: Timestamp,
}

/// Makes a link for the local administrator, and the administrator with it if there is none.
pub async fn create(core: &Core, caller: &Caller) -> Result<NewLink> {
    let user = local_users::ensure_admin(core, caller, "administrator", "local administrator").await?;
    let token = auth::random_token(core.entropy.as_ref());
    let expires_at = core.now() + LIFETIME;
    let details = json!({ "expires_at": expires_at });
    let event = core.event(caller, "login_link.created", Resource("user", user.id.as_str()), details);
    let sha256 = auth::hash(&token);
    core.store
        .write(move |tx| {
            Box::pin(async move {
                tx.insert_login_link(&sha256, &user.id, expires_at).await?;
                tx.record(&[event]).await
            })
        })
        .await
        .map_err(Error::from)?;
    Ok(NewLink { token, expires_at })
}

/// Whether the link would sign somebody in. Asking does not spend it.
pub async fn is_good(core: &Core, token: &str) -> Result<bool> {
    Ok(core.store.read().await?.login_link(&auth::hash(token), core.now()).await?.is_some())
}

/// Spends the link and signs in whom it is for.
pub async fn redeem(
    core: &Core,
    asking: &Caller,
    token: &str,
    user_agent: Option<String>,
    former: Option<SessionSecret>,
) -> Result<NewSession> {
    let (sha256, now) = (auth::hash(token), core.now());
    let mut db = core.store.read().await?;
    let user = match db.login_link(&sha256, now).await? {
        Some(id) => db.user(&id).await?,
        None => None,
    };
    drop(db);
    let method = SignInMethod::LoginLink;
    let Some(user) = user else {
        core.attempts.admit(asking.client_ip, now)?;
        sessions::refuse(core, asking, method, "the link is used, expired or made up", json!({})).await?;
        return Err(used());
    };
    let sign_in = SignIn {
        owner: Owner::User(Box::new(user.clone()), None),
        method,
        provider_session: None,
        sealed_id_token: None,
        user_agent,
        former,
        details: json!({}),
    };
    let new = sessions::prepare(core, asking, sign_in).await?;
    let new = core
        .store
        .write(move |tx| {
            Box::pin(async move {
                // Of two browsers at the same time one gets it.
                if tx.take_login_link(&sha256, now).await?.is_none()
                    || !tx.note_sign_in(&user.id, &user.name, None, &[], now).await?
                {
                    return Err(used());
                }
                new.insert(tx).await?;
                Ok(new)
            })
        })
        .await?;
    core.metrics.sign_in(method, true);
    Ok(new)
}

fn used() -> Error {
    Error::Forbidden("this link was used or has expired; `certctl login-link` makes a new one".to_owned())
}
