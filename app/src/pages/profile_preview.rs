use leptos::prelude::*;

use super::profiles::PATH;
use crate::components::{Field, Form, PageTitle, StatusBadge, page, parameter};
use crate::views::{LeafField, PreviewAnswer, PreviewName, PreviewView};

#[component]
pub fn PreviewProfile() -> impl IntoView {
    let id = parameter("id");
    page("Dry run", PATH, |r| async move { r.backend.profile_preview(&id, &r.query).await }, content)
}

fn content(v: PreviewView) -> impl IntoView {
    let profile = format!("{PATH}/{}", v.id);
    let form = Form::asked(v.asked, v.faults);
    let names = Field::new("names", "Names")
        .help("One a line, as a client would order them: names, wildcards, addresses.")
        .example("host.example.com");
    let common_name = Field::new("common_name", "Common name").help(
        "Of the CSR; one of the names. lego asks for the first one, certbot and cert-manager for none.",
    );
    let ttl = Field::new("ttl", "Validity").help(
        "As the order asks for it, for example 24h. Empty: what the profile gives, as most clients have it.",
    );
    let fields = view! {
        {form.lines(names, 4)}
        {form.menu(Field::new("key", "Key"), v.key_types)}
        {form.text(common_name)}
        {form.text(ttl)}
    };
    let form = form.asking(format!("{profile}/preview"), "Show what it would issue", fields);
    view! {
        <PageTitle text=format!("Dry run of {}", v.name)/>
        <div class="head">
            <div>
                <div class="crumbs"><a href=PATH>"Profiles"</a> " / " <a href=profile>{v.name}</a></div>
                <h1>"Dry run"</h1>
                <p>"What the profile, as it is stored, would issue. The rules and the certificate are those of issuance, up to the
                    signature; nothing is signed or stored."</p>
            </div>
        </div>
        <div class="grid split turned">
            <section class="card"><header><h2>"The request"</h2></header><div class="body">{form}</div></section>
            <div class="grid">{v.answer.map(answer)}</div>
        </div>
    }
}

fn answer(answer: PreviewAnswer) -> impl IntoView {
    let PreviewAnswer { names, refusals, leaf, besides } = answer;
    let verdict = match &leaf {
        Some(_) => view! { <p class="note ok" role="status">"It would be issued, as below."</p> }.into_any(),
        None => {
            let rules = refusals.into_iter().map(|(rule, reason)| {
                view! { <li><code>{rule}</code> ": " {reason}</li> }
            });
            view! {
                <div class="note bad" role="status">
                    <p><strong>"It would be refused."</strong></p>
                    <ul>{rules.collect_view()}</ul>
                </div>
            }
            .into_any()
        }
    };
    let besides = besides.into_iter().map(|text| view! { <li>{text}</li> }).collect_view();
    view! {
        {verdict}
        {(!names.is_empty()).then(|| view! {
            <section class="card">
                <header><h2>"Names"</h2></header>
                <ul class="attention">{names.into_iter().map(name).collect_view()}</ul>
            </section>
        })}
        {leaf.map(fields)}
        <section class="card">
            <header><h2>"What is asked of the client besides"</h2></header>
            <div class="body"><ul class="steps">{besides}</ul></div>
        </section>
    }
}

fn name(name: PreviewName) -> impl IntoView {
    view! { <li><StatusBadge badge=name.verdict/> <div><code>{name.name}</code> <small>{name.reason}</small></div></li> }
}

fn fields(all: Vec<LeafField>) -> impl IntoView {
    let rows = all.into_iter().map(|LeafField { name, critical, values }| {
        let critical = critical.then(|| view! { " " <small>"critical"</small> });
        let values = values.into_iter().map(|value| view! { <li>{value}</li> }).collect_view();
        view! { <dt>{name} {critical}</dt> <dd><ul class="plain">{values}</ul></dd> }
    });
    view! {
        <section class="card">
            <header><h2>"The certificate"</h2> <span class="muted small">"without its signature"</span></header>
            <div class="body"><dl class="facts leaf">{rows.collect_view()}</dl></div>
        </section>
    }
}
