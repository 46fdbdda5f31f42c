//! What pages are made of: a file for each thing.

mod anchor;
mod atoms;
mod changes;
mod chart;
mod commands;
mod confirmation;
mod form;
mod frame;
mod grants;
mod list;
mod live;
mod loading;
mod prose;
mod secret;
mod title;
mod versions;

pub use anchor::AnchorCard;
pub use atoms::{Identifier, Instant, StatusBadge, actions, optional_link, revoked, thing};
pub use changes::changes;
pub use chart::bars;
pub use commands::Commands;
pub use confirmation::{Confirmation, asking, confirmation};
pub use form::{Alternative, Field, Form};
pub use frame::{CsrfToken, Page, sentence};
pub use grants::{grant_rows, grants_in_words, held_role, stored_grants, stored_mappings};
pub use list::{Pager, Table, list_page};
pub use live::Live;
pub use loading::{failure, page, parameter};
pub use prose::prose;
pub use secret::shown_once;
pub use title::PageTitle;
pub use versions::{Versions, compared, compared_field};
