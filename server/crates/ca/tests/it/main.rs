//! The crate against what else reads certificates: webpki and OpenSSL.

mod challenge_certificate;
mod csr;
mod external_ca;
mod leaf;
mod properties;
mod support;
