//! How long the lists take when there is much: every list by its filters, over the listener, as a browser gets them.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Args;
use serde::Serialize;
use serde_json::json;
use testkit::{CertctlServer, Postgres};

use crate::error::Error;
use crate::http::Endpoint;
use crate::modes::{Bench, auth};
use crate::report::{Goal, number, table};
use crate::subject::Engine;

/// What the project asks of each page.
const LIMIT_MS: f64 = 100.0;
/// Profiles among which certificates are spread.
const PROFILES: u64 = 20;
/// How long the CA has been at work, in milliseconds.
const SPAN: u64 = 300 * 86_400_000;

#[derive(Debug, Args)]
pub struct ListsArguments {
    /// How many certificates there are.
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..=10_000_000))]
    certificates: u64,
    /// How many audit events there are.
    #[arg(long, value_name = "N", default_value_t = 5_000_000, value_parser = clap::value_parser!(u64).range(1_000..=50_000_000))]
    events: u64,
    /// Requests of each page.
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    requests: u64,
}

/// A page, asked for again and again with other values.
struct Page {
    what: &'static str,
    path: Box<dyn Fn(u64) -> String>,
}

#[derive(Debug, Serialize)]
struct Cost {
    engine: Engine,
    what: &'static str,
    /// Of the last answer.
    kilobytes: f64,
    /// The first request, which finds nothing in memory of what it needs.
    first_ms: f64,
    p50_ms: f64,
    p95_ms: f64,
    /// CPU time of the server and of the database, on the average.
    server_cpu_ms: f64,
    database_cpu_ms: f64,
}

/// # Errors
/// When a server does not start, or a page is not what it should be.
pub async fn run(bench: &mut Bench, arguments: &ListsArguments) -> Result<(), Error> {
    let mut all = Vec::new();
    for engine in bench.engines.clone() {
        let costs = costs(bench, engine, arguments).await?;
        print(&costs);
        all.extend(costs);
    }
    for engine in bench.engines.clone() {
        let of_engine = all.iter().filter(|cost| cost.engine == engine);
        let Some(worst) = of_engine.max_by(|a, b| a.p95_ms.total_cmp(&b.p95_ms)) else { continue };
        let what = format!("{}: p95 ms of the slowest page ({})", engine.name(), worst.what);
        bench.report.goal(Goal::at_most(what, worst.p95_ms, LIMIT_MS));
    }
    bench.report.set("lists", all)
}

fn print(costs: &[Cost]) {
    let rows = costs.iter().map(|cost| {
        vec![
            cost.what.to_owned(),
            cost.engine.name().to_owned(),
            number(cost.kilobytes),
            number(cost.first_ms),
            number(cost.p50_ms),
            number(cost.p95_ms),
            number(cost.server_cpu_ms),
            if cost.engine == Engine::Postgres { number(cost.database_cpu_ms) } else { "–".to_owned() },
        ]
    });
    let head = ["page", "server", "kB", "first ms", "p50 ms", "p95 ms", "server CPU ms", "database CPU ms"];
    println!("\n{}", table(&head, &rows.collect::<Vec<_>>()));
}

async fn costs(bench: &mut Bench, engine: Engine, arguments: &ListsArguments) -> Result<Vec<Cost>, Error> {
    eprintln!("Starting the server on {}.", engine.name());
    let postgres = (engine == Engine::Postgres).then(|| Postgres::builder().fsync(false).start());
    let url = postgres.as_ref().map(|postgres| postgres.create_database("lists"));
    let builder = match &url {
        Some(url) => CertctlServer::builder().database_url(url),
        None => CertctlServer::builder(),
    };
    let mut server = builder.start().await;
    for number in 0..PROFILES {
        create_profile(&server, number).await?;
    }
    server.terminate().await;
    let seed = Seed::new(arguments)?;
    eprintln!("Making {} certificates and {} audit events.", seed.certificates, seed.events);
    let since = Instant::now();
    match &url {
        Some(url) => {
            feed(psql(url), &seed.text(POSTGRES))?;
            // As autovacuum does in time.
            feed(psql(url), "VACUUM (ANALYZE);")?;
        }
        None => feed(sqlite3(&server.data_dir().join("certctl.db")), &seed.text(SQLITE))?,
    }
    eprintln!("They took {:.0} s.", since.elapsed().as_secs_f64());
    bench.floor.measure()?;
    server.restart().await;

    let endpoint = Endpoint::new(&server.base_url(), server.ca_pem().as_bytes())?;
    let cookie = auth::sign_in(&endpoint, &server, server.api_key()).await?;
    let mut connection = endpoint.connect().await?;
    let headers = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    let mut costs = Vec::new();
    for page in pages(&seed)? {
        let (mut times, mut kilobytes) = (Vec::new(), 0.0);
        let cpu =
            || (server.cpu_time(), postgres.as_ref().map_or(Duration::ZERO, Postgres::postgres_cpu_time));
        let before = cpu();
        for number in 0..=arguments.requests {
            let url = format!("{}{}", server.base_url(), (page.path)(number));
            let since = Instant::now();
            let answer = connection.send_with("GET", &url, &headers, None).await?;
            times.push(since.elapsed().as_secs_f64() * 1e3);
            kilobytes = answer.body.len() as f64 / 1e3;
            if answer.status != 200 {
                return Err(Error::other(format!("{url}: {}", answer.status)));
            }
        }
        let after = cpu();
        let each = |spent: Duration| spent.as_secs_f64() * 1e3 / times.len() as f64;
        let server_cpu_ms = each(after.0.saturating_sub(before.0));
        let database_cpu_ms = each(after.1.saturating_sub(before.1));
        let first_ms = times.remove(0);
        times.sort_by(f64::total_cmp);
        let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
        costs.push(Cost {
            engine,
            what: page.what,
            kilobytes,
            first_ms,
            p50_ms: at(50),
            p95_ms: at(95),
            server_cpu_ms,
            database_cpu_ms,
        });
    }
    Ok(costs)
}

async fn create_profile(server: &CertctlServer, number: u64) -> Result<(), Error> {
    let profile = json!({
        "id": format!("prof-{number:02}"), "name": format!("Profile {number}"), "issuer_id": "iss-internal-ca",
        "max_ttl_seconds": 7_776_000, "acme_auth_mode": "challenge",
    });
    let answer = server.api().post("/api/profiles", profile).await;
    match answer.status.is_success() {
        true => Ok(()),
        false => Err(Error::other(format!("a profile was refused: {}", answer.text()))),
    }
}

const SQLITE: [&str; 2] =
    [include_str!("../../seed/sqlite.sql"), include_str!("../../../../migrations/sqlite/0011_search.sql")];
const POSTGRES: [&str; 2] = [
    include_str!("../../seed/postgres.sql"),
    include_str!("../../../../migrations/postgres/0011_search.sql"),
];

/// What is made, and the ids that it has.
struct Seed {
    certificates: u64,
    events: u64,
    names: u64,
    accounts: u64,
    /// Milliseconds since 1970.
    now: u64,
}

impl Seed {
    #[expect(clippy::disallowed_methods, reason = "the server that is measured runs by the machine's clock")]
    fn new(arguments: &ListsArguments) -> Result<Self, Error> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let certificates = arguments.certificates;
        let now = u64::try_from(now.as_millis()).map_err(|e| Error::other(e.to_string()))?;
        Ok(Self {
            certificates,
            events: arguments.events,
            names: certificates / 5,
            accounts: certificates / 100,
            now,
        })
    }

    /// The statements: rows, then their parts, as the migration made them of those that it found.
    fn text(&self, [rows, migration]: [&str; 2]) -> String {
        let mut text = rows.to_owned();
        for (name, value) in [
            ("NOW", self.now),
            ("START", self.start()),
            ("SPAN", SPAN),
            ("CERTIFICATES", self.certificates),
            ("EVENTS", self.events),
            ("NAMES", self.names),
            ("ACCOUNTS", self.accounts),
        ] {
            text = text.replace(&format!("@{name}@"), &value.to_string());
        }
        for part in migration.split("\n\n").filter(|part| part.starts_with("INSERT INTO")) {
            text.push_str(part);
            text.push('\n');
        }
        text
    }

    fn start(&self) -> u64 {
        self.now - SPAN
    }

    fn created(&self, certificate: u64) -> u64 {
        self.start() + certificate * (SPAN / self.certificates)
    }

    fn certificate(&self, number: u64) -> String {
        format!("cert-{:012x}{number:020x}", self.created(number))
    }

    fn account(&self, number: u64) -> String {
        format!("acc-{:012x}{number:020x}", self.start() - 86_400_000 + number)
    }

    /// As the id of an event or the like would begin at this part (in hundredths) of the time.
    fn cursor(&self, prefix: &str, hundredths: u64) -> String {
        format!("{prefix}-{:012x}{:020x}", self.start() + SPAN / 100 * hundredths, 0)
    }

    /// The day so many days from now.
    fn day(&self, from_now: i64) -> Result<String, Error> {
        let today = i64::try_from(self.now / 86_400_000).map_err(|e| Error::other(e.to_string()))?;
        Ok(date(today + from_now))
    }

    /// Some number below `most` that looks arbitrary.
    fn any(number: u64, most: u64) -> u64 {
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % most
    }
}

/// The date of a day since 1970, by counting years from March, so that a leap day is the last of its year.
fn date(day: i64) -> String {
    let day = day + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

fn pages(seed: &Seed) -> Result<Vec<Page>, Error> {
    let mut pages = Vec::new();
    let mut page = |what, path: Box<dyn Fn(u64) -> String>| pages.push(Page { what, path });
    let (names, accounts, certificates) = (seed.names, seed.accounts, seed.certificates);
    let some_accounts: Vec<_> = (0..100).map(|k| seed.account(Seed::any(k, accounts))).collect();
    let some_certificates: Vec<_> = (0..100).map(|k| seed.certificate(Seed::any(k, certificates))).collect();
    let account = move |k: u64| some_accounts[usize::try_from(k % 100).unwrap_or(0)].clone();
    let (account_2, account_3) = (account.clone(), account.clone());
    let account_4 = account.clone();
    let certificate = move |k: u64| some_certificates[usize::try_from(k % 100).unwrap_or(0)].clone();
    let host = move |k: u64| Seed::any(k, names);
    let fixed = |path: &str| -> Box<dyn Fn(u64) -> String> {
        let path = path.to_owned();
        Box::new(move |_| path.clone())
    };
    let deep = |list: &str, prefix: &str, seed: &Seed| -> Box<dyn Fn(u64) -> String> {
        let cursors: Vec<_> = (5..95).map(|part| seed.cursor(prefix, part)).collect();
        let list = list.to_owned();
        Box::new(move |k| format!("{list}cursor={}", cursors[usize::try_from(k % 90).unwrap_or(0)]))
    };
    page("overview", fixed("/"));

    page("certificates", fixed("/certificates"));
    page("certificates, a page deep in the list", deep("/certificates?", "cert", seed));
    page(
        "certificates by name",
        Box::new(move |k| format!("/certificates?name=web-{}.prod", host(k) / 12 * 12)),
    );
    page(
        "certificates by the beginning of a name",
        Box::new(move |k| format!("/certificates?name=shop-{}", 10 + k % 90)),
    );
    page(
        "certificates by a domain",
        Box::new(move |k| format!("/certificates?name=zone{}.example.com", k % 200)),
    );
    page("certificates by a part that all have", fixed("/certificates?name=example"));
    page("certificates by a part that none has", Box::new(|k| format!("/certificates?name=nothing-{k}")));
    page(
        "certificates by a domain and a profile",
        Box::new(|k| format!("/certificates?name=zone{}.ex&profile=prof-05", k % 200)),
    );
    page(
        "certificates by the beginning of a name, by expiry",
        Box::new(move |k| format!("/certificates?name=api-{}&sort=expiry", 10 + k % 90)),
    );
    page(
        "certificates by serial",
        Box::new(move |k| format!("/certificates?serial={:032x}", Seed::any(k, certificates))),
    );
    page("certificates of an account", Box::new(move |k| format!("/certificates?account={}", account(k))));
    page(
        "certificates of a profile",
        Box::new(|k| format!("/certificates?profile=prof-{:02}", k % PROFILES)),
    );
    page("certificates of an issuer", fixed("/certificates?issuer=iss-internal-ca"));
    page("certificates, valid", fixed("/certificates?status=valid"));
    page("certificates, revoked", fixed("/certificates?status=revoked"));
    page("certificates, expired", fixed("/certificates?status=expired"));
    page("certificates, expired, of a profile", fixed("/certificates?status=expired&profile=prof-03"));
    page("certificates by expiry", fixed("/certificates?sort=expiry"));
    page(
        "certificates that expire in a span of time",
        fixed(&format!("/certificates?expires_from={}&expires_until={}", seed.day(20)?, seed.day(22)?)),
    );

    page("orders", fixed("/orders"));
    page("orders, failed", fixed("/orders?status=invalid"));
    page("orders, failed, of a profile", fixed("/orders?status=invalid&profile=prof-05"));
    page("orders of an account", Box::new(move |k| format!("/orders?account={}", account_2(k))));
    page("orders by name", Box::new(move |k| format!("/orders?name=web-{}.prod", host(k) / 12 * 12)));
    page("orders by a domain", Box::new(|k| format!("/orders?name=zone{}.example.com", k % 200)));
    page("orders by a part that all have", fixed("/orders?name=example"));

    page("accounts", fixed("/acme-accounts"));
    page("accounts by contact", Box::new(|k| format!("/acme-accounts?contact=team-{}%40", k % 500)));
    page(
        "accounts by the domain of a contact",
        Box::new(|k| format!("/acme-accounts?contact=dept-{}.example", k % 50)),
    );
    page("accounts by a part of a contact that all have", fixed("/acme-accounts?contact=example.com"));
    page("accounts, suspended", fixed("/acme-accounts?status=suspended"));
    page("accounts, the longest unseen first", fixed("/acme-accounts?sort=last_seen"));
    page("account", Box::new(move |k| format!("/acme-accounts/{}", account_3(k))));

    page("audit", fixed("/audit"));
    page("audit, a page deep in the list", deep("/audit?", "evt", seed));
    page("audit by actor", Box::new(move |k| format!("/audit?actor=acme:{}", account_4(k))));
    page("audit by a kind of actor", fixed("/audit?actor=key:"));
    page("audit by the most usual kind of actor", fixed("/audit?actor=acme:"));
    page("audit by action", fixed("/audit?action=order.refused"));
    page("audit by a rare action", fixed("/audit?action=profile.updated"));
    page("audit by actor and action", fixed("/audit?actor=user:&action=certificate.revoked"));
    page("audit by resource", Box::new(move |k| format!("/audit?resource={}", certificate(k))));
    page("audit by type", fixed("/audit?type=certificate"));
    page("audit by a rare type", fixed("/audit?type=session"));
    page("audit, refused", fixed("/audit?outcome=refused"));
    page("audit, failed", fixed("/audit?outcome=failure"));
    page(
        "audit of a span of time",
        fixed(&format!("/audit?from={}&until={}", seed.day(-100)?, seed.day(-99)?)),
    );
    Ok(pages)
}

fn sqlite3(file: &Path) -> Command {
    let mut command = Command::new("sqlite3");
    command.arg("-bail").arg(file);
    command
}

fn psql(url: &str) -> Command {
    let mut command = Command::new("psql");
    command.args(["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1"]).arg(url);
    command
}

/// Runs a program with `text` as its input.
fn feed(mut command: Command, text: &str) -> Result<(), Error> {
    let name = command.get_program().to_string_lossy().into_owned();
    let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
    let mut child = child.map_err(|e| Error::other(format!("{name}: {e}")))?;
    if let Some(mut input) = child.stdin.take() {
        std::io::Write::write_all(&mut input, text.as_bytes())?;
    }
    match child.wait()? {
        status if status.success() => Ok(()),
        status => Err(Error::other(format!("{name} ended with {status}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn days_have_their_dates() {
        for (day, text) in [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (20_781, "2026-11-24"),
        ] {
            assert_eq!(date(day), text);
        }
    }
}
