//! What tests need around the server: an own PostgreSQL cluster, the shipped binary as a process, an HTTPS client
//! that trusts one CA, and a raw ACME client that can be made to send anything.
//!
//! Everything here is for tests and benchmarks: what goes wrong panics with what to do about it. Nothing here
//! depends on our other crates.

pub mod acme;
pub mod http;
pub mod postgres;
pub mod process;
pub mod server;

pub use postgres::Postgres;
pub use server::CertctlServer;
