//! Sign-in and sign-out of browsers: `/auth/…`, the cookie of sessions, and what keeps other sites from using it.

pub mod api_key;
pub mod break_glass;
mod cookie;
pub mod form;
pub mod link;
pub mod logout;
pub mod oidc;
mod origin;
mod return_to;
pub mod session;
#[cfg(test)]
mod tests;

pub use cookie::cookie;
pub use form::Form;
pub use origin::{from_form, from_script};
pub use return_to::ReturnTo;
pub use session::{SessionCookie, Visitor, check_token};
