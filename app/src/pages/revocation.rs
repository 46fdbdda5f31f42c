use leptos::prelude::*;

use super::certificates::PATH;
use crate::components::{Confirmation, Field, Form, Instant, PageTitle, confirmation, page, parameter};
use crate::views::RevocationView;

#[component]
pub fn RevokeCertificate() -> impl IntoView {
    let (id, common) = (parameter("id"), Confirmation::here());
    page(
        "Revoke a certificate",
        PATH,
        |r| async move { r.backend.revocation(&id).await },
        move |v: RevocationView| match v.revoked.clone() {
            Some(_) => revoked(v).into_any(),
            None => ask(v, common).into_any(),
        },
    )
}

fn ask(v: RevocationView, common: Confirmation) -> impl IntoView {
    let asked = Confirmation {
        heading: format!("Revoke {}", v.name),
        of: (v.name.clone(), format!("{PATH}/{}", v.id)),
        consequences: consequences(&format!("this certificate until it expires, {}", v.expires.hint)),
        button: "Revoke for ever",
        danger: true,
        reason: None,
        ..common
    };
    confirmation(asked, move |form| {
        let comment = Field::new("comment", "In your words");
        let comment = comment.help("What happened, for whoever reads the audit trail later.");
        view! { {reasons(form, v.reasons)} {form.text(comment)} }.into_any()
    })
}

/// What a revocation means, a paragraph each. `what`: what is still accepted, and until when.
pub fn consequences(what: &str) -> Vec<String> {
    vec![
        "This cannot be taken back.".to_owned(),
        "The revocation is recorded and shown here and by the API, and ACME clients that ask for renewal \
         information (RFC 9773) are told to renew at once."
            .to_owned(),
        format!(
            "Nobody else is told: certctl publishes no CRL and answers no OCSP requests, so whoever checks \
             certificates goes on accepting {what}. If its key is in the wrong hands, also replace it where it is \
             in use."
        ),
    ]
}

pub fn reasons(form: &Form, all: Vec<crate::views::Alternative>) -> AnyView {
    let field = Field::new("reason", "Reason").help("One of RFC 5280 §5.3.1.");
    form.alternatives(field, all)
}

/// In place of the question, where there is nothing left to ask.
fn revoked(v: RevocationView) -> impl IntoView {
    let heading = format!("Revoke {}", v.name);
    let since = v.revoked.map(|(at, reason)| {
        view! { <p><strong>"It is revoked already: " {reason} "."</strong> " Since " <Instant at/> "."</p> }
    });
    view! {
        <PageTitle text=heading.clone()/>
        <div class="head"><h1>{heading}</h1></div>
        <div class="note">
            {since}
            <p><a href=format!("{PATH}/{}", v.id)>"Back to the certificate"</a></p>
        </div>
    }
}
