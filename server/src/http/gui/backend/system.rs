use std::time::Duration;

use app::views::{DatabaseView, JobRow, SettingRow, SettingValue, SystemView, Tone};
use model::{Caller, Permission, Timestamp};
use store::{DatabaseFacts, EngineKind, StoreStats};

use super::{Services, rate_limits, words};
use crate::config::{InForce, Origin, Shown};
use crate::error::Result;
use crate::jobs::Report;
use crate::services::system;

/// A run that is later than this is not only waiting for its turn.
const LATE: Duration = Duration::from_secs(60);

impl Services {
    pub(super) async fn show_system(&self, caller: &Caller) -> Result<SystemView> {
        let core = &self.state.core;
        let system = system::read(core, &self.state.process, caller).await?;
        let now = core.now();
        let limits = match caller.rights.allows(Permission::RateLimitRead) {
            false => None,
            true => {
                Some(rate_limits::allowed(&crate::services::rate_limits::read(core, caller).await?.limits))
            }
        };
        let settings = system.process.settings.iter();
        let (defaults, given): (Vec<_>, Vec<_>) =
            settings.partition(|setting| setting.origin == Origin::Default);
        let (os, processor) = system.build.platform;
        let kind = if system.build.optimised { "release" } else { "debug" };
        Ok(SystemView {
            version: system.build.version,
            build: format!("{kind}, for {os} on {processor}"),
            host: system.process.host.clone(),
            started: words::moment(system.process.started_at, now),
            database: database(system.engine, system.database, system.connections),
            jobs: system.jobs.iter().map(|report| job(report, now)).collect(),
            given: given.into_iter().map(setting).collect(),
            defaults: defaults.into_iter().map(setting).collect(),
            limits,
            audit: self.list_link(Permission::AuditRead, "/audit?action=server.started"),
        })
    }
}

fn database(engine: EngineKind, facts: DatabaseFacts, stats: StoreStats) -> DatabaseView {
    let name = match engine {
        EngineKind::Sqlite => "SQLite",
        EngineKind::Postgres => "PostgreSQL",
    };
    let fits = match facts.schema == facts.newest_schema {
        true => words::badge("that of this binary", Tone::Ok),
        false => words::badge(&format!("this binary has {}", facts.newest_schema), Tone::Warn),
    };
    DatabaseView {
        engine: format!("{name} {}", facts.version),
        location: facts.location,
        size: words::octets(facts.size),
        schema: (facts.schema, fits),
        connections: format!("{} open, {} idle, {} at most", stats.connections, stats.idle, stats.max),
        queue: match stats.queue {
            0 => "nobody".to_owned(),
            n => n.to_string(),
        },
        all_replicas: facts.connections.map(|n| format!("{n} connections")),
    }
}

fn job(report: &Report, now: Timestamp) -> JobRow {
    let running = report.running_since;
    let status = match (&report.last, running) {
        (Some(run), _) if run.fault.is_some() && report.failures > 1 => {
            words::badge(&format!("failed {} times", words::grouped(report.failures)), Tone::Bad)
        }
        (Some(run), _) if run.fault.is_some() => words::badge("failed", Tone::Bad),
        (_, Some(since)) if since + LATE < now => words::badge("stuck", Tone::Warn),
        (None, _) => words::badge("running", Tone::Info),
        (Some(_), None) if report.next + LATE < now => words::badge("overdue", Tone::Warn),
        (Some(_), _) => words::badge("done", Tone::Ok),
    };
    JobRow {
        name: report.job.name,
        about: report.job.about,
        status,
        fault: report.last.as_ref().and_then(|run| run.fault.clone()),
        last: report.last.as_ref().map(|run| words::moment(run.began, now)),
        took: report.last.as_ref().map(|run| took(run.took)),
        next: running.is_none().then(|| words::moment(report.next, now)),
        every: format!("every {}", words::exact_span(report.job.every.as_secs())),
    }
}

/// `0.4 ms`, `120 ms`, `3.2 s`.
fn took(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1000.0;
    match milliseconds {
        ..10.0 => format!("{milliseconds:.1} ms"),
        ..1000.0 => format!("{milliseconds:.0} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

fn setting(setting: &InForce) -> SettingRow {
    SettingRow {
        name: setting.name,
        help: setting.help,
        value: match &setting.value {
            None => SettingValue::Unset,
            Some(Shown::Secret) => SettingValue::Hidden,
            Some(Shown::Text(text)) => SettingValue::Text(text.clone()),
        },
        origin: match &setting.origin {
            Origin::Flag => "flag".to_owned(),
            Origin::Environment => "environment".to_owned(),
            Origin::File(path) => format!("file {path}"),
            Origin::Command => "default of the command".to_owned(),
            Origin::Default => "default".to_owned(),
            Origin::Generated => "generated by the first start".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::{Job, Run};

    #[test]
    fn the_outcome_of_a_job_stands_beside_it_in_words() {
        static JOB: Job = Job { name: "a_job", about: "Does nothing.", every: Duration::from_secs(60) };
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        let run = |fault: Option<&str>| {
            let fault = fault.map(str::to_owned);
            Some(Run { began: now, took: Duration::from_millis(3), fault })
        };
        let waiting = Report { job: &JOB, last: run(None), running_since: None, next: now, failures: 0 };
        let failed = |failures| Report { last: run(Some("a fault")), failures, ..waiting.clone() };
        let minutes = |n: u64| Duration::from_secs(60 * n);
        for (report, word, fault) in [
            (Report { last: None, running_since: Some(now), ..waiting.clone() }, "running", None),
            (waiting.clone(), "done", None),
            (failed(1), "failed", Some("a fault")),
            (failed(2), "failed 2 times", Some("a fault")),
            (Report { running_since: Some(now - minutes(2)), ..waiting.clone() }, "stuck", None),
            (Report { next: now - minutes(2), ..waiting.clone() }, "overdue", None),
        ] {
            let row = job(&report, now);
            assert_eq!((row.status.word.as_str(), row.fault.as_deref()), (word, fault), "{report:?}");
        }
    }
}
