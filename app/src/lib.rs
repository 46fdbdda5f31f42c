//! The GUI: views in, HTML out. Knows leptos, and nothing of SQL, axum or secrets.
//!
//! The server implements [`Backend`] over its services, one method a page; what a view struct does not hold, a page
//! cannot show. [`shell`] is the whole document, `pages` has a file for each subject, [`views`] what its pages show.

mod backend;
mod components;
mod document;
mod pages;
mod request;
pub mod views;

pub use backend::{Backend, PageError};
pub use document::{App, shell};
pub use request::{Assets, Done, Fault, Labels, PageRequest, Query, Sent, Status, VisitorView};
