use model::{
    Certificate, CertificateFilter, CertificateId, CertificateOrder, CertificateState, CertificateSummary,
    Identifier, OrderId, Page, ProfileId, RenewalDemand, Revocation, RevocationReason, Timestamp,
};

use crate::engine::{Row, Value, args};
use crate::list::{Along, Condition, List};
use crate::names::{has_name_part, labels};
use crate::sql::{Direction, Sql, id_at};
use crate::{Reader, StoreError, Tx, framing};

/// Of a [`CertificateSummary`], for a table called `c`.
macro_rules! columns {
    () => {
        "c.id, c.serial, c.issuer_id, c.profile_id, c.account_id, c.order_id, c.common_name, c.identifiers, \
         c.key_type, c.sha256, c.not_before, c.not_after, c.created_at, c.revoked_at, c.revocation_reason, \
         c.renew_since, c.renew_reason, c.renew_url, c.replaced_by"
    };
}

/// Of a [`Certificate`].
macro_rules! all_columns {
    () => {
        concat!(columns!(), ", c.chain_id, c.der, c.replaced_by_order")
    };
}

impl Reader {
    pub async fn certificate(&mut self, id: &CertificateId) -> Result<Option<Certificate>, StoreError> {
        let sql = concat!("SELECT ", all_columns!(), " FROM certificates c WHERE c.id = $1");
        self.fetch_optional(sql, args![id]).await?.as_ref().map(certificate).transpose()
    }

    /// By the SHA-256 of the DER encoding, in hexadecimal.
    pub async fn certificate_by_sha256(&mut self, sha256: &str) -> Result<Option<Certificate>, StoreError> {
        let Ok(sha256) = hex::decode(sha256) else {
            return Ok(None);
        };
        let sql = concat!("SELECT ", all_columns!(), " FROM certificates c WHERE c.sha256 = $1");
        self.fetch_optional(sql, args![sha256]).await?.as_ref().map(certificate).transpose()
    }

    /// By the serial number's octets in lower-case hexadecimal.
    pub async fn certificate_by_serial(&mut self, serial: &str) -> Result<Option<Certificate>, StoreError> {
        let sql = concat!("SELECT ", all_columns!(), " FROM certificates c WHERE c.serial = $1");
        self.fetch_optional(sql, args![serial]).await?.as_ref().map(certificate).transpose()
    }

    /// In the order of [`CertificateFilter::order`]. `now` decides which are expired.
    pub async fn certificates(
        &mut self,
        filter: &CertificateFilter,
        now: Timestamp,
    ) -> Result<Page<CertificateSummary>, StoreError> {
        let nothing = Page { items: Vec::new(), next: None };
        let names = match &filter.name_part {
            None => None,
            Some(part) => self.names_with(part).await?,
        };
        if names.as_ref().is_some_and(Vec::is_empty) {
            return Ok(nothing);
        }
        let Some(Wanted { mut list, candidates }) = Wanted::of(filter, names.as_deref(), now) else {
            return Ok(nothing);
        };
        compare_the_rest(&mut list, filter, now);
        let found = match candidates {
            None => None,
            Some(sql) => self.candidates(sql).await?,
        };
        match (found, &filter.name_part) {
            (Some(ids), _) => return self.page_among(&list, ids, &filter.page, summary).await,
            (None, Some(part)) if names.is_some() => {
                list.compare(has_name_part(labels!("c.identifiers"), part));
            }
            (None, _) => {}
        }
        self.page_of(&list, &filter.page, summary).await
    }

    /// Those of `ids` that there are, in any order.
    pub async fn certificates_by_ids(
        &mut self,
        ids: &[CertificateId],
    ) -> Result<Vec<CertificateSummary>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut sql = Sql::new(concat!("SELECT ", columns!(), " FROM certificates c"));
        sql.and("c.id IN ").list(ids);
        self.run(sql.once()).await?.rows.iter().map(summary).collect()
    }

    /// The issuer certificates that lead from a leaf to its root.
    pub async fn chain(&mut self, id: &str) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        let row = self.fetch_optional("SELECT id, certificates FROM chains WHERE id = $1", args![id]).await?;
        row.map(|row| {
            let row = row.of("chains");
            framing::split(&row.bytes("certificates")?).map_err(|e| row.bad("certificates", &e))
        })
        .transpose()
    }
}

impl Tx {
    /// [`StoreError::Duplicate`] when the order has a certificate, or the serial number is taken. A new certificate is
    /// neither replaced nor to be renewed.
    pub async fn insert_certificate(&mut self, certificate: &Certificate) -> Result<(), StoreError> {
        let c = &certificate.summary;
        self.execute(
            "INSERT INTO certificates (id, serial, issuer_id, profile_id, account_id, order_id, common_name, \
             identifiers, key_type, sha256, not_before, not_after, created_at, revoked_at, revocation_reason, \
             chain_id, der) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
            args![
                &c.id,
                &c.serial,
                &c.issuer_id,
                &c.profile_id,
                &c.account_id,
                &c.order_id,
                &c.common_name,
                Value::json(&c.identifiers)?,
                c.key_type,
                hex::decode(&c.sha256)
                    .map_err(|e| StoreError::Database(format!("a certificate's sha256 is bad: {e}")))?,
                c.not_before,
                c.not_after,
                c.created_at,
                c.revocation.as_ref().map(|r| r.at),
                c.revocation.as_ref().map(|r| i64::from(r.reason.code())),
                &certificate.chain_id,
                &certificate.der,
            ],
        )
        .await?;
        let names =
            c.identifiers.iter().map(|name| [Value::from(name.value()), Value::from(&c.id)]).collect();
        let head = "INSERT INTO certificate_names (name, certificate_id) VALUES";
        self.insert_rows(head, names, " ON CONFLICT DO NOTHING").await?;
        match c.order_id {
            // The order had the same names.
            Some(_) => Ok(()),
            None => self.put_names(&c.identifiers).await,
        }
    }

    /// Revokes those of `ids` that are not revoked yet and have not expired at the time of the revocation; returns which.
    pub async fn revoke_certificates(
        &mut self,
        ids: &[CertificateId],
        revocation: &Revocation,
    ) -> Result<Vec<CertificateId>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut sql = Sql::new("UPDATE certificates SET revoked_at = ");
        sql.bind(revocation.at).push(", revocation_reason = ").bind(i64::from(revocation.reason.code()));
        sql.and("revoked_at IS NULL").and("not_after >= ").bind(revocation.at);
        sql.and("id IN ").list(ids).push(" RETURNING id");
        let rows = self.run(sql.once()).await?.rows;
        rows.iter().map(|row| row.of("certificates").parse("id")).collect()
    }

    /// `false` when there is no such certificate or it is revoked already.
    pub async fn revoke_certificate(
        &mut self,
        id: &CertificateId,
        revocation: &Revocation,
    ) -> Result<bool, StoreError> {
        self.changed(
            "UPDATE certificates SET revoked_at = $2, revocation_reason = $3 WHERE id = $1 AND revoked_at IS NULL",
            args![id, revocation.at, i64::from(revocation.reason.code())],
        )
        .await
    }

    /// Lets `order` replace the certificate (RFC 9773 §5); `false` when it has been replaced, or when another order than
    /// `held_by` replaces it by now. Of several orders one gets `true`.
    pub async fn claim_replacement(
        &mut self,
        id: &CertificateId,
        held_by: &Option<OrderId>,
        order: &OrderId,
    ) -> Result<bool, StoreError> {
        self.changed(
            "UPDATE certificates SET replaced_by_order = $3 \
             WHERE id = $1 AND replaced_by IS NULL AND replaced_by_order IS NOT DISTINCT FROM $2",
            args![id, held_by, order],
        )
        .await
    }

    /// Notes that the certificate with this serial number has been replaced by that of `order`; `false` when `order`
    /// does not hold it any more.
    pub async fn complete_replacement(
        &mut self,
        serial: &str,
        order: &OrderId,
        certificate: &CertificateId,
    ) -> Result<bool, StoreError> {
        self.changed(
            "UPDATE certificates SET replaced_by = $3 WHERE serial = $1 AND replaced_by_order = $2",
            args![serial, order, certificate],
        )
        .await
    }

    /// Wants those of `ids` renewed that are valid at `now`, or, without a demand, takes demands back; only those of the
    /// profiles `within`, unless that is empty. Returns which certificates that changed.
    pub async fn demand_renewal(
        &mut self,
        ids: &[CertificateId],
        within: &[ProfileId],
        demand: Option<&RenewalDemand>,
        now: Timestamp,
    ) -> Result<Vec<CertificateId>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut sql = Sql::new("UPDATE certificates SET renew_since = ");
        sql.bind(demand.map(|d| d.since)).push(", renew_reason = ").bind(demand.map(|d| d.reason.as_str()));
        sql.push(", renew_url = ").bind(demand.and_then(|d| d.explanation_url.as_deref()));
        match demand {
            Some(_) => sql.and("revoked_at IS NULL").and("not_after >= ").bind(now),
            None => sql.and("renew_since IS NOT NULL"),
        };
        sql.and("id IN ").list(ids);
        if !within.is_empty() {
            sql.and("profile_id IN ").list(within);
        }
        sql.push(" RETURNING id");
        let rows = self.run(sql.once()).await?.rows;
        rows.iter().map(|row| row.of("certificates").parse("id")).collect()
    }

    /// Stores a chain unless it is there. `id` determines it: it is the SHA-256 of the first certificate.
    pub async fn put_chain(&mut self, id: &str, chain: &[Vec<u8>]) -> Result<(), StoreError> {
        let sql = "INSERT INTO chains (id, certificates) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING";
        self.execute(sql, args![id, framing::join(chain)]).await.map(drop)
    }
}

/// A list of certificates, and whether it was told which by an index that has few of them.
struct Wanted {
    list: List,
    /// Selects the ids of candidates; without it, the list is walked.
    candidates: Option<Sql>,
}

impl Wanted {
    /// `None`: nothing can match. `names`: those with the part that is searched for, when they are few.
    fn of(filter: &CertificateFilter, names: Option<&[String]>, now: Timestamp) -> Option<Self> {
        let exact = filter.name.as_deref();
        let exact = exact.map(|name| Identifier::parse_any(name).map_or(name.to_owned(), |id| id.value()));
        let exact = match (exact, names) {
            (None, Some([name])) => Some(name.clone()),
            (exact, _) => exact,
        };
        let mut wanted = match filter.order() {
            CertificateOrder::Newest => Self::newest_first(filter, exact.as_deref())?,
            CertificateOrder::Expiry => Self::by_expiry(filter, exact.as_deref(), now)?,
        };
        match (names, &filter.name_part) {
            (None, Some(part)) => wanted.list.compare(has_name_part(labels!("c.identifiers"), part)),
            // One name alone is the exact one.
            (Some(names), _) if names.len() != 1 || filter.name.is_some() => {
                let mut sql = Sql::new("SELECT certificate_id AS id FROM certificate_names");
                Condition::any_of("name IN (", names).add_to(&mut sql);
                wanted.candidates = Some(sql);
            }
            _ => {}
        }
        Some(wanted)
    }

    /// One filter drives, by an index that gives the rows in the order of ids, and the others are compared row by row;
    /// `|| ''` keeps an engine that knows no statistics from taking the wrong index.
    fn newest_first(filter: &CertificateFilter, name: Option<&str>) -> Option<Self> {
        let mut list = match name {
            None => List::new(columns!(), "certificates c", Along::newest_first("c.id")),
            Some(name) => {
                // CROSS: SQLite keeps the order of such a join.
                let from = "certificate_names n CROSS JOIN certificates c";
                let mut list = List::new(columns!(), from, Along::newest_first("n.certificate_id"));
                list.drive(Condition::plain("c.id = n.certificate_id"));
                list.drive(Condition::of("n.name = ", name));
                list
            }
        };
        let mut driven = name.is_some();
        for (by_index, by_row, value) in equalities(filter)? {
            match driven {
                true => list.compare(Condition::of(by_row, value)),
                false => list.drive(Condition::of(by_index, value)),
            }
            driven = true;
        }
        // Partial indexes, in the order of ids.
        for (is_wanted, condition) in [
            (filter.renewal_demanded == Some(true), "c.renew_since IS NOT NULL"),
            (filter.state == Some(CertificateState::Revoked), "c.revoked_at IS NOT NULL"),
        ] {
            match (is_wanted, driven) {
                (false, _) => {}
                (true, true) => list.compare(Condition::plain(condition)),
                (true, false) => list.drive(Condition::plain(condition)),
            }
            driven |= is_wanted;
        }
        let key = match name {
            None => ["c.id >= ", "c.id < "],
            Some(_) => ["n.certificate_id >= ", "n.certificate_id < "],
        };
        for (along, time) in key.into_iter().zip([filter.created_after, filter.created_before]) {
            if let Some(time) = time {
                list.drive(Condition::of(along, id_at(CertificateId::PREFIX, time)));
            }
        }
        Some(Self { list, candidates: None })
    }

    /// Along the index of expiry.
    fn by_expiry(filter: &CertificateFilter, name: Option<&str>, now: Timestamp) -> Option<Self> {
        let direction = match filter.state {
            Some(CertificateState::Expired) => Direction::NewestFirst,
            _ => Direction::OldestFirst,
        };
        let along = Along { id: "c.id", time: Some(("c.not_after", "not_after")), direction };
        let mut list = List::new(columns!(), "certificates c", along);
        let (from, until) = span_of_expiry(filter, now);
        // What has ended long ago is not meant by "the next to expire".
        let from = from.or_else(|| until.is_none().then_some(now));
        from.into_iter().for_each(|from| list.drive(Condition::of("c.not_after >= ", from)));
        until.into_iter().for_each(|until| list.drive(Condition::of("c.not_after < ", until)));
        let mut candidates = None;
        if let Some(name) = name {
            let mut sql = Sql::new("SELECT certificate_id AS id FROM certificate_names");
            sql.and("name = ").bind(name);
            candidates = Some(sql);
            // Where they are too many.
            let text = "REPLACE(CAST(c.identifiers AS TEXT), '\": \"', '\":\"') LIKE ";
            list.compare(Condition::of(text, format!("%\"value\":\"{name}\"%")));
        }
        for (by_index, by_row, value) in equalities(filter)? {
            if candidates.is_none() {
                let mut sql = Sql::new("SELECT c.id AS id FROM certificates c");
                sql.and(by_index).bind(value.clone());
                candidates = Some(sql);
            }
            list.compare(Condition::of(by_row, value));
        }
        if filter.renewal_demanded == Some(true) {
            list.compare(Condition::plain("c.renew_since IS NOT NULL"));
        }
        if filter.state == Some(CertificateState::Revoked) {
            list.compare(Condition::plain("c.revoked_at IS NOT NULL"));
        }
        for (condition, time) in [("c.id >= ", filter.created_after), ("c.id < ", filter.created_before)] {
            if let Some(time) = time {
                list.compare(Condition::of(condition, id_at(CertificateId::PREFIX, time)));
            }
        }
        Some(Self { list, candidates })
    }
}

/// What is compared for equality: by an index, by the row, and with which value; the most selective first. `None`: nothing
/// can match.
fn equalities(filter: &CertificateFilter) -> Option<Vec<(&'static str, &'static str, Value)>> {
    let sha256 = filter.sha256.as_deref().map(hex::decode).transpose().ok()?;
    let all = [
        ("c.serial = ", "c.serial || '' = ", filter.serial.as_ref().map(Value::from)),
        ("c.sha256 = ", "c.sha256 = ", sha256.map(Value::from)),
        ("c.order_id = ", "c.order_id || '' = ", filter.order_id.as_ref().map(Value::from)),
        ("c.account_id = ", "c.account_id || '' = ", filter.account_id.as_ref().map(Value::from)),
        ("c.profile_id = ", "c.profile_id || '' = ", filter.profile_id.as_ref().map(Value::from)),
        ("c.issuer_id = ", "c.issuer_id || '' = ", filter.issuer_id.as_ref().map(Value::from)),
    ];
    Some(all.into_iter().filter_map(|(index, row, value)| Some((index, row, value?))).collect())
}

/// At or after, and before.
fn span_of_expiry(filter: &CertificateFilter, now: Timestamp) -> (Option<Timestamp>, Option<Timestamp>) {
    let valid = (filter.state == Some(CertificateState::Valid)).then_some(now);
    let expired = (filter.state == Some(CertificateState::Expired)).then_some(now);
    (filter.expires_after.max(valid), [filter.expires_before, expired].into_iter().flatten().min())
}

/// What no index helps with.
fn compare_the_rest(list: &mut List, filter: &CertificateFilter, now: Timestamp) {
    if !filter.within.is_empty() {
        list.compare(Condition::any_of("c.profile_id || '' IN (", &filter.within));
    }
    if filter.renewal_demanded == Some(false) {
        list.compare(Condition::plain("c.renew_since IS NULL"));
    }
    match filter.superseded {
        None => {}
        Some(true) => list.compare(Condition::plain("c.replaced_by IS NOT NULL")),
        Some(false) => list.compare(Condition::plain("c.replaced_by IS NULL")),
    }
    if matches!(filter.state, Some(CertificateState::Valid | CertificateState::Expired)) {
        list.compare(Condition::plain("c.revoked_at IS NULL"));
    }
    if filter.order() == CertificateOrder::Newest {
        let (from, until) = span_of_expiry(filter, now);
        from.into_iter().for_each(|from| list.compare(Condition::of("c.not_after >= ", from)));
        until.into_iter().for_each(|until| list.compare(Condition::of("c.not_after < ", until)));
    }
}

fn certificate(row: &Row) -> Result<Certificate, StoreError> {
    let summary = summary(row)?;
    let row = row.of("certificates");
    Ok(Certificate {
        summary,
        der: row.bytes("der")?,
        chain_id: row.string("chain_id")?,
        replaced_by_order: row.parse_opt("replaced_by_order")?,
    })
}

fn summary(row: &Row) -> Result<CertificateSummary, StoreError> {
    let row = row.of("certificates");
    let revocation = match row.time_opt("revoked_at")? {
        None => None,
        Some(at) => {
            let code = row.int("revocation_reason")?;
            let unknown = || row.bad("revocation_reason", &format_args!("{code} is no reason code"));
            Some(Revocation { at, reason: RevocationReason::from_code(code).ok_or_else(unknown)? })
        }
    };
    Ok(CertificateSummary {
        id: row.parse("id")?,
        serial: row.string("serial")?,
        issuer_id: row.parse("issuer_id")?,
        profile_id: row.parse("profile_id")?,
        account_id: row.parse_opt("account_id")?,
        order_id: row.parse_opt("order_id")?,
        common_name: row.string_opt("common_name")?,
        identifiers: row.json("identifiers")?,
        key_type: row.parse("key_type")?,
        sha256: hex::encode(row.bytes("sha256")?),
        not_before: row.time("not_before")?,
        not_after: row.time("not_after")?,
        created_at: row.time("created_at")?,
        revocation,
        renewal_demand: match row.time_opt("renew_since")? {
            None => None,
            Some(since) => Some(RenewalDemand {
                since,
                reason: row.string("renew_reason")?,
                explanation_url: row.string_opt("renew_url")?,
            }),
        },
        replaced_by: row.parse_opt("replaced_by")?,
    })
}
