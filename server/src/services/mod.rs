//! What can be done, apart from issuing: each service takes the caller, authorises it, does the work and records
//! the audit event in the same transaction.

pub mod accounts;
pub mod administration;
pub mod api_keys;
pub mod audit;
pub mod bootstrap;
pub mod break_glass;
pub mod bulk_actions;
pub mod certificates;
pub mod eab_keys;
pub mod explain;
pub mod issuers;
pub mod local_users;
pub mod login_links;
pub mod oidc_logout;
pub mod oidc_sign_in;
pub mod orders;
pub mod overview;
pub mod profiles;
pub mod providers;
pub mod rate_limits;
pub mod registration;
pub mod renewal;
pub mod roles;
mod scope;
pub mod sessions;
pub mod system;
pub mod terms;
pub mod trust;
pub mod users;
