//! A full disk: writes are refused with 503, reads go on, and with room again so do writes.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use end2end::api::{certificate_by_serial, with_open_profile};
use end2end::certificate::Chain;
use tempfile::TempDir;
use testkit::CertctlServer;
use testkit::acme::{Key, RawAcme, Signer};
use testkit::server::ServerBuilder;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_until_there_is_room() {
    let directory = TempDir::new().unwrap();
    let mut disk = SmallDisk::new(directory.path());
    let database = format!("sqlite:{}", directory.path().join("certctl.db").display());
    let server = disk.holding(CertctlServer::builder()).env("CERTCTL_DATABASE_URL", database).start().await;
    let profile = with_open_profile(&server).await;
    let acme = RawAcme::new(server.client(), &profile).await;
    let key = Key::new();
    let account = acme.register(&key).await;
    let signer = Signer::Kid(&key, &account);
    let (before, _) = acme.issue(signer, &["dns:before.internal"]).await;
    let before = Chain::from_pem(&before);

    disk.fill(&server);
    let mut refused = 0;
    let mut told = vec![before];
    for number in 0..400 {
        // A write that still fits into what SQLite has reserved is fine; what is told must be true.
        let answer = acme.order(signer, &[&format!("dns:full-{number}.internal")]).await;
        match answer.status.as_u16() {
            201 => {}
            503 => {
                answer.expect_problem(503, "serverInternal");
                assert!(answer.header("retry-after").is_some());
                refused += 1;
            }
            other => panic!("{other}: {}", answer.text()),
        }
        if refused == 5 {
            break;
        }
    }
    assert_eq!(refused, 5, "the disk did not fill up");
    for chain in &told {
        assert_eq!(certificate_by_serial(&server.api(), &chain.serial()).await["status"], "valid");
    }
    assert_eq!(server.client().get("/healthz").await.status, 200);

    disk.make_room(&server);
    let start = Instant::now();
    while acme.order(signer, &["dns:again.internal"]).await.status != 201 {
        assert!(start.elapsed() < Duration::from_secs(15), "no recovery");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (after, _) = acme.issue(signer, &["dns:after.internal"]).await;
    told.push(Chain::from_pem(&after));
    for chain in &told {
        certificate_by_serial(&server.api(), &chain.serial()).await;
    }
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

/// A disk that a test can fill. Where the system lets us make mounts that only the server sees, it is a tmpfs and
/// fills up as disks do (ENOSPC); elsewhere the server's files may not grow any more (EFBIG).
enum SmallDisk {
    Tmpfs { directory: PathBuf, unshare: Vec<&'static str> },
    FileSizeLimit,
}

const TMPFS_SIZE: &str = "size=3m";

impl SmallDisk {
    fn new(directory: &Path) -> Self {
        let ways: [&[&str]; 2] = [&["unshare", "--mount"], &["unshare", "--mount", "--map-root-user"]];
        let works = |unshare: &&&[&str]| {
            let mut probe = Command::new(unshare[0]);
            probe.args(&unshare[1..]).args(["mount", "-t", "tmpfs", "none"]).arg(directory);
            probe.output().is_ok_and(|output| output.status.success())
        };
        match ways.iter().find(works) {
            Some(unshare) => Self::Tmpfs { directory: directory.to_owned(), unshare: unshare.to_vec() },
            None => Self::FileSizeLimit,
        }
    }

    fn holding(&self, server: ServerBuilder) -> ServerBuilder {
        match self {
            Self::Tmpfs { directory, unshare } => {
                let script = r#"mount -t tmpfs -o "$1" none "$2" && shift 2 && exec "$@""#;
                let directory = directory.to_str().expect("a UTF-8 path");
                server.wrapper(
                    [unshare.as_slice(), &["sh", "-c", script, "sh", TMPFS_SIZE, directory]].concat(),
                )
            }
            // An ignored signal stays ignored over exec; otherwise the limit would kill the server.
            Self::FileSizeLimit => server.wrapper(["sh", "-c", r#"trap "" XFSZ; exec "$@""#, "sh"]),
        }
    }

    fn fill(&mut self, server: &CertctlServer) {
        match self {
            Self::Tmpfs { directory, .. } => {
                let mut filler =
                    File::create(Self::filler(directory, server)).expect("the tmpfs is reachable");
                while filler.write_all(&[0; 4096]).is_ok() {}
            }
            Self::FileSizeLimit => limit_file_size(server, "4096:unlimited"),
        }
    }

    fn make_room(&mut self, server: &CertctlServer) {
        match self {
            Self::Tmpfs { directory, .. } => {
                fs::remove_file(Self::filler(directory, server)).expect("it is there");
            }
            Self::FileSizeLimit => limit_file_size(server, "unlimited"),
        }
    }

    /// The path of a file on the tmpfs as seen from outside the server's mount namespace.
    fn filler(directory: &Path, server: &CertctlServer) -> PathBuf {
        let inside = directory.strip_prefix("/").expect("an absolute path").join("filler");
        Path::new("/proc").join(server.pid().to_string()).join("root").join(inside)
    }
}

fn limit_file_size(server: &CertctlServer, limit: &str) {
    let pid = server.pid().to_string();
    let status = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={limit}")]).status();
    assert!(status.expect("prlimit can be run").success());
}
