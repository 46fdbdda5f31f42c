//! Ready texts for the clients of a profile.

use app::views::{ClientGuide, ConnectView, Link, Snippet};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{AcmeAuthMode, Caller, Permission};

use super::Services;
use crate::error::{Error, Result};
use crate::http::api::profiles::parse_id;
use crate::services::profiles;

/// What goes into the texts.
struct Values {
    profile: String,
    directory: String,
    origin: String,
    /// The CA of the server's own certificate (PEM), where it has one of its own.
    ca_pem: Option<String>,
    needs_key: bool,
    /// Whether names must be validated.
    challenges: bool,
}

impl Services {
    pub(super) async fn connect_clients(&self, caller: &Caller, id: &str) -> Result<ConnectView> {
        if !self.state.acme.enabled {
            return Err(Error::not_found("ACME server here: CERTCTL_ACME_SERVER_ENABLED is false"));
        }
        let profile = profiles::find(&self.state.core, caller, &parse_id(id)?).await?;
        let spec = profile.spec;
        let mut warnings = profiles::warnings(&spec);
        if !spec.enabled {
            warnings
                .push("The profile is disabled: it takes no orders until it is enabled again.".to_owned());
        }
        let values = Values {
            profile: profile.id.to_string(),
            directory: self.state.links.directory_resource(Some(&profile.id), "directory"),
            origin: self.state.links.url(""),
            ca_pem: self.state.bootstrap_ca_pem.clone(),
            needs_key: spec.eab_required,
            challenges: spec.acme_auth_mode == AcmeAuthMode::Challenge,
        };
        Ok(ConnectView {
            id: values.profile.clone(),
            name: spec.name,
            warnings,
            directory: values.directory.clone(),
            trust: values.trust(),
            needs_key: values.needs_key.then(|| Link {
                text: "EAB key".to_owned(),
                href: self.list_link(Permission::EabKeyRead, "/eab-keys"),
                title: None,
            }),
            clients: vec![
                values.cert_manager(),
                values.lego(),
                values.certbot(),
                values.caddy(),
                values.traefik(),
            ],
        })
    }
}

impl Values {
    fn trust(&self) -> Vec<Snippet> {
        let text = format!("curl --insecure --output certctl-ca.pem {}/pki/server-ca.pem", self.origin);
        let fetch = Snippet {
            heading: "Fetch the CA of this server's own certificate",
            text,
            hint: "The clients below, except cert-manager, read it from this file. Compare its fingerprint with that on the page Trust.",
            file: "fetch-ca.sh",
        };
        self.ca_pem.iter().map(|_| Snippet { ..fetch.clone() }).collect()
    }

    fn cert_manager(&self) -> ClientGuide {
        let Self { profile, directory, .. } = self;
        let mut issuer = format!(
            "apiVersion: cert-manager.io/v1\nkind: ClusterIssuer\nmetadata:\n  name: certctl-{profile}\nspec:\n  acme:\n    server: {directory}\n"
        );
        if let Some(pem) = &self.ca_pem {
            issuer.push_str(&format!("    caBundle: {}\n", STANDARD.encode(pem)));
        }
        issuer.push_str(&format!("    privateKeySecretRef:\n      name: certctl-{profile}-account\n"));
        if self.needs_key {
            issuer.push_str(
                "    externalAccountBinding:\n      keyID: KEY_ID\n      keySecretRef:\n        name: certctl-eab\n        key: secret\n",
            );
        }
        issuer.push_str(match self.challenges {
            true => {
                "    solvers:\n      - http01:\n          ingress:\n            ingressClassName: nginx\n"
            }
            false => "    solvers: []\n",
        });
        let mut snippets = Vec::new();
        if self.needs_key {
            snippets.push(Snippet {
                heading: "Secret with the MAC key",
                text: "apiVersion: v1\nkind: Secret\nmetadata:\n  name: certctl-eab\n  namespace: cert-manager\nstringData:\n  secret: MAC_KEY"
                    .to_owned(),
                hint: "A ClusterIssuer reads its secrets from the namespace of cert-manager.",
                file: "eab-secret.yaml",
            });
        }
        snippets.push(Snippet {
            heading: "ClusterIssuer",
            text: issuer,
            hint: match self.challenges {
                true => "Choose the solver that fits the cluster: the profile wants each name proven.",
                false => "No solver is needed: authorizations under this profile are valid from the start.",
            },
            file: "cluster-issuer.yaml",
        });
        ClientGuide { client: "cert-manager", snippets }
    }

    fn lego(&self) -> ClientGuide {
        let key = if self.needs_key { " \\\n  --eab --kid KEY_ID --hmac MAC_KEY" } else { "" };
        let text = format!(
            "{}lego --server {} \\\n  --accept-tos --email you@example.com{key} \\\n  --domains host.example.com --http run",
            self.with_ca("LEGO_CA_CERTIFICATES"),
            self.directory
        );
        let hint = "Later: the same with renew in place of run.";
        ClientGuide {
            client: "lego",
            snippets: vec![Snippet { heading: "Obtain a certificate", text, hint, file: "lego.sh" }],
        }
    }

    fn certbot(&self) -> ClientGuide {
        let key = if self.needs_key { " \\\n  --eab-kid KEY_ID --eab-hmac-key MAC_KEY" } else { "" };
        let text = format!(
            "{}certbot certonly --standalone \\\n  --server {} \\\n  --agree-tos --email you@example.com{key} \\\n  --domain host.example.com",
            self.with_ca("REQUESTS_CA_BUNDLE"),
            self.directory
        );
        let hint = "Run as root; certbot's timer renews, and needs the same variable.";
        ClientGuide {
            client: "certbot",
            snippets: vec![Snippet { heading: "Obtain a certificate", text, hint, file: "certbot.sh" }],
        }
    }

    fn caddy(&self) -> ClientGuide {
        let mut text = format!("{{\n\tacme_ca {}\n", self.directory);
        if self.ca_pem.is_some() {
            text.push_str("\tacme_ca_root /etc/caddy/certctl-ca.pem\n");
        }
        if self.needs_key {
            text.push_str("\tacme_eab {\n\t\tkey_id KEY_ID\n\t\tmac_key MAC_KEY\n\t}\n");
        }
        text.push_str("}\n\nhost.example.com {\n\treverse_proxy localhost:8080\n}");
        let hint = "The first block holds for every site of the file.";
        ClientGuide {
            client: "Caddy",
            snippets: vec![Snippet { heading: "Caddyfile", text, hint, file: "Caddyfile" }],
        }
    }

    fn traefik(&self) -> ClientGuide {
        let mut text = format!(
            "certificatesResolvers:\n  certctl:\n    acme:\n      caServer: {}\n      email: you@example.com\n      storage: /data/acme.json\n",
            self.directory
        );
        if self.needs_key {
            text.push_str("      eab:\n        kid: KEY_ID\n        hmacEncoded: MAC_KEY\n");
        }
        text.push_str("      httpChallenge:\n        entryPoint: web");
        let mut snippets = vec![Snippet {
            heading: "Static configuration",
            text,
            hint: "Routers name it: certResolver: certctl.",
            file: "traefik.yml",
        }];
        if self.ca_pem.is_some() {
            snippets.push(Snippet {
                heading: "Environment",
                text: "LEGO_CA_CERTIFICATES=/etc/traefik/certctl-ca.pem".to_owned(),
                hint: "Traefik obtains certificates through lego, which reads this variable.",
                file: "traefik.env",
            });
        }
        ClientGuide { client: "Traefik", snippets }
    }

    /// The variable that makes a program trust the server's CA, for the front of its command line.
    fn with_ca(&self, variable: &str) -> String {
        self.ca_pem.as_ref().map(|_| format!("{variable}=certctl-ca.pem ")).unwrap_or_default()
    }
}
