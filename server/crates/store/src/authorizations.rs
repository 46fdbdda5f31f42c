use model::{
    AccountId, Authorization, AuthorizationId, ChallengeKind, Identifier, IdentifierKind, OrderId, ProfileId,
    Timestamp,
};

use crate::engine::{Row, Value, args};
use crate::sql::Sql;
use crate::{Reader, StoreError, Tx};

macro_rules! columns {
    () => {
        "id, order_id, account_id, profile_id, identifier_type, identifier_value, wildcard, status, token, offered, \
         source_id, created_at, expires_at, validated_at"
    };
}

impl Reader {
    pub async fn authorization(&mut self, id: &AuthorizationId) -> Result<Option<Authorization>, StoreError> {
        let sql = concat!("SELECT ", columns!(), " FROM authorizations WHERE id = $1");
        self.fetch_optional(sql, args![id]).await?.as_ref().map(authorization).transpose()
    }

    /// In the order of the order's identifiers.
    pub async fn authorizations_of_order(
        &mut self,
        order: &OrderId,
    ) -> Result<Vec<Authorization>, StoreError> {
        let sql =
            concat!("SELECT ", columns!(), " FROM authorizations WHERE order_id = $1 ORDER BY position");
        self.fetch_all(sql, args![order]).await?.iter().map(authorization).collect()
    }

    /// Whether the account has a valid authorization, not yet expired, for each of `identifiers`. A wildcard needs
    /// one for the wildcard: the authorization of a name says nothing about other names (RFC 8555 §7.1.3).
    pub async fn holds_authorizations(
        &mut self,
        account: &AccountId,
        identifiers: &[Identifier],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        for some in identifiers.chunks(50) {
            let mut sql = Sql::new("SELECT 1");
            for identifier in some {
                let (value, wildcard) = stored(identifier);
                sql.and("EXISTS (SELECT 1 FROM authorizations WHERE status = 'valid' AND account_id = ")
                    .bind(account)
                    .push(" AND identifier_value = ")
                    .bind(value)
                    .push(" AND expires_at > ")
                    .bind(now)
                    .push(" AND identifier_type = ")
                    .bind(identifier.kind())
                    .push(" AND wildcard = ")
                    .bind(wildcard)
                    .push(")");
            }
            if self.run(sql.once()).await?.rows.is_empty() {
                return Ok(false);
            }
        }
        Ok(!identifiers.is_empty())
    }

    /// The account's authorizations under the profile that a challenge made valid, that expire after `beyond`, and
    /// that may serve a new order for some of `identifiers`: those without an order of their own, and those that were
    /// validated after `validated_after`. Those first that expire last.
    pub async fn reusable_authorizations(
        &mut self,
        account: &AccountId,
        profile: &ProfileId,
        identifiers: &[Identifier],
        validated_after: Timestamp,
        beyond: Timestamp,
    ) -> Result<Vec<Authorization>, StoreError> {
        let mut sql = Sql::new(concat!("SELECT ", columns!(), " FROM authorizations"));
        sql.and("status = 'valid'").and("offered IS NOT NULL");
        sql.and("account_id = ").bind(account);
        sql.and("profile_id = ").bind(profile);
        sql.and("identifier_value IN (");
        for (i, identifier) in identifiers.iter().enumerate() {
            sql.push(if i == 0 { "" } else { ", " }).bind(stored(identifier).0);
        }
        sql.push(")");
        sql.and("expires_at > ").bind(beyond);
        sql.and("(order_id IS NULL OR validated_at > ").bind(validated_after).push(")");
        sql.push(" ORDER BY expires_at DESC");
        let statement = if identifiers.len() <= 2 { sql.repeated() } else { sql.once() };
        self.run(statement).await?.rows.iter().map(authorization).collect()
    }
}

impl Tx {
    /// One statement for all authorizations of an order, in the order of its identifiers.
    pub(crate) async fn insert_authorizations(
        &mut self,
        authorizations: &[Authorization],
    ) -> Result<(), StoreError> {
        let rows = (0..).zip(authorizations).map(values).collect::<Result<_, _>>()?;
        let head = concat!("INSERT INTO authorizations (", columns!(), ", position) VALUES");
        self.insert_rows(head, rows, "").await
    }

    /// One that stands without an order.
    pub async fn insert_authorization(&mut self, authorization: &Authorization) -> Result<(), StoreError> {
        self.insert_authorizations(std::slice::from_ref(authorization)).await
    }

    /// Whether all of these are valid and not expired. Until this transaction ends, nobody can deactivate them.
    pub async fn hold_valid_authorizations(
        &mut self,
        ids: &[AuthorizationId],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut sql = Sql::new("UPDATE authorizations SET status = status");
        sql.and("status = 'valid'").and("expires_at > ").bind(now).and("id IN (");
        for (i, id) in ids.iter().enumerate() {
            sql.push(if i == 0 { "" } else { ", " }).bind(id);
        }
        sql.push(")");
        Ok(self.run(sql.once()).await?.changed == ids.len() as u64)
    }

    /// `pending` → `valid` by a validation; `false` when it is not pending (any more), has expired, or its account is
    /// not valid. `expires_at`: from when on it serves nobody.
    pub async fn validate_authorization(
        &mut self,
        id: &AuthorizationId,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changed(
            "UPDATE authorizations SET status = 'valid', validated_at = $3, expires_at = $2 \
             WHERE id = $1 AND status = 'pending' AND expires_at > $3 AND EXISTS \
             (SELECT 1 FROM accounts WHERE accounts.id = authorizations.account_id AND accounts.status = 'valid')",
            args![id, expires_at, now],
        )
        .await
    }

    /// `pending` → `invalid` by a validation; `false` as for [`Self::validate_authorization`].
    pub async fn invalidate_authorization(
        &mut self,
        id: &AuthorizationId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changed(
            "UPDATE authorizations SET status = 'invalid' \
             WHERE id = $1 AND status = 'pending' AND expires_at > $2 AND EXISTS \
             (SELECT 1 FROM accounts WHERE accounts.id = authorizations.account_id AND accounts.status = 'valid')",
            args![id, now],
        )
        .await
    }

    /// `pending` or `valid`, and not expired → `deactivated`; else `false`.
    pub async fn deactivate_authorization(
        &mut self,
        id: &AuthorizationId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE authorizations SET status = 'deactivated' \
                   WHERE id = $1 AND status IN ('pending', 'valid') AND expires_at > $2";
        self.changed(sql, args![id, now]).await
    }

    /// The same for all authorizations that this one made valid. Returns the orders that they belong to; those that
    /// newAuthz made belong to none. To be called after [`Self::deactivate_authorization`], which waits for transactions
    /// that are making more of them.
    pub async fn deactivate_authorizations_made_by(
        &mut self,
        source: &AuthorizationId,
        now: Timestamp,
    ) -> Result<Vec<OrderId>, StoreError> {
        let sql = "UPDATE authorizations SET status = 'deactivated' \
                   WHERE source_id = $1 AND status = 'valid' AND expires_at > $2 RETURNING order_id";
        let rows = self.fetch_all(sql, args![source, now]).await?;
        let orders = rows.iter().filter_map(|row| row.of("authorizations").parse_opt("order_id").transpose());
        orders.collect()
    }

    /// Deletes authorizations without an order that expired before `expired_before`, and what hangs on them; at most
    /// `limit`. Returns how many.
    pub async fn delete_lone_authorizations(
        &mut self,
        expired_before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let sql = "DELETE FROM authorizations WHERE id IN (SELECT id FROM authorizations \
                   WHERE order_id IS NULL AND expires_at < $1 ORDER BY expires_at LIMIT $2) RETURNING id";
        let rows = self.fetch_all(sql, args![expired_before, i64::from(limit)]).await?;
        let ids: Vec<AuthorizationId> =
            rows.iter().map(|row| row.of("authorizations").parse("id")).collect::<Result<_, _>>()?;
        self.delete_challenges_of(&ids).await?;
        Ok(ids.len() as u64)
    }

    /// Deletes the authorizations of `orders`, and what hangs on them.
    pub(crate) async fn delete_authorizations_of(&mut self, orders: &[OrderId]) -> Result<(), StoreError> {
        for some in orders.chunks(500) {
            let mut sql = Sql::new("DELETE FROM authorizations");
            sql.and("order_id").push(" IN (");
            for (i, id) in some.iter().enumerate() {
                sql.push(if i == 0 { "" } else { ", " }).bind(id);
            }
            // One that was born valid has no challenges.
            sql.push(") RETURNING id, offered");
            let rows = self.run(sql.once()).await?.rows;
            let challenged =
                |row: &Row| match row.of("authorizations").json_opt::<Vec<ChallengeKind>>("offered") {
                    Ok(None) => None,
                    Ok(Some(_)) => Some(row.of("authorizations").parse("id")),
                    Err(e) => Some(Err(e)),
                };
            let ids: Vec<AuthorizationId> = rows.iter().filter_map(challenged).collect::<Result<_, _>>()?;
            self.delete_challenges_of(&ids).await?;
        }
        Ok(())
    }

    async fn delete_challenges_of(&mut self, authorizations: &[AuthorizationId]) -> Result<(), StoreError> {
        for table in ["DELETE FROM validation_attempts", "DELETE FROM challenges"] {
            for some in authorizations.chunks(500) {
                let mut sql = Sql::new(table);
                sql.and("authorization_id").push(" IN (");
                for (i, id) in some.iter().enumerate() {
                    sql.push(if i == 0 { "" } else { ", " }).bind(id);
                }
                sql.push(")");
                self.run(sql.once()).await?;
            }
        }
        Ok(())
    }
}

fn values((position, a): (i64, &Authorization)) -> Result<[Value; 15], StoreError> {
    Ok([
        Value::from(&a.id),
        Value::from(&a.order_id),
        Value::from(&a.account_id),
        Value::from(&a.profile_id),
        Value::from(a.identifier.kind()),
        Value::from(a.identifier.value()),
        Value::from(a.wildcard),
        Value::from(a.status),
        Value::from(&a.token),
        Value::json_opt(a.offered.as_ref())?,
        Value::from(&a.source_id),
        Value::from(a.created_at),
        Value::from(a.expires_at),
        Value::from(a.validated_at),
        Value::from(position),
    ])
}

/// How an authorization stores the identifier: the name without `*.`, and whether that was there.
fn stored(identifier: &Identifier) -> (String, bool) {
    match identifier {
        Identifier::Dns(name) => (name.base().to_owned(), name.is_wildcard()),
        Identifier::Ip(ip) => (ip.to_string(), false),
    }
}

fn authorization(row: &Row) -> Result<Authorization, StoreError> {
    let row = row.of("authorizations");
    let kind: IdentifierKind = row.parse("identifier_type")?;
    let identifier = Identifier::parse(kind, row.text("identifier_value")?);
    Ok(Authorization {
        id: row.parse("id")?,
        order_id: row.parse_opt("order_id")?,
        account_id: row.parse("account_id")?,
        profile_id: row.parse("profile_id")?,
        identifier: identifier.map_err(|e| row.bad("identifier_value", &e))?,
        wildcard: row.bool("wildcard")?,
        status: row.parse("status")?,
        token: row.string("token")?,
        offered: row.json_opt("offered")?,
        source_id: row.parse_opt("source_id")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        validated_at: row.time_opt("validated_at")?,
    })
}
