use axum::Json;
use axum::extract::State;
use model::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Authenticated;
use crate::config::{InForce, Origin, Shown};
use crate::http::problem::{ApiError, ProblemDocument};
use crate::jobs::Report;
use crate::services::system::{self, System};
use crate::state::AppState;

/// How the replica that answers runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct SystemView {
    version: &'static str,
    /// Operating system and processor that the program was built for.
    #[schema(example = "linux-x86_64")]
    platform: String,
    /// The name of the machine; in Kubernetes that of the pod.
    host: Option<String>,
    #[schema(value_type = String)]
    started_at: Timestamp,
    database: DatabaseView,
    jobs: Vec<JobView>,
    settings: Vec<SettingView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DatabaseView {
    /// sqlite or postgres.
    engine: &'static str,
    version: String,
    /// File, or host and database.
    location: String,
    /// The newest migration that was applied, and the newest that this binary has.
    schema: i64,
    newest_schema: i64,
    size_bytes: u64,
    /// Connections of this replica: open, unused, and at most.
    open_connections: usize,
    idle_connections: usize,
    max_connections: usize,
    /// Who waits for one.
    queue: usize,
    /// Connections of all replicas; null with SQLite, which one server uses.
    connections_of_all_replicas: Option<u64>,
}

/// What the server does by itself, and how that went since the replica started.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobView {
    name: &'static str,
    /// The pause between two runs.
    every_seconds: u64,
    /// Null while the first run has not ended.
    last_run: Option<RunView>,
    #[schema(value_type = Option<String>)]
    running_since: Option<Timestamp>,
    /// Null while a run is under way.
    #[schema(value_type = Option<String>)]
    next_run_at: Option<Timestamp>,
    /// Runs that failed since the last one that did not.
    failures: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RunView {
    #[schema(value_type = String)]
    began_at: Timestamp,
    duration_seconds: f64,
    /// done or failed.
    outcome: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SettingView {
    name: &'static str,
    /// Null: unset, or secret.
    value: Option<String>,
    /// Whether it has a value.
    set: bool,
    /// flag, environment, file, command, default or generated.
    origin: &'static str,
}

impl SystemView {
    fn of(system: System<'_>) -> Self {
        let (os, arch) = system.build.platform;
        let (facts, connections) = (system.database, system.connections);
        Self {
            version: system.build.version,
            platform: format!("{os}-{arch}"),
            host: system.process.host.clone(),
            started_at: system.process.started_at,
            database: DatabaseView {
                engine: system.engine.as_str(),
                version: facts.version,
                location: facts.location,
                schema: facts.schema,
                newest_schema: facts.newest_schema,
                size_bytes: facts.size,
                open_connections: connections.connections,
                idle_connections: connections.idle,
                max_connections: connections.max,
                queue: connections.queue,
                connections_of_all_replicas: facts.connections,
            },
            jobs: system.jobs.into_iter().map(JobView::from).collect(),
            settings: system.process.settings.iter().map(SettingView::from).collect(),
        }
    }
}

impl From<Report> for JobView {
    fn from(report: Report) -> Self {
        Self {
            name: report.job.name,
            every_seconds: report.job.every.as_secs(),
            last_run: report.last.map(|run| RunView {
                began_at: run.began,
                duration_seconds: run.took.as_secs_f64(),
                outcome: if run.fault.is_none() { "done" } else { "failed" },
            }),
            next_run_at: report.running_since.is_none().then_some(report.next),
            running_since: report.running_since,
            failures: report.failures,
        }
    }
}

impl From<&InForce> for SettingView {
    fn from(setting: &InForce) -> Self {
        Self {
            name: setting.name,
            value: match &setting.value {
                Some(Shown::Text(text)) => Some(text.clone()),
                Some(Shown::Secret) | None => None,
            },
            set: setting.value.is_some(),
            origin: match setting.origin {
                Origin::Flag => "flag",
                Origin::Environment => "environment",
                Origin::File(_) => "file",
                Origin::Command => "command",
                Origin::Default => "default",
                Origin::Generated => "generated",
            },
        }
    }
}

/// How the server runs: version, database, background jobs, and the settings in force without the secret ones. Jobs,
/// connections and settings are those of the replica that answers.
#[utoipa::path(get, path = "/api/system", tag = "operations",
    responses((status = 200, body = SystemView), (status = "4XX", body = ProblemDocument)))]
pub async fn read(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
) -> Result<Json<SystemView>, ApiError> {
    Ok(Json(SystemView::of(system::read(&state.core, &state.process, &caller).await?)))
}
