use super::{ActionLink, Alternative, Badge, Link, Moment};

/// A line in the list of certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRow {
    pub id: String,
    /// The first name, which leads to the certificate.
    pub certificate: Link,
    /// The names that follow, as many as fit, in words.
    pub more_names: Option<String>,
    pub status: Badge,
    pub profile: Link,
    pub account: Option<Link>,
    pub issued: Moment,
    pub expires: Moment,
}

/// Everything about a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateView {
    pub id: String,
    /// The first name.
    pub name: String,
    pub status: Badge,
    /// When it was revoked, and why.
    pub revocation: Option<(Moment, String)>,
    /// Since when it is to be renewed at once, and why.
    pub renewal: Option<(Moment, String)>,
    pub replaced_by: Option<Link>,
    pub replaces: Option<Link>,
    pub names: Vec<String>,
    pub common_name: Option<String>,
    pub subject: String,
    pub issuer_name: String,
    pub serial: String,
    pub fingerprint: String,
    /// As ACME clients name it (RFC 9773 §4.1).
    pub renewal_id: Option<String>,
    pub key: String,
    pub key_usages: String,
    pub extended_key_usages: String,
    pub must_staple: bool,
    pub not_before: Moment,
    pub not_after: Moment,
    pub issued: Moment,
    pub profile: Link,
    pub issuer: Link,
    pub order: Option<Link>,
    pub account: Option<Link>,
    /// Who asked without an account, and the name of their key or their own.
    pub requester: Option<(Link, Option<String>)>,
    /// The EAB key that bound the account.
    pub eab_key: Option<Link>,
    /// The events of this certificate, for those who may see them.
    pub audit: Option<String>,
    /// The certificate alone.
    pub pem: String,
    /// The first with all that a server needs.
    pub downloads: Vec<Download>,
    /// From the one that signed it upwards.
    pub chain: Vec<ChainLink>,
    pub actions: Vec<ActionLink>,
}

/// What somebody must know before they revoke a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationView {
    pub id: String,
    /// The first name.
    pub name: String,
    pub expires: Moment,
    /// When it was revoked already, and why.
    pub revoked: Option<(Moment, String)>,
    /// Those that may be given, with what they mean.
    pub reasons: Vec<Alternative>,
}

/// What somebody must know before they want a certificate renewed at once, or do not any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewNowView {
    pub id: String,
    /// The first name.
    pub name: String,
    pub status: Badge,
    /// Whether an ACME client has asked for it, which may ask when to renew it.
    pub has_client: bool,
    /// Since when it is to be renewed at once, and why.
    pub demanded: Option<(Moment, String)>,
}

/// A file to download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    pub text: &'static str,
    pub href: String,
    pub file: String,
}

/// A CA certificate above a leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainLink {
    pub subject: String,
    pub fingerprint: String,
    pub expires: Moment,
}
