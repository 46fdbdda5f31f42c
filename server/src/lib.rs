//! certctl: a private certificate authority that speaks ACME, with a JSON API, in one binary.
//!
//! `http` finds out who is asking and what; `issuance` and `services` decide, do and record; `store`, `ca` and
//! `acme` (crates of their own) know SQL, X.509 and RFC 8555. ARCHITECTURE.md has the map.

pub mod auth;
pub mod cli;
pub mod config;
pub mod core;
pub mod error;
pub mod http;
pub mod issuance;
mod jobs;
pub mod limits;
pub mod metrics;
pub mod oidc;
pub mod services;
pub mod signers;
pub mod startup;
pub mod state;
pub mod tls;
pub mod validation;

pub use crate::http::build_router;
