use model::{
    AccountId, CertificateId, NewOrder, Order, OrderFilter, OrderId, OrderStatus, Page, PageRequest,
    ProfileId, StoredProblem, Timestamp,
};

use crate::engine::{Row, Value, args};
use crate::list::{Along, Condition, List};
use crate::names::{has_name_part, labels};
use crate::sql::{Direction, Sql, id_at};
use crate::{Reader, StoreError, Tx};

macro_rules! columns {
    () => {
        "id, account_id, profile_id, status, identifiers, authorization_ids, not_before, not_after, error, \
         csr_sha256, certificate_id, created_at, expires_at, updated_at, replaces"
    };
}

/// The states from which an order can still become `valid`.
macro_rules! open {
    () => {
        "status IN ('pending', 'ready', 'processing')"
    };
}

/// In the words of the index `orders_to_expire`, without which SQLite does not take it.
macro_rules! waiting {
    () => {
        "(status = 'pending' OR status = 'ready')"
    };
}

impl Reader {
    pub async fn order(&mut self, id: &OrderId) -> Result<Option<Order>, StoreError> {
        let sql = concat!("SELECT ", columns!(), " FROM orders WHERE id = $1");
        self.fetch_optional(sql, args![id]).await?.as_ref().map(order).transpose()
    }

    /// Newest first.
    pub async fn orders(&mut self, filter: &OrderFilter) -> Result<Page<Order>, StoreError> {
        let mut list = list_of(filter);
        let Some(part) = &filter.name_part else {
            return self.page_of(&list, &filter.page, order).await;
        };
        list.compare(has_name_part(labels!("identifiers"), part));
        let Some(names) = self.names_with(part).await? else {
            return self.page_of(&list, &filter.page, order).await;
        };
        if names.is_empty() {
            return Ok(Page { items: Vec::new(), next: None });
        }
        // Authorizations have the names without `*.`; the list compares the whole.
        let names = names.iter().map(|name| name.strip_prefix("*.").unwrap_or(name));
        let mut sql = Sql::new("SELECT order_id AS id FROM authorizations");
        Condition::any_of("identifier_value IN (", names).add_to(&mut sql);
        sql.and("order_id IS NOT NULL");
        match self.candidates(sql).await? {
            Some(ids) => self.page_among(&list, ids, &filter.page, order).await,
            None => self.page_of(&list, &filter.page, order).await,
        }
    }

    /// The account's orders but the invalid ones (RFC 8555 §7.1.2.1), newest first.
    pub async fn order_ids_of_account(
        &mut self,
        account: &AccountId,
        page: &PageRequest,
    ) -> Result<Page<OrderId>, StoreError> {
        let mut sql = Sql::new("SELECT id FROM orders");
        sql.and("account_id = ").bind(account);
        sql.and("status <> 'invalid'");
        self.page(sql, "id", Direction::NewestFirst, page, order_id, OrderId::to_string).await
    }

    /// How many orders are `pending`, `ready` and `processing`; states without orders are left out.
    pub async fn open_order_counts(&mut self) -> Result<Vec<(OrderStatus, i64)>, StoreError> {
        let sql = concat!("SELECT status, COUNT(*) AS n FROM orders WHERE ", open!(), " GROUP BY status");
        let rows = self.fetch_all(sql, args![]).await?;
        rows.iter().map(|row| Ok((row.of("orders").parse("status")?, row.of("orders").int("n")?))).collect()
    }

    /// How many orders of the account are `pending`; counts up to `most`.
    pub async fn count_pending_orders(&mut self, account: &AccountId, most: u32) -> Result<i64, StoreError> {
        let sql = "SELECT COUNT(*) AS n FROM \
                   (SELECT 1 FROM orders WHERE account_id = $1 AND status = 'pending' LIMIT $2) AS counted";
        let row = self.fetch_optional(sql, args![account, i64::from(most)]).await?;
        row.map_or(Ok(0), |row| row.of("orders").int("n"))
    }

    pub async fn count_open_orders_of_profile(&mut self, profile: &ProfileId) -> Result<i64, StoreError> {
        // Open orders are few, ended orders of a profile may be many: `|| ''` keeps off the index of profiles.
        let sql = concat!("SELECT COUNT(*) AS n FROM orders WHERE ", open!(), " AND profile_id || '' = $1");
        let row = self.fetch_optional(sql, args![profile]).await?;
        row.map_or(Ok(0), |row| row.of("orders").int("n"))
    }
}

impl Tx {
    pub async fn insert_order(&mut self, new: &NewOrder) -> Result<(), StoreError> {
        let o = &new.order;
        self.execute(
            concat!(
                "INSERT INTO orders (",
                columns!(),
                ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
            ),
            args![
                &o.id,
                &o.account_id,
                &o.profile_id,
                o.status,
                Value::json(&o.identifiers)?,
                Value::json(&o.authorization_ids)?,
                o.not_before,
                o.not_after,
                Value::json_opt(o.error.as_ref())?,
                &o.csr_sha256,
                &o.certificate_id,
                o.created_at,
                o.expires_at,
                o.updated_at,
                &o.replaces,
            ],
        )
        .await?;
        self.insert_authorizations(&new.authorizations).await?;
        self.put_names(&o.identifiers).await
    }

    /// Lets no other transaction change the order until this one ends. Two validations that end at the same time
    /// would otherwise each find the other's authorization pending, and nobody would make the order ready. Always the
    /// first of an order's rows to be taken, so that two transactions cannot wait for each other.
    pub async fn lock_order(&mut self, id: &OrderId) -> Result<(), StoreError> {
        self.execute("UPDATE orders SET status = status WHERE id = $1", args![id]).await.map(drop)
    }

    /// `pending` → `ready` when all its authorizations are valid; else `false`. For an order with several
    /// authorizations, [`Self::lock_order`] comes before any of them is changed.
    pub async fn ready_order(&mut self, id: &OrderId, now: Timestamp) -> Result<bool, StoreError> {
        self.changed(
            "UPDATE orders SET status = 'ready', updated_at = $2 \
             WHERE id = $1 AND status = 'pending' AND expires_at > $2 \
             AND NOT EXISTS (SELECT 1 FROM authorizations a WHERE a.order_id = $1 AND a.status <> 'valid')",
            args![id, now],
        )
        .await
    }

    /// `ready` → `processing`, for whoever calls itself `claim` and brought the CSR; `false` when the order was not
    /// ready, had expired, or its account is not valid (any more). Of several callers one gets `true`.
    pub async fn claim_order(
        &mut self,
        id: &OrderId,
        csr_sha256: &str,
        claim: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changed(
            "UPDATE orders SET status = 'processing', csr_sha256 = $2, claim = $3, updated_at = $4 \
             WHERE id = $1 AND status = 'ready' AND expires_at > $4 AND EXISTS \
             (SELECT 1 FROM accounts WHERE accounts.id = orders.account_id AND accounts.status = 'valid')",
            args![id, csr_sha256, claim, now],
        )
        .await
    }

    /// `processing` → `valid`; `false` when the order is not in the hands of `claim`.
    pub async fn complete_order(
        &mut self,
        id: &OrderId,
        claim: &str,
        certificate: &CertificateId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changed(
            "UPDATE orders SET status = 'valid', claim = NULL, certificate_id = $3, updated_at = $4 \
             WHERE id = $1 AND status = 'processing' AND claim = $2",
            args![id, claim, certificate, now],
        )
        .await
    }

    /// `processing` → `ready`; `false` when the order is not in the hands of `claim`.
    pub async fn release_order(
        &mut self,
        id: &OrderId,
        claim: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changed(
            "UPDATE orders SET status = 'ready', claim = NULL, csr_sha256 = NULL, updated_at = $3 \
             WHERE id = $1 AND status = 'processing' AND claim = $2",
            args![id, claim, now],
        )
        .await
    }

    /// `from` → `invalid`; `false` when the order was not in `from`.
    pub async fn fail_order(
        &mut self,
        id: &OrderId,
        from: OrderStatus,
        error: &StoredProblem,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changed(
            "UPDATE orders SET status = 'invalid', claim = NULL, error = $3, updated_at = $4 \
             WHERE id = $1 AND status = $2",
            args![id, from, Value::json(error)?, now],
        )
        .await
    }

    /// `pending`, `ready` or `processing` → `invalid`; `false` when it was none of these.
    pub async fn invalidate_order_if_open(
        &mut self,
        id: &OrderId,
        error: &StoredProblem,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = concat!(
            "UPDATE orders SET status = 'invalid', claim = NULL, error = $2, updated_at = $3 WHERE id = $1 AND ",
            open!()
        );
        self.changed(sql, args![id, Value::json(error)?, now]).await
    }

    /// `pending`, `ready` or `processing` → `invalid` for all orders of the account. Returns those.
    pub async fn invalidate_open_orders(
        &mut self,
        account: &AccountId,
        error: &StoredProblem,
        now: Timestamp,
    ) -> Result<Vec<OrderId>, StoreError> {
        // `|| ''` as in `count_open_orders_of_profile`.
        let sql = concat!(
            "UPDATE orders SET status = 'invalid', claim = NULL, error = $2, updated_at = $3 WHERE ",
            open!(),
            " AND account_id || '' = $1 RETURNING id"
        );
        self.order_ids(sql, args![account, Value::json(error)?, now]).await
    }

    /// `processing` → `ready` for orders that have not changed since `processing_since_before`: whoever had them is
    /// gone. At most `limit` of them, the oldest first. Returns those.
    pub async fn release_stale_orders(
        &mut self,
        processing_since_before: Timestamp,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<OrderId>, StoreError> {
        // The conditions stand twice because another replica may have been faster than this statement.
        self.order_ids(
            "UPDATE orders SET status = 'ready', claim = NULL, csr_sha256 = NULL, updated_at = $2 \
             WHERE status = 'processing' AND updated_at < $1 AND id IN \
             (SELECT id FROM orders WHERE status = 'processing' AND updated_at < $1 ORDER BY id LIMIT $3) \
             RETURNING id",
            args![processing_since_before, now, i64::from(limit)],
        )
        .await
    }

    /// `pending` or `ready` → `invalid` for orders that have expired (RFC 8555 §7.1.6), at most `limit` of them.
    /// Returns those.
    pub async fn expire_orders(&mut self, now: Timestamp, limit: u32) -> Result<Vec<OrderId>, StoreError> {
        let sql = concat!(
            "UPDATE orders SET status = 'invalid', updated_at = $1 WHERE ",
            waiting!(),
            " AND id IN (SELECT id FROM orders WHERE ",
            waiting!(),
            " AND expires_at <= $1 ORDER BY expires_at LIMIT $2) RETURNING id"
        );
        self.order_ids(sql, args![now, i64::from(limit)]).await
    }

    /// Deletes orders, and their authorizations, that ended before `ended_before` and whose authorizations had
    /// expired by then; at most `limit` orders. Certificates stay. Returns how many orders.
    pub async fn delete_orders(&mut self, ended_before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut deleted = Vec::new();
        for status in ["valid", "invalid"] {
            let rest = i64::from(limit) - i64::try_from(deleted.len()).unwrap_or(i64::MAX);
            // An order is not made after it ends, so that the ids bound the search.
            let ids = self
                .order_ids(
                    "DELETE FROM orders WHERE id IN \
                     (SELECT o.id FROM orders o WHERE o.status = $1 AND o.id < $2 AND o.updated_at < $3 \
                     AND NOT EXISTS (SELECT 1 FROM authorizations a WHERE a.order_id = o.id AND a.expires_at >= $3) \
                     ORDER BY o.id LIMIT $4) RETURNING id",
                    args![status, id_at(OrderId::PREFIX, ended_before), ended_before, rest.max(0)],
                )
                .await?;
            deleted.extend(ids);
        }
        self.delete_authorizations_of(&deleted).await?;
        Ok(deleted.len() as u64)
    }

    async fn order_ids(&mut self, sql: &'static str, args: Vec<Value>) -> Result<Vec<OrderId>, StoreError> {
        self.fetch_all(sql, args).await?.iter().map(order_id).collect()
    }
}

/// One column drives, by an index that gives the rows in the order of ids; `|| ''` keeps an engine that knows no
/// statistics from taking another.
fn list_of(filter: &OrderFilter) -> List {
    let mut list = List::new(columns!(), "orders", Along::newest_first("id"));
    // Open orders are few beside the ended ones of an account or a profile.
    let open = filter.status.is_some_and(|s| !matches!(s, OrderStatus::Valid | OrderStatus::Invalid));
    let status = ("status = ", "status || '' = ", filter.status.map(Value::from));
    let account = ("account_id = ", "account_id || '' = ", filter.account_id.as_ref().map(Value::from));
    let profile = ("profile_id = ", "profile_id || '' = ", filter.profile_id.as_ref().map(Value::from));
    let by_turns = if open { [status, account, profile] } else { [account, profile, status] };
    let mut driven = false;
    for (by_index, by_row, value) in by_turns {
        let Some(value) = value else { continue };
        match driven {
            true => list.compare(Condition::of(by_row, value)),
            false => list.drive(Condition::of(by_index, value)),
        }
        driven = true;
    }
    // Ids begin with the time.
    for (along, time) in [("id >= ", filter.created_after), ("id < ", filter.created_before)] {
        if let Some(time) = time {
            list.drive(Condition::of(along, id_at(OrderId::PREFIX, time)));
        }
    }
    list
}

fn order_id(row: &Row) -> Result<OrderId, StoreError> {
    row.of("orders").parse("id")
}

fn order(row: &Row) -> Result<Order, StoreError> {
    let row = row.of("orders");
    Ok(Order {
        id: row.parse("id")?,
        account_id: row.parse("account_id")?,
        profile_id: row.parse("profile_id")?,
        status: row.parse("status")?,
        identifiers: row.json("identifiers")?,
        authorization_ids: row.json("authorization_ids")?,
        not_before: row.time_opt("not_before")?,
        not_after: row.time_opt("not_after")?,
        error: row.json_opt("error")?,
        csr_sha256: row.string_opt("csr_sha256")?,
        certificate_id: row.parse_opt("certificate_id")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        updated_at: row.time("updated_at")?,
        replaces: row.string_opt("replaces")?,
    })
}
