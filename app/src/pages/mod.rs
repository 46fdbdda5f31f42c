//! A file for each subject.

mod account;
mod accounts;
mod audit;
mod certificates;
mod connect;
mod eab_keys;
mod home;
mod issuers;
mod link;
mod not_found;
mod orders;
mod overview;
mod profiles;
mod renew_now;
mod revocation;
mod sign_in;
mod start;
mod trust;

pub use account::Account;
pub use accounts::{AcmeAccount, AcmeAccounts, DeactivateAccount, ResumeAccount, SuspendAccount};
pub use audit::{AuditEvent, AuditEvents};
pub use certificates::{Certificate, Certificates};
pub use connect::Connect;
pub use eab_keys::{EabKey, EabKeys};
pub use home::Home;
pub use issuers::{Issuer, Issuers};
pub use link::Link;
pub use not_found::NotFound;
pub use orders::{Order, Orders};
pub use profiles::{Profile, Profiles};
pub use renew_now::{CancelRenewNow, RenewNow};
pub use revocation::RevokeCertificate;
pub use sign_in::SignIn;
pub use trust::Trust;
