//! newAccount, and accounts as their owners see them (RFC 8555 §7.3, §7.1.2.1).

use acme::Problem;
use acme::payload::{NewAccount, UpdateAccount};
use acme::wire::{AccountObject, OrdersList};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::{Account, OrderId, PageRequest};
use serde::Deserialize;

use super::directory::{default_profile, served_profile};
use super::envelope::{AcmeError, AcmeResult, append_link};
use super::extract::{ByAccount, ByKey};
use crate::services::accounts::{self, Registration};
use crate::state::AppState;

/// How many orders a page of an account's list has.
const ORDERS_PER_PAGE: u32 = 100;

pub async fn create(
    State(state): State<AppState>,
    Path(profile_id): Path<String>,
    request: ByKey,
) -> AcmeResult {
    served_profile(&state, &profile_id).await?;
    register(&state, request).await
}

pub async fn create_by_default(State(state): State<AppState>, request: ByKey) -> AcmeResult {
    default_profile(&state).await?;
    register(&state, request).await
}

async fn register(state: &AppState, request: ByKey) -> AcmeResult {
    let body: NewAccount = request.payload.parse()?;
    let only_existing = body.only_return_existing.unwrap_or(false);
    let contacts = body.contact.unwrap_or_default();
    let registration =
        accounts::register(&state.core, &request.caller, &request.key, contacts, only_existing).await?;
    Ok(match registration {
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
    } else if let Some(contacts) = body.contact {
        account = accounts::update_contacts(&state.core, &request.caller, account, contacts).await?;
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
    let object = AccountObject {
        status: account.status,
        contact: account.contacts.clone(),
        terms_of_service_agreed: None,
        orders: state.links.account_orders(&account.id),
    };
    let mut response = (status, Json(object)).into_response();
    if let Ok(url) = HeaderValue::from_str(&state.links.account(&account.id)) {
        response.headers_mut().insert(header::LOCATION, url);
    }
    response
}
