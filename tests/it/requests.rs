//! Every raw request of `tests/cases/` has its outcome, however it is delivered.
//!
//! The real binary runs between a raw client and a recording daemon. Each worker
//! has a proxy and a daemon of its own, so that every request at the daemon belongs
//! to the current case.
//!
//! `WIRE_CASE=ID` runs one case, `WIRE_SEED=N` changes where messages are split.

use crate::support::PATIENCE;
use crate::support::cases::{Case, Policies, cases, policies};
use crate::support::outcome::{Gate, HEADER_TIMEOUT_SECONDS, check};
use crate::support::proxied::Proxied;
use crate::support::raw_client::Delivery;
use crate::support::recording_daemon::RecordingDaemon;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

const SHARED: &str = include_str!("../cases/http_requests.jsonl");
const MORE: &str = include_str!("../cases/http_requests_more.jsonl");

/// Cases of the shared file whose message is legal as far as it goes, and whose
/// rest never comes; there the key `incomplete` is not set.
const UNFINISHED: [&str; 1] = ["CH-46"];

/// Proxies at work for one policy.
const WORKERS: usize = 4;

#[test]
fn shared_cases_have_their_outcome_delivered_whole() {
    check_file(SHARED, |_| Delivery::Whole);
}

#[test]
fn shared_cases_have_their_outcome_byte_by_byte() {
    check_file(SHARED, |_| Delivery::Bytewise);
}

#[test]
fn shared_cases_have_their_outcome_split_at_random() {
    check_file(SHARED, split);
}

#[test]
fn more_cases_have_their_outcome_delivered_whole() {
    check_file(MORE, |_| Delivery::Whole);
}

#[test]
fn more_cases_have_their_outcome_byte_by_byte() {
    check_file(MORE, |_| Delivery::Bytewise);
}

#[test]
fn more_cases_have_their_outcome_split_at_random() {
    check_file(MORE, split);
}

#[test]
fn ids_are_unique_and_policies_known() {
    let mut seen = BTreeMap::new();
    let known = all_policies();
    for case in cases(SHARED).into_iter().chain(cases(MORE)) {
        assert!(known.contains_key(&case.policy), "{}: policy {}", case.id, case.policy);
        assert!(seen.insert(case.id.clone(), ()).is_none(), "{} stands twice", case.id);
    }
}

fn split(case: &Case) -> Delivery {
    let seed: u64 = std::env::var("WIRE_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    Delivery::Split(case.id.bytes().fold(seed, mix))
}

fn all_policies() -> Policies {
    let mut known = policies(SHARED);
    known.extend(policies(MORE));
    known
}

fn check_file(file: &str, delivery: impl Fn(&Case) -> Delivery + Sync) {
    let wanted = std::env::var("WIRE_CASE").ok();
    let chosen: Vec<Case> = cases(file)
        .into_iter()
        .map(|case| Case { incomplete: case.incomplete || UNFINISHED.contains(&&*case.id), ..case })
        .filter(|case| wanted.as_ref().is_none_or(|id| *id == case.id))
        .collect();
    assert!(wanted.is_some() || chosen.len() > 100, "only {} cases", chosen.len());
    let mut failures = Vec::new();
    for (policy, flags) in all_policies() {
        let of_policy: Vec<_> = chosen.iter().filter(|case| case.policy == policy).collect();
        failures.extend(check_policy(&flags, &of_policy, &delivery));
    }
    assert!(
        failures.is_empty(),
        "{} of {} cases failed:\n{}",
        failures.len(),
        chosen.len(),
        failures.join("\n")
    );
}

/// Runs the cases of one policy on several proxies; returns the failures.
fn check_policy(
    flags: &[String],
    cases: &[&Case],
    delivery: &(impl Fn(&Case) -> Delivery + Sync),
) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for worker in 0..WORKERS.min(cases.len()) {
            let (next, failures) = (&next, &failures);
            // Text and JSON lines alike must survive the content of the cases.
            let format = if worker % 2 == 0 { "-logjson=false" } else { "-logjson=true" };
            scope.spawn(move || work(flags, format, cases, delivery, next, failures));
        }
    });
    failures.into_inner().expect("the failures")
}

fn work(
    flags: &[String],
    format: &str,
    cases: &[&Case],
    delivery: &impl Fn(&Case) -> Delivery,
    next: &AtomicUsize,
    failures: &Mutex<Vec<String>>,
) {
    let daemon = RecordingDaemon::start();
    let mut proxied = Proxied::start(daemon.socket_path(), &with_defaults(flags, format));
    // The connection with which the proxy tries its daemon out at start.
    assert!(daemon.take().is_ok_and(|start| !start.is_empty()), "no start");
    let gate = Gate { address: proxied.address(), daemon: &daemon, patience: PATIENCE };
    while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
        let delivery = delivery(case);
        if let Err(why) = check(&gate, case, delivery) {
            let failure = format!("  {} ({delivery:?}): {why}", case.id);
            failures.lock().expect("the failures").push(failure);
        }
    }
    let mut failures = failures.lock().expect("the failures");
    if !proxied.is_alive() {
        failures.push(format!("  the proxy died:\n{}", proxied.log()));
    }
    failures
        .extend(log_faults(&proxied, format).into_iter().map(|fault| format!("  log: {fault}")));
}

fn with_defaults(flags: &[String], format: &str) -> Vec<String> {
    let mut all = vec![format!("-headertimeout={HEADER_TIMEOUT_SECONDS}"), format.to_owned()];
    all.push("-loglevel=DEBUG".to_owned());
    all.extend_from_slice(flags);
    all
}

/// Lines that a client has broken, forged or provoked. Lines before
/// the first client are skipped: in text mode there is a table among them.
fn log_faults(proxied: &Proxied, format: &str) -> Vec<String> {
    let bytes = proxied.log_bytes();
    let mut faults = Vec::new();
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let is_start = |line: &&[u8]| !String::from_utf8_lossy(line).contains("running and listening");
    for line in lines.skip_while(is_start) {
        let text = String::from_utf8_lossy(line);
        let whole = std::str::from_utf8(line).is_ok() && !text.chars().any(char::is_control);
        let shaped = if format.ends_with("true") {
            serde_json::from_slice::<serde_json::Value>(line).is_ok_and(|value| value.is_object())
        } else {
            text.starts_with("time=")
        };
        if !whole || !shaped || text.contains("panicked") {
            faults.push(crate::support::strict::show(line));
        }
    }
    faults
}
