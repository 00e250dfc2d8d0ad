//! The targets of the project, compared with the results.
//!
//! A target applies to all scenarios whose name begins so; the worst of them
//! counts. Missing one is shown, not punished: times depend on the machine.

use crate::results::{Measure, Results};
use crate::support::peers::Kind;

/// The figure with which ours is compared.
enum Against {
    Peer(Kind),
    Scenario(&'static str),
    Nothing,
}

enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

use Against::{Nothing, Peer, Scenario};
use Kind::{Floor, HaProxy, Nginx, Original};
use Limit::{AtLeast, AtMost};
use Measure::{AddedLatency, CpuPerRequest, Growth, P99Latency, Resident, Start, Throughput};

type Target = (&'static str, Measure, Against, Limit);

const TARGETS: [Target; 27] = [
    ("keep-alive", CpuPerRequest, Peer(HaProxy), AtMost(1.0)),
    ("keep-alive", CpuPerRequest, Peer(Original), AtMost(0.35)),
    ("keep-alive", CpuPerRequest, Peer(Floor), AtMost(1.5)),
    ("keep-alive", AddedLatency, Peer(HaProxy), AtMost(1.0)),
    ("keep-alive, small GET, 64 clients", P99Latency, Peer(HaProxy), AtMost(1.2)),
    ("keep-alive, small GET, 256 clients", P99Latency, Peer(HaProxy), AtMost(1.2)),
    ("new connection", CpuPerRequest, Peer(HaProxy), AtMost(1.0)),
    ("new connection", CpuPerRequest, Peer(Original), AtMost(0.5)),
    ("download with length", Throughput, Peer(Original), AtLeast(1.8)),
    ("download until close", Throughput, Peer(Original), AtLeast(1.8)),
    ("download chunked", Throughput, Peer(Original), AtLeast(1.5)),
    ("upload", Throughput, Peer(Original), AtLeast(1.5)),
    ("tunnel", Throughput, Peer(Original), AtLeast(1.8)),
    ("download with length", Throughput, Peer(Nginx), AtLeast(1.0)),
    ("download until close", Throughput, Peer(Nginx), AtLeast(1.0)),
    ("tunnel down", Throughput, Peer(Nginx), AtLeast(1.0)),
    ("keep-alive, small GET, 500 clients", CpuPerRequest, Scenario(ONE_CLIENT), AtMost(1.5)),
    ("1 client after 500", CpuPerRequest, Scenario(ONE_CLIENT), AtMost(1.1)),
    ("1000 patterns", CpuPerRequest, Scenario("1 pattern"), AtMost(2.0)),
    ("1000 patterns", Start, Nothing, AtMost(100.0)),
    ("metrics on", CpuPerRequest, Scenario("metrics off"), AtMost(1.02)),
    ("start", Start, Nothing, AtMost(10.0)),
    ("start with all", Start, Nothing, AtMost(5.0)),
    ("start", Resident, Nothing, AtMost(1.75)),
    ("1000 event streams", Resident, Nothing, AtMost(20.0)),
    ("long", Growth, Nothing, AtMost(GROWTH_KIB_MAX)),
    ("binaries", Measure::Size, Nothing, AtMost(3.0)),
];

const ONE_CLIENT: &str = "keep-alive, small GET, 1 client";
/// "Adds nothing" but the buffers that are given back after each exchange.
const GROWTH_KIB_MAX: f64 = 256.0;

/// A Markdown table of all targets that were measured.
pub(crate) fn judge(results: &Results) -> String {
    let mut text = String::from("| target | limit | worst | |\n|---|--:|--:|---|\n");
    for (scenario, measure, against, limit) in &TARGETS {
        let figures = results.scenarios(*measure).filter(|name| name.starts_with(scenario));
        let figures = figures.filter_map(|name| figure(results, name, *measure, against));
        let figures = figures.filter(|figure| figure.is_finite());
        let (sign, bound, worst) = match limit {
            AtMost(bound) => ("≤", bound, figures.reduce(f64::max)),
            AtLeast(bound) => ("≥", bound, figures.reduce(f64::min)),
        };
        let Some(worst) = worst else { continue };
        let met = if sign == "≤" { worst <= *bound } else { worst >= *bound };
        let verdict = if met { "met" } else { "**missed**" };
        let what = format!("{scenario}: {}{}", measure.name(), suffix(against));
        text += &format!("| {what} | {sign} {bound} | {worst:.2} | {verdict} |\n");
    }
    text
}

fn figure(results: &Results, scenario: &str, measure: Measure, against: &Against) -> Option<f64> {
    let ours = results.median(scenario, measure, Kind::Proxy)?;
    match against {
        Nothing => Some(ours),
        Peer(kind) => Some(ours / results.median(scenario, measure, *kind)?),
        Scenario(other) => Some(ours / results.median(other, measure, Kind::Proxy)?),
    }
}

fn suffix(against: &Against) -> String {
    match against {
        Nothing => String::new(),
        Peer(kind) => format!(", ratio to {}", kind.name()),
        Scenario(name) => format!(", ratio to {name}"),
    }
}
