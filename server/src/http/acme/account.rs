//! newAccount, and accounts as their owners see them (RFC 8555 §7.3, §7.1.2.1).

use acme::Problem;
use acme::payload::{NewAccount, UpdateAccount};
use acme::wire::{AccountObject, OrdersList};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::{Account, OrderId, PageRequest, Profile};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::directory::{default_profile, served_profile};
use super::envelope::{AcmeError, AcmeResult, append_link};
use super::extract::{ByAccount, ByKey};
use crate::services::accounts::{self, AccountUpdate};
use crate::services::registration::{self, NewRegistration, Registration};
use crate::services::terms;
use crate::state::AppState;

/// How many orders a page of an account's list has.
const ORDERS_PER_PAGE: u32 = 100;

pub async fn create(
    State(state): State<AppState>,
    Path(profile_id): Path<String>,
    request: ByKey,
) -> AcmeResult {
    let profile = served_profile(&state, &profile_id).await?;
    register(&state, &profile, request).await
}

pub async fn create_by_default(State(state): State<AppState>, request: ByKey) -> AcmeResult {
    let profile = default_profile(&state).await?;
    register(&state, &profile, request).await
}

async fn register(state: &AppState, profile: &Profile, request: ByKey) -> AcmeResult {
    let body: NewAccount = request.payload.parse()?;
    let asked = NewRegistration {
        key: &request.key,
        url: &request.url,
        profile,
        only_existing: body.only_return_existing.unwrap_or(false),
        contacts: body.contact.unwrap_or_default(),
        agrees_to_terms: body.terms_of_service_agreed.unwrap_or(false),
        binding: body.external_account_binding.as_deref().map(RawValue::get),
    };
    Ok(match registration::register(&state.core, &request.caller, asked).await? {
        Registration::Created(account) => answer(state, StatusCode::CREATED, &account),
        Registration::Existing(account) => answer(state, StatusCode::OK, &account),
    })
}

pub async fn read_or_update(
    State(state): State<AppState>,
    Path(id): Path<String>,
    request: ByAccount,
) -> AcmeResult {
    must_be_own(&request, &id)?;
    if request.payload.is_empty() {
        return Ok(answer(&state, StatusCode::OK, &request.account));
    }
    let body: UpdateAccount = request.payload.parse()?;
    let mut account = request.account;
    if body.deactivates() {
        account = accounts::deactivate_own(&state.core, &request.caller, account).await?;
    } else {
        let update = AccountUpdate {
            contacts: body.contact,
            agrees_to_terms: body.terms_of_service_agreed.unwrap_or(false),
        };
        account = accounts::update_own(&state.core, &request.caller, account, update).await?;
    }
    Ok(answer(&state, StatusCode::OK, &account))
}

#[derive(Debug, Deserialize)]
pub struct OrdersQuery {
    after: Option<String>,
}

/// The account's orders but the invalid ones, newest first.
pub async fn orders(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<OrdersQuery>,
    request: ByAccount,
) -> AcmeResult {
    must_be_own(&request, &id)?;
    request.payload.must_be_empty()?;
    if query.after.as_deref().is_some_and(|after| after.parse::<OrderId>().is_err()) {
        return Err(Problem::malformed("`after` is no order of this list").into());
    }
    let page = PageRequest { after: query.after, limit: ORDERS_PER_PAGE };
    let page = state.core.store.read().await?.order_ids_of_account(&request.account.id, &page).await?;
    let list = OrdersList { orders: page.items.iter().map(|id| state.links.order(id)).collect() };
    let mut response = Json(list).into_response();
    if let Some(after) = page.next {
        append_link(
            response.headers_mut(),
            &state.links.account_orders_after(&request.account.id, &after),
            "next",
        );
    }
    Ok(response)
}

/// RFC 8555 §7.3.2. Foreign and missing accounts look alike.
fn must_be_own(request: &ByAccount, id: &str) -> Result<(), AcmeError> {
    if request.account.id.as_str() == id {
        return Ok(());
    }
    Err(Problem::unauthorized("this is not the account that signed the request").into())
}

/// Location on every answer: cert-manager takes the account's URL from it each time.
fn answer(state: &AppState, status: StatusCode, account: &Account) -> Response {
    let binding = account.external_account.as_ref().map(|e| e.binding.clone());
    let object = AccountObject {
        status: account.status,
        contact: account.contacts.clone(),
        terms_of_service_agreed: terms::agreed(&state.core, account),
        // It was parsed before it was stored.
        external_account_binding: binding.and_then(|text| RawValue::from_string(text).ok()),
        orders: state.links.account_orders(&account.id),
    };
    let mut response = (status, Json(object)).into_response();
    if let Ok(url) = HeaderValue::from_str(&state.links.account(&account.id)) {
        response.headers_mut().insert(header::LOCATION, url);
    }
    response
}
