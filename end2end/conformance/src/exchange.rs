//! A request and its answer, as they are shown when a row fails.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

/// The start of every registered problem type (RFC 8555 §6.7).
pub const URN: &str = "urn:ietf:params:acme:error:";

/// How much of a body a report shows.
const SHOWN: usize = 1500;

/// What was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    pub method: http::Method,
    pub url: String,
    pub content_type: Option<String>,
    pub body: Bytes,
}

/// What came back, with what had been sent.
#[derive(Clone, Debug)]
pub struct Answer {
    pub sent: Arc<Sent>,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A link of RFC 8288.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub url: String,
    pub relation: String,
}

impl Answer {
    /// The first header of that name, when it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Every line of that header.
    pub fn lines(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok())
    }

    pub fn location(&self) -> Option<&str> {
        self.header("location")
    }

    pub fn nonce(&self) -> Option<&str> {
        self.header("replay-nonce")
    }

    /// Seconds, or the date that RFC 9110 §10.2.3 allows too.
    pub fn retry_after(&self) -> Option<&str> {
        self.header("retry-after").filter(|value| {
            value.parse::<u32>().is_ok() || (value.ends_with("GMT") && value.split(' ').count() == 6)
        })
    }

    /// All links, also those that share a line.
    pub fn links(&self) -> Vec<Link> {
        self.lines("link").flat_map(links_of_line).collect()
    }

    /// The target of the first link of that relation.
    pub fn link(&self, relation: &str) -> Option<String> {
        self.links().into_iter().find(|link| link.relation == relation).map(|link| link.url)
    }

    /// The body; null when it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn content_type(&self) -> &str {
        self.header("content-type").unwrap_or("").split(';').next().unwrap_or("").trim()
    }

    /// The name of the ACME problem, without the URN's start; empty for everything else.
    pub fn problem(&self) -> String {
        let kind = self.json()["type"].as_str().unwrap_or("").to_owned();
        kind.strip_prefix(URN).unwrap_or("").to_owned()
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Refused for something that the client did.
    pub fn is_refused(&self) -> bool {
        (400..500).contains(&self.status)
    }

    /// What the answer is, in a few words.
    pub fn gist(&self) -> String {
        match self.problem().as_str() {
            "" if self.content_type() == "application/problem+json" => {
                format!("{} with the problem type {}", self.status, self.json()["type"])
            }
            "" => self.status.to_string(),
            kind => format!("{} {kind}", self.status),
        }
    }
}

fn links_of_line(line: &str) -> Vec<Link> {
    let mut links = Vec::new();
    let mut rest = line;
    while let Some((url, after)) = rest.split_once('<').and_then(|(_, r)| r.split_once('>')) {
        let end = after.find(",<").or_else(|| after.find(", <")).unwrap_or(after.len());
        let relation = after[..end].split(';').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            (name.trim() == "rel").then(|| value.trim().trim_matches('"').to_owned())
        });
        links.push(Link { url: url.to_owned(), relation: relation.unwrap_or_default() });
        rest = &after[end..];
    }
    links
}

/// A JWS is shown with its header and payload decoded, since that is what a reader wants to see.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "> {} {}", self.sent.method, self.sent.url)?;
        if let Some(kind) = &self.sent.content_type {
            writeln!(f, "> Content-Type: {kind}")?;
        }
        for line in shown_body(&self.sent.body) {
            writeln!(f, "> {line}")?;
        }
        writeln!(f, "< {}", self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "< {name}: {}", String::from_utf8_lossy(value.as_bytes()))?;
        }
        for line in cut(&self.text()).lines() {
            writeln!(f, "< {line}")?;
        }
        Ok(())
    }
}

fn shown_body(body: &[u8]) -> Vec<String> {
    if body.is_empty() {
        return Vec::new();
    }
    let Ok(Value::Object(jws)) = serde_json::from_slice(body) else {
        return vec![cut(&String::from_utf8_lossy(body))];
    };
    let member = |(name, value): (&String, &Value)| {
        let decoded = value.as_str().filter(|_| name != "signature").and_then(|text| {
            let text = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
            Some(cut(std::str::from_utf8(&text).ok()?))
        });
        match decoded {
            Some(decoded) => format!("{name} (base64url): {decoded}"),
            None => format!("{name}: {}", cut(&value.to_string())),
        }
    };
    jws.iter().map(member).collect()
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}… ({} octets)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_on_one_line_and_on_many() {
        let link = |url: &str, relation: &str| Link { url: url.into(), relation: relation.into() };
        assert_eq!(links_of_line(r#"<https://a/d>;rel="index""#), [link("https://a/d", "index")]);
        assert_eq!(
            links_of_line(r#"<https://a/d>; rel=index, <https://a/b,c>;title="x";rel="up""#),
            [link("https://a/d", "index"), link("https://a/b,c", "up")]
        );
        assert!(links_of_line("nothing").is_empty());
    }
}
