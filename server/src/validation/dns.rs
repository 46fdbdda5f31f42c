use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError, NoRecords};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::{TokioResolver, system_conf};
use tracing::warn;

use super::evidence::{Action, EXCERPT, excerpt, some};

/// For one packet; a lost one is sent once more.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Asks resolvers, each time anew.
#[derive(Debug)]
pub(super) struct Dns {
    resolver: TokioResolver,
}

/// The records of one name and type, and the aliases on the way to them.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) records: Vec<RData>,
    pub(super) followed: Vec<String>,
}

/// Why there are no records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DnsFault {
    /// A resolver knows that there are none.
    Absent(Absence),
    /// No such answer could be had; says why.
    Failed(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Absence {
    /// Whether the name has other records.
    pub(super) name_exists: bool,
    /// Where the aliases of the name ended, if it has any.
    pub(super) alias_of: Option<String>,
}

impl fmt::Display for DnsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(Absence { name_exists, alias_of }) => {
                if let Some(alias) = alias_of {
                    write!(f, "it is an alias of {alias}, where ")?;
                }
                f.write_str(if *name_exists {
                    "there is no such record"
                } else {
                    "nothing exists (NXDOMAIN)"
                })
            }
            Self::Failed(why) => f.write_str(why),
        }
    }
}

impl Dns {
    /// Without `resolvers`: those of the system.
    pub(super) fn new(resolvers: &[SocketAddr]) -> Result<Self, NetError> {
        let servers = if resolvers.is_empty() {
            system_servers()
        } else {
            resolvers.iter().copied().map(server).collect()
        };
        let mut builder = TokioResolver::builder_with_config(
            ResolverConfig::from_name_servers(servers),
            TokioRuntimeProvider::default(),
        );
        *builder.options_mut() = options();
        Ok(Self { resolver: builder.build()? })
    }

    /// Asks for the records of `name`, which is absolute whether or not it ends with a dot, and follows aliases.
    pub(super) async fn lookup(&self, name: &str, record_type: RecordType) -> Result<Answer, DnsFault> {
        let mut name =
            Name::from_ascii(name).map_err(|_| DnsFault::Failed("no name that DNS can have".into()))?;
        // The resolver must not try the search domains of this machine.
        name.set_fqdn(true);
        match self.resolver.lookup(name.clone(), record_type).await {
            Ok(lookup) => match chase(name, record_type, lookup.answers()) {
                answer if answer.records.is_empty() => {
                    Err(DnsFault::Failed("the resolver's answer does not fit the question".to_owned()))
                }
                answer => Ok(answer),
            },
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => Err(self.absence(&name, &none).await),
            Err(error) => Err(fault(&error)),
        }
    }

    /// A chain of aliases that was too long to be followed also ends without records; it must not count as an answer.
    async fn absence(&self, name: &Name, none: &NoRecords) -> DnsFault {
        let end = none.query.name();
        let absence = |alias_of| {
            DnsFault::Absent(Absence { name_exists: none.response_code != ResponseCode::NXDomain, alias_of })
        };
        if end == name {
            return absence(None);
        }
        match self.resolver.lookup(end.clone(), RecordType::CNAME).await {
            Ok(_) => DnsFault::Failed("its chain of aliases is too long".to_owned()),
            Err(NetError::Dns(DnsError::NoRecordsFound(_))) => absence(Some(shown(end))),
            Err(error) => fault(&error),
        }
    }
}

/// Takes from `records` those that belong to `name` or what it is an alias of. A resolver's answer may hold others.
fn chase(name: Name, record_type: RecordType, records: &[Record]) -> Answer {
    let mut names = vec![name];
    let mut answer = Answer::default();
    // Each alias leads to one name; no chain is longer than the answer.
    while let Some(target) = names.last().and_then(|last| {
        records.iter().find_map(|record| match &record.data {
            RData::CNAME(target) if record.name == *last && !names.contains(&target.0) => {
                Some(target.0.clone())
            }
            _ => None,
        })
    }) {
        answer.followed.push(shown(&target));
        names.push(target);
    }
    answer.records = records
        .iter()
        .filter(|record| record.record_type() == record_type && names.contains(&record.name))
        .map(|record| record.data.clone())
        .collect();
    answer
}

fn shown(name: &Name) -> String {
    excerpt(name.to_ascii().trim_end_matches('.').as_bytes(), EXCERPT)
}

fn fault(error: &NetError) -> DnsFault {
    match error {
        NetError::Dns(DnsError::ResponseCode(code)) => {
            DnsFault::Failed(format!("the resolver answered {code}"))
        }
        NetError::Timeout => DnsFault::Failed("the resolver did not answer in time".to_owned()),
        NetError::Io(error) => DnsFault::Failed(format!("the resolver cannot be reached: {}", error.kind())),
        NetError::NoConnections => DnsFault::Failed("the resolver cannot be reached".to_owned()),
        other => DnsFault::Failed(excerpt(other.to_string().as_bytes(), EXCERPT)),
    }
}

/// As resolv.conf(5) has it, the resolver of this machine is asked when none is configured.
fn system_servers() -> Vec<NameServerConfig> {
    match system_conf::read_system_conf() {
        Ok((config, _)) => config.into_parts().2,
        Err(error) => {
            warn!(%error, "the system names no DNS resolver; validation will ask the one on this machine");
            vec![server(SocketAddr::from(([127, 0, 0, 1], 53)))]
        }
    }
}

fn server(address: SocketAddr) -> NameServerConfig {
    let at_port = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let connections = vec![at_port(ConnectionConfig::udp()), at_port(ConnectionConfig::tcp())];
    NameServerConfig::new(address.ip(), true, connections)
}

fn options() -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.timeout = TIMEOUT;
    options.attempts = 1;
    options.try_tcp_on_error = true;
    // Attempts are bounded per profile; one connection must not run out before that.
    options.max_active_requests = 4096;
    // A client that has put its record in place tries again; what was seen before must not answer.
    options.cache_size = 0;
    options.positive_max_ttl = Some(Duration::ZERO);
    options.negative_max_ttl = Some(Duration::ZERO);
    // This machine's file proves nothing about who controls a name.
    options.use_hosts_file = ResolveHosts::Never;
    options
}

/// The step of a lookup, with its answers as `show` writes them.
pub(super) fn step(
    name: &str,
    record_type: RecordType,
    result: &Result<Answer, DnsFault>,
    show: impl Fn(&RData) -> String,
) -> (Action, Option<String>) {
    let action = |followed, answers| Action::Lookup {
        name: name.to_owned(),
        record_type: record_type.to_string(),
        followed,
        answers,
    };
    match result {
        Ok(answer) => {
            (action(some(answer.followed.clone()), some(answer.records.iter().map(show).collect())), None)
        }
        Err(fault) => (action(Vec::new(), Vec::new()), Some(fault.to_string())),
    }
}
