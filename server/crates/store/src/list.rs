//! Lists with filters. Whatever the filters are, a page looks at a bounded number of rows: along one index in the order of
//! the list, or among candidates that another index has found.

use model::{Page, PageRequest, Timestamp};

use crate::engine::{Row, Value, args};
use crate::sql::{Direction, Sql, prefix_range};
use crate::{Reader, StoreError};

/// Rows that a page looks at along its index, where conditions are compared row by row. The next page goes on there.
const MOST_LOOKED_AT: i64 = if cfg!(test) { 70 } else { 5_000 };
/// Rows that may be found by another index than that of the list; of more, the list's own index is walked.
const MOST_CANDIDATES: usize = if cfg!(test) { 50 } else { 4_000 };
/// Candidates that are read at once.
const CHUNK: usize = 200;

/// A condition of a `WHERE`: a text, values with commas between them, and the text behind them.
#[derive(Clone)]
pub(crate) struct Condition {
    text: &'static str,
    values: Vec<Value>,
    tail: &'static str,
}

impl Condition {
    /// Without a value.
    pub fn plain(text: &'static str) -> Self {
        Self { text, values: Vec::new(), tail: "" }
    }

    /// `text value`.
    pub fn of(text: &'static str, value: impl Into<Value>) -> Self {
        Self { text, values: vec![value.into()], tail: "" }
    }

    /// `text` ends in `IN (`.
    pub fn any_of(text: &'static str, values: impl IntoIterator<Item = impl Into<Value>>) -> Self {
        Self { text, values: values.into_iter().map(Into::into).collect(), tail: ")" }
    }

    /// `text` ends in `LIKE `; what it compares has a dot before each label.
    pub fn has_part(text: &'static str, part: &str) -> Self {
        let mut pattern = String::from("%.");
        for c in part.chars() {
            if matches!(c, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(c);
        }
        pattern.push('%');
        Self { text, values: vec![pattern.into()], tail: r" ESCAPE '\'" }
    }

    pub fn add_to(self, sql: &mut Sql) {
        self.add_behind("", sql);
    }

    /// The same with `text` before it.
    fn add_behind(self, text: &'static str, sql: &mut Sql) {
        sql.and(text).push(self.text);
        for (i, value) in self.values.into_iter().enumerate() {
            sql.push(if i == 0 { "" } else { ", " }).bind(value);
        }
        sql.push(self.tail);
    }
}

/// What a list runs along: the id of its rows, or a time and then the id.
#[derive(Clone, Copy)]
pub(crate) struct Along {
    pub id: &'static str,
    /// The expression, and the name of its column.
    pub time: Option<(&'static str, &'static str)>,
    pub direction: Direction,
}

impl Along {
    pub fn newest_first(id: &'static str) -> Self {
        Self { id, time: None, direction: Direction::NewestFirst }
    }

    /// The columns of a cursor.
    fn columns(self, sql: &mut Sql) {
        sql.push(self.id).push(" AS id");
        if let Some((expression, name)) = self.time {
            sql.push(", ").push(expression).push(" AS ").push(name);
        }
    }

    fn order(self, sql: &mut Sql) {
        let (_, suffix) = self.direction.words();
        sql.push(" ORDER BY ");
        if let Some((expression, _)) = self.time {
            sql.push(expression).push(suffix).push(", ");
        }
        sql.push(self.id).push(suffix);
    }

    /// What lies behind `cursor`, or, inclusive, what does not lie behind it.
    fn limit(self, sql: &mut Sql, cursor: &Cursor, behind: bool) {
        let comparison = match (behind, self.direction) {
            (true, direction) => direction.words().0,
            (false, Direction::NewestFirst) => " >= ",
            (false, Direction::OldestFirst) => " <= ",
        };
        match (self.time, cursor.time) {
            (Some((expression, _)), Some(time)) => {
                sql.and("(").push(expression).push(", ").push(self.id).push(")").push(comparison);
                sql.push("(").bind(time).push(", ").bind(&cursor.id).push(")");
                // PostgreSQL estimates pairs badly: it would read the whole table rather than the few rows before a bound.
                if !behind {
                    sql.and(expression).push(comparison).bind(time);
                }
            }
            _ => {
                sql.and(self.id).push(comparison).bind(&cursor.id);
            }
        }
    }

    /// `None`: it is not one of this list, which then begins anew.
    fn parse(self, text: &str) -> Option<Cursor> {
        if self.time.is_none() {
            return Some(Cursor { time: None, id: text.to_owned() });
        }
        let (micros, id) = text.split_once('-')?;
        Some(Cursor { time: Some(Timestamp::from_unix_micros(micros.parse().ok()?)), id: id.to_owned() })
    }

    fn cursor(self, row: &Row) -> Result<Cursor, StoreError> {
        let row = row.of("list");
        let time = self.time.map(|(_, name)| row.time(name)).transpose()?;
        Ok(Cursor { time, id: row.string("id")? })
    }
}

/// A place in a list.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Cursor {
    time: Option<Timestamp>,
    id: String,
}

impl Cursor {
    fn text(&self) -> String {
        match self.time {
            None => self.id.clone(),
            Some(time) => format!("{}-{}", time.unix_micros(), self.id),
        }
    }
}

/// A list and which of its rows are wanted.
#[derive(Clone)]
pub(crate) struct List {
    columns: &'static str,
    from: &'static str,
    along: Along,
    /// What the index in the order of the list is told; without any, it is the index of the whole list.
    driving: Vec<Condition>,
    /// What is compared row by row.
    compared: Vec<Condition>,
}

impl List {
    pub fn new(columns: &'static str, from: &'static str, along: Along) -> Self {
        Self { columns, from, along, driving: Vec::new(), compared: Vec::new() }
    }

    /// A condition on what the list runs along, or on what stands before it in the index.
    pub fn drive(&mut self, condition: Condition) {
        self.driving.push(condition);
    }

    pub fn compare(&mut self, condition: Condition) {
        self.compared.push(condition);
    }

    fn filtered(&self, mut sql: Sql) -> Sql {
        sql.push(" FROM ").push(self.from);
        for condition in self.driving.iter().chain(&self.compared) {
            condition.clone().add_to(&mut sql);
        }
        sql
    }
}

impl Reader {
    /// One page of the list.
    pub(crate) async fn page_of<T>(
        &mut self,
        list: &List,
        page: &PageRequest,
        decode: impl Fn(&Row) -> Result<T, StoreError>,
    ) -> Result<Page<T>, StoreError> {
        let (limit, along) = (limit(page), list.along);
        let after = page.after.as_deref().and_then(|text| along.parse(text));
        let bound = match list.compared.is_empty() {
            true => None,
            false => self.bound(list, after.as_ref()).await?,
        };
        let mut sql = Sql::new("SELECT ");
        sql.push(list.columns);
        let mut sql = list.filtered(sql);
        after.iter().for_each(|cursor| along.limit(&mut sql, cursor, true));
        bound.iter().for_each(|cursor| along.limit(&mut sql, cursor, false));
        along.order(&mut sql);
        sql.push(" LIMIT ").bind(i64::try_from(limit).unwrap_or(i64::MAX) + 1);
        let rows = self.run(sql.repeated()).await?.rows;
        let mut found = cut(rows, limit, along, decode)?;
        if found.next.is_none() {
            found.next = bound.map(|cursor| cursor.text());
        }
        Ok(found)
    }

    /// Where the search for one page ends, when the list goes on beyond.
    async fn bound(&mut self, list: &List, after: Option<&Cursor>) -> Result<Option<Cursor>, StoreError> {
        let mut sql = Sql::new("SELECT ");
        list.along.columns(&mut sql);
        let mut sql = List { compared: Vec::new(), ..list.clone() }.filtered(sql);
        after.into_iter().for_each(|cursor| list.along.limit(&mut sql, cursor, true));
        list.along.order(&mut sql);
        sql.push(" LIMIT 1 OFFSET ").bind(MOST_LOOKED_AT);
        let rows = self.run(sql.repeated()).await?.rows;
        rows.first().map(|row| list.along.cursor(row)).transpose()
    }

    /// One page of those of the list whose ids are among `candidates`.
    pub(crate) async fn page_among<T>(
        &mut self,
        list: &List,
        mut candidates: Vec<String>,
        page: &PageRequest,
        decode: impl Fn(&Row) -> Result<T, StoreError>,
    ) -> Result<Page<T>, StoreError> {
        let (limit, along) = (limit(page), list.along);
        let after = page.after.as_deref().and_then(|text| along.parse(text));
        let newest_first = matches!(along.direction, Direction::NewestFirst);
        candidates.sort_unstable_by(|a, b| if newest_first { b.cmp(a) } else { a.cmp(b) });
        candidates.dedup();
        // First where those that are wanted lie, then the rows of this page.
        let mut places = Vec::new();
        for some in candidates.chunks(CHUNK) {
            let mut sql = Sql::new("SELECT ");
            along.columns(&mut sql);
            let mut sql = list.filtered(sql);
            after.iter().for_each(|cursor| along.limit(&mut sql, cursor, true));
            Condition::any_of(" IN (", some).add_behind(along.id, &mut sql);
            for row in self.run(sql.once()).await?.rows {
                places.push(along.cursor(&row)?);
            }
            // Along the ids, what follows comes later.
            if along.time.is_none() && places.len() > limit {
                break;
            }
        }
        places.sort_unstable_by(|a, b| if newest_first { b.cmp(a) } else { a.cmp(b) });
        let more = places.len() > limit;
        places.truncate(limit);
        if places.is_empty() {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let mut sql = Sql::new("SELECT ");
        sql.push(list.columns);
        let mut sql = list.filtered(sql);
        Condition::any_of(" IN (", places.iter().map(|place| &place.id)).add_behind(along.id, &mut sql);
        along.order(&mut sql);
        let rows = self.run(sql.once()).await?.rows;
        let next = places.last().filter(|_| more).map(Cursor::text);
        Ok(Page { items: rows.iter().map(decode).collect::<Result<_, _>>()?, next })
    }

    /// The ids that `sql` selects; `None` when there are more than candidates may be.
    pub(crate) async fn candidates(&mut self, mut sql: Sql) -> Result<Option<Vec<String>>, StoreError> {
        sql.push(" LIMIT ").bind(i64::try_from(MOST_CANDIDATES).unwrap_or(i64::MAX) + 1);
        let rows = self.run(sql.once()).await?.rows;
        if rows.len() > MOST_CANDIDATES {
            return Ok(None);
        }
        rows.iter().map(|row| row.of("candidates").string("id")).collect::<Result<_, _>>().map(Some)
    }

    /// The rows of a table of parts whose part begins with `part`, as `id`; `None` when there are too many.
    pub(crate) async fn found_by_part(
        &mut self,
        select: &'static str,
        part: &str,
        most: usize,
    ) -> Result<Option<Vec<String>>, StoreError> {
        let Some((part, end)) = prefix_range(part) else { return Ok(None) };
        // In the order of the key, so that the limit ends it.
        let mut sql = Sql::new(select);
        sql.and("part >= ").bind(part);
        sql.and("part < ").bind(end);
        sql.push(" ORDER BY 2, 1 LIMIT ").bind(i64::try_from(most).unwrap_or(i64::MAX) + 1);
        let rows = self.run(sql.repeated()).await?.rows;
        if rows.len() > most {
            return Ok(None);
        }
        let mut found: Vec<_> =
            rows.iter().map(|row| row.of("parts").string("id")).collect::<Result<_, _>>()?;
        found.sort_unstable();
        found.dedup();
        Ok(Some(found))
    }

    /// Whether the table has no more rows than candidates may be with `column` from `first` to before `end`.
    pub(crate) async fn are_few(
        &mut self,
        sql: &'static str,
        first: &str,
        end: &str,
    ) -> Result<bool, StoreError> {
        let most = i64::try_from(MOST_CANDIDATES).unwrap_or(i64::MAX);
        let row = self.fetch_optional(sql, args![first, end, most]).await?;
        Ok(row.is_none())
    }
}

fn limit(page: &PageRequest) -> usize {
    usize::try_from(page.limit.clamp(1, PageRequest::MAX_LIMIT)).unwrap_or(1)
}

/// At most `limit` of the rows; the one too many only tells that there are more.
fn cut<T>(
    mut rows: Vec<Row>,
    limit: usize,
    along: Along,
    decode: impl Fn(&Row) -> Result<T, StoreError>,
) -> Result<Page<T>, StoreError> {
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = match rows.last() {
        Some(last) if more => Some(along.cursor(last)?.text()),
        _ => None,
    };
    Ok(Page { items: rows.iter().map(decode).collect::<Result<_, _>>()?, next })
}
