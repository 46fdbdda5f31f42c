use leptos::prelude::*;

use crate::components::{
    Confirmation, Instant, StatusBadge, confirmation, list_page, page, parameter, thing,
};
use crate::views::{Badge, ListView, SessionRow, Tone};

#[component]
pub fn Sessions() -> impl IntoView {
    page("Sessions", PATH, |r| async move { r.backend.sessions(&r.query).await }, list)
}

#[component]
pub fn EndSession() -> impl IntoView {
    let id = parameter("id");
    let common = Confirmation::without_reason();
    page(
        "End a session",
        PATH,
        |r| async move { r.backend.session(&id).await },
        move |row: SessionRow| {
            let (owner, href) = row.owner.map_or_else(Default::default, |link| (link.text, link.href));
            let from = row.client_ip.map_or_else(String::new, |ip| format!(", from {ip}"));
            let mut consequences = vec![
                format!("It began at {} UTC by {}{from}.", row.began.text, row.way),
                ENDS_AT_ONCE.to_owned(),
            ];
            if row.current {
                consequences.push("It is the session that you are using now.".to_owned());
            }
            let asked = Confirmation {
                heading: format!("End a session of {owner}"),
                of: (owner, href.unwrap_or_else(|| PATH.to_owned())),
                consequences,
                button: "End the session",
                danger: true,
                ..common
            };
            confirmation(asked, |_| ().into_any())
        },
    )
}

#[component]
pub fn EndAllSessions() -> impl IntoView {
    let common = Confirmation::here();
    page(
        "End all sessions",
        PATH,
        |_| async { Ok(()) },
        move |()| {
            let asked = Confirmation {
                heading: "End all sessions".to_owned(),
                of: ("Sessions".to_owned(), PATH.to_owned()),
                consequences: vec![
                    "Everybody is signed out but you in this browser, at once and on every replica."
                        .to_owned(),
                    "It keeps nobody out: whoever may sign in can do so again. API keys go on working."
                        .to_owned(),
                ],
                button: "End all sessions",
                danger: true,
                ..common
            };
            confirmation(asked, |_| ().into_any())
        },
    )
}

const PATH: &str = "/sessions";
pub const ENDS_AT_ONCE: &str =
    "That browser is signed out at once, on every replica. It keeps nobody out: they can sign in again.";

fn list(view: ListView<SessionRow>) -> impl IntoView {
    const COLUMNS: &[&str] = &["Who", "From", "Began (UTC)", "Last seen (UTC)", "Ends (UTC)", "Session"];
    let heading = (
        "Sessions",
        "Browsers that are signed in. A session ends by itself when it is not used, and after a longest time.",
    );
    list_page(view, PATH, heading, COLUMNS, row, || {
        view! { <p><strong>"Nobody is signed in."</strong></p> }.into_any()
    })
}

/// Of the tables in which it is plain whose sessions they are.
pub const OWN_COLUMNS: &[&str] =
    &["Signed in by", "From", "Began (UTC)", "Last seen (UTC)", "Ends (UTC)", "Session"];

pub fn row(row: SessionRow) -> impl IntoView {
    let end = row.end.map(|href| view! { <a class="button danger" href=href>"End"</a> });
    let this_one = || Badge { word: "this one".to_owned(), tone: Tone::Ok };
    let this_one = row.current.then(|| view! { <StatusBadge badge=this_one()/> " " });
    let who = match row.owner {
        Some(owner) => view! { {thing(owner)} <small>"by " {row.way}</small> }.into_any(),
        None => row.way.into_any(),
    };
    view! {
        <tr>
            <th scope="row">{who}</th>
            <td><span class="mono">{row.client_ip}</span> {browser(row.user_agent)}</td>
            <td class="nowrap"><Instant at=row.began/></td>
            <td class="nowrap"><Instant at=row.last_seen/></td>
            <td class="nowrap"><Instant at=row.ends/></td>
            <td>{this_one} {end}</td>
        </tr>
    }
}

/// What a browser says of itself, on one line; the whole of it is the title.
pub fn browser(user_agent: Option<String>) -> impl IntoView {
    user_agent.map(|agent| {
        let title = agent.clone();
        view! { <small class="clip" title=title>{agent}</small> }
    })
}
