use leptos::prelude::*;

use crate::components::{Commands, Instant, StatusBadge, Table, page, thing};
use crate::views::{Badge, BreakGlassView, Link, Moment, PasswordRow, Tone};

#[component]
pub fn BreakGlass() -> impl IntoView {
    page("Break-glass", "/break-glass", |r| async move { r.backend.break_glass().await }, content)
}

fn content(v: BreakGlassView) -> impl IntoView {
    let (word, tone) = if v.enabled { ("enabled", Tone::Warn) } else { ("disabled", Tone::Quiet) };
    let badge = Badge { word: word.to_owned(), tone };
    let meaning = match v.enabled {
        true => "Whoever has a password below can sign in with it at the sign-in page.",
        false => {
            "Passwords open nothing now. To change that, set CERTCTL_BREAK_GLASS_ENABLED=true and start the server again."
        }
    };
    let passwords = match v.passwords.is_empty() {
        true => view! { <div class="body"><p class="muted">"Nobody has a password."</p></div> }.into_any(),
        false => {
            let rows = v.passwords.into_iter().map(row).collect_view().into_any();
            const COLUMNS: &[&str] =
                &["User", "Password", "Set (UTC)", "Last used (UTC)", "Wrong ones since"];
            view! { <Table label="Passwords" columns=COLUMNS>{rows}</Table> }.into_any()
        }
    };
    let events = v.events.into_iter().map(|Link { text, href, .. }| {
        view! { <a class="button" href=href>{text}</a> }
    });
    let set = "certctl break-glass set-password --name NAME --generate".to_owned();
    let hint = format!(
        "Prints a new password, once. Without --generate it reads one of {} characters or more from standard input. NAME becomes \
         an administrator of this machine if there is none of that name.",
        v.shortest
    );
    view! {
        <div class="head">
            <div>
                <h1>"Break-glass " <StatusBadge badge=badge/></h1>
                <p>"Passwords of local administrators, for the day on which no identity provider answers. Every use is an audit event, an error in the log, and a banner for all administrators for a day."</p>
            </div>
            <div class="actions">{events.collect_view()}</div>
        </div>
        <p class=if v.enabled { "note warn" } else { "note" }>{meaning}</p>
        <section class="card">
            <header><h2>"Who has a password"</h2></header>
            {passwords}
        </section>
        <section class="card">
            <header><h2>"On the server's machine"</h2></header>
            <div class="body">
                <p class="muted">"There is no form for this by design: whoever takes over a browser must not be able to leave a password behind. Run it with the settings of the server."</p>
                <Commands heading="Set or replace a password" text=set/>
                <p class="muted small">{hint}</p>
                <Commands
                    heading="Take one away" text="certctl break-glass remove --name NAME".to_owned()
                    hint="It ends the sessions of its user as well. Setting a password anew unlocks it."
                />
            </div>
        </section>
    }
}

fn row(row: PasswordRow) -> impl IntoView {
    let locked = row.locked_until.map(|until| view! { <small>"until " {until.text} " UTC"</small> });
    view! {
        <tr>
            <th scope="row">{thing(row.user)}</th>
            <td><StatusBadge badge=row.status/> {locked}</td>
            <td class="nowrap"><Instant at=row.changed/></td>
            <td class="nowrap">{moment(row.last_used)}</td>
            <td>{row.failures}</td>
        </tr>
    }
}

fn moment(at: Option<Moment>) -> AnyView {
    match at {
        Some(at) => view! { <Instant at/> }.into_any(),
        None => view! { <span class="muted">"never"</span> }.into_any(),
    }
}
