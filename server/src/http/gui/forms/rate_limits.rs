use axum::extract::State;
use axum::response::Response;
use model::{RateLimits, RateSubject};

use super::values::Values;
use super::{Done, Sent};
use crate::error::{Error, Result};
use crate::http::gui::backend::rate_limits::{PATH, page_of};
use crate::services::rate_limits;
use crate::state::AppState;

pub async fn replace(State(state): State<AppState>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        let limits = read(&sent)?;
        rate_limits::replace(&state.core, sent.caller(), Some(sent.version()?), limits).await?;
        Ok(Done::at(PATH, "The limits are in force here, and on other replicas within seconds."))
    }
    .await;
    sent.answer(&state, outcome).await
}

fn read(sent: &Sent) -> Result<RateLimits> {
    let mut values = Values::of(sent.fields());
    let mut number = |name| values.number(name, "no limit");
    let limits = RateLimits {
        account_orders_per_hour: number("account_orders_per_hour"),
        eab_key_orders_per_hour: number("eab_key_orders_per_hour"),
        name_orders_per_hour: number("name_orders_per_hour"),
        network_orders_per_hour: number("network_orders_per_hour"),
        network_new_accounts_per_hour: number("network_new_accounts_per_hour"),
        eab_key_new_accounts_per_hour: number("eab_key_new_accounts_per_hour"),
        account_name_failed_validations_per_hour: number("account_name_failed_validations_per_hour"),
        account_pending_orders: number("account_pending_orders"),
        network_prefix_ipv4: values.required("network_prefix_ipv4").unwrap_or_default(),
        network_prefix_ipv6: values.required("network_prefix_ipv6").unwrap_or_default(),
    };
    values.finish(limits)
}

pub async fn reset(State(state): State<AppState>, sent: Sent) -> Response {
    let outcome: Result<Done> = async {
        let mut values = Values::of(sent.fields());
        let subject = values.required::<RateSubject>("subject");
        let limit = values.read("limit", super::values::parsed);
        let subject = values.finish(subject)?.ok_or_else(|| Error::invalid("subject", "it is missing"))?;
        rate_limits::reset(&state.core, sent.caller(), &subject, limit, &sent.reason()?).await?;
        Ok(Done::at(page_of(&subject), format!("{subject} may begin anew, at once and on every replica.")))
    }
    .await;
    sent.answer(&state, outcome).await
}
