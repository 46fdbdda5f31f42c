//! Keeps the server's own certificate fresh.

use std::sync::Arc;
use std::time::Duration;

use crate::core::Core;
use crate::tls::{BootstrapCa, FileIdentity, ServerIdentity};

/// How often files are looked at, and the end of an own certificate.
const EVERY: Duration = Duration::from_secs(5);

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
        if let Some(end) = renewal.identity.not_after() {
            core.metrics.set_expiry("server", end.unix_seconds());
        }
        tokio::time::sleep(EVERY).await;
        match &mut renewal.source {
            Source::Bootstrap { ca, host } => {
                let due = renewal
                    .identity
                    .not_after()
                    .is_none_or(|end| BootstrapCa::renewal_time(end) <= core.now());
                if due {
                    match ca.issue(host, core.clock.as_ref(), core.entropy.as_ref()) {
                        Ok(key) => {
                            renewal.identity.exchange(key);
                            tracing::info!("renewed the server's own certificate");
                        }
                        Err(e) => tracing::error!(error = %e, "the server's own certificate was not renewed"),
                    }
                }
            }
            Source::Files(files) => match files.reload() {
                None => {}
                Some(Ok(key)) => {
                    renewal.identity.exchange(key);
                    tracing::info!("read the server's certificate again");
                }
                Some(Err(e)) => {
                    tracing::error!(error = %e, "the changed server certificate is unusable; the old one stays");
                }
            },
        }
    }
}
