//! The rows, a file per section. Row N is `row_N_…`; this table says where.
//!
//! | rows | file |
//! |---|---|
//! | 1–3, 6–10 | `answers.rs`: what every answer is held against |
//! | 11–15 | `directory.rs`: the directory and newNonce |
//! | 5, 16–21 | `transport.rs`: methods, media types, bodies |
//! | 22–29 | `jws.rs`: the envelope of a request |
//! | 30–32 | `keys.rs`: account keys and algorithms |
//! | 33–38 | `signer.rs`: who signed |
//! | 39–45 | `nonces.rs` |
//! | 46–50 | `target.rs`: `url` and payload |
//! | 51–59, 65 | `accounts.rs`: newAccount |
//! | 60–64 | `eab.rs`: external account binding |
//! | 66–69, 75 | `account_life.rs`: accounts as their owners use them |
//! | 70–74 | `key_change.rs` |
//! | 4, 76–81 | `orders.rs`: newOrder and its identifiers |
//! | 82–87 | `order_options.rs`: validity, addresses, profiles |
//! | 88–90, 128–130 | `renewal.rs`: ARI |
//! | 91–94 | `order_life.rs`: limits, readers, expiry |
//! | 95–98 | `authorizations.rs` |
//! | 99–103 | `challenges.rs`: the challenge resource |
//! | 104–110 | `validation.rs`: what the server looks at |
//! | 111–119 | `finalize.rs` |
//! | 120–122 | `certificates.rs` |
//! | 123–127 | `revocation.rs` |

mod account_life;
mod accounts;
mod answers;
mod authorizations;
mod certificates;
mod challenges;
mod directory;
mod eab;
mod finalize;
mod jws;
mod key_change;
mod keys;
mod nonces;
mod order_life;
mod order_options;
mod orders;
mod renewal;
mod revocation;
mod signer;
mod target;
mod transport;
mod validation;

use crate::row::Row;

pub const SECTIONS: &[&[Row]] = &[
    answers::ROWS,
    directory::ROWS,
    transport::ROWS,
    jws::ROWS,
    keys::ROWS,
    signer::ROWS,
    nonces::ROWS,
    target::ROWS,
    accounts::ROWS,
    eab::ROWS,
    account_life::ROWS,
    key_change::ROWS,
    orders::ROWS,
    order_options::ROWS,
    renewal::ROWS,
    order_life::ROWS,
    authorizations::ROWS,
    challenges::ROWS,
    validation::ROWS,
    finalize::ROWS,
    certificates::ROWS,
    revocation::ROWS,
];
