//! The web server that answers http-01 (RFC 8555 §8.3) for all clients, in this process.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::signature::EcdsaKeyPair;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::error::Error;
use crate::keys;

/// The addresses 127.0.0.1 to 127.0.0.n that are answered for: enough that not every order is for the same name.
pub const ADDRESSES: u8 = 64;

const PATH: &str = "/.well-known/acme-challenge/";

/// No request of a validation has more, in bytes.
const LARGEST_REQUEST: usize = 4096;

/// The key authorizations (RFC 8555 §8.1) that are wanted now, by token.
#[derive(Debug, Clone, Default)]
pub struct Responses(Arc<Mutex<HashMap<String, String>>>);

/// Withdraws the answer when dropped.
#[must_use]
pub struct Response {
    responses: Responses,
    token: String,
}

impl Responses {
    /// Answers `token` for the account with `key`.
    pub fn put(&self, token: &str, key: &EcdsaKeyPair) -> Response {
        let key_authorization = format!("{token}.{}", keys::thumbprint(key));
        self.lock().insert(token.to_owned(), key_authorization);
        Response { responses: self.clone(), token: token.to_owned() }
    }

    fn get(&self, token: &str) -> Option<String> {
        self.lock().get(token).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        self.responses.lock().remove(&self.token);
    }
}

/// Listens on one port of all [`ADDRESSES`]. Dropped, it stops.
pub struct Responder {
    pub port: u16,
    pub responses: Responses,
    _listeners: JoinSet<()>,
}

impl Responder {
    /// # Errors
    /// When the port is taken on one of the addresses.
    pub async fn start() -> Result<Self, Error> {
        let responses = Responses::default();
        let mut listeners = JoinSet::new();
        let mut port = 0;
        // Not on 0.0.0.0: nothing here is for other machines.
        for last in 1..=ADDRESSES {
            let address = SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), port));
            let listener = TcpListener::bind(address).await?;
            port = listener.local_addr()?.port();
            listeners.spawn(accept(listener, responses.clone()));
        }
        Ok(Self { port, responses, _listeners: listeners })
    }
}

async fn accept(listener: TcpListener, responses: Responses) {
    while let Ok((stream, _)) = listener.accept().await {
        let responses = responses.clone();
        // A validation that is given up is the server's business, and shows there.
        tokio::spawn(async move { drop(answer(stream, &responses).await) });
    }
}

/// One request per connection: each validation opens one of its own.
async fn answer(mut stream: TcpStream, responses: &Responses) -> Result<(), Error> {
    let mut input = Vec::with_capacity(512);
    while !input.ends_with(b"\r\n\r\n") {
        if input.len() > LARGEST_REQUEST || stream.read_buf(&mut input).await? == 0 {
            return Err(Error::Http("a validation's request is incomplete"));
        }
    }
    let wanted = token(&input).and_then(|token| responses.get(token));
    let (status, body) = match &wanted {
        Some(body) => ("200 OK", body.as_str()),
        None => ("404 Not Found", ""),
    };
    let length = body.len();
    let response =
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    stream.write_all(response.as_bytes()).await?;
    Ok(stream.shutdown().await?)
}

/// The token that a request asks for.
fn token(request: &[u8]) -> Option<&str> {
    let line = std::str::from_utf8(request).ok()?.lines().next()?;
    line.strip_prefix("GET ")?.strip_prefix(PATH)?.strip_suffix(" HTTP/1.1")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(responder: &Responder, address: [u8; 4], token: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::from(address), responder.port)).await.unwrap();
        let request = format!("GET {PATH}{token} HTTP/1.1\r\nhost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        response
    }

    #[tokio::test]
    async fn an_answer_is_given_while_it_is_wanted() {
        let responder = Responder::start().await.unwrap();
        let key = keys::account_key().unwrap();
        let answer = responder.responses.put("t0", &key);
        let expected = format!("\r\n\r\nt0.{}", keys::thumbprint(&key));
        for address in [[127, 0, 0, 1], [127, 0, 0, ADDRESSES]] {
            let response = get(&responder, address, "t0").await;
            assert!(response.starts_with("HTTP/1.1 200 ") && response.ends_with(&expected), "{response}");
        }
        assert!(get(&responder, [127, 0, 0, 1], "t1").await.starts_with("HTTP/1.1 404 "));
        drop(answer);
        assert!(get(&responder, [127, 0, 0, 1], "t0").await.starts_with("HTTP/1.1 404 "));
    }
}
