//! The cookie of sessions. tower-sessions reads, signs and sets it; the rows are the business of
//! [`crate::services::sessions`], because a session begins and ends in one transaction with its audit event.

use std::convert::Infallible;
use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::request::Parts;
use model::{Actor, Caller};
use serde_json::Value;
use store::StoreError;
use tower_sessions::cookie::{Key, SameSite};
use tower_sessions::service::SignedCookie;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{self, SessionStore};
use tower_sessions::{Session, SessionManagerLayer};

use crate::auth::{SessionSecret, is_same_secret};
use crate::core::Core;
use crate::error::{Error, Result};
use crate::http::problem::ApiError;
use crate::http::request::RequestInfo;
use crate::services::sessions::{self, Checked};
use crate::state::AppState;

/// The prefix makes browsers refuse it without Secure, with another path or with a domain
/// (draft-ietf-httpbis-rfc6265bis §4.1.3.2).
pub const COOKIE: &str = "__Host-certctl_session";

/// Takes the cookie out of a browser. tower-sessions would leave out Secure, without which browsers ignore it.
pub const REMOVAL: HeaderValue =
    HeaderValue::from_static("__Host-certctl_session=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");

/// Gives requests their [`Session`]. Nothing is read from the database by this.
pub fn layer(core: &Arc<Core>) -> SessionManagerLayer<Rows, SignedCookie> {
    SessionManagerLayer::new(Rows(Arc::clone(core)))
        .with_name(COOKIE)
        .with_same_site(SameSite::Lax)
        .with_signed(key(core))
}

/// The same on every replica. The second half is for encrypted cookies, which there are none of.
fn key(core: &Core) -> Key {
    let halves = [core.sealer.derive("session cookies"), core.sealer.derive("session cookies, encryption")];
    Key::from(&halves.concat())
}

/// Where [`hand_over`] tells [`Rows`] the id of the row that is there already.
const ID: &str = "id";

/// The rows of sessions, as tower-sessions sees them.
#[derive(Debug, Clone)]
pub struct Rows(Arc<Core>);

#[async_trait]
impl SessionStore for Rows {
    /// Takes the id of the row that the service has made. tower-sessions' own would be the id that the browser came
    /// with, after a flush: that is session fixation.
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        let id = record.data.get(ID).and_then(Value::as_str).and_then(|id| id.parse().ok());
        record.id = id.ok_or_else(|| session_store::Error::Encode("no session was begun".to_owned()))?;
        Ok(())
    }

    /// A session holds what it began with. Whatever changes makes another cookie, and so [`Self::create`].
    async fn save(&self, _record: &Record) -> session_store::Result<()> {
        Err(session_store::Error::Encode("a session cannot be changed under its cookie".to_owned()))
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let mut db = self.0.store.read().await.map_err(|e| backend(&e))?;
        let found = db.signed_in(&secret(*id).sha256()).await.map_err(|e| backend(&e))?;
        Ok(found
            .map(|signed_in| self.0.sessions.end_of(&signed_in.session))
            .filter(|end| *end > self.0.now())
            .map(|end| Record { id: *id, data: Default::default(), expiry_date: end.to_offset_date_time() }))
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        // Mostly the service has done it, and a transaction for nothing would be a pity.
        if self.load(id).await?.is_none() {
            return Ok(());
        }
        let sha256 = secret(*id).sha256();
        let deleted = self
            .0
            .store
            .write(move |tx| Box::pin(async move { tx.delete_session_of_cookie(&sha256).await }))
            .await;
        deleted.map(drop).map_err(|e| backend(&e))
    }
}

fn backend(error: &StoreError) -> session_store::Error {
    session_store::Error::Backend(error.to_string())
}

fn secret(id: Id) -> SessionSecret {
    SessionSecret::from_bytes(id.0.to_le_bytes())
}

/// Sets the cookie of a session that is stored, in place of the one that the browser came with.
pub async fn hand_over(session: &Session, secret: &SessionSecret) -> Result<()> {
    let fault = |e: tower_sessions::session::Error| Error::Internal(format!("the cookie cannot be set: {e}"));
    session.flush().await.map_err(fault)?;
    session.insert(ID, Id(i128::from_le_bytes(secret.bytes())).to_string()).await.map_err(fault)
}

/// The browser's cookie, whether it is good for anything or not: for those who begin and end sessions.
#[derive(Debug)]
pub struct SessionCookie(Session);

impl SessionCookie {
    /// What the browser came with, if we have signed it.
    pub fn secret(&self) -> Option<SessionSecret> {
        self.0.id().map(secret)
    }

    /// Signs in: the session that the browser had ends, and a new one begins under a new cookie.
    pub async fn establish(
        &self,
        core: &Core,
        asking: &Caller,
        sign_in: sessions::SignIn,
    ) -> Result<sessions::NewSession> {
        let new =
            sessions::sign_in(core, asking, sessions::SignIn { former: self.secret(), ..sign_in }).await?;
        self.hand_over(&new).await?;
        Ok(new)
    }

    /// The second half of [`Self::establish`], for those who store the session in a transaction of their own.
    pub async fn hand_over(&self, new: &sessions::NewSession) -> Result<()> {
        hand_over(&self.0, &new.secret).await
    }
}

impl FromRequestParts<AppState> for SessionCookie {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &AppState) -> Result<Self, ApiError> {
        let session = parts.extensions.get::<Session>().cloned();
        session.map(Self).ok_or_else(|| Error::Internal("the route has no session layer".to_owned()).into())
    }
}

/// Who comes with the cookie: `None` for everybody who is not signed in. It is asked once for each request.
#[derive(Debug, Clone)]
pub struct Visitor(pub Option<Checked>);

impl FromRequestParts<AppState> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let session = parts.extensions.get::<Session>().cloned();
        let Some((session, id)) = session.and_then(|session| session.id().map(|id| (session, id))) else {
            return Ok(Self(None));
        };
        let asking = RequestInfo::from_request_parts(parts, state).await?.caller(Actor::Anonymous);
        let checked = sessions::check(&state.core, &asking, &secret(id)).await?;
        if let Some(secret) = checked.as_ref().and_then(|checked| checked.new_secret.as_ref()) {
            hand_over(&session, secret).await?;
        }
        let visitor = Self(checked);
        parts.extensions.insert(visitor.clone());
        Ok(visitor)
    }
}

/// Refuses what was sent without the session's CSRF token.
pub fn check_token(checked: &Checked, token: &str) -> Result<()> {
    match is_same_secret(token, &checked.signed_in.session.data.csrf_token) {
        true => Ok(()),
        false => Err(Error::Forbidden("the form was not of this session; try again".to_owned())),
    }
}

/// The browser's own words about itself.
#[derive(Debug)]
pub struct UserAgent(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for UserAgent {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let agent = parts.headers.get(axum::http::header::USER_AGENT);
        Ok(Self(agent.and_then(|agent| agent.to_str().ok()).map(str::to_owned)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::sessions::tests::World;

    fn id(secret: &SessionSecret) -> Id {
        Id(i128::from_le_bytes(secret.bytes()))
    }

    #[tokio::test]
    async fn only_sessions_that_the_service_made_have_a_cookie() {
        let world = World::new().await;
        let key = world.key("admin", &[], None).await;
        let new = world.sign_in_with(&key).await;
        let rows = Rows(Arc::clone(&world.core));
        let found = rows.load(&id(&new.secret)).await.unwrap().unwrap();
        assert!(found.data.is_empty() && found.id == id(&new.secret));
        assert!(rows.load(&Id::default()).await.unwrap().is_none());
        assert!(rows.save(&found).await.is_err(), "a session does not change under its cookie");
        assert!(rows.create(&mut found.clone()).await.is_err(), "and does not begin here");

        let session = Session::new(Some(id(&new.secret)), Arc::new(rows.clone()), None);
        let other = world.sign_in_with(&key).await;
        hand_over(&session, &other.secret).await.unwrap();
        session.save().await.unwrap();
        assert_eq!(session.id(), Some(id(&other.secret)), "not the one that the browser came with");
        assert!(rows.load(&id(&new.secret)).await.unwrap().is_none(), "which has ended");
        rows.delete(&id(&new.secret)).await.unwrap();

        world.wait(std::time::Duration::from_secs(3600));
        assert!(rows.load(&id(&other.secret)).await.unwrap().is_none(), "idle for an hour");
    }

    #[tokio::test]
    async fn the_key_of_cookies_is_the_same_on_every_replica() {
        let (one, other) = (World::new().await, World::new().await);
        assert_eq!(key(&one.core).signing(), key(&one.core).signing());
        assert_ne!(key(&one.core).signing(), key(&other.core).signing(), "another encryption key");
    }
}
