//! Reads `tests/cases/http_requests*.jsonl`: raw requests with their outcome.
//!
//! The words are explained in the header line of the first file and in
//! `tests/cases/README.md`. An unknown word or key is an error, so that a case
//! cannot lose its point by a misspelling.

use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Flags by policy name.
pub(crate) type Policies = BTreeMap<String, Vec<String>>;

/// The expected result of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    Forward,
    Reject,
    Deny,
    Moved,
    Either,
    Abort,
    Tunnel,
    Early,
    Pipeline,
    Nothing,
    Silence,
}

/// The request that the daemon must get.
#[derive(Debug, Clone, Default)]
pub(crate) struct Forwarded {
    pub(crate) method: Option<String>,
    pub(crate) path: Option<Vec<u8>>,
    pub(crate) query: Option<String>,
    pub(crate) body: Option<Vec<u8>>,
}

/// One message and its outcome.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) expect: Expect,
    pub(crate) forwarded: Forwarded,
    pub(crate) status: Vec<u16>,
    pub(crate) location: Option<String>,
    /// The answer announces a close, and the connection then ends with a FIN.
    pub(crate) closes: bool,
}

/// A case of the file.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) category: String,
    pub(crate) policy: String,
    pub(crate) request: Vec<u8>,
    pub(crate) outcome: Outcome,
    pub(crate) then: Vec<Outcome>,
    pub(crate) upstream_absent: Vec<String>,
    pub(crate) upstream_has: Vec<(String, String)>,
    pub(crate) upgrade: Option<String>,
    pub(crate) early: Vec<u8>,
    pub(crate) incomplete: bool,
    pub(crate) half_close: bool,
    pub(crate) bytewise: bool,
    pub(crate) no_100: bool,
}

impl Case {
    /// The method of the first message as the client wrote it.
    pub(crate) fn method(&self) -> String {
        let end = self.request.iter().position(|byte| *byte == b' ').unwrap_or(0);
        String::from_utf8_lossy(&self.request[..end]).into_owned()
    }
}

/// The policies of a case file, empty where its header names none.
pub(crate) fn policies(file: &str) -> Policies {
    let header: Value = serde_json::from_str(file.lines().next().expect("a header line"))
        .expect("the header is JSON");
    let Some(policies) = header["policies"].as_object() else { return Policies::new() };
    policies.iter().map(|(name, flags)| (name.clone(), strings(flags))).collect()
}

/// The cases of a file, behind its header line.
pub(crate) fn cases(file: &str) -> Vec<Case> {
    let lines = file.lines().skip(1).filter(|line| !line.is_empty());
    lines.map(|line| read_case(line).unwrap_or_else(|why| panic!("{why} in case {line}"))).collect()
}

fn read_case(line: &str) -> Result<Case, String> {
    const KEYS: [&str; 28] = [
        "query_parts",
        "location_parts",
        "location",
        "closes",
        "id",
        "category",
        "note",
        "expect",
        "method",
        "path",
        "query",
        "body",
        "body_b64",
        "status",
        "request",
        "request_b64",
        "request_parts",
        "policy",
        "then",
        "upstream_absent",
        "upstream_has",
        "upgrade",
        "early",
        "early_b64",
        "incomplete",
        "half_close",
        "bytewise",
        "no_100",
    ];
    let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let case = value.as_object().ok_or("not an object")?;
    if let Some(key) = case.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(format!("unknown key {key:?}"));
    }
    let flag = |key: &str| case.get(key).and_then(Value::as_bool).unwrap_or(false);
    let text = |key: &str| case.get(key).and_then(Value::as_str).map(str::to_owned);
    let then = case.get("then").and_then(Value::as_array).into_iter().flatten();
    Ok(Case {
        id: text("id").ok_or("no id")?,
        category: text("category").ok_or("no category")?,
        policy: text("policy").unwrap_or_else(|| "main".to_owned()),
        request: request(case)?,
        outcome: outcome(case)?,
        then: then
            .map(|step| outcome(step.as_object().ok_or("not an object")?))
            .collect::<Result<_, _>>()?,
        upstream_absent: case.get("upstream_absent").map(strings).unwrap_or_default(),
        upstream_has: pairs(case.get("upstream_has")),
        upgrade: text("upgrade"),
        early: bytes(case, "early")?.unwrap_or_default(),
        incomplete: flag("incomplete"),
        half_close: flag("half_close"),
        bytewise: flag("bytewise"),
        no_100: flag("no_100"),
    })
}

fn outcome(object: &Map<String, Value>) -> Result<Outcome, String> {
    let word = object.get("expect").and_then(Value::as_str).ok_or("no expect")?;
    let text = |key: &str| object.get(key).and_then(Value::as_str).map(str::to_owned);
    let status = object.get("status").and_then(Value::as_array).into_iter().flatten();
    let outcome = Outcome {
        expect: expect(word)?,
        forwarded: Forwarded {
            method: text("method"),
            path: text("path").map(String::into_bytes),
            query: long_text(object, "query"),
            body: bytes(object, "body")?,
        },
        status: status
            .filter_map(Value::as_u64)
            .filter_map(|code| u16::try_from(code).ok())
            .collect(),
        location: long_text(object, "location"),
        closes: object.get("closes").and_then(Value::as_bool).unwrap_or(false),
    };
    let named = outcome.forwarded.method.is_some() && outcome.forwarded.path.is_some();
    match outcome.expect {
        Expect::Forward | Expect::Either | Expect::Tunnel if !named => {
            Err("no method or path".to_owned())
        }
        Expect::Moved if outcome.location.is_none() => Err("no location".to_owned()),
        _ => Ok(outcome),
    }
}

fn expect(word: &str) -> Result<Expect, String> {
    Ok(match word {
        "forward" => Expect::Forward,
        "reject" => Expect::Reject,
        "deny" => Expect::Deny,
        "moved" => Expect::Moved,
        "either" => Expect::Either,
        "abort" => Expect::Abort,
        "tunnel" => Expect::Tunnel,
        "early" => Expect::Early,
        "pipeline" => Expect::Pipeline,
        "nothing" => Expect::Nothing,
        "silence" => Expect::Silence,
        other => return Err(format!("unknown outcome {other:?}")),
    })
}

fn request(case: &Map<String, Value>) -> Result<Vec<u8>, String> {
    if let Some(whole) = bytes(case, "request")? {
        return Ok(whole);
    }
    let parts = case.get("request_parts").and_then(Value::as_array).ok_or("no request")?;
    let mut request = Vec::new();
    for part in parts {
        let piece = part[0].as_str().ok_or("a part is not [base64, repeat]")?;
        let repeat = part[1].as_u64().and_then(|n| usize::try_from(n).ok()).ok_or("no repeat")?;
        request.extend(base64(piece)?.repeat(repeat));
    }
    Ok(request)
}

/// Text under `key`, or repeated pieces of it under `key_parts`.
fn long_text(object: &Map<String, Value>, key: &str) -> Option<String> {
    let parts = object.get(&format!("{key}_parts")).and_then(Value::as_array);
    let repeated = |part: &Value| {
        let count = part[1].as_u64().and_then(|count| usize::try_from(count).ok());
        part[0].as_str().unwrap_or_default().repeat(count.unwrap_or_default())
    };
    match parts {
        Some(parts) => Some(parts.iter().map(repeated).collect()),
        None => object.get(key).and_then(Value::as_str).map(str::to_owned),
    }
}

/// Bytes under `key` as text, each character a byte, or under `key_b64`.
fn bytes(object: &Map<String, Value>, key: &str) -> Result<Option<Vec<u8>>, String> {
    if let Some(text) = object.get(key).and_then(Value::as_str) {
        let latin1 = text
            .chars()
            .map(|c| u8::try_from(u32::from(c)).map_err(|_| format!("{c:?} is no byte")));
        return latin1.collect::<Result<_, _>>().map(Some);
    }
    object.get(&format!("{key}_b64")).and_then(Value::as_str).map(base64).transpose()
}

/// Decodes base64 (RFC 4648 §4).
fn base64(text: &str) -> Result<Vec<u8>, String> {
    let mut decoded = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return Err(format!("no base64: {text:?}")),
        };
        bits = (bits << 6) | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            decoded.push(u8::try_from((bits >> count) & 0xff).unwrap_or_default());
        }
    }
    Ok(decoded)
}

fn strings(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn pairs(value: Option<&Value>) -> Vec<(String, String)> {
    let object = value.and_then(Value::as_object).into_iter().flatten();
    object
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect()
}
