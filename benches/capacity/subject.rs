//! The proxy under test, in its memory cgroup.

use super::cage::Cage;
use super::table::{Ending, Table};
use super::{Arguments, CONNECTIONS_MAX, PER_ADDRESS, PING, PING_BYTES};
use crate::support::Result;
use crate::support::address::{Address, Connection};
use crate::support::load::{exchange, request_bytes};
use crate::support::peers::{Kind, Peer, Stage};
use crate::support::process::Process;
use crate::support::wire::Wire;
use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

/// All limits are the defaults. The rights are those that the loads need.
const FLAGS: [&str; 3] =
    ["-allowPOST=/containers/create", "-allowbindmountfrom=/srv", "-loglevel=error"];

/// How long an admitted client retries: a connection that ends frees its place a
/// moment later.
const SERVED_WITHIN: Duration = Duration::from_secs(5);

/// Runs the proxy in a cage; without cgroups, uncaged.
pub(super) struct Subject {
    pub(super) address: Address,
    // Fields are dropped in this order: the process leaves its cage first.
    pub(super) process: Process,
    cage: Option<Cage>,
    memory_bytes: u64,
}

impl Subject {
    pub(super) fn start(arguments: &Arguments, stage: &Stage) -> Result<Self> {
        let memory_bytes = arguments.memory_mib << 20;
        let cage = Cage::build(memory_bytes);
        let cage = cage.inspect_err(|error| println!("not in a cgroup: {error}")).ok();
        let kind = if arguments.floor { Kind::Floor } else { Kind::Proxy };
        let enclose = |command| match &cage {
            Some(cage) => cage.enclose(&command),
            None => command,
        };
        let Peer { address, process, .. } =
            stage.start_as(kind, &FLAGS.map(String::from), enclose)?;
        Ok(Self { address, process: process.ok_or("not a process")?, cage, memory_bytes })
    }

    /// Records the current memory of the process, and whether it still serves.
    pub(super) fn note(&self, table: &mut Table, step: &str, clients: usize) -> Result<()> {
        let charged = self.cage.as_ref().map(Cage::charged).transpose()?;
        let ending = match self.serves() {
            Err(error) if self.process.resident_bytes().is_err() => {
                Ending::Killed(error.to_string())
            }
            Err(error) => Ending::Deaf(error.to_string()),
            Ok(()) if charged.is_some_and(|one| one.peak > self.memory_bytes) => Ending::Over,
            Ok(()) => Ending::Serves,
        };
        table.add(step, clients, &self.process, charged, ending);
        Ok(())
    }

    /// An admitted client of an address of its own is answered.
    fn serves(&self) -> Result<()> {
        let begun = Instant::now();
        loop {
            match self.ask(Ipv4Addr::new(127, 0, 200, 1)) {
                Err(error) if begun.elapsed() > SERVED_WITHIN => return Err(error),
                Err(_) => thread::sleep(Duration::from_millis(20)),
                Ok(()) => return Ok(()),
            }
        }
    }

    pub(super) fn ask(&self, source: Ipv4Addr) -> Result<()> {
        let mut wire = Wire::new(self.address.connect_from(source)?);
        exchange(&mut wire, &request_bytes(PING), PING_BYTES)
    }

    /// Opens connections from as many addresses of 127.x.y.0/24 as it takes, so that
    /// none is refused for its address's share.
    pub(super) fn connect_many(&self, network: [u8; 2], count: usize) -> Result<Vec<Connection>> {
        debug_assert!(count <= CONNECTIONS_MAX, "more would wait for places");
        let [second, third] = network;
        let host = |index: usize| u8::try_from(1 + index / PER_ADDRESS).unwrap_or(u8::MAX);
        let source = |index| Ipv4Addr::new(127, second, third, host(index));
        (0..count).map(|index| self.address.connect_from(source(index))).collect()
    }
}
