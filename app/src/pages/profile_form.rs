use leptos::prelude::*;

use super::profiles::PATH;
use crate::components::{Alternative, Field, Form, PageTitle, Versions, page, parameter};
use crate::views::{Choice, LostUpdate, ProfileFormView};

#[component]
pub fn NewProfile() -> impl IntoView {
    page(
        "New profile",
        PATH,
        |r| async move { r.backend.profile_form(None, r.sent.as_ref()).await },
        |v| content(&v),
    )
}

#[component]
pub fn EditProfile() -> impl IntoView {
    let id = parameter("id");
    page(
        "Edit a profile",
        PATH,
        |r| async move { r.backend.profile_form(Some(&id), r.sent.as_ref()).await },
        |v| content(&v),
    )
}

fn content(v: &ProfileFormView) -> impl IntoView + use<> {
    let form = Form::new(v.stored.clone());
    let (heading, action, back) = match &v.profile {
        Some((id, name)) => (format!("Edit {name}"), format!("{PATH}/{id}/edit"), format!("{PATH}/{id}")),
        None => ("New profile".to_owned(), format!("{PATH}/new"), PATH.to_owned()),
    };
    let crumbs = v.profile.clone().map(|(id, name)| {
        let href = format!("{PATH}/{id}");
        view! { " / " <a href=href>{name}</a> }
    });
    let versions = Versions::of(&form, v.version);
    let button = if v.profile.is_some() { versions.button() } else { "Create the profile" };
    let preview = v.profile.clone().map(|(id, _)| {
        let href = format!("{PATH}/{id}/preview");
        view! { <div class="actions"><a class="button" href=href>"Dry run of what is stored"</a></div> }
    });
    let (differences, latest) = match v.lost_update.clone() {
        Some(LostUpdate { changed, by, differences }) => (differences, Some((changed, by))),
        None => (Vec::new(), None),
    };
    let fields = view! {
        {versions.show(differences, latest)}
        {section("The profile", "", about(&form, v))}
        {section("Who may ask", "Accounts, networks, names, and how control of a name is shown.", who(&form, v))}
        {section("What is issued", "Where the client asks for less, it gets less; never for more.", what(&form, v))}
        {section("Advanced", "Most profiles need none of this.", advanced(&form))}
    };
    let form = form.frame(action, (button, false), back, fields);
    view! {
        <PageTitle text=heading.clone()/>
        <div class="head">
            <div>
                <div class="crumbs"><a href=PATH>"Profiles"</a> {crumbs}</div>
                <h1>{heading}</h1>
            </div>
            {preview}
        </div>
        {form}
    }
}

fn section(heading: &'static str, about: &'static str, fields: impl IntoView) -> impl IntoView {
    view! {
        <section class="card">
            <header><h2>{heading}</h2> <span class="muted small">{about}</span></header>
            <div class="body fields">{fields}</div>
        </section>
    }
}

fn about(form: &Form, v: &ProfileFormView) -> impl IntoView + use<> {
    let id = v.profile.is_none().then(|| {
        let limited = match v.ids.is_empty() {
            true => "Empty: one is made up.".to_owned(),
            false => format!("You may create: {}.", v.ids.join(", ")),
        };
        let help = format!(
            "1 to 63 of a-z, 0-9 and -. It is part of the directory's URL that clients are given, so it cannot be changed later. {limited}"
        );
        let field = Field::new("id", "Id").help(help).example("prof-production");
        form.text(if v.ids.is_empty() { field } else { field.required() })
    });
    let name = Field::new("name", "Name").help("For people; may be changed at any time.").required();
    let description =
        Field::new("description", "Description").help("What it is for, and whom to ask about it.");
    let enabled = v.profile.is_none().then(|| {
        form.flag(
            Field::new("enabled", "Enabled").help("A disabled profile has no directory and accepts nothing."),
        )
    });
    view! { {id} {form.text(name)} {form.lines(description, 3)} {enabled} }
}

fn who(form: &Form, v: &ProfileFormView) -> impl IntoView + use<> {
    let modes = vec![
        Alternative::new(
            "trust_authenticated",
            "Trust the account",
            "trust_authenticated: every name that the profile permits is granted to every account that may order, without a challenge. As safe as the limits below: EAB keys, permitted names, networks.",
        ),
        Alternative::new(
            "challenge",
            "Prove each name",
            "challenge: the server validates each name by http-01, dns-01 or tls-alpn-01 before it certifies it (RFC 8555 §8).",
        ),
    ];
    let mode = Field::new("acme_auth_mode", "Authorization");
    let eab = Field::new("eab_required", "Require an EAB key").help(
        "Only accounts that were registered with an EAB key for this profile may order (RFC 8555 §7.3.4), so each is tied to somebody to whom you gave one.",
    );
    let permitted = Field::new("permitted_names", "Permitted names")
        .help("One a line: host.example.com, *.example.com (one label), **.example.com (any depth), an address, or a range such as 10.0.0.0/8. Empty: every name.")
        .example("**.internal.example");
    let excluded = Field::new("excluded_names", "Excluded names")
        .help("One a line, in the same forms. They win over permitted names.")
        .example("vault.internal.example");
    let networks = Field::new("allowed_client_networks", "Client networks")
        .help("One a line. Orders from elsewhere are refused. Empty: from anywhere.")
        .example("10.0.0.0/8");
    let challenges = Field::new("allowed_challenge_types", "Challenges")
        .help("By which names may be proven, where the profile asks for proof. None chosen: every type.");
    view! {
        {form.alternatives(mode, modes)}
        <div class="note warn open-mode">
            <h3>"This is the open mode"</h3>
            <p>"Accounts are trusted, none of them needs an EAB key, and no permitted names are set. So whoever reaches this
                server, from the networks below, can register an account and obtain a certificate for any name, those of others
                included, and everything that trusts this CA will believe it. That is right for a closed test network alone.
                Elsewhere require an EAB key, list the permitted names, or have each name proven."</p>
        </div>
        {form.flag(eab)}
        {form.lines(permitted, 4)}
        {form.lines(excluded, 3)}
        {form.lines(networks, 3)}
        {form.several(challenges, alternatives(&v.challenges))}
    }
}

fn what(form: &Form, v: &ProfileFormView) -> impl IntoView + use<> {
    let span = |name, label, help: &str| {
        let understood = v.understood.iter().find(|(field, _)| *field == name);
        let understood = understood.map(|(_, text)| format!(" {text}")).unwrap_or_default();
        Field::new(name, label).help(format!("{help}{understood}"))
    };
    let issuer = Field::new("issuer_id", "Issuer").help("The CA that signs.");
    let longest = span(
        "max_ttl_seconds",
        "Longest validity",
        "A number with s, m, h, d, w or y: 5m to 10y. An order that asks for more is refused.",
    );
    let usual = span(
        "default_ttl_seconds",
        "Usual validity",
        "For orders that ask for none, as most clients do. Empty: the longest.",
    );
    let keys =
        Field::new("allowed_key_types", "Keys").help("That certificates may have. None chosen: every type.");
    let usages =
        Field::new("extended_key_usages", "Extended key usage").help("None chosen: server_auth alone.");
    view! {
        {form.menu(issuer, v.issuers.clone())}
        {form.text(longest.example("90d").required())}
        {form.text(usual.example("90d"))}
        {form.several(keys, alternatives(&v.key_types))}
        {form.several(usages, alternatives(&v.usages))}
    }
}

fn advanced(form: &Form) -> impl IntoView + use<> {
    let caa = vec![
        Alternative::new("off", "Not looked at", "Right for names that only your own network knows."),
        Alternative::new(
            "enforce",
            "Enforced",
            "CAA records (RFC 8659) must allow this CA; it goes by the names of the setting CERTCTL_ACME_CAA_IDENTITIES.",
        ),
    ];
    let reuse = Field::new("reuse_authorizations_hours", "Reuse of authorizations")
        .help("How long after its validation an authorization serves further orders of its account, in whole hours, at most 90d. Empty: for its own order only.")
        .example("30d");
    let selectable = Field::new("selectable_profiles", "Selectable profiles")
        .help("Ids of other profiles, one a line, that clients of this directory may choose (draft-ietf-acme-profiles). At most 50.")
        .example("prof-short-lived");
    let staple = Field::new("must_staple", "Must staple").help(
        "Puts the TLS feature status_request (RFC 7633) into certificates. This server runs no OCSP responder: clients that honour it refuse such certificates unless another responder answers.",
    );
    view! {
        {form.alternatives(Field::new("caa", "CAA records"), caa)}
        {form.text(reuse)}
        {form.lines(selectable, 3)}
        {form.flag(staple)}
    }
}

fn alternatives(choices: &[Choice]) -> Vec<Alternative> {
    choices.iter().map(|choice| Alternative::new(choice.value.clone(), choice.text.clone(), "")).collect()
}
