//! The chunked transfer coding (RFC 9112 §7.1), strict on the way in and
//! canonical on the way out.
//!
//! ```text
//! chunk-size [ ";" extension ] CRLF  data CRLF  …  "0" CRLF  trailers CRLF
//! ```
//!
//! **Invariant:** the decoded bytes depend on the input alone, not on how it was
//! split; nothing is allocated for an announced size.
//!
//! **Invariant:** chunks are never merged when they are passed on, as clients of
//! the Engine take one chunk for one event (docker-py). A chunk may be split.
//!
//! Extensions and trailers are checked and dropped. A size has at most sixteen
//! digits and fits an i64, as Go counts it.

use super::fields::is_token_byte;
use super::{CHUNK_LINE_BYTES_MAX, Decoded, Error, TRAILER_BYTES_MAX};
use std::ops::Range;

/// The most hexadecimal digits of a size.
const SIZE_DIGITS_MAX: usize = 16;

/// Chunks from this size on may be split. The Engine copies bulk data in pieces of
/// 32 KiB; its events and log lines are smaller.
const LARGE_CHUNK_BYTES: u64 = 32 * 1024;

/// Decodes a chunked body as its bytes arrive.
#[derive(Debug, Clone, Default)]
pub struct Decoder {
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the digits of a size.
    Size {
        value: u64,
        digits: usize,
    },
    /// Behind the `;` of an extension.
    Extension {
        value: u64,
        line_bytes: usize,
    },
    /// A size line's CR has been read.
    SizeLf {
        value: u64,
    },
    /// In a chunk's data.
    Data {
        left: u64,
        begun: bool,
    },
    /// Behind a chunk's data.
    DataCr,
    DataLf,
    /// At the start of a trailer line, or of the final empty line.
    TrailerStart {
        bytes: usize,
    },
    TrailerName {
        bytes: usize,
    },
    TrailerValue {
        bytes: usize,
    },
    TrailerLf {
        bytes: usize,
    },
    /// The final CR has been read.
    EndLf,
    Done,
}

impl Default for State {
    fn default() -> Self {
        Self::Size { value: 0, digits: 0 }
    }
}

impl Decoder {
    /// Whether the last byte of the body, framing included, has been read.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Decodes `received` in place: the data of all chunks in it is moved
    /// together at the place of the first. Stops behind the body's end.
    ///
    /// # Errors
    /// [`Error::Chunk`], [`Error::Trailer`]; the decoder is of no use then.
    pub fn decode(&mut self, received: &mut [u8]) -> Result<Decoded, Error> {
        let mut data = 0..0;
        let consumed = self.advance(received, Split::Anywhere, |received, found| {
            if data.start == data.end {
                data = found;
            } else {
                data.end = move_down(received, found, data.end);
            }
        })?;
        Ok(Decoded { data, consumed })
    }

    /// Prints the chunks in `received` anew, in place. Stops behind the body's end,
    /// and before a chunk that must not be `split` and is not there whole.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn rechunk(&mut self, received: &mut [u8], split: Split) -> Result<Chunks, Error> {
        let mut chunks = Chunks::default();
        chunks.consumed = self.advance(received, split, |received, found| {
            chunks.add(received, found);
        })?;
        Ok(chunks)
    }

    /// Reads `received`, and calls `found` with each piece of data in it. Returns
    /// how much was read.
    fn advance(
        &mut self,
        received: &mut [u8],
        split: Split,
        mut found: impl FnMut(&mut [u8], Range<usize>),
    ) -> Result<usize, Error> {
        let mut at = 0;
        while let Some(&byte) = received.get(at) {
            match self.state {
                State::Done => break,
                State::Data { left, begun } => {
                    let available = received.len().saturating_sub(at);
                    let taken = usize::try_from(left).map_or(available, |left| left.min(available));
                    let left = left.saturating_sub(u64::try_from(taken).unwrap_or(left));
                    if left > 0 && !begun && !split.allows(left, taken) {
                        break;
                    }
                    found(received, at..at + taken);
                    at += taken;
                    let begun = true;
                    self.state =
                        if left == 0 { State::DataCr } else { State::Data { left, begun } };
                }
                state => {
                    self.state = next(state, byte)?;
                    at += 1;
                }
            }
        }
        Ok(at)
    }
}

/// Which chunks may be passed on in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// All: nothing waits for the rest of a chunk.
    Anywhere,
    /// Those of 32 KiB and more.
    LargeOnly,
}

impl Split {
    /// Whether a chunk of which `taken` bytes have arrived may be sent without the
    /// rest.
    fn allows(self, left: u64, taken: usize) -> bool {
        let taken = u64::try_from(taken).unwrap_or(u64::MAX);
        self == Self::Anywhere || left.saturating_add(taken) >= LARGE_CHUNK_BYTES
    }
}

/// Chunks that were printed in place, without the first one's size line and the
/// last one's end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chunks {
    /// Size of the first chunk; 0 if there is none.
    pub first_bytes: usize,
    /// Where the printed chunks are.
    pub printed: Range<usize>,
    /// How many bytes of the body are in them.
    pub body_bytes: usize,
    /// How many of the received bytes are processed, framing included.
    pub consumed: usize,
}

impl Chunks {
    /// One chunk that holds all of `data`.
    #[must_use]
    pub fn one(decoded: Decoded) -> Self {
        let Decoded { data: printed, consumed } = decoded;
        Self { first_bytes: printed.len(), body_bytes: printed.len(), printed, consumed }
    }

    /// Adds the chunk whose data was `found`. The separator from the previous chunk
    /// fits: it is the shortest spelling of the framing that was received there.
    fn add(&mut self, received: &mut [u8], found: Range<usize>) {
        self.body_bytes += found.len();
        if self.first_bytes == 0 {
            self.first_bytes = found.len();
            self.printed = found;
            return;
        }
        let line = SizeLine::new(found.len());
        let separator = [b"\r\n", line.as_bytes()];
        let start = self.printed.end;
        let data_start = start + separator.iter().map(|part| part.len()).sum::<usize>();
        self.printed.end = move_down(received, found, data_start);
        let bytes = separator.iter().copied().flatten();
        for (place, byte) in received.iter_mut().skip(start).zip(bytes) {
            *place = *byte;
        }
    }
}

/// Moves `received[found]` down to `start`; returns its new end.
fn move_down(received: &mut [u8], found: Range<usize>, start: usize) -> usize {
    let end = start + found.len();
    if found.start != start {
        received.copy_within(found, start);
    }
    end
}

/// The state behind one byte of framing.
fn next(state: State, byte: u8) -> Result<State, Error> {
    match state {
        State::Size { value, digits } => size(value, digits, byte),
        State::Extension { value, line_bytes } => extension(value, line_bytes, byte),
        State::SizeLf { value } => match (byte, value) {
            (b'\n', 0) => Ok(State::TrailerStart { bytes: 0 }),
            (b'\n', left) => Ok(State::Data { left, begun: false }),
            _ => Err(Error::Chunk),
        },
        State::DataCr if byte == b'\r' => Ok(State::DataLf),
        State::DataLf if byte == b'\n' => Ok(State::default()),
        State::EndLf if byte == b'\n' => Ok(State::Done),
        State::TrailerStart { .. }
        | State::TrailerName { .. }
        | State::TrailerValue { .. }
        | State::TrailerLf { .. } => trailer(state, byte),
        State::EndLf => Err(Error::Trailer),
        State::Data { .. } | State::DataCr | State::DataLf | State::Done => Err(Error::Chunk),
    }
}

fn size(value: u64, digits: usize, byte: u8) -> Result<State, Error> {
    match (char::from(byte).to_digit(16), byte) {
        (Some(digit), _) if digits < SIZE_DIGITS_MAX && value <= (i64::MAX as u64) >> 4 => {
            Ok(State::Size { value: value << 4 | u64::from(digit), digits: digits + 1 })
        }
        (None, b'\r') if digits > 0 => Ok(State::SizeLf { value }),
        (None, b';') if digits > 0 => Ok(State::Extension { value, line_bytes: digits + 1 }),
        _ => Err(Error::Chunk),
    }
}

fn extension(value: u64, line_bytes: usize, byte: u8) -> Result<State, Error> {
    match byte {
        _ if line_bytes >= CHUNK_LINE_BYTES_MAX => Err(Error::Chunk),
        b'\r' => Ok(State::SizeLf { value }),
        b'\t' | b' '..=b'~' => Ok(State::Extension { value, line_bytes: line_bytes + 1 }),
        _ => Err(Error::Chunk),
    }
}

fn trailer(state: State, byte: u8) -> Result<State, Error> {
    let (State::TrailerStart { bytes }
    | State::TrailerName { bytes }
    | State::TrailerValue { bytes }
    | State::TrailerLf { bytes }) = state
    else {
        return Err(Error::Trailer);
    };
    if bytes >= TRAILER_BYTES_MAX {
        return Err(Error::Trailer);
    }
    let bytes = bytes + 1;
    match (state, byte) {
        (State::TrailerStart { .. }, b'\r') => Ok(State::EndLf),
        (State::TrailerStart { .. } | State::TrailerName { .. }, _) if is_token_byte(byte) => {
            Ok(State::TrailerName { bytes })
        }
        (State::TrailerName { .. }, b':') => Ok(State::TrailerValue { bytes }),
        (State::TrailerValue { .. }, b'\t' | b' '..=b'~' | 0x80..) => {
            Ok(State::TrailerValue { bytes })
        }
        (State::TrailerValue { .. }, b'\r') => Ok(State::TrailerLf { bytes }),
        (State::TrailerLf { .. }, b'\n') => Ok(State::TrailerStart { bytes }),
        _ => Err(Error::Trailer),
    }
}

/// The line that announces a chunk.
struct SizeLine {
    bytes: [u8; SIZE_DIGITS_MAX + 2],
    start: usize,
}

impl SizeLine {
    fn new(size: usize) -> Self {
        let mut line = Self { bytes: [0; SIZE_DIGITS_MAX + 2], start: SIZE_DIGITS_MAX + 2 };
        line.put_before(b'\n');
        line.put_before(b'\r');
        let mut left = size;
        loop {
            line.put_before(b"0123456789abcdef".get(left & 0x0f).copied().unwrap_or(b'0'));
            left >>= 4;
            if left == 0 {
                return line;
            }
        }
    }

    fn put_before(&mut self, byte: u8) {
        self.start = self.start.saturating_sub(1);
        if let Some(place) = self.bytes.get_mut(self.start) {
            *place = byte;
        }
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }
}

/// Appends the line that announces a chunk of `size` bytes.
pub(super) fn print_size_line(size: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(SizeLine::new(size).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode_in_pieces(input: &[u8], piece_bytes: usize) -> Result<(Vec<u8>, bool, usize), Error> {
        let mut decoder = Decoder::default();
        let (mut body, mut consumed) = (Vec::new(), 0);
        for piece in input.chunks(piece_bytes) {
            let mut piece = piece.to_vec();
            let decoded = decoder.decode(&mut piece)?;
            body.extend(&piece[decoded.data]);
            consumed += decoded.consumed;
        }
        Ok((body, decoder.is_done(), consumed))
    }

    /// Whole, byte by byte, in threes, and with trailing bytes.
    fn check(input: &str, expected: Result<&str, Error>) {
        let expected = expected.map(|body| (body.as_bytes().to_vec(), true, input.len()));
        for piece_bytes in [input.len(), 1, 3] {
            assert_eq!(decode_in_pieces(input.as_bytes(), piece_bytes), expected, "{input:?}");
        }
        let longer = [input, "GET /x HTTP/1.1"].concat();
        assert_eq!(decode_in_pieces(longer.as_bytes(), longer.len()), expected, "{longer:?}");
    }

    #[test]
    fn a_body_is_the_data_of_its_chunks() {
        check("0\r\n\r\n", Ok(""));
        check("5\r\nhello\r\n0\r\n\r\n", Ok("hello"));
        check("1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n", Ok("abcdef"));
        check("00000005\r\nhello\r\n000\r\n\r\n", Ok("hello"));
        check("A\r\n0123456789\r\n0\r\n\r\n", Ok("0123456789"));
        check("5;a=b; c=\"d\"\r\nhello\r\n0;x\r\nX-T: 1\r\nY:\r\n\r\n", Ok("hello"));
    }

    #[test]
    fn a_malformed_size_line_is_refused() {
        for line in
            ["", "-5", "+5", "5_0", " 5", "5\t", "5 ", "0x5", "5 ext", "5\0", "5;\0", "5;a\rb", "g"]
        {
            check(&format!("{line}\r\nhello\r\n0\r\n\r\n"), Err(Error::Chunk));
        }
        for line in ["00000000000000005", "FFFFFFFFFFFFFFFFF", "8000000000000000"] {
            check(&format!("{line}\r\nhello\r\n0\r\n\r\n"), Err(Error::Chunk));
        }
        check("5\nhello\r\n0\r\n\r\n", Err(Error::Chunk));
        check("5;a\nhello\r\n0\r\n\r\n", Err(Error::Chunk));
        check(&format!("5;{}\r\nhello\r\n0\r\n\r\n", "a".repeat(300)), Err(Error::Chunk));
    }

    #[test]
    fn data_must_end_where_its_size_said() {
        check("5\r\nhelloXX0\r\n\r\n", Err(Error::Chunk));
        check("5\r\nhello\n0\r\n\r\n", Err(Error::Chunk));
        check("5\r\nhello!!\r\n0\r\n\r\n", Err(Error::Chunk));
    }

    #[test]
    fn a_malformed_trailer_is_refused() {
        check("0\r\nX\r\n\r\n", Err(Error::Trailer));
        check("0\r\n X: y\r\n\r\n", Err(Error::Trailer));
        check("0\r\nX: y\nZ: w\r\n\r\n", Err(Error::Trailer));
        check("0\r\n\rx", Err(Error::Trailer));
        check(&format!("0\r\nX: {}\r\n\r\n", "a".repeat(9000)), Err(Error::Trailer));
    }

    #[test]
    fn an_unfinished_body_is_not_done() {
        let body = "5\r\nhello\r\n0\r\nA: b\r\n\r\n";
        for end in 0..body.len() {
            let (_, done, consumed) = decode_in_pieces(&body.as_bytes()[..end], 1000).unwrap();
            assert!(!done && consumed == end, "cut at {end}");
        }
        assert_eq!(decode_in_pieces(b"7FFFFFFFFFFFFFFF\r\nhello", 9).map(|r| r.1), Ok(false));
    }

    /// The printed pieces of a body, as a flow sends them.
    fn rechunked(pieces: &[&str], split: Split) -> Vec<String> {
        let mut decoder = Decoder::default();
        let mut waiting = Vec::new();
        let mut sent = Vec::new();
        for piece in pieces {
            waiting.extend_from_slice(piece.as_bytes());
            let chunks = decoder.rechunk(&mut waiting, split).unwrap();
            if chunks.first_bytes > 0 {
                let mut out = Vec::new();
                print_size_line(chunks.first_bytes, &mut out);
                out.extend_from_slice(&waiting[chunks.printed]);
                sent.push(String::from_utf8(out).unwrap());
            }
            waiting.drain(..chunks.consumed);
        }
        sent
    }

    #[test]
    fn chunks_that_come_together_stay_apart() {
        let body = "1\r\na\r\n02;x=y\r\nbc\r\nA\r\n0123456789\r\n0\r\n\r\n";
        let printed = "1\r\na\r\n2\r\nbc\r\na\r\n0123456789";
        assert_eq!(rechunked(&[body], Split::Anywhere), [printed]);
        assert_eq!(rechunked(&[body], Split::LargeOnly), [printed]);
    }

    #[test]
    fn a_small_chunk_waits_for_its_rest_where_it_must_not_be_split() {
        let pieces = ["3\r\nabc\r\n5", "\r\nhe", "ll", "o", "\r\n1\r\nx\r\n"];
        assert_eq!(rechunked(&pieces, Split::LargeOnly), ["3\r\nabc", "5\r\nhello", "1\r\nx"]);
        let split = ["3\r\nabc", "2\r\nhe", "2\r\nll", "1\r\no", "1\r\nx"];
        assert_eq!(rechunked(&pieces, Split::Anywhere), split);
        assert_eq!(rechunked(&["8000\r\nab", "cd"], Split::LargeOnly), ["2\r\nab", "2\r\ncd"]);
        assert!(rechunked(&["7fff\r\nab", "cd"], Split::LargeOnly).is_empty());
    }

    #[test]
    fn size_lines_are_canonical() {
        for (size, line) in
            [(0, "0\r\n"), (9, "9\r\n"), (10, "a\r\n"), (16, "10\r\n"), (65535, "ffff\r\n")]
        {
            let mut out = Vec::new();
            print_size_line(size, &mut out);
            assert_eq!(out, line.as_bytes());
        }
    }
}
