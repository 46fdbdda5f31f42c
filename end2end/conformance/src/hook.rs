//! A program of the operator's that does what only the administrator can (`--hook`).
//!
//! It is called with the name of what is wanted and its arguments, prints JSON, and ends with 0; with 3 it says that it
//! cannot do that.
//!
//! | called as | prints |
//! |---|---|
//! | `place KIND` | `{"directory": "URL", "ca": "FILE"}` |
//! | `eab-key good\|revoked\|expired\|used` | `{"kid": "…", "hmac": "base64url"}` |
//! | `act NAME [ARGUMENT…]` | nothing |

use std::path::PathBuf;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tokio::process::Command;

use crate::acme::b64;
use crate::admin::{Act, Admin, EabKey, EabState, Granted, Missing, Place, PlaceKind};

/// The exit code that says "I cannot do that".
const CANNOT: i32 = 3;

/// Calls the program.
#[derive(Clone, Debug)]
pub struct HookProgram {
    pub program: PathBuf,
}

impl HookProgram {
    async fn call(&self, what: &str, arguments: &[&str]) -> Granted<Value> {
        let shown = format!("{} {what} {}", self.program.display(), arguments.join(" "));
        let output = Command::new(&self.program).arg(what).args(arguments).output().await;
        let output = output.map_err(|error| Missing(format!("{shown}: {error}")))?;
        match output.status.code() {
            Some(0) => {}
            Some(CANNOT) => {
                return Err(Missing(format!("the hook cannot do `{what} {}`", arguments.join(" "))));
            }
            _ => {
                let why = String::from_utf8_lossy(&output.stderr).into_owned();
                return Err(Missing(format!("{shown}: {}: {why}", output.status)));
            }
        }
        Ok(serde_json::from_slice(&output.stdout).unwrap_or_default())
    }
}

#[async_trait]
impl Admin for HookProgram {
    async fn place(&self, kind: PlaceKind) -> Granted<Place> {
        let answer = self.call("place", &[kind.name()]).await?;
        let directory = answer["directory"].as_str().unwrap_or_default().to_owned();
        let ca = answer["ca"].as_str().unwrap_or_default();
        let ca_pem = std::fs::read_to_string(ca).map_err(|error| Missing(format!("{ca}: {error}")))?;
        Ok(Place { directory, ca_pem })
    }

    async fn act(&self, act: Act<'_>) -> Granted {
        let certificate;
        let arguments = match act {
            Act::SuspendAccount(url) | Act::ExpireOrder(url) => vec![act.name(), url],
            Act::Incident(der, explanation) => {
                certificate = b64(der);
                vec![act.name(), &certificate, explanation]
            }
            _ => vec![act.name()],
        };
        self.call("act", &arguments).await.map(drop)
    }

    async fn eab_key(&self, state: EabState) -> Granted<EabKey> {
        let answer = self.call("eab-key", &[state.name()]).await?;
        let hmac = answer["hmac"].as_str().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        match (answer["kid"].as_str(), hmac) {
            (Some(kid), Some(hmac)) => Ok(EabKey { kid: kid.to_owned(), hmac }),
            _ => Err(Missing("the hook printed no `kid` and `hmac`".to_owned())),
        }
    }
}
