//! The end of a body: determined here, in the order of RFC 9112 §6.3, and nowhere
//! else.
//!
//! **Invariant:** a message has one framing. Content-Length beside
//! Transfer-Encoding, repeats, lists and signs have no value here; they are errors.

use super::Error;
use super::chunked::{self, Chunks, Decoder, Split};
use super::fields::Single;
use std::num::NonZeroU64;
use std::ops::Range;

/// How a request's body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestBody {
    /// No body.
    Empty,
    /// That many bytes.
    Length(NonZeroU64),
    /// Chunks (RFC 9112 §7.1).
    Chunked,
}

/// How a response's body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseBody {
    /// No body; a Content-Length only announces one (HEAD, 304).
    Empty {
        /// The length that the daemon announces.
        announced: Option<u64>,
    },
    /// That many bytes.
    Length(NonZeroU64),
    /// Chunks.
    Chunked,
    /// All bytes until the daemon closes.
    UntilClose,
    /// No HTTP any more, in both directions (after 101).
    Tunnel,
}

/// The framing fields of a head, before they are judged.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct FramingFields<'a> {
    pub(super) content_length: Single<'a>,
    pub(super) transfer_encoding: Single<'a>,
}

impl FramingFields<'_> {
    /// Whether there is none.
    pub(super) fn is_absent(self) -> bool {
        self.content_length.value().is_none() && self.transfer_encoding.value().is_none()
    }

    /// The framing of a request.
    ///
    /// # Errors
    /// Any ambiguity about the end of the body.
    pub(super) fn request_body(self, allows_chunked: bool) -> Result<RequestBody, Error> {
        if self.is_chunked(allows_chunked)? {
            return Ok(RequestBody::Chunked);
        }
        let length = self.length()?.and_then(NonZeroU64::new);
        Ok(length.map_or(RequestBody::Empty, RequestBody::Length))
    }

    /// The framing of a response whose status and request allow a body.
    ///
    /// # Errors
    /// Any ambiguity about the end of the body.
    pub(super) fn response_body(self, allows_chunked: bool) -> Result<ResponseBody, Error> {
        if self.is_chunked(allows_chunked)? {
            return Ok(ResponseBody::Chunked);
        }
        Ok(match self.length()? {
            None => ResponseBody::UntilClose,
            Some(length) => match NonZeroU64::new(length) {
                Some(length) => ResponseBody::Length(length),
                None => ResponseBody::Empty { announced: Some(0) },
            },
        })
    }

    /// The announced length of a response that has no body.
    pub(super) fn announced(self, allows_chunked: bool) -> Result<Option<u64>, Error> {
        if self.is_chunked(allows_chunked)? { Ok(None) } else { self.length() }
    }

    fn is_chunked(self, allows_chunked: bool) -> Result<bool, Error> {
        let Some(coding) = self.transfer_encoding.value() else { return Ok(false) };
        if self.content_length.value().is_some() {
            return Err(Error::ContentLength);
        }
        if !allows_chunked {
            return Err(Error::TransferEncoding);
        }
        if coding.eq_ignore_ascii_case(b"chunked") { Ok(true) } else { Err(Error::TransferCoding) }
    }

    fn length(self) -> Result<Option<u64>, Error> {
        self.content_length.value().map(decimal).transpose()
    }
}

/// `1*DIGIT` without leading zeros, up to 2^63 - 1: Go counts lengths in an i64.
fn decimal(digits: &[u8]) -> Result<u64, Error> {
    let leading_zero = digits.len() > 1 && digits.first() == Some(&b'0');
    if digits.is_empty() || leading_zero || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Error::ContentLength);
    }
    let value = std::str::from_utf8(digits).ok().and_then(|text| text.parse::<i64>().ok());
    value.and_then(|value| u64::try_from(value).ok()).ok_or(Error::ContentLength)
}

/// Takes a body out of received bytes.
#[derive(Debug, Clone)]
pub enum BodyReader {
    /// The body is complete.
    Done,
    /// That many bytes are to come.
    Length(NonZeroU64),
    /// Chunks are to come.
    Chunked(Decoder),
    /// All bytes are body, until the sender closes.
    UntilClose,
}

/// The result of decoding a piece of received bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Where body bytes now are in the received bytes, without gaps.
    pub data: Range<usize>,
    /// How many of the received bytes are processed, framing included.
    pub consumed: usize,
}

impl BodyReader {
    /// Whether the body is complete.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Whether the sender's close is a proper end here.
    #[must_use]
    pub fn ends_at_close(&self) -> bool {
        matches!(self, Self::UntilClose)
    }

    /// Finds the body bytes in `received`, and moves them together where chunk
    /// framing lies between them. Bytes behind the body are not consumed.
    ///
    /// # Errors
    /// [`Error::Chunk`] or [`Error::Trailer`].
    pub fn decode(&mut self, received: &mut [u8]) -> Result<Decoded, Error> {
        match self {
            Self::Done => Ok(Decoded { data: 0..0, consumed: 0 }),
            Self::UntilClose => Ok(Decoded { data: 0..received.len(), consumed: received.len() }),
            Self::Length(left) => {
                let available = u64::try_from(received.len()).unwrap_or(u64::MAX);
                let taken = usize::try_from(left.get().min(available)).unwrap_or(received.len());
                *self = match NonZeroU64::new(left.get().saturating_sub(available)) {
                    Some(left) => Self::Length(left),
                    None => Self::Done,
                };
                Ok(Decoded { data: 0..taken, consumed: taken })
            }
            Self::Chunked(decoder) => {
                let decoded = decoder.decode(received)?;
                if decoder.is_done() {
                    *self = Self::Done;
                }
                Ok(decoded)
            }
        }
    }

    /// The same for a body that is sent on in chunks, which are printed in place.
    /// A body that is not received in chunks becomes one with each call.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn rechunk(&mut self, received: &mut [u8], split: Split) -> Result<Chunks, Error> {
        let Self::Chunked(decoder) = self else { return self.decode(received).map(Chunks::one) };
        let chunks = decoder.rechunk(received, split)?;
        if decoder.is_done() {
            *self = Self::Done;
        }
        Ok(chunks)
    }

    /// How many bytes that follow are body and nothing else, as far as is known.
    #[must_use]
    pub fn unframed_bytes(&self) -> u64 {
        match self {
            Self::Length(left) => left.get(),
            Self::UntilClose => u64::MAX,
            Self::Done | Self::Chunked(_) => 0,
        }
    }

    /// The least that is still to come, as far as is known.
    #[must_use]
    pub fn rest_bytes_min(&self) -> u64 {
        match self {
            Self::Length(left) => left.get(),
            Self::Done | Self::Chunked(_) | Self::UntilClose => 0,
        }
    }

    /// Notes that `bytes` of the body went past outside of [`Self::decode`].
    pub fn skip(&mut self, bytes: u64) {
        if let Self::Length(left) = self {
            *self =
                NonZeroU64::new(left.get().saturating_sub(bytes)).map_or(Self::Done, Self::Length);
        }
    }
}

impl From<RequestBody> for BodyReader {
    fn from(body: RequestBody) -> Self {
        match body {
            RequestBody::Empty => Self::Done,
            RequestBody::Length(length) => Self::Length(length),
            RequestBody::Chunked => Self::Chunked(Decoder::default()),
        }
    }
}

impl From<ResponseBody> for BodyReader {
    fn from(body: ResponseBody) -> Self {
        match body {
            ResponseBody::Empty { .. } => Self::Done,
            ResponseBody::Length(length) => Self::Length(length),
            ResponseBody::Chunked => Self::Chunked(Decoder::default()),
            ResponseBody::UntilClose | ResponseBody::Tunnel => Self::UntilClose,
        }
    }
}

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// The bytes themselves.
    Plain,
    /// Canonical chunks: no extensions, no trailers.
    Chunked,
}

impl Encoding {
    /// Appends the framing before `data_bytes` bytes of the body.
    pub fn print_before(self, data_bytes: usize, out: &mut Vec<u8>) {
        if self == Self::Chunked && data_bytes > 0 {
            chunked::print_size_line(data_bytes, out);
        }
    }

    /// The framing behind a piece of the body, and behind the last one.
    #[must_use]
    pub fn after(self, has_data: bool, is_last: bool) -> &'static [u8] {
        match (self, has_data, is_last) {
            (Self::Plain, ..) | (Self::Chunked, false, false) => b"",
            (Self::Chunked, true, false) => b"\r\n",
            (Self::Chunked, true, true) => b"\r\n0\r\n\r\n",
            (Self::Chunked, false, true) => b"0\r\n\r\n",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(text: &str) -> Result<u64, Error> {
        decimal(text.as_bytes())
    }

    #[test]
    fn a_length_is_one_plain_decimal() {
        for (text, value) in [("0", 0), ("5", 5), ("9223372036854775807", i64::MAX as u64)] {
            assert_eq!(length(text), Ok(value));
        }
        let bad = ["", "+5", "-1", "-0", "005", "5e0", "5 0", "5,5", ",5", "5,", "0x5", "5_0", "٥"];
        for text in bad.into_iter().chain(["9223372036854775808", "18446744073709551621"]) {
            assert_eq!(length(text), Err(Error::ContentLength), "{text}");
        }
    }

    #[test]
    fn a_body_of_known_length_leaves_what_follows() {
        let mut reader = BodyReader::Length(NonZeroU64::new(3).unwrap());
        assert_eq!(reader.decode(&mut b"ab".to_vec()), Ok(Decoded { data: 0..2, consumed: 2 }));
        assert!(!reader.is_done());
        assert_eq!(reader.decode(&mut b"cGET".to_vec()), Ok(Decoded { data: 0..1, consumed: 1 }));
        assert!(reader.is_done());
    }

    #[test]
    fn chunks_are_written_canonically() {
        let mut out = Vec::new();
        Encoding::Chunked.print_before(26, &mut out);
        Encoding::Chunked.print_before(0, &mut out);
        Encoding::Plain.print_before(5, &mut out);
        assert_eq!(out, b"1a\r\n");
    }
}
