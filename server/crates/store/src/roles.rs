use model::{Page, PageRequest, Role, RoleId};

use crate::engine::{Row, Value, args};
use crate::sql::{Direction, Sql};
use crate::{Reader, StoreError, Tx};

macro_rules! columns {
    () => {
        "id, description, permissions, version, created_at, updated_at"
    };
}

/// The administrators' own roles; those that are built in are not stored.
impl Reader {
    pub async fn role(&mut self, id: &RoleId) -> Result<Option<Role>, StoreError> {
        let sql = concat!("SELECT ", columns!(), " FROM roles WHERE id = $1");
        self.fetch_optional(sql, args![id]).await?.as_ref().map(role).transpose()
    }

    /// By id.
    pub async fn roles(&mut self, page: &PageRequest) -> Result<Page<Role>, StoreError> {
        let sql = Sql::new(concat!("SELECT ", columns!(), " FROM roles"));
        self.page(sql, "id", Direction::OldestFirst, page, role, |r| r.id.to_string()).await
    }

    /// Those of `ids` that exist.
    pub async fn roles_by_ids(&mut self, ids: &[RoleId]) -> Result<Vec<Role>, StoreError> {
        let sql = Sql::new(concat!("SELECT ", columns!(), " FROM roles"));
        self.by_ids(sql, ids, role).await
    }
}

impl Tx {
    pub async fn insert_role(&mut self, role: &Role) -> Result<(), StoreError> {
        self.execute(
            concat!("INSERT INTO roles (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6)"),
            args![
                &role.id,
                &role.description,
                Value::json(&role.permissions)?,
                role.version,
                role.created_at,
                role.updated_at
            ],
        )
        .await
        .map(drop)
    }

    /// `false` when the stored version is not `expected`.
    pub async fn replace_role(&mut self, role: &Role, expected: i64) -> Result<bool, StoreError> {
        let sql = "UPDATE roles SET description = $3, permissions = $4, version = $5, updated_at = $6 \
                   WHERE id = $1 AND version = $2";
        let permissions = Value::json(&role.permissions)?;
        self.changed(
            sql,
            args![&role.id, expected, &role.description, permissions, role.version, role.updated_at],
        )
        .await
    }

    /// `false` when the stored version is not `expected`.
    pub async fn delete_role(&mut self, id: &RoleId, expected: i64) -> Result<bool, StoreError> {
        self.changed("DELETE FROM roles WHERE id = $1 AND version = $2", args![id, expected]).await
    }

    /// Makes all others who change who is an administrator wait for the end of this transaction.
    pub async fn lock_administration(&mut self) -> Result<(), StoreError> {
        let sql = "UPDATE administration SET changes = changes + 1 WHERE id = 1";
        self.execute(sql, args![]).await.map(drop)
    }
}

fn role(row: &Row) -> Result<Role, StoreError> {
    let row = row.of("roles");
    Ok(Role {
        id: row.parse("id")?,
        description: row.string("description")?,
        permissions: row.json("permissions")?,
        version: row.int("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}
