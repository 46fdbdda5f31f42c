use std::path::{Path, PathBuf};

use super::{ConfigError, Secret, Settings, parse_bool, parse_number, secret};

#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    pub location: DatabaseLocation,
    /// Connections to PostgreSQL; SQLite needs no setting.
    pub max_connections: u32,
    pub auto_migrate: bool,
}

#[derive(Debug, Clone)]
pub enum DatabaseLocation {
    Sqlite(PathBuf),
    /// The URL has a password.
    Postgres(Secret),
}

impl DatabaseConfig {
    pub(super) fn from_settings(settings: &Settings, data_dir: &Path) -> Result<Self, ConfigError> {
        let location = match secret::read(settings, "CERTCTL_DATABASE_URL")? {
            None => DatabaseLocation::Sqlite(data_dir.join("certctl.db")),
            Some(url) => {
                let text = url.expose();
                if let Some(path) = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:")) {
                    DatabaseLocation::Sqlite(PathBuf::from(path))
                } else if text.starts_with("postgres://") || text.starts_with("postgresql://") {
                    DatabaseLocation::Postgres(url)
                } else {
                    return Err(ConfigError::new(
                        "CERTCTL_DATABASE_URL",
                        "it names no known database engine",
                        "postgres://user@host/database or sqlite:PATH",
                    ));
                }
            }
        };
        Ok(Self {
            location,
            max_connections: parse_number(settings, "CERTCTL_DATABASE_MAX_CONNECTIONS", 2..=200)?,
            auto_migrate: parse_bool(settings, "CERTCTL_DATABASE_AUTO_MIGRATE")?,
        })
    }

    /// Whether other replicas can use the same database.
    pub fn is_shared(&self) -> bool {
        matches!(self.location, DatabaseLocation::Postgres(_))
    }
}
