//! Who is asking, and what they may do. Services call [`authorise`] and its siblings; faces only find out who is
//! asking.

mod access;
mod api_key;
mod grant;
mod permission;
mod session;

pub use access::{grants_of, rights};
pub use api_key::{ApiKeyText, hash, presented};
pub use grant::{MAX_PROFILES, check_grantable};
pub use permission::{authorise, authorise_within, reach};
pub use session::{SessionSecret, is_same_secret, random_token, rights_digest};
