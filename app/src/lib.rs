//! The GUI: views in, HTML out. Knows leptos, and nothing of SQL, axum or secrets.
//!
//! The server implements [`Backend`] over its services, one method a page; what a view struct does not hold, a page
//! cannot show. [`document::shell`] is the whole document, [`pages`] has a file for each page.

mod backend;
mod components;
mod document;
mod pages;

pub use backend::{
    AccountView, AcmeView, Anchor, Backend, Held, PageError, ProviderLink, SessionRow, SignInView, StartView,
    TrustView, VisitorView,
};
pub use document::{App, PageRequest, Status, shell};
