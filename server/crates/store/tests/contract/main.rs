//! What every engine must do, run on SQLite and on a real PostgreSQL. One file for each subject.

mod accounts;
mod api_keys;
mod audit;
mod authorizations;
mod backup;
mod certificates;
mod challenges;
mod damage;
mod eab_keys;
mod fixtures;
mod local_users;
mod migrations;
mod nonces;
mod orders;
mod profiles;
mod providers;
mod rate_limits;
mod renewal;
mod roles;
mod schema;
mod search;
mod secrets;
mod sessions;
mod support;
mod units;
mod users;
