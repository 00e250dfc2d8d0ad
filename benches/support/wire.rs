//! HTTP/1.1 as far as a benchmark needs it, for both of its ends.
//!
//! Bodies are counted, not kept. This parser trusts its peers, which are our
//! own helpers or the proxies under test; it's no model for the proxy's own.

use super::Result;
use std::io::{self, Read, Write};

/// First size of the reading buffer: a connection for one small request must cost its
/// ends little, like a connection of Go's `net/http`.
const BUFFER_BYTES: usize = 8 * 1024;
/// Its size once reads fill it; large, lest the ends be the bottleneck.
const BUFFER_BYTES_MAX: usize = 256 * 1024;
/// The content of bulk bodies.
static PAYLOAD: [u8; 256 * 1024] = [b'x'; 256 * 1024];
/// The Engine streams archives with Go's `io.Copy`, which moves this much.
const GO_COPY_BYTES: usize = 32 * 1024;
/// More fields than any message here has.
const FIELDS_MAX: usize = 64;

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    Length(u64),
    Chunked,
    UntilClose,
}

/// The head of a request or a response.
#[derive(Debug)]
pub(crate) struct Head {
    /// Zero in requests.
    pub(crate) status: u16,
    /// Empty in responses.
    pub(crate) target: String,
    pub(crate) body: Body,
    /// Whether the sender wants to close the connection afterwards.
    pub(crate) close: bool,
}

/// One end of a connection with its reading buffer.
#[derive(Debug)]
pub(crate) struct Wire<S> {
    pub(crate) stream: S,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl<S: Read> Wire<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, buffer: vec![0; BUFFER_BYTES], start: 0, end: 0 }
    }

    /// Goes on with another connection in the same buffer.
    pub(crate) fn reconnect(&mut self, stream: S) {
        self.stream = stream;
        self.start = 0;
        self.end = 0;
    }

    /// Reads a request's head; `None` when the client has closed.
    pub(crate) fn request(&mut self) -> Result<Option<Head>> {
        self.head(parse_request)
    }

    /// Reads a response's head.
    pub(crate) fn response(&mut self) -> Result<Head> {
        self.head(parse_response)?.ok_or_else(|| "closed before a response".into())
    }

    /// Reads once, and takes a response with a length off the buffer if it is whole.
    pub(crate) fn response_in_pieces(&mut self) -> Result<Option<Head>> {
        if self.fill()? == 0 {
            return Err("closed before a response".into());
        }
        let received = &self.buffer[self.start..self.end];
        let Some((head, length)) = parse_response(received)? else { return Ok(None) };
        let Body::Length(bytes) = head.body else {
            return Err("a response without a length".into());
        };
        let whole = length + usize::try_from(bytes)?;
        if received.len() < whole {
            return Ok(None);
        }
        self.start += whole;
        Ok(Some(head))
    }

    fn head(&mut self, parse: fn(&[u8]) -> Result<Parsed>) -> Result<Option<Head>> {
        loop {
            if let Some((head, length)) = parse(&self.buffer[self.start..self.end])? {
                self.start += length;
                return Ok(Some(head));
            }
            if self.fill()? == 0 {
                return if self.start == self.end { Ok(None) } else { Err("cut head".into()) };
            }
        }
    }

    /// Reads a body to its end and returns how long it was.
    pub(crate) fn skip_body(&mut self, body: Body) -> Result<u64> {
        self.read_body(body, &mut |_| Ok(()))
    }

    /// Reads a body to its end, and shows each piece as it comes; returns how long
    /// it was.
    pub(crate) fn read_body(
        &mut self,
        body: Body,
        show: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<u64> {
        match body {
            Body::Length(length) => self.read(length, show).map(|()| length),
            Body::Chunked => self.read_chunks(show),
            Body::UntilClose => self.read_to_close(show),
        }
    }

    /// Reads exactly so many bytes.
    pub(crate) fn skip(&mut self, bytes: u64) -> Result<()> {
        self.read(bytes, &mut |_| Ok(()))
    }

    /// Reads exactly so many bytes, and shows each piece as it comes.
    pub(crate) fn read(
        &mut self,
        mut bytes: u64,
        show: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        loop {
            let now = bytes.min((self.end - self.start) as u64) as usize;
            show(&self.buffer[self.start..self.start + now])?;
            self.start += now;
            bytes -= now as u64;
            if bytes == 0 {
                return Ok(());
            }
            if self.fill()? == 0 {
                return Err(format!("closed {bytes} bytes before the end").into());
            }
        }
    }

    fn read_chunks(&mut self, show: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<u64> {
        let mut total = 0;
        loop {
            let size = self.chunk_size()?;
            self.read(size, show)?;
            self.skip(2)?;
            if size == 0 {
                return Ok(total);
            }
            total += size;
        }
    }

    fn chunk_size(&mut self) -> Result<u64> {
        loop {
            let seen = &self.buffer[self.start..self.end];
            if let Some(length) = seen.iter().position(|&byte| byte == b'\n') {
                let line = std::str::from_utf8(&seen[..length])?;
                let size = u64::from_str_radix(line.trim_end(), 16)?;
                self.start += length + 1;
                return Ok(size);
            }
            if self.fill()? == 0 {
                return Err("closed within chunks".into());
            }
        }
    }

    fn read_to_close(&mut self, show: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<u64> {
        let mut total = 0;
        loop {
            show(&self.buffer[self.start..self.end])?;
            total += (self.end - self.start) as u64;
            self.start = self.end;
            if self.fill()? == 0 {
                return Ok(total);
            }
        }
    }

    /// Reads once, behind the buffered bytes, which move to make room. A read that
    /// fills the buffer makes it larger.
    fn fill(&mut self) -> io::Result<usize> {
        if self.start == self.end || self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let read = self.stream.read(&mut self.buffer[self.end..])?;
        self.end += read;
        if self.end == self.buffer.len() && self.end < BUFFER_BYTES_MAX {
            self.buffer.resize(self.end * 2, 0);
        }
        Ok(read)
    }
}

/// A head and its length, when it is whole.
type Parsed = Option<(Head, usize)>;

fn parse_request(bytes: &[u8]) -> Result<Parsed> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut request = httparse::Request::new(&mut fields);
    let httparse::Status::Complete(length) = request.parse(bytes)? else { return Ok(None) };
    let target = request.path.unwrap_or_default().to_owned();
    let (body, close) = framing(request.headers, Body::Length(0))?;
    Ok(Some((Head { status: 0, target, body, close }, length)))
}

fn parse_response(bytes: &[u8]) -> Result<Parsed> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut response = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(length) = response.parse(bytes)? else { return Ok(None) };
    let (body, close) = framing(response.headers, Body::UntilClose)?;
    let status = response.code.unwrap_or_default();
    Ok(Some((Head { status, target: String::new(), body, close }, length)))
}

fn framing(fields: &[httparse::Header<'_>], otherwise: Body) -> Result<(Body, bool)> {
    let mut body = otherwise;
    let mut close = false;
    for field in fields {
        if field.name.eq_ignore_ascii_case("content-length") {
            body = Body::Length(std::str::from_utf8(field.value)?.parse()?);
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
            body = Body::Chunked;
        } else if field.name.eq_ignore_ascii_case("connection") {
            close = field.value.eq_ignore_ascii_case(b"close");
        }
    }
    Ok((body, close))
}

/// Sends so many bytes in large writes.
pub(crate) fn write_bulk(stream: &mut impl Write, mut bytes: u64) -> io::Result<()> {
    while bytes > 0 {
        let now = bytes.min(PAYLOAD.len() as u64);
        stream.write_all(&PAYLOAD[..now as usize])?;
        bytes -= now;
    }
    Ok(())
}

/// Sends so many bytes in chunks, with the writes that Go's `net/http` makes:
/// a chunk's line leaves alone, its data follows, its end waits for the next.
pub(crate) fn write_chunks(stream: &mut impl Write, mut bytes: u64) -> io::Result<()> {
    let mut line = Vec::with_capacity(16);
    while bytes > 0 {
        let now = bytes.min(GO_COPY_BYTES as u64);
        write!(line, "{now:x}\r\n")?;
        stream.write_all(&line)?;
        stream.write_all(&PAYLOAD[..now as usize])?;
        line.clear();
        line.extend_from_slice(b"\r\n");
        bytes -= now;
    }
    line.extend_from_slice(b"0\r\n\r\n");
    stream.write_all(&line)
}
