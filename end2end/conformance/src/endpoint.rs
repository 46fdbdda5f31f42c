//! The resources that take signed requests: what flaws are tried on.

use serde_json::{Value, json};
use testkit::acme::{Csr, LeafKey, Payload, Signer, finalize_payload, jws};

use crate::acme::{Acme, Draft, Person, b64};
use crate::exchange::Answer;
use crate::finding::Verdict;
use crate::flow::{Issued, identifier};
use crate::suite::Suite;

/// Which way of naming the key a resource takes (RFC 8555 §6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Jwk,
    Kid,
    Either,
}

/// What a resource is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Only POST-as-GET.
    Read,
    /// Only with a payload.
    Write,
    Both,
}

/// One resource, with a request to it that is right in its envelope. What the payload asks for changes little, or is
/// refused in another way than a flaw of the envelope: so a flaw that goes unseen shows.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub name: &'static str,
    pub url: String,
    pub form: Form,
    pub purpose: Purpose,
    pub payload: Vec<u8>,
    /// What the request is answered with when it has no flaw: status and problem type.
    pub sound: (u16, String),
}

impl Endpoint {
    pub fn signer<'s>(&self, owner: &'s Person) -> Signer<'s> {
        match self.form {
            Form::Jwk => Signer::Jwk(&owner.key),
            Form::Kid | Form::Either => owner.signer(),
        }
    }

    /// The request as it should be, not yet signed.
    pub async fn draft<'s>(&self, suite: &'s Suite) -> Verdict<Draft<'s>> {
        suite
            .acme
            .draft(self.signer(&suite.fixture.owner), &self.url, Payload::Raw(self.payload.clone()))
            .await
    }

    /// Whether an answer is that of the request without a flaw.
    pub fn is_sound(&self, answer: &Answer) -> bool {
        answer.status == self.sound.0 && answer.problem() == self.sound.1
    }

    /// Takes the answer to the request without a flaw, if it is of the kind that was expected.
    pub fn learn(&mut self, answer: &Answer) -> bool {
        let expected = answer.status / 100 == self.sound.0 / 100;
        self.sound = (answer.status, answer.problem());
        expected
    }
}

/// What the endpoints belong to.
#[derive(Debug)]
pub struct Fixture {
    /// The account that flawed requests are made with.
    pub owner: Person,
    /// Another account.
    pub other: Person,
    /// Whether orders are ready at once.
    pub trusting: bool,
    /// A certificate of the owner that stays valid.
    pub issued: Option<Issued>,
}

/// Finds or makes every resource of `acme` that takes signed requests. The second list says what is missing, and why.
pub async fn prepare(acme: &Acme) -> Verdict<(Fixture, Vec<Endpoint>, Vec<String>)> {
    let owner = acme.new_account().await?;
    let other = acme.new_account().await?;
    let trusting = acme.trusts(&owner).await?;
    let mut found = of_directory(acme, &owner, &other);
    let mut missing = Vec::new();

    let account = acme.read(&owner, &owner.url).await?;
    found.push(endpoint("account", &owner.url, Form::Kid, Purpose::Both, Payload::Empty, 200));
    match account.json()["orders"].as_str() {
        Some(url) => found.push(endpoint("orders", url, Form::Kid, Purpose::Read, Payload::Empty, 200)),
        None => missing.push("the account object has no `orders`".to_owned()),
    }

    let names = [acme.new_name("fixture")];
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    match acme.ready_order(&owner, &names).await {
        Ok(order) => {
            let read =
                |name, url: &str, purpose| endpoint(name, url, Form::Kid, purpose, Payload::Empty, 200);
            found.push(read("order", &order.url, Purpose::Read));
            // Finalizing with names that were not ordered is refused and leaves the order as it is.
            let csr = Csr::new(&["not-ordered.example"]).sign(&LeafKey::P256.generate());
            let payload = Payload::Json(finalize_payload(&csr));
            found.push(endpoint("finalize", order.finalize(), Form::Kid, Purpose::Write, payload, 400));
            if let Some(url) = order.authorizations().first() {
                found.push(read("authorization", url, Purpose::Both));
                let body = acme.read(&owner, url).await?.json();
                match body["challenges"][0]["url"].as_str() {
                    Some(url) => found.push(read("challenge", url, Purpose::Both)),
                    None => missing.push("the authorization lists no challenge".to_owned()),
                }
            }
        }
        Err(stop) => missing.push(format!("no order got ready: {stop}")),
    }

    let mut issued = None;
    match acme.issue(&owner, &[&acme.new_name("fixture")]).await {
        Ok(certificate) => {
            found.push(endpoint(
                "certificate",
                &certificate.certificate_url,
                Form::Kid,
                Purpose::Read,
                Payload::Empty,
                200,
            ));
            issued = Some(certificate);
        }
        Err(stop) => missing.push(format!("no certificate was issued: {stop}")),
    }
    if let Some(revoke) = revoked(acme, &owner).await? {
        found.push(revoke);
    }

    let fixture = Fixture { owner, other, trusting, issued };
    Ok((fixture, found, missing))
}

fn of_directory(acme: &Acme, owner: &Person, other: &Person) -> Vec<Endpoint> {
    let mut found = vec![
        endpoint("directory", acme.directory_url(), Form::Either, Purpose::Read, Payload::Empty, 200),
        endpoint("newNonce", acme.url("newNonce"), Form::Either, Purpose::Read, Payload::Empty, 200),
    ];
    let existing = json!({ "onlyReturnExisting": true });
    let jwk = Form::Jwk;
    found.push(endpoint("newAccount", acme.url("newAccount"), jwk, Purpose::Write, existing, 200));
    let name = identifier(&acme.new_name("flaw"));
    let order = json!({ "identifiers": [name] });
    found.push(endpoint("newOrder", acme.url("newOrder"), Form::Kid, Purpose::Write, order, 201));
    if let Some(url) = acme.entry("newAuthz") {
        let authorization = json!({ "identifier": name });
        found.push(endpoint("newAuthz", url, Form::Kid, Purpose::Write, authorization, 201));
    }
    if let Some(url) = acme.entry("keyChange") {
        // A key that another account has already.
        let change = key_change(url, owner, other.key.as_ref());
        found.push(endpoint("keyChange", url, Form::Kid, Purpose::Write, change, 409));
    }
    found
}

/// revokeCert, with a certificate that is revoked already.
async fn revoked(acme: &Acme, owner: &Person) -> Verdict<Option<Endpoint>> {
    let Some(url) = acme.entry("revokeCert") else { return Ok(None) };
    let Ok(certificate) = acme.issue(owner, &[&acme.new_name("revoked")]).await else { return Ok(None) };
    let payload = json!({ "certificate": b64(&certificate.leaf) });
    acme.post(owner.signer(), url, payload.clone()).await?;
    Ok(Some(endpoint("revokeCert", url, Form::Either, Purpose::Write, payload, 400)))
}

/// The payload of keyChange (RFC 8555 §7.3.5).
pub fn key_change(url: &str, owner: &Person, new_key: &testkit::acme::Key) -> Value {
    let header = json!({ "alg": new_key.algorithm().jws_name(), "jwk": new_key.jwk(), "url": url });
    let body = json!({ "account": owner.url, "oldKey": owner.key.jwk() });
    jws(new_key, &header, body.to_string().as_bytes())
}

fn endpoint(
    name: &'static str,
    url: &str,
    form: Form,
    purpose: Purpose,
    payload: impl Into<Payload>,
    status: u16,
) -> Endpoint {
    let sound = (status, String::new());
    Endpoint { name, url: url.to_owned(), form, purpose, payload: payload.into().bytes(), sound }
}
