//! Certificates that something is done to.

use model::{BulkSelection, CertificateFilter, CertificateId, NamePart, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{hexadecimal, parse, parse_name, parse_part, parse_time};
use crate::error::{Error, Result};

/// Which certificates are meant: `ids`, or all that match every given criterion. At least one is needed.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CertificateSelection {
    /// No other criterion may stand beside them.
    #[serde(skip_serializing_if = "Option::is_none")]
    ids: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer_id: Option<String>,
    /// A name or address in the certificate, exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Part of a name or address in the certificate, as in the list of certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    name_part: Option<String>,
    /// In hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<String>,
    /// SHA-256 of the certificate in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// Expiring at or after this time (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_after: Option<String>,
    /// Expiring before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_before: Option<String>,
    /// Issued at or after this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_after: Option<String>,
    /// Issued before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_before: Option<String>,
    /// true: only those that another certificate has replaced; false: only the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    superseded: Option<bool>,
    /// true: only those that are to be renewed at once; false: only the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    renew_now: Option<bool>,
}

impl CertificateSelection {
    /// `most`: as many ids as may be named.
    pub fn checked(&self, most: usize) -> Result<BulkSelection> {
        let filter = self.filter()?;
        let any = filter != CertificateFilter::default();
        let Some(ids) = &self.ids else {
            return match any {
                true => Ok(BulkSelection::Filter(Box::new(filter))),
                false => Err(Error::invalid("selection", "at least one criterion is required")),
            };
        };
        if any {
            return Err(Error::invalid("selection", "`ids` cannot be combined with other criteria"));
        }
        if ids.is_empty() || ids.len() > most {
            return Err(Error::invalid("selection.ids", format!("1 to {most} ids are allowed")));
        }
        let ids = ids.iter().map(|id| id.parse::<CertificateId>()).collect::<Result<_, _>>();
        ids.map(BulkSelection::Ids).map_err(|e| Error::invalid("selection.ids", e.to_string()))
    }

    fn filter(&self) -> Result<CertificateFilter> {
        Ok(CertificateFilter {
            profile_id: parse("selection.profile_id", self.profile_id.as_deref())?,
            account_id: parse("selection.account_id", self.account_id.as_deref())?,
            order_id: parse("selection.order_id", self.order_id.as_deref())?,
            issuer_id: parse("selection.issuer_id", self.issuer_id.as_deref())?,
            name: parse_name("selection.name", self.name.as_deref())?,
            name_part: parse_part("selection.name_part", self.name_part.as_deref(), NamePart::parse)?,
            serial: self.serial.as_deref().map(hexadecimal),
            sha256: self.sha256.as_deref().map(hexadecimal),
            expires_after: parse_time("selection.expires_after", self.expires_after.as_deref())?,
            expires_before: parse_time("selection.expires_before", self.expires_before.as_deref())?,
            created_after: parse_time("selection.created_after", self.created_after.as_deref())?,
            created_before: parse_time("selection.created_before", self.created_before.as_deref())?,
            superseded: self.superseded,
            renewal_demanded: self.renew_now,
            ..CertificateFilter::default()
        })
    }

    /// For the audit event.
    pub fn shown(&self) -> Result<serde_json::Value> {
        serde_json::to_value(self).map_err(|e| Error::Internal(format!("a selection has no JSON form: {e}")))
    }
}

/// Every field of a filter is named here, so that none is passed over in silence.
impl From<CertificateFilter> for CertificateSelection {
    fn from(filter: CertificateFilter) -> Self {
        let CertificateFilter {
            name,
            name_part,
            serial,
            sha256,
            account_id,
            order_id,
            profile_id,
            issuer_id,
            expires_after,
            expires_before,
            created_after,
            created_before,
            superseded,
            renewal_demanded,
            // Whatever is done is done to valid ones; whose they may be follows from who asks; and how they are listed is
            // no matter.
            state: _,
            within: _,
            order: _,
            page: _,
        } = filter;
        let time = |time: Option<Timestamp>| time.map(Timestamp::to_rfc3339);
        Self {
            ids: None,
            profile_id: profile_id.map(|id| id.to_string()),
            account_id: account_id.map(|id| id.to_string()),
            order_id: order_id.map(|id| id.to_string()),
            issuer_id: issuer_id.map(|id| id.to_string()),
            name,
            name_part: name_part.map(|part| part.as_str().to_owned()),
            serial,
            sha256,
            expires_after: time(expires_after),
            expires_before: time(expires_before),
            created_after: time(created_after),
            created_before: time(created_before),
            superseded,
            renew_now: renewal_demanded,
        }
    }
}
