//! Who is asking, and what they may do. Services call [`authorise`] and its siblings; faces only find out who is
//! asking.

mod access;
mod account_use;
mod api_key;
mod bootstrap;
mod grant;
mod key_use;
mod password;
mod permission;
mod seldom;
mod session;
mod throttle;
mod unstored;

pub use access::{Out, grants_of, held, out, rights, rights_now};
pub use account_use::AccountUse;
pub use api_key::{ApiKeyText, MIN_CHOSEN_LENGTH, hash, is_plausible, nonce_id, presented};
pub use bootstrap::BootstrapToken;
pub use grant::{MAX_PROFILES, check_grantable, check_held};
pub use key_use::{KeyRefusal, KeyUse};
pub use password::PasswordHasher;
pub use permission::{authorise, authorise_named, authorise_within, reach};
pub use seldom::Seldom;
pub use session::{SessionSecret, is_same_secret, random_token, rights_digest};
pub use throttle::Throttle;
