//! How much there was in spans of time.

use model::{CertificateId, OrderId, Timestamp};

use crate::engine::{Row, Value};
use crate::sql::{Sql, id_at};
use crate::{Reader, StoreError};

/// Certificates of a span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub all: i64,
    /// Those that another certificate has replaced.
    pub replaced: i64,
}

impl Reader {
    /// How many certificates that are not revoked end in each of the spans of time that `bounds` part, and how many of
    /// those another certificate has replaced.
    pub async fn expiry_counts(&mut self, bounds: &[Timestamp]) -> Result<Vec<Counted>, StoreError> {
        let bounds: Vec<_> = bounds.iter().copied().map(Value::from).collect();
        let what = " AS span, COUNT(*) AS n, COUNT(replaced_by) AS replaced FROM certificates \
                    WHERE revoked_at IS NULL AND not_after >= ";
        self.counted([what, " AND not_after < "], &bounds, |row| {
            let row = row.of("certificates");
            Ok(Counted { all: row.int("n")?, replaced: row.int("replaced")? })
        })
        .await
    }

    /// How many certificates were issued in each of the spans of time that `bounds` part.
    pub async fn issuance_counts(&mut self, bounds: &[Timestamp]) -> Result<Vec<i64>, StoreError> {
        let what = " AS span, COUNT(*) AS n FROM certificates WHERE id >= ";
        // Ids begin with the time.
        let bounds: Vec<_> = bounds.iter().map(|t| Value::from(id_at(CertificateId::PREFIX, *t))).collect();
        self.counted([what, " AND id < "], &bounds, |row| row.of("certificates").int("n")).await
    }

    /// How many of the orders that were placed in each of the spans of time that `bounds` part have failed. Orders are
    /// deleted some time after they ended.
    pub async fn failure_counts(&mut self, bounds: &[Timestamp]) -> Result<Vec<i64>, StoreError> {
        let what = " AS span, COUNT(*) AS n FROM orders WHERE status = 'invalid' AND id >= ";
        let bounds: Vec<_> = bounds.iter().map(|t| Value::from(id_at(OrderId::PREFIX, *t))).collect();
        self.counted([what, " AND id < "], &bounds, |row| row.of("orders").int("n")).await
    }

    /// One statement, in which each span is a range of an index to both engines.
    async fn counted<T: Clone + Default>(
        &mut self,
        [from, until]: [&'static str; 2],
        bounds: &[Value],
        decode: impl Fn(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let spans = bounds.windows(2);
        let mut counts = vec![T::default(); spans.len()];
        let mut sql = Sql::new("");
        for (number, span) in (0i64..).zip(spans) {
            sql.push(if number == 0 { "SELECT " } else { " UNION ALL SELECT " }).bind(number);
            sql.push(from).bind(span[0].clone()).push(until).bind(span[1].clone());
        }
        if counts.is_empty() {
            return Ok(counts);
        }
        for row in self.run(sql.repeated()).await?.rows {
            let span = usize::try_from(row.of("counts").int("span")?).ok();
            if let Some(count) = span.and_then(|span| counts.get_mut(span)) {
                *count = decode(&row)?;
            }
        }
        Ok(counts)
    }
}
