//! What an order replaces (RFC 9773 §5).
//!
//! Refusals are of the type `malformed` and name `replaces`, whatever their status: to that clients answer by ordering
//! again without it (cert-manager does), while `unauthorized` ends the renewal.

use acme::renewal::CertificateRef;
use acme::{Problem, ProblemType};
use model::{Account, CertificateId, Identifier, OrderId, OrderStatus};
use store::Tx;

use super::order::as_of;
use crate::core::Core;
use crate::error::{Error, Result};
use crate::services::renewal;

/// A certificate that an order may replace, as far as it has been checked.
#[derive(Debug)]
pub struct Replacement {
    certificate_id: CertificateId,
    /// An order that was to replace it and has become invalid.
    held_by: Option<OrderId>,
}

/// Whether an order of `account` for `identifiers` may replace the certificate that `text` names.
pub async fn check(
    core: &Core,
    account: &Account,
    identifiers: &[Identifier],
    text: &str,
) -> Result<Replacement> {
    let refuse = |detail: &str, status| Err(Problem::malformed(detail).with_status(status).into());
    let named = CertificateRef::parse(text, "`replaces`")?;
    let Some(certificate) = renewal::find(core, &named).await? else {
        return refuse("`replaces` names no certificate of this CA", 404);
    };
    let summary = &certificate.summary;
    if summary.account_id.as_ref() != Some(&account.id) {
        return refuse("`replaces` names a certificate that this account did not order", 403);
    }
    if !identifiers.iter().any(|identifier| summary.identifiers.contains(identifier)) {
        return refuse("`replaces` names a certificate that has no identifier of this order", 403);
    }
    if summary.replaced_by.is_some() {
        return Err(already_replaced());
    }
    if let Some(holder) = &certificate.replaced_by_order {
        let holder = core.store.read().await?.order(holder).await?;
        if holder.is_some_and(|order| as_of(order, core.now()).status != OrderStatus::Invalid) {
            return Err(already_replaced());
        }
    }
    Ok(Replacement { certificate_id: certificate.summary.id, held_by: certificate.replaced_by_order })
}

impl Replacement {
    /// Gives the certificate to `order`, in the transaction that creates it. Of several orders one gets it.
    pub async fn claim(&self, tx: &mut Tx, order: &OrderId) -> Result<()> {
        match tx.claim_replacement(&self.certificate_id, &self.held_by, order).await? {
            true => Ok(()),
            false => Err(already_replaced()),
        }
    }
}

/// The serial number, in hexadecimal, of the certificate that a stored order names as replaced.
pub fn serial_of(replaces: &str) -> Result<String> {
    let named = CertificateRef::parse(replaces, "the stored order's `replaces`");
    let named = named.map_err(|problem| Error::Internal(problem.detail))?;
    Ok(hex::encode(named.serial))
}

fn already_replaced() -> Error {
    let detail = "the certificate that `replaces` names is replaced by another order already";
    Problem::new(ProblemType::AlreadyReplaced, detail).into()
}
