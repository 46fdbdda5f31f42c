//! The end of sessions that began at an OpenID provider: ours tells the provider, and the provider tells us.

use std::time::Duration;

use base64::Engine as _;
use model::{Actor, Caller, Owner, Provider, ProviderId, SessionId, SignedIn, Timestamp};
use serde_json::json;
use store::Tx;

use super::oidc_sign_in::ID_TOKEN_PURPOSE;
use crate::auth::{self, random_token};
use crate::core::{Core, Resource};
use crate::error::{Error, Result};
use crate::oidc::{Ended, Fault};

/// A sign-in that began before the provider ended its session can arrive for so long: its own ten minutes, and the
/// difference of the clocks.
const IN_FLIGHT: Duration = Duration::from_secs(15 * 60);

/// Where a browser whose session was just ended here has to go, so that the provider's session ends too (OpenID Connect
/// RP-Initiated Logout 1.0 §2). `None` when it did not come from a provider, or that knows nothing of it.
pub async fn provider_logout_url(core: &Core, signed_in: &SignedIn) -> Option<String> {
    let Owner::User(_, Some(provider)) = &signed_in.owner else { return None };
    let remote = core.oidc.remotes.of(provider).ok()?;
    // Not being able to ask must not keep anybody signed in.
    let metadata = remote.metadata(core.now()).await.ok()?;
    let mut url = url::Url::parse(metadata.end_session_endpoint.as_deref()?).ok()?;
    let hint = match id_token(core, signed_in) {
        Some(token) if remote.still_publishes_key_of(&metadata, &token, core.now()).await => Some(token),
        _ => None,
    };
    let mut query = url.query_pairs_mut();
    if let Some(token) = hint {
        query.append_pair("id_token_hint", &token);
    }
    query.append_pair("client_id", &provider.spec.client_id);
    query.append_pair("post_logout_redirect_uri", &core.oidc.links.signed_out());
    query.append_pair("state", &random_token(core.entropy.as_ref()));
    drop(query);
    Some(url.into())
}

fn id_token(core: &Core, signed_in: &SignedIn) -> Option<String> {
    let session = &signed_in.session;
    let sealed = session.data.sealed_id_token.as_ref()?;
    let sealed = base64::engine::general_purpose::STANDARD.decode(sealed).ok()?;
    let opened = core.sealer.open(ID_TOKEN_PURPOSE, session.id.as_str(), &sealed).ok()?;
    String::from_utf8(opened.to_vec()).ok()
}

/// Why a logout token was not acted upon.
#[derive(Debug)]
pub enum Refused {
    /// It is not to be believed.
    Invalid(String),
    /// The provider's keys could not be read.
    Unavailable,
}

/// Ends what a provider says that it has ended (OpenID Connect Back-Channel Logout 1.0 §2.7), on every replica.
pub async fn back_channel(
    core: &Core,
    asking: &Caller,
    id: &ProviderId,
    token: &str,
) -> Result<Result<(), Refused>> {
    let provider = core.store.read().await?.provider(id).await?;
    let Some(provider) = provider.filter(|provider| provider.spec.enabled) else {
        return Ok(Err(Refused::Invalid("the provider is unknown or disabled".to_owned())));
    };
    let now = core.now();
    let ended = match read(core, &provider, token, now).await {
        Ok(ended) => ended,
        // Whoever can reach the server can send such tokens, so they are not worth an audit event.
        Err(fault) => {
            tracing::warn!(provider = %id, client = ?asking.client_ip, %fault, "a logout token is refused");
            return Ok(Err(match fault {
                Fault::Unavailable(_) => Refused::Unavailable,
                Fault::Unusable(why) | Fault::Refused(why) => Refused::Invalid(why),
            }));
        }
    };
    let caller = asking.with_actor(Actor::System("backchannel-logout"));
    let resource = Resource("provider", id.as_str());
    let details = json!({ "sub": ended.subject, "sid": ended.session, "jti": ended.jti });
    let event = core.event(&caller, "provider.logout", resource, details);
    let id = id.clone();
    let is_new = core
        .store
        .write(move |tx| {
            Box::pin(async move {
                // Sign-ins that are about to be stored wait for this, and find it.
                tx.lock_provider(&id).await?;
                if !tx.redeem_nonce(redemption(&id, &ended.jti), ended.accepted_until).await? {
                    return Ok(false);
                }
                let sessions = end(tx, &id, &ended, now).await?;
                let mut event = event;
                event.details["ended_sessions"] = sessions.iter().map(SessionId::as_str).collect();
                tx.record(&[event]).await?;
                Ok::<_, Error>(true)
            })
        })
        .await?;
    if is_new {
        return Ok(Ok(()));
    }
    tracing::warn!(client = ?asking.client_ip, "a logout token was used twice");
    Ok(Err(Refused::Invalid("the token was used before".to_owned())))
}

async fn read(core: &Core, provider: &Provider, token: &str, now: Timestamp) -> Result<Ended, Fault> {
    let remote = core.oidc.remotes.of(provider)?;
    let metadata = remote.metadata(now).await?;
    remote.logout(&metadata, token, &provider.spec.client_id, now).await
}

/// Ends the session that is named, or else all of the person, and remembers it for those that are under way.
async fn end(tx: &mut Tx, id: &ProviderId, ended: &Ended, now: Timestamp) -> Result<Vec<SessionId>> {
    let until = now + IN_FLIGHT;
    if let Some(sid) = &ended.session {
        tx.note_provider_session_ended(id, &format!("sid:{sid}"), ended.issued_at, until).await?;
        return Ok(tx.delete_sessions_of_provider_session(id, sid).await?);
    }
    let Some(subject) = &ended.subject else { return Ok(Vec::new()) };
    tx.note_provider_session_ended(id, &format!("sub:{subject}"), ended.issued_at, until).await?;
    match tx.user_by_subject(id, subject).await? {
        Some(user) => Ok(tx.delete_sessions_of_user(&user.id).await?),
        None => Ok(Vec::new()),
    }
}

/// Names a logout token where it is redeemed; apart from those of other providers.
fn redemption(id: &ProviderId, jti: &str) -> [u8; 16] {
    let text = format!("logout token\n{id}\n{jti}");
    auth::nonce_id(&text)
}
