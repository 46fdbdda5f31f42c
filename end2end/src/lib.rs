//! Tests of the shipped binary from outside, through its own listener: `tests/all`. This library holds what they
//! share: engines, profiles, lists, external programs, certificates.

pub mod api;
pub mod authority;
pub mod browser;
pub mod certificate;
pub mod challenge;
pub mod chromium;
pub mod conformance;
pub mod dns;
pub mod idp;
pub mod program;
pub mod replicas;
pub mod socket;

use testkit::server::ServerBuilder;
use testkit::{CertctlServer, Postgres};

/// The database engines that a server can run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// A server on this engine, with an empty database.
    pub fn server(self) -> ServerBuilder {
        match self {
            Self::Sqlite => CertctlServer::builder(),
            Self::Postgres => {
                CertctlServer::builder().database_url(&Postgres::shared().create_database("end2end"))
            }
        }
    }
}

/// Turns async functions of an [`Engine`] into tests, one for each engine.
#[macro_export]
macro_rules! on_each_engine {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::Engine::Sqlite).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::Engine::Postgres).await;
            })*
        }
    };
}
