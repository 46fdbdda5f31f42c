//! The one listener: TLS, HTTP/1.1 and HTTP/2, bounds on connections and time, and a graceful stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use ipnet::IpNet;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::Peer;
use super::shares::Shares;

/// For the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// For the header of a request, from the end of the answer before: so it ends idle connections too.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long requests in flight may take after the stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_STREAMS: u32 = 100;
const MAX_HEADER_BYTES: usize = 32 * 1024;

/// Bounds on open connections.
#[derive(Debug, Clone)]
pub struct Limits {
    pub connections: u32,
    /// Peers that speak for many clients and so are not bound as one.
    pub trusted_proxies: Vec<IpNet>,
}

/// Serves until `stop` resolves; then takes no more connections and lets requests in flight finish.
pub async fn serve(
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let acceptor = TlsAcceptor::from(tls);
    let graceful = GracefulShutdown::new();
    let slots = Slots::new(limits);
    let builder = connection_builder();
    let mut stop = std::pin::pin!(stop);
    loop {
        let slot = tokio::select! {
            slot = slots.next() => slot,
            () = &mut stop => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(e) => {
                // Out of file descriptors, mostly: others must end before another can begin.
                tracing::warn!(error = %e, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Some(share) = slots.by_address.take(peer.ip()) else {
            tracing::debug!(client.address = %peer, "refused a connection: too many from this address");
            continue;
        };
        let watcher = graceful.watcher();
        let (acceptor, builder, router) = (acceptor.clone(), builder.clone(), router.clone());
        tokio::spawn(async move {
            let _held = (slot, share);
            let Some(stream) = handshake(&acceptor, stream, peer).await else { return };
            let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
                request.extensions_mut().insert(Peer(peer));
                router.clone().oneshot(Request::from(request.map(axum::body::Body::new)))
            });
            let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
            if let Err(e) = watcher.watch(connection).await {
                tracing::trace!(client.address = %peer, error = %e, "a connection ended early");
            }
        });
    }
    drop(listener);
    let drained = tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await;
    if drained.is_err() {
        tracing::warn!("some requests did not finish in time and were cut");
    }
}

fn connection_builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(32 * 1024)
        .keep_alive_interval(HEADER_TIMEOUT)
        .keep_alive_timeout(HANDSHAKE_TIMEOUT);
    builder
}

async fn handshake(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    peer: SocketAddr,
) -> Option<tokio_rustls::server::TlsStream<TcpStream>> {
    // Answers are small and complete: waiting to fill a packet only costs time.
    let _ = stream.set_nodelay(true);
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(e)) => {
            tracing::debug!(client.address = %peer, error = %e, "the TLS handshake failed");
            None
        }
        Err(_) => {
            tracing::debug!(client.address = %peer, "the TLS handshake took too long");
            None
        }
    }
}

/// Places for connections: a number in all, and a quarter of them at most for one address, so that one slow client
/// cannot hold the server.
struct Slots {
    all: Arc<Semaphore>,
    by_address: Shares,
}

impl Slots {
    fn new(limits: Limits) -> Self {
        let all = limits.connections as usize;
        Self {
            all: Arc::new(Semaphore::new(all)),
            by_address: Shares::new((all / 4).max(1), limits.trusted_proxies),
        }
    }

    async fn next(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.all).acquire_owned().await.ok()
    }
}
