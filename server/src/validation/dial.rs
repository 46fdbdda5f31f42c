use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use acme::ProblemType;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use hickory_resolver::proto::rr::{RData, RecordType};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::addresses::AddressPolicy;
use super::dns::{self, Answer, Dns, DnsFault};
use super::evidence::{Action, Trace};
use super::fault::Fault;

/// How long the addresses of the other family are waited for once those of one are there. RFC 8305 §3 has 50 ms, for
/// people who wait; here the other family is rather not lost.
const RESOLUTION_DELAY: Duration = Duration::from_secs(1);
/// RFC 8305 §5.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// Addresses of one name that are tried: who writes the records decides how many there are.
const MAX_ADDRESSES: usize = 8;

/// Opens connections, to addresses that the policy allows and to no others: a name is resolved once, its addresses
/// are checked, and one of these very addresses is connected to. A name that changes meanwhile changes nothing.
#[derive(Debug)]
pub(super) struct Dialler {
    pub(super) dns: Dns,
    policy: AddressPolicy,
    connect_timeout: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    Name(String),
    Address(IpAddr),
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl From<&model::Identifier> for Host {
    fn from(identifier: &model::Identifier) -> Self {
        match identifier {
            model::Identifier::Dns(name) => Self::Name(name.base().to_owned()),
            model::Identifier::Ip(address) => Self::Address(*address),
        }
    }
}

impl Dialler {
    pub(super) fn new(dns: Dns, policy: AddressPolicy, connect_timeout: Duration) -> Self {
        Self { dns, policy, connect_timeout }
    }

    /// Connects to the first address of `host` that answers, IPv6 first.
    pub(super) async fn dial(&self, host: &Host, port: u16, trace: &mut Trace) -> Result<TcpStream, Fault> {
        let addresses = match host {
            Host::Address(address) => vec![*address],
            Host::Name(name) => self.resolve(name, trace).await?,
        };
        let mut allowed = Vec::new();
        let mut refusal = None;
        for address in addresses {
            match self.policy.check(address) {
                Ok(()) => allowed.push(address.to_canonical()),
                Err(rule) => {
                    let action = Action::Refuse { address: address.to_string(), rule: rule.to_string() };
                    trace.step(Duration::ZERO, action, None);
                    refusal.get_or_insert((address, rule));
                }
            }
        }
        match refusal {
            Some((address, rule)) if allowed.is_empty() => Err(refused(host, address, rule)),
            _ => self.race(host, interleave(allowed), port, trace).await,
        }
    }

    /// Asks for both families at once.
    async fn resolve(&self, name: &str, trace: &mut Trace) -> Result<Vec<IpAddr>, Fault> {
        let since = trace.begin_lookup(name, "AAAA and A");
        let (v6, v4) = both(self.timed(name, RecordType::AAAA), self.timed(name, RecordType::A)).await;
        let mut addresses = Vec::new();
        let mut faults = Vec::new();
        for (record_type, result) in [(RecordType::AAAA, v6), (RecordType::A, v4)] {
            let (result, took) = result.unwrap_or_else(|| {
                (Err(DnsFault::Failed("not waited for any longer".to_owned())), since.elapsed())
            });
            let (action, error) = dns::step(name, record_type, &result, |record| {
                address(record).map_or(String::new(), |address| address.to_string())
            });
            trace.step(took, action, error);
            match result {
                Ok(answer) => addresses.extend(answer.records.iter().filter_map(address)),
                Err(fault) => faults.push(fault),
            }
        }
        // One family is enough. Without any, a resolver that failed weighs more than one that knows of nothing.
        if !addresses.is_empty() {
            return Ok(addresses);
        }
        let failed = faults.iter().find(|fault| matches!(fault, DnsFault::Failed(_)));
        Err(match failed.or(faults.first()) {
            Some(DnsFault::Absent(absence)) => {
                let fault = match absence.name_exists {
                    true => "it has neither an A nor an AAAA record",
                    false => "it does not exist (NXDOMAIN)",
                };
                let place = absence.alias_of.as_deref().unwrap_or(name);
                let alias =
                    absence.alias_of.as_ref().map_or(String::new(), |alias| format!(" (alias of {alias})"));
                Fault::retryable(
                    ProblemType::Dns,
                    format!("{name}{alias} has no address: {fault}."),
                    format!("Give {place} an A or AAAA record that the server's resolvers can see."),
                )
            }
            failed => Fault::retryable(
                ProblemType::Dns,
                format!(
                    "The addresses of {name} could not be looked up: {}.",
                    failed.map_or(String::new(), ToString::to_string)
                ),
                format!("Make the DNS servers of {name} and the server's resolvers answer."),
            ),
        })
    }

    async fn timed(&self, name: &str, record_type: RecordType) -> (Result<Answer, DnsFault>, Duration) {
        let since = Instant::now();
        let result = self.dns.lookup(name, record_type).await;
        (result, since.elapsed())
    }

    /// RFC 8305 §5: starts with the first address, goes on to the next when one fails or takes long, and keeps the
    /// first connection.
    async fn race(
        &self,
        host: &Host,
        addresses: Vec<IpAddr>,
        port: u16,
        trace: &mut Trace,
    ) -> Result<TcpStream, Fault> {
        trace.begin(format!("connecting to {host}, port {port}"));
        let mut waiting: VecDeque<IpAddr> = addresses.into();
        let mut running = FuturesUnordered::new();
        let mut next_start = Instant::now();
        let mut errors: Vec<String> = Vec::new();
        loop {
            tokio::select! {
                biased;
                Some(done) = running.next() => {
                    let (peer, took, result): Dialled = done;
                    trace.step(took, Action::Connect { address: peer.to_string() }, result.as_ref().err().cloned());
                    let error = match result {
                        Ok(stream) => return Ok(stream),
                        Err(error) => error,
                    };
                    errors.push(format!("{peer}: {error}"));
                    next_start = Instant::now();
                }
                () = sleep_until(next_start), if !waiting.is_empty() => {
                    if let Some(address) = waiting.pop_front() {
                        running.push(self.connect(SocketAddr::new(address, port)));
                    }
                    next_start = Instant::now() + ATTEMPT_DELAY;
                }
                else => return Err(unreachable(host, port, &errors)),
            }
        }
    }

    async fn connect(&self, peer: SocketAddr) -> Dialled {
        let since = Instant::now();
        let result = match timeout(self.connect_timeout, TcpStream::connect(peer)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(words(&error)),
            Err(_) => Err(format!("no answer within {} s", self.connect_timeout.as_secs_f32())),
        };
        (peer, since.elapsed(), result)
    }
}

/// Where to, how long it took, and what is wrong where there is no connection.
type Dialled = (SocketAddr, Duration, Result<TcpStream, String>);

fn address(record: &RData) -> Option<IpAddr> {
    match record {
        RData::A(a) => Some(IpAddr::V4(a.0)),
        RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
        _ => None,
    }
}

type Timed = (Result<Answer, DnsFault>, Duration);

/// Waits for both; for the second only a while once the first gave something. What was not waited for is `None`.
async fn both(
    v6: impl Future<Output = Timed>,
    v4: impl Future<Output = Timed>,
) -> (Option<Timed>, Option<Timed>) {
    let (mut v6, mut v4) = (pin!(v6), pin!(v4));
    let patience = |first: &Timed| if first.0.is_ok() { RESOLUTION_DELAY } else { Duration::MAX };
    tokio::select! {
        first = &mut v6 => {
            let second = timeout(patience(&first), v4).await.ok();
            (Some(first), second)
        }
        first = &mut v4 => {
            let second = timeout(patience(&first), v6).await.ok();
            (second, Some(first))
        }
    }
}

/// RFC 8305 §4: the families in turn, IPv6 first.
fn interleave(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let (v6, v4): (Vec<_>, Vec<_>) = addresses.into_iter().partition(IpAddr::is_ipv6);
    let (mut v6, mut v4) = (v6.into_iter(), v4.into_iter());
    let turns = std::iter::from_fn(|| Some([v6.next(), v4.next()]).filter(|pair| *pair != [None, None]));
    turns.flatten().flatten().take(MAX_ADDRESSES).collect()
}

/// RFC 8555 §6.7 has no type for a target that the server will not connect to. `rejectedIdentifier` is the one that
/// says that it is the server's decision: `connection` would say that the server tried.
fn refused(host: &Host, address: IpAddr, rule: super::Refusal) -> Fault {
    let target = match host {
        Host::Address(address) => address.to_string(),
        Host::Name(name) => format!("{name} ({address})"),
    };
    // How the operator has cut the network is not the client's business.
    let reason = match rule {
        super::Refusal::Denied(_) => "its settings deny that network".to_owned(),
        default @ super::Refusal::Default(_) => default.to_string(),
    };
    Fault::refused(
        ProblemType::RejectedIdentifier,
        format!("The server's policy does not let it connect to {target}: {reason}."),
        match rule {
            super::Refusal::Denied(network) => {
                format!("Use another address, or take {network} out of CERTCTL_ACME_VALIDATION_DENY_CIDRS.")
            }
            super::Refusal::Default(_) => format!(
                "Use another address, or add {address} to CERTCTL_ACME_VALIDATION_ALLOW_CIDRS if clients may use it."
            ),
        },
    )
}

fn unreachable(host: &Host, port: u16, errors: &[String]) -> Fault {
    const SHOWN: usize = 3;
    let shown = errors.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("; ");
    Fault::retryable(
        ProblemType::Connection,
        format!("No connection to {host}, port {port}: {shown}."),
        format!(
            "Let the server reach port {port} of {host}, and have the client listen there while it waits."
        ),
    )
}

/// What went wrong, without numbers of the operating system.
pub(super) fn words(error: &io::Error) -> String {
    error.kind().to_string()
}
