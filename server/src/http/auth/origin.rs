//! Whether a request was made by our own pages. Browsers say where a request comes from in headers that no page can
//! forge: `Sec-Fetch-Site` (Fetch Metadata §2.3) and `Origin` (RFC 6454 §7).

use axum::http::{HeaderMap, header};

use crate::error::{Error, Result};
use crate::http::links::Links;

/// For requests that a session's cookie authorises: nothing in their headers may say that another site made them.
pub fn from_script(headers: &HeaderMap, links: &Links) -> Result<()> {
    check(headers, links, &["same-origin"]).map(drop)
}

/// For forms that need no session: it must be plain that our page has sent them, because another site's form would
/// sign the browser in as somebody else (login CSRF).
pub fn from_form(headers: &HeaderMap, links: &Links) -> Result<()> {
    // `none`: the user has sent the form anew from the history.
    match check(headers, links, &["same-origin", "none"])? {
        0 => Err(refusal("no header says where the request comes from; a browser sends Origin")),
        _ => Ok(()),
    }
}

/// How many of the headers there are; all must be right.
fn check(headers: &HeaderMap, links: &Links, sites: &[&str]) -> Result<usize> {
    let text = |name: &str| headers.get(name).map(|v| v.to_str().unwrap_or("?"));
    let (site, origin) = (text("sec-fetch-site"), text(header::ORIGIN.as_str()));
    if let Some(site) = site
        && !sites.contains(&site)
    {
        return Err(refusal("it comes from another site"));
    }
    if let Some(origin) = origin
        && !links.is_own_origin(origin)
    {
        return Err(refusal("it comes from another origin"));
    }
    Ok(usize::from(site.is_some()) + usize::from(origin.is_some()))
}

fn refusal(why: &str) -> Error {
    Error::Forbidden(format!("the request was refused: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ExternalUrl;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_our_own_pages_are_listened_to() {
        let links = Links::new(ExternalUrl::parse("https://ca.example:8443").unwrap());
        const OWN: (&str, &str) = ("origin", "https://ca.example:8443");
        // The headers, and who accepts them: scripts, forms.
        type Headers = [(&'static str, &'static str)];
        let cases: [(&Headers, bool, bool); 13] = [
            (&[], true, false),
            (&[("sec-fetch-site", "same-origin")], true, true),
            (&[("sec-fetch-site", "same-origin"), OWN], true, true),
            (&[OWN], true, true),
            (&[("sec-fetch-site", "none")], false, true),
            (&[("sec-fetch-site", "same-site"), OWN], false, false),
            (&[("sec-fetch-site", "cross-site")], false, false),
            (&[("sec-fetch-site", "\u{e4}")], false, false),
            (&[("origin", "null")], false, false),
            (&[("origin", "https://ca.example")], false, false),
            (&[("origin", "https://ca.example:8443.evil.example")], false, false),
            (&[("origin", "http://ca.example:8443")], false, false),
            (&[("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")], false, false),
        ];
        for (pairs, script, form) in cases {
            let headers = headers(pairs);
            assert_eq!(from_script(&headers, &links).is_ok(), script, "{pairs:?}");
            assert_eq!(from_form(&headers, &links).is_ok(), form, "{pairs:?}");
        }
    }

    #[test]
    fn the_usual_port_may_be_left_out() {
        let links = Links::new(ExternalUrl::parse("https://ca.example:443").unwrap());
        assert!(from_form(&headers(&[("origin", "https://ca.example")]), &links).is_ok());
        assert!(from_form(&headers(&[("origin", "https://ca.example:8443")]), &links).is_err());
    }
}
