//! One keep-alive HTTPS connection that sends one HTTP/1.1 request at a time.
//!
//! The generator shares two cores with what it measures. Written out over the TLS stream, a request is one buffer,
//! one TLS record and one system call each way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::Error;

/// What we take of a response at most; the largest that a server sends here is a chain of a few certificates.
const LARGEST_ANSWER: usize = 1 << 20;

/// Room for one full TLS record.
const READ_SIZE: usize = 16 * 1024;

/// Where requests go: one origin on this machine, and the CA that its TLS certificate must come from.
#[derive(Clone)]
pub struct Endpoint {
    /// `https://host:port`, what every URL of the server must start with.
    origin: String,
    address: SocketAddr,
    name: ServerName<'static>,
    tls: TlsConnector,
}

impl Endpoint {
    /// The origin of `url`, reached by the loopback address whatever its host name says: a load generator that can
    /// be pointed at other people's machines is not wanted.
    ///
    /// # Errors
    /// When `url` is not `https://host:port/…` or `ca_pem` holds no certificate.
    pub fn new(url: &str, ca_pem: &[u8]) -> Result<Self, Error> {
        let malformed = || Error::other(format!("{url} is not of the form https://host:port/…"));
        let authority = url.strip_prefix("https://").ok_or_else(malformed)?;
        let authority = authority.split('/').next().unwrap_or(authority);
        let (host, port) = authority.rsplit_once(':').ok_or_else(malformed)?;
        let port: u16 = port.parse().map_err(|_| malformed())?;

        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca_pem) {
            let certificate = certificate.map_err(|e| Error::other(format!("the server's CA: {e}")))?;
            roots.add(certificate).map_err(|e| Error::other(format!("the server's CA: {e}")))?;
        }
        if roots.is_empty() {
            return Err(Error::other("the server's CA file holds no certificate"));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::other(e.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            origin: format!("https://{authority}"),
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            name: ServerName::try_from(host.to_owned()).map_err(|_| malformed())?,
            tls: TlsConnector::from(Arc::new(config)),
        })
    }

    /// # Errors
    /// When nobody listens or the TLS handshake fails.
    pub async fn connect(&self) -> Result<Connection, Error> {
        let stream = open(self).await?;
        Ok(Connection {
            endpoint: self.clone(),
            stream,
            input: Vec::new(),
            output: Vec::new(),
            requests: 0,
            closing: false,
        })
    }
}

/// An open connection. After an error it is of no more use.
pub struct Connection {
    endpoint: Endpoint,
    stream: TlsStream<TcpStream>,
    input: Vec<u8>,
    output: Vec<u8>,
    requests: u64,
    /// The server said `Connection: close`.
    closing: bool,
}

/// A response, of its header what an ACME client looks at.
#[derive(Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub nonce: Option<String>,
    pub location: Option<String>,
    /// The first `Set-Cookie`, up to its attributes.
    pub cookie: Option<String>,
    /// In whole seconds; a date counts as none.
    pub retry_after: Option<Duration>,
    pub body: Vec<u8>,
}

impl Connection {
    /// How many requests were sent so far.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Sends a request and waits for the whole response. A body goes out as `application/jose+json` (RFC 8555
    /// §6.2).
    ///
    /// # Errors
    /// When the connection breaks or the response is not HTTP/1.1. A response with an error status is no error.
    pub async fn send(&mut self, method: &str, url: &str, body: Option<&[u8]>) -> Result<Answer, Error> {
        let kind = [("content-type", "application/jose+json")];
        self.send_with(method, url, if body.is_some() { &kind } else { &[] }, body).await
    }

    /// The same with any headers.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn send_with(
        &mut self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Answer, Error> {
        if self.closing {
            self.stream = open(&self.endpoint).await?;
            self.input.clear();
            self.closing = false;
        }
        let path = url
            .strip_prefix(self.endpoint.origin.as_str())
            .filter(|path| path.starts_with('/'))
            .ok_or_else(|| Error::other(format!("{url} is not a URL of {}", self.endpoint.origin)))?;
        self.output.clear();
        // ACME demands a User-Agent (RFC 8555 §6.1).
        let host = &self.endpoint.origin["https://".len()..];
        for part in [method, " ", path, " HTTP/1.1\r\nhost: ", host, "\r\nuser-agent: certctl-bench\r\n"] {
            self.output.extend_from_slice(part.as_bytes());
        }
        for (name, value) in headers {
            for part in [name, ": ", value, "\r\n"] {
                self.output.extend_from_slice(part.as_bytes());
            }
        }
        if let Some(body) = body {
            self.output.extend_from_slice(b"content-length: ");
            self.output.extend_from_slice(body.len().to_string().as_bytes());
            self.output.extend_from_slice(b"\r\n");
        }
        self.output.extend_from_slice(b"\r\n");
        self.output.extend_from_slice(body.unwrap_or_default());
        self.stream.write_all(&self.output).await?;
        self.stream.flush().await?;
        self.requests += 1;
        self.receive(method).await
    }

    async fn receive(&mut self, method: &str) -> Result<Answer, Error> {
        let head = loop {
            match Head::parse(&self.input)? {
                Some(head) => break head,
                None => self.fill().await?,
            }
        };
        self.closing = head.close;
        let mut answer = head.answer;
        let start = head.length;
        let framing = if method == "HEAD" || matches!(answer.status, 204 | 304) {
            Framing::Length(0)
        } else {
            head.framing
        };
        let end = match framing {
            Framing::Length(length) => {
                let end = start + length;
                while self.input.len() < end {
                    self.fill().await?;
                }
                answer.body.extend_from_slice(&self.input[start..end]);
                end
            }
            Framing::Chunked => loop {
                match unchunk(&self.input[start..])? {
                    Some((body, used)) => {
                        answer.body = body;
                        break start + used;
                    }
                    None => self.fill().await?,
                }
            },
        };
        self.input.drain(..end);
        Ok(answer)
    }

    async fn fill(&mut self) -> Result<(), Error> {
        if self.input.len() > LARGEST_ANSWER {
            return Err(Error::Http("a response is too long"));
        }
        self.input.reserve(READ_SIZE);
        match self.stream.read_buf(&mut self.input).await? {
            0 => Err(Error::Http("the server closed the connection")),
            _ => Ok(()),
        }
    }
}

async fn open(endpoint: &Endpoint) -> Result<TlsStream<TcpStream>, Error> {
    let stream = TcpStream::connect(endpoint.address).await?;
    stream.set_nodelay(true)?;
    Ok(endpoint.tls.connect(endpoint.name.clone(), stream).await?)
}

/// The status line and header of a response.
#[derive(Debug)]
struct Head {
    /// With an empty body.
    answer: Answer,
    /// Bytes up to the body.
    length: usize,
    framing: Framing,
    close: bool,
}

/// How the end of the body is found (RFC 9112 §6).
#[derive(Debug, PartialEq)]
enum Framing {
    Length(usize),
    Chunked,
}

impl Head {
    /// `None` while it is incomplete.
    fn parse(input: &[u8]) -> Result<Option<Self>, Error> {
        let mut headers = [httparse::EMPTY_HEADER; 48];
        let mut response = httparse::Response::new(&mut headers);
        let length = match response.parse(input) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(Error::Http("a response is not HTTP/1.1")),
        };
        let mut head = Self {
            answer: Answer { status: response.code.unwrap_or_default(), ..Answer::default() },
            length,
            framing: Framing::Length(0),
            close: false,
        };
        for header in response.headers.iter() {
            let text = || std::str::from_utf8(header.value).map_err(|_| Error::Http("a header is not text"));
            match header.name {
                name if name.eq_ignore_ascii_case("replay-nonce") => {
                    head.answer.nonce = Some(text()?.to_owned());
                }
                name if name.eq_ignore_ascii_case("location") => {
                    head.answer.location = Some(text()?.to_owned());
                }
                name if name.eq_ignore_ascii_case("set-cookie") && head.answer.cookie.is_none() => {
                    head.answer.cookie = text()?.split(';').next().map(str::to_owned);
                }
                name if name.eq_ignore_ascii_case("retry-after") => {
                    head.answer.retry_after = text()?.trim().parse().ok().map(Duration::from_secs);
                }
                name if name.eq_ignore_ascii_case("connection") => {
                    head.close = text()?.eq_ignore_ascii_case("close");
                }
                name if name.eq_ignore_ascii_case("content-length") => {
                    let length = text()?.trim().parse().ok().filter(|&length| length <= LARGEST_ANSWER);
                    head.framing = Framing::Length(length.ok_or(Error::Http("content-length"))?);
                }
                name if name.eq_ignore_ascii_case("transfer-encoding") => head.framing = Framing::Chunked,
                _ => {}
            }
        }
        Ok(Some(head))
    }
}

/// The body in `input` and how many bytes it took there; `None` while it is incomplete.
fn unchunk(input: &[u8]) -> Result<Option<(Vec<u8>, usize)>, Error> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let (head, size) = match httparse::parse_chunk_size(&input[at..]) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(Error::Http("a chunk has no size")),
        };
        let size = usize::try_from(size).ok().filter(|&size| size <= LARGEST_ANSWER);
        let start = at + head;
        let end = start + size.ok_or(Error::Http("a chunk is too long"))?;
        match input.get(end..end + 2) {
            Some(b"\r\n") => {}
            Some(_) => return Err(Error::Http("a chunk is longer than its size")),
            None => return Ok(None),
        }
        if start == end {
            return Ok(Some((body, end + 2)));
        }
        body.extend_from_slice(&input[start..end]);
        at = end + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_parsed_once_it_is_whole() {
        let input = b"HTTP/1.1 201 Created\r\nReplay-Nonce: abc\r\nRetry-After: 2\r\nlocation: https://x:1/o\r\nContent-Length: 2\r\n\r\n{}";
        assert!(Head::parse(&input[..40]).unwrap().is_none());
        let head = Head::parse(input).unwrap().unwrap();
        assert_eq!(head.answer.status, 201);
        assert_eq!(head.answer.nonce.as_deref(), Some("abc"));
        assert_eq!(head.answer.location.as_deref(), Some("https://x:1/o"));
        assert_eq!(head.answer.retry_after, Some(Duration::from_secs(2)));
        assert_eq!(head.framing, Framing::Length(2));
        assert_eq!(&input[head.length..], b"{}");
        assert!(Head::parse(b"SSH-2.0\r\n\r\n").is_err());
    }

    #[test]
    fn chunks_are_joined_and_the_rest_is_left() {
        let input = b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nHTTP";
        assert_eq!(unchunk(input).unwrap(), Some((b"abcde".to_vec(), input.len() - 4)));
        for end in 0..input.len() - 4 {
            assert_eq!(unchunk(&input[..end]).unwrap(), None, "{end}");
        }
        assert!(unchunk(b"2\r\nabc\r\n").is_err());
    }

    #[test]
    fn only_an_origin_with_a_port_is_taken() {
        for url in ["http://localhost:1/", "https://localhost/", "https://localhost:x/"] {
            assert!(Endpoint::new(url, b"").is_err(), "{url}");
        }
    }
}
