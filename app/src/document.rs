//! The document around every page, and the routes to the pages.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use leptos::prelude::*;
use leptos_meta::{MetaTags, provide_meta_context};
use leptos_router::components::{Route, Router, Routes};
use leptos_router::path;

use crate::pages::{Account, Link, NotFound, SignIn, Start, Trust};
use crate::{Backend, VisitorView};

/// What the server gives to the rendering of one page, as leptos context.
#[derive(Debug, Clone)]
pub struct PageRequest {
    pub backend: Arc<dyn Backend>,
    /// The path of the style sheet; its name changes with its content.
    pub stylesheet: Arc<str>,
    pub status: Status,
    /// Who is signed in.
    pub visitor: Option<VisitorView>,
    /// Why what the visitor sent was refused; the page that they sent it from says so.
    pub refusal: Option<String>,
}

/// The HTTP status of the answer, as the page decides it.
#[derive(Debug, Clone)]
pub struct Status(Arc<AtomicU16>);

impl Status {
    pub fn get(&self) -> u16 {
        self.0.load(Ordering::Relaxed)
    }

    pub fn set(&self, status: u16) {
        self.0.store(status, Ordering::Relaxed);
    }
}

impl Default for Status {
    fn default() -> Self {
        Self(Arc::new(AtomicU16::new(200)))
    }
}

/// The whole document.
pub fn shell() -> impl IntoView {
    let stylesheet = use_context::<PageRequest>().map(|r| r.stylesheet.to_string());
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="stylesheet" href=stylesheet/>
                <link rel="icon" href="data:,"/>
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

/// One line for each page.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <Routes fallback=NotFound>
                <Route path=path!("/") view=Start/>
                <Route path=path!("/pki") view=Trust/>
                <Route path=path!("/sign-in") view=SignIn/>
                <Route path=path!("/account") view=Account/>
                <Route path=path!("/auth/link/:token") view=Link/>
            </Routes>
        </Router>
    }
}
