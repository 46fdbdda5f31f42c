//! An ACME client (RFC 8555) that does what an issuance takes and no more.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::EcdsaKeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use tokio::time::sleep;

use crate::error::Error;
use crate::http::{Answer, Connection, Endpoint};
use crate::keys::{self, Leaf};
use crate::responder::Responses;

/// How often a request is sent again after `badNonce` (RFC 8555 §6.5).
const NONCE_ATTEMPTS: usize = 5;

/// Between two looks at something that the server is still working on, unless it says otherwise.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A nonce as long as ours, that no server has issued.
const FOREIGN_NONCE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// How often we look.
const POLL_ATTEMPTS: usize = 2000;

/// What of a directory we use (RFC 8555 §7.1.1).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Directory {
    new_nonce: String,
    new_account: String,
    new_order: String,
}

impl Directory {
    /// # Errors
    /// When there is none at `url`.
    pub async fn load(endpoint: &Endpoint, url: &str) -> Result<Self, Error> {
        let answer = endpoint.connect().await?.send("GET", url, None).await?;
        Ok(serde_json::from_slice(&expect(answer, &[200])?.body)?)
    }
}

/// A registered account.
pub struct Account {
    key: EcdsaKeyPair,
    /// The account's URL.
    kid: String,
}

/// How a client gets through challenges.
#[derive(Clone)]
pub struct Challenged {
    /// Where it puts its answers to http-01.
    pub responses: Responses,
    /// How long it waits at most when `Retry-After` tells it to wait.
    pub longest_wait: Duration,
}

/// A single request, for what it costs by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// POST-as-GET of the authorization that [`Client::order_to_read`] got.
    Authorization,
    /// POST-as-GET of newNonce: signature, account and nonce are checked, and nothing else is done.
    Nonce,
    /// The same with a nonce that is known to be bad before anybody has to ask whether it was used.
    ForeignNonce,
}

/// One connection and one nonce, acting for one account. An account may have many.
pub struct Client {
    endpoint: Endpoint,
    connection: Connection,
    directory: Arc<Directory>,
    account: Arc<Account>,
    nonce: Option<String>,
    challenged: Option<Challenged>,
    /// The URL of a pending authorization.
    authorization: Option<String>,
    signer: Signer,
    bad_nonces: u64,
    /// Requests of connections that were given up.
    earlier_requests: u64,
}

#[derive(Deserialize)]
struct Order {
    status: String,
    #[serde(default)]
    authorizations: Vec<String>,
    finalize: String,
    certificate: Option<String>,
}

#[derive(Deserialize)]
struct Authorization {
    status: String,
    #[serde(default)]
    challenges: Vec<Challenge>,
}

#[derive(Deserialize)]
struct Challenge {
    #[serde(rename = "type")]
    kind: String,
    url: String,
    #[serde(default)]
    token: String,
}

impl Account {
    /// Registers a new account.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn register(endpoint: &Endpoint, directory: &Arc<Directory>) -> Result<Arc<Self>, Error> {
        let unregistered = Arc::new(Self { key: keys::account_key()?, kid: String::new() });
        let mut client = Client::connect(endpoint, directory, &unregistered).await?;
        let answer = client.post(&directory.new_account, r#"{"termsOfServiceAgreed":true}"#, &[201]).await?;
        drop(client);
        let account = Arc::into_inner(unregistered).ok_or(Error::Http("the account is in use"))?;
        let kid = answer.location.ok_or(Error::Http("newAccount answers without Location"))?;
        Ok(Arc::new(Self { kid, ..account }))
    }
}

impl Client {
    /// # Errors
    /// When the connection fails.
    pub async fn connect(
        endpoint: &Endpoint,
        directory: &Arc<Directory>,
        account: &Arc<Account>,
    ) -> Result<Self, Error> {
        Ok(Self {
            endpoint: endpoint.clone(),
            connection: endpoint.connect().await?,
            directory: Arc::clone(directory),
            account: Arc::clone(account),
            nonce: None,
            challenged: None,
            authorization: None,
            signer: Signer::default(),
            bad_nonces: 0,
            earlier_requests: 0,
        })
    }

    /// Opens a new connection, and gets a nonce, so that neither falls into the measured time.
    ///
    /// # Errors
    /// When that fails.
    pub async fn reconnect(&mut self) -> Result<(), Error> {
        self.earlier_requests += self.connection.requests();
        self.connection = self.endpoint.connect().await?;
        self.nonce = Some(self.fresh_nonce().await?);
        Ok(())
    }

    /// Answers challenges from now on.
    pub fn answer_challenges(&mut self, challenged: Challenged) {
        self.challenged = Some(challenged);
    }

    /// How many requests were sent so far.
    pub fn requests(&self) -> u64 {
        self.earlier_requests + self.connection.requests()
    }

    /// How many requests the server refused with `badNonce`.
    pub fn bad_nonces(&self) -> u64 {
        self.bad_nonces
    }

    /// The whole flow, in the order in which cert-manager does it: newOrder, every authorization, finalize,
    /// certificate. Returns the chain in PEM.
    ///
    /// # Errors
    /// When any step fails.
    pub async fn issue(&mut self, leaf: &Leaf) -> Result<Vec<u8>, Error> {
        let (url, mut order) = self.order(leaf).await?;
        let mut waited = false;
        for authorization in &order.authorizations {
            waited |= self.settle(authorization).await?;
        }
        if waited {
            order = serde_json::from_slice(&self.post(&url, "", &[200]).await?.body)?;
            order = self.wait_while(&url, order, "pending").await?;
        }
        let answer = self.post(&order.finalize, &leaf.finalize, &[200]).await?;
        let order = serde_json::from_slice(&answer.body)?;
        let order = self.wait_while(&url, order, "processing").await?;
        let Some(certificate) = order.certificate else {
            return Err(Error::other(format!(
                "the finalized order is {} and has no certificate",
                order.status
            )));
        };
        Ok(self.post(&certificate, "", &[200]).await?.body)
    }

    /// newOrder and nothing after it.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn only_order(&mut self, leaf: &Leaf) -> Result<(), Error> {
        self.order(leaf).await.map(drop)
    }

    /// newOrder for [`Request::Authorization`].
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn order_to_read(&mut self, leaf: &Leaf) -> Result<(), Error> {
        let (_, order) = self.order(leaf).await?;
        self.authorization = order.authorizations.into_iter().next();
        Ok(())
    }

    /// # Errors
    /// When the answer is not the expected one.
    pub async fn send(&mut self, request: Request) -> Result<(), Error> {
        let directory = Arc::clone(&self.directory);
        match request {
            Request::Authorization => {
                let url = self.authorization.clone().ok_or(Error::Http("there is nothing to read"))?;
                self.post(&url, "", &[200]).await.map(drop)
            }
            Request::Nonce => self.post(&directory.new_nonce, "", &[204]).await.map(drop),
            Request::ForeignNonce => {
                let body = self.signer.sign(&self.account, FOREIGN_NONCE, &directory.new_nonce, "")?;
                let answer = self.connection.send("POST", &directory.new_nonce, Some(body)).await?;
                match expect(answer, &[]) {
                    Err(error) if error.is_bad_nonce() => Ok(()),
                    Err(error) => Err(error),
                    Ok(_) => Err(Error::Http("a foreign nonce was taken")),
                }
            }
        }
    }

    async fn order(&mut self, leaf: &Leaf) -> Result<(String, Order), Error> {
        let directory = Arc::clone(&self.directory);
        let Leaf { name, kind, .. } = leaf;
        let payload = format!(r#"{{"identifiers":[{{"type":"{kind}","value":"{name}"}}]}}"#);
        let answer = self.post(&directory.new_order, &payload, &[201]).await?;
        let url = answer.location.ok_or(Error::Http("newOrder answers without Location"))?;
        Ok((url, serde_json::from_slice(&answer.body)?))
    }

    /// Reads an authorization. One that is not valid yet has a challenge started: http-01 by a client that can answer
    /// it, or else the first, which gets through on servers that are set to believe everything. Returns whether that
    /// was needed.
    ///
    /// After the challenge's POST the authorization is read at once, and from then on when `Retry-After` allows, as
    /// cert-manager and lego do it.
    async fn settle(&mut self, url: &str) -> Result<bool, Error> {
        let answer = self.post(url, "", &[200]).await?;
        let authorization: Authorization = serde_json::from_slice(&answer.body)?;
        match authorization.status.as_str() {
            "valid" => return Ok(false),
            "pending" => {}
            status => return Err(Error::other(format!("an authorization is {status}"))),
        }
        let challenged = self.challenged.clone();
        let mut challenges = authorization.challenges.iter();
        let challenge = match &challenged {
            Some(_) => challenges.find(|challenge| challenge.kind == "http-01"),
            None => challenges.next(),
        };
        let challenge = challenge.ok_or(Error::Http("an authorization has no challenge to answer"))?;
        let _answer = challenged.as_ref().map(|c| c.responses.put(&challenge.token, &self.account.key));
        self.post(&challenge.url, "{}", &[200]).await?;
        let longest_wait = challenged.as_ref().map_or(POLL_INTERVAL, |c| c.longest_wait);
        for _ in 0..POLL_ATTEMPTS {
            let answer = self.post(url, "", &[200]).await?;
            let authorization: Authorization = serde_json::from_slice(&answer.body)?;
            match authorization.status.as_str() {
                "valid" => return Ok(true),
                "pending" | "processing" => {}
                status => return Err(Error::other(format!("an authorization is {status}"))),
            }
            sleep(answer.retry_after.unwrap_or(POLL_INTERVAL).min(longest_wait)).await;
        }
        Err(Error::Http("an authorization stays pending"))
    }

    async fn wait_while(&mut self, url: &str, mut order: Order, status: &str) -> Result<Order, Error> {
        for _ in 0..POLL_ATTEMPTS {
            if order.status != status {
                return Ok(order);
            }
            sleep(POLL_INTERVAL).await;
            let answer = self.post(url, "", &[200]).await?;
            order = serde_json::from_slice(&answer.body)?;
        }
        Err(Error::other(format!("an order stays {status}")))
    }

    /// A signed request; an empty `payload` makes it a POST-as-GET (RFC 8555 §6.3).
    async fn post(&mut self, url: &str, payload: &str, accepted: &[u16]) -> Result<Answer, Error> {
        for _ in 0..NONCE_ATTEMPTS {
            let nonce = match self.nonce.take() {
                Some(nonce) => nonce,
                None => self.fresh_nonce().await?,
            };
            let body = self.signer.sign(&self.account, &nonce, url, payload)?;
            let mut answer = self.connection.send("POST", url, Some(body)).await?;
            self.nonce = answer.nonce.take();
            match expect(answer, accepted) {
                Err(error) if error.is_bad_nonce() => self.bad_nonces += 1,
                result => return result,
            }
        }
        Err(Error::Http("the server takes no nonce"))
    }

    async fn fresh_nonce(&mut self) -> Result<String, Error> {
        let answer = self.connection.send("HEAD", &self.directory.new_nonce, None).await?;
        expect(answer, &[200])?.nonce.ok_or(Error::Http("newNonce answers without a nonce"))
    }
}

/// Makes flattened JWS (RFC 7515 §7.2.2) in buffers that it keeps.
struct Signer {
    random: SystemRandom,
    header: String,
    signing_input: String,
    body: Vec<u8>,
}

impl Default for Signer {
    fn default() -> Self {
        Self {
            random: SystemRandom::new(),
            header: String::new(),
            signing_input: String::new(),
            body: Vec::new(),
        }
    }
}

impl Signer {
    fn sign(&mut self, account: &Account, nonce: &str, url: &str, payload: &str) -> Result<&[u8], Error> {
        self.header.clear();
        // Neither URLs nor nonces hold anything that JSON would have escaped.
        for part in [r#"{"alg":"ES256","nonce":""#, nonce, r#"","url":""#, url] {
            self.header.push_str(part);
        }
        match account.kid.as_str() {
            "" => self.header.extend([r#"","jwk":"#, &keys::jwk(&account.key), "}"]),
            kid => self.header.extend([r#"","kid":""#, kid, r#""}"#]),
        }
        self.signing_input.clear();
        URL_SAFE_NO_PAD.encode_string(&self.header, &mut self.signing_input);
        let dot = self.signing_input.len();
        self.signing_input.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut self.signing_input);

        let signature = account.key.sign(&self.random, self.signing_input.as_bytes())?;
        let mut encoded = [0; 86];
        URL_SAFE_NO_PAD.encode_slice(signature.as_ref(), &mut encoded).map_err(|_| Error::Crypto)?;
        let (header, payload) = (&self.signing_input[..dot], &self.signing_input[dot + 1..]);
        self.body.clear();
        for part in [
            br#"{"protected":""#,
            header.as_bytes(),
            br#"","payload":""#,
            payload.as_bytes(),
            br#"","signature":""#,
        ] {
            self.body.extend_from_slice(part);
        }
        self.body.extend_from_slice(&encoded);
        self.body.extend_from_slice(br#""}"#);
        Ok(&self.body)
    }
}

/// `answer` when its status is one of `accepted`, or else the problem that it tells.
fn expect(answer: Answer, accepted: &[u16]) -> Result<Answer, Error> {
    if accepted.contains(&answer.status) {
        return Ok(answer);
    }
    #[derive(Deserialize, Default)]
    struct Problem {
        #[serde(rename = "type", default)]
        kind: String,
        #[serde(default)]
        detail: String,
    }
    let Problem { kind, detail } = serde_json::from_slice(&answer.body).unwrap_or_default();
    Err(Error::Problem { status: answer.status, kind, detail })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, KeyPair, UnparsedPublicKey};

    #[test]
    fn a_request_is_a_flattened_jws_with_a_good_signature() {
        let account = Account { key: keys::account_key().unwrap(), kid: "https://x:1/acc-1".to_owned() };
        let mut signer = Signer::default();
        signer.sign(&account, "other", "https://x:1/other", "{}").unwrap();
        let body = signer.sign(&account, "n0", "https://x:1/o", "").unwrap();
        let jws: serde_json::Value = serde_json::from_slice(body).unwrap();
        let text = |name: &str| jws[name].as_str().unwrap();
        let decode = |name: &str| URL_SAFE_NO_PAD.decode(text(name)).unwrap();
        let header: serde_json::Value = serde_json::from_slice(&decode("protected")).unwrap();
        let expected =
            serde_json::json!({ "alg": "ES256", "nonce": "n0", "url": "https://x:1/o", "kid": account.kid });
        assert_eq!(header, expected);
        assert_eq!(text("payload"), "");
        let input = format!("{}.", text("protected"));
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, account.key.public_key())
            .verify(input.as_bytes(), &decode("signature"))
            .unwrap();
    }

    #[test]
    fn problems_are_told_and_bad_nonce_is_known() {
        let body = br#"{"type":"urn:ietf:params:acme:error:badNonce","detail":"used"}"#.to_vec();
        let error = expect(Answer { status: 400, body, ..Answer::default() }, &[200]).unwrap_err();
        assert!(error.is_bad_nonce());
        let error = expect(Answer { status: 502, body: b"<html>".to_vec(), ..Answer::default() }, &[200])
            .unwrap_err();
        assert!(matches!(error, Error::Problem { status: 502, .. }) && !error.is_bad_nonce());
    }
}
