//! RFC 8555 §8.3.

use std::collections::HashSet;

use acme::ProblemType;
use bytes::Bytes;
use futures::future::{Either, select};
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use model::Identifier;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use url::Url;

use super::dial::Host;
use super::evidence::{Action, EXCERPT, Trace, excerpt};
use super::fault::Fault;
use super::{Target, Validator, tls};

const MAX_REDIRECTS: usize = 10;
const MAX_BODY: usize = 1024;
/// For the head of an answer.
const MAX_HEAD: usize = 16 * 1024;
/// Octets of a wrong body that the client is told.
const PREFIX: usize = 64;
/// A longer one is no URL that anybody meant.
const MAX_LOCATION: usize = 2048;

const ADVICE: &str = "Have the web server at that URL serve the file of the challenge, or pass the request on to the ACME client.";

pub(super) async fn validate(
    validator: &Validator,
    target: &Target<'_>,
    trace: &mut Trace,
) -> Result<(), Fault> {
    trace.expect(target.key_authorization);
    let ports = [80, 443, validator.http01_port, validator.tls_alpn01_port];
    let mut url = first_url(validator, target)?;
    let own_host = url.host().map(|host| host.to_owned());
    let mut seen = HashSet::new();
    while seen.len() <= MAX_REDIRECTS {
        if !seen.insert(url.clone()) {
            return Err(misdirected(&format!("{} redirects back to itself", shown_url(&url))));
        }
        match get(validator, &url, trace).await? {
            Answer::Redirect(location) => url = next_url(&ports, &url, &location)?,
            Answer::Body(body) => {
                let is_own = url.host().map(|host| host.to_owned()) == own_host;
                return compare(target, &url, is_own, &body, trace);
            }
        }
    }
    Err(misdirected(&format!("More than {MAX_REDIRECTS} redirects, the last to {}", shown_url(&url))))
}

fn first_url(validator: &Validator, target: &Target<'_>) -> Result<Url, Fault> {
    let host = match target.identifier {
        Identifier::Dns(name) => name.base().to_owned(),
        Identifier::Ip(std::net::IpAddr::V4(address)) => address.to_string(),
        Identifier::Ip(std::net::IpAddr::V6(address)) => format!("[{address}]"),
    };
    let path = format!("/.well-known/acme-challenge/{}", target.token);
    let url = Url::parse(&format!("http://{host}:{}{path}", validator.http01_port)).ok();
    // To URLs, some DNS names are addresses (`127.0.0.0x1`), and control of an address says nothing about a name.
    url.filter(|url| host_of(url).as_ref() == Some(&Host::from(target.identifier)) && url.path() == path)
        .ok_or_else(|| {
            Fault::refused(
                ProblemType::RejectedIdentifier,
                format!("{} is not a name that a URL can have.", target.identifier),
                "Use another challenge.",
            )
        })
}

fn host_of(url: &Url) -> Option<Host> {
    Some(match url.host()? {
        url::Host::Domain(name) => Host::Name(name.to_owned()),
        url::Host::Ipv4(address) => Host::Address(address.into()),
        url::Host::Ipv6(address) => Host::Address(address.into()),
    })
}

/// Where a redirect leads: by http or https, to the ports on which challenges are answered, and to no other service
/// inside the network (RFC 8555 §10.4).
fn next_url(ports: &[u16], from: &Url, location: &[u8]) -> Result<Url, Fault> {
    let shown = excerpt(location, EXCERPT);
    let location = std::str::from_utf8(location).ok().filter(|text| text.len() <= MAX_LOCATION);
    let Some(mut url) = location.and_then(|location| from.join(location).ok()) else {
        return Err(misdirected(&format!("{} redirects to what is no URL: `{shown}`", shown_url(from))));
    };
    url.set_fragment(None);
    let fault = if !matches!(url.scheme(), "http" | "https") {
        "only http and https are followed"
    } else if !url.port_or_known_default().is_some_and(|port| ports.contains(&port)) {
        "only the ports 80 and 443, and those set for challenges, are followed"
    } else if !url.username().is_empty() || url.password().is_some() {
        "a URL with a user name is not followed"
    } else {
        return Ok(url);
    };
    let mut refused = misdirected(&format!("{} redirects to `{shown}`: {fault}", shown_url(from)));
    refused.failure.retryable = false;
    Err(refused)
}

enum Answer {
    Redirect(Vec<u8>),
    /// At most one octet more than allowed.
    Body(Vec<u8>),
}

async fn get(validator: &Validator, url: &Url, trace: &mut Trace) -> Result<Answer, Fault> {
    let (Some(host), Some(port)) = (host_of(url), url.port_or_known_default()) else {
        return Err(misdirected(&format!("{} has no host", shown_url(url))));
    };
    let stream = validator.dialler.dial(&host, port, trace).await?;
    if url.scheme() != "https" {
        return exchange(stream, url, trace).await;
    }
    let name = match host {
        Host::Name(name) => ServerName::try_from(name),
        Host::Address(address) => Ok(ServerName::from(address)),
    };
    let name =
        name.map_err(|_| misdirected(&format!("{} has a host that TLS cannot ask for", shown_url(url))))?;
    exchange(tls::handshake(stream, name, &validator.http_tls, trace).await?, url, trace).await
}

async fn exchange<S>(stream: S, url: &Url, trace: &mut Trace) -> Result<Answer, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let since = trace.begin(format!("waiting for the answer of {}", shown_url(url)));
    let result = request(stream, url).await;
    let action = |status, location| Action::Request { url: shown_url(url), status, location };
    match result {
        Ok((status, _, Some(location))) if is_redirect(status) => {
            trace.step(
                since.elapsed(),
                action(Some(status.as_u16()), Some(excerpt(&location, EXCERPT))),
                None,
            );
            Ok(Answer::Redirect(location))
        }
        Ok((status, body, _)) => {
            trace.step(since.elapsed(), action(Some(status.as_u16()), None), None);
            if status == StatusCode::OK {
                return Ok(Answer::Body(body));
            }
            trace.read(excerpt(&body, EXCERPT));
            Err(Fault::retryable(
                ProblemType::IncorrectResponse,
                format!("{} answered with status {}; 200 is expected.", shown_url(url), status.as_u16()),
                ADVICE,
            ))
        }
        Err(error) => {
            let why = describe(&error);
            trace.step(since.elapsed(), action(None, None), Some(why.clone()));
            Err(Fault::retryable(
                ProblemType::Connection,
                format!("{} gave no answer: {why}.", shown_url(url)),
                "Have a web server answer there with HTTP/1.1.",
            ))
        }
    }
}

/// Status, body and `Location`. Reads no more of the body than is needed to see that it is too long.
async fn request<S>(stream: S, url: &Url) -> hyper::Result<(StatusCode, Vec<u8>, Option<Vec<u8>>)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
        .await?;
    let exchange = async {
        let mut response = sender.send_request(head(url)).await?;
        let mut body = Vec::new();
        while body.len() <= MAX_BODY
            && let Some(frame) = response.frame().await
        {
            if let Some(data) = frame?.data_ref() {
                body.extend_from_slice(&data[..data.len().min(MAX_BODY + 1 - body.len())]);
            }
        }
        let location = response.headers().get(header::LOCATION).map(|value| value.as_bytes().to_vec());
        Ok((response.status(), body, location))
    };
    // The connection may end before what it brought was read.
    match select(std::pin::pin!(exchange), std::pin::pin!(connection)).await {
        Either::Left((answer, _)) => answer,
        Either::Right((_, exchange)) => exchange.await,
    }
}

fn head(url: &Url) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    let mut target = url.path().to_owned();
    if let Some(query) = url.query() {
        target.push('?');
        target.push_str(query);
    }
    if let Ok(target) = target.parse() {
        *request.uri_mut() = target;
    }
    let host = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or_default().to_owned(),
    };
    let headers = request.headers_mut();
    if let Ok(host) = host.parse() {
        headers.insert(header::HOST, host);
    }
    let agent = concat!("certctl/", env!("CARGO_PKG_VERSION"), " (ACME http-01)");
    headers.insert(header::USER_AGENT, header::HeaderValue::from_static(agent));
    headers.insert(header::ACCEPT, header::HeaderValue::from_static("*/*"));
    headers.insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    request
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn describe(error: &hyper::Error) -> String {
    let io = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
    match io {
        Some(io) => super::dial::words(io),
        None if error.is_incomplete_message() => "the connection was closed".to_owned(),
        None => excerpt(error.to_string().as_bytes(), EXCERPT),
    }
}

/// White space at the end is ignored, as editors and shells leave it.
fn compare(
    target: &Target<'_>,
    url: &Url,
    is_own: bool,
    body: &[u8],
    trace: &mut Trace,
) -> Result<(), Fault> {
    trace.read(excerpt(body, EXCERPT));
    let expected = target.key_authorization;
    if body.len() <= MAX_BODY && body.trim_ascii_end() == expected.as_bytes() {
        return Ok(());
    }
    // A redirect can lead anywhere that the server reaches. What lies there is shown to administrators only.
    let read = match is_own {
        true => format!("read `{}`", excerpt(body.trim_ascii_end(), PREFIX)),
        false => "read something else".to_owned(),
    };
    Err(Fault::retryable(
        ProblemType::IncorrectResponse,
        format!("Wrong key authorization at {}: expected `{expected}`, {read}.", shown_url(url)),
        if body.len() > MAX_BODY {
            "Have that URL answer with the key authorization alone; what came is longer than 1 KiB."
        } else {
            ADVICE
        },
    ))
}

/// A redirect that cannot be followed. The server answered, but not with what the challenge requires.
fn misdirected(what: &str) -> Fault {
    Fault::retryable(
        ProblemType::IncorrectResponse,
        format!("{what}."),
        "Have the web server answer requests below /.well-known/acme-challenge/ itself, or redirect them straight to where they are answered.",
    )
}

fn shown_url(url: &Url) -> String {
    excerpt(url.as_str().as_bytes(), EXCERPT)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_redirect_leads_to_no_other_port_or_scheme(
            location in prop_oneof![
                any::<Vec<u8>>(),
                "(http|https|ftp|HTTP|javascript|)(:|://|//|/\\\\)[a-z0-9.@:\\[\\]%]{0,30}(:[0-9]{1,5})?(/.{0,10})?"
                    .prop_map(String::into_bytes),
            ],
        ) {
            let from = Url::parse("http://a.test:5002/x").unwrap();
            if let Ok(url) = next_url(&[80, 443, 5002], &from, &location) {
                prop_assert!(["http", "https"].contains(&url.scheme()), "{}", url);
                prop_assert!([80, 443, 5002].contains(&url.port_or_known_default().unwrap()), "{}", url);
                prop_assert!(url.username().is_empty() && url.password().is_none(), "{}", url);
                prop_assert!(host_of(&url).is_some() && head(&url).headers().contains_key("host"), "{}", url);
            }
        }
    }
}
