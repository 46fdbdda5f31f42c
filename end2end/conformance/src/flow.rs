//! What an ordinary client does, all the way: accounts, orders, challenges, certificates.

use std::time::Duration;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};
use testkit::acme::{Csr, LeafKey, Signer, finalize_payload};
use tokio::time::Instant;

use crate::acme::{Acme, Person};
use crate::eab;
use crate::exchange::Answer;
use crate::finding::{Finding, Verdict, Weight, broken, not_applicable};
use crate::responder::Kind;

/// How long a server may take to validate or to sign.
pub const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

/// An order as it was created.
#[derive(Clone, Debug)]
pub struct Order {
    pub url: String,
    pub body: Value,
}

impl Order {
    pub fn finalize(&self) -> &str {
        self.body["finalize"].as_str().unwrap_or_default()
    }

    pub fn authorizations(&self) -> Vec<String> {
        let list = self.body["authorizations"].as_array().cloned().unwrap_or_default();
        list.iter().filter_map(|url| url.as_str().map(str::to_owned)).collect()
    }
}

/// A certificate with all that led to it.
#[derive(Debug)]
pub struct Issued {
    pub order: Order,
    pub certificate_url: String,
    /// The answer that brought the chain.
    pub download: Answer,
    pub leaf: CertificateDer<'static>,
    pub key: rcgen::KeyPair,
}

fn stop(answer: &Answer, expected: &str) -> crate::finding::Stop {
    Finding::of(Weight::Must, "", answer, expected).into()
}

impl Acme {
    /// What newAccount takes for a key: agreement to the terms, and the binding where one is required and known.
    pub fn account_payload(&self, key: &testkit::acme::Key) -> Verdict<Value> {
        let mut payload = json!({
            "termsOfServiceAgreed": true,
            "contact": [format!("mailto:conformance@{}", self.settings.domain)],
        });
        if self.meta()["externalAccountRequired"] == true {
            let Some(eab) = &self.settings.eab else {
                return not_applicable("the server requires EAB; give --eab-kid and --eab-hmac-key");
            };
            payload["externalAccountBinding"] = eab::binding(eab, key, self.url("newAccount"));
        }
        Ok(payload)
    }

    /// Registers a new account.
    pub async fn new_account(&self) -> Verdict<Person> {
        let key = self.new_key();
        let payload = self.account_payload(&key)?;
        let answer = self.post(Signer::Jwk(&key), self.url("newAccount"), payload).await?;
        match answer.location() {
            Some(url) if answer.is_success() => Ok(Person { url: url.to_owned(), key }),
            _ => Err(stop(&answer, "an account with its Location")),
        }
    }

    /// Sends newOrder and gives the answer.
    pub async fn new_order(&self, person: &Person, payload: Value) -> Verdict<Answer> {
        self.post(person.signer(), self.url("newOrder"), payload).await
    }

    /// An order for DNS names.
    pub async fn order(&self, person: &Person, names: &[&str]) -> Verdict<Order> {
        let identifiers: Vec<_> = names.iter().map(|name| identifier(name)).collect();
        let answer = self.new_order(person, json!({ "identifiers": identifiers })).await?;
        created(&answer)
    }

    /// An order whose authorizations are all valid.
    pub async fn ready_order(&self, person: &Person, names: &[&str]) -> Verdict<Order> {
        let order = self.order(person, names).await?;
        self.authorize(person, &order).await?;
        Ok(order)
    }

    /// Answers a challenge of every authorization of an order that needs it, until the order is ready.
    pub async fn authorize(&self, person: &Person, order: &Order) -> Verdict {
        if order.body["status"] == "ready" {
            return Ok(());
        }
        for url in order.authorizations() {
            self.fulfil(person, &url).await?;
        }
        self.order_in(person, &order.url, &["ready"]).await?;
        Ok(())
    }

    /// Makes one authorization valid.
    pub async fn fulfil(&self, person: &Person, url: &str) -> Verdict {
        let authorization = self.read(person, url).await?;
        let body = authorization.json();
        match body["status"].as_str() {
            Some("valid") => return Ok(()),
            Some("pending") => {}
            _ => return Err(stop(&authorization, "a pending or valid authorization")),
        }
        let Some(responder) = &self.settings.responder else {
            return not_applicable(
                "the server wants challenges answered; give --http01-port, --tlsalpn01-port or --dns-port",
            );
        };
        let Some((kind, challenge)) = choose(&body, responder.kinds()) else {
            return not_applicable("none of the challenges offered can be answered with the ports given");
        };
        let token = challenge["token"].as_str().unwrap_or_default();
        responder.provide(kind, &body["identifier"], token, &person.key);
        let url_of_challenge = challenge["url"].as_str().unwrap_or_default();
        let answer = self.post(person.signer(), url_of_challenge, json!({})).await?;
        if !answer.is_success() {
            return Err(stop(&answer, "the challenge to be taken"));
        }
        self.until(person, url, "a valid authorization", |body| match body["status"].as_str() {
            Some("valid") => Some(true),
            Some("pending" | "processing") => None,
            _ => Some(false),
        })
        .await?;
        Ok(())
    }

    /// Waits for an order to have one of these states.
    pub async fn order_in(&self, person: &Person, url: &str, states: &[&str]) -> Verdict<Answer> {
        let wanted = format!("an order that is {}", states.join(" or "));
        self.until(person, url, &wanted, |body| {
            let status = body["status"].as_str().unwrap_or_default();
            match states.contains(&status) {
                true => Some(true),
                false => (status == "invalid").then_some(false),
            }
        })
        .await
    }

    /// Reads a resource until `judge` says that it is as wanted (`Some(true)`) or never will be.
    pub async fn until(
        &self,
        person: &Person,
        url: &str,
        wanted: &str,
        judge: impl Fn(&Value) -> Option<bool>,
    ) -> Verdict<Answer> {
        let start = Instant::now();
        loop {
            let answer = self.read(person, url).await?;
            match judge(&answer.json()) {
                Some(true) => return Ok(answer),
                None if answer.is_success() && start.elapsed() < PATIENCE => {}
                _ => return Err(stop(&answer, wanted)),
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Finalizes a ready order with a new P-256 key.
    pub async fn finalize(&self, person: &Person, order: &Order, names: &[&str]) -> Verdict<Issued> {
        let key = LeafKey::P256.generate();
        let csr = Csr::new(names).sign(&key);
        self.finalize_with(person, order, &csr, key).await
    }

    /// Finalizes a ready order with this request (DER), which `key` signed, and downloads the certificate.
    pub async fn finalize_with(
        &self,
        person: &Person,
        order: &Order,
        csr: &[u8],
        key: rcgen::KeyPair,
    ) -> Verdict<Issued> {
        let answer = self.post(person.signer(), order.finalize(), finalize_payload(csr)).await?;
        if !answer.is_success() {
            return Err(stop(&answer, "the order to be finalized"));
        }
        let answer = match answer.json()["certificate"].is_string() {
            true => answer,
            false => self.order_in(person, &order.url, &["valid"]).await?,
        };
        let Some(url) = answer.json()["certificate"].as_str().map(str::to_owned) else {
            return Err(stop(&answer, "the URL of the certificate"));
        };
        let download = self.read(person, &url).await?;
        let leaf = CertificateDer::pem_slice_iter(&download.body).next().and_then(Result::ok);
        match leaf {
            Some(leaf) if download.is_success() => {
                let order = Order { body: answer.json(), url: order.url.clone() };
                Ok(Issued { order, certificate_url: url, download, leaf, key })
            }
            _ => Err(stop(&download, "a certificate")),
        }
    }

    /// Everything from newOrder to the certificate.
    pub async fn issue(&self, person: &Person, names: &[&str]) -> Verdict<Issued> {
        let order = self.ready_order(person, names).await?;
        self.finalize(person, &order, names).await
    }

    /// Whether orders are ready at once, since the server trusts whoever may order.
    pub async fn trusts(&self, person: &Person) -> Verdict<bool> {
        let order = self.order(person, &[&self.new_name("trust")]).await?;
        Ok(order.body["status"] == "ready")
    }
}

/// The order that an answer of newOrder brings.
pub fn created(answer: &Answer) -> Verdict<Order> {
    match answer.location() {
        Some(url) if answer.status == 201 => Ok(Order { url: url.to_owned(), body: answer.json() }),
        _ => Err(stop(answer, "201 with the order's Location")),
    }
}

/// The identifier of a DNS name or address.
pub fn identifier(name: &str) -> Value {
    let kind = if name.parse::<std::net::IpAddr>().is_ok() { "ip" } else { "dns" };
    json!({ "type": kind, "value": name })
}

/// The first challenge of an authorization that is of one of these kinds.
pub fn choose(authorization: &Value, kinds: &[Kind]) -> Option<(Kind, Value)> {
    let challenges = authorization["challenges"].as_array()?;
    kinds.iter().find_map(|kind| {
        let found = challenges.iter().find(|challenge| challenge["type"] == kind.name())?;
        Some((*kind, found.clone()))
    })
}

/// The challenge of that kind, or the end of a row that needs it.
pub fn challenge(authorization: &Value, kind: Kind) -> Verdict<Value> {
    match choose(authorization, &[kind]) {
        Some((_, challenge)) => Ok(challenge),
        None => not_applicable(format!("the server offers no {}", kind.name())),
    }
}

/// A value that must be there for a row to go on.
pub fn text_of(value: &Value, member: &str) -> Verdict<String> {
    match value[member].as_str() {
        Some(text) => Ok(text.to_owned()),
        None => broken(format!("the member `{member}`"), value),
    }
}
