//! One file per page.

mod not_found;
mod start;
mod trust;

pub use not_found::NotFound;
pub use start::Start;
pub use trust::Trust;
