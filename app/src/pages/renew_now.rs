use leptos::prelude::*;

use super::certificates::PATH;
use crate::components::{Confirmation, Field, Form, confirmation, page, parameter};
use crate::views::RenewNowView;

#[component]
pub fn RenewNow() -> impl IntoView {
    asked("Renew a certificate now", |v, common| {
        let told = match v.has_client {
            true => vec![CLIENTS_ARE_TOLD.to_owned(), OTHERS_ARE_NOT.to_owned()],
            false => vec![
                "No ACME client has asked for this certificate, so none will look whether to renew it. It is marked, \
                 and whoever asks for renewal information (RFC 9773) is told to renew at once."
                    .to_owned(),
            ],
        };
        let asked = Confirmation {
            heading: format!("Renew {} now", v.name),
            consequences: told.into_iter().chain([STAYS_VALID.to_owned()]).collect(),
            button: "Demand renewal",
            reason: Some(REASON_HELP),
            ..common
        };
        confirmation(asked, explanation).into_any()
    })
}

#[component]
pub fn CancelRenewNow() -> impl IntoView {
    asked("Renew as usual", |v, common| {
        let demanded = v.demanded.clone().map(|(at, reason)| format!("Wanted since {}: {reason}", at.text));
        let asked = Confirmation {
            heading: format!("Let {} renew as usual", v.name),
            consequences: demanded
                .into_iter()
                .chain([
                    "Clients that ask are told the usual time again. One that has renewed meanwhile keeps \
                         its new certificate."
                        .to_owned(),
                ])
                .collect(),
            button: "Take the demand back",
            reason: None,
            ..common
        };
        confirmation(asked, |_| ().into_any()).into_any()
    })
}

pub const CLIENTS_ARE_TOLD: &str = "ACME clients that ask for renewal information (RFC 9773) are told to renew at once. They \
    are asked to look at least every six hours.";
pub const OTHERS_ARE_NOT: &str = "Clients that do not ask go on as before; certctl cannot reach them.";
pub const STAYS_VALID: &str = "Nothing is revoked: the certificate stays valid until it expires.";
pub const REASON_HELP: &str = "It is kept in the audit trail and shown at the certificate.";

/// Where the holders of certificates can read more.
pub fn explanation(form: &Form) -> AnyView {
    let field = Field::new("explanation_url", "Explanation").kind("url").example("https://");
    form.text(
        field
            .help("A page to read for whoever runs the client; clients show its address. It may stay empty."),
    )
}

fn asked(
    title: &'static str,
    ask: impl FnOnce(&RenewNowView, Confirmation) -> AnyView + Send + 'static,
) -> impl IntoView {
    let (id, common) = (parameter("id"), Confirmation::here());
    page(
        title,
        PATH,
        |r| async move { r.backend.renew_now(&id).await },
        move |v: RenewNowView| {
            let of = (v.name.clone(), format!("{PATH}/{}", v.id));
            ask(&v, Confirmation { of, ..common })
        },
    )
}
