//! What must hold for every input of the parsers of what clients, resolvers and operators hand over. Each module is one
//! fuzz target: its `check` takes any octets and panics when a property is broken. `fuzz/fuzz_targets` calls them with
//! what libFuzzer invents, this crate's own test with the corpus in `fuzz/corpus`, so that what was broken once is
//! tested for ever.
//!
//! A property is stated without the parser's own means where that is possible: by another reader of the same text, by
//! writing what was read and reading it again, or by what follows for other inputs.

pub mod caa;
pub mod certificate_id;
pub mod challenge_certificate;
pub mod csr;
pub mod external_account;
pub mod identifiers;
pub mod jwk;
pub mod jws;
pub mod name_constraints;
pub mod name_pattern;
pub mod payload;
pub mod public_key;

mod der;
mod keys;

/// Panics when a property does not hold for an input.
pub type Check = fn(&[u8]);

/// Every target by its name in `fuzz/fuzz_targets` and `fuzz/corpus`.
pub const TARGETS: &[(&str, Check)] = &[
    ("caa", caa::check),
    ("certificate_id", certificate_id::check),
    ("challenge_certificate", challenge_certificate::check),
    ("csr", csr::check),
    ("external_account", external_account::check),
    ("identifiers", identifiers::check),
    ("jwk", jwk::check),
    ("jws", jws::check),
    ("name_constraints", name_constraints::check),
    ("name_pattern", name_pattern::check),
    ("payload", payload::check),
    ("public_key", public_key::check),
];

/// A problem is of one of the kinds that its parser documents, and does not hand back what it was given at any length.
fn assert_problem(problem: &acme::Problem, kinds: &[acme::ProblemType]) {
    assert!(kinds.contains(&problem.kind), "undocumented kind of {problem:?}");
    assert!(problem.detail.len() <= 1024, "a detail of {} octets", problem.detail.len());
}
