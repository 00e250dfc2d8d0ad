//! The counters, and how a page shows them.

use super::*;
use crate::api::Operation;
use crate::config::{Config, Invocation};
use crate::filter::{Denial, InForce, Policy, Standing, Verdict, judge};
use crate::http1::{self, FieldStorage, Request};
use crate::outcome::{BodyFailure, Outcome, Received, Refusal};
use std::collections::BTreeSet;

const BUILD: Build = Build { version: "1.2.3", commit: "abc", target: "t" };

fn policy() -> Policy {
    let line = ["-allowGET=.*", "-allowPOST=.*"].map(Into::into);
    match Config::from_args_and_env(line, []).unwrap() {
        Invocation::Run(config) => config.listeners[0].policy.clone(),
        other => panic!("{other:?}"),
    }
}

/// Lets `with` see a request, parsed and judged.
fn judged(line: &str, with: impl FnOnce(&Request<'_>, &crate::filter::Permit<'_>)) {
    let head = format!("{line} HTTP/1.1\r\nHost: d\r\n\r\n");
    let mut storage = FieldStorage::new();
    let request = Request::parse(head.as_bytes(), &mut storage).unwrap();
    let policy = policy();
    let in_force = InForce { policy: &policy, listener: &policy, learning: None };
    match judge(in_force, &request, Standing::Admitted) {
        Verdict::Allowed(permit) => with(&request, &permit),
        other => panic!("{other:?}"),
    }
}

fn outcome(status: Option<u16>, milliseconds: u64) -> Outcome {
    let duration = Duration::from_millis(milliseconds);
    Outcome { status, bytes_up: 3, bytes_down: 5, duration, closed: None }
}

/// The samples of a page without the process's own, and without those that are 0.
fn samples(metrics: &Metrics, gauges: &Gauges, ping: Option<Duration>) -> BTreeSet<String> {
    let page = metrics.page(gauges, ping);
    let is_ours = |line: &&str| line.starts_with("socket_proxy_") && !line.ends_with(" 0");
    page.lines().filter(is_ours).map(|line| line.replacen("socket_proxy_", "", 1)).collect()
}

#[test]
fn a_request_is_counted_once_in_each_family() {
    let metrics = Metrics::new(BUILD, ["", "web"]);
    let web = metrics.listener(1).unwrap();
    judged("GET /v1.51/containers/json", |request, permit| {
        web.count_exchange(permit, Judgement::Allowed, &outcome(Some(200), 3), Answerer::Daemon);
        let denied = Refusal::Denied(Denial::Address);
        let asked = Received::Request(request);
        web.count_refusal(&denied, Judgement::from(&denied), asked);
    });
    judged("POST /v1.51/unknown", |_, permit| {
        web.count_exchange(permit, Judgement::Learned, &outcome(None, 100_000), Answerer::Daemon);
    });
    let malformed = Refusal::Malformed(http1::Error::Host);
    web.count_refusal(&malformed, Judgement::from(&malformed), Received::Bytes(b"x"));
    let _open = web.connection();
    drop(web.connection());
    let found = samples(&metrics, &Gauges::default(), None);
    let buckets = |line: &&String| line.starts_with("request_duration_seconds_bucket");
    let others: Vec<&String> = found.iter().filter(|line| !buckets(line)).collect();
    assert_eq!(
        others,
        [
            r#"answers_total{listener="web",by="daemon",class="2xx"} 1"#,
            r#"answers_total{listener="web",by="daemon",class="none"} 1"#,
            r#"answers_total{listener="web",by="proxy",class="4xx"} 2"#,
            r#"body_bytes_total{listener="web",direction="down"} 10"#,
            r#"body_bytes_total{listener="web",direction="up"} 6"#,
            r#"build_info{version="1.2.3",commit="abc",target="t"} 1"#,
            r#"connections_total{listener="web"} 2"#,
            r#"connections{listener="web"} 1"#,
            r#"request_duration_seconds_count{listener="web",flow="plain"} 1"#,
            r#"request_duration_seconds_count{listener="web",flow="unknown"} 1"#,
            r#"request_duration_seconds_sum{listener="web",flow="plain"} 0.003"#,
            r#"request_duration_seconds_sum{listener="web",flow="unknown"} 100"#,
            r#"requests_total{listener="web",operation="ContainerList",verdict="allowed"} 1"#,
            r#"requests_total{listener="web",operation="ContainerList",verdict="denied_address"} 1"#,
            r#"requests_total{listener="web",operation="unknown",verdict="invalid"} 1"#,
            r#"requests_total{listener="web",operation="unknown",verdict="learned"} 1"#,
        ]
    );
    let plain = found.iter().filter(|line| buckets(line) && line.contains("plain"));
    let bounds: Vec<&str> = plain.map(|line| line.split('"').nth(5).unwrap()).collect();
    let expected = "+Inf 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 10 2.5 60";
    assert_eq!(bounds.join(" "), expected, "3 ms are in all buckets from 5 ms on");
    assert!(
        found.contains(
            r#"request_duration_seconds_bucket{listener="web",flow="unknown",le="+Inf"} 1"#
        )
    );
}

#[test]
fn a_duration_on_a_bound_is_in_its_bucket() {
    let metrics = Metrics::new(BUILD, [""]);
    let counters = metrics.listener(0).unwrap();
    let count = |microseconds: u64| {
        judged("GET /info", |_, permit| {
            let duration = Duration::from_micros(microseconds) + Duration::from_nanos(1);
            for duration in [duration - Duration::from_nanos(1), duration] {
                let outcome = Outcome { duration, ..outcome(Some(200), 0) };
                let by = Answerer::Daemon;
                counters.count_exchange(permit, Judgement::Allowed, &outcome, by);
            }
        });
    };
    count(1_000);
    let page = metrics.page(&Gauges::default(), None);
    let bucket = |bound: &str| {
        let start = format!(
            "socket_proxy_request_duration_seconds_bucket{{listener=\"default\",flow=\"plain\",\
             le=\"{bound}\"}} "
        );
        page.lines().find_map(|line| line.strip_prefix(&start)).unwrap().to_owned()
    };
    assert_eq!(["0.0005", "0.001", "0.0025", "+Inf"].map(bucket), ["0", "1", "2", "2"]);
}

#[test]
fn every_refusal_has_its_verdict() {
    let rows = [
        (Refusal::Denied(Denial::Address), Judgement::DeniedAddress),
        (Refusal::UnknownMethod(Denial::Address), Judgement::DeniedAddress),
        (Refusal::UnknownMethod(Denial::Method { allowed: vec![] }), Judgement::DeniedRule),
        (Refusal::Moved, Judgement::Redirected),
        (Refusal::Unidentified(String::new()), Judgement::Unidentified),
        (Refusal::SlowHead, Judgement::Invalid),
        (Refusal::Body(BodyFailure::TooLarge), Judgement::Invalid),
        (Refusal::BodyFraming(http1::Error::Chunk), Judgement::Invalid),
        (Refusal::NoPlace("x"), Judgement::Overload),
        (Refusal::NoMemory, Judgement::Overload),
        (Refusal::Daemon(String::new()), Judgement::Allowed),
    ];
    for (refusal, expected) in rows {
        assert_eq!(Judgement::from(&refusal), expected, "{refusal:?}");
    }
    let metrics = Metrics::new(BUILD, [""]);
    let gone = Refusal::Body(BodyFailure::Gone);
    let counters = metrics.listener(0).unwrap();
    counters.count_refusal(&gone, Judgement::from(&gone), Received::Bytes(b""));
    let found = samples(&metrics, &Gauges::default(), None);
    let none = r#"answers_total{listener="default",by="proxy",class="none"} 1"#;
    assert!(found.contains(none), "{found:?}");
}

#[test]
fn numbers_of_the_moment_are_shown() {
    let metrics = Metrics::new(BUILD, []);
    let gauges = Gauges {
        places: vec![Places { kind: "client", max: 1024, taken: 7 }],
        refused: vec![("full", 2)],
        learned: Some(3),
    };
    let found = samples(&metrics, &gauges, Some(Duration::from_micros(250)));
    let expected = [
        r#"build_info{version="1.2.3",commit="abc",target="t"} 1"#,
        r#"connections_refused_total{reason="full"} 2"#,
        "daemon_ping_seconds 0.00025",
        "daemon_up 1",
        "learned_operations_total 3",
        "learning 1",
        r#"places_taken{kind="client"} 7"#,
        r#"places{kind="client"} 1024"#,
    ];
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    let page = metrics.page(&gauges, None);
    assert!(page.contains("socket_proxy_daemon_up 0\n"), "{page}");
    assert!(!page.contains("\nsocket_proxy_daemon_ping_seconds"), "{page}");
}

#[test]
fn the_process_tells_its_own_numbers() {
    let page = Metrics::new(BUILD, []).page(&Gauges::default(), None);
    let value = |name: &str| -> f64 {
        let line = page.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
    };
    assert!(value("process_cpu_seconds_total") > 0.0);
    assert!(value("process_resident_memory_bytes") > 100_000.0);
    assert!(value("process_virtual_memory_bytes") >= value("process_resident_memory_bytes"));
    assert!(value("process_threads") >= 1.0);
    assert!(value("process_open_fds") >= 3.0);
    assert!(value("process_max_fds") >= value("process_open_fds"));
    assert!(value("process_start_time_seconds") > 1.6e9);
}

#[test]
fn every_operation_has_a_place_of_its_own_and_every_flow_a_name() {
    let metrics = Metrics::new(BUILD, [""]);
    let counters = metrics.listener(0).unwrap();
    for operation in Operation::ALL {
        let flow = operation.facts().flow;
        assert_eq!(FLOWS[flow as usize], format!("{flow:?}").to_lowercase());
        counters.count_for(*operation);
    }
    let mut counted = 0;
    counters.requests(|operation, _, count| {
        assert_eq!((operation.is_some(), count), (true, 1));
        counted += 1;
    });
    assert_eq!(counted, Operation::ALL.len());
}
