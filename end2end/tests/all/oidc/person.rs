//! Somebody with a browser, at the server and in a provider's own forms.

use end2end::browser::{Browser, Visit};
use end2end::idp::Pages;
use end2end::idp::hostile::query_of;
use http::Method;
use testkit::CertctlServer;
use testkit::http::Response;

use super::{back, begin, events};

/// Goes through the provider's pages from `start` until it sends the browser back to the server.
pub async fn at_provider(idp: &impl Pages, browser: &Browser, start: &str, user: &str) -> String {
    let client = idp.client();
    let mut answer = browser.send_by(&client, Visit::get(start)).await;
    for _ in 0..12 {
        if answer.status.is_redirection() {
            let target = answer.header("location").expect("a target").to_owned();
            let target = match target.starts_with('/') {
                true => target,
                false => match target.strip_prefix(idp.origin()) {
                    Some(path) => path.to_owned(),
                    None => return target,
                },
            };
            answer = browser.send_by(&client, Visit::get(&target)).await;
            continue;
        }
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer = submit(idp, browser, &answer, user).await;
    }
    panic!("the provider does not send the browser back: {}", answer.text());
}

/// Fills in the form on the page: the provider's login, or its question whether to sign out.
pub async fn submit(idp: &impl Pages, browser: &Browser, page: &Response, user: &str) -> Response {
    let html = page.text();
    let attribute = |tag: &str, name: &str| {
        let value = tag.split(&format!("{name}=\"")).nth(1)?;
        value.split('"').next().map(|text| text.replace("&amp;", "&"))
    };
    let form = html.split("<form").nth(1).unwrap_or_else(|| panic!("a form in {html}"));
    let action = attribute(form, "action").expect("the form goes somewhere");
    let mut fields = url::form_urlencoded::Serializer::new(String::new());
    for tag in form.split('<').filter(|tag| tag.starts_with("input") || tag.starts_with("button")) {
        let Some(name) = attribute(tag, "name") else { continue };
        match name.as_str() {
            "login" | "username" => fields.append_pair(&name, user),
            "password" => fields.append_pair(&name, &idp.password(user)),
            _ => fields.append_pair(&name, &attribute(tag, "value").unwrap_or_default()),
        };
    }
    let path = action.strip_prefix(idp.origin()).unwrap_or(&action).to_owned();
    let headers = vec![("content-type", Some("application/x-www-form-urlencoded".to_owned()))];
    let visit = Visit { method: Method::POST, path, headers, body: fields.finish().into() };
    browser.send_by(&idp.client(), visit).await
}

/// Somebody's two origins in one browser: the server's and the provider's.
pub struct Person {
    pub name: &'static str,
    pub here: Browser,
    pub there: Browser,
}

impl Person {
    pub fn new(name: &'static str) -> Self {
        Self { name, here: Browser::new(), there: Browser::new() }
    }

    pub async fn sign_in(&self, server: &CertctlServer, idp: &impl Pages) -> Response {
        let start = begin(&self.here, server, idp.provider(), "/account").await;
        let start = start.strip_prefix(idp.origin()).expect("the provider's own page").to_owned();
        let callback = at_provider(idp, &self.there, &start, self.name).await;
        assert!(callback.starts_with(&server.external_url()), "{callback}");
        self.here.get(server, &back(&callback)).await
    }

    /// Signs out at the server and then at the provider; where the provider sends the browser in the end.
    pub async fn sign_out(&self, server: &CertctlServer, idp: &impl Pages) -> String {
        let token = self.here.csrf_token(server).await;
        let answer = self.here.submit(server, "/auth/logout", &[("csrf_token", &token)]).await;
        // A redirection of a form would be held against the page's `form-action`.
        assert_eq!(answer.status, 200, "{}", answer.text());
        let there = answer.header("refresh").expect("it goes on").strip_prefix("0; url=").unwrap().to_owned();
        let query = query_of(&there);
        assert_eq!(query["client_id"], end2end::idp::CLIENT_ID);
        assert!(query.contains_key("id_token_hint") && query.contains_key("state"));
        let start = there.strip_prefix(idp.origin()).expect("the provider's own page");
        at_provider(idp, &self.there, start, self.name).await
    }
}

/// Waits for the first event of this action: the provider calls by itself, when it likes.
pub async fn wait_for(server: &CertctlServer, action: &str) {
    for _ in 0..100 {
        if !events(server, action).await.is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("there is no {action}");
}
