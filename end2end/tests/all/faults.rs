//! What goes wrong around a server, and what it does then.

mod backup;
mod bodies;
mod ca_files;
mod database;
mod disk;
mod healthcheck;
mod overload;
mod replicas;
mod slow_clients;
mod startup;
mod stopping;
mod tls_files;
