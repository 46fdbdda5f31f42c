use leptos::prelude::*;

use crate::Query;
use crate::components::{Field, Form, Instant, StatusBadge, Table, Versions, compared, page, thing};
use crate::views::{AllowedRow, Choice, LimitField, Link, RateLimitsForm, RateLimitsView, UsageRow};

#[component]
pub fn RateLimits() -> impl IntoView {
    page("Rate limits", PATH, |r| async move { r.backend.rate_limits(&r.query).await }, content)
}

#[component]
pub fn EditRateLimits() -> impl IntoView {
    page("Change the rate limits", PATH, |r| async move { r.backend.rate_limits_form().await }, edit)
}

#[component]
pub fn ResetRateLimit() -> impl IntoView {
    page(
        "Reset a counter",
        PATH,
        |r| async move {
            let subject = r.query.get("subject").unwrap_or_default().to_owned();
            Ok((subject, r.backend.rate_limit_reset().await?))
        },
        |(subject, limits)| reset(subject, limits),
    )
}

const PATH: &str = "/rate-limits";

fn content(mut v: RateLimitsView) -> impl IntoView {
    const COLUMNS: &[&str] = &["Subject", "Limit", "Used", "State", "Begins anew (UTC)"];
    let wrong = v.usage.is_wrong();
    let (form, filtered) = (v.usage.form(PATH), v.usage.filtered);
    let rows = match v.usage.rows.is_empty() {
        true if wrong => ().into_any(),
        true => view! {
            <div class="empty">
                <p><strong>"Nobody is near a limit."</strong></p>
                <p>"Whoever has used four fifths of one is listed here."</p>
            </div>
        }
        .into_any(),
        false => {
            let rows = v.usage.rows.into_iter().map(used).collect_view().into_any();
            view! { <Table label="Usage" columns=COLUMNS>{rows}</Table> }.into_any()
        }
    };
    let actions = v.usage.actions.into_iter();
    let actions = actions.map(|Link { text, href, .. }| view! { <a class="button" href=href>{text}</a> });
    view! {
        <div class="head">
            <div>
                <h1>"Rate limits"</h1>
                <p>"They stop clients that run wild. Whoever is refused is told which limit it was, and when to try again."</p>
            </div>
            <div class="actions">
                {actions.collect_view()}
                {v.audit.map(|url| view! { <a class="button" href=url>"Audit events"</a> })}
            </div>
        </div>
        <section class="card">
            <header>
                <h2>"In force"</h2>
                <span class="muted small">"the network of a client: " {v.networks}</span>
            </header>
            {allowed(v.allowed)}
        </section>
        <section class="card">
            <header>
                <h2>{if filtered { "Usage of one subject" } else { "Who is near a limit" }}</h2>
                <span class="muted small">"as this replica counts, to the second"</span>
            </header>
            {form}
            {rows}
        </section>
    }
}

pub fn allowed(rows: Vec<AllowedRow>) -> impl IntoView {
    let rows = rows.into_iter().map(|row| {
        let allowed = match row.allowed {
            Some(allowed) => view! { <td class="num">{allowed}</td> }.into_any(),
            None => view! { <td class="num muted">"no limit"</td> }.into_any(),
        };
        view! {
            <tr>
                <th scope="row">{row.what} <small class="mono">{row.name}</small></th>
                {allowed}
                <td>{row.origin}</td>
            </tr>
        }
    });
    let rows = rows.collect_view().into_any();
    view! { <Table label="Rate limits in force" columns=&["Limit", "Allowed", "Where from"]>{rows}</Table> }
}

fn used(row: UsageRow) -> impl IntoView {
    let resets = match row.resets {
        Some(at) => view! { <Instant at/> }.into_any(),
        None => view! { <span class="muted">"less as orders end"</span> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row">{thing(row.subject)}</th>
            <td>{row.what}</td>
            <td class="nowrap">{row.used} " of " {row.allowed.unwrap_or_else(|| "any number".to_owned())}</td>
            <td><StatusBadge badge=row.status/></td>
            <td class="nowrap">
                {resets} {row.reset.map(|url| view! { <a href=url>"Reset"</a> })}
            </td>
        </tr>
    }
}

fn edit(v: RateLimitsForm) -> impl IntoView {
    let each = v.limits.iter().chain(&v.networks);
    let stored = each.fold(Query::default(), |query, field| query.with(field.name, &field.stored));
    let form = Form::new(stored);
    let versions = Versions::of(&form, v.version);
    let button = versions.button();
    let number = |text: &str| if text.trim().is_empty() { "no limit".to_owned() } else { text.to_owned() };
    let each = v.limits.iter().chain(&v.networks);
    let both: Vec<_> = each
        .map(|field| compared(field.label.clone(), number(&field.stored), number(&form.value(field.name))))
        .collect();
    let field = |field: LimitField| {
        let unit = if field.name.starts_with("network_prefix") { "" } else { " Nothing, or 0: no limit." };
        let default = if field.default.is_empty() { "no limit" } else { &field.default };
        let help = format!("The default is {default}.{unit}");
        form.text(Field::new(field.name, field.label).help(help).example("no limit").kind("number"))
    };
    let fields = view! {
        {versions.show(both, None)}
        {v.limits.into_iter().map(field).collect_view()}
        {v.networks.into_iter().map(field).collect_view()}
    };
    view! {
        <div class="head">
            <div>
                <div class="crumbs"><a href=PATH>"Rate limits"</a></div>
                <h1>"Change the rate limits"</h1>
                <p>"They hold at once here, and within seconds on other replicas. Counters go on as they are."</p>
            </div>
        </div>
        <section class="card">
            <div class="body">
                {form.frame(format!("{PATH}/edit"), (button, false), PATH.to_owned(), fields)}
            </div>
        </section>
    }
}

fn reset(subject: String, limits: Vec<Choice>) -> impl IntoView {
    let form = Form::new(Query::default().with("subject", subject));
    let all = Choice { value: String::new(), text: "all limits that count it".to_owned() };
    let choices = std::iter::once(all).chain(limits).collect();
    let fields = view! {
        <p>"The subject begins anew: what it has used of its limits is forgotten, at once and on every replica. Make sure that its client does not run wild any more."</p>
        {form.text(
            Field::new("subject", "Subject")
                .help("As it is listed: account:…, eab_key:…, name:…, network:… or account_name:…")
                .example("name:www.example.com")
                .required(),
        )}
        {form.menu(Field::new("limit", "Limit"), choices)}
        {form.text(Field::new("reason", "Reason").help("It is kept in the audit trail.").required())}
    };
    view! {
        <div class="head">
            <div>
                <div class="crumbs"><a href=PATH>"Rate limits"</a></div>
                <h1>"Reset a counter"</h1>
            </div>
        </div>
        <section class="card">
            <div class="body">
                {form.frame(format!("{PATH}/reset"), ("Reset", true), PATH.to_owned(), fields)}
            </div>
        </section>
    }
}
