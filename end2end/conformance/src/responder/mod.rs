//! What answers the server's validations: an HTTP server, a TLS server and a DNS server, all on loopback.

mod dns;
mod http01;
mod tls_alpn01;

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use aws_lc_rs::digest;
use serde_json::Value;
use testkit::acme::Key;

use crate::acme::b64;

pub use dns::{Dns, Fault};
pub use http01::{Http01, Page};
pub use tls_alpn01::{Shape, TlsAlpn01};

/// The registered challenge types that the suite can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Http01,
    Dns01,
    TlsAlpn01,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::Dns01 => "dns-01",
            Self::TlsAlpn01 => "tls-alpn-01",
        }
    }
}

/// On which ports to answer; `None`: not at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    pub http01: Option<u16>,
    pub tls_alpn01: Option<u16>,
    pub dns: Option<u16>,
}

/// The three servers, as far as there are ports for them. Clones share them.
#[derive(Clone, Debug)]
pub struct Responder {
    http01: Option<Http01>,
    tls_alpn01: Option<TlsAlpn01>,
    dns: Option<Dns>,
    kinds: Vec<Kind>,
}

impl Responder {
    /// Starts what has a port. `forbidden`: an address that the server must never connect to; it is listened on to
    /// see that.
    ///
    /// # Errors
    /// When a port is taken.
    pub async fn start(ports: Ports, forbidden: Option<Ipv4Addr>) -> io::Result<Option<Self>> {
        let mut responder = Self { http01: None, tls_alpn01: None, dns: None, kinds: Vec::new() };
        if let Some(port) = ports.http01 {
            responder.http01 = Some(Http01::start(port, forbidden).await?);
            responder.kinds.push(Kind::Http01);
        }
        if let Some(port) = ports.dns {
            responder.dns = Some(Dns::start(port).await?);
            responder.kinds.push(Kind::Dns01);
        }
        if let Some(port) = ports.tls_alpn01 {
            responder.tls_alpn01 = Some(TlsAlpn01::start(port).await?);
            responder.kinds.push(Kind::TlsAlpn01);
        }
        Ok((!responder.kinds.is_empty()).then_some(responder))
    }

    /// What can be answered, best first.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    pub fn http01(&self) -> Option<&Http01> {
        self.http01.as_ref()
    }

    pub fn tls_alpn01(&self) -> Option<&TlsAlpn01> {
        self.tls_alpn01.as_ref()
    }

    pub fn dns(&self) -> Option<&Dns> {
        self.dns.as_ref()
    }

    /// Makes the right answer to a challenge available.
    pub fn provide(&self, kind: Kind, identifier: &Value, token: &str, key: &Key) {
        let name = identifier["value"].as_str().unwrap_or_default();
        let key_authorization = key_authorization(token, key);
        match kind {
            Kind::Http01 => {
                if let Some(http01) = &self.http01 {
                    http01.serve(&challenge_path(token), Page::Body(key_authorization.into_bytes()));
                }
            }
            Kind::Dns01 => {
                if let Some(dns) = &self.dns {
                    dns.add_txt(&format!("_acme-challenge.{name}"), &b64(sha256(&key_authorization)));
                }
            }
            Kind::TlsAlpn01 => {
                if let Some(tls) = &self.tls_alpn01 {
                    tls.serve(name, &sha256(&key_authorization), Shape::Right);
                }
            }
        }
    }
}

/// RFC 8555 §8.1.
pub fn key_authorization(token: &str, key: &Key) -> String {
    format!("{token}.{}", key.thumbprint())
}

/// RFC 8555 §8.3.
pub fn challenge_path(token: &str) -> String {
    format!("/.well-known/acme-challenge/{token}")
}

/// SHA-256, which dns-01 and tls-alpn-01 show instead of the key authorization itself.
pub fn sha256(text: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, text.as_bytes()).as_ref().to_vec()
}

/// The name under which a TLS server is asked for the certificate of `name` (RFC 8738 §6 for addresses).
fn server_name_of(name: &str) -> String {
    match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => {
            let [a, b, c, d] = ip.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        Ok(IpAddr::V6(ip)) => {
            let nibbles: Vec<String> =
                hex::encode(ip.octets()).chars().rev().map(|nibble| nibble.to_string()).collect();
            format!("{}.ip6.arpa", nibbles.join("."))
        }
        Err(_) => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_arpa_names() {
        assert_eq!(server_name_of("127.0.0.1"), "1.0.0.127.in-addr.arpa");
        assert!(server_name_of("::1").starts_with("1.0.0.0."));
        assert!(server_name_of("2001:db8::1").ends_with("8.b.d.0.1.0.0.2.ip6.arpa"));
        assert_eq!(server_name_of("a.example"), "a.example");
    }
}
