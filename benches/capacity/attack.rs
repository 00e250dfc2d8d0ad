//! Unfinished requests that make the proxy hold what it received, with the limits
//! that are meant for 64 MiB: it must live on, and serve others meanwhile.

use super::table::Table;
use super::{Arguments, PING, PING_BYTES, Subject};
use crate::support::Result;
use crate::support::address::Connection;
use crate::support::load::{exchange, request_bytes};
use crate::support::peers::Stage;
use crate::support::wire::Wire;
use std::io::Write;
use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;

/// Attackers of one address, within its share of the places.
const PER_ADDRESS: usize = 250;

pub(super) fn unfinished(arguments: &Arguments, stage: &Stage, table: &mut Table) -> Result<()> {
    let flags = [
        "-maxconnections=1024",
        "-maxconnectionsperclient=768",
        "-allowPOST=/containers/create",
        "-allowbindmountfrom=/srv",
        "-headertimeout=30",
        "-loglevel=error",
    ];
    let head = format!("GET {PING} HTTP/1.1\r\nHost: d\r\nX: {}", "y".repeat(127 * 1024));
    let small = format!("GET {PING} HTTP/1.1\r\nHost: d\r\nX: {}", "y".repeat(4000));
    let body = format!(
        "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n\
         Content-Length: 1048576\r\n\r\n{}",
        "[".repeat(1_048_575)
    );
    for (step, count, bytes) in [
        ("unfinished heads of 4 KiB", 750, &small),
        ("unfinished heads of 127 KiB", 750, &head),
        ("unfinished judged bodies of 1 MiB", 500, &body),
    ] {
        let subject = Subject::start(arguments, stage, &flags.map(String::from))?;
        let attackers = attack(&subject, count, bytes.as_bytes())?;
        subject.note(table, step, count)?;
        let mut client = Wire::new(subject.address.connect_from(Ipv4Addr::new(127, 0, 9, 1))?);
        exchange(&mut client, &request_bytes(PING), PING_BYTES)?;
        drop(attackers);
    }
    Ok(())
}

/// Sends at the same time, as attackers do; who is refused stops.
fn attack(subject: &Subject, count: usize, bytes: &[u8]) -> Result<Vec<Connection>> {
    let host = |index: usize| u8::try_from(1 + index / PER_ADDRESS).unwrap_or(u8::MAX);
    let attackers: Result<Vec<_>> = (0..count)
        .map(|index| subject.address.connect_from(Ipv4Addr::new(127, 0, 8, host(index))))
        .collect();
    let mut attackers = attackers?;
    thread::scope(|scope| {
        for share in attackers.chunks_mut(count.div_ceil(16)) {
            scope.spawn(|| share.iter_mut().for_each(|attacker| drop(attacker.write_all(bytes))));
        }
    });
    // What is on its way arrives.
    thread::sleep(Duration::from_secs(1));
    Ok(attackers)
}
