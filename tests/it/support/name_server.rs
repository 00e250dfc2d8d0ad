//! A DNS server for tests, as good or bad as they need it. It writes its messages
//! by itself: a judge must not be the defendant.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

pub(crate) const A: u16 = 1;
pub(crate) const AAAA: u16 = 28;
const CNAME: u16 = 5;

const RESPONSE: u16 = 0x8180;
const TRUNCATED: u16 = 0x0200;

pub(crate) const FORMERR: u16 = 1;
pub(crate) const SERVFAIL: u16 = 2;
pub(crate) const NXDOMAIN: u16 = 3;
pub(crate) const NOTIMP: u16 = 4;
pub(crate) const REFUSED: u16 = 5;

/// How a question is answered.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Addresses(Vec<IpAddr>),
    /// By another name.
    Alias(&'static str, Vec<IpAddr>),
    /// With this code and without records.
    Code(u16),
    /// Not at all.
    Silence,
    /// With bytes that are no message.
    Garbage,
    /// With the id of another question.
    WrongId(Vec<IpAddr>),
    /// To another question.
    WrongQuestion(Vec<IpAddr>),
    /// After a while.
    Late(Duration, Vec<IpAddr>),
    /// With FORMERR to EDNS(0), as old servers do.
    OnlyWithoutEdns(Vec<IpAddr>),
    /// Over UDP in full length, however long.
    Oversized(Vec<IpAddr>),
    /// With several messages, one after the other.
    Several(Vec<Reply>),
}

/// A server on port 53 of an address.
pub(crate) struct NameServer(Arc<State>);

#[derive(Default)]
struct State {
    replies: Mutex<HashMap<(String, u16), Reply>>,
    /// The reply for unknown names.
    other: Mutex<Option<Reply>>,
    asked: Mutex<Vec<Asked>>,
}

/// A question as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) name: String,
    pub(crate) kind: u16,
    pub(crate) by_tcp: bool,
}

struct Query<'a> {
    id: [u8; 2],
    question: &'a [u8],
    asked: Asked,
    has_edns: bool,
}

impl NameServer {
    pub(crate) fn start(address: Ipv4Addr) -> Self {
        let server = Self::start_without_tcp(address);
        let listener = TcpListener::bind((address, 53)).expect("bind port 53 of TCP");
        let state = Arc::clone(&server.0);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&state);
                thread::spawn(move || serve_stream(stream, &state));
            }
        });
        server
    }

    pub(crate) fn start_without_tcp(address: Ipv4Addr) -> Self {
        let socket = UdpSocket::bind((address, 53)).expect("bind port 53 of UDP");
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || serve_datagrams(&Arc::new(socket), &shared));
        Self(state)
    }

    pub(crate) fn set(&self, name: &str, kind: u16, reply: Reply) {
        self.0.replies.lock().unwrap().insert((name.to_owned(), kind), reply);
    }

    /// For all names that are not set; NXDOMAIN unless something is said.
    pub(crate) fn set_other(&self, reply: Reply) {
        *self.0.other.lock().unwrap() = Some(reply);
    }

    /// The questions about a name so far.
    pub(crate) fn asked(&self, name: &str) -> Vec<Asked> {
        let asked = self.0.asked.lock().unwrap();
        asked.iter().filter(|asked| asked.name == name).cloned().collect()
    }

    /// The names of all questions so far, in order.
    pub(crate) fn names_asked(&self) -> Vec<String> {
        self.0.asked.lock().unwrap().iter().map(|asked| asked.name.clone()).collect()
    }
}

impl State {
    fn reply_to(&self, query: &Query<'_>) -> Reply {
        self.asked.lock().unwrap().push(query.asked.clone());
        let key = (query.asked.name.to_ascii_lowercase(), query.asked.kind);
        let found = self.replies.lock().unwrap().get(&key).cloned();
        let other = || self.other.lock().unwrap().clone().unwrap_or(Reply::Code(NXDOMAIN));
        found.unwrap_or_else(other)
    }
}

fn serve_datagrams(socket: &Arc<UdpSocket>, state: &Arc<State>) {
    let mut space = [0; 4096];
    while let Ok((length, client)) = socket.recv_from(&mut space) {
        let (message, socket, state) =
            (space[..length].to_vec(), Arc::clone(socket), Arc::clone(state));
        thread::spawn(move || {
            let query = read(&message, false);
            for answer in answers(&query, &state.reply_to(&query)) {
                let _ = socket.send_to(&answer, client);
            }
        });
    }
}

fn serve_stream(mut stream: TcpStream, state: &State) {
    let mut length = [0; 2];
    stream.read_exact(&mut length).expect("a length");
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).expect("a message");
    let query = read(&message, true);
    for answer in answers(&query, &state.reply_to(&query)) {
        let length = u16::try_from(answer.len()).expect("a message fits");
        let (first, rest) = answer.split_at(answer.len() / 2);
        let _ = stream.write_all(&length.to_be_bytes());
        let _ = stream.write_all(first);
        let _ = stream.write_all(rest);
    }
}

fn read(message: &[u8], by_tcp: bool) -> Query<'_> {
    let mut labels = Vec::new();
    let mut place = 12;
    while message[place] > 0 {
        let end = place + 1 + usize::from(message[place]);
        labels.push(String::from_utf8_lossy(&message[place + 1..end]).into_owned());
        place = end;
    }
    let kind = u16::from_be_bytes([message[place + 1], message[place + 2]]);
    let asked = Asked { name: labels.join("."), kind, by_tcp };
    let question = &message[12..place + 5];
    Query { id: [message[0], message[1]], question, asked, has_edns: message[11] > 0 }
}

fn answers(query: &Query<'_>, reply: &Reply) -> Vec<Vec<u8>> {
    let whole = |addresses: &[IpAddr]| print(query, None, addresses);
    let one = match reply {
        Reply::Addresses(addresses) => shortened(query, whole(addresses)),
        Reply::Alias(name, addresses) => shortened(query, print(query, Some(name), addresses)),
        Reply::Code(code) => with_code(query, *code),
        Reply::Silence => return Vec::new(),
        Reply::Garbage => b"no message".to_vec(),
        Reply::WrongId(addresses) => {
            let mut message = whole(addresses);
            message[0] ^= 0xff;
            message
        }
        Reply::WrongQuestion(addresses) => {
            let mut message = whole(addresses);
            message[13] ^= 0x01;
            message
        }
        Reply::Late(time, addresses) => {
            thread::sleep(*time);
            shortened(query, whole(addresses))
        }
        Reply::OnlyWithoutEdns(_) if query.has_edns => with_code(query, FORMERR),
        Reply::OnlyWithoutEdns(addresses) => shortened(query, whole(addresses)),
        Reply::Oversized(addresses) => whole(addresses),
        Reply::Several(replies) => {
            return replies.iter().flat_map(|reply| answers(query, reply)).collect();
        }
    };
    vec![one]
}

fn with_code(query: &Query<'_>, code: u16) -> Vec<u8> {
    let mut message = print(query, None, &[]);
    message[2..4].copy_from_slice(&(RESPONSE | code).to_be_bytes());
    message
}

/// The message cut to the size of a datagram, with EDNS(0) or without.
fn shortened(query: &Query<'_>, mut message: Vec<u8>) -> Vec<u8> {
    let limit = if query.has_edns { 1232 } else { 512 };
    if !query.asked.by_tcp && message.len() > limit {
        // Some servers cut in the middle of a record.
        message.truncate(limit);
        message[2..4].copy_from_slice(&(RESPONSE | TRUNCATED).to_be_bytes());
        let records = u16::try_from((limit - 12 - query.question.len()) / 16).unwrap();
        message[6..8].copy_from_slice(&records.to_be_bytes());
    }
    message
}

fn print(query: &Query<'_>, alias: Option<&str>, addresses: &[IpAddr]) -> Vec<u8> {
    let count = u16::try_from(addresses.len() + usize::from(alias.is_some())).unwrap();
    let mut message = query.id.to_vec();
    for number in [RESPONSE, 1, count, 0, 0] {
        message.extend(number.to_be_bytes());
    }
    message.extend(query.question);
    let mut owner = vec![0xc0, 12];
    if let Some(alias) = alias {
        let name = wire_name(alias);
        record(&mut message, &owner, CNAME, &name);
        owner = name;
    }
    for address in addresses {
        match address {
            IpAddr::V4(v4) => record(&mut message, &owner, A, &v4.octets()),
            IpAddr::V6(v6) => record(&mut message, &owner, AAAA, &v6.octets()),
        }
    }
    message
}

fn wire_name(name: &str) -> Vec<u8> {
    let label = |label: &str| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat();
    let mut wire: Vec<u8> = name.split('.').flat_map(label).collect();
    wire.push(0);
    wire
}

fn record(message: &mut Vec<u8>, owner: &[u8], kind: u16, data: &[u8]) {
    message.extend(owner);
    message.extend(kind.to_be_bytes());
    message.extend([0, 1, 0, 0, 0, 60]);
    message.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    message.extend(data);
}
