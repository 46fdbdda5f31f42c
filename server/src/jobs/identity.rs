//! Keeps the server's own certificate fresh.

use std::sync::Arc;
use std::time::Duration;

use crate::core::Core;
use crate::error::{Error, Result};
use crate::jobs::Job;
use crate::tls::{BootstrapCa, FileIdentity, ServerIdentity};

pub(super) const RENEW: Job = Job {
    name: "renew_server_certificate",
    about: "Renews the server's own certificate before its end, or reads its files again when they change.",
    every: Duration::from_secs(5),
};

/// Where the next certificate comes from.
#[derive(Debug)]
pub struct Renewal {
    pub identity: Arc<ServerIdentity>,
    pub source: Source,
}

#[derive(Debug)]
pub enum Source {
    Bootstrap { ca: Box<BootstrapCa>, host: String },
    Files(FileIdentity),
}

pub(super) async fn renew(core: Arc<Core>, mut renewal: Renewal) {
    loop {
        core.jobs.run(&core, &RENEW, async { renewal.renew(&core) }).await;
        tokio::time::sleep(RENEW.every).await;
    }
}

impl Renewal {
    fn renew(&mut self, core: &Core) -> Result<()> {
        let renewed = match &mut self.source {
            Source::Bootstrap { ca, host } => {
                let due =
                    self.identity.not_after().is_none_or(|end| BootstrapCa::renewal_time(end) <= core.now());
                match due {
                    false => None,
                    true => Some(ca.issue(host, core.clock.as_ref(), core.entropy.as_ref())?),
                }
            }
            Source::Files(files) => files.reload().transpose().map_err(|e| {
                Error::Internal(format!("the changed server certificate is unusable, the old one stays: {e}"))
            })?,
        };
        if let Some(key) = renewed {
            self.identity.exchange(key);
            tracing::info!("the server's own certificate was exchanged");
        }
        if let Some(end) = self.identity.not_after() {
            core.metrics.set_expiry("server", end.unix_seconds());
        }
        Ok(())
    }
}
