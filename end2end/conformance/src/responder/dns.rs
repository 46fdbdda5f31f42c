//! An authoritative DNS server for every name: all lead to 127.0.0.1 unless a row says otherwise.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::proto::op::{Header, HeaderCounts, Metadata, ResponseCode};
use hickory_server::proto::rr::rdata::{A, AAAA, CAA, TXT};
use hickory_server::proto::rr::{Name, RData, Record, RecordType};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use tokio::net::{TcpListener, UdpSocket};

/// How a name fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// NXDOMAIN.
    NoSuchName,
    /// SERVFAIL.
    Broken,
}

#[derive(Debug, Default)]
struct Zone {
    addresses: HashMap<String, Vec<IpAddr>>,
    txt: HashMap<String, Vec<String>>,
    /// Issuer domains of `issue` records.
    caa: HashMap<String, Vec<String>>,
    faults: HashMap<String, Fault>,
}

/// The server. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Dns {
    zone: Arc<Mutex<Zone>>,
}

impl Dns {
    pub(super) async fn start(port: u16) -> io::Result<Self> {
        let dns = Self { zone: Arc::default() };
        let mut server = Server::new(dns.clone());
        server.register_socket(UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).await?);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        server.register_listener(listener, Duration::from_secs(5), 16);
        tokio::spawn(async move { server.block_until_done().await });
        Ok(dns)
    }

    /// Makes a name lead to these addresses.
    pub fn set_addresses(&self, name: &str, addresses: &[IpAddr]) {
        self.zone().addresses.insert(name.to_ascii_lowercase(), addresses.to_vec());
    }

    pub fn add_txt(&self, name: &str, text: &str) {
        self.zone().txt.entry(name.to_ascii_lowercase()).or_default().push(text.to_owned());
    }

    /// Lets only this CA issue for a name and what is below it (RFC 8659 §4.2).
    pub fn set_caa(&self, name: &str, issuer: &str) {
        self.zone().caa.insert(name.to_ascii_lowercase(), vec![issuer.to_owned()]);
    }

    /// Makes every query for a name, and for what is below it, fail.
    pub fn set_fault(&self, name: &str, fault: Fault) {
        self.zone().faults.insert(name.to_ascii_lowercase(), fault);
    }

    fn zone(&self) -> MutexGuard<'_, Zone> {
        self.zone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, name: &Name, kind: RecordType) -> Result<Vec<Record>, ResponseCode> {
        let text = name.to_ascii().trim_end_matches('.').to_ascii_lowercase();
        let zone = self.zone();
        let below = |of: &str| text == of || text.ends_with(&format!(".{of}"));
        if let Some((_, fault)) = zone.faults.iter().find(|(name, _)| below(name)) {
            return Err(match fault {
                Fault::NoSuchName => ResponseCode::NXDomain,
                Fault::Broken => ResponseCode::ServFail,
            });
        }
        let localhost = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
        let addresses = zone.addresses.get(&text).unwrap_or(&localhost);
        let data: Vec<RData> = match kind {
            RecordType::A => addresses
                .iter()
                .filter_map(|ip| match ip {
                    IpAddr::V4(ip) => Some(RData::A(A(*ip))),
                    IpAddr::V6(_) => None,
                })
                .collect(),
            RecordType::AAAA => addresses
                .iter()
                .filter_map(|ip| match ip {
                    IpAddr::V6(ip) => Some(RData::AAAA(AAAA(*ip))),
                    IpAddr::V4(_) => None,
                })
                .collect(),
            RecordType::TXT => {
                let texts = zone.txt.get(&text).map(Vec::as_slice).unwrap_or_default();
                texts.iter().map(|text| RData::TXT(TXT::new(vec![text.clone()]))).collect()
            }
            RecordType::CAA => {
                let issuers = zone.caa.get(&text).map(Vec::as_slice).unwrap_or_default();
                let issue = |issuer: &String| {
                    Some(RData::CAA(CAA::new_issue(false, Some(Name::from_ascii(issuer).ok()?), Vec::new())))
                };
                issuers.iter().filter_map(issue).collect()
            }
            _ => Vec::new(),
        };
        Ok(data.into_iter().map(|data| Record::from_rdata(name.clone(), 0, data)).collect())
    }
}

#[async_trait::async_trait]
impl RequestHandler for Dns {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut response: R,
    ) -> ResponseInfo {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.authoritative = true;
        metadata.recursion_available = true;
        let records = match request.queries.queries() {
            [query] => self.answer(query.original().name(), query.query_type()),
            _ => Err(ResponseCode::FormErr),
        };
        let records = records.unwrap_or_else(|code| {
            metadata.response_code = code;
            Vec::new()
        });
        let message =
            MessageResponseBuilder::from_message_request(request).build(metadata, &records, [], [], []);
        match response.send_response(message).await {
            Ok(info) => info,
            // Nobody is there any more to be answered.
            Err(_) => Header { metadata, counts: HeaderCounts::default() }.into(),
        }
    }
}
