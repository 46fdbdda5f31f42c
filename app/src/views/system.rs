use super::{AllowedRow, Badge, Moment};

/// How the server runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemView {
    pub version: &'static str,
    pub build: String,
    /// The replica that made this page.
    pub host: Option<String>,
    pub started: Moment,
    pub database: DatabaseView,
    pub jobs: Vec<JobRow>,
    /// Those that somebody gave, and those at their default.
    pub given: Vec<SettingRow>,
    pub defaults: Vec<SettingRow>,
    /// `None` where the reader may not see them.
    pub limits: Option<Vec<AllowedRow>>,
    pub audit: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseView {
    /// With its version.
    pub engine: String,
    pub location: String,
    pub size: String,
    /// Its number, and whether it is that of this binary.
    pub schema: (i64, Badge),
    /// `3 open, 2 idle, 10 at most`.
    pub connections: String,
    pub queue: String,
    /// `None` where one server has the database for itself.
    pub all_replicas: Option<String>,
}

/// A job, and how its last run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    pub name: &'static str,
    pub about: &'static str,
    pub status: Badge,
    pub fault: Option<String>,
    /// When it began; `None` while the first one is under way.
    pub last: Option<Moment>,
    pub took: Option<String>,
    /// `None` while it runs.
    pub next: Option<Moment>,
    pub every: String,
}

/// A setting without what is secret about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingRow {
    pub name: &'static str,
    pub help: &'static str,
    pub value: SettingValue,
    pub origin: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingValue {
    Unset,
    Text(String),
    /// Set, to something that no page shows.
    Hidden,
}
