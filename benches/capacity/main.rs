//! Shows the memory that the proxy uses under each kind of load, in a cgroup of
//! 64 MiB with the kernel's share, and that it lives and serves.
//!
//! `cargo bench --bench capacity` prints a table. Unlike times, these are
//! judged: a proxy that was killed or does not answer, a missing 503, or a process
//! that grows makes the exit code 1. Clients have addresses of the loopback
//! network, so that one machine plays many; those of 127.1.0.0/16 are strangers.

#[path = "../support/mod.rs"]
mod support;

mod cage;
mod crowd;
mod mixed;
mod subject;
mod table;

use argh::FromArgs;
use crowd::Habit;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;
use subject::Subject;
use support::address::Connection;
use support::load::{exchange, request_bytes};
use support::peers::Stage;
use support::rest::AtRest;
use support::wire::Wire;
use support::{Result, play_role_if_asked, process};
use table::Table;

/// The default of `-maxconnections`.
const CONNECTIONS_MAX: usize = 1024;
/// All places but one, for the client that must be served.
const ALL: usize = CONNECTIONS_MAX - 1;
/// The default of `-maxconnectionsperclient`.
const CONNECTIONS_PER_CLIENT_MAX: usize = 768;
/// Connections for each address where that many are wanted that none is
/// refused.
const PER_ADDRESS: usize = 250;
const PING: &str = "/v1.43/_ping";
const PING_BYTES: u64 = 2;
/// How much a process may differ after many connections: threads that wait
/// for work come and go.
const GROWTH_BYTES_MAX: u64 = 256 * 1024;
/// Longer than a head may take.
const DRIBBLING: Duration = Duration::from_secs(12);

/// Addresses 127.x.y.0/24 of clients, and of strangers.
const CLIENTS: [u8; 2] = [0, 1];
const STRANGERS: [u8; 2] = [1, 1];

/// A crowd for each step, each with a proxy of its own.
const CROWDS: [(&str, Habit, [u8; 2], usize); 14] = [
    ("event streams", Habit::Stream, CLIENTS, ALL),
    ("event streams, and bytes behind the request", Habit::Behind, CLIENTS, ALL),
    ("strangers: heads of 127 KiB, unfinished", Habit::Head(127 * 1024), STRANGERS, 510),
    ("heads of 4 KiB, unfinished", Habit::Head(4000), CLIENTS, ALL),
    ("heads of 127 KiB, unfinished", Habit::Head(127 * 1024), CLIENTS, ALL),
    ("judged bodies of 1 MiB, unfinished", Habit::Body, CLIENTS, 250),
    ("judged bodies of 1 MiB, unfinished", Habit::Body, CLIENTS, 750),
    ("a byte of a head each second", Habit::Dribble, CLIENTS, 1000),
    ("downloads, never read", Habit::Download("length", 0), CLIENTS, ALL),
    ("downloads, read for 1 MiB", Habit::Download("length", 1 << 20), CLIENTS, ALL),
    ("downloads in chunks, read for 1 MiB", Habit::Download("chunked", 1 << 20), CLIENTS, ALL),
    ("uploads that the daemon does not read", Habit::Upload("length"), CLIENTS, ALL),
    ("uploads in chunks, likewise", Habit::Upload("chunked"), CLIENTS, ALL),
    ("tunnels that neither end reads", Habit::Tunnel, CLIENTS, ALL),
];

/// Shows the memory that the proxy uses under each kind of load.
#[derive(FromArgs)]
struct Arguments {
    /// mebibytes of the memory cgroup
    #[argh(option, default = "64")]
    memory_mib: u64,
    /// how many short connections are made
    #[argh(option, default = "100_000")]
    connections: usize,
    /// seconds of all loads at the same time
    #[argh(option, default = "60")]
    mixed_seconds: u64,
    /// only steps whose name contains this
    #[argh(option, default = "String::new()")]
    only: String,
    /// the proxy's binary, if not the one that cargo has just built
    #[argh(option, default = "env!(\"CARGO_BIN_EXE_socket-proxy\").into()")]
    proxy: PathBuf,
    /// measure the floor relay instead, which has no limits
    #[argh(switch)]
    floor: bool,
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
    let stage = Stage::set(arguments.proxy.clone())?;
    let mut table = Table::default();
    let outcome = measure(&arguments, &stage, &mut table);
    println!("\n{table}");
    outcome?;
    match table.failures() {
        failures if failures.is_empty() => Ok(()),
        failures => Err(failures.join("; ").into()),
    }
}

fn measure(arguments: &Arguments, stage: &Stage, table: &mut Table) -> Result<()> {
    let wanted = |step: &str| step.contains(&arguments.only);
    if wanted("at rest") {
        Subject::start(arguments, stage)?.note(table, "at rest", 0)?;
    }
    for (step, habit, network, count) in CROWDS {
        if wanted(step) {
            crowd(&Subject::start(arguments, stage)?, (step, habit, network, count), table)?;
        }
    }
    if wanted("full") && !arguments.floor {
        limits(&Subject::start(arguments, stage)?, table)?;
    }
    if wanted("all mixed") {
        let subject = Subject::start(arguments, stage)?;
        let mixed = mixed::run(&subject, Duration::from_secs(arguments.mixed_seconds));
        subject.note(table, &format!("all mixed, {} s", arguments.mixed_seconds), ALL)?;
        eprintln!("short requests served meanwhile: {}", mixed?);
    }
    if wanted("short connections") {
        short_connections(arguments, &Subject::start(arguments, stage)?, table)?;
    }
    Ok(())
}

/// Holds a crowd while it is looked at. One that a killed proxy has dispersed leaves
/// its row in the table.
fn crowd(
    subject: &Subject,
    (step, habit, network, count): (&str, Habit, [u8; 2], usize),
    table: &mut Table,
) -> Result<()> {
    let gathered = habit.gather(subject, network, count);
    let mut crowd = gathered.inspect_err(|error| eprintln!("{step}: {error}")).ok();
    if let (Some(crowd), Habit::Dribble) = (&mut crowd, habit) {
        crowd.dribble(DRIBBLING);
    }
    subject.note(table, step, count)?;
    match &mut crowd {
        Some(crowd) => crowd.check_streams(count),
        None => Ok(()),
    }
}

/// Fills the proxy to its limits and beyond: all places, and those of one address.
fn limits(subject: &Subject, table: &mut Table) -> Result<()> {
    let filling = keep_alive(subject.connect_many(CLIENTS, CONNECTIONS_MAX)?)?;
    expect_refusals(subject, Ipv4Addr::new(127, 0, 4, 1), 50)?;
    drop(filling);
    subject.note(table, "full; 50 more got 503", CONNECTIONS_MAX)?;
    let source = Ipv4Addr::new(127, 0, 6, 1);
    let connect = |_| subject.address.connect_from(source);
    let connections = (0..CONNECTIONS_PER_CLIENT_MAX).map(connect).collect::<Result<_>>()?;
    let kept = keep_alive(connections)?;
    expect_refusals(subject, source, 50)?;
    subject.note(table, "one address is full; 50 more got 503", kept.len())
}

/// Each connection asks once and stays.
fn keep_alive(connections: Vec<Connection>) -> Result<Vec<Wire<Connection>>> {
    let request = request_bytes(PING);
    let kept = connections.into_iter().map(|connection| {
        let mut wire = Wire::new(connection);
        exchange(&mut wire, &request, PING_BYTES).map(|()| wire)
    });
    kept.collect()
}

fn expect_refusals(subject: &Subject, source: Ipv4Addr, count: usize) -> Result<()> {
    for _ in 0..count {
        let mut wire = Wire::new(subject.address.connect_from(source)?);
        wire.stream.write_all(&request_bytes(PING))?;
        let status = wire.response()?.status;
        if status != 503 {
            return Err(format!("a client too many got {status}, not 503").into());
        }
    }
    Ok(())
}

/// Many connections that end at once leave nothing behind.
fn short_connections(arguments: &Arguments, subject: &Subject, table: &mut Table) -> Result<()> {
    come_and_go(subject, arguments.connections / 10)?;
    subject.note(table, "after the first tenth of the short connections", 0)?;
    let before = AtRest::of(&subject.process)?;
    come_and_go(subject, arguments.connections - arguments.connections / 10)?;
    let after = AtRest::of(&subject.process)?;
    let step = format!("after {} short connections", arguments.connections);
    subject.note(table, &step, 0)?;
    match before.has_grown(&after, GROWTH_BYTES_MAX) {
        true => Err(format!("grew from {before:?} to {after:?}").into()),
        false => Ok(()),
    }
}

/// Makes connections of one request each, sixteen at a time, each from an address of
/// its own: one has fewer ports than connections are made before they are free again.
fn come_and_go(subject: &Subject, count: usize) -> Result<()> {
    let (threads, request) = (16, request_bytes(PING));
    let some = |source: Ipv4Addr| -> Result<()> {
        let mut wire = Wire::new(subject.address.connect_from(source)?);
        for _ in 0..count / usize::from(threads) {
            wire.reconnect(subject.address.connect_from(source)?);
            exchange(&mut wire, &request, PING_BYTES)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let sources = (0..threads).map(|index| Ipv4Addr::new(127, 0, 100 + index, 1));
        let clients: Vec<_> = sources.map(|source| scope.spawn(move || some(source))).collect();
        let join = |client: thread::ScopedJoinHandle<'_, Result<()>>| client.join();
        clients.into_iter().try_for_each(|client| join(client).map_err(|_| "a client panicked")?)
    })
}
