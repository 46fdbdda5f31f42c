//! Every setting there is.

/// One setting, as flag, environment variable and row of the reference page.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The environment variable; the flag is derived from it.
    pub name: &'static str,
    /// Empty: unset by default.
    pub default: &'static str,
    pub value: &'static str,
    pub help: &'static str,
    /// Never shown, and has a twin `…_FILE` that names a file to read it from.
    pub secret: bool,
    /// Where nobody gives it, the first start makes one.
    pub generated: bool,
}

impl Setting {
    /// `CERTCTL_DATA_DIR` → `data-dir`.
    pub fn flag(&self) -> String {
        self.name.trim_start_matches("CERTCTL_").to_lowercase().replace('_', "-")
    }

    /// The setting that names a file to read this one from.
    pub fn file_twin(&self) -> Option<&'static str> {
        self.secret.then(|| match self.name {
            "CERTCTL_DATABASE_URL" => "CERTCTL_DATABASE_URL_FILE",
            "CERTCTL_ENCRYPTION_KEY" => "CERTCTL_ENCRYPTION_KEY_FILE",
            "CERTCTL_BOOTSTRAP_API_KEY" => "CERTCTL_BOOTSTRAP_API_KEY_FILE",
            "CERTCTL_BOOTSTRAP_TOKEN" => "CERTCTL_BOOTSTRAP_TOKEN_FILE",
            other => unreachable!("the secret {other} has no file twin"),
        })
    }
}

const fn setting(
    name: &'static str,
    default: &'static str,
    value: &'static str,
    help: &'static str,
) -> Setting {
    Setting { name, default, value, help, secret: false, generated: false }
}

const fn secret(name: &'static str, value: &'static str, help: &'static str) -> Setting {
    Setting { name, default: "", value, help, secret: true, generated: false }
}

/// Every setting there is, in the order in which the reference page shows them.
pub const TABLE: &[Setting] = &[
    setting(
        "CERTCTL_LISTEN",
        "0.0.0.0:8443",
        "ADDRESS:PORT",
        "Where to listen, TLS only. Port 0 picks a free one.",
    ),
    setting(
        "CERTCTL_EXTERNAL_URL",
        "https://localhost:8443",
        "URL",
        "The https origin under which clients reach the server. Every URL handed out is built from it, never from the Host header.",
    ),
    setting(
        "CERTCTL_DATA_DIR",
        "./certctl-data",
        "DIRECTORY",
        "Where the SQLite database, the encryption key and tls/ca.crt lie.",
    ),
    // It may have a password.
    secret(
        "CERTCTL_DATABASE_URL",
        "URL",
        "postgres://… for many replicas (sslmode and sslrootcert are honoured), or sqlite:PATH. Default: SQLite in the data directory.",
    ),
    setting(
        "CERTCTL_DATABASE_MAX_CONNECTIONS",
        "10",
        "NUMBER",
        "Connections to PostgreSQL per replica, 2 to 200.",
    ),
    setting(
        "CERTCTL_DATABASE_AUTO_MIGRATE",
        "true",
        "BOOL",
        "Whether `serve` brings the schema up to date. With false it refuses to start until `certctl migrate` was run.",
    ),
    Setting {
        generated: true,
        ..secret(
            "CERTCTL_ENCRYPTION_KEY",
            "BASE64",
            "32 bytes in base64 that seal CA keys and other secrets at rest. Default: created in the data directory (mode 0600); required with PostgreSQL.",
        )
    },
    secret(
        "CERTCTL_BOOTSTRAP_API_KEY",
        "KEY",
        "An admin API key to create on the first start. Ignored once any API key exists.",
    ),
    secret(
        "CERTCTL_BOOTSTRAP_TOKEN",
        "TOKEN",
        "A token, at least 32 characters, that makes the first admin API key: POST /api/auth/bootstrap. Good once, and only while there is no administrator.",
    ),
    setting(
        "CERTCTL_BOOTSTRAP_ADMIN_GROUPS",
        "",
        "GROUPS",
        "Comma-separated groups of OpenID providers whose members become administrators when they sign in, as long as there is no administrator.",
    ),
    setting(
        "CERTCTL_TLS_CERT_FILE",
        "",
        "FILE",
        "The server's certificate chain (PEM), read again when it changes. Default: issued and renewed by the server's own bootstrap CA.",
    ),
    setting(
        "CERTCTL_TLS_KEY_FILE",
        "",
        "FILE",
        "The private key (PEM) of CERTCTL_TLS_CERT_FILE; not readable by others.",
    ),
    setting(
        "CERTCTL_CA_COMMON_NAME",
        "certctl internal CA",
        "NAME",
        "The common name of the internal CA that the first start creates.",
    ),
    setting(
        "CERTCTL_CA_KEY_ALGORITHM",
        "ecdsa-p256",
        "ALGORITHM",
        "The key of the internal CA that the first start creates: ecdsa-p256, ecdsa-p384, rsa-3072, rsa-4096 or ed25519.",
    ),
    setting(
        "CERTCTL_CA_CERT_FILE",
        "",
        "FILE",
        "An existing CA or sub-CA to sign with instead of the internal one: its certificate and the chain above it (PEM).",
    ),
    setting(
        "CERTCTL_CA_KEY_FILE",
        "",
        "FILE",
        "The private key (PEM, unencrypted) of CERTCTL_CA_CERT_FILE; not readable by others.",
    ),
    setting(
        "CERTCTL_CA_ALTERNATE_CHAIN_FILE",
        "",
        "FILES",
        "Other chains for the CA (PEM, comma-separated, one chain a file), which ACME clients may choose: each a certificate for the CA's name and key, e.g. a cross-signature, then those above it.",
    ),
    setting(
        "CERTCTL_KEY_BLOCKLIST_FILE",
        "",
        "FILE",
        "Compromised public keys that no account or certificate may use: one SHA-256 of a SubjectPublicKeyInfo in hexadecimal per line.",
    ),
    setting(
        "CERTCTL_ACME_SERVER_ENABLED",
        "false",
        "BOOL",
        "Whether to serve ACME. With false no ACME route exists.",
    ),
    setting(
        "CERTCTL_ACME_SERVER_DEFAULT_PROFILE_ID",
        "",
        "PROFILE",
        "The profile that /acme/directory and its siblings stand for. It may be created later.",
    ),
    setting(
        "CERTCTL_ACME_TERMS_OF_SERVICE_URL",
        "",
        "URL",
        "The terms of service, advertised in the directory. Where set, clients must agree to them to register.",
    ),
    setting(
        "CERTCTL_ACME_TERMS_OF_SERVICE_VERSION",
        "",
        "TEXT",
        "The version of the terms of service. After a change, accounts must agree again before they can order. Default: the URL.",
    ),
    setting("CERTCTL_ACME_WEBSITE_URL", "", "URL", "Advertised as website in the directory's metadata."),
    setting(
        "CERTCTL_ACME_CAA_IDENTITIES",
        "",
        "NAMES",
        "Comma-separated domain names by which CAA records allow this CA to issue. Required for profiles with `caa: enforce`.",
    ),
    setting("CERTCTL_ACME_HTTP01_PORT", "80", "PORT", "The port to which http-01 connects first."),
    setting("CERTCTL_ACME_TLSALPN01_PORT", "443", "PORT", "The port to which tls-alpn-01 connects."),
    setting(
        "CERTCTL_ACME_DNS_RESOLVERS",
        "",
        "ADDRESSES",
        "Comma-separated addresses, with or without a port, of the resolvers that validation asks; all of them must know the same names. Default: those of /etc/resolv.conf. Answers are not cached, and /etc/hosts is not read.",
    ),
    setting(
        "CERTCTL_ACME_VALIDATION_ALLOW_CIDRS",
        "",
        "NETWORKS",
        "Comma-separated networks that validation may connect to although they are refused by default: loopback, link-local, multicast, unspecified, broadcast, the metadata services of clouds, and IPv6 addresses that stand for one of these. Private networks need no mention.",
    ),
    setting(
        "CERTCTL_ACME_VALIDATION_DENY_CIDRS",
        "",
        "NETWORKS",
        "Comma-separated networks that validation never connects to. Wins over CERTCTL_ACME_VALIDATION_ALLOW_CIDRS.",
    ),
    setting(
        "CERTCTL_ACME_VALIDATION_ATTEMPTS",
        "4",
        "NUMBER",
        "How often a challenge is tried before it is invalid, 1 to 20.",
    ),
    setting(
        "CERTCTL_ACME_VALIDATION_RETRY_INTERVAL",
        "2s",
        "DURATION",
        "The pause after the first attempt, in milliseconds or with ms, s or m; it doubles with each further one. At most 10m.",
    ),
    setting(
        "CERTCTL_ACME_VALIDATION_CONCURRENCY",
        "16",
        "NUMBER",
        "Attempts under way at once for one profile, 1 to 1000.",
    ),
    setting(
        "CERTCTL_SESSION_IDLE",
        "1h",
        "DURATION",
        "How long people stay signed in without a request, 1s to 24h: a number with ms, s, m or h.",
    ),
    setting(
        "CERTCTL_SESSION_LIFETIME",
        "8h",
        "DURATION",
        "How long people stay signed in at most, 1s to 168h.",
    ),
    setting(
        "CERTCTL_BREAK_GLASS_ENABLED",
        "false",
        "BOOL",
        "Whether local administrators can sign in with a password that `certctl break-glass set-password` gave them, for the day on which the identity provider is down. Every use is an audit event, an error in the log, and a banner for all administrators.",
    ),
    setting(
        "CERTCTL_MAX_CONNECTIONS",
        "1024",
        "NUMBER",
        "Open connections at most, 16 to 100000; one address may hold a quarter of them.",
    ),
    setting(
        "CERTCTL_MAX_REQUESTS_IN_FLIGHT",
        "4096",
        "NUMBER",
        "Requests in work at the same time, 1 to 1000000; one address may have half of them. More are answered 503 with Retry-After at once. /healthz, /readyz, /metrics and /pki are not counted.",
    ),
    setting(
        "CERTCTL_TRUSTED_PROXIES",
        "",
        "NETWORKS",
        "Comma-separated networks whose X-Forwarded-For is believed. Default: none; the peer's address is the client's.",
    ),
    setting(
        "CERTCTL_LOG",
        "info",
        "FILTER",
        "What to log: error, warn, info, debug, trace, or a filter such as info,server=debug.",
    ),
    setting("CERTCTL_LOG_FORMAT", "human", "FORMAT", "human or json."),
];

/// docs/reference/configuration.md; a test keeps the file equal to this.
pub fn reference_page() -> String {
    let mut out = String::from(
        "# Configuration\n\n\
         <!-- Generated by `certctl settings`; a test compares. Change server/src/config/settings.rs instead. -->\n\n\
         Each setting is an environment variable and a flag of every command that needs it (`certctl serve`, `migrate`,\n\
         `doctor`, `backup`, …). The flag wins. An empty value counts as unset. Each secret has a twin `…_FILE` that names a\n\
         file to read it from; setting both is an error. A wrong setting stops the start with one line that names it, and\n\
         exit code 2.\n\n\
         | variable | flag | default | meaning |\n|---|---|---|---|\n",
    );
    for s in TABLE {
        let default = if s.default.is_empty() { String::new() } else { format!("`{}`", s.default) };
        let secret = s.file_twin().map(|twin| format!(" Secret; or `{twin}`.")).unwrap_or_default();
        out.push_str(&format!(
            "| `{}` | `--{} {}` | {default} | {}{secret} |\n",
            s.name,
            s.flag(),
            s.value,
            s.help
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_page_is_fresh() {
        let page = include_str!("../../../docs/reference/configuration.md");
        assert_eq!(page, reference_page(), "run: certctl settings > docs/reference/configuration.md");
    }

    #[test]
    fn every_secret_has_a_twin() {
        for s in TABLE.iter().filter(|s| s.secret) {
            assert_eq!(s.file_twin().unwrap(), format!("{}_FILE", s.name));
        }
    }
}
