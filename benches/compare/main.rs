//! Compares the proxy with its peers in CPU time, latency, throughput and
//! memory, and prints one table with ratios.
//!
//! `cargo bench --bench compare -- --help` lists the options. Peers take turns
//! within each scenario of each round, so that a noisy neighbour meets all of
//! them, and medians over the rounds are shown. Times are never judged by an
//! exit code: it reports only whether every response of ours was right.

#[path = "../support/mod.rs"]
mod support;

mod machine;
mod results;
mod scenarios;
mod targets;

use argh::FromArgs;
use results::{Measure, Results};
use scenarios::{Effort, Scenario};
use std::path::{Path, PathBuf};
use support::peers::{Kind, Peer, Stage};
use support::{Result, play_role_if_asked, process};

/// Compares the proxy with its peers.
#[derive(FromArgs)]
struct Arguments {
    /// one quick round, to see that everything works
    #[argh(switch)]
    short: bool,
    /// write the result to docs/benchmarks.md
    #[argh(switch)]
    write: bool,
    /// how often each measurement is made
    #[argh(option)]
    rounds: Option<usize>,
    /// seconds for each measurement of requests
    #[argh(option)]
    seconds: Option<f64>,
    /// gibibytes of the stream that must not add memory
    #[argh(option)]
    stream_gib: Option<u64>,
    /// only scenarios whose name contains this
    #[argh(option, default = "String::new()")]
    only: String,
    /// the proxy's binary, if not the one that cargo has just built; the health
    /// check's is expected beside it
    #[argh(option, default = "env!(\"CARGO_BIN_EXE_socket-proxy\").into()")]
    proxy: PathBuf,
    /// said by `cargo bench`; without it nothing is measured
    #[argh(switch)]
    bench: bool,
}

fn main() -> Result<()> {
    play_role_if_asked()?;
    let arguments: Arguments = argh::from_env();
    if !arguments.bench {
        // `cargo test --all-targets` runs benchmarks too.
        println!("nothing is measured without --bench");
        return Ok(());
    }
    process::raise_descriptor_limit()?;
    let effort = effort(&arguments);
    let stage = Stage::set(arguments.proxy.clone())?;
    stage.write_download_file(effort.bulk_bytes)?;
    let (peers, mut skipped) = start_peers(&stage);
    let results = run_rounds(&arguments, &effort, &stage, &peers, &mut skipped);
    let report = report(&arguments, &effort, &results, &skipped)?;
    println!("{report}");
    if arguments.write {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
        std::fs::create_dir_all(&docs)?;
        let document = docs.join("benchmarks.md");
        // The other benchmark's part stays.
        let before = std::fs::read_to_string(&document).unwrap_or_default();
        let kept = before.find("\n## Capacity").and_then(|start| before.get(start..));
        std::fs::write(document, report + kept.unwrap_or_default())?;
    }
    let ours_failed = skipped.iter().any(|(kind, _)| *kind == Kind::Proxy);
    if ours_failed { Err("the proxy failed; see above".into()) } else { Ok(()) }
}

fn effort(arguments: &Arguments) -> Effort {
    let mut effort = if arguments.short { Effort::SHORT } else { Effort::FULL };
    effort.rounds = arguments.rounds.unwrap_or(effort.rounds);
    effort.seconds = arguments.seconds.unwrap_or(effort.seconds);
    effort.stream_bytes = arguments.stream_gib.map_or(effort.stream_bytes, |gib| gib << 30);
    effort
}

/// Peers that could not be reached, or failed to answer, and why.
type Skipped = Vec<(Kind, String)>;

fn start_peers(stage: &Stage) -> (Vec<Peer>, Skipped) {
    let mut peers = Vec::new();
    let mut skipped = Skipped::new();
    for kind in Kind::ALL {
        match stage.start(kind) {
            Ok(peer) => peers.push(peer),
            Err(reason) => note(&mut skipped, kind, format!("skipped: {reason}")),
        }
    }
    (peers, skipped)
}

fn note(skipped: &mut Skipped, kind: Kind, reason: String) {
    eprintln!("{}: {reason}", kind.name());
    if !skipped.contains(&(kind, reason.clone())) {
        skipped.push((kind, reason));
    }
}

fn run_rounds(
    arguments: &Arguments,
    effort: &Effort,
    stage: &Stage,
    peers: &[Peer],
    skipped: &mut Skipped,
) -> Results {
    let scenarios = scenarios::all();
    let chosen = scenarios.iter().filter(|one| one.name.contains(&arguments.only));
    let chosen: Vec<&Scenario> = chosen.collect();
    let mut results = Results::default();
    for round in 0..effort.rounds {
        for scenario in &chosen {
            if round > 0 && scenario.once() {
                continue;
            }
            eprintln!("round {} of {}: {}", round + 1, effort.rounds, scenario.name);
            run_scenario(scenario, effort, stage, peers, skipped, &mut results);
        }
    }
    results
}

/// Lets all peers do one thing in turn, the daemon first.
fn run_scenario(
    scenario: &Scenario,
    effort: &Effort,
    stage: &Stage,
    peers: &[Peer],
    skipped: &mut Skipped,
    results: &mut Results,
) {
    let mut daemon_latency = None;
    for peer in peers.iter().filter(|peer| scenario.concerns(peer.kind)) {
        match scenario.measure(stage, peer, effort) {
            Ok(figures) => {
                for (measure, value) in figures {
                    results.add(&scenario.name, measure, peer.kind, value);
                    if measure == Measure::MedianLatency {
                        let direct = *daemon_latency.get_or_insert(value);
                        let added = Measure::AddedLatency;
                        results.add(&scenario.name, added, peer.kind, value - direct);
                    }
                }
            }
            Err(error) => note(skipped, peer.kind, format!("{}: {error}", scenario.name)),
        }
    }
}

fn report(
    arguments: &Arguments,
    effort: &Effort,
    results: &Results,
    skipped: &Skipped,
) -> Result<String> {
    let mut text = String::from("# What does it cost?\n\n");
    text += "Made by `cargo bench --bench compare -- --write`; ";
    text += "`benches/README.md` says how to read it.\n\n";
    text += &machine::describe(&arguments.proxy)?;
    text += &format!("- {effort}\n");
    for (kind, reason) in skipped {
        text += &format!("- {}: {reason}\n", kind.name());
    }
    text += &format!("\n{results}");
    if arguments.short {
        text += "\nA short run shows that all works; its times mean nothing.\n";
    } else {
        text += &format!("\n## Targets\n\n{}", targets::judge(results));
    }
    Ok(text)
}
