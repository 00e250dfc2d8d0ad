//! One response of the daemon: its head, and its body as it arrives.

use super::call::{Call, Limit, OwnRequest};
use super::error::EngineError;
use super::json_stream::{Bytes, JsonStream};
use crate::http1::{
    self, BodyReader, DAEMON_HOST, FieldStorage, HEAD_BYTES_MAX, INTERIM_RESPONSES_MAX, Method,
    Response,
};
use crate::relay::buffer::BULK_BYTES;
use crate::relay::socket::Socket;
use serde_json::Value;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

/// Time for the next piece of an answer. An inspection waits for a container that
/// is just being started, which takes a second or two on a busy machine.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// The message of an error is for the log.
const MESSAGE_BYTES_MAX: u64 = 4 << 10;

/// An answer whose head has been read.
#[derive(Debug)]
pub(super) struct Incoming {
    call: Call,
    status: u16,
    body: BodyReader,
    /// The decoded data at the start of the buffer, without the bytes already
    /// taken.
    data: Range<usize>,
    /// The bytes of the buffer that this data and its framing occupy.
    consumed: usize,
    /// How much more of the body is read.
    bytes_left: u64,
}

impl Incoming {
    /// Asks on a connection of its own, and reads the head of the answer.
    pub(super) fn to(socket: &Path, target: &str) -> Result<Self, EngineError> {
        Self::within(socket, target, Limit::Piece(ANSWER_LIMIT))
    }

    /// The same with another limit.
    pub(super) fn within(socket: &Path, target: &str, limit: Limit) -> Result<Self, EngineError> {
        let request = OwnRequest { method: Method::Get, target, host: DAEMON_HOST };
        let mut call = Call::ask(Socket::dial(socket)?, request, limit)?;
        let (status, body) = receive_final_head(&mut call, request)?;
        Ok(Self { call, status, body, data: 0..0, consumed: 0, bytes_left: 0 })
    }

    pub(super) fn status(&self) -> u16 {
        self.status
    }

    /// The socket, to wait for more.
    pub(super) fn socket(&self) -> &Socket {
        self.call.socket()
    }

    /// Allows so many further bytes of the body.
    pub(super) fn allow(&mut self, bytes: u64) {
        self.bytes_left = bytes;
    }

    /// Reads the whole body of a 200.
    pub(super) fn read<T, E: From<EngineError>>(
        mut self,
        bytes_max: u64,
        whole: &'static str,
        read: impl FnOnce(&mut JsonStream<Self>) -> Result<T, E>,
    ) -> Result<T, E> {
        if self.status != 200 {
            return Err(self.refusal().into());
        }
        self.bytes_left = bytes_max;
        let mut json = JsonStream::new(self, whole);
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

    /// Decodes the bytes that have arrived; false if they contain no data.
    fn decode(&mut self) -> Result<bool, EngineError> {
        self.call.buffer.consume(std::mem::take(&mut self.consumed));
        let decoded = self.body.decode(self.call.buffer.filled_mut())?;
        (self.data, self.consumed) = (decoded.data, decoded.consumed);
        Ok(!self.data.is_empty())
    }

    /// Whether an event has begun, or `false` before one has; skips the lines'
    /// ends, and does not wait.
    pub(super) fn has_begun(&mut self) -> Result<bool, EngineError> {
        loop {
            while let Some(byte) =
                self.call.buffer.filled().get(self.data.clone()).and_then(<[u8]>::first)
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
            match self.call.receive(BULK_BYTES) {
                Ok(0) => return Err(EngineError::Ended),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The status of the first response that is not an interim one, and how its body
/// is framed.
fn receive_final_head(
    call: &mut Call,
    request: OwnRequest<'_>,
) -> Result<(u16, BodyReader), EngineError> {
    for _ in 0..=INTERIM_RESPONSES_MAX {
        let head_bytes = call.receive_head(HEAD_BYTES_MAX + 1)?;
        let mut storage = FieldStorage::new();
        let head = call.received(head_bytes);
        let response = Response::parse(head, request.asked(), &mut storage)?;
        let (status, body) = (response.status(), BodyReader::from(response.body()));
        let is_final = !response.is_interim();
        call.buffer.consume(head_bytes);
        if is_final {
            return Ok((status, body));
        }
    }
    Err(http1::Error::Interim.into())
}

impl Bytes for Incoming {
    fn piece(&mut self) -> Result<&[u8], EngineError> {
        while self.data.is_empty() {
            if self.decode()? {
                break;
            }
            if self.body.is_done() {
                return Ok(&[]);
            }
            match self.call.receive_some(BULK_BYTES) {
                Err(EngineError::Ended) if self.body.ends_at_close() => return Ok(&[]),
                received => received?,
            }
        }
        if self.bytes_left == 0 {
            return Err(EngineError::TooLarge);
        }
        Ok(self.call.buffer.filled().get(self.data.clone()).unwrap_or_default())
    }

    fn take(&mut self, count: usize) {
        self.data.start = (self.data.start + count).min(self.data.end);
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.bytes_left = self.bytes_left.saturating_sub(count);
    }
}
