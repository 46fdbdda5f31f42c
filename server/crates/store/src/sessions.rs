use std::time::Duration;

use model::{
    ApiKey, ApiKeyId, Grant, Owner, Page, Principal, Provider, ProviderId, Session, SessionFilter, SessionId,
    SignedIn, Timestamp, User, UserId,
};

use crate::api_keys::sha256;
use crate::engine::{Row, Value, args};
use crate::sql::{Direction, Sql};
use crate::{Reader, StoreError, Tx};

macro_rules! columns {
    () => {
        "id_sha256, id, user_id, api_key_id, method, provider_id, provider_session, client_ip, user_agent, \
         created_at, last_seen_at, expires_at, data"
    };
}

/// A session, its user with their provider, or its API key: one statement, because every request of a browser asks.
const SIGNED_IN: &str = "SELECT s.id_sha256, s.id, s.user_id, s.api_key_id, s.method, s.provider_id, \
     s.provider_session, s.client_ip, s.user_agent, s.created_at, s.last_seen_at, s.expires_at, s.data, \
     u.id AS u_id, u.provider_id AS u_provider_id, u.subject AS u_subject, u.name AS u_name, u.email AS u_email, \
     u.member_of AS u_member_of, u.grants AS u_grants, u.version AS u_version, u.created_at AS u_created_at, \
     u.last_sign_in_at AS u_last_sign_in_at, u.deactivated_at AS u_deactivated_at, \
     p.id AS p_id, p.spec AS p_spec, p.version AS p_version, p.created_at AS p_created_at, \
     p.updated_at AS p_updated_at, p.sealed_client_secret AS p_sealed_client_secret, \
     k.id AS k_id, k.name AS k_name, k.sha256 AS k_sha256, k.role AS k_role, k.profiles AS k_profiles, \
     k.allowed_networks AS k_allowed_networks, k.created_by AS k_created_by, k.created_at AS k_created_at, \
     k.expires_at AS k_expires_at, k.revoked_at AS k_revoked_at, k.replaced_by AS k_replaced_by, \
     k.last_used_at AS k_last_used_at, k.last_used_from AS k_last_used_from \
     FROM sessions s LEFT JOIN users u ON u.id = s.user_id LEFT JOIN oidc_providers p ON p.id = u.provider_id \
     LEFT JOIN api_keys k ON k.id = s.api_key_id WHERE s.id_sha256 = $1";

impl Reader {
    /// The session of this cookie, ended or not, and whose it is.
    pub async fn signed_in(&mut self, id_sha256: &[u8; 32]) -> Result<Option<SignedIn>, StoreError> {
        let row = self.fetch_optional(SIGNED_IN, args![id_sha256.as_slice()]).await?;
        row.as_ref().map(signed_in).transpose()
    }

    pub async fn session(&mut self, id: &SessionId) -> Result<Option<Session>, StoreError> {
        let sql = concat!("SELECT ", columns!(), " FROM sessions WHERE id = $1");
        self.fetch_optional(sql, args![id]).await?.as_ref().map(session).transpose()
    }

    /// Newest first, ended ones included until they are deleted.
    pub async fn sessions(&mut self, filter: &SessionFilter) -> Result<Page<Session>, StoreError> {
        let mut sql = Sql::new(concat!("SELECT ", columns!(), " FROM sessions"));
        sql.and_opt("user_id = ", filter.user_id.as_ref());
        sql.and_opt("api_key_id = ", filter.api_key_id.as_ref());
        self.page(sql, "id", Direction::NewestFirst, &filter.page, session, |s| s.id.to_string()).await
    }

    /// When the provider last ended this session (`sid:…`) or all sessions of this subject (`sub:…`).
    pub async fn provider_session_ended_at(
        &mut self,
        provider: &ProviderId,
        ended: &str,
    ) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT ended_at FROM ended_provider_sessions WHERE provider_id = $1 AND ended = $2";
        let row = self.fetch_optional(sql, args![provider, ended]).await?;
        row.map(|row| row.of("ended_provider_sessions").time("ended_at")).transpose()
    }
}

impl Tx {
    pub async fn insert_session(&mut self, session: &Session) -> Result<(), StoreError> {
        let (user, key) = match &session.principal {
            Principal::User(id) => (Some(id.as_str()), None),
            Principal::ApiKey(id) => (None, Some(id.as_str())),
        };
        self.execute(
            concat!(
                "INSERT INTO sessions (",
                columns!(),
                ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
            ),
            args![
                session.id_sha256.as_slice(),
                &session.id,
                user,
                key,
                session.method,
                session.provider_id.as_ref().map(ProviderId::as_str),
                &session.provider_session,
                session.client_ip,
                &session.user_agent,
                session.created_at,
                session.last_seen_at,
                session.expires_at,
                Value::json(&session.data)?,
            ],
        )
        .await
        .map(drop)
    }

    /// Puts another secret id and other data in the session's place; `false` when it is gone.
    pub async fn rekey_session(&mut self, old: &[u8; 32], session: &Session) -> Result<bool, StoreError> {
        let sql = "UPDATE sessions SET id_sha256 = $2, data = $3 WHERE id_sha256 = $1";
        let data = Value::json(&session.data)?;
        self.changed(sql, args![old.as_slice(), session.id_sha256.as_slice(), data]).await
    }

    /// `false` when it was seen later than `now` less `pause`, by this replica or another.
    pub async fn touch_session(
        &mut self,
        id_sha256: &[u8; 32],
        now: Timestamp,
        pause: Duration,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE sessions SET last_seen_at = $2 WHERE id_sha256 = $1 AND last_seen_at < $3";
        self.changed(sql, args![id_sha256.as_slice(), now, now - pause]).await
    }

    pub async fn delete_session(&mut self, id: &SessionId) -> Result<bool, StoreError> {
        self.changed("DELETE FROM sessions WHERE id = $1", args![id]).await
    }

    pub async fn delete_session_of_cookie(&mut self, id_sha256: &[u8; 32]) -> Result<bool, StoreError> {
        self.changed("DELETE FROM sessions WHERE id_sha256 = $1", args![id_sha256.as_slice()]).await
    }

    /// Gives the ids of those that were there.
    pub async fn delete_sessions_of_user(&mut self, user: &UserId) -> Result<Vec<SessionId>, StoreError> {
        let sql = "DELETE FROM sessions WHERE user_id = $1 RETURNING id";
        ids(&self.fetch_all(sql, args![user]).await?)
    }

    pub async fn delete_sessions_of_api_key(&mut self, key: &ApiKeyId) -> Result<Vec<SessionId>, StoreError> {
        let sql = "DELETE FROM sessions WHERE api_key_id = $1 RETURNING id";
        ids(&self.fetch_all(sql, args![key]).await?)
    }

    /// Those of one session at the provider.
    pub async fn delete_sessions_of_provider_session(
        &mut self,
        provider: &ProviderId,
        sid: &str,
    ) -> Result<Vec<SessionId>, StoreError> {
        let sql = "DELETE FROM sessions WHERE provider_id = $1 AND provider_session = $2 RETURNING id";
        ids(&self.fetch_all(sql, args![provider, sid]).await?)
    }

    /// All of a provider.
    pub async fn delete_sessions_of_provider(
        &mut self,
        provider: &ProviderId,
    ) -> Result<Vec<SessionId>, StoreError> {
        let sql = "DELETE FROM sessions WHERE provider_id = $1 RETURNING id";
        ids(&self.fetch_all(sql, args![provider]).await?)
    }

    /// Everybody's, but `kept`. Gives how many there were.
    pub async fn delete_all_sessions(&mut self, kept: Option<&SessionId>) -> Result<u64, StoreError> {
        self.execute("DELETE FROM sessions WHERE id <> $1", args![kept.map_or("", SessionId::as_str)]).await
    }

    /// Those past their end at `now`, and those not seen since `idle_since`; at most `limit` of each.
    pub async fn delete_ended_sessions(
        &mut self,
        now: Timestamp,
        idle_since: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let ended = "DELETE FROM sessions WHERE id_sha256 IN \
                     (SELECT id_sha256 FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
        let idle = "DELETE FROM sessions WHERE id_sha256 IN \
                    (SELECT id_sha256 FROM sessions WHERE last_seen_at < $1 ORDER BY last_seen_at LIMIT $2)";
        Ok(self.execute(ended, args![now, i64::from(limit)]).await?
            + self.execute(idle, args![idle_since, i64::from(limit)]).await?)
    }

    /// Remembers what a provider ended (`sid:…` or `sub:…`) until `expires_at`.
    pub async fn note_provider_session_ended(
        &mut self,
        provider: &ProviderId,
        ended: &str,
        ended_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO ended_provider_sessions (provider_id, ended, ended_at, expires_at) \
                   VALUES ($1, $2, $3, $4) ON CONFLICT (provider_id, ended) \
                   DO UPDATE SET ended_at = excluded.ended_at, expires_at = excluded.expires_at";
        self.execute(sql, args![provider, ended, ended_at, expires_at]).await.map(drop)
    }

    /// At most `limit` of those that need not be remembered any more at `now`.
    pub async fn forget_ended_provider_sessions(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let sql = "DELETE FROM ended_provider_sessions WHERE (provider_id, ended) IN \
                   (SELECT provider_id, ended FROM ended_provider_sessions WHERE expires_at <= $1 \
                   ORDER BY expires_at LIMIT $2)";
        self.execute(sql, args![now, i64::from(limit)]).await
    }
}

fn ids(rows: &[Row]) -> Result<Vec<SessionId>, StoreError> {
    rows.iter().map(|row| row.of("sessions").parse("id")).collect()
}

fn session(row: &Row) -> Result<Session, StoreError> {
    let row = row.of("sessions");
    let principal = match (row.parse_opt("user_id")?, row.parse_opt("api_key_id")?) {
        (Some(user), None) => Principal::User(user),
        (None, Some(key)) => Principal::ApiKey(key),
        _ => return Err(row.bad("user_id", &"a session is a user's or an API key's")),
    };
    Ok(Session {
        id: row.parse("id")?,
        id_sha256: sha256(row, "id_sha256")?,
        principal,
        method: row.parse("method")?,
        provider_id: row.parse_opt("provider_id")?,
        provider_session: row.string_opt("provider_session")?,
        client_ip: row.parse_opt("client_ip")?,
        user_agent: row.string_opt("user_agent")?,
        created_at: row.time("created_at")?,
        last_seen_at: row.time("last_seen_at")?,
        expires_at: row.time("expires_at")?,
        data: row.json("data")?,
    })
}

fn signed_in(row: &Row) -> Result<SignedIn, StoreError> {
    let session = session(row)?;
    let record = row.of("sessions");
    let owner = match &session.principal {
        Principal::User(_) => match record.parse_opt("u_id")? {
            Some(id) => Owner::User(Box::new(user(row, id)?), provider(row)?.map(Box::new)),
            None => Owner::Nobody,
        },
        Principal::ApiKey(_) => match record.parse_opt("k_id")? {
            Some(id) => Owner::ApiKey(Box::new(api_key(row, id)?)),
            None => Owner::Nobody,
        },
    };
    Ok(SignedIn { session, owner })
}

fn user(row: &Row, id: UserId) -> Result<User, StoreError> {
    let row = row.of("users");
    Ok(User {
        id,
        provider_id: row.parse("u_provider_id")?,
        subject: row.string("u_subject")?,
        name: row.string("u_name")?,
        email: row.string_opt("u_email")?,
        groups: row.json("u_member_of")?,
        grants: row.json("u_grants")?,
        version: row.int("u_version")?,
        created_at: row.time("u_created_at")?,
        last_sign_in_at: row.time_opt("u_last_sign_in_at")?,
        deactivated_at: row.time_opt("u_deactivated_at")?,
    })
}

fn provider(row: &Row) -> Result<Option<Provider>, StoreError> {
    let row = row.of("oidc_providers");
    let Some(id) = row.parse_opt("p_id")? else { return Ok(None) };
    Ok(Some(Provider {
        id,
        spec: row.json("p_spec")?,
        sealed_client_secret: row.bytes_opt("p_sealed_client_secret")?,
        version: row.int("p_version")?,
        created_at: row.time("p_created_at")?,
        updated_at: row.time("p_updated_at")?,
    }))
}

fn api_key(row: &Row, id: ApiKeyId) -> Result<ApiKey, StoreError> {
    let row = row.of("api_keys");
    Ok(ApiKey {
        id,
        name: row.string("k_name")?,
        sha256: sha256(row, "k_sha256")?,
        grant: Grant { role: row.parse("k_role")?, profiles: row.json("k_profiles")? },
        allowed_networks: row.json("k_allowed_networks")?,
        created_by: row.string("k_created_by")?,
        created_at: row.time("k_created_at")?,
        expires_at: row.time_opt("k_expires_at")?,
        revoked_at: row.time_opt("k_revoked_at")?,
        replaced_by: row.parse_opt("k_replaced_by")?,
        last_used_at: row.time_opt("k_last_used_at")?,
        last_used_from: row.parse_opt("k_last_used_from")?,
    })
}
