//! What is written of identity providers: settings, mappings, and the test.

use leptos::prelude::*;

use super::providers::{PATH, register};
use super::where_to_find::where_to_find;
use crate::components::{
    Field, Form, PageTitle, StatusBadge, Table, Versions, compared, compared_field, grant_rows,
    grants_in_words, page, parameter, stored_mappings,
};
use crate::views::{Badge, CheckRow, MappingsView, ProviderFormView, ProviderTestView, Tone};
use crate::{PageRequest, Query};

#[component]
pub fn NewProvider() -> impl IntoView {
    page("New identity provider", PATH, |r| async move { r.backend.provider_form(None).await }, form)
}

#[component]
pub fn EditProvider() -> impl IntoView {
    let id = parameter("id");
    page("Edit an identity provider", PATH, |r| async move { r.backend.provider_form(Some(&id)).await }, form)
}

#[component]
pub fn ProviderMappings() -> impl IntoView {
    let id = parameter("id");
    page("Group mappings", PATH, |r| async move { r.backend.provider_mappings(&id).await }, mappings)
}

/// Asking the provider is what the form of this page does; its answer is this page with the report.
#[component]
pub fn TestProvider() -> impl IntoView {
    let id = parameter("id");
    page(
        "Test an identity provider",
        PATH,
        |r: PageRequest| async move { r.backend.provider_test(&id, r.is_asked()).await },
        test,
    )
}

/// The fields whose two versions are compared.
const COMPARED: &[(&str, &str)] = &[
    ("name", "Name"),
    ("issuer", "Issuer"),
    ("client_id", "Client id"),
    ("scopes", "Scopes"),
    ("groups_claim", "Groups claim"),
    ("allowed_email_domains", "E-mail domains"),
    ("ca_certificates", "CA certificates"),
];

fn form(v: ProviderFormView) -> impl IntoView {
    let stored = Query::default()
        .with("name", v.name)
        .with("issuer", v.issuer)
        .with("client_id", v.client_id)
        .with("scopes", v.scopes)
        .with("groups_claim", v.groups_claim)
        .with("allowed_email_domains", v.allowed_email_domains)
        .with("ca_certificates", v.ca_certificates)
        .with("enabled", "true");
    let form = Form::new(stored.clone());
    let new = v.stored.is_none();
    let (heading, action, back, from) = match &v.stored {
        Some((id, _)) => {
            let (action, back) = (format!("{PATH}/{id}/edit"), format!("{PATH}/{id}"));
            (format!("Edit the identity provider {id}"), action, back, id.clone())
        }
        None => {
            let heading = "New identity provider".to_owned();
            (heading, format!("{PATH}/new"), PATH.to_owned(), "Identity providers".to_owned())
        }
    };
    let versions = v.stored.as_ref().map(|(_, version)| Versions::of(&form, *version));
    let button = versions.as_ref().map_or("Create", Versions::button);
    let head = match versions {
        Some(versions) => {
            let fields = COMPARED.iter().map(|(name, label)| compared_field(&form, &stored, name, *label));
            versions.show(fields, None)
        }
        None => form.text(
            Field::new("id", "Id")
                .help(
                    "1 to 63 of a-z, 0-9 and -. It is part of the redirect URI and cannot be changed later.",
                )
                .example("company")
                .required(),
        ),
    };
    let tail = new.then(|| {
        form.flag(
            Field::new("enabled", "Enabled")
                .help("People can sign in through it at once. Without, it can be tested first."),
        )
    });
    let fields = view! { {head} {settings(&form, new, v.has_client_secret)} {tail} };
    let form = form.frame(action, (button, false), back.clone(), fields);
    view! {
        <PageTitle text=heading.clone()/>
        <div class="head">
            <div><div class="crumbs"><a href=back>{from}</a></div> <h1>{heading}</h1></div>
        </div>
        <div class="grid split">
            <section class="card"><div class="body">{form}</div></section>
            <div class="grid">
                <section class="card">
                    <header><h2>"To be registered there"</h2></header>
                    <div class="body">{register(v.register, "stacked")}</div>
                </section>
                {where_to_find()}
            </div>
        </div>
    }
}

fn settings(form: &Form, new: bool, has_secret: bool) -> impl IntoView {
    let secret = match (new, has_secret) {
        (true, _) => "Left empty for a public client. It is sealed at rest and never shown again.",
        (false, true) => "One is stored and is never shown. Left empty, it stays as it is.",
        (false, false) => "None is stored: the client is a public one. Left empty, that stays so.",
    };
    let remove = has_secret.then(|| {
        form.flag(
            Field::new("remove_client_secret", "Remove the client secret")
                .help("For a client that was made a public one at the provider."),
        )
    });
    view! {
        {form.text(Field::new("name", "Name").help("On the sign-in page: “Continue with …”.").required())}
        {form.text(
            Field::new("issuer", "Issuer")
                .help("Exactly as the provider calls itself in its metadata, a slash at the end included.")
                .example("https://idp.example.com/realms/company")
                .required(),
        )}
        {form.text(Field::new("client_id", "Client id").help("As the provider has given it out.").required())}
        {form.text(Field::new("client_secret", "Client secret").kind("password").help(secret))}
        {remove}
        {form.text(
            Field::new("scopes", "Scopes").help(
                "What is asked for beside openid, with spaces between. Some providers send groups only for a scope of \
                 that name.",
            ),
        )}
        {form.text(
            Field::new("groups_claim", "Groups claim")
                .help("Where a person's groups are: the name of a claim, or names with dots between them, such as realm_access.roles.")
                .required(),
        )}
        {form.text(
            Field::new("allowed_email_domains", "E-mail domains")
                .help("Only people with an address in one of these, which the provider calls verified. Spaces between; empty: anybody.")
                .example("example.com"),
        )}
        {form.lines(
            Field::new("ca_certificates", "CA certificates (PEM)").help(
                "For a provider whose own TLS certificate is from a CA that the system does not trust. Mostly empty.",
            ),
            4,
        )}
    }
}

fn mappings(v: MappingsView) -> impl IntoView {
    let stored = stored_mappings(&v.mappings);
    let form = Form::new(stored.clone());
    let both = compared("Groups and roles", grants_in_words(&stored), grants_in_words(form.values()));
    let page = format!("{PATH}/{}", v.id);
    let heading = format!("Group mappings of {}", v.name);
    let versions = Versions::of(&form, v.version);
    let button = versions.button();
    let fields = view! {
        {versions.show([both], None)}
        <p>"Whoever is in the group at the provider holds the role here. Groups are compared letter by letter, as the provider sends them in the claim "
            <code>{v.groups_claim}</code> "; the audit event of a sign-in shows which came. A change holds at once, also for those who are signed in."</p>
        {grant_rows(&form, "group_mappings", v.choices, true)}
    };
    let form = form.frame(format!("{page}/mappings"), (button, false), page.clone(), fields);
    view! {
        <PageTitle text=heading.clone()/>
        <div class="head">
            <div><div class="crumbs"><a href=page>{v.name}</a></div> <h1>{heading}</h1></div>
        </div>
        <section class="card"><div class="body wide">{form}</div></section>
    }
}

fn test(v: ProviderTestView) -> impl IntoView {
    let page = format!("{PATH}/{}", v.id);
    let heading = format!("Test {}", v.name);
    let button = if v.checks.is_some() { "Test again" } else { "Test this provider" };
    let form = Form::new(Query::default());
    let explained = view! {
        <p>"The server reads the provider's metadata and keys now, past every cache, and says what is right, what is wrong, and what to do. Nothing is changed."</p>
        <p class="muted">"It cannot see what the provider will put into tokens. For that, sign in once and look at the audit event: it has the groups as they came."</p>
    };
    let form = form.frame(format!("{page}/test"), (button, false), page.clone(), explained);
    view! {
        <PageTitle text=heading.clone()/>
        <div class="head">
            <div><div class="crumbs"><a href=page>{v.name}</a></div> <h1>{heading}</h1></div>
        </div>
        {v.checks.map(report)}
        <section class="card"><div class="body">{form}</div></section>
    }
}

fn report(checks: Vec<CheckRow>) -> impl IntoView {
    let wrong = checks.iter().filter(|check| !check.ok).count();
    let (class, words) = match wrong {
        0 => ("note ok", "Nothing is wrong.".to_owned()),
        1 => ("note bad", "One thing is wrong.".to_owned()),
        n => ("note bad", format!("{n} things are wrong.")),
    };
    let rows = checks.into_iter().map(|CheckRow { name, ok, detail }| {
        let badge = match ok {
            true => Badge { word: "right".to_owned(), tone: Tone::Ok },
            false => Badge { word: "wrong".to_owned(), tone: Tone::Bad },
        };
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td><StatusBadge badge=badge/></td>
                <td class="text">{detail}</td>
            </tr>
        }
    });
    let rows = rows.collect_view().into_any();
    view! {
        <p class=class role="status"><strong>{words}</strong></p>
        <section class="card">
            <Table label="What was looked at" columns=&["Check", "Result", "What was found"]>{rows}</Table>
        </section>
    }
}
