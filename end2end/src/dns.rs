//! A DNS server (RFC 1035, over UDP) in which every name is this machine, and whose other records lie in files that
//! hooks of ACME clients can write.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

const A: u16 = 1;
const TXT: u16 = 16;
const CAA: u16 = 257;

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct DnsServer {
    address: SocketAddr,
    records: TempDir,
    task: JoinHandle<()>,
}

impl DnsServer {
    /// Every name has the address 127.0.0.1, and no other record yet.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let address = socket.local_addr().expect("a bound socket has an address");
        let records = TempDir::with_prefix("dns-").expect("the temporary directory is writable");
        let task = tokio::spawn(serve(Arc::new(socket), records.path().to_owned()));
        Self { address, records, task }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the files are. `<name>.TXT` has a text a line, `<name>.CAA` a property a line as
    /// `<flags> <tag> <value>`; names are in lower case and end without a dot.
    pub fn records(&self) -> &Path {
        self.records.path()
    }

    /// Adds a record.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn add(&self, name: &str, kind: &str, value: &str) {
        let path = self.records.path().join(format!("{name}.{kind}"));
        let before = fs::read_to_string(&path).unwrap_or_default();
        fs::write(path, format!("{before}{value}\n")).expect("our own directory is writable");
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: Arc<UdpSocket>, records: PathBuf) {
    let mut buffer = [0; 4096];
    while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
        if let Some(answer) = answer(&buffer[..length], &records) {
            // A client that has gone asks no more.
            let _ = socket.send_to(&answer, client).await;
        }
    }
}

/// The answer to a query with one question; `None` when it is no such query.
fn answer(query: &[u8], records: &Path) -> Option<Vec<u8>> {
    let mut labels = Vec::new();
    let mut rest = query.get(12..)?;
    while let [length @ 1..=63, tail @ ..] = rest {
        let (label, tail) = tail.split_at_checked(usize::from(*length))?;
        labels.push(String::from_utf8_lossy(label).to_lowercase());
        rest = tail;
    }
    let kind = u16::from_be_bytes(rest.get(1..3)?.try_into().ok()?);
    let end = query.len() - rest.len() + 5;
    let question = query.get(12..end)?;
    let name = labels.join(".");
    let lines = |kind: &str| fs::read_to_string(records.join(format!("{name}.{kind}"))).unwrap_or_default();
    let answers: Vec<Vec<u8>> = match kind {
        A => vec![vec![127, 0, 0, 1]],
        TXT => lines("TXT").lines().map(|text| counted(text.as_bytes())).collect(),
        CAA => lines("CAA").lines().filter_map(caa).collect(),
        _ => Vec::new(),
    };
    let mut out = query.get(..2)?.to_vec();
    // An authoritative answer that recursion is available to, without an error.
    out.extend([0x85, 0x80, 0, 1]);
    out.extend(u16::try_from(answers.len()).ok()?.to_be_bytes());
    out.extend([0, 0, 0, 0]);
    out.extend(question);
    for data in answers {
        // The name is that of the question; class IN; nobody may keep it.
        out.extend([0xc0, 12]);
        out.extend(kind.to_be_bytes());
        out.extend([0, 1, 0, 0, 0, 0]);
        out.extend(u16::try_from(data.len()).ok()?.to_be_bytes());
        out.extend(data);
    }
    Some(out)
}

fn counted(text: &[u8]) -> Vec<u8> {
    let mut out = vec![u8::try_from(text.len()).expect("tests' texts are short")];
    out.extend(text);
    out
}

fn caa(line: &str) -> Option<Vec<u8>> {
    let mut parts = line.splitn(3, ' ');
    let mut out = vec![parts.next()?.parse().ok()?];
    out.extend(counted(parts.next()?.as_bytes()));
    out.extend(parts.next()?.as_bytes());
    Some(out)
}
