//! Many clients that repeat one request for a bounded time.
//!
//! Each client is a thread that waits for its answer before it asks again.
//! Every answer is verified: its status, its length, that it is complete.

use super::Result;
use super::address::{Address, Connection};
use super::process::Process;
use super::stats::{median, percentile};
use super::wire::Wire;
use std::io::Write;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Client threads are many and shallow.
const STACK_BYTES: usize = 128 * 1024;

/// Whether clients keep their connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connections {
    KeptAlive,
    OnePerRequest,
}

/// The load that clients make.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) target: &'static str,
    pub(crate) answer_bytes: u64,
    pub(crate) clients: usize,
    pub(crate) connections: Connections,
}

/// The result of a load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    /// CPU time of the watched process.
    pub(crate) cpu_seconds: f64,
    pub(crate) median_seconds: f64,
    pub(crate) p99_seconds: f64,
}

/// Puts a load on a peer, for a fifth of the time unmeasured, then measured.
pub(crate) fn run(
    load: &Load,
    address: &Address,
    watched: Option<&Process>,
    time: Duration,
) -> Result<Outcome> {
    let gate = Gate { ready: Barrier::new(load.clients + 1), phase: AtomicU8::new(WARM_UP) };
    let (latencies, seconds, cpu_seconds) = thread::scope(|scope| -> Result<_> {
        let mut clients = Vec::new();
        for _ in 0..load.clients {
            let builder = thread::Builder::new().stack_size(STACK_BYTES);
            clients.push(builder.spawn_scoped(scope, || client(load, address, &gate))?);
        }
        let spent = measure(&gate, watched, time);
        let mut latencies = Vec::new();
        for client in clients {
            latencies.extend(client.join().map_err(|_| "a client panicked")??);
        }
        let (seconds, cpu_seconds) = spent?;
        Ok((latencies, seconds, cpu_seconds))
    })?;
    Ok(summarise(latencies, seconds, cpu_seconds))
}

const WARM_UP: u8 = 0;
const MEASURED: u8 = 1;
const OVER: u8 = 2;

/// Holds the clients until all are connected, then gives them the start time.
struct Gate {
    ready: Barrier,
    phase: AtomicU8,
}

/// Returns seconds on the wall and on the CPU.
fn measure(gate: &Gate, watched: Option<&Process>, time: Duration) -> Result<(f64, f64)> {
    let cpu = || watched.map_or(Ok(0.0), Process::cpu_seconds);
    gate.ready.wait();
    thread::sleep(time / 5);
    let (cpu_before, begun) = (cpu(), Instant::now());
    gate.phase.store(MEASURED, Ordering::Relaxed);
    thread::sleep(time);
    let (cpu_after, seconds) = (cpu(), begun.elapsed().as_secs_f64());
    gate.phase.store(OVER, Ordering::Relaxed);
    Ok((seconds, cpu_after? - cpu_before?))
}

/// Returns the latencies in nanoseconds of the requests that were measured.
fn client(load: &Load, address: &Address, gate: &Gate) -> Result<Vec<u32>> {
    let request = request_bytes(load.target);
    let mut latencies = Vec::new();
    let connected = address.connect();
    gate.ready.wait();
    let mut wire = Wire::new(connected?);
    loop {
        let begun = Instant::now();
        if load.connections == Connections::OnePerRequest {
            wire.reconnect(address.connect()?);
        }
        exchange(&mut wire, &request, load.answer_bytes)?;
        match gate.phase.load(Ordering::Relaxed) {
            WARM_UP => {}
            MEASURED => latencies.push(u32::try_from(begun.elapsed().as_nanos())?),
            _ => return Ok(latencies),
        }
    }
}

/// A request as Docker's own client writes it.
pub(crate) fn request_bytes(target: &str) -> Vec<u8> {
    let head = "Host: localhost\r\nUser-Agent: Docker-Client/24.0.7 (linux)\r\n\r\n";
    format!("GET {target} HTTP/1.1\r\n{head}").into_bytes()
}

/// One request and its answer, which must be whole and as long as expected.
pub(crate) fn exchange(wire: &mut Wire<Connection>, request: &[u8], bytes: u64) -> Result<()> {
    wire.stream.write_all(request)?;
    let head = wire.response()?;
    let length = wire.skip_body(head.body)?;
    if head.status == 200 && length == bytes {
        return Ok(());
    }
    Err(format!("answered {} with {length} bytes, not 200 with {bytes}", head.status).into())
}

fn summarise(mut latencies: Vec<u32>, seconds: f64, cpu_seconds: f64) -> Outcome {
    Outcome {
        requests: latencies.len() as u64,
        seconds,
        cpu_seconds,
        median_seconds: f64::from(median(&mut latencies)) / 1e9,
        p99_seconds: f64::from(percentile(&mut latencies, 0.99)) / 1e9,
    }
}
