//! Who is asking, and what they may do. Services call [`authorise`]; faces only find out who is asking.

mod api_key;
mod permission;

pub use api_key::{ApiKeyText, hash, presented};
pub use permission::{Permission, authorise};
