//! Terms of service (RFC 8555 §7.3, §7.3.3): agreed to by version, at newAccount or later.

use acme::Problem;
use model::Account;

use crate::config::TermsOfService;
use crate::core::Core;

/// The version that a new account agrees to; `None` where the server has no terms.
pub fn agreement(core: &Core, agrees: bool) -> Result<Option<String>, Problem> {
    match &core.terms_of_service {
        None => Ok(None),
        Some(terms) if agrees => Ok(Some(terms.version.clone())),
        Some(terms) => {
            let detail = "this CA has terms of service; agree to them with `termsOfServiceAgreed`: true";
            Err(action_required(terms, detail))
        }
    }
}

/// Whether the account has agreed to the terms as they are now; `None` where the server has none.
pub fn agreed(core: &Core, account: &Account) -> Option<bool> {
    let terms = core.terms_of_service.as_ref()?;
    Some(account.terms_version.as_ref() == Some(&terms.version))
}

/// Refuses an account that has not agreed to the terms as they are now (RFC 8555 §7.3.3).
pub fn must_be_current(core: &Core, account: &Account) -> Result<(), Problem> {
    match (&core.terms_of_service, agreed(core, account)) {
        (Some(terms), Some(false)) => {
            let detail = "the terms of service have changed since this account agreed to them; agree to them by a POST of {\"termsOfServiceAgreed\":true} to the account's URL";
            Err(action_required(terms, detail))
        }
        _ => Ok(()),
    }
}

fn action_required(terms: &TermsOfService, detail: &str) -> Problem {
    Problem::user_action_required(format!("{detail} (terms: {})", terms.url))
        .with_instance(terms.url.as_str())
        .with_link(terms.url.as_str(), "terms-of-service")
}
