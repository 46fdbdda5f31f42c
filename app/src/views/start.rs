/// The first page of those who are not signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartView {
    pub version: &'static str,
    /// `None` where the ACME server is disabled.
    pub acme: Option<AcmeView>,
    pub issuers: Vec<Anchor>,
    /// What keeps the server from working, in words; empty when it is ready.
    pub faults: Vec<String>,
}

/// How ACME clients reach the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeView {
    /// The directory of a profile, with a placeholder for its id.
    pub directory_form: String,
    /// The directory of the default profile, where one is set and exists.
    pub default_directory: Option<String>,
    /// The URL of the CA of the server's own certificate, where it has one of its own.
    pub server_ca_url: Option<String>,
}

/// The trust anchors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustView {
    /// The https origin of the server.
    pub origin: String,
    /// The CAs that sign certificates.
    pub issuers: Vec<Anchor>,
    /// The CA of the server's own TLS certificate; `None` when that comes from the operator's files.
    pub server_ca: Option<Anchor>,
}

/// A CA certificate to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// `/pki/{name}.pem` and its siblings.
    pub name: String,
    pub subject: String,
    /// SHA-256 of the DER encoding, upper-case hexadecimal octets with colons, as openssl prints it.
    pub fingerprint: String,
    /// The last day, `YYYY-MM-DD` in UTC.
    pub not_after: String,
    /// Whole days until then; negative afterwards.
    pub days_left: i64,
}
