//! Names that were ever ordered or certified, and their parts.

use model::{Identifier, NamePart};

use crate::engine::Value;
use crate::list::Condition;
use crate::sql::Sql;
use crate::{Reader, StoreError, Tx};

/// A search for a part that more names have walks the list instead.
const MOST_NAMES: usize = if cfg!(test) { 20 } else { 500 };

/// `identifiers`, a JSON array whose spaces the engines set differently, with a dot before each label of a name.
macro_rules! labels {
    ($column:literal) => {
        concat!("REPLACE(REPLACE(CAST(", $column, " AS TEXT), '\": \"', '\":\"'), '\"value\":\"', '.') LIKE ")
    };
}
pub(crate) use labels;

impl Reader {
    /// The names with this part; `None` when they are too many.
    pub(crate) async fn names_with(&mut self, part: &NamePart) -> Result<Option<Vec<String>>, StoreError> {
        self.found_by_part("SELECT name AS id, part FROM name_parts", part.as_str(), MOST_NAMES).await
    }
}

impl Tx {
    /// Lets the names be found by their parts. Of names that are known, which most are, one statement is all.
    pub(crate) async fn put_names(&mut self, identifiers: &[Identifier]) -> Result<(), StoreError> {
        let mut names: Vec<_> = identifiers.iter().map(Identifier::value).collect();
        // In one order always, so that two transactions cannot wait for each other.
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            return Ok(());
        }
        let mut sql = Sql::new("INSERT INTO name_parts (part, name) VALUES");
        for (i, name) in names.iter().enumerate() {
            sql.push(if i == 0 { " (" } else { ", (" }).bind(name).push(", ").bind(name).push(")");
        }
        sql.push(" ON CONFLICT DO NOTHING RETURNING name");
        let statement = if names.len() <= 8 { sql.repeated() } else { sql.once() };
        let mut rows = Vec::new();
        for row in self.run(statement).await?.rows {
            let name = row.of("name_parts").string("name")?;
            let parts = NamePart::all_of(&name).filter(|part| *part != name);
            rows.extend(parts.map(|part| [Value::from(part), Value::from(&name)]));
        }
        self.insert_rows("INSERT INTO name_parts (part, name) VALUES", rows, " ON CONFLICT DO NOTHING").await
    }
}

/// That a row's names have this part; `column`: see [`labels`].
pub(crate) fn has_name_part(column: &'static str, part: &NamePart) -> Condition {
    Condition::has_part(column, part.as_str())
}
