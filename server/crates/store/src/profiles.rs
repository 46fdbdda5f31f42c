use model::{Page, PageRequest, Profile, ProfileId};

use crate::engine::{Row, Value, args};
use crate::sql::{Direction, Sql};
use crate::{Reader, StoreError, Tx};

macro_rules! columns {
    () => {
        "id, issuer_id, spec, version, created_at, updated_at"
    };
}

impl Reader {
    pub async fn profile(&mut self, id: &ProfileId) -> Result<Option<Profile>, StoreError> {
        let sql = concat!("SELECT ", columns!(), " FROM profiles WHERE id = $1");
        self.fetch_optional(sql, args![id]).await?.as_ref().map(profile).transpose()
    }

    /// Those of `ids` that exist, by id.
    pub async fn profiles_by_ids(&mut self, ids: &[ProfileId]) -> Result<Vec<Profile>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut sql = Sql::new(concat!("SELECT ", columns!(), " FROM profiles WHERE id IN ("));
        for (i, id) in ids.iter().enumerate() {
            sql.push(if i == 0 { "" } else { ", " }).bind(id);
        }
        sql.push(") ORDER BY id");
        self.run(sql.once()).await?.rows.iter().map(profile).collect()
    }

    /// By id.
    pub async fn profiles(&mut self, page: &PageRequest) -> Result<Page<Profile>, StoreError> {
        let sql = Sql::new(concat!("SELECT ", columns!(), " FROM profiles"));
        self.page(sql, "id", Direction::OldestFirst, page, profile, |p| p.id.to_string()).await
    }
}

impl Tx {
    /// [`StoreError::Duplicate`] when the id is taken, [`StoreError::Reference`] when there is no such issuer.
    pub async fn insert_profile(&mut self, profile: &Profile) -> Result<(), StoreError> {
        self.execute(
            concat!("INSERT INTO profiles (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6)"),
            args![
                &profile.id,
                &profile.spec.issuer_id,
                Value::json(&profile.spec)?,
                profile.version,
                profile.created_at,
                profile.updated_at,
            ],
        )
        .await
        .map(drop)
    }

    /// Stores the profile as it is, its `version` included, when the stored version is `expected_version`; else
    /// `false`.
    pub async fn replace_profile(
        &mut self,
        profile: &Profile,
        expected_version: i64,
    ) -> Result<bool, StoreError> {
        self.changed(
            "UPDATE profiles SET issuer_id = $3, spec = $4, version = $5, updated_at = $6 \
             WHERE id = $1 AND version = $2",
            args![
                &profile.id,
                expected_version,
                &profile.spec.issuer_id,
                Value::json(&profile.spec)?,
                profile.version,
                profile.updated_at,
            ],
        )
        .await
    }

    /// `false` when there is no such profile (in this version).
    pub async fn delete_profile(
        &mut self,
        id: &ProfileId,
        expected_version: Option<i64>,
    ) -> Result<bool, StoreError> {
        match expected_version {
            Some(version) => {
                self.changed("DELETE FROM profiles WHERE id = $1 AND version = $2", args![id, version]).await
            }
            None => self.changed("DELETE FROM profiles WHERE id = $1", args![id]).await,
        }
    }
}

fn profile(row: &Row) -> Result<Profile, StoreError> {
    let row = row.of("profiles");
    Ok(Profile {
        id: row.parse("id")?,
        spec: row.json("spec")?,
        version: row.int("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}
