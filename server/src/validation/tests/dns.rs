use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_resolver::net::runtime::Time;
use hickory_resolver::net::xfer::Protocol;
use hickory_resolver::proto::op::{Metadata, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CAA, CNAME, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_server::Server;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use tokio::net::{TcpListener, UdpSocket};

/// A resolver that knows what the test told it; anything else does not exist.
pub(super) struct DnsServer {
    pub(super) address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    _server: Server<Handler>,
}

#[derive(Default)]
struct Zone {
    records: HashMap<(String, RecordType), Vec<RData>>,
    /// Answers of later questions, first come first served.
    later: HashMap<(String, RecordType), Vec<RData>>,
    behaviours: HashMap<String, Behaviour>,
    /// Leaves it to the client to follow aliases.
    aliases_alone: bool,
    asked: Vec<String>,
}

#[derive(Clone, Copy)]
pub(super) enum Behaviour {
    Fail(ResponseCode),
    Silent,
    /// Says over UDP that the answer does not fit.
    TcpOnly,
}

impl DnsServer {
    pub(super) async fn start() -> Self {
        let (udp, tcp) = loop {
            let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
            // Somebody else may have the UDP port of that number.
            if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().unwrap();
        let zone = Arc::new(Mutex::new(Zone::default()));
        let mut server = Server::new(Handler(Arc::clone(&zone)));
        server.register_socket(udp);
        server.register_listener(tcp, Duration::from_secs(5), 16);
        Self { address, zone, _server: server }
    }

    fn add(&self, name: &str, record: RData) {
        let key = (name.to_owned(), record.record_type());
        self.zone.lock().unwrap().records.entry(key).or_default().push(record);
    }

    /// An A or AAAA record.
    pub(super) fn address(&self, name: &str, address: &str) {
        self.add(name, address_record(address));
    }

    /// The address that every question after the next one is answered with.
    pub(super) fn address_later(&self, name: &str, address: &str) {
        let record = address_record(address);
        self.zone.lock().unwrap().later.insert((name.to_owned(), record.record_type()), vec![record]);
    }

    pub(super) fn txt(&self, name: &str, strings: &[&str]) {
        self.add(name, RData::TXT(TXT::new(strings.iter().map(|s| (*s).to_owned()).collect())));
    }

    pub(super) fn remove(&self, name: &str) {
        self.zone.lock().unwrap().records.retain(|(n, _), _| n != name);
    }

    pub(super) fn alias(&self, name: &str, target: &str) {
        self.add(name, RData::CNAME(CNAME(fqdn(target))));
    }

    pub(super) fn caa(&self, name: &str, flags: u8, tag: &str, value: &str) {
        let mut caa = CAA::new_issue(flags & 0x80 != 0, None, Vec::new());
        caa.tag = tag.to_owned();
        caa.value = value.as_bytes().to_vec();
        self.add(name, RData::CAA(caa));
    }

    pub(super) fn behave(&self, name: &str, behaviour: Behaviour) {
        self.zone.lock().unwrap().behaviours.insert(name.to_owned(), behaviour);
    }

    pub(super) fn answer_aliases_alone(&self) {
        self.zone.lock().unwrap().aliases_alone = true;
    }

    /// The questions so far, as "udp A a.test".
    pub(super) fn asked(&self) -> Vec<String> {
        self.zone.lock().unwrap().asked.clone()
    }
}

fn address_record(address: &str) -> RData {
    match address.parse().unwrap() {
        std::net::IpAddr::V4(address) => RData::A(A(address)),
        std::net::IpAddr::V6(address) => RData::AAAA(AAAA(address)),
    }
}

fn fqdn(name: &str) -> Name {
    Name::from_ascii(format!("{name}.")).unwrap()
}

struct Handler(Arc<Mutex<Zone>>);

enum Reply {
    Nothing,
    Code(ResponseCode),
    Truncated,
    Records(Vec<Record>),
}

impl Handler {
    fn reply(&self, name: &str, record_type: RecordType, protocol: Protocol) -> Reply {
        let mut zone = self.0.lock().unwrap();
        zone.asked.push(format!("{protocol} {record_type} {name}").to_lowercase());
        match zone.behaviours.get(name) {
            Some(Behaviour::Silent) => return Reply::Nothing,
            Some(Behaviour::Fail(code)) => return Reply::Code(*code),
            Some(Behaviour::TcpOnly) if protocol == Protocol::Udp => return Reply::Truncated,
            _ => {}
        }
        let mut name = name.to_owned();
        let mut answers = Vec::new();
        // As resolvers do, aliases are answered along with what they lead to.
        while let Some([RData::CNAME(target)]) =
            zone.records.get(&(name.clone(), RecordType::CNAME)).map(Vec::as_slice)
        {
            answers.push(Record::from_rdata(fqdn(&name), 3600, RData::CNAME(target.clone())));
            if zone.aliases_alone || record_type == RecordType::CNAME {
                return Reply::Records(answers);
            }
            name = target.to_string().trim_end_matches('.').to_owned();
            if answers.len() > 20 {
                return Reply::Code(ResponseCode::ServFail);
            }
        }
        let key = (name.clone(), record_type);
        let found = zone.records.get(&key).cloned().unwrap_or_default();
        if let Some(later) = zone.later.remove(&key) {
            zone.records.insert(key, later);
        }
        answers.extend(found.into_iter().map(|data| Record::from_rdata(fqdn(&name), 3600, data)));
        let exists = zone.records.keys().any(|(n, _)| *n == name || n.ends_with(&format!(".{name}")));
        match answers.is_empty() && !exists {
            true => Reply::Code(ResponseCode::NXDomain),
            false => Reply::Records(answers),
        }
    }
}

#[async_trait::async_trait]
impl RequestHandler for Handler {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut response: R,
    ) -> ResponseInfo {
        let info = request.request_info().unwrap();
        let name = info.query.name().to_string().trim_end_matches('.').to_owned();
        let reply = self.reply(&name, info.query.query_type(), info.protocol);
        let mut metadata = Metadata::response_from_request(info.metadata);
        metadata.recursion_available = true;
        let mut answers = Vec::new();
        match reply {
            Reply::Nothing => return std::future::pending().await,
            Reply::Code(code) => metadata.response_code = code,
            Reply::Truncated => metadata.truncation = true,
            Reply::Records(records) => answers = records,
        }
        let message = MessageResponseBuilder::from_message_request(request).build(
            metadata,
            answers.iter(),
            [].iter(),
            [].iter(),
            [].iter(),
        );
        response.send_response(message).await.unwrap()
    }
}
