use acme::renewal::CertificateRef;
use app::Query;
use app::views::{CertificateRow, CertificateView, CertificatesView, ChainLink, Download, FilterKind, Link};
use model::{
    Caller, CertificateFilter, CertificateId, CertificateOrder, CertificateState, CertificateSummary,
    KeyType, NamePart, OrderId, Permission, Timestamp,
};

use super::Services;
use super::fields::{self, Fields};
use super::words;
use crate::error::{Error, Result};
use crate::http::api::certificates::parse_id;
use crate::http::api::hexadecimal;
use crate::services::{certificates, orders, renewal};

pub const PATH: &str = "/certificates";
/// Which certificates of the page are selected to begin with: `page` for all.
pub const SELECTED: &str = "selected";

/// An example of a part of a name, and how it compares.
pub(super) const NAME: (&str, &str) = ("shop.example", "begins at a label, ends anywhere");
const ORDERS: [(CertificateOrder, &str); 2] =
    [(CertificateOrder::Newest, "newest first"), (CertificateOrder::Expiry, "by expiry")];

impl Services {
    pub(super) async fn list_certificates(&self, caller: &Caller, query: &Query) -> Result<CertificatesView> {
        let mut fields = Fields::new(PATH, query);
        let filter = filter(&mut fields);
        fields.in_order(match (filter.order(), filter.state) {
            (CertificateOrder::Newest, _) => "newest first",
            (CertificateOrder::Expiry, Some(CertificateState::Expired)) => "the last to expire first",
            (CertificateOrder::Expiry, _) => "the next to expire first",
        });
        if fields.is_wrong() {
            return Ok(CertificatesView { list: fields.without_rows(), selection: None });
        }
        let now = self.state.core.now();
        let page = certificates::list(&self.state.core, caller, &filter).await?;
        let mut list = fields.with_rows(page.map(|certificate| self.certificate_row(certificate, now)));
        let selection = self.selection(query, &filter);
        if selection.is_some() {
            let href = Some("/bulk-actions".to_owned());
            list.actions.push(Link { text: "Bulk actions".to_owned(), href, title: None });
        }
        Ok(CertificatesView { list, selection })
    }

    pub(super) fn certificate_row(&self, c: CertificateSummary, now: Timestamp) -> CertificateRow {
        let (name, more_names) = words::names(&c.identifiers);
        CertificateRow {
            id: c.id.to_string(),
            certificate: Link { text: name, href: Some(format!("{PATH}/{}", c.id)), title: None },
            more_names,
            status: words::certificate(c.state(now), c.replaced_by.is_some()),
            profile: self.profile_link(&c.profile_id),
            account: c.account_id.map(|id| self.account_link(&id)),
            issued: words::moment(c.created_at, now),
            expires: words::moment(c.not_after, now),
        }
    }

    pub(super) async fn show_certificate(&self, caller: &Caller, id: &str) -> Result<CertificateView> {
        let core = &self.state.core;
        let id = parse_id(id)?;
        let (certificate, chain) = certificates::find(core, caller, &id).await?;
        let now = core.now();
        let malformed = |e: ca::MalformedCertificate| Error::Internal(format!("certificate {id}: {e}"));
        let info = ca::describe(&certificate.der).map_err(malformed)?;
        let issuer_key = ca::authority_key_identifier(&certificate.der).map_err(malformed)?;
        let usages = ca::usages(&certificate.der).map_err(malformed)?;
        let pem = ca::pem::encode_certificates([&certificate.der]);
        let requester = certificates::requester(core, &certificate.summary).await?;
        let c = certificate.summary;
        let (name, _) = words::names(&c.identifiers);
        let eab_key = match &c.account_id {
            Some(account) => self.eab_key_of(caller, account).await?,
            None => None,
        };
        let replaces = match &c.order_id {
            Some(order) => self.replaced_by_order(caller, order).await?,
            None => None,
        };
        Ok(CertificateView {
            actions: self.certificate_actions(&c, now),
            downloads: downloads(&id, &name),
            requester: requester.map(|asked| (self.actor_link(&asked.actor), asked.name)),
            renewal_id: issuer_key.and_then(|key| renewal_id(key, &info.serial_hex)),
            name,
            status: words::certificate(c.state(now), c.replaced_by.is_some()),
            revocation: c.revocation.map(|r| (words::moment(r.at, now), r.reason.name().to_owned())),
            renewal: c.renewal_demand.map(|d| (words::moment(d.since, now), d.reason)),
            replaced_by: c.replaced_by.map(|id| self.certificate_link(&id)),
            replaces,
            names: c.identifiers.iter().map(ToString::to_string).collect(),
            common_name: c.common_name,
            subject: match info.subject.is_empty() {
                true => "empty: the names are all".to_owned(),
                false => info.subject,
            },
            issuer_name: info.issuer,
            serial: words::colons(&c.serial),
            fingerprint: words::colons(&c.sha256),
            key: key_name(c.key_type).to_owned(),
            key_usages: in_words(&usages.key),
            extended_key_usages: in_words(&usages.extended),
            must_staple: usages.must_staple,
            not_before: words::moment(c.not_before, now),
            not_after: words::moment(c.not_after, now),
            issued: words::moment(c.created_at, now),
            profile: self.profile_link(&c.profile_id),
            issuer: self.issuer_link(&c.issuer_id),
            order: c.order_id.map(|id| self.order_link(&id)),
            account: c.account_id.map(|id| self.account_link(&id)),
            eab_key,
            audit: self.audit_of(id.as_str()),
            id: id.to_string(),
            pem,
            chain: chain_links(&chain, now).map_err(malformed)?,
        })
    }

    /// The certificate that the order named as the one to replace.
    async fn replaced_by_order(&self, caller: &Caller, order: &OrderId) -> Result<Option<Link>> {
        if !self.may(Permission::OrderRead) {
            return Ok(None);
        }
        let core = &self.state.core;
        // Ended orders are deleted after some time; the certificate stays.
        let order = match orders::examine(core, caller, order).await {
            Ok(examination) => examination.order,
            Err(Error::NotFound(_) | Error::Forbidden(_)) => return Ok(None),
            Err(other) => return Err(other),
        };
        self.certificate_named(order.replaces.as_deref()).await
    }

    /// The certificate that a client has named by its id of RFC 9773.
    pub(super) async fn certificate_named(&self, named: Option<&str>) -> Result<Option<Link>> {
        let Some(Ok(named)) = named.map(|named| CertificateRef::parse(named, "it")) else {
            return Ok(None);
        };
        let found = renewal::find(&self.state.core, &named).await?;
        Ok(found.map(|certificate| self.certificate_link(&certificate.summary.id)))
    }
}

/// The filters of the list. Where one is wrong, `fields` know.
pub(super) fn filter(fields: &mut Fields<'_>) -> CertificateFilter {
    let hex = |text: &str| match hexadecimal(text) {
        hex if hex.bytes().all(|b| b.is_ascii_hexdigit()) => Ok(hex),
        _ => Err("not a number in hexadecimal".to_owned()),
    };
    let text = |example| FilterKind::Text { example };
    CertificateFilter {
        name_part: fields.part("name", "Name or address", NAME, NamePart::parse),
        serial: fields.read("serial", "Serial", text("hexadecimal"), hex),
        sha256: fields.read("sha256", "SHA-256", text("fingerprint"), hex),
        state: fields.choice("status", "Status", fields::words(CertificateState::ALL)),
        profile_id: fields.parsed("profile", "Profile", "id"),
        account_id: fields.parsed("account", "Account", "acc-…"),
        issuer_id: fields.parsed("issuer", "Issuer", "id"),
        expires_after: fields.day("expires_from", "Expires from", false),
        expires_before: fields.day("expires_until", "Expires until", true),
        order: fields.order("as fits the filters", ORDERS),
        page: fields.page(),
        ..CertificateFilter::default()
    }
}

pub(super) fn chain_links(
    chain: &[Vec<u8>],
    now: Timestamp,
) -> Result<Vec<ChainLink>, ca::MalformedCertificate> {
    let links = chain.iter().map(|der| {
        let info = ca::describe(der)?;
        Ok(ChainLink {
            subject: info.subject,
            fingerprint: words::colons(&info.sha256_hex),
            expires: words::moment(info.not_after, now),
        })
    });
    links.collect()
}

pub(super) fn key_name(key: KeyType) -> &'static str {
    match key {
        KeyType::EcdsaP256 => "ECDSA P-256",
        KeyType::EcdsaP384 => "ECDSA P-384",
        KeyType::EcdsaP521 => "ECDSA P-521",
        KeyType::Ed25519 => "Ed25519",
        KeyType::Rsa => "RSA",
    }
}

pub(super) fn in_words<T: AsRef<str>>(list: &[T]) -> String {
    match list.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ") {
        list if list.is_empty() => "none".to_owned(),
        list => list,
    }
}

/// What can be downloaded of a certificate: the whole for a server first, then its parts.
fn downloads(id: &CertificateId, name: &str) -> Vec<Download> {
    let (path, name) = (format!("/api/certificates/{id}"), file_name(name));
    let file = |text, part: &str, ending: &str| Download {
        text,
        href: format!("{path}/{part}"),
        file: format!("{name}{ending}"),
    };
    vec![
        file("with chain (PEM)", "pem", ".pem"),
        file("Certificate (PEM)", "pem?part=certificate", ".cert.pem"),
        file("Certificate (DER)", "der", ".der"),
        file("Chain (PEM)", "pem?part=chain", ".chain.pem"),
    ]
}

/// A certificate as ACME clients name it (RFC 9773 §4.1). `serial`: its octets in hexadecimal.
fn renewal_id(authority_key_identifier: Vec<u8>, serial: &str) -> Option<String> {
    let serial = hex::decode(serial).ok()?;
    Some(CertificateRef { authority_key_identifier, serial }.to_string())
}

/// A name as a part of a file name: names and addresses have `*` and `:` that some systems do not take.
fn file_name(name: &str) -> String {
    name.replace('*', "_").replace(':', "-")
}
