//! The shipped binary, from outside. One test binary; `cargo test -p end2end lego` runs one part.

mod access;
mod api;
mod certbot;
mod chains;
mod challenges;
mod conformance;
mod crash;
mod external_account;
mod faults;
mod instant;
mod lego;
mod limits;
mod oidc;
mod pages;
mod profiles;
mod quickstart;
mod renewal;
mod sessions;
mod terms_of_service;
mod validity;
mod zlint;
