//! The JSON API of administrators: one file per resource.

pub mod accounts;
mod answer;
pub mod api_keys;
pub mod audit;
pub mod bootstrap;
pub mod bulk_actions;
pub mod certificates;
pub mod eab_keys;
pub mod envelope;
mod extract;
pub mod identity;
pub mod issuers;
pub mod orders;
pub mod preview;
pub mod profiles;
pub mod providers;
pub mod rate_limits;
pub mod renewal;
pub mod roles;
mod selection;
pub mod sessions;
pub mod system;
pub mod users;

pub use answer::{created, etag};
pub use extract::{
    ApiJson, ApiQuery, Authenticated, ListQuery, field_error, hexadecimal, if_match, page, parse, parse_name,
    parse_part, parse_time,
};

use axum::Json;
use model::Page;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::error::{Error, Result};
use crate::http::problem::ApiError;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    pub items: Vec<T>,
    /// Give this as `cursor` for the next page; null on the last one.
    pub next: Option<String>,
}

impl<T> List<T> {
    pub fn of<U>(page: Page<U>, view: impl FnMut(U) -> T) -> Json<Self> {
        let page = page.map(view);
        Json(Self { items: page.items, next: page.next })
    }
}

/// Why an administrator does something; it goes into the audit event.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    pub reason: String,
}

impl Reason {
    pub fn checked(self) -> Result<String, ApiError> {
        Ok(check_reason(&self.reason)?.to_owned())
    }
}

/// The same, where it may be left out.
#[derive(Debug, Default, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct OptionalReason {
    /// For the audit event; 1 to 500 characters.
    pub reason: Option<String>,
}

impl OptionalReason {
    pub fn checked(&self) -> Result<Option<&str>> {
        self.reason.as_deref().map(check_reason).transpose()
    }
}

/// Why somebody does what they do, without spaces around it.
pub fn check_reason(reason: &str) -> Result<&str> {
    match reason.trim() {
        reason if (1..=500).contains(&reason.chars().count()) => Ok(reason),
        _ => Err(Error::invalid("reason", "1 to 500 characters are allowed")),
    }
}

/// What somebody has to say beside.
pub fn check_comment(comment: Option<&str>) -> Result<Option<&str>> {
    match comment.is_some_and(|comment| comment.chars().count() > 500) {
        true => Err(Error::invalid("comment", "at most 500 characters are allowed")),
        false => Ok(comment),
    }
}
