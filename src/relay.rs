//! Moves the bytes of one exchange between two sockets, both ways at once.
//!
//! **Invariant:** upload and download never wait for each other: the Engine
//! answers while it still reads (`/images/load`, `/build`).
//! **Invariant:** there is no time limit on a response, a stream or a tunnel. The
//! clocks here run for a client that has ended its direction, or hung up, only.
//!
//! No decision is taken here: the session chooses what to send, and interprets
//! response heads.

pub mod buffer;
mod flow;
mod skip;
pub mod socket;
mod splice;
mod stall;
pub mod unreachable;
mod width;

pub use flow::{Direction, Flow, Need};
pub use skip::{SKIPPED_BYTES_MAX, SKIPPING_MAX, skip_body};
pub use stall::Stalls;

use crate::http1::{self, BodyReader, Encoding, HeadScan};
pub use width::Width;

use buffer::Buffer;
use rustix::event::{PollFd, PollFlags};
use rustix::net::Shutdown;
use socket::Socket;
use stall::Stall;
use std::io;
use std::time::Duration;

/// How long an exchange may stay without a byte once the client has sent its end of
/// data. It may be gone, or it may still read (half-close, as BusyBox's `nc` does).
/// The daemon is notified, and mostly ends the exchange by itself if it may be
/// ended.
const SILENCE_AFTER_END: Duration = Duration::from_secs(600);

/// How long the last bytes of a client that hung up wait for room at the daemon.
const DELIVERY_AFTER_HANG_UP: Duration = Duration::from_secs(10);

/// How long a connection must be quiet before its buffers are given back. A
/// thousand streams that are silent most of the time need none.
pub const QUIET: Duration = Duration::from_millis(250);

/// Why bytes stopped moving.
#[derive(Debug)]
pub enum Fault {
    /// The client's socket failed.
    Client(io::Error),
    /// The daemon's socket failed.
    Daemon(io::Error),
    /// The client sent its end of data and nothing moved since.
    ClientGone,
    /// Receivers leave too much untaken.
    Stalled,
    /// The sender ended before its message did.
    Truncated(Direction),
    /// The sender's body or head is malformed.
    Framing(Direction, http1::Error),
}

impl Fault {
    fn sender(direction: Direction, error: io::Error) -> Self {
        match direction {
            Direction::Upload => Self::Client(error),
            Direction::Download => Self::Daemon(error),
        }
    }

    fn receiver(direction: Direction, error: io::Error) -> Self {
        match direction {
            Direction::Upload => Self::Daemon(error),
            Direction::Download => Self::Client(error),
        }
    }
}

/// One exchange between a client and a daemon connection of its own.
#[derive(Debug)]
pub struct Relay<'a> {
    client: &'a Socket,
    daemon: &'a Socket,
    /// Client to daemon.
    pub upload: Flow<'a>,
    /// Daemon to client.
    pub download: Flow<'a>,
    client_ended: bool,
    end_passed_on: bool,
    client_hung_up: bool,
    silence_limit: Duration,
    delivery_limit: Duration,
    /// The count of stalled bytes, if there is a limit.
    stalls: Option<&'a Stalls>,
    stall: Option<Stall<'a>>,
}

impl<'a> Relay<'a> {
    /// An exchange in which `upload` is to be sent and nothing is known of the
    /// response.
    pub fn new(
        client: &'a Socket,
        daemon: &'a Socket,
        upload: Flow<'a>,
        download: Flow<'a>,
    ) -> Self {
        Self {
            client,
            daemon,
            upload,
            download,
            client_ended: false,
            end_passed_on: false,
            client_hung_up: false,
            silence_limit: SILENCE_AFTER_END,
            delivery_limit: DELIVERY_AFTER_HANG_UP,
            stalls: None,
            stall: None,
        }
    }

    /// The same exchange, on a connection of that width.
    #[must_use]
    pub fn within(mut self, width: Width, stalls: &'a Stalls) -> Self {
        self.upload = self.upload.within(width);
        self.download = self.download.within(width);
        self.stalls = (width == Width::Narrow).then_some(stalls);
        self
    }

    /// Makes the client's close a reset: for a client that takes the close for
    /// the body's proper end, when it is not.
    pub fn reset_client_on_close(&self) {
        self.client.reset_on_close();
    }

    /// Uploads until the download's buffer holds a whole response head; returns its
    /// length.
    ///
    /// # Errors
    /// Any [`Fault`]; nothing of the response has been written then.
    pub fn await_head(&mut self) -> Result<usize, Fault> {
        let mut scan = HeadScan::default();
        loop {
            if let Some(head_bytes) = scan
                .find_end(self.download.buffer.filled())
                .map_err(|error| Fault::Framing(Direction::Download, error))?
            {
                return Ok(head_bytes);
            }
            let upload = self.upload.step_upload()?;
            let download = self.step_head()?;
            self.wait(upload, download)?;
        }
    }

    /// Uploads until the whole body of the response is received, and returns it
    /// instead of passing it on. `grow` is called for room for that many bytes in
    /// all.
    ///
    /// # Errors
    /// Any [`Fault`]; nothing of the response has been written then.
    pub fn collect<E>(
        &mut self,
        mut reader: BodyReader,
        mut grow: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Result<Vec<u8>, E>, Fault> {
        let mut body = Vec::new();
        loop {
            let received = self.download.buffer.filled_mut();
            let decoded = reader
                .decode(received)
                .map_err(|error| Fault::Framing(Direction::Download, error))?;
            let data = received.get(decoded.data).unwrap_or_default();
            if !data.is_empty()
                && let Err(refused) = grow(body.len() + data.len())
            {
                return Ok(Err(refused));
            }
            body.extend_from_slice(data);
            self.download.buffer.consume(decoded.consumed);
            if reader.is_done() {
                return Ok(Ok(body));
            }
            if decoded.consumed > 0 {
                continue;
            }
            let upload = self.upload.step_upload()?;
            let download = match self.step_head() {
                Err(Fault::Truncated(_)) if reader.ends_at_close() => return Ok(Ok(body)),
                step => step?,
            };
            self.wait(upload, download)?;
        }
    }

    /// Moves both bodies until both are complete.
    ///
    /// # Errors
    /// Any [`Fault`]; the client may have got a part of the response.
    pub fn pump(&mut self) -> Result<(), Fault> {
        loop {
            let download = self.download.step()?;
            let upload = self.upload.step_upload()?;
            if (upload, download) == (Need::Ended, Need::Ended) {
                return Ok(());
            }
            self.wait(upload, download)?;
        }
    }

    /// Moves bytes both ways until each side has ended its direction. The rest of
    /// the request's body goes first.
    ///
    /// # Errors
    /// Either side's I/O.
    pub fn tunnel(&mut self) -> Result<(), Fault> {
        self.download.begin(BodyReader::UntilClose, Encoding::Plain);
        // An end of data seen before the switch is seen again by reading.
        (self.client_ended, self.end_passed_on) = (true, true);
        let (mut upload_ended, mut download_ended) = (false, false);
        let mut body_ended = false;
        loop {
            let download = self.step_output()?;
            let mut upload = self.upload.step_upload()?;
            if upload == Need::Ended && !body_ended {
                body_ended = true;
                self.upload.begin(BodyReader::UntilClose, Encoding::Plain);
                upload = self.upload.step_upload()?;
            }
            pass_on_end(download, &mut download_ended, self.client);
            pass_on_end(upload, &mut upload_ended, self.daemon);
            if upload_ended && download_ended {
                return Ok(());
            }
            self.wait_in_tunnel(upload, download)?;
        }
    }

    /// A daemon that closes a tunnel with input unread, as it does when a process
    /// ends that did not read all of it, resets the connection behind its last
    /// byte. That is the end of both directions, and no fault.
    fn step_output(&mut self) -> Result<Need, Fault> {
        match self.download.step() {
            Err(Fault::Daemon(error)) if error.kind() == io::ErrorKind::ConnectionReset => {
                self.download.abandon();
                self.upload.abandon();
                Ok(Need::Ended)
            }
            result => result,
        }
    }

    /// Receives a part of the response that is not forwarded, and first writes
    /// pending data (a 100) to the client.
    fn step_head(&mut self) -> Result<Need, Fault> {
        if !self.download.prefix.is_empty() && self.download.step()? == Need::Write {
            return Ok(Need::Write);
        }
        if !self.download.readable {
            return Ok(Need::Read);
        }
        let daemon = self.daemon;
        let limit = http1::HEAD_BYTES_MAX + 1;
        match self.download.buffer.fill(limit, |space| daemon.receive(space)) {
            Ok(filled) if filled.bytes == 0 => Err(Fault::Truncated(Direction::Download)),
            Ok(filled) => {
                self.download.readable = filled.all_space;
                Ok(Need::Again)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.download.readable = false;
                Ok(Need::Read)
            }
            Err(error) => Err(Fault::Daemon(error)),
        }
    }

    /// Waits until a flow can go on, and watches the client meanwhile.
    fn wait(&mut self, upload: Need, download: Need) -> Result<(), Fault> {
        if upload == Need::Again || download == Need::Again {
            return Ok(());
        }
        self.pass_on_client_end(upload);
        let limit = self.client_ended.then_some(self.silence_limit);
        let events = self.poll_quietly(upload, download, limit)?;
        if events.is_silence() || events.client.intersects(PollFlags::HUP | PollFlags::ERR) {
            return Err(Fault::ClientGone);
        }
        self.client_ended |= events.client.contains(PollFlags::RDHUP);
        self.heed_daemon_close(&events, download);
        Ok(())
    }

    /// Passes the client's end on to the daemon (Go cancels the request then).
    /// Bytes behind the request go first, if they are ever due: those of a tunnel
    /// that is not open yet, or of another request, where Go would not see the end.
    fn pass_on_client_end(&mut self, upload: Need) {
        if self.client_ended && !self.end_passed_on && upload == Need::Ended {
            self.end_passed_on = true;
            if self.upload.buffer.is_empty() && self.client.is_at_end() {
                self.daemon.shutdown(Shutdown::Write);
            }
        }
    }

    /// A reset is heeded even while bytes of the client wait for room: a daemon that
    /// does not read would keep the connection for ever.
    fn wait_in_tunnel(&mut self, upload: Need, download: Need) -> Result<(), Fault> {
        if upload == Need::Again || download == Need::Again {
            return Ok(());
        }
        let limit = self.client_hung_up.then_some(self.delivery_limit);
        let events = self.poll_quietly(upload, download, limit)?;
        let is_reset = events.client.contains(PollFlags::ERR) && upload != Need::Read;
        let is_closed = events.client.contains(PollFlags::HUP) && upload == Need::Ended;
        if is_reset || is_closed || events.is_silence() {
            return Err(Fault::ClientGone);
        }
        self.client_hung_up |= events.client.contains(PollFlags::HUP);
        self.heed_daemon_close(&events, download);
        Ok(())
    }

    /// A daemon that has closed, after all it sent was read, takes no upload.
    fn heed_daemon_close(&mut self, events: &Events, download: Need) {
        let closed = events.daemon.intersects(PollFlags::HUP | PollFlags::ERR);
        if closed && download == Need::Ended {
            self.upload.abandon();
        }
    }

    /// Counts the bytes that wait for their receivers, or gives up if there are too
    /// many.
    fn count_stalled(&mut self, upload: Need, download: Need) -> Result<(), Fault> {
        let Some(stalls) = self.stalls else { return Ok(()) };
        let of = |need, flow: &Flow<'_>| if need == Need::Write { flow.stalled_bytes() } else { 0 };
        let bytes = of(upload, &self.upload) + of(download, &self.download);
        if bytes != self.stall.as_ref().map_or(0, Stall::bytes) {
            self.stall = None;
            self.stall = Some(stalls.hold(bytes).ok_or(Fault::Stalled)?);
        }
        Ok(())
    }

    /// Polls, and frees memory when nothing has come for a while: all of an upload
    /// that has ended, and the part of a download's buffer that an event does not
    /// need. To free the rest too would cost each event of a stream another
    /// wake-up.
    fn poll_quietly(
        &mut self,
        upload: Need,
        download: Need,
        limit: Option<Duration>,
    ) -> Result<Events, Fault> {
        self.count_stalled(upload, download)?;
        let spare_upload = upload == Need::Ended
            && self.upload.buffer.is_empty()
            && !self.upload.buffer.is_released();
        let spare_download = self.download.buffer.is_larger_than_idle();
        if spare_upload || spare_download {
            let events = self.poll(upload, download, Some(QUIET))?;
            if !events.is_silence() {
                return Ok(events);
            }
            self.upload.buffer.release();
            self.download.buffer.release();
        }
        self.poll(upload, download, limit)
    }

    /// Polls the sockets that a flow waits for. A hang-up is reported whether
    /// one asks or not, so a socket whose hang-up nothing would heed now is left
    /// out: else the loop would spin.
    fn poll(
        &mut self,
        upload: Need,
        download: Need,
        limit: Option<Duration>,
    ) -> Result<Events, Fault> {
        let mut client = PollFlags::empty();
        let mut daemon = PollFlags::empty();
        client.set(PollFlags::IN, upload == Need::Read);
        client.set(PollFlags::OUT, download == Need::Write);
        client.set(PollFlags::RDHUP, !self.client_ended);
        daemon.set(PollFlags::IN, download == Need::Read);
        daemon.set(PollFlags::OUT, upload == Need::Write);
        let client_heeded = !client.is_empty() || !self.client_hung_up || upload == Need::Ended;
        let daemon_heeded = !daemon.is_empty() || download == Need::Ended;
        let mut fds = [PollFd::new(self.client, client), PollFd::new(self.daemon, daemon)];
        let [client_fd, daemon_fd] = &mut fds;
        let ready = match (client_heeded, daemon_heeded) {
            (true, false) => socket::poll(std::slice::from_mut(client_fd), limit),
            (false, true) => socket::poll(std::slice::from_mut(daemon_fd), limit),
            _ => socket::poll(&mut fds, limit),
        };
        let ready = ready.map_err(Fault::Client)?;
        let [client, daemon] = fds.map(|fd| fd.revents());
        let readable = PollFlags::IN | PollFlags::HUP | PollFlags::ERR | PollFlags::RDHUP;
        self.upload.readable |= upload == Need::Read && client.intersects(readable);
        self.download.readable |= download == Need::Read && daemon.intersects(readable);
        Ok(Events { client, daemon, ready })
    }
}

/// The result of a poll.
struct Events {
    client: PollFlags,
    daemon: PollFlags,
    ready: usize,
}

impl Events {
    fn is_silence(&self) -> bool {
        self.ready == 0
    }
}

/// Ends the receiver's direction once, when its sender has ended.
fn pass_on_end(need: Need, passed_on: &mut bool, receiver: &Socket) {
    if need == Need::Ended && !*passed_on {
        *passed_on = true;
        receiver.shutdown(Shutdown::Write);
    }
}

/// The buffers of a session, kept by its thread for the next one.
#[derive(Debug, Default)]
pub struct Buffers {
    /// Received from the client.
    pub client: Buffer,
    /// Received from the daemon.
    pub daemon: Buffer,
    /// Printed for the daemon.
    pub upload_prefix: Vec<u8>,
    /// Printed for the client.
    pub download_prefix: Vec<u8>,
    /// The head of the request in hand.
    pub head: Vec<u8>,
}

impl Buffers {
    /// Frees the memory that only a bulk transfer or a huge head needs.
    pub fn end_exchange(&mut self) {
        self.client.give_back();
        self.daemon.give_back();
        for printed in [&mut self.upload_prefix, &mut self.download_prefix] {
            printed.clear();
            printed.shrink_to(buffer::KEPT_BYTES);
        }
    }

    /// Frees the memory of a huge head.
    pub fn shrink_head(&mut self) {
        self.head.clear();
        self.head.shrink_to(buffer::KEPT_BYTES);
    }

    /// Frees the memory that the next session on this thread does not need.
    pub fn give_back(&mut self) {
        self.client.clear();
        self.daemon.clear();
        self.shrink_head();
        self.end_exchange();
    }
}

#[cfg(test)]
mod tests;
