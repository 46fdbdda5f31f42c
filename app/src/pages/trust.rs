use leptos::prelude::*;

use crate::components::{AnchorCard, Commands, page};
use crate::views::TrustView;

/// How to trust this CA, on each system.
#[component]
pub fn Trust() -> impl IntoView {
    page("Trust this CA", "/pki", |r| async move { r.backend.trust().await }, content)
}

const ISSUER_PURPOSE: &str =
    "Signs the certificates that clients obtain here. Programs that meet those certificates must trust it.";
const SERVER_PURPOSE: &str = "Signs the certificate of this server's own listener, and nothing else. ACME clients and scripts that talk to this server must trust it.";

fn content(view: TrustView) -> impl IntoView {
    let TrustView { origin, issuers, server_ca } = view;
    let name = issuers.first().map_or_else(|| "iss-internal-ca".to_owned(), |i| i.name.clone());
    let connection = match &server_ca {
        Some(ca) => ca.name.clone(),
        None => name.clone(),
    };
    view! {
        <div class="head">
            <div>
                <h1>"Trust this CA"</h1>
                <p>"Install the certificate of the issuing CA where its certificates are used. Before you do, compare "
                    "the fingerprint with one that you got from the CA's administrator by another way: whoever could "
                    "forge this page could forge the fingerprint on it too."</p>
            </div>
        </div>
        <div class="grid cols-2">
            {issuers
                .into_iter()
                .map(|anchor| view! { <AnchorCard heading="Issuing CA" purpose=ISSUER_PURPOSE anchor=anchor/> })
                .collect_view()}
            {server_ca.map(|anchor| view! {
                <AnchorCard heading="CA of this server" purpose=SERVER_PURPOSE anchor=anchor/>
            })}
        </div>
        <section class="card">
            <header><h2>"Commands"</h2></header>
            <div class="body grid cols-2">
                <Commands heading="Download and check" text=format!(
                    "curl --insecure --remote-name {origin}/pki/{name}.pem\nopenssl x509 -in {name}.pem -noout -subject -fingerprint -sha256"
                ) hint="--insecure only because this server is not trusted yet; the fingerprint is the check."/>
                <Commands heading="Debian, Ubuntu" text=format!(
                    "sudo cp {name}.pem /usr/local/share/ca-certificates/{name}.crt\nsudo update-ca-certificates"
                )/>
                <Commands heading="RHEL, Fedora" text=format!(
                    "sudo cp {name}.pem /etc/pki/ca-trust/source/anchors/\nsudo update-ca-trust"
                )/>
                <Commands heading="macOS" text=format!(
                    "sudo security add-trusted-cert -d -r trustRoot \\\n  -k /Library/Keychains/System.keychain {name}.pem"
                )/>
                <Commands heading="Windows (PowerShell as administrator)" text=format!(
                    "Import-Certificate -FilePath {name}.pem -CertStoreLocation Cert:\\LocalMachine\\Root"
                )/>
                <Commands heading="Java" text=format!(
                    "keytool -importcert -cacerts -noprompt -alias {name} -file {name}.pem"
                )/>
                <Commands heading="Kubernetes with cert-manager" text=format!(
                    "curl --insecure {origin}/pki/{connection}.cabundle"
                ) hint="The value of spec.acme.caBundle in the ClusterIssuer: cert-manager checks this server's own certificate with it."/>
                <Commands heading="certbot, lego" text=format!(
                    "curl --insecure --remote-name {origin}/pki/{connection}.pem\nexport REQUESTS_CA_BUNDLE=$PWD/{connection}.pem    # certbot\nexport LEGO_CA_CERTIFICATES=$PWD/{connection}.pem  # lego"
                )/>
            </div>
        </section>
    }
}
