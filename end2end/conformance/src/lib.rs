//! Holds an ACME server against RFC 8555 and its extensions (RFC 8737, 8738, 9773, draft-ietf-acme-profiles): 130 rows,
//! each a condition and what the server must answer, tried on every resource to which it can apply.
//!
//! [`row::Row`] is the table's type; `rows/` has one file per section, and row N is the function `row_N_…`.
//! [`suite::run`] runs them, [`report::Report`] shows what came of it. What only the server's administrator can do is
//! asked of an [`admin::Admin`].

pub mod acme;
pub mod admin;
pub mod eab;
pub mod exchange;
pub mod finding;
pub mod flow;
pub mod hook;
pub mod report;
pub mod responder;
pub mod row;
pub mod suite;

mod common;
mod endpoint;
mod probe;
mod rows;
mod times;
mod weak_rsa;

pub use admin::{Act, Admin, EabKey, EabState, Granted, Missing, NoAdmin, Place, PlaceKind};
pub use finding::Outcome;
pub use report::Report;
pub use responder::Ports;
pub use suite::{Options, run};
