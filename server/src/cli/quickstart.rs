//! From nothing to a certificate: starts the server on this machine and orders from it over ACME and HTTPS, as any
//! client would.

use std::fs;
use std::io::Write;
use std::path::Path;

use clap::ArgMatches;
use instant_acme::{Account, Identifier as AcmeIdentifier, NewAccount, NewOrder, OrderStatus, RetryPolicy};
use model::{AcmeAuthMode, CaaMode, Caller, Identifier, IssuerId, ProfileId, ProfileSpec, SystemEntropy};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::serve::stop_signal;
use super::sign_in;
use crate::auth::ApiKeyText;
use crate::config::{Config, Settings, create_private_file};
use crate::core::Core;
use crate::error::Error;
use crate::http::links::Links;
use crate::services::profiles;
use crate::startup::{Server, StartError};

const PROFILE: &str = "quickstart";

pub async fn run(matches: &ArgMatches, mut settings: Settings) -> Result<(), StartError> {
    settings.set_default("CERTCTL_LISTEN", "127.0.0.1:8443");
    settings.set_default("CERTCTL_ACME_SERVER_ENABLED", "true");
    settings.set_default("CERTCTL_ACME_SERVER_DEFAULT_PROFILE_ID", PROFILE);
    settings.set_default("CERTCTL_LOG", "warn");
    let port = settings.value("CERTCTL_LISTEN").rsplit(':').next().unwrap_or("8443").to_owned();
    settings.set_default("CERTCTL_EXTERNAL_URL", &format!("https://localhost:{port}"));
    let config = Config::from_settings(&settings)?;
    config.log.install();
    let domain = matches.get_one::<String>("domain").map_or("hello.internal", String::as_str);
    let domain = Identifier::parse_any(domain)
        .map_err(|e| StartError::Other(format!("--domain: `{domain}` is no name for a certificate: {e}")))?;
    let url = config.http.external_url.to_string();
    let links = Links::new(config.http.external_url.clone());
    let stop = stop_signal()?;

    step(&format!(
        "Starting certctl on {} with its data in {}",
        config.http.listen,
        config.data_dir.display()
    ));
    let new_key = ApiKeyText::generate(&SystemEntropy);
    let server = Server::prepare(config, &settings, Some(&new_key)).await?;
    let core = std::sync::Arc::clone(&server.core);
    let server_ca = server.server_ca_file.clone();
    // A key that the operator chose is known already.
    let created = server.bootstrap_key.is_some() && settings.optional("CERTCTL_BOOTSTRAP_API_KEY").is_none();
    let fresh_key = created.then(|| new_key.expose().to_owned());
    if let Some((_, signer)) = core.signers.iter().next() {
        step(&format!("The CA is `{}`, valid until {}", signer.common_name(), signer.not_after()));
    }
    ensure_profile(&core).await?;
    step(&format!("The profile `{PROFILE}` issues for names under **.internal to clients on this machine"));
    let (link, end) = sign_in::make_link(&core, &links).await?;

    let (end_serving, serving_ends) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.run(async {
        let _ = serving_ends.await;
    }));
    let directory = format!("{url}/acme/profile/{PROFILE}/directory");
    let obtained = match &server_ca {
        Some(ca_file) => obtain(&core, &directory, ca_file, &domain).await,
        None => Err(StartError::Other(
            "quickstart uses a server certificate of its own; unset CERTCTL_TLS_CERT_FILE".to_owned(),
        )),
    };
    let once = matches.get_flag("once");
    if let (Ok(files), Some(ca_file)) = (&obtained, &server_ca) {
        print!("{}", next_steps(&url, &directory, ca_file, files, fresh_key.as_deref()));
        println!("\nSign in to the GUI, once, until {end}:\n  {link}");
        if !once {
            println!("\nServing until Ctrl-C.");
            let _ = std::io::stdout().flush();
            stop.await;
        }
    }
    let _ = end_serving.send(());
    serving.await.map_err(|e| StartError::Other(format!("the server stopped: {e}")))?;
    obtained.map(drop)
}

fn step(text: &str) {
    println!("- {text}");
    let _ = std::io::stdout().flush();
}

/// The first profile: trying it opens nothing, because it serves this machine and `.internal` only.
async fn ensure_profile(core: &Core) -> Result<(), StartError> {
    let caller = Caller::system("quickstart");
    let id: ProfileId = PROFILE.parse().map_err(|e: model::InvalidId| StartError::Other(e.to_string()))?;
    let parse = |pattern: &str| pattern.parse().map_err(|e| StartError::Other(format!("{e}")));
    let spec = ProfileSpec {
        name: "Quickstart".to_owned(),
        description: "Names under .internal for clients on this machine; made by certctl quickstart."
            .to_owned(),
        issuer_id: IssuerId::internal_ca(),
        acme_auth_mode: AcmeAuthMode::TrustAuthenticated,
        max_ttl_seconds: 90 * 86_400,
        default_ttl_seconds: None,
        allowed_key_types: Vec::new(),
        extended_key_usages: Vec::new(),
        permitted_names: vec![parse("**.internal")?],
        excluded_names: Vec::new(),
        must_staple: false,
        selectable_profiles: Vec::new(),
        allowed_client_networks: vec![
            model::IpNet::from(std::net::IpAddr::V6(std::net::Ipv6Addr::LOCALHOST)),
            "127.0.0.0/8".parse().map_err(|e| StartError::Other(format!("{e}")))?,
        ],
        allowed_challenge_types: Vec::new(),
        caa: CaaMode::Off,
        reuse_authorizations_hours: 0,
        eab_required: false,
        enabled: true,
    };
    match profiles::find(core, &caller, &id).await {
        Ok(_) => Ok(()),
        Err(Error::NotFound(_)) => Ok(profiles::create(core, &caller, Some(id), spec).await.map(drop)?),
        Err(e) => Err(e.into()),
    }
}

/// What the first certificate was written to.
struct Files {
    certificate: String,
    key: String,
    ca: String,
}

/// Account, order, finalization, download and check, over HTTPS against the server's own listener.
async fn obtain(
    core: &Core,
    directory: &str,
    ca_file: &Path,
    domain: &Identifier,
) -> Result<Files, StartError> {
    let fail = |what: &str, e: &dyn std::fmt::Display| StartError::Other(format!("{what}: {e}"));
    let builder =
        Account::builder_with_root(ca_file).map_err(|e| fail("the ACME client cannot start", &e))?;
    let contact = NewAccount { contact: &[], terms_of_service_agreed: true, only_return_existing: false };
    let (account, _) = builder
        .create(&contact, directory.to_owned(), None)
        .await
        .map_err(|e| fail("the ACME account was refused", &e))?;
    step(&format!("Registered an ACME account at {directory}"));
    let identifier = match domain {
        Identifier::Dns(name) => AcmeIdentifier::Dns(name.to_string()),
        Identifier::Ip(ip) => AcmeIdentifier::Ip(*ip),
    };
    let mut order = account
        .new_order(&NewOrder::new(&[identifier]))
        .await
        .map_err(|e| fail(&format!("the order for {domain} was refused"), &e))?;
    let status = order.poll_ready(&RetryPolicy::default()).await.map_err(|e| fail("the order failed", &e))?;
    if status != OrderStatus::Ready {
        return Err(StartError::Other(format!("the order is {status:?} instead of ready")));
    }
    step(&format!("Ordered a certificate for {domain}"));
    let (pkcs8, _) =
        ca::generate_key(ca::CaKeyAlgorithm::EcdsaP256).map_err(|e| fail("a key cannot be made", &e))?;
    let csr =
        ca::create_csr(&pkcs8, std::slice::from_ref(domain)).map_err(|e| fail("a CSR cannot be made", &e))?;
    order.finalize_csr(&csr).await.map_err(|e| fail("the order was not finalized", &e))?;
    let chain = order
        .poll_certificate(&RetryPolicy::default())
        .await
        .map_err(|e| fail("the certificate cannot be downloaded", &e))?;
    let issuer_id = IssuerId::internal_ca();
    let signer = core.signers.signer(&issuer_id);
    let anchor = signer.map(|s| s.chain_pem()).unwrap_or_default();
    verify(&chain, &anchor, domain, core.now().unix_seconds())?;
    let files = write_files(domain, &chain, &ca::pem::encode("PRIVATE KEY", &pkcs8), &anchor)?;
    step(&format!("Verified the chain and wrote {}, {} and {}", files.certificate, files.key, files.ca));
    Ok(files)
}

/// Checks the chain as a TLS client would.
fn verify(chain: &str, anchor: &str, domain: &Identifier, now: i64) -> Result<(), StartError> {
    let fail = |e: &dyn std::fmt::Display| StartError::Other(format!("the certificate does not verify: {e}"));
    let decode = |pem: &str| {
        let certificates = ca::pem::decode_certificates(pem).map_err(|e| fail(&e))?;
        Ok::<Vec<CertificateDer<'static>>, StartError>(certificates.into_iter().map(Into::into).collect())
    };
    let (chain, anchors) = (decode(chain)?, decode(anchor)?);
    let root = anchors.last().ok_or_else(|| fail(&"there is no CA certificate"))?;
    let root = webpki::anchor_from_trusted_cert(root).map_err(|e| fail(&e))?;
    let (leaf, above) = chain.split_first().ok_or_else(|| fail(&"the answer has no certificate"))?;
    let leaf = webpki::EndEntityCert::try_from(leaf).map_err(|e| fail(&e))?;
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(u64::try_from(now).unwrap_or(0)));
    leaf.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &[root],
        above,
        time,
        webpki::KeyUsage::server_auth(),
        None,
        None,
    )
    .map_err(|e| fail(&e))?;
    // A wildcard is no host; a host that it stands for must fit.
    let host = domain.value().replacen('*', "any", 1);
    let name = ServerName::try_from(host).map_err(|e| fail(&e))?;
    leaf.verify_is_valid_for_subject_name(&name).map_err(|e| fail(&e))
}

fn write_files(domain: &Identifier, chain: &str, key: &str, anchor: &str) -> Result<Files, StartError> {
    let stem = domain.value().replace('*', "_").replace(':', "-");
    let files = Files {
        certificate: format!("{stem}.crt"),
        key: format!("{stem}.key"),
        ca: format!("{stem}.ca.crt"),
    };
    let fail = |name: &str, e: std::io::Error| StartError::Other(format!("`{name}` cannot be written: {e}"));
    match fs::remove_file(&files.key) {
        Ok(()) => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) => return Err(fail(&files.key, e)),
    }
    create_private_file(Path::new(&files.key), key).map_err(|e| fail(&files.key, e))?;
    fs::write(&files.certificate, chain).map_err(|e| fail(&files.certificate, e))?;
    fs::write(&files.ca, anchor).map_err(|e| fail(&files.ca, e))?;
    Ok(files)
}

fn next_steps(url: &str, directory: &str, ca_file: &Path, files: &Files, api_key: Option<&str>) -> String {
    use base64::Engine as _;
    let ca_path = fs::canonicalize(ca_file).unwrap_or_else(|_| ca_file.to_owned());
    let ca = ca_path.display();
    let bundle = fs::read(ca_file)
        .map(|pem| base64::engine::general_purpose::STANDARD.encode(pem))
        .unwrap_or_default();
    let key = match api_key {
        Some(key) => format!("Admin API key  {key}\n               (shown only now)"),
        None => "Admin API key  shown at the first start; `certctl api-key create` makes another".to_owned(),
    };
    let Files { certificate, ca: leaf_ca, .. } = files;
    format!(
        "
You have a certificate: openssl verify -CAfile {leaf_ca} {certificate}

GUI            {url}/
API            {url}/api/openapi.json
Directory      {directory}
Server CA      {ca}
{key}

lego:
  LEGO_CA_CERTIFICATES='{ca}' lego --accept-tos --email you@example.com --server '{directory}' --http --http.port 127.0.0.1:8402 --path ./lego --domains lego.internal run

certbot:
  REQUESTS_CA_BUNDLE='{ca}' certbot certonly --standalone --non-interactive --agree-tos --register-unsafely-without-email --server '{directory}' --http-01-port 8402 --config-dir ./certbot/config --work-dir ./certbot/work --logs-dir ./certbot/logs -d certbot.internal

curl:
  curl --cacert '{ca}' {directory}
  curl --cacert '{ca}' -H \"Authorization: Bearer $CERTCTL_API_KEY\" {url}/api/certificates

cert-manager (the server must be reachable from the cluster: set --listen and --external-url):
  apiVersion: cert-manager.io/v1
  kind: ClusterIssuer
  metadata:
    name: certctl
  spec:
    acme:
      server: {directory}
      caBundle: {bundle}
      privateKeySecretRef:
        name: certctl-account-key
      solvers:
        - http01:
            ingress:
              class: nginx
"
    )
}
