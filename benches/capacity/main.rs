//! Shows how many clients the proxy serves at once within 64 MiB of memory,
//! counted with the kernel's share, and that short connections leave nothing.
//!
//! `cargo bench --bench capacity` prints a table. Unlike times, these are
//! judged: a refused client, a broken stream, a missing 503 or a process that
//! grows makes the exit code 1. Clients have addresses of the loopback
//! network, so that one machine plays many.

#[path = "../support/mod.rs"]
mod support;

mod attack;
mod cage;
mod table;

use argh::FromArgs;
use cage::Cage;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};
use support::address::{Address, Connection};
use support::load::{self, Connections, Load, exchange, request_bytes};
use support::peers::{Kind, Peer, Stage};
use support::process::Process;
use support::streams::Streams;
use support::wire::Wire;
use support::{Result, play_role_if_asked, process};
use table::Table;

/// The configuration under test; all else is left at its default.
const CONNECTIONS_MAX: usize = 1560;
/// The default of `-maxconnectionsperclient`.
const CONNECTIONS_PER_CLIENT_MAX: usize = 768;
const STREAMS: usize = 1000;
const KEPT_ALIVE: usize = 512;
/// Connections for each address where that many are wanted that none is
/// refused.
const PER_ADDRESS: usize = 250;
const PING: &str = "/v1.43/_ping";
const PING_BYTES: u64 = 2;
/// How much a process may differ after many connections: threads that wait
/// for work come and go.
const GROWTH_BYTES_MAX: u64 = 256 * 1024;

/// Shows how many clients the proxy serves within little memory.
#[derive(FromArgs)]
struct Arguments {
    /// mebibytes of the memory cgroup
    #[argh(option, default = "64")]
    memory_mib: u64,
    /// how many short connections are made
    #[argh(option, default = "100_000")]
    connections: usize,
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
    let outcome = many_at_once(&arguments, &stage, &mut table)
        .and_then(|()| short_connections(&arguments, &stage, &mut table))
        .and_then(|()| match arguments.floor {
            true => Ok(()),
            false => attack::unfinished(&arguments, &stage, &mut table),
        });
    println!("{table}");
    outcome
}

fn limits_under_test() -> [String; 2] {
    [
        format!("-maxconnections={CONNECTIONS_MAX}"),
        format!("-maxconnectionsperclient={CONNECTIONS_PER_CLIENT_MAX}"),
    ]
}

/// Runs the proxy in a cage; without cgroups, uncaged.
struct Subject {
    address: Address,
    // Fields are dropped in this order: the process leaves its cage first.
    process: Process,
    cage: Option<Cage>,
}

impl Subject {
    fn start(arguments: &Arguments, stage: &Stage, flags: &[String]) -> Result<Self> {
        let cage = Cage::build(arguments.memory_mib << 20);
        let cage = cage.inspect_err(|error| println!("not in a cgroup: {error}")).ok();
        let kind = if arguments.floor { Kind::Floor } else { Kind::Proxy };
        let enclose = |command| match &cage {
            Some(cage) => cage.enclose(&command),
            None => command,
        };
        let Peer { address, process, .. } = stage.start_as(kind, flags, enclose)?;
        Ok(Self { address, process: process.ok_or("not a process")?, cage })
    }

    fn note(&self, table: &mut Table, step: &str, clients: usize) -> Result<()> {
        let charged = self.cage.as_ref().map(Cage::charged).transpose()?;
        table.add(step, clients, &self.process, charged)
    }

    /// Opens connections from as many addresses of a network as it takes.
    fn connect_many(&self, network: u8, count: usize) -> Result<Vec<Connection>> {
        let host = |index: usize| u8::try_from(1 + index / PER_ADDRESS).unwrap_or(u8::MAX);
        let source = |index| Ipv4Addr::new(127, 0, network, host(index));
        (0..count).map(|index| self.address.connect_from(source(index))).collect()
    }
}

/// Streams and idle clients at once, then more than the limits allow.
fn many_at_once(arguments: &Arguments, stage: &Stage, table: &mut Table) -> Result<()> {
    let subject = Subject::start(arguments, stage, &limits_under_test())?;
    subject.note(table, "at rest", 0)?;
    let mut streams = Streams::begin(subject.connect_many(1, STREAMS)?, 0)?;
    subject.note(table, "event streams", STREAMS)?;
    let mut kept = keep_alive(subject.connect_many(2, KEPT_ALIVE)?)?;
    subject.note(table, "and keep-alive clients", STREAMS + KEPT_ALIVE)?;
    for wire in &mut kept {
        exchange(wire, &request_bytes(PING), PING_BYTES)?;
    }
    let (answer_bytes, connections) = (PING_BYTES, Connections::OnePerRequest);
    let load = Load { target: PING, answer_bytes, clients: 16, connections };
    load::run(&load, &subject.address, None, Duration::from_secs(1))?;
    subject.note(table, "and 16 that come and go", STREAMS + KEPT_ALIVE + 16)?;
    if !arguments.floor {
        limits(&subject, STREAMS + KEPT_ALIVE, table)?;
    }
    let events = streams.count_events(Duration::from_secs(3))?;
    if events < STREAMS as u64 {
        return Err(format!("{events} events came for {STREAMS} streams").into());
    }
    drop((streams, kept));
    Ok(())
}

/// Fills the proxy to its limits and beyond.
fn limits(subject: &Subject, open: usize, table: &mut Table) -> Result<()> {
    let left = CONNECTIONS_MAX - open;
    let filling = keep_alive(subject.connect_many(3, left)?)?;
    expect_refusals(subject, Ipv4Addr::new(127, 0, 4, 1), 50)?;
    subject.note(table, "full; 50 more got 503", CONNECTIONS_MAX)?;
    drop(filling);
    drop(keep_alive_when_there_is_room(subject)?);
    Ok(())
}

/// After connections have ended, their places are free again, if not at once.
fn keep_alive_when_there_is_room(subject: &Subject) -> Result<Vec<Wire<Connection>>> {
    let begun = Instant::now();
    loop {
        match keep_alive(subject.connect_many(5, 1)?) {
            Ok(kept) => return Ok(kept),
            Err(error) if begun.elapsed() > Duration::from_secs(5) => return Err(error),
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
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

/// One address at its limit, then many connections that end at once.
fn short_connections(arguments: &Arguments, stage: &Stage, table: &mut Table) -> Result<()> {
    let subject = Subject::start(arguments, stage, &limits_under_test())?;
    if !arguments.floor {
        let source = Ipv4Addr::new(127, 0, 6, 1);
        let connect = |_| subject.address.connect_from(source);
        let connections = (0..CONNECTIONS_PER_CLIENT_MAX).map(connect).collect::<Result<_>>()?;
        let kept = keep_alive(connections)?;
        expect_refusals(&subject, source, 50)?;
        drop(keep_alive(subject.connect_many(7, 1)?)?);
        subject.note(table, "one address; 50 more got 503", kept.len())?;
    }
    come_and_go(&subject, arguments.connections / 10)?;
    subject.note(table, "after the first tenth of them", 0)?;
    let (memory, descriptors) = (at_rest(&subject)?, subject.process.descriptors()?);
    come_and_go(&subject, arguments.connections - arguments.connections / 10)?;
    let grown = at_rest(&subject)?.saturating_sub(memory);
    let step = format!("after {} short connections", arguments.connections);
    subject.note(table, &step, 0)?;
    if grown > GROWTH_BYTES_MAX || subject.process.descriptors()? > descriptors {
        return Err(format!("grew by {} KiB, or by descriptors", grown / 1024).into());
    }
    Ok(())
}

/// Makes connections of one request each, sixteen at a time.
fn come_and_go(subject: &Subject, count: usize) -> Result<()> {
    let (threads, request) = (16, request_bytes(PING));
    let some = || -> Result<()> {
        let mut wire = Wire::new(subject.address.connect()?);
        for _ in 0..count / threads {
            wire.reconnect(subject.address.connect()?);
            exchange(&mut wire, &request, PING_BYTES)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..threads).map(|_| scope.spawn(some)).collect();
        let join = |client: thread::ScopedJoinHandle<'_, Result<()>>| client.join();
        clients.into_iter().try_for_each(|client| join(client).map_err(|_| "a client panicked")?)
    })
}

/// Resident bytes when the last connection has ended.
fn at_rest(subject: &Subject) -> Result<u64> {
    let begun = Instant::now();
    let mut last = subject.process.descriptors()?;
    loop {
        thread::sleep(Duration::from_millis(100));
        let now = subject.process.descriptors()?;
        if now == last || begun.elapsed() > Duration::from_secs(5) {
            return subject.process.resident_bytes();
        }
        last = now;
    }
}
