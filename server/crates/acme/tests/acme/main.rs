//! What the crate promises, by the rows of the conformance table that can be decided without a server (the number is in
//! the test's name) and by properties of arbitrary input.

mod keys;

mod answers;
mod caa;
mod contacts;
mod external_account;
mod identifiers;
mod jwk;
mod jws;
mod nonces;
mod payloads;
mod properties;
mod renewal;
