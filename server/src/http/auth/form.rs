use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::header;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::http::body;
use crate::http::problem::ApiError;
use crate::state::AppState;

const MAX_BODY: usize = 16 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// What a form of our pages sends. All values are texts.
#[derive(Debug)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned> FromRequest<AppState> for Form<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &AppState) -> Result<Self, ApiError> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
        if !kind
            .split(';')
            .next()
            .unwrap_or("")
            .trim()
            .eq_ignore_ascii_case("application/x-www-form-urlencoded")
        {
            let detail = "the Content-Type must be application/x-www-form-urlencoded";
            return Err(Error::from(acme::Problem::malformed(detail).with_status(415)).into());
        }
        let body = body::read(request.into_body(), MAX_BODY, BODY_TIMEOUT).await;
        let body = body.map_err(|fault| {
            Error::from(acme::Problem::malformed(fault.to_string()).with_status(fault.status()))
        })?;
        Ok(Self(parse(&body)?))
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    let mut fields = Map::new();
    for (name, value) in url::form_urlencoded::parse(body) {
        if fields.insert(name.to_string(), Value::from(value)).is_some() {
            return Err(Error::invalid(name, "it is given twice"));
        }
    }
    serde_json::from_value(Value::Object(fields))
        .map_err(|e| crate::http::api::field_error("(form)", &e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sent {
        name: String,
        #[serde(default)]
        more: Option<String>,
    }

    #[test]
    fn forms_have_their_fields_once() {
        let sent: Sent = parse(b"name=a+b%26%C3%A4").unwrap();
        assert_eq!(sent, Sent { name: "a b&\u{e4}".to_owned(), more: None });
        for (body, field) in [
            (&b"name=a&name=b"[..], "name"),
            (b"more=x", "name"),
            (b"name=a&other=b", "other"),
            (b"", "name"),
        ] {
            let error = parse::<Sent>(body).unwrap_err();
            assert!(matches!(&error, Error::Invalid(fields) if fields[0].field == field), "{error:?}");
        }
    }
}
