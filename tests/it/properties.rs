//! Properties of the HTTP layer for messages that are built, not mutated: all
//! spellings of a message have one meaning, and are forwarded in one spelling.
//!
//! The fuzz targets ask the same of arbitrary bytes; here most inputs are valid,
//! so that acceptance is tested as hard as refusal.

use proptest::prelude::*;
use socket_proxy::filter::{
    BodyRules, ClientAllowlist, InForce, Policy, Rules, Source, Standing, TargetRules, Verdict,
    judge,
};
use socket_proxy::http1::chunked::{Decoder, Split};
use socket_proxy::http1::{BodyReader, Encoding, FieldStorage, HeadScan, Method, Request, Target};
use std::fmt::Write as _;

proptest! {
    /// All percent-encodings of a path are forwarded in one spelling.
    #[test]
    fn every_spelling_of_a_path_is_sent_alike(path in path(), escapes in any::<u64>()) {
        let spelling = spell(&path, escapes);
        let target = Target::parse(&spelling, Method::Get).expect(&spelling);
        prop_assert_eq!(target.path(), &path);
        let plain = spell(&path, 0);
        let canonical = Target::parse(&plain, Method::Get).expect(&plain).to_string();
        prop_assert_eq!(target.to_string(), canonical);
    }

    /// An empty segment is refused, or noted if both slashes are written plainly.
    #[test]
    fn no_spelling_of_an_empty_segment_is_forwarded(
        before in path(), after in path(), escapes in any::<u64>(),
    ) {
        let spelling = spell(&format!("{before}/{after}"), escapes);
        match Target::parse(&spelling, Method::Get) {
            Err(_) => prop_assert!(!spelling.contains("//"), "{}", spelling),
            Ok(target) => {
                prop_assert!(target.had_doubled_slashes(), "{}", spelling);
                prop_assert_eq!(target.path(), format!("{before}{after}"));
            }
        }
    }

    /// A path with a `.` or `..` segment is refused in every spelling.
    #[test]
    fn no_spelling_of_a_dot_segment_is_accepted(
        before in path(), dots in prop::sample::select(vec!["/.", "/.."]), after in path(),
        escapes in any::<u64>(),
    ) {
        let spelling = spell(&format!("{before}{dots}{after}"), escapes);
        prop_assert!(Target::parse(&spelling, Method::Get).is_err(), "{}", spelling);
    }

    /// A head is found and means the same, however its lines are written.
    #[test]
    fn every_spelling_of_a_request_is_sent_alike(
        path in path(), fields in prop::collection::vec(field(), 0..6), spaces in 0_usize..3,
        upper in any::<bool>(),
    ) {
        let target = spell(&path, 0);
        let line = format!("POST {target} HTTP/1.1\r\n");
        let write = |host: &str, spaces: usize, upper: bool| {
            let mut head = format!("{line}Host:{host}\r\n");
            for (name, value) in &fields {
                let name = if upper { name.to_ascii_uppercase() } else { name.clone() };
                let blank = " ".repeat(spaces);
                let _ = write!(head, "{name}:{blank}{value}{blank}\r\n");
            }
            head + "Content-Length: 5\r\n\r\n"
        };
        let one = sent(&write(" a", 1, false));
        let other = sent(&write("\tb:80 ", spaces, upper));
        prop_assert_eq!(one.to_ascii_lowercase(), other.to_ascii_lowercase());
        prop_assert_eq!(sent(&one), one, "printing is a fixed point");
    }

    /// A head without framing means the same with any line endings.
    #[test]
    fn every_end_of_a_line_is_read_alike(
        path in path(), fields in prop::collection::vec(field(), 0..6), bare in any::<u16>(),
    ) {
        let mut lines = vec![format!("POST {} HTTP/1.1", spell(&path, 0)), "Host: a".to_owned()];
        lines.extend(fields.iter().map(|(name, value)| format!("{name}: {value}")));
        lines.push(String::new());
        let ended = |(at, line): (usize, &String)| {
            format!("{line}{}", if bare >> at & 1 == 1 { "\n" } else { "\r\n" })
        };
        let head: String = lines.iter().enumerate().map(ended).collect();
        prop_assert_eq!(sent(&head), sent(&(lines.join("\r\n") + "\r\n")));
    }

    /// However a body is cut into chunks and pieces, it comes out as it was.
    #[test]
    fn a_chunked_body_comes_out_as_it_was(
        body in prop::collection::vec(any::<u8>(), 0..400), chunk_bytes in 1_usize..50,
        piece_bytes in 1_usize..60, extension in "(;[a-z]{1,9}(=[a-z]{1,9})?)?",
        trailer in "(X-[A-Z]: [a-z]{0,9}\r\n)?",
    ) {
        let mut wire = Vec::new();
        for chunk in body.chunks(chunk_bytes) {
            wire.extend(format!("{:x}{extension}\r\n", chunk.len()).bytes());
            wire.extend(chunk.iter().chain(b"\r\n"));
        }
        wire.extend(format!("0{extension}\r\n{trailer}\r\n").bytes());
        let behind = wire.len();
        wire.extend(b"GET / HTTP/1.1\r\n");
        let (decoded, consumed) = decode(&wire, piece_bytes);
        prop_assert_eq!(decoded, body);
        prop_assert_eq!(consumed, behind, "what stands behind the body is left");
    }

    /// However chunks arrive, each is sent on alone: as it was, or in parts where it
    /// may be split.
    #[test]
    fn chunks_are_sent_on_as_they_were_or_in_parts(
        sizes in prop::collection::vec(prop_oneof![1_usize..40, 500_usize..3000, 32_700_usize..40_000], 0..8),
        pieces in prop::collection::vec(1_usize..5000, 1..20), zeros in 0_usize..3,
        whole in any::<bool>(),
    ) {
        let chunks: Vec<Vec<u8>> = (0_u8..).zip(&sizes).map(|(at, size)| vec![b'a' + at; *size]).collect();
        let mut wire = Vec::new();
        for chunk in &chunks {
            wire.extend(format!("{}{:X};x=y\r\n", "0".repeat(zeros), chunk.len()).bytes());
            wire.extend(chunk.iter().chain(b"\r\n"));
        }
        wire.extend(b"0\r\nX-T: 1\r\n\r\n");
        let split = if whole { Split::LargeOnly } else { Split::Anywhere };
        let sent = rechunk(&wire, &pieces, split);
        let mut parts = sent.iter();
        for chunk in chunks {
            let mut rest = chunk.as_slice();
            while !rest.is_empty() {
                let part = parts.next().expect("the whole body");
                prop_assert!(rest.starts_with(part), "two chunks became one");
                prop_assert!(!whole || chunk.len() >= 32 * 1024 || part.len() == chunk.len());
                rest = &rest[part.len()..];
            }
        }
        prop_assert!(parts.next().is_none());
    }

    /// A body cut off anywhere is not done.
    #[test]
    fn a_chunked_body_cut_off_is_not_done(
        body in prop::collection::vec(any::<u8>(), 1..40), cut in any::<prop::sample::Index>(),
    ) {
        let mut wire = format!("{:x}\r\n", body.len()).into_bytes();
        wire.extend(body.iter().chain(b"\r\n0\r\n\r\n"));
        wire.truncate(cut.index(wire.len()));
        let mut reader = BodyReader::Chunked(Decoder::default());
        prop_assert!(reader.decode(&mut wire).is_ok());
        prop_assert!(!reader.is_done());
    }
}

/// A path in normal form: segments of printable characters, none of them dots.
fn path() -> impl Strategy<Value = String> {
    let segment = "[a-zA-Z0-9._~!$&'()*+,;=:@ \"<>?#^`{|}\u{e9}\u{4e2d}\u{1f433}\\[\\]-]{1,8}"
        .prop_filter("dots", |segment| !matches!(&**segment, "." | ".."));
    prop::collection::vec(segment, 1..5).prop_map(|segments| format!("/{}", segments.join("/")))
}

/// An end-to-end field; the value has no white space around it.
fn field() -> impl Strategy<Value = (String, String)> {
    ("X-[A-Za-z0-9]{1,8}", "([!-~]([ -~]{0,20}[!-~])?)?")
}

/// Escapes all bytes that need it, and others as the bits of `escapes` select; never
/// the first slash, which makes it a path.
fn spell(path: &str, escapes: u64) -> String {
    let mut spelling = String::new();
    for (at, byte) in path.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte);
        let chosen = at > 0 && escapes.rotate_right(u32::try_from(at % 64).unwrap_or(0)) & 1 == 1;
        if plain && !chosen {
            spelling.push(char::from(byte));
        } else if escapes & 2 == 0 {
            let _ = write!(spelling, "%{byte:02X}");
        } else {
            let _ = write!(spelling, "%{byte:02x}");
        }
    }
    spelling
}

/// The head that is forwarded to the daemon if everything is allowed.
fn sent(head: &str) -> String {
    let found = HeadScan::of_request().find_end(head.as_bytes());
    assert_eq!(found, Ok(Some(head.len())), "{head:?}");
    let mut storage = FieldStorage::new();
    let request = Request::parse(head.as_bytes(), &mut storage).expect(head);
    let rules = Rules::compile([(Method::Post, ".*".to_owned())]).expect("a plain pattern");
    let policy = Policy::new(
        Source::default(),
        ClientAllowlist::default(),
        rules,
        BodyRules::default(),
        TargetRules::default(),
    );
    let Verdict::Allowed(permit) = judge(
        InForce { policy: &policy, listener: &policy, learning: None },
        &request,
        Standing::Admitted,
    ) else {
        panic!("denied: {head:?}");
    };
    let mut printed = Vec::new();
    permit.print(&mut printed);
    String::from_utf8(printed).expect("ASCII")
}

fn decode(wire: &[u8], piece_bytes: usize) -> (Vec<u8>, usize) {
    let mut reader = BodyReader::Chunked(Decoder::default());
    let (mut body, mut consumed) = (Vec::new(), 0);
    for piece in wire.chunks(piece_bytes) {
        let mut piece = piece.to_vec();
        let decoded = reader.decode(&mut piece).expect("a legal body");
        body.extend_from_slice(&piece[decoded.data]);
        consumed += decoded.consumed;
        if reader.is_done() {
            break;
        }
    }
    assert!(reader.is_done(), "the end was not found");
    (body, consumed)
}

/// The chunks in which a flow sends a body on that arrives in these pieces.
fn rechunk(wire: &[u8], pieces: &[usize], split: Split) -> Vec<Vec<u8>> {
    let mut reader = BodyReader::Chunked(Decoder::default());
    let (mut waiting, mut sent) = (Vec::new(), Vec::new());
    let mut arrived = 0;
    for piece in pieces.iter().cycle() {
        let end = (arrived + piece).min(wire.len());
        waiting.extend_from_slice(&wire[arrived..end]);
        arrived = end;
        let chunks = reader.rechunk(&mut waiting, split).expect("a legal body");
        Encoding::Chunked.print_before(chunks.first_bytes, &mut sent);
        sent.extend_from_slice(&waiting[chunks.printed]);
        sent.extend_from_slice(Encoding::Chunked.after(chunks.first_bytes > 0, reader.is_done()));
        waiting.drain(..chunks.consumed);
        if reader.is_done() {
            break;
        }
    }
    cut(&sent)
}

/// The data of the chunks of a canonical body.
fn cut(mut body: &[u8]) -> Vec<Vec<u8>> {
    let mut chunks = Vec::new();
    loop {
        let line = body.windows(2).position(|at| at == b"\r\n").expect("a size line");
        let digits = std::str::from_utf8(&body[..line]).expect("digits");
        let size = usize::from_str_radix(digits, 16).expect("a size");
        let data = &body[line + 2..][..size];
        assert_eq!(&body[line + 2 + size..][..2], b"\r\n");
        body = &body[line + 4 + size..];
        if size == 0 {
            assert!(body.is_empty());
            return chunks;
        }
        chunks.push(data.to_vec());
    }
}
