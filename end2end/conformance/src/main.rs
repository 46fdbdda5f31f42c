//! `conformance`: arguments in, report and exit code out.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Parser;
use conformance::hook::HookProgram;
use conformance::{Admin, EabKey, NoAdmin, Options, Place, Ports, Report};
use testkit::acme::Algorithm;

/// Holds an ACME server against RFC 8555 and its extensions, row by row.
///
/// Ends with 0 when no row fails, with 1 when one does, and with 2 when the server cannot be tested.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The server's directory.
    #[arg(long, value_name = "URL")]
    directory: String,
    /// Whom to trust as TLS server (PEM).
    #[arg(long, value_name = "FILE", default_value = "/etc/ssl/certs/ca-certificates.crt")]
    ca: PathBuf,
    /// The key identifier of an external account binding.
    #[arg(long, value_name = "TEXT", requires = "eab_hmac_key")]
    eab_kid: Option<String>,
    /// Its key in base64url.
    #[arg(long, value_name = "BASE64URL", requires = "eab_kid")]
    eab_hmac_key: Option<String>,
    /// The kind of account keys: ES256, ES384, ES512, EdDSA or RS256.
    #[arg(long, value_name = "ALGORITHM", default_value = "ES256", value_parser = algorithm)]
    key_type: Algorithm,
    /// The domain under which test names lie.
    #[arg(long, value_name = "DOMAIN", default_value = "conformance.example.com")]
    domain: String,
    /// Answer http-01 on this loopback port. The server must take it for port 80.
    #[arg(long, value_name = "PORT")]
    http01_port: Option<u16>,
    /// Answer tls-alpn-01 on this loopback port. The server must take it for port 443.
    #[arg(long, value_name = "PORT")]
    tlsalpn01_port: Option<u16>,
    /// Be an authoritative DNS server on this loopback port. The server must use it as its resolver.
    #[arg(long, value_name = "PORT")]
    dns_port: Option<u16>,
    /// A name for which the server's policy issues nothing.
    #[arg(long, value_name = "NAME")]
    denied_name: Option<String>,
    /// A loopback address other than 127.0.0.1 that the server may not connect to when it validates.
    #[arg(long, value_name = "ADDRESS")]
    forbidden_address: Option<Ipv4Addr>,
    /// A program that does what only the administrator can; the README says how it is called.
    #[arg(long, value_name = "PROGRAM")]
    hook: Option<PathBuf>,
    /// Run these rows only.
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',')]
    rows: Vec<u16>,
    /// Also write the report as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write the report as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match test(Arguments::parse()).await {
        Ok(report) => {
            print!("{}", report.to_text());
            ExitCode::from(u8::from(report.failed().next().is_some()))
        }
        Err(why) => {
            eprintln!("conformance: {why}");
            ExitCode::from(2)
        }
    }
}

async fn test(arguments: Arguments) -> Result<Report, String> {
    let ca_pem = std::fs::read_to_string(&arguments.ca)
        .map_err(|error| format!("{}: {error}", arguments.ca.display()))?;
    let mut options = Options::new(Place { directory: arguments.directory, ca_pem });
    if let (Some(kid), Some(key)) = (arguments.eab_kid, arguments.eab_hmac_key) {
        let hmac = URL_SAFE_NO_PAD.decode(key).map_err(|error| format!("--eab-hmac-key: {error}"))?;
        options.eab = Some(EabKey { kid, hmac });
    }
    options.algorithm = arguments.key_type;
    options.domain = arguments.domain;
    options.ports = Ports {
        http01: arguments.http01_port,
        tls_alpn01: arguments.tlsalpn01_port,
        dns: arguments.dns_port,
    };
    options.denied_name = arguments.denied_name;
    options.forbidden_address = arguments.forbidden_address;
    options.rows = arguments.rows;
    let admin: Arc<dyn Admin> = match arguments.hook {
        Some(program) => Arc::new(HookProgram { program }),
        None => Arc::new(NoAdmin),
    };
    let report = conformance::run(options, admin).await?;
    if let Some(path) = &arguments.json {
        write(path, &format!("{:#}\n", report.to_json()))?;
    }
    if let Some(path) = &arguments.junit {
        write(path, &report.to_junit())?;
    }
    Ok(report)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

fn algorithm(name: &str) -> Result<Algorithm, String> {
    let found = Algorithm::ALL.into_iter().find(|algorithm| algorithm.jws_name().eq_ignore_ascii_case(name));
    found.ok_or_else(|| "one of ES256, ES384, ES512, EdDSA and RS256".to_owned())
}
