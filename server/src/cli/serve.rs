use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Config, Settings};
use crate::startup::{Server, StartError};

pub async fn run(settings: &Settings) -> Result<(), StartError> {
    let config = Config::from_settings(settings)?;
    config.log.install();
    let acme = config.acme.enabled;
    let external_url = config.http.external_url.clone();
    let stop = stop_signal()?;
    let server = Server::prepare(config, settings, None).await?;
    tracing::info!(
        listen = %server.address, external_url = %external_url, acme, version = env!("CARGO_PKG_VERSION"),
        "certctl serves"
    );
    server.run(stop).await;
    tracing::info!("stopped; all requests were answered");
    Ok(())
}

/// Resolves at SIGTERM or SIGINT.
pub fn stop_signal() -> Result<impl Future<Output = ()>, StartError> {
    let listen =
        |kind| signal(kind).map_err(|e| StartError::Other(format!("signals cannot be received: {e}")));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
