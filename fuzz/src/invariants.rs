//! Invariants that must hold for any bytes; the documentation of each function begins
//! with its invariant in one sentence, and the function panics where it does not hold.
//!
//! Printed messages are also read by the strict reader of the tests, which
//! shares no code with the crate.

use super::strict;
use socket_proxy::filter::bodies::{Exceptions, LabelGuard, SafeCreate};
use socket_proxy::filter::{
    BindMounts, BodyRules, ClientAllowlist, InForce, Policy, Rules, Source, Standing, TargetRules,
    Verdict, go_regexp, judge,
};
use socket_proxy::http1::chunked::{Decoder, Split};
use socket_proxy::http1::{
    Asked, BodyReader, Encoding, Error, FIELDS_MAX, FieldStorage, HEAD_BYTES_MAX, HeadScan, Method,
    Request, Response, Takeover, Target, Upgrade, Version,
};
use socket_proxy::json::Tree;
use std::sync::LazyLock;

/// Any bytes are refused, or become one request that prints the same for ever,
/// however they arrive.
pub fn request_head(data: &[u8]) {
    let Ok(Some(head_bytes)) = scanned_alike(&HeadScan::of_request(), data) else { return };
    let head = &data[..head_bytes];
    let Some(printed) = print_request(head).filter(|printed| has_room(printed)) else { return };
    let again = print_request(&printed).expect("a printed request is accepted");
    assert_eq!(shown(&again), shown(&printed), "printing is a fixed point");
    let read = strict::read_request_head(&printed).expect("a printed request is strict");
    let (_, _, used) = read.expect("a printed request is whole");
    assert_eq!(used, printed.len(), "nothing stands behind a printed request");
}

/// Any bytes are refused, or become one response that prints the same for ever.
pub fn response_head(data: &[u8]) {
    let Ok(Some(head_bytes)) = scanned_alike(&HeadScan::default(), data) else { return };
    let upgrades = [Upgrade::Tcp, Upgrade::H2c].map(Takeover::Upgrade);
    let asked = [Takeover::Never, Takeover::Hijack]
        .into_iter()
        .chain(upgrades)
        .flat_map(|takeover| [false, true].map(|head| Asked { head, takeover }));
    for asked in asked {
        for version in [Version::Http10, Version::Http11] {
            check_response(&data[..head_bytes], asked, version);
        }
    }
}

/// Any bytes are refused, or become a JSON value whose print is read as the same value,
/// by this reader and by another.
pub fn json(data: &[u8]) {
    let Ok(tree) = Tree::parse(data) else { return };
    let mut printed = String::new();
    tree.print(&mut printed);
    let again = Tree::parse(printed.as_bytes()).expect("a printed value is accepted");
    assert_eq!(again, tree, "{printed}");
    let read = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes);
    let value = read(data).expect("an accepted value is JSON to others, too");
    assert_eq!(read(printed.as_bytes()).expect("a printed value is JSON"), value, "{printed}");
}

/// Any body is refused by the rules, or becomes one that they pass unchanged.
pub fn body(data: &[u8]) {
    for path in JUDGED_PATHS {
        let judge = |body: &[u8]| {
            let inspection = BODY_RULES.inspection(Method::Post, path, None).ok()??;
            BODY_RULES.judge(inspection, Some(b"application/json"), body).ok()
        };
        let Some(judged) = judge(data) else { continue };
        assert_eq!(judge(&judged).as_ref(), Some(&judged), "{path}");
    }
}

/// Operations whose bodies have readers and tables of their own.
const JUDGED_PATHS: [&str; 10] = [
    "/containers/create",
    "/containers/a/update",
    "/containers/a/exec",
    "/services/create",
    "/networks/create",
    "/volumes/create",
    "/v5.0.0/libpod/containers/create",
    "/v5.0.0/libpod/pods/create",
    "/v5.0.0/libpod/networks/create",
    "/v5.0.0/libpod/volumes/create",
];

static BODY_RULES: LazyLock<BodyRules> = LazyLock::new(|| BodyRules {
    bind_mounts: Some(BindMounts::parse("/home,/srv").expect("directories")),
    label_guard: Some(LabelGuard::new("socket-proxy", "-allowlabelgrants")),
    safe_create: Some(SafeCreate::new(
        Exceptions::default(),
        "add ".to_owned(),
        "-allowbindmountfrom".to_owned(),
    )),
    ..BodyRules::default()
});

/// An accepted target is in normal form, and its printed form parses to itself.
pub fn target(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for method in [Method::Get, Method::Options] {
        let Ok(target) = Target::parse(text, method) else { continue };
        check_normal_form(target.path());
        let printed = target.to_string();
        let again = Target::parse(&printed, method).expect("a printed target is accepted");
        assert!(!again.had_doubled_slashes(), "{printed:?} has doubled slashes");
        assert_eq!((again.path(), again.query()), (target.path(), target.query()), "{printed:?}");
        assert_eq!(again.to_string(), printed, "printing is a fixed point");
        let decoded = strict::percent_decode(printed.split('?').next().unwrap_or_default());
        assert_eq!(decoded, target.path().as_bytes(), "what is sent is what was judged");
    }
}

/// A chunked body decodes to the same bytes, or the same refusal, however it is
/// split.
pub fn chunked(data: &[u8]) {
    let Some((&seed, data)) = data.split_first() else { return };
    let whole = decode_in_pieces(data, usize::MAX);
    for piece_bytes in [1, 2, 3, usize::from(seed) + 1] {
        assert_eq!(decode_in_pieces(data, piece_bytes), whole, "in pieces of {piece_bytes}");
    }
    let Ok((body, consumed, _)) = &whole else { return };
    assert!(body.len() <= *consumed, "more bytes came out than went in");
    for split in [Split::Anywhere, Split::LargeOnly] {
        check_rechunked(data, usize::from(seed) + 1, split, &whole);
    }
    let read = strict::read_chunked(&encode(body)).expect("an encoded body is strict");
    assert_eq!(read.map(|(again, _)| again).as_ref(), Some(body), "encoding loses nothing");
}

/// A pattern is refused, or its translation compiles and is matched against the
/// whole path.
pub fn pattern(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(translated) = go_regexp::translate(text) else { return };
    let whole = format!("^(?:{})$", translated.regex);
    match regex::Regex::new(&whole) {
        Ok(_) | Err(regex::Error::CompiledTooBig(_)) => {}
        Err(error) => panic!("{text:?} became {whole:?}: {error}"),
    }
}

/// Finds a head's end whole and in pieces; the two must agree.
fn scanned_alike(fresh: &HeadScan, data: &[u8]) -> Result<Option<usize>, Error> {
    let whole = fresh.clone().find_end(data);
    for step in [1, 7] {
        let mut scan = fresh.clone();
        let ends = (0..data.len()).step_by(step).chain([data.len()]);
        let pieces = ends.map(|end| scan.find_end(&data[..end])).find(|found| *found != Ok(None));
        assert_eq!(pieces.unwrap_or(Ok(None)), whole, "in steps of {step}");
    }
    whole
}

/// The request as it is sent when everything is allowed; `None` if refused.
fn print_request(head: &[u8]) -> Option<Vec<u8>> {
    let mut storage = FieldStorage::new();
    let request = Request::parse(head, &mut storage).ok()?;
    let permit = match judge(
        InForce { policy: &ALLOW_ALL, listener: &ALLOW_ALL, learning: None },
        &request,
        Standing::Admitted,
    ) {
        Verdict::Allowed(permit) => permit,
        Verdict::Moved if request.target().had_doubled_slashes() => return None,
        _ => panic!("a policy that allows everything denied {}", request.target()),
    };
    assert!(!request.target().had_doubled_slashes(), "doubled slashes are never forwarded");
    let mut printed = Vec::new();
    permit.print(&mut printed);
    Some(printed)
}

static ALLOW_ALL: LazyLock<Policy> = LazyLock::new(|| {
    let all = Method::ALL.map(|method| (method, ".*".to_owned()));
    let rules = Rules::compile(all).expect("a plain pattern");
    Policy::new(
        Source::default(),
        ClientAllowlist::default(),
        rules,
        BodyRules::default(),
        TargetRules::default(),
    )
});

/// Whether a printed head is within the limits for received ones: printing adds
/// up to three fields, which takes a head that was just within them beyond.
fn has_room(printed: &[u8]) -> bool {
    let lines = printed.iter().filter(|byte| **byte == b'\n').count();
    printed.len() <= HEAD_BYTES_MAX && lines <= FIELDS_MAX
}

fn check_response(head: &[u8], asked: Asked, version: Version) {
    let printed = print_response(head, asked, version).filter(|printed| has_room(printed));
    let Some(printed) = printed else { return };
    let again = print_response(&printed, asked, version).expect("a printed response is accepted");
    assert_eq!(shown(&again), shown(&printed), "printing is a fixed point");
    let method = if asked.head { "HEAD" } else { "GET" };
    // Only whether the head is strict: the body has yet to come.
    strict::read_response(&printed, method, false).expect("a printed response is strict");
}

fn print_response(head: &[u8], asked: Asked, version: Version) -> Option<Vec<u8>> {
    let mut storage = FieldStorage::new();
    let response = Response::parse(head, asked, &mut storage).ok()?;
    let mut printed = Vec::new();
    response.print(version, version == Version::Http11, &mut printed);
    Some(printed)
}

fn check_normal_form(path: &str) {
    let segments = path.strip_prefix('/').unwrap_or("bad//");
    let segments = segments.strip_suffix('/').unwrap_or(segments);
    let normal = path == "/" || segments.split('/').all(|s| !matches!(s, "" | "." | ".."));
    let clean = !path.chars().any(|c| c.is_control() || c == '\\' || c == '%');
    assert!(path == "*" || (normal && clean), "not in normal form: {path:?}");
}

/// Body, bytes consumed, and whether the end was found.
type Decoded = Result<(Vec<u8>, usize, bool), Error>;

fn decode_in_pieces(data: &[u8], piece_bytes: usize) -> Decoded {
    let mut reader = BodyReader::Chunked(Decoder::default());
    let (mut body, mut consumed) = (Vec::new(), 0);
    for piece in data.chunks(piece_bytes) {
        let mut piece = piece.to_vec();
        let decoded = reader.decode(&mut piece)?;
        body.extend_from_slice(&piece[decoded.data]);
        consumed += decoded.consumed;
        if reader.is_done() {
            break;
        }
        assert_eq!(decoded.consumed, piece.len(), "bytes were left before the end");
    }
    Ok((body, consumed, reader.is_done()))
}

/// Sent on in chunks, as a flow does it, it is the same body with the same end.
fn check_rechunked(data: &[u8], piece_bytes: usize, split: Split, whole: &Decoded) {
    let mut reader = BodyReader::Chunked(Decoder::default());
    let (mut waiting, mut sent, mut consumed) = (Vec::new(), Vec::new(), 0);
    for piece in data.chunks(piece_bytes) {
        waiting.extend_from_slice(piece);
        let chunks = reader.rechunk(&mut waiting, split).expect("decodes alike");
        let received = waiting.get(chunks.printed).expect("printed in place");
        Encoding::Chunked.print_before(chunks.first_bytes, &mut sent);
        sent.extend_from_slice(received);
        sent.extend_from_slice(Encoding::Chunked.after(chunks.first_bytes > 0, reader.is_done()));
        waiting.drain(..chunks.consumed);
        consumed += chunks.consumed;
        if reader.is_done() {
            break;
        }
    }
    let Ok((body, whole_consumed, true)) = whole else { return };
    let read = strict::read_chunked(&sent).expect("sent strictly").expect("sent whole");
    assert_eq!((&read.0, read.1, consumed), (body, sent.len(), *whole_consumed));
}

fn encode(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in body.chunks(1000) {
        Encoding::Chunked.print_before(chunk.len(), &mut out);
        out.extend_from_slice(chunk);
        out.extend_from_slice(Encoding::Chunked.after(true, false));
    }
    out.extend_from_slice(Encoding::Chunked.after(false, true));
    out
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
