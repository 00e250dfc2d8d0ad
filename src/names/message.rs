//! DNS messages: prints queries, parses responses (RFC 1035 §4.1).
//!
//! **Invariant:** a response counts only if its id and its question are those of
//! the query. Every other message is ignored.
//!
//! A crate parses the wire format. It would parse all sections, but gets only the
//! first two, so a flaw elsewhere costs no answer.

use super::Family;
use super::failure::Cause;
use simple_dns::rdata::{OPT, RData};
use simple_dns::{
    CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE, header_buffer,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Size of UDP responses requested by EDNS(0): it passes everywhere without
/// fragmentation (DNS flag day 2020).
const UDP_ANSWER_BYTES: u16 = 1232;

/// Shortest record: an owner of one byte, type, class, TTL and length.
const RECORD_BYTES_MIN: usize = 11;

/// The byte of the header with the reserved bit, which servers may set.
const RESERVED: (usize, u8) = (3, 0x40);

/// Where the header counts the sections behind the question and the answer.
const ANSWER_COUNT: usize = 6;
const AUTHORITY_COUNT: usize = 8;
const HEADER_BYTES: usize = 12;

/// A question as it was sent.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) id: u16,
    pub(super) name: String,
    pub(super) family: Family,
    /// Whether EDNS(0) was used. Old servers answer it with FORMERR or NOTIMP.
    pub(super) with_edns: bool,
}

/// The meaning of a message for the pending query.
#[derive(Debug)]
pub(super) enum Reading {
    /// It is no answer to the question.
    Foreign,
    /// Addresses; not empty.
    Addresses(Vec<IpAddr>),
    /// Truncated, to be queried over TCP; perhaps with some addresses.
    Truncated(Vec<IpAddr>),
    /// An answer without addresses.
    Failed(Cause),
}

/// Prints a query; `None` for a name that has no wire format.
pub(super) fn query(asked: &Asked) -> Option<Vec<u8>> {
    let mut packet = Packet::new_query(asked.id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(question(asked)?);
    if asked.with_edns {
        let opt = OPT { opt_codes: Vec::new(), udp_packet_size: UDP_ANSWER_BYTES, version: 0 };
        *packet.opt_mut() = Some(opt);
    }
    packet.build_bytes_vec().ok()
}

/// Reads a message that came from the server that was asked.
pub(super) fn read(message: &[u8], asked: &Asked) -> Reading {
    let is_answer = header_buffer::id(message).is_ok_and(|id| id == asked.id)
        && has_flag(message, PacketFlag::RESPONSE);
    if !is_answer {
        return Reading::Foreign;
    }
    let Ok(code) = header_buffer::rcode(message) else { return Reading::Foreign };
    let is_error = !matches!(code, RCODE::NoError | RCODE::NameError);
    match header_buffer::questions(message) {
        Ok(1) if repeats(message, asked) => {}
        // Servers that do not understand a question do not repeat it.
        Ok(0) if is_error => {}
        _ => return Reading::Foreign,
    }
    let found = addresses(message, asked.family);
    if has_flag(message, PacketFlag::TRUNCATION) {
        return Reading::Truncated(found.unwrap_or_default());
    }
    match (code, found) {
        (RCODE::NameError, _) => Reading::Failed(Cause::NoSuchHost),
        _ if is_error => Reading::Failed(Cause::Server(code)),
        (_, None) => Reading::Failed(Cause::Malformed),
        (_, Some(found)) if !found.is_empty() => Reading::Addresses(found),
        _ if is_referral(message) => Reading::Failed(Cause::Referral),
        _ => Reading::Failed(Cause::NoAddress(asked.family)),
    }
}

fn question(asked: &Asked) -> Option<Question<'_>> {
    let kind = match asked.family {
        Family::V4 => TYPE::A,
        Family::V6 => TYPE::AAAA,
    };
    let name = Name::new(&asked.name).ok()?;
    Some(Question::new(name, QTYPE::TYPE(kind), QCLASS::CLASS(CLASS::IN), false))
}

fn has_flag(message: &[u8], flag: PacketFlag) -> bool {
    header_buffer::has_flags(message, flag).unwrap_or_default()
}

/// Whether the message has the question that was asked; names are compared
/// without case (RFC 4343).
fn repeats(message: &[u8], asked: &Asked) -> bool {
    let Some(message) = cut(message, ANSWER_COUNT) else { return false };
    let Ok(packet) = Packet::parse(&message) else { return false };
    let ([found], Some(expected)) = (packet.questions.as_slice(), question(asked)) else {
        return false;
    };
    found.qname == expected.qname
        && found.qtype == expected.qtype
        && found.qclass == expected.qclass
}

/// The addresses of the response, with any owner name: servers follow aliases
/// (CNAME) for us. `None` if the answer cannot be parsed.
fn addresses(message: &[u8], family: Family) -> Option<Vec<IpAddr>> {
    let count = usize::from(header_buffer::answers(message).ok()?);
    // The crate makes room for as many records as the header announces.
    if count * RECORD_BYTES_MIN > message.len() {
        return None;
    }
    let message = cut(message, AUTHORITY_COUNT)?;
    let packet = Packet::parse(&message).ok()?;
    let records = packet.answers.iter().filter(|record| record.class == CLASS::IN);
    let address = |data: &RData<'_>| match (data, family) {
        (RData::A(a), Family::V4) => Some(IpAddr::V4(Ipv4Addr::from(a.address))),
        (RData::AAAA(aaaa), Family::V6) => Some(IpAddr::V6(Ipv6Addr::from(aaaa.address))),
        _ => None,
    };
    Some(records.filter_map(|record| address(&record.rdata)).collect())
}

/// A server that neither knows the name nor would ask others for us.
fn is_referral(message: &[u8]) -> bool {
    !has_flag(message, PacketFlag::AUTHORITATIVE_ANSWER)
        && !has_flag(message, PacketFlag::RECURSION_AVAILABLE)
}

/// The message without the sections that are counted from `first_count` on.
fn cut(message: &[u8], first_count: usize) -> Option<Vec<u8>> {
    let mut message = message.to_vec();
    message.get_mut(first_count..HEADER_BYTES)?.fill(0);
    let (place, bit) = RESERVED;
    *message.get_mut(place)? &= !bit;
    Some(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use simple_dns::ResourceRecord;
    use simple_dns::rdata::{A, AAAA, CNAME};

    fn asked(family: Family) -> Asked {
        Asked { id: 7, name: "web.example".into(), family, with_edns: true }
    }

    /// An answer to `asked`, changed by `change`.
    fn answer(asked: &Asked, change: impl FnOnce(&mut Packet<'_>)) -> Vec<u8> {
        let mut packet = Packet::new_reply(asked.id);
        packet.set_flags(PacketFlag::RECURSION_AVAILABLE);
        packet.questions.push(question(asked).unwrap());
        change(&mut packet);
        packet.build_bytes_vec_compressed().unwrap()
    }

    fn record(name: &'static str, data: RData<'static>) -> ResourceRecord<'static> {
        ResourceRecord::new(Name::new_unchecked(name), CLASS::IN, 60, data)
    }

    fn check(message: &[u8], asked: &Asked, expected: &str) {
        let shown = match read(message, asked) {
            Reading::Foreign => "foreign".to_owned(),
            Reading::Addresses(found) => format!("{found:?}"),
            Reading::Truncated(found) => format!("truncated {found:?}"),
            Reading::Failed(cause) => cause.to_string(),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_query_asks_one_question_and_wants_recursion() {
        for (family, kind) in [(Family::V4, TYPE::A), (Family::V6, TYPE::AAAA)] {
            let bytes = query(&asked(family)).unwrap();
            let packet = Packet::parse(&bytes).unwrap();
            assert_eq!(packet.id(), 7);
            assert!(packet.has_flags(PacketFlag::RECURSION_DESIRED));
            assert_eq!(packet.questions[0].qname.to_string(), "web.example");
            assert_eq!(packet.questions[0].qtype, QTYPE::TYPE(kind));
            assert_eq!(packet.opt().unwrap().udp_packet_size, UDP_ANSWER_BYTES);
        }
        let name = vec!["a".repeat(63); 5].join(".");
        assert!(query(&Asked { name, ..asked(Family::V4) }).is_none());
    }

    #[test]
    fn addresses_of_the_family_that_was_asked_for_are_read() {
        let (v4, v6) = (asked(Family::V4), asked(Family::V6));
        let both = |packet: &mut Packet<'_>| {
            packet
                .answers
                .push(record("web.example", RData::CNAME(CNAME("x.example".try_into().unwrap()))));
            packet.answers.push(record("x.example", RData::A(A { address: 0x0a00_0001 })));
            packet.answers.push(record("x.example", RData::AAAA(AAAA { address: 1 })));
        };
        check(&answer(&v4, both), &v4, "[10.0.0.1]");
        check(&answer(&v6, both), &v6, "[::1]");
        let mut reserved = answer(&v4, both);
        reserved[3] |= 0x40;
        check(&reserved, &v4, "[10.0.0.1]");
        let upper = Asked { name: "WEB.example".into(), ..asked(Family::V4) };
        check(&answer(&v4, both), &upper, "[10.0.0.1]");
    }

    #[test]
    fn a_message_that_answers_something_else_is_foreign() {
        let v4 = asked(Family::V4);
        let good = answer(&v4, |_| {});
        check(&good, &Asked { id: 8, ..v4.clone() }, "foreign");
        check(&good, &Asked { name: "web.example.org".into(), ..v4.clone() }, "foreign");
        check(&good, &asked(Family::V6), "foreign");
        check(&query(&v4).unwrap(), &v4, "foreign");
        check(&answer(&v4, |packet| packet.questions.clear()), &v4, "foreign");
        check(
            &answer(&v4, |packet| packet.questions.push(packet.questions[0].clone())),
            &v4,
            "foreign",
        );
        check(b"", &v4, "foreign");
        check(&good[..11], &v4, "foreign");
    }

    #[test]
    fn an_answer_without_addresses_says_why() {
        let v4 = asked(Family::V4);
        let code = |code| answer(&v4, |packet| *packet.rcode_mut() = code);
        check(&code(RCODE::NameError), &v4, "no such host");
        check(&code(RCODE::ServerFailure), &v4, "server error: SERVFAIL");
        check(&code(RCODE::NotImplemented), &v4, "server error: NOTIMP");
        check(&code(RCODE::Refused), &v4, "server error: REFUSED");
        check(&code(RCODE::NoError), &v4, "the name has no IPv4 address");
        let bare = |packet: &mut Packet<'_>| {
            packet.questions.clear();
            *packet.rcode_mut() = RCODE::FormatError;
        };
        check(&answer(&v4, bare), &v4, "server error: FORMERR");
        let referral =
            |packet: &mut Packet<'_>| packet.remove_flags(PacketFlag::RECURSION_AVAILABLE);
        check(&answer(&v4, referral), &v4, "the server does not offer recursive lookups");
    }

    #[test]
    fn a_truncated_answer_keeps_the_addresses_that_it_has() {
        let v4 = asked(Family::V4);
        let cut = |packet: &mut Packet<'_>| {
            packet.set_flags(PacketFlag::TRUNCATION);
            packet.answers.push(record("web.example", RData::A(A { address: 1 })));
        };
        let whole = answer(&v4, cut);
        check(&whole, &v4, "truncated [0.0.0.1]");
        check(&whole[..whole.len() - 2], &v4, "truncated []");
    }

    #[test]
    fn announced_records_that_never_come_are_malformed() {
        let v4 = asked(Family::V4);
        let mut message = answer(&v4, |_| {});
        message[6..8].fill(0xff);
        check(&message, &v4, "malformed response");
    }

    #[test]
    fn flaws_behind_the_answer_do_not_matter() {
        let v4 = asked(Family::V4);
        let mut message = answer(&v4, |packet| {
            packet.answers.push(record("web.example", RData::A(A { address: 1 })));
        });
        message[8..12].fill(0xff);
        message.extend([0xc0, 0xff]);
        check(&message, &v4, "[0.0.0.1]");
    }

    #[test]
    fn a_long_chain_of_pointers_ends() {
        let v4 = asked(Family::V4);
        let mut message = answer(&v4, |_| {});
        // A record of a private type whose data is pointers, each to the last one.
        let (chain, links) = (u16::try_from(message.len() + 11).unwrap(), 8000);
        message.extend([0, 0xff, 0xf0, 0, 1, 0, 0, 0, 0]);
        message.extend((2 * links + 1_u16).to_be_bytes());
        message.push(0);
        let pointer = |link: u16| 0xc000 | (chain + if link == 0 { 0 } else { 2 * link - 1 });
        message.extend((0..links).flat_map(|link| pointer(link).to_be_bytes()));
        for _ in 0..500 {
            message.extend(pointer(links).to_be_bytes());
            message.extend([0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 10, 0, 0, 1]);
        }
        message[6..8].copy_from_slice(&501_u16.to_be_bytes());
        let started = std::time::Instant::now();
        assert!(matches!(read(&message, &v4), Reading::Addresses(found) if found.len() == 500));
        assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
    }

    #[test]
    fn no_message_makes_the_reader_panic() {
        let v4 = asked(Family::V4);
        let whole = answer(&v4, |packet| {
            packet
                .answers
                .push(record("web.example", RData::CNAME(CNAME("x.example".try_into().unwrap()))));
            packet.answers.push(record("x.example", RData::A(A { address: 1 })));
        });
        for length in 0..whole.len() {
            let _ = read(&whole[..length], &v4);
        }
        for place in 2..whole.len() {
            for value in 0..=u8::MAX {
                let mut message = whole.clone();
                message[place] = value;
                let _ = read(&message, &v4);
            }
        }
        // Pointers (RFC 1035 §4.1.4) to themselves, forwards and in chains.
        let owner = whole.len() - 16;
        for pointer in 0..=u16::try_from(whole.len()).unwrap() {
            let mut message = whole.clone();
            message[owner..owner + 2].copy_from_slice(&(0xc000 | pointer).to_be_bytes());
            let _ = read(&message, &v4);
        }
    }
}
