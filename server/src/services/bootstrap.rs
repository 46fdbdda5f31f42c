//! Day 0: the first administrator of a server that has none, by the operator's token (`CERTCTL_BOOTSTRAP_TOKEN`).

use model::{ApiKey, Caller};
use serde_json::json;

use super::administration::any_admin;
use super::api_keys::{NewApiKey, created, make};
use crate::auth::ApiKeyText;
use crate::core::{Core, Resource};
use crate::error::{Error, Result};

const SERVER: Resource<'static> = Resource("server", "certctl");

/// Makes an administrator's API key for whoever has the token. A token is good once, on all replicas together, and only
/// while there is no administrator.
pub async fn bootstrap(
    core: &Core,
    asking: &Caller,
    token: &str,
    name: &str,
) -> Result<(ApiKey, ApiKeyText)> {
    let Some(expected) = &core.bootstrap_token else {
        return Err(Error::not_found("bootstrap token: the setting CERTCTL_BOOTSTRAP_TOKEN is not set"));
    };
    let now = core.now();
    if !expected.is(token) {
        // Only wrong ones count: they must not keep the right one out.
        core.attempts.admit(asking.client_ip, now)?;
        let details = json!({ "reason": "wrong token" });
        let event = core.refusal(asking, "server.bootstrap_refused", SERVER, details);
        core.store.write(move |tx| Box::pin(async move { tx.record(&[event]).await })).await?;
        return Err(Error::Unauthenticated("the bootstrap token is not valid".to_owned()));
    }
    let caller = Caller {
        client_ip: asking.client_ip,
        request_id: asking.request_id.clone(),
        ..Caller::system("bootstrap-token")
    };
    let text = ApiKeyText::generate(core.entropy.as_ref());
    let key = make(core, &caller, NewApiKey::admin(name), &text)?;
    let used = core.event(&caller, "server.bootstrapped", SERVER, json!({ "api_key_id": key.id }));
    let events = [used, created(core, &caller, &key)];
    let row = format!("bootstrap-token:{}", expected.fingerprint());
    let stored = key.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                tx.lock_administration().await?;
                if any_admin(tx, now).await? {
                    return Err(Error::Gone("there is an administrator already".to_owned()));
                }
                if !tx.insert_secret_if_absent(&row, stored.id.as_str().as_bytes()).await? {
                    return Err(Error::Gone("this bootstrap token was used already".to_owned()));
                }
                tx.insert_api_key(&stored).await?;
                tx.record(&events).await?;
                Ok(())
            })
        })
        .await?;
    Ok((key, text))
}
