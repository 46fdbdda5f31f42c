//! A PostgreSQL cluster of our own, from Debian's packages, in a temporary directory.

mod tls;

use std::fmt;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::process;

/// A running cluster. It is stopped and removed when this is dropped, and also when this process dies in any way: a
/// watchdog process reads from a pipe that only we hold open, and cleans up when the pipe ends.
pub struct Postgres {
    binaries: PathBuf,
    directory: PathBuf,
    user: ServerUser,
    port: u16,
    tls: bool,
    watchdog: Child,
    /// Closing it makes the watchdog clean up.
    lifeline: Option<ChildStdin>,
}

/// How a cluster is set up.
#[derive(Clone, Debug)]
pub struct PostgresBuilder {
    fsync: bool,
    tls: bool,
    max_connections: u32,
}

impl Default for PostgresBuilder {
    fn default() -> Self {
        Self { fsync: true, tls: false, max_connections: 300 }
    }
}

impl PostgresBuilder {
    /// Whether commits wait for the disk (PostgreSQL's `fsync`); on unless switched off. Killing our server loses
    /// nothing either way, only a crash of the machine would, so most tests can do without.
    #[must_use]
    pub fn fsync(mut self, on: bool) -> Self {
        self.fsync = on;
        self
    }

    /// Accept TLS connections only, on 127.0.0.1 and 127.0.0.2, with a certificate of a new CA that is good for
    /// 127.0.0.1 and localhost.
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    #[must_use]
    pub fn max_connections(mut self, most: u32) -> Self {
        self.max_connections = most;
        self
    }

    /// # Panics
    /// When PostgreSQL is not installed or does not start.
    pub fn start(self) -> Postgres {
        Postgres::start_as(&self)
    }
}

impl Postgres {
    pub fn builder() -> PostgresBuilder {
        PostgresBuilder::default()
    }

    /// A durable cluster without TLS.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// A cluster that accepts TLS only; see [`Self::ca_file`].
    pub fn start_with_tls() -> Self {
        Self::builder().tls().fsync(false).start()
    }

    /// One cluster for all tests of this process, without fsync. Don't stop it: others use it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| Self::builder().fsync(false).start())
    }

    /// Makes an empty database whose name starts with `prefix` (lower-case letters, digits and `_`) and returns
    /// its URL.
    pub fn create_database(&self, prefix: &str) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let name = format!("{prefix}_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.run_sql("postgres", &format!("CREATE DATABASE \"{name}\""));
        self.url(&name)
    }

    /// The URL of the database `name`, which need not exist. With TLS it asks for `verify-full` against
    /// [`Self::ca_file`].
    pub fn url(&self, name: &str) -> String {
        let query = match self.tls {
            true => format!("?sslmode=verify-full&sslrootcert={}", self.ca_file().display()),
            false => String::new(),
        };
        format!("postgres://postgres@127.0.0.1:{}/{name}{query}", self.port)
    }

    /// The CA certificate (PEM) of a cluster with TLS.
    pub fn ca_file(&self) -> PathBuf {
        self.directory.join("ca.crt")
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs `sql` in the database of `url` by psql as a user would, and returns the rows: unaligned, `|` between
    /// columns, without headings.
    pub fn query(&self, url: &str, sql: &str) -> String {
        // Parameters may have paths in them.
        let address = url.split('?').next().unwrap_or_default();
        self.run_sql(address.rsplit('/').next().unwrap_or_default(), sql)
    }

    /// Stops the cluster at once: clients' connections break. The data stays.
    pub fn stop(&self) {
        self.pg_ctl(&["stop", "-m", "immediate"]);
    }

    /// Starts the cluster again after [`Self::stop`], on the same port.
    pub fn start_again(&self) {
        self.pg_ctl(&["start"]);
    }

    /// CPU time, user and system, of all the cluster's processes since it was started.
    pub fn postgres_cpu_time(&self) -> Duration {
        let pid_file = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        match pid_file.lines().next().and_then(|line| line.parse().ok()) {
            Some(postmaster) => process::cpu_time_with_children(postmaster),
            None => Duration::ZERO,
        }
    }

    fn start_as(wanted: &PostgresBuilder) -> Self {
        let binaries = newest_binaries();
        let user = ServerUser::find();
        let directory = TempDir::with_prefix("certctl-pg-").expect("the temporary directory is writable");
        let (watchdog, lifeline) = start_watchdog(directory.path());
        // From here on the watchdog removes it.
        let directory = directory.keep();
        user.give(&directory);
        let mut cluster =
            Self { binaries, directory, user, port: 0, tls: wanted.tls, watchdog, lifeline: Some(lifeline) };
        cluster.initdb();
        if wanted.tls {
            tls::write_identity(&cluster.directory, &cluster.user);
            fs::write(cluster.data().join("pg_hba.conf"), HBA_TLS_ONLY).expect("pg_hba.conf is writable");
        }
        // Somebody else may take the port between our look and PostgreSQL's bind.
        for attempt in 1.. {
            cluster.port = process::free_port();
            fs::write(cluster.data().join("postgresql.conf"), cluster.configuration(wanted))
                .expect("postgresql.conf is writable");
            let started = cluster.try_pg_ctl(&["start"]);
            if started.status.success() {
                break;
            }
            let log = fs::read_to_string(cluster.directory.join("log")).unwrap_or_default();
            assert!(attempt < 5, "PostgreSQL does not start: {}{log}", text_of(&started));
        }
        cluster
    }

    fn initdb(&self) {
        let mut command = self.user.command(&self.binaries.join("initdb"));
        command.args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"]);
        command.arg("--pgdata").arg(self.data());
        succeed(&mut command);
    }

    fn configuration(&self, wanted: &PostgresBuilder) -> String {
        let on_off = |on| if on { "on" } else { "off" };
        let dir = self.directory.display();
        format!(
            "listen_addresses = '{}'\nport = {}\nunix_socket_directories = '{dir}'\nmax_connections = {}\n\
             fsync = {}\nssl = {}\nssl_cert_file = '{dir}/server.crt'\nssl_key_file = '{dir}/server.key'\n\
             logging_collector = off\ntimezone = 'UTC'\n",
            if wanted.tls { "127.0.0.1, 127.0.0.2" } else { "127.0.0.1" },
            self.port,
            wanted.max_connections,
            on_off(wanted.fsync),
            on_off(wanted.tls),
        )
    }

    fn run_sql(&self, database: &str, sql: &str) -> String {
        let mut command = Command::new(self.binaries.join("psql"));
        command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
        command.arg("--host").arg(&self.directory).args(["--port", &self.port.to_string()]);
        command.args(["--username=postgres", "--dbname", database, "--command", sql]);
        String::from_utf8(succeed(&mut command).stdout).expect("psql prints UTF-8")
    }

    fn pg_ctl(&self, arguments: &[&str]) {
        let output = self.try_pg_ctl(arguments);
        assert!(output.status.success(), "pg_ctl {arguments:?}: {}", text_of(&output));
    }

    fn try_pg_ctl(&self, arguments: &[&str]) -> Output {
        let mut command = self.user.command(&self.binaries.join("pg_ctl"));
        command.args(arguments).args(["--silent", "--wait", "--timeout=60"]);
        command.arg("--pgdata").arg(self.data()).arg("--log").arg(self.directory.join("log"));
        command.stdin(Stdio::null()).output().expect("pg_ctl can be run")
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("port", &self.port).field("directory", &self.directory).finish()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.lifeline.take();
        let _ = self.watchdog.wait();
    }
}

/// Passwordless, but over TLS only; the Unix socket is ours.
const HBA_TLS_ONLY: &str = "local all all trust\nhostssl all all 127.0.0.0/8 trust\n";

/// Waits until its standard input ends, then stops the cluster in directory `$1` and removes it. It ignores the
/// signals that a terminal sends to the whole group, since it must outlive us.
const WATCHDOG: &str = r#"
trap '' INT TERM HUP
cat >/dev/null
postmaster=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$postmaster" ]; then
    kill -QUIT "$postmaster" 2>/dev/null
    tries=0
    while [ $tries -lt 100 ] && kill -0 "$postmaster" 2>/dev/null; do sleep 0.05; tries=$((tries + 1)); done
fi
rm -rf "$1"
"#;

fn start_watchdog(directory: &Path) -> (Child, ChildStdin) {
    let mut watchdog = Command::new("sh")
        .args(["-c", WATCHDOG, "sh"])
        .arg(directory)
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh can be run");
    let lifeline = watchdog.stdin.take().expect("the watchdog's standard input is a pipe");
    (watchdog, lifeline)
}

fn newest_binaries() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .filter(|(_, bin)| bin.join("initdb").exists())
        .max();
    newest.expect("PostgreSQL's programs are missing: install Debian package postgresql").1
}

/// Who runs the server: PostgreSQL refuses to run as root.
#[derive(Debug)]
struct ServerUser {
    /// Name, user id and group id, when it is not ourselves.
    other: Option<(String, u32, u32)>,
}

impl ServerUser {
    fn find() -> Self {
        if !rustix::process::geteuid().is_root() {
            return Self { other: None };
        }
        let passwd = fs::read_to_string("/etc/passwd").expect("/etc/passwd is readable");
        let find = |name: &str| {
            let fields = passwd.lines().map(|l| l.split(':').collect::<Vec<_>>()).find(|f| f[0] == name)?;
            Some((name.to_owned(), fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
        };
        let other = find("postgres").or_else(|| find("nobody"));
        Self { other: Some(other.expect("there is a user postgres or nobody")) }
    }

    fn give(&self, path: &Path) {
        if let Some((_, user, group)) = &self.other {
            chown(path, Some(*user), Some(*group)).expect("root may change owners");
        }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = match &self.other {
            None => Command::new(program),
            Some((_, user, group)) => {
                let mut command = Command::new("setpriv");
                command.args([format!("--reuid={user}"), format!("--regid={group}")]);
                command.arg("--clear-groups").arg(program);
                command
            }
        };
        // Both look into the current directory, which the other user may not enter.
        command.current_dir("/");
        command
    }

    /// Writes a file that only the server may read, as PostgreSQL demands of its TLS key.
    fn write_private(&self, path: &Path, contents: &str) {
        let mut file = fs::File::create(path).expect("the cluster's directory is writable");
        let private = fs::Permissions::from_mode(0o600);
        file.set_permissions(private).expect("we may change the mode of our file");
        file.write_all(contents.as_bytes()).expect("the cluster's directory is writable");
        self.give(path);
    }
}

fn succeed(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    assert!(output.status.success(), "{command:?}: {}", text_of(&output));
    output
}

fn text_of(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{}\n{out}{err}", output.status)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_cluster_lives_as_long_as_its_owner() {
        let cluster = Postgres::builder().fsync(false).start();
        let url = cluster.create_database("life");
        assert_ne!(url, cluster.create_database("life"));
        cluster.query(&url, "CREATE TABLE t (n int); INSERT INTO t VALUES (7)");
        cluster.stop();
        cluster.start_again();
        assert_eq!(cluster.query(&url, "SELECT n, 'x' FROM t"), "7|x\n");
        let directory = cluster.directory.clone();
        drop(cluster);
        assert!(!directory.exists());
    }

    /// Runs itself in a second process, which is killed.
    #[test]
    fn a_cluster_dies_with_its_process() {
        const MARK: &str = "TESTKIT_HOLD_A_CLUSTER";
        if std::env::var_os(MARK).is_some() {
            println!("\n{}", Postgres::shared().directory.display());
            std::thread::sleep(Duration::from_secs(60));
        }
        let mut child = Command::new(std::env::current_exe().expect("a path"))
            .args(["--exact", "postgres::tests::a_cluster_dies_with_its_process", "--nocapture"])
            .env(MARK, "1")
            .stdout(Stdio::piped())
            .spawn()
            .expect("a test binary can be run");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let directory = lines.into_iter().find(|line| line.contains("/certctl-pg-")).expect("a directory");
        assert!(Path::new(&directory).exists());
        child.kill().expect("our child");
        child.wait().expect("our child");
        let start = Instant::now();
        while Path::new(&directory).exists() {
            assert!(start.elapsed() < Duration::from_secs(20), "{directory} is still there");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    fn with_tls_nothing_else_is_accepted() {
        let cluster = Postgres::start_with_tls();
        let url = cluster.create_database("tls");
        let connect = |url: &str| {
            let mut psql = Command::new(cluster.binaries.join("psql"));
            psql.args([url, "--command", "SELECT 1"]).stdin(Stdio::null()).output().expect("psql runs").status
        };
        assert!(connect(&url).success());
        assert!(!connect(&url.replace("verify-full", "disable")).success());
    }
}
