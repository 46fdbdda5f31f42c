use model::{Page, PageRequest, Password, ProviderId, Timestamp, User, UserFilter, UserId};

use crate::engine::{Row, Value, args};
use crate::sql::{Direction, Sql};
use crate::{Reader, StoreError, Tx};

macro_rules! columns {
    () => {
        "id, provider_id, subject, name, email, member_of, grants, version, created_at, last_sign_in_at, \
         deactivated_at"
    };
}

impl Reader {
    pub async fn user(&mut self, id: &UserId) -> Result<Option<User>, StoreError> {
        let sql = concat!("SELECT ", columns!(), " FROM users WHERE id = $1");
        self.fetch_optional(sql, args![id]).await?.as_ref().map(user).transpose()
    }

    pub async fn user_by_subject(
        &mut self,
        provider: &ProviderId,
        subject: &str,
    ) -> Result<Option<User>, StoreError> {
        let sql = concat!("SELECT ", columns!(), " FROM users WHERE provider_id = $1 AND subject = $2");
        self.fetch_optional(sql, args![provider, subject]).await?.as_ref().map(user).transpose()
    }

    /// Those of `ids` that exist.
    pub async fn users_by_ids(&mut self, ids: &[UserId]) -> Result<Vec<User>, StoreError> {
        let sql = Sql::new(concat!("SELECT ", columns!(), " FROM users"));
        self.by_ids(sql, ids, user).await
    }

    /// Newest first.
    pub async fn users(&mut self, filter: &UserFilter) -> Result<Page<User>, StoreError> {
        let mut sql = Sql::new(concat!("SELECT ", columns!(), " FROM users"));
        sql.and_opt("provider_id = ", filter.provider_id.as_ref());
        self.page(sql, "id", Direction::NewestFirst, &filter.page, user, |u| u.id.to_string()).await
    }

    /// Those who were given roles here, the deactivated ones too; newest first.
    pub async fn users_with_grants(&mut self, page: &PageRequest) -> Result<Page<User>, StoreError> {
        let mut sql = Sql::new(concat!("SELECT ", columns!(), " FROM users"));
        sql.and("grants <> '[]'");
        self.page(sql, "id", Direction::NewestFirst, page, user, |u| u.id.to_string()).await
    }

    /// A local user by the name that they sign in with, and their password.
    pub async fn password_by_name(&mut self, name: &str) -> Result<Option<(User, Password)>, StoreError> {
        let sql = "SELECT u.id, u.provider_id, u.subject, u.name, u.email, u.member_of, u.grants, u.version, \
                   u.created_at, u.last_sign_in_at, u.deactivated_at, p.user_id, p.hash, p.failures, \
                   p.locked_until, p.changed_at, p.last_used_at \
                   FROM users u JOIN passwords p ON p.user_id = u.id WHERE u.provider_id = $1 AND u.subject = $2";
        let row = self.fetch_optional(sql, args![&ProviderId::local(), name]).await?;
        row.map(|row| Ok((user(&row)?, password(&row)?))).transpose()
    }

    /// Who used a password last, and when, if that was after `since`.
    pub async fn password_used_since(
        &mut self,
        since: Timestamp,
    ) -> Result<Option<(UserId, Timestamp)>, StoreError> {
        let sql = "SELECT user_id, last_used_at FROM passwords WHERE last_used_at > $1 \
                   ORDER BY last_used_at DESC LIMIT 1";
        let row = self.fetch_optional(sql, args![since]).await?;
        row.map(|row| {
            let row = row.of("passwords");
            Ok((row.parse("user_id")?, row.time("last_used_at")?))
        })
        .transpose()
    }

    /// Whom the link would sign in.
    pub async fn login_link(
        &mut self,
        token_sha256: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<UserId>, StoreError> {
        let sql = "SELECT user_id FROM login_links WHERE token_sha256 = $1 AND expires_at > $2";
        let row = self.fetch_optional(sql, args![token_sha256.as_slice(), now]).await?;
        row.map(|row| row.of("login_links").parse("user_id")).transpose()
    }

    /// Everybody who has a password, by user; at most `limit`.
    pub async fn passwords(&mut self, limit: u32) -> Result<Vec<(User, Password)>, StoreError> {
        let sql = "SELECT u.id, u.provider_id, u.subject, u.name, u.email, u.member_of, u.grants, u.version, \
                   u.created_at, u.last_sign_in_at, u.deactivated_at, p.user_id, p.hash, p.failures, \
                   p.locked_until, p.changed_at, p.last_used_at \
                   FROM passwords p JOIN users u ON u.id = p.user_id ORDER BY p.user_id LIMIT $1";
        let rows = self.fetch_all(sql, args![i64::from(limit)]).await?;
        rows.iter().map(|row| Ok((user(row)?, password(row)?))).collect()
    }

    pub async fn password(&mut self, user: &UserId) -> Result<Option<Password>, StoreError> {
        let sql = "SELECT user_id, hash, failures, locked_until, changed_at, last_used_at FROM passwords \
                   WHERE user_id = $1";
        self.fetch_optional(sql, args![user]).await?.as_ref().map(password).transpose()
    }
}

impl Tx {
    pub async fn insert_user(&mut self, user: &User) -> Result<(), StoreError> {
        self.execute(
            concat!(
                "INSERT INTO users (",
                columns!(),
                ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
            ),
            args![
                &user.id,
                &user.provider_id,
                &user.subject,
                &user.name,
                &user.email,
                Value::json(&user.groups)?,
                Value::json(&user.grants)?,
                user.version,
                user.created_at,
                user.last_sign_in_at,
                user.deactivated_at,
            ],
        )
        .await
        .map(drop)
    }

    /// What administrators decide of a user; `false` when the stored version is not `expected`.
    pub async fn replace_user(&mut self, user: &User, expected: i64) -> Result<bool, StoreError> {
        let sql = "UPDATE users SET grants = $3, deactivated_at = $4, version = $5 \
                   WHERE id = $1 AND version = $2";
        let grants = Value::json(&user.grants)?;
        self.changed(sql, args![&user.id, expected, grants, user.deactivated_at, user.version]).await
    }

    /// What the provider said of a user who signs in at `now`; `false` when they are deactivated.
    pub async fn note_sign_in(
        &mut self,
        id: &UserId,
        name: &str,
        email: Option<&str>,
        groups: &[String],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE users SET name = $2, email = $3, member_of = $4, last_sign_in_at = $5 \
                   WHERE id = $1 AND deactivated_at IS NULL";
        self.changed(sql, args![id, name, email, Value::json(groups)?, now]).await
    }

    /// Sets a password, in place of an older one; forgets failures and locks.
    pub async fn put_password(
        &mut self,
        user: &UserId,
        hash: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO passwords (user_id, hash, failures, changed_at) VALUES ($1, $2, 0, $3) \
                   ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, failures = 0, \
                   locked_until = NULL, changed_at = excluded.changed_at";
        self.execute(sql, args![user, hash, now]).await.map(drop)
    }

    pub async fn delete_password(&mut self, user: &UserId) -> Result<bool, StoreError> {
        self.changed("DELETE FROM passwords WHERE user_id = $1", args![user]).await
    }

    /// Counts one more wrong password and gives how many there are now.
    pub async fn note_password_failure(&mut self, user: &UserId) -> Result<i64, StoreError> {
        let sql = "UPDATE passwords SET failures = failures + 1 WHERE user_id = $1 RETURNING failures";
        let row = self.fetch_optional(sql, args![user]).await?;
        row.map_or(Ok(0), |row| row.of("passwords").int("failures"))
    }

    pub async fn lock_password(&mut self, user: &UserId, until: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE passwords SET locked_until = $2 WHERE user_id = $1";
        self.execute(sql, args![user, until]).await.map(drop)
    }

    /// Notes a right password; `false` when it is locked or was changed since `hash` was read.
    pub async fn note_password_use(
        &mut self,
        user: &UserId,
        hash: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE passwords SET failures = 0, locked_until = NULL, last_used_at = $3 \
                   WHERE user_id = $1 AND hash = $2 AND (locked_until IS NULL OR locked_until <= $3)";
        self.changed(sql, args![user, hash, now]).await
    }

    pub async fn insert_login_link(
        &mut self,
        token_sha256: &[u8; 32],
        user: &UserId,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO login_links (token_sha256, user_id, expires_at) VALUES ($1, $2, $3)";
        self.execute(sql, args![token_sha256.as_slice(), user, expires_at]).await.map(drop)
    }

    /// Whom the link signs in, once: it is gone afterwards.
    pub async fn take_login_link(
        &mut self,
        token_sha256: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<UserId>, StoreError> {
        let sql = "DELETE FROM login_links WHERE token_sha256 = $1 AND expires_at > $2 RETURNING user_id";
        let row = self.fetch_optional(sql, args![token_sha256.as_slice(), now]).await?;
        row.map(|row| row.of("login_links").parse("user_id")).transpose()
    }

    /// At most `limit` of those past their end at `now`.
    pub async fn delete_expired_login_links(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let sql = "DELETE FROM login_links WHERE token_sha256 IN \
                   (SELECT token_sha256 FROM login_links WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
        self.execute(sql, args![now, i64::from(limit)]).await
    }
}

fn user(row: &Row) -> Result<User, StoreError> {
    let row = row.of("users");
    Ok(User {
        id: row.parse("id")?,
        provider_id: row.parse("provider_id")?,
        subject: row.string("subject")?,
        name: row.string("name")?,
        email: row.string_opt("email")?,
        groups: row.json("member_of")?,
        grants: row.json("grants")?,
        version: row.int("version")?,
        created_at: row.time("created_at")?,
        last_sign_in_at: row.time_opt("last_sign_in_at")?,
        deactivated_at: row.time_opt("deactivated_at")?,
    })
}

fn password(row: &Row) -> Result<Password, StoreError> {
    let row = row.of("passwords");
    Ok(Password {
        user_id: row.parse("user_id")?,
        hash: row.string("hash")?,
        failures: row.int("failures")?,
        locked_until: row.time_opt("locked_until")?,
        changed_at: row.time("changed_at")?,
        last_used_at: row.time_opt("last_used_at")?,
    })
}
