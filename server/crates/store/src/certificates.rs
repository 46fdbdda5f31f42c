use model::{
    Certificate, CertificateFilter, CertificateId, CertificateState, CertificateSummary, Identifier, OrderId,
    Page, ProfileId, RenewalDemand, Revocation, RevocationReason, Timestamp,
};

use crate::engine::{Row, Value, args};
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

/// Certificates of a span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub all: i64,
    /// Those that another certificate has replaced.
    pub replaced: i64,
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

    /// Newest first. `now` decides which are expired.
    pub async fn certificates(
        &mut self,
        filter: &CertificateFilter,
        now: Timestamp,
    ) -> Result<Page<CertificateSummary>, StoreError> {
        let Some((sql, key)) = select(filter, now) else {
            return Ok(Page { items: Vec::new(), next: None });
        };
        self.page(sql, key, Direction::NewestFirst, &filter.page, summary, |c| c.id.to_string()).await
    }

    /// How many certificates that are not revoked end in each of the spans of time that `bounds` part, and how many of
    /// those another certificate has replaced.
    pub async fn expiry_counts(&mut self, bounds: &[Timestamp]) -> Result<Vec<Counted>, StoreError> {
        let bounds: Vec<_> = bounds.iter().copied().map(Value::from).collect();
        self.counted(["revoked_at IS NULL AND not_after >= ", " AND not_after < "], &bounds).await
    }

    /// How many certificates were issued in each of the spans of time that `bounds` part, and how many of those another
    /// certificate has replaced.
    pub async fn issuance_counts(&mut self, bounds: &[Timestamp]) -> Result<Vec<Counted>, StoreError> {
        // Ids begin with the time.
        let at = |time: &Timestamp| Value::from(id_at(CertificateId::PREFIX, *time));
        let bounds: Vec<_> = bounds.iter().map(at).collect();
        self.counted(["id >= ", " AND id < "], &bounds).await
    }

    /// One statement, in which each span is a range of an index to both engines.
    async fn counted(
        &mut self,
        [from, until]: [&'static str; 2],
        bounds: &[Value],
    ) -> Result<Vec<Counted>, StoreError> {
        let spans = bounds.windows(2);
        let mut counts = vec![Counted::default(); spans.len()];
        let mut sql = Sql::new("");
        for (number, span) in (0i64..).zip(spans) {
            sql.push(if number == 0 { "SELECT " } else { " UNION ALL SELECT " }).bind(number);
            sql.push(" AS span, COUNT(*) AS n, COUNT(replaced_by) AS replaced FROM certificates WHERE ");
            sql.push(from).bind(span[0].clone()).push(until).bind(span[1].clone());
        }
        if counts.is_empty() {
            return Ok(counts);
        }
        for row in self.run(sql.repeated()).await?.rows {
            let row = row.of("certificates");
            let span = usize::try_from(row.int("span")?).ok().and_then(|span| counts.get_mut(span));
            if let Some(span) = span {
                *span = Counted { all: row.int("n")?, replaced: row.int("replaced")? };
            }
        }
        Ok(counts)
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
        self.insert_rows(head, names, " ON CONFLICT DO NOTHING").await
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
    /// profiles `within`, unless that is empty. Returns how many certificates that changed.
    pub async fn demand_renewal(
        &mut self,
        ids: &[CertificateId],
        within: &[ProfileId],
        demand: Option<&RenewalDemand>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        if ids.is_empty() {
            return Ok(0);
        }
        let mut sql = Sql::new("UPDATE certificates SET renew_since = ");
        sql.bind(demand.map(|d| d.since)).push(", renew_reason = ").bind(demand.map(|d| d.reason.as_str()));
        sql.push(", renew_url = ").bind(demand.and_then(|d| d.explanation_url.as_deref()));
        match demand {
            Some(_) => sql.and("revoked_at IS NULL").and("not_after >= ").bind(now),
            None => sql.and("renew_since IS NOT NULL"),
        };
        sql.and("id IN (");
        for (i, id) in ids.iter().enumerate() {
            sql.push(if i == 0 { "" } else { ", " }).bind(id);
        }
        sql.push(")");
        if !within.is_empty() {
            sql.and("profile_id IN (");
            for (i, id) in within.iter().enumerate() {
                sql.push(if i == 0 { "" } else { ", " }).bind(id);
            }
            sql.push(")");
        }
        Ok(self.run(sql.once()).await?.changed)
    }

    /// Stores a chain unless it is there. `id` determines it: it is the SHA-256 of the first certificate.
    pub async fn put_chain(&mut self, id: &str, chain: &[Vec<u8>]) -> Result<(), StoreError> {
        let sql = "INSERT INTO chains (id, certificates) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING";
        self.execute(sql, args![id, framing::join(chain)]).await.map(drop)
    }
}

/// The statement of a list and the column that it runs along; `None` when nothing can match. One filter drives, by
/// an index that gives the rows in the order of ids, and the others are compared row by row; `|| ''` keeps an engine
/// that knows no statistics from taking the wrong index. Without any other driver, the expiry drives: its index alone
/// tells which ids are in the range.
fn select(filter: &CertificateFilter, now: Timestamp) -> Option<(Sql, &'static str)> {
    let (mut sql, key) = match &filter.name {
        None => (Sql::new(concat!("SELECT ", columns!(), " FROM certificates c")), "c.id"),
        Some(name) => {
            // CROSS: SQLite keeps the order of such a join.
            let mut sql = Sql::new(concat!(
                "SELECT ",
                columns!(),
                " FROM certificate_names n CROSS JOIN certificates c"
            ));
            let name = Identifier::parse_any(name).map_or_else(|_| name.clone(), |id| id.value());
            sql.and("c.id = n.certificate_id").and("n.name = ").bind(name);
            (sql, "n.certificate_id")
        }
    };
    let mut driven = filter.name.is_some();
    if let Some(serial) = &filter.serial {
        sql.and("c.serial = ").bind(serial);
        driven = true;
    }
    if let Some(sha256) = &filter.sha256 {
        sql.and("c.sha256 = ").bind(hex::decode(sha256).ok()?);
        driven = true;
    }
    for (by_index, by_row, value) in [
        ("c.order_id = ", "c.order_id || '' = ", filter.order_id.as_ref().map(Value::from)),
        ("c.account_id = ", "c.account_id || '' = ", filter.account_id.as_ref().map(Value::from)),
        ("c.profile_id = ", "c.profile_id || '' = ", filter.profile_id.as_ref().map(Value::from)),
    ] {
        if let Some(value) = value {
            sql.and(if driven { by_row } else { by_index }).bind(value);
            driven = true;
        }
    }
    if filter.renewal_demanded == Some(true) {
        sql.and("c.renew_since IS NOT NULL");
        driven = true;
    }
    // Most certificates are of one issuer, so an index would tell little; the list runs along the ids.
    if let Some(issuer) = &filter.issuer_id {
        sql.and("c.issuer_id = ").bind(issuer);
        driven = true;
    }
    for (along, time) in [(" >= ", filter.created_after), (" < ", filter.created_before)] {
        if let Some(time) = time {
            sql.and(key).push(along).bind(id_at(CertificateId::PREFIX, time));
            driven = true;
        }
    }
    if filter.renewal_demanded == Some(false) {
        sql.and("c.renew_since IS NULL");
    }
    match filter.superseded {
        None => {}
        Some(true) => {
            sql.and("c.replaced_by IS NOT NULL");
        }
        Some(false) => {
            sql.and("c.replaced_by IS NULL");
        }
    }
    match filter.state {
        None => {}
        Some(CertificateState::Revoked) => {
            sql.and("c.revoked_at IS NOT NULL");
            driven = true;
        }
        Some(CertificateState::Valid | CertificateState::Expired) => {
            sql.and("c.revoked_at IS NULL");
        }
    }
    let valid = (filter.state == Some(CertificateState::Valid)).then_some(now);
    let expired = (filter.state == Some(CertificateState::Expired)).then_some(now);
    let from = filter.expires_after.max(valid);
    let until = [filter.expires_before, expired].into_iter().flatten().min();
    match (driven, from.is_some() || until.is_some()) {
        (_, false) => {}
        (true, true) => {
            sql.and_opt("c.not_after >= ", from).and_opt("c.not_after < ", until);
        }
        (false, true) => {
            sql.and("c.id IN (SELECT x.id FROM certificates x WHERE x.not_after >= ")
                .bind(from.unwrap_or(Timestamp::from_unix_micros(0)));
            if let Some(until) = until {
                sql.push(" AND x.not_after < ").bind(until);
            }
            sql.push(")");
        }
    }
    Some((sql, key))
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
