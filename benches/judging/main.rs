//! The cost of judging a body: create bodies of real clients under each rule, on one
//! thread and without sockets.
//!
//! ```sh
//! cargo bench --bench judging
//! ```
//!
//! The rules take turns, and the least time of each counts: other programs on the
//! machine only add to it. `-safecreate` may cost twice as much as `-allowbindmountfrom`.

use serde_json::Value;
use socket_proxy::config::{Config, Invocation};
use socket_proxy::filter::bodies::BodyRules;
use socket_proxy::http1::Method;
use std::hint::black_box;
use std::time::{Duration, Instant};

const CASES: &str = include_str!("../../tests/cases/client_bodies.jsonl");

/// The recorded creates that pass all rules here.
const NAMES: [&str; 3] = [
    "docker 20.10: create -v /home/me:/data:ro -v vol:/v -v /anon --tmpfs /t",
    "docker 28: create -v /home/me:/data:ro -v vol:/v -v /anon --tmpfs /t",
    "docker-py 7.1: create",
];

const RULES: [(&str, &[&str]); 3] = [
    ("-allowbindmountfrom", &["-allowbindmountfrom=/home"]),
    ("-safecreate", &["-safecreate", "-allowbindmountfrom=/home"]),
    ("with images", &["-safecreate", "-allowbindmountfrom=/home", "-allowimage=.*"]),
];

const ROUNDS: usize = 200;
const BODIES_A_ROUND: u32 = 200;

fn rules(flags: &[&str]) -> BodyRules {
    match Config::from_args_and_env(flags.iter().map(Into::into), []) {
        Ok(Invocation::Run(config)) => config.listeners[0].policy.bodies().clone(),
        other => panic!("{flags:?}: {other:?}"),
    }
}

/// The target and the body of a recorded request.
fn recorded(name: &str) -> (String, String) {
    let rows = CASES.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let row = rows.into_iter().find(|row| row["name"] == name);
    let row = row.unwrap_or_else(|| panic!("{name} is not recorded"));
    let target = row["target"].as_str().expect("a target");
    (target.split('?').next().unwrap_or_default().to_owned(), row["body"].to_string())
}

/// The time of one round.
fn round(rules: &BodyRules, path: &str, body: &str) -> Duration {
    let start = Instant::now();
    for _ in 0..BODIES_A_ROUND {
        let inspection = rules.inspection(Method::Post, path, None).expect("a path");
        let inspection = inspection.expect("a create is judged");
        let judged = rules.judge(inspection, Some(b"application/json"), black_box(body.as_bytes()));
        black_box(judged.expect("an ordinary body passes"));
    }
    start.elapsed()
}

fn main() {
    let rules = RULES.map(|(name, flags)| (name, self::rules(flags)));
    for name in NAMES {
        let (path, body) = recorded(name);
        let mut least = [Duration::MAX; RULES.len()];
        for _ in 0..ROUNDS {
            for (least, (_, rules)) in least.iter_mut().zip(&rules) {
                *least = round(rules, &path, &body).min(*least);
            }
        }
        let microseconds = least.map(|time| time.as_secs_f64() * 1e6 / f64::from(BODIES_A_ROUND));
        println!("{name} ({} bytes)", body.len());
        for ((name, _), time) in rules.iter().zip(microseconds) {
            println!("    {name:20} {time:6.1} µs, {:.2} of the first", time / microseconds[0]);
        }
    }
}
