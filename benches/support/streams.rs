//! Many event streams at once, as dashboards and reverse proxies hold them.

use super::Result;
use super::address::{Address, Connection};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{Read, Write};
use std::time::{Duration, Instant};

/// Open streams, each of which has had its first event.
#[derive(Debug)]
pub(crate) struct Streams {
    connections: Vec<Connection>,
}

impl Streams {
    /// Opens so many streams, which get so many events per second together
    /// (0: one each).
    pub(crate) fn open(address: &Address, count: usize, rate: u64) -> Result<Self> {
        let connections = (0..count).map(|_| Ok(address.connect()?)).collect::<Result<_>>()?;
        Self::begin(connections, rate)
    }

    /// Asks for events on connections that the caller made. All ask before the
    /// first is awaited, since HAProxy holds back first events for 200 ms
    /// (it says `MSG_MORE` with them).
    pub(crate) fn begin(mut connections: Vec<Connection>, rate: u64) -> Result<Self> {
        let target = format!("/v1.43/events?rate={rate}");
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        for connection in &mut connections {
            connection.write_all(request.as_bytes())?;
        }
        for connection in &mut connections {
            await_event(connection)?;
        }
        Ok(Self { connections })
    }

    /// Reads all streams for a while and returns how many events came.
    pub(crate) fn count_events(&mut self, time: Duration) -> Result<u64> {
        let begun = Instant::now();
        let mut buffer = vec![0; 64 * 1024];
        let mut events = 0;
        while begun.elapsed() < time {
            for index in self.ready()? {
                let length = self.connections[index].read(&mut buffer)?;
                if length == 0 {
                    return Err("a stream ended".into());
                }
                events += count(&buffer[..length]);
            }
        }
        Ok(events)
    }

    fn ready(&self) -> Result<Vec<usize>> {
        let watch = |connection| PollFd::new(connection, PollFlags::IN);
        let mut watched: Vec<PollFd<'_>> = self.connections.iter().map(watch).collect();
        poll(&mut watched, Some(&Timespec { tv_sec: 0, tv_nsec: 50_000_000 }))?;
        let ready = watched.iter().enumerate().filter(|(_, one)| !one.revents().is_empty());
        Ok(ready.map(|(index, _)| index).collect())
    }
}

fn await_event(connection: &mut Connection) -> Result<()> {
    let mut buffer = [0; 4096];
    let mut length = connection.read(&mut buffer)?;
    let status = buffer[..length].get(..12).map(String::from_utf8_lossy);
    if status.as_deref() != Some("HTTP/1.1 200") {
        return Err(format!("a stream began with {status:?}").into());
    }
    while count(&buffer[..length]) == 0 {
        length = connection.read(&mut buffer)?;
        if length == 0 {
            return Err("a stream ended before its first event".into());
        }
    }
    Ok(())
}

/// Each event has one opening brace, and nothing else on the wire has any.
fn count(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'{').count() as u64
}
