//! The HTTP server of http-01 (RFC 8555 §8.3): it serves what a row tells it, and remembers who asked for what.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A client that is slower is cut.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much of an endless page is sent at most: far more than a validator has reason to read.
const ENDLESS: usize = 64 << 20;

/// What a path answers.
#[derive(Clone, Debug)]
pub enum Page {
    Body(Vec<u8>),
    /// Status and Location.
    Redirect(u16, String),
    /// This, and then octets without end.
    Endless(Vec<u8>),
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Hit {
    pub path: String,
    pub host: String,
    /// Where it came in.
    pub address: IpAddr,
}

#[derive(Debug, Default)]
struct State {
    pages: HashMap<String, Page>,
    hits: Vec<Hit>,
    /// Octets of endless pages that clients have taken.
    endless: HashMap<String, usize>,
    /// Connections to the address that nobody may connect to.
    forbidden: usize,
}

/// The server. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Http01 {
    state: Arc<Mutex<State>>,
    port: u16,
}

impl Http01 {
    pub(super) async fn start(port: u16, forbidden: Option<Ipv4Addr>) -> io::Result<Self> {
        let state = Arc::new(Mutex::new(State::default()));
        let server = Self { state, port };
        server.listen(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?, false);
        if let Some(address) = forbidden {
            server.listen(TcpListener::bind((address, port)).await?, true);
        }
        Ok(server)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn serve(&self, path: &str, page: Page) {
        self.state().pages.insert(path.to_owned(), page);
    }

    /// The requests for a path.
    pub fn hits(&self, path: &str) -> Vec<Hit> {
        self.state().hits.iter().filter(|hit| hit.path == path).cloned().collect()
    }

    /// How much of an endless page has been taken.
    pub fn taken(&self, path: &str) -> usize {
        self.state().endless.get(path).copied().unwrap_or_default()
    }

    /// How many connections the forbidden address has seen.
    pub fn forbidden_connections(&self) -> usize {
        self.state().forbidden
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(&self, listener: TcpListener, forbidden: bool) {
        let server = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if forbidden {
                    server.state().forbidden += 1;
                }
                let server = server.clone();
                tokio::spawn(async move {
                    // A validator that hangs up is none of our trouble.
                    let _ = tokio::time::timeout(PATIENCE, server.answer(stream)).await;
                });
            }
        });
    }

    async fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut head = Vec::new();
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            if head.len() > 16 << 10 || stream.read_buf(&mut head).await? == 0 {
                return Ok(());
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let path = head.split(' ').nth(1).unwrap_or("/").to_owned();
        let host = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("host").then(|| value.trim().to_owned())
        });
        let address = stream.local_addr()?.ip();
        let page = {
            let mut state = self.state();
            state.hits.push(Hit { path: path.clone(), host: host.unwrap_or_default(), address });
            state.pages.get(&path).cloned()
        };
        match page {
            None => respond(&mut stream, "404 Not Found", "", b"nothing here").await,
            Some(Page::Body(body)) => respond(&mut stream, "200 OK", "", &body).await,
            Some(Page::Redirect(status, to)) => {
                let location = format!("Location: {to}\r\n");
                respond(&mut stream, &format!("{status} Elsewhere"), &location, b"").await
            }
            Some(Page::Endless(start)) => self.flood(&mut stream, &path, &start).await,
        }
    }

    async fn flood(&self, stream: &mut TcpStream, path: &str, start: &[u8]) -> io::Result<()> {
        stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await?;
        stream.write_all(start).await?;
        let chunk = [b'x'; 4096];
        for _ in 0..ENDLESS / chunk.len() {
            stream.write_all(&chunk).await?;
            *self.state().endless.entry(path.to_owned()).or_default() += chunk.len();
        }
        Ok(())
    }
}

async fn respond(stream: &mut TcpStream, status: &str, more: &str, body: &[u8]) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\n{more}Content-Type: application/octet-stream\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    stream.shutdown().await
}
