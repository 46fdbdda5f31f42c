//! How this server runs.

use model::{Caller, Permission, Timestamp};
use store::{DatabaseFacts, EngineKind, StoreStats};

use crate::auth::authorise;
use crate::config::{InForce, Settings};
use crate::core::Core;
use crate::error::Result;
use crate::jobs::Report;

/// What stays as it is while the process lives.
#[derive(Debug)]
pub struct Process {
    pub started_at: Timestamp,
    /// The name of the machine; in Kubernetes that of the pod.
    pub host: Option<String>,
    pub settings: Vec<InForce>,
}

impl Process {
    pub fn new(core: &Core, settings: &Settings) -> Self {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
        let host = host.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        Self { started_at: core.now(), host, settings: settings.in_force() }
    }
}

/// The program.
#[derive(Debug, Clone, Copy)]
pub struct Build {
    pub version: &'static str,
    /// For which operating system and processor.
    pub platform: (&'static str, &'static str),
    pub optimised: bool,
}

const BUILD: Build = Build {
    version: env!("CARGO_PKG_VERSION"),
    platform: (std::env::consts::OS, std::env::consts::ARCH),
    optimised: !cfg!(debug_assertions),
};

/// This replica as it is now, and the database that all replicas share.
#[derive(Debug)]
pub struct System<'p> {
    pub build: Build,
    pub process: &'p Process,
    pub engine: EngineKind,
    pub database: DatabaseFacts,
    pub connections: StoreStats,
    pub jobs: Vec<Report>,
}

pub async fn read<'p>(core: &Core, process: &'p Process, caller: &Caller) -> Result<System<'p>> {
    authorise(caller, Permission::SystemRead)?;
    let database = core.store.facts().await?;
    Ok(System {
        build: BUILD,
        process,
        engine: core.store.engine(),
        database,
        connections: core.store.stats(),
        jobs: core.jobs.reports(),
    })
}
