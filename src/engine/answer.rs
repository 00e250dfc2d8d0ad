//! One answer of the daemon: its head, and its body as it arrives.

use super::ANSWER_LIMIT;
use super::error::EngineError;
use super::json_stream::{Bytes, Json};
use crate::http1::{
    self, Asked, BodyReader, FieldStorage, HEAD_BYTES_MAX, HeadScan, INTERIM_RESPONSES_MAX,
    Response, Takeover,
};
use crate::relay::buffer::{BULK_BYTES, Buffer};
use crate::relay::socket::Socket;
use rustix::event::PollFlags;
use serde_json::Value;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::time::Instant;

/// The message of an error is for the log.
const MESSAGE_BYTES_MAX: u64 = 4 << 10;

/// An answer whose head has been read.
#[derive(Debug)]
pub(super) struct Answer {
    socket: Socket,
    buffer: Buffer,
    status: u16,
    body: BodyReader,
    /// The decoded data at the start of the buffer, without what was taken.
    data: Range<usize>,
    /// What of the buffer that data and its framing take.
    consumed: usize,
    /// How much more of the body is read.
    bytes_left: u64,
}

impl Answer {
    /// Asks on a connection of its own, and reads the head of the answer.
    pub(super) fn to(socket: &Path, target: &str) -> Result<Self, EngineError> {
        let deadline = Instant::now() + ANSWER_LIMIT;
        let socket = Socket::dial(socket)?;
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: {}\r\nUser-Agent: socket-proxy\r\n\
             Connection: close\r\n\r\n",
            http1::DAEMON_HOST
        );
        socket.send_all(head.as_bytes(), deadline)?;
        let mut answer = Self {
            socket,
            buffer: Buffer::default(),
            status: 0,
            body: BodyReader::Done,
            data: 0..0,
            consumed: 0,
            bytes_left: 0,
        };
        answer.read_head()?;
        Ok(answer)
    }
    pub(super) fn status(&self) -> u16 {
        self.status
    }

    /// The socket, to wait for more.
    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Allows so many further bytes of the body.
    pub(super) fn allow(&mut self, bytes: u64) {
        self.bytes_left = bytes;
    }

    fn read_head(&mut self) -> Result<(), EngineError> {
        for _ in 0..=INTERIM_RESPONSES_MAX {
            let mut scan = HeadScan::default();
            let head_bytes = loop {
                match scan.find_end(self.buffer.filled())? {
                    Some(head_bytes) => break head_bytes,
                    None => self.receive_some(HEAD_BYTES_MAX + 1)?,
                }
            };
            let is_final = self.parse_head(head_bytes)?;
            self.buffer.consume(head_bytes);
            if is_final {
                return Ok(());
            }
        }
        Err(http1::Error::Interim.into())
    }

    fn parse_head(&mut self, head_bytes: usize) -> Result<bool, http1::Error> {
        let head = self.buffer.filled().get(..head_bytes).unwrap_or_default();
        let mut storage = FieldStorage::new();
        let response =
            Response::parse(head, Asked { head: false, takeover: Takeover::Never }, &mut storage)?;
        self.status = response.status();
        self.body = BodyReader::from(response.body());
        Ok(!response.is_interim())
    }

    /// Reads the whole body of a 200.
    pub(super) fn read<T, E: From<EngineError>>(
        mut self,
        bytes_max: u64,
        whole: &'static str,
        read: impl FnOnce(&mut Json<Self>) -> Result<T, E>,
    ) -> Result<T, E> {
        if self.status != 200 {
            return Err(self.refusal().into());
        }
        self.bytes_left = bytes_max;
        let mut json = Json::new(self, whole);
        let value = read(&mut json)?;
        json.end()?;
        Ok(value)
    }

    /// The error of another status than 200, with the Engine's message.
    pub(super) fn refusal(mut self) -> EngineError {
        let mut body = Vec::new();
        self.bytes_left = MESSAGE_BYTES_MAX;
        while let Ok(Some(byte)) = self.peek() {
            body.push(byte);
            self.advance();
        }
        let value = serde_json::from_slice::<Value>(&body).ok();
        let message = value.and_then(|value| Some(value.get("message")?.to_string()));
        EngineError::Status(self.status, message.unwrap_or_default())
    }

    /// Decodes what has arrived; false if there is no data in it.
    fn decode(&mut self) -> Result<bool, EngineError> {
        self.buffer.consume(std::mem::take(&mut self.consumed));
        let decoded = self.body.decode(self.buffer.filled_mut())?;
        (self.data, self.consumed) = (decoded.data, decoded.consumed);
        Ok(!self.data.is_empty())
    }

    /// Whether an event has begun, or `false` before one has; skips the lines'
    /// ends, and does not wait.
    pub(super) fn has_begun(&mut self) -> Result<bool, EngineError> {
        loop {
            while let Some(byte) =
                self.buffer.filled().get(self.data.clone()).and_then(<[u8]>::first)
            {
                if !byte.is_ascii_whitespace() {
                    return Ok(true);
                }
                self.data.start += 1;
            }
            if self.decode()? {
                continue;
            }
            if self.body.is_done() {
                return Err(EngineError::Ended);
            }
            match self.receive(BULK_BYTES) {
                Ok(0) => return Err(EngineError::Ended),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn receive(&mut self, bytes_max: usize) -> io::Result<usize> {
        let socket = &self.socket;
        Ok(self.buffer.fill(bytes_max, |space| socket.receive(space))?.bytes)
    }

    /// Receives something, or fails after a while.
    fn receive_some(&mut self, bytes_max: usize) -> Result<(), EngineError> {
        let deadline = Instant::now() + ANSWER_LIMIT;
        loop {
            match self.receive(bytes_max) {
                Ok(0) => return Err(EngineError::Ended),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.socket.wait(PollFlags::IN, deadline)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Bytes for Answer {
    fn piece(&mut self) -> Result<&[u8], EngineError> {
        while self.data.is_empty() {
            if self.decode()? {
                break;
            }
            if self.body.is_done() {
                return Ok(&[]);
            }
            match self.receive_some(BULK_BYTES) {
                Err(EngineError::Ended) if self.body.ends_at_close() => return Ok(&[]),
                received => received?,
            }
        }
        if self.bytes_left == 0 {
            return Err(EngineError::TooLarge);
        }
        Ok(self.buffer.filled().get(self.data.clone()).unwrap_or_default())
    }

    fn take(&mut self, count: usize) {
        self.data.start = (self.data.start + count).min(self.data.end);
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.bytes_left = self.bytes_left.saturating_sub(count);
    }
}
