//! The shipped binary, from outside. One test binary; `cargo test -p end2end lego` runs one part.

mod api;
mod certbot;
mod crash;
mod faults;
mod instant;
mod lego;
mod limits;
mod quickstart;
mod zlint;
