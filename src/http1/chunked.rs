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
//! Extensions and trailers are checked and dropped. A size has at most sixteen
//! digits and fits an i64, as Go counts it.

use super::fields::is_token_byte;
use super::{CHUNK_LINE_BYTES_MAX, Decoded, Error, TRAILER_BYTES_MAX};

/// The most hexadecimal digits of a size.
const SIZE_DIGITS_MAX: usize = 16;

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
        let mut at = 0;
        while let Some(&byte) = received.get(at) {
            match self.state {
                State::Done => break,
                State::Data { left } => {
                    let available = received.len().saturating_sub(at);
                    let taken = usize::try_from(left).map_or(available, |left| left.min(available));
                    append(received, &mut data, at, taken);
                    at += taken;
                    let left = left.saturating_sub(u64::try_from(taken).unwrap_or(left));
                    self.state = if left == 0 { State::DataCr } else { State::Data { left } };
                }
                state => {
                    self.state = next(state, byte)?;
                    at += 1;
                }
            }
        }
        Ok(Decoded { data, consumed: at })
    }
}

/// Makes `received[at..at + taken]` the continuation of `data`.
fn append(received: &mut [u8], data: &mut std::ops::Range<usize>, at: usize, taken: usize) {
    if data.start == data.end {
        *data = at..at + taken;
    } else {
        received.copy_within(at..at + taken, data.end);
        data.end += taken;
    }
}

/// The state behind one byte of framing.
fn next(state: State, byte: u8) -> Result<State, Error> {
    match state {
        State::Size { value, digits } => size(value, digits, byte),
        State::Extension { value, line_bytes } => extension(value, line_bytes, byte),
        State::SizeLf { value } => match (byte, value) {
            (b'\n', 0) => Ok(State::TrailerStart { bytes: 0 }),
            (b'\n', left) => Ok(State::Data { left }),
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

/// Appends the line that announces a chunk of `size` bytes.
pub(super) fn print_size_line(size: usize, out: &mut Vec<u8>) {
    let digits = (usize::BITS - size.leading_zeros()).div_ceil(4).max(1);
    for position in (0..digits).rev() {
        let nibble = (size >> (position * 4)) & 0x0f;
        out.push(b"0123456789abcdef".get(nibble).copied().unwrap_or(b'0'));
    }
    out.extend_from_slice(b"\r\n");
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
