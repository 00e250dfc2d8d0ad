//! The measured scenarios, and the effort that is put into each.

use crate::results::Measure;
use crate::support::Result;
use crate::support::address::Address;
use crate::support::daemon::JSON_BYTES;
use crate::support::load::{self, Connections, Load};
use crate::support::peers::{Kind, Peer, Stage, UNLIMITED};
use crate::support::process::Process;
use crate::support::streams::Streams;
use crate::support::transfer::{self, Transfer};
use std::fmt;
use std::time::Duration;

/// Events per second in all streams together, independent of their number, so that
/// the cost of an event is measurable and comparable.
const EVENTS_PER_SECOND: u64 = 2000;

/// Ten presets, some with parts.
const PRESETS: &str = "traefik+swarm,dozzle+actions+shell,homepage,portainer,watchtower,diun,\
    prometheus,cadvisor,telegraf,testcontainers";

/// How much effort is put into measuring.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
    pub(crate) bulk_bytes: u64,
    pub(crate) stream_bytes: u64,
}

impl Effort {
    pub(crate) const FULL: Self =
        Self { rounds: 5, seconds: 1.0, bulk_bytes: 1 << 30, stream_bytes: 10 << 30 };
    pub(crate) const SHORT: Self =
        Self { rounds: 1, seconds: 0.1, bulk_bytes: 64 << 20, stream_bytes: 256 << 20 };
}

impl fmt::Display for Effort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, seconds, .. } = self;
        let (bulk, stream) = (self.bulk_bytes >> 20, self.stream_bytes >> 20);
        write!(f, "{rounds} rounds; {seconds} s for each measurement of requests, ")?;
        write!(f, "{bulk} MiB for each of throughput, {stream} MiB for the long streams")
    }
}

/// One thing that every peer does in turn.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    work: Work,
}

#[derive(Debug, Clone, Copy)]
enum Work {
    /// Clients that ask over and over.
    Requests(Load),
    /// One large body or tunnel.
    Bulk(Transfer),
    /// A stream long enough to show whether it is kept in memory.
    Long(Transfer),
    /// One client right after many others have left.
    After(usize),
    /// So many event streams at once, in a fresh process.
    Streams(usize),
    /// The sizes of both binaries.
    Binaries,
    /// The start of a fresh process, and its memory before any request.
    Start,
    /// The same with everything allowed, and a hundred presets.
    StartWithPresets,
    /// So many patterns in the allowlist.
    Patterns(usize),
    /// Requests with or without metrics, and the memory of a fresh process.
    Metrics(bool),
}

/// All scenarios, in the order of the report.
pub(crate) fn all() -> Vec<Scenario> {
    let mut all = Vec::new();
    for (what, target, answer_bytes) in
        [("small GET", "/v1.43/_ping", 2), ("5 KiB JSON", "/v1.43/containers/json", JSON_BYTES)]
    {
        let counts: &[usize] =
            if answer_bytes == 2 { &[1, 16, 64, 256, 500] } else { &[1, 16, 64] };
        for &clients in counts {
            let connections = Connections::KeptAlive;
            let load = Load { target, answer_bytes, clients, connections };
            all.push(Scenario::new(format!("keep-alive, {what}, {}", count_of(clients)), load));
        }
    }
    for clients in [1, 16, 64] {
        let (target, answer_bytes, connections) = ("/v1.43/_ping", 2, Connections::OnePerRequest);
        let load = Load { target, answer_bytes, clients, connections };
        all.push(Scenario::new(format!("new connection, small GET, {}", count_of(clients)), load));
    }
    let others = [
        ("1 client after 500 have left", Work::After(500)),
        ("download with length", Work::Bulk(Transfer::DownloadWithLength)),
        ("download until close", Work::Bulk(Transfer::DownloadUntilClose)),
        ("download chunked", Work::Bulk(Transfer::DownloadChunked)),
        ("upload with length", Work::Bulk(Transfer::UploadWithLength)),
        ("upload chunked", Work::Bulk(Transfer::UploadChunked)),
        ("tunnel down", Work::Bulk(Transfer::TunnelDown)),
        ("tunnel up", Work::Bulk(Transfer::TunnelUp)),
        ("long download", Work::Long(Transfer::DownloadWithLength)),
        ("long download chunked", Work::Long(Transfer::DownloadChunked)),
        ("long upload chunked", Work::Long(Transfer::UploadChunked)),
        ("1 event stream", Work::Streams(1)),
        ("10 event streams", Work::Streams(10)),
        ("100 event streams", Work::Streams(100)),
        ("1000 event streams", Work::Streams(1000)),
        ("1 pattern", Work::Patterns(1)),
        ("1000 patterns", Work::Patterns(1000)),
        ("metrics off", Work::Metrics(false)),
        ("metrics on", Work::Metrics(true)),
        ("start", Work::Start),
        ("start with all and 100 presets", Work::StartWithPresets),
        ("binaries", Work::Binaries),
    ];
    all.extend(others.map(|(name, work)| Scenario { name: name.into(), work }));
    all
}

fn count_of(clients: usize) -> String {
    if clients == 1 { "1 client".into() } else { format!("{clients} clients") }
}

impl Scenario {
    fn new(name: String, load: Load) -> Self {
        Self { name, work: Work::Requests(load) }
    }

    /// Whether once is enough, since it is not a matter of chance.
    pub(crate) fn once(&self) -> bool {
        matches!(self.work, Work::Long(_) | Work::Binaries)
    }

    /// Whether a peer takes part.
    pub(crate) fn concerns(&self, kind: Kind) -> bool {
        use Transfer::{DownloadChunked, DownloadUntilClose, DownloadWithLength, TunnelDown};
        match (self.work, kind) {
            (Work::Bulk(transfer), Kind::Nginx) => matches!(
                transfer,
                DownloadWithLength | DownloadUntilClose | DownloadChunked | TunnelDown
            ),
            (_, Kind::Nginx) => false,
            // It knows requests without bodies only.
            (Work::Requests(_) | Work::After(_), Kind::Redial) => true,
            (_, Kind::Redial) => false,
            (Work::Requests(_) | Work::After(_) | Work::Bulk(_), Kind::Daemon) => true,
            (_, Kind::Daemon) => false,
            (Work::Patterns(_) | Work::Metrics(_) | Work::StartWithPresets | Work::Binaries, _) => {
                kind == Kind::Proxy
            }
            _ => true,
        }
    }

    /// Measures one peer, and starts a fresh process if the scenario needs one.
    pub(crate) fn measure(&self, stage: &Stage, peer: &Peer, effort: &Effort) -> Result<Figures> {
        match self.work {
            Work::Requests(load) => requests(&load, peer, effort),
            Work::Bulk(transfer) => bulk(transfer, peer, effort.bulk_bytes),
            Work::Long(transfer) => long(transfer, &stage.start(peer.kind)?, effort),
            Work::After(others) => after(others, peer, effort),
            Work::Streams(count) => streams(count, &stage.start(peer.kind)?, effort),
            Work::Patterns(count) => patterns(count, stage, effort),
            Work::Metrics(on) => metrics(on, stage, effort),
            Work::Start => start(&stage.start(peer.kind)?),
            Work::StartWithPresets => start_with_presets(stage),
            Work::Binaries => Ok(vec![(Measure::Size, stage.binary_bytes()? as f64 / MIB)]),
        }
    }
}

type Figures = Vec<(Measure, f64)>;

fn requests(load: &Load, peer: &Peer, effort: &Effort) -> Result<Figures> {
    let time = Duration::from_secs_f64(effort.seconds);
    let outcome = load::run(load, &peer.address, peer.process.as_ref(), time)?;
    let requests = outcome.requests as f64;
    let mut figures = vec![
        (Measure::MedianLatency, outcome.median_seconds * 1e6),
        (Measure::P99Latency, outcome.p99_seconds * 1e6),
        (Measure::RequestRate, requests / outcome.seconds / 1e3),
    ];
    if peer.process.is_some() {
        figures.insert(0, (Measure::CpuPerRequest, outcome.cpu_seconds / requests * 1e6));
    }
    Ok(figures)
}

fn bulk(transfer: Transfer, peer: &Peer, bytes: u64) -> Result<Figures> {
    // nginx has but its file to send, which is as long as our bodies.
    let fits = if peer.kind == Kind::Nginx { Transfer::DownloadWithLength } else { transfer };
    let outcome = transfer::run(fits, bytes, &peer.address, peer.process.as_ref())?;
    let gigabytes = bytes as f64 / 1e9;
    let mut figures = vec![(Measure::Throughput, gigabytes / outcome.seconds)];
    if peer.process.is_some() {
        figures.push((Measure::CpuPerGigabyte, outcome.cpu_seconds / gigabytes * 1e3));
    }
    Ok(figures)
}

fn long(transfer: Transfer, peer: &Peer, effort: &Effort) -> Result<Figures> {
    let process = process(peer)?;
    // A first, short one touches code and buffers that every stream needs.
    transfer::run(transfer, 16 << 20, &peer.address, None)?;
    process.forget_peak()?;
    let before = process.peak_bytes()?;
    transfer::run(transfer, effort.stream_bytes, &peer.address, None)?;
    Ok(vec![(Measure::Growth, process.peak_bytes()?.saturating_sub(before) as f64 / KIB)])
}

fn streams(count: usize, peer: &Peer, effort: &Effort) -> Result<Figures> {
    let process = process(peer)?;
    let idle = process.resident_bytes()? as f64;
    let mut streams = Streams::open(&peer.address, count, EVENTS_PER_SECOND)?;
    let cpu_before = process.cpu_seconds()?;
    let events = streams.count_events(Duration::from_secs_f64(effort.seconds * 2.0))?;
    let cpu = process.cpu_seconds()? - cpu_before;
    let resident = process.resident_bytes()? as f64;
    Ok(vec![
        (Measure::Resident, resident / MIB),
        (Measure::ResidentPerStream, (resident - idle) / count as f64 / KIB),
        (Measure::CpuPerEvent, cpu / events as f64 * 1e6),
        (Measure::Threads, process.threads()? as f64),
    ])
}

fn patterns(count: usize, stage: &Stage, effort: &Effort) -> Result<Figures> {
    let flag =
        |n| format!(r"-allowGET=/v1\.[0-9]+/containers/service-{n}(-[0-9a-f]+)?/(json|logs)");
    let flags: Vec<String> =
        UNLIMITED.map(String::from).into_iter().chain((1..count).map(flag)).collect();
    let peer = stage.start_as(Kind::Proxy, &flags, |command| command)?;
    let (target, answer_bytes, connections) = ("/v1.43/_ping", 2, Connections::KeptAlive);
    let load = Load { target, answer_bytes, clients: 16, connections };
    let mut figures = requests(&load, &peer, effort)?;
    figures.retain(|(measure, _)| *measure == Measure::CpuPerRequest);
    figures.extend(start(&peer)?);
    Ok(figures)
}

/// What many clients leave behind must not cost the next one.
fn after(others: usize, peer: &Peer, effort: &Effort) -> Result<Figures> {
    let (target, answer_bytes, connections) = ("/v1.43/_ping", 2, Connections::KeptAlive);
    let of = |clients| Load { target, answer_bytes, clients, connections };
    requests(&of(others), peer, effort)?;
    let mut figures = requests(&of(1), peer, effort)?;
    figures.retain(|(m, _)| matches!(m, Measure::CpuPerRequest | Measure::MedianLatency));
    Ok(figures)
}

fn start_with_presets(stage: &Stage) -> Result<Figures> {
    let flag = format!("-allow=all,{}", [PRESETS; 10].join(","));
    let peer = stage.start_as(Kind::Proxy, &[flag], |command| command)?;
    let mut figures = start(&peer)?;
    figures.retain(|(measure, _)| *measure == Measure::Start);
    Ok(figures)
}

fn metrics(on: bool, stage: &Stage, effort: &Effort) -> Result<Figures> {
    let mut flags: Vec<String> = UNLIMITED.map(String::from).to_vec();
    if on {
        flags.push(format!("-metrics={}", Address::unused()?));
    }
    let peer = stage.start_as(Kind::Proxy, &flags, |command| command)?;
    let mut figures = start(&peer)?;
    figures.retain(|(measure, _)| *measure != Measure::Start);
    let (target, answer_bytes, connections) = ("/v1.43/_ping", 2, Connections::KeptAlive);
    let load = Load { target, answer_bytes, clients: 16, connections };
    let mut cost = requests(&load, &peer, effort)?;
    cost.retain(|(measure, _)| *measure == Measure::CpuPerRequest);
    Ok(cost.into_iter().chain(figures).collect())
}

fn start(peer: &Peer) -> Result<Figures> {
    let process = process(peer)?;
    Ok(vec![
        (Measure::Start, process.start.as_secs_f64() * 1e3),
        (Measure::Resident, process.resident_bytes()? as f64 / MIB),
        (Measure::Threads, process.threads()? as f64),
    ])
}

const KIB: f64 = 1024.0;
const MIB: f64 = 1024.0 * 1024.0;

fn process(peer: &Peer) -> Result<&Process> {
    peer.process.as_ref().ok_or_else(|| "not a process of ours".into())
}
