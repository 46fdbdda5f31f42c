//! Several servers on one PostgreSQL database, with nothing shared beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use testkit::http::Client;
use testkit::server::random_encryption_key;
use testkit::{CertctlServer, Postgres, process};

/// Replicas that share the database and the external URL, each on a port of its own.
#[derive(Debug)]
pub struct Replicas {
    pub servers: Vec<CertctlServer>,
}

impl Replicas {
    /// Starts them all at once on an empty database: one of them sets it up.
    ///
    /// # Panics
    /// When one does not get ready.
    pub async fn start(count: usize) -> Self {
        let database = Postgres::shared().create_database("replicas");
        let (encryption_key, admin_key) = (random_encryption_key(), testkit::server::random_secret());
        let ports: Vec<u16> = (0..count).map(|_| process::free_port()).collect();
        let starts = ports.iter().map(|port| {
            CertctlServer::builder()
                .env("CERTCTL_ENCRYPTION_KEY", &encryption_key)
                .env("CERTCTL_EXTERNAL_URL", format!("https://localhost:{}", ports[0]))
                .database_url(&database)
                .api_key(&admin_key)
                .port(*port)
                .start()
        });
        Self { servers: join_all(starts).await }
    }

    /// A client whose requests go to the replicas in turn.
    ///
    /// # Panics
    /// When it is given a URL without a path.
    pub fn balanced(&self) -> Client {
        let clients: Vec<Client> = self.servers.iter().map(CertctlServer::client).collect();
        let turn = Arc::new(AtomicUsize::new(0));
        let base = self.servers[0].base_url();
        Client::in_process(&base, move |request| {
            let turn = turn.fetch_add(1, Ordering::Relaxed);
            let client = clients[turn % clients.len()].clone();
            async move {
                let path = request.uri().path_and_query().expect("a path").as_str().to_owned();
                let answer = client.send(&path, request).await;
                let mut response = http::Response::new(answer.body);
                *response.status_mut() = answer.status;
                *response.headers_mut() = answer.headers;
                response
            }
        })
    }
}
