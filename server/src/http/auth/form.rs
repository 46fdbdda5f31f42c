use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
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
        let (parts, body) = request.into_parts();
        Ok(Self(parse(read(&parts.headers, body, MAX_BODY, BODY_TIMEOUT).await?)?))
    }
}

/// The names and values of a form, in their order.
pub async fn read(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    timeout: Duration,
) -> Result<Vec<(String, String)>> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let essence = kind.split(';').next().unwrap_or("").trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        let detail = "the Content-Type must be application/x-www-form-urlencoded";
        return Err(acme::Problem::malformed(detail).with_status(415).into());
    }
    let body = body::read(body, limit, timeout).await;
    let body = body.map_err(|e| acme::Problem::malformed(e.to_string()).with_status(e.status()))?;
    Ok(url::form_urlencoded::parse(&body).into_owned().collect())
}

fn parse<T: DeserializeOwned>(sent: Vec<(String, String)>) -> Result<T> {
    let mut fields = Map::new();
    for (name, value) in sent {
        if fields.contains_key(&name) {
            return Err(Error::invalid(name, "it is given twice"));
        }
        fields.insert(name, Value::from(value));
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
        let of = |pairs: &[(&str, &str)]| {
            parse::<Sent>(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
        };
        assert_eq!(of(&[("name", "a")]).unwrap(), Sent { name: "a".to_owned(), more: None });
        for (pairs, field) in [
            (&[("name", "a"), ("name", "b")][..], "name"),
            (&[("more", "x")], "name"),
            (&[("name", "a"), ("other", "b")], "other"),
            (&[], "name"),
        ] {
            let error = of(pairs).unwrap_err();
            assert!(matches!(&error, Error::Invalid(fields) if fields[0].field == field), "{error:?}");
        }
    }
}
