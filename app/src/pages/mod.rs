//! One file per page.

mod account;
mod link;
mod not_found;
mod sign_in;
mod start;
mod trust;

pub use account::Account;
pub use link::Link;
pub use not_found::NotFound;
pub use sign_in::SignIn;
pub use start::Start;
pub use trust::Trust;
