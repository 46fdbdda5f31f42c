//! What the forms of the pages do: a file for each subject. A form is sent to the path of the page that it stands in.
//! What is refused comes back as that page with what was sent; what is done leads on with 303 and is told there once.

pub mod accounts;
pub mod api_keys;
pub mod bulk_actions;
pub mod certificates;
mod done;
pub mod eab_keys;
mod grants;
pub mod profile_fields;
pub mod profiles;
pub mod providers;
pub mod rate_limits;
pub mod roles;
mod sent;
pub mod sessions;
pub mod users;
mod values;

pub use done::{Done, REMOVAL as DONE_REMOVAL};
pub use sent::{Sent, version_of};

use crate::error::Error;

/// A refusal because there is such a thing already, beside the id that was chosen for it.
fn beside_id(error: Error) -> Error {
    match error {
        Error::Conflict(reason) => Error::invalid("id", reason),
        other => other,
    }
}
