//! Many clients that repeat one request for a bounded time.
//!
//! Each client waits for its answer before it asks again. One thread serves them all
//! in the order in which answers come: clients that are threads would wait for the
//! processors among the proxy's threads, and their wait would count as its latency.
//! Every answer is verified: its status, its length, that it is complete.

use super::Result;
use super::address::{Address, Connection};
use super::process::Process;
use super::stats::{median, percentile};
use super::wire::{Body, Head, Wire};
use rustix::event::epoll;
use rustix::fd::OwnedFd;
use std::io::Write;
use std::time::{Duration, Instant};

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
    let cpu = || watched.map_or(Ok(0.0), Process::cpu_seconds);
    let mut crowd = Crowd::gather(load, address)?;
    crowd.ask_until(Instant::now() + time / 5)?;
    crowd.latencies.clear();
    let (cpu_before, begun) = (cpu()?, Instant::now());
    crowd.ask_until(begun + time)?;
    let (cpu_after, seconds) = (cpu()?, begun.elapsed().as_secs_f64());
    let latencies = std::mem::take(&mut crowd.latencies);
    crowd.await_the_last()?;
    Ok(summarise(latencies, seconds, cpu_after - cpu_before))
}

/// The clients, and the latencies in nanoseconds of their answers.
struct Crowd<'a> {
    load: &'a Load,
    address: &'a Address,
    request: Vec<u8>,
    /// An epoll; an event's data is the client's number.
    ready: OwnedFd,
    clients: Vec<Client>,
    latencies: Vec<u32>,
}

struct Client {
    wire: Wire<Connection>,
    asked: Instant,
}

/// The most events that one wait returns.
const EVENTS_MAX: usize = 64;
/// A crowd that gets no answer for so long has failed.
const SILENCE_MAX: rustix::event::Timespec = rustix::event::Timespec { tv_sec: 20, tv_nsec: 0 };

impl<'a> Crowd<'a> {
    /// Connects all clients, then lets each ask.
    fn gather(load: &'a Load, address: &'a Address) -> Result<Self> {
        let request = request_bytes(load.target);
        let ready = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let (mut clients, latencies) = (Vec::new(), Vec::new());
        for _ in 0..load.clients {
            clients.push(Client { wire: Wire::new(address.connect()?), asked: Instant::now() });
        }
        let mut crowd = Self { load, address, request, ready, clients, latencies };
        for number in 0..load.clients {
            crowd.watch(number)?;
            crowd.ask(number, Instant::now())?;
        }
        Ok(crowd)
    }

    fn watch(&self, number: usize) -> Result<()> {
        let (data, flags) = (epoll::EventData::new_u64(number as u64), epoll::EventFlags::IN);
        Ok(epoll::add(&self.ready, &self.clients[number].wire.stream, data, flags)?)
    }

    fn ask(&mut self, number: usize, asked: Instant) -> Result<()> {
        let client = &mut self.clients[number];
        client.asked = asked;
        Ok(client.wire.stream.write_all(&self.request)?)
    }

    /// Each client that was answered asks again.
    fn ask_until(&mut self, end: Instant) -> Result<()> {
        while Instant::now() < end {
            for number in self.receive()? {
                let asked = Instant::now();
                if self.load.connections == Connections::OnePerRequest {
                    // The old connection leaves `ready` as it is closed.
                    self.clients[number].wire.reconnect(self.address.connect()?);
                    self.watch(number)?;
                }
                self.ask(number, asked)?;
            }
        }
        Ok(())
    }

    /// Receives the answers for which all clients wait, before connections are closed.
    fn await_the_last(&mut self) -> Result<()> {
        let mut waiting = self.clients.len();
        while waiting > 0 {
            waiting -= self.receive()?.len();
        }
        Ok(())
    }

    /// Waits for events, and returns the clients with a whole answer.
    fn receive(&mut self) -> Result<Vec<usize>> {
        let mut events = Vec::with_capacity(EVENTS_MAX);
        epoll::wait(&self.ready, rustix::buffer::spare_capacity(&mut events), Some(&SILENCE_MAX))?;
        if events.is_empty() {
            return Err("no answer comes".into());
        }
        let mut answered = Vec::new();
        for event in &events {
            let number = usize::try_from(event.data.u64())?;
            let client = &mut self.clients[number];
            if let Some(head) = client.wire.response_in_pieces()? {
                check(&head, self.load.answer_bytes)?;
                self.latencies.push(u32::try_from(client.asked.elapsed().as_nanos())?);
                answered.push(number);
            }
        }
        Ok(answered)
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
    let body = Body::Length(wire.skip_body(head.body)?);
    check(&Head { body, ..head }, bytes)
}

fn check(head: &Head, bytes: u64) -> Result<()> {
    if head.status == 200 && head.body == Body::Length(bytes) {
        return Ok(());
    }
    Err(format!("answered {} with {:?}, not 200 with {bytes} bytes", head.status, head.body).into())
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
