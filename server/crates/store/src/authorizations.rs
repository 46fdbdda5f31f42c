use model::{AccountId, Authorization, AuthorizationId, Identifier, IdentifierKind, OrderId, Timestamp};

use crate::engine::{Row, Value, args};
use crate::sql::Sql;
use crate::{Reader, StoreError, Tx};

macro_rules! columns {
    () => {
        "id, order_id, account_id, identifier_type, identifier_value, wildcard, status, token, created_at, \
         expires_at, validated_at"
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
}

impl Tx {
    /// One statement for all authorizations of an order, in the order of its identifiers.
    pub(crate) async fn insert_authorizations(
        &mut self,
        authorizations: &[Authorization],
    ) -> Result<(), StoreError> {
        let rows = (0..).zip(authorizations).map(values).collect();
        let head = concat!("INSERT INTO authorizations (", columns!(), ", position) VALUES");
        self.insert_rows(head, rows, "").await
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
}

fn values((position, a): (i64, &Authorization)) -> [Value; 12] {
    [
        Value::from(&a.id),
        Value::from(&a.order_id),
        Value::from(&a.account_id),
        Value::from(a.identifier.kind()),
        Value::from(a.identifier.value()),
        Value::from(a.wildcard),
        Value::from(a.status),
        Value::from(&a.token),
        Value::from(a.created_at),
        Value::from(a.expires_at),
        Value::from(a.validated_at),
        Value::from(position),
    ]
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
        order_id: row.parse("order_id")?,
        account_id: row.parse("account_id")?,
        identifier: identifier.map_err(|e| row.bad("identifier_value", &e))?,
        wildcard: row.bool("wildcard")?,
        status: row.parse("status")?,
        token: row.string("token")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        validated_at: row.time_opt("validated_at")?,
    })
}
