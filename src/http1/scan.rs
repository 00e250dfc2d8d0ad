//! Finds the end of a head, however its bytes are split.
//!
//! **Invariant:** the answer depends on the bytes alone, not on how they were
//! split; no byte is looked at twice but a CR at the end of the received bytes.
//!
//! A head with bytes that no head may contain is refused while it arrives: a TLS
//! client would otherwise hang until a timeout. The bytes are not interpreted here:
//! [`super::Request::parse`] decides about a request without CR.

use super::fields::is_token_byte;
use super::{Error, HEAD_BYTES_MAX};

/// The state of a search for the empty line that ends a head (RFC 9112 §2.1).
/// The default takes CR LF alone as the end of a line.
#[derive(Debug, Default, Clone)]
pub struct HeadScan {
    scanned: usize,
    line_start: usize,
    in_fields: bool,
    takes_bare_lf: bool,
}

impl HeadScan {
    /// A search that takes LF alone as the end of a line too (RFC 9112 §2.2
    /// allows it): Zabbix and `printf … | nc` send such requests.
    #[must_use]
    pub fn of_request() -> Self {
        Self { takes_bare_lf: true, ..Self::default() }
    }

    /// The length of the head at the start of `bytes`, or `None` if its end has
    /// not arrived. Call again with the same bytes and more behind them.
    ///
    /// # Errors
    /// The first byte that cannot be part of a head, or a head over its limit.
    pub fn find_end(&mut self, bytes: &[u8]) -> Result<Option<usize>, Error> {
        if self.scanned == 0
            && let Some(&first) = bytes.first()
            && !is_token_byte(first)
        {
            return Err(if matches!(first, b'\r' | b'\n') {
                Error::LineEnd
            } else {
                Error::NotHttp
            });
        }
        let within_limit = bytes.get(..HEAD_BYTES_MAX).unwrap_or(bytes);
        loop {
            let rest = within_limit.get(self.scanned..).unwrap_or_default();
            let text_bytes = text_bytes(rest);
            self.scanned += text_bytes;
            let Some(&byte) = rest.get(text_bytes) else { break };
            let line_end_bytes = match byte {
                b'\r' => match bytes.get(self.scanned + 1) {
                    None => break,
                    Some(b'\n') => 2,
                    Some(_) => return Err(Error::LineEnd),
                },
                b'\n' if self.takes_bare_lf => 1,
                b'\n' => return Err(Error::LineEnd),
                _ => return Err(Error::Control),
            };
            if self.end_line(line_end_bytes) {
                return self.check_size(self.scanned).map(|()| Some(self.scanned));
            }
        }
        self.check_size(bytes.len()).map(|()| None)
    }

    /// Steps over the end of a line; true if the line was the empty one.
    fn end_line(&mut self, line_end_bytes: usize) -> bool {
        let empty = self.scanned == self.line_start;
        self.scanned += line_end_bytes;
        self.line_start = self.scanned;
        self.in_fields = true;
        empty
    }

    fn check_size(&self, head_bytes: usize) -> Result<(), Error> {
        match head_bytes > HEAD_BYTES_MAX {
            false => Ok(()),
            true if self.in_fields => Err(Error::HeadTooLarge),
            true => Err(Error::TargetTooLong),
        }
    }
}

/// Times a byte, it is that byte in each of eight.
const EACH: u64 = u64::MAX / 255;

/// How many bytes of a line `bytes` begins with, eight at a time where none is rare.
fn text_bytes(bytes: &[u8]) -> usize {
    let (words, _) = bytes.as_chunks::<8>();
    let plain = words.iter().take_while(|word| is_plain(u64::from_ne_bytes(**word))).count() * 8;
    let rest = bytes.get(plain..).unwrap_or_default();
    plain + rest.iter().position(|byte| !is_text(*byte)).unwrap_or(rest.len())
}

/// Whether none of eight bytes is a control, DEL included. A byte below a limit
/// borrows from its high bit when the limit is subtracted.
fn is_plain(word: u64) -> bool {
    let not_del = word ^ (EACH * 0x7f);
    let controls = word.wrapping_sub(EACH * 0x20) & !word;
    let dels = not_del.wrapping_sub(EACH) & !not_del;
    (controls | dels) & (EACH * 0x80) == 0
}

/// How many line feeds there are in `head`, eight bytes at a time.
pub(super) fn count_lines(head: &[u8]) -> usize {
    const LOW: u64 = EACH * 0x7f;
    let (words, rest) = head.as_chunks::<8>();
    let of_word = |word: &[u8; 8]| {
        // A byte that was no line feed gets its high bit: a carry never leaves a byte.
        let others = u64::from_ne_bytes(*word) ^ (EACH * u64::from(b'\n'));
        (!(((others & LOW) + LOW) | others) & !LOW).count_ones() as usize
    };
    let in_words = words.iter().map(of_word).sum::<usize>();
    in_words + rest.iter().filter(|byte| **byte == b'\n').count()
}

/// Bytes within a line (RFC 9110 §5.5).
fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: &[u8], expected: Result<Option<usize>, Error>) {
        check_scan(&HeadScan::default(), head, expected);
        if expected != Err(Error::LineEnd) {
            check_scan(&HeadScan::of_request(), head, expected);
        }
    }

    /// The three ways to deliver: whole, byte by byte, with trailing bytes.
    fn check_scan(fresh: &HeadScan, head: &[u8], expected: Result<Option<usize>, Error>) {
        assert_eq!(fresh.clone().find_end(head), expected, "whole");
        let mut scan = fresh.clone();
        let mut last = Ok(None);
        for end in 1..=head.len() {
            last = scan.find_end(&head[..end]);
            if last != Ok(None) {
                break;
            }
        }
        assert_eq!(last, expected, "byte by byte");
        if matches!(expected, Ok(Some(_))) {
            let longer = [head, b"\x00trailing"].concat();
            assert_eq!(fresh.clone().find_end(&longer), expected, "trailing bytes");
        }
    }

    #[test]
    fn a_head_ends_at_the_first_empty_line() {
        check(b"GET / HTTP/1.1\r\n\r\n", Ok(Some(18)));
        check(b"GET / HTTP/1.1\r\nHost: d\r\n\r\n", Ok(Some(27)));
        check(b"GET / HTTP/1.1\r\nHost: d\r\n", Ok(None));
        check(b"G", Ok(None));
    }

    #[test]
    fn a_byte_that_no_head_has_is_refused_at_once() {
        check(b"\x16\x03\x01", Err(Error::NotHttp));
        check(b"\r\nGET", Err(Error::LineEnd));
        check(b"\nGET", Err(Error::LineEnd));
        check(b"GET / HTTP/1.1\n", Err(Error::LineEnd));
        check(b"GET / HTTP/1.1\r\r\n", Err(Error::LineEnd));
        check(b"GET / HTTP/1.1\r\nA: \x00", Err(Error::Control));
        check(b"GET / HTTP/1.1\r\nA: \x7f", Err(Error::Control));
    }

    #[test]
    fn the_text_of_a_line_ends_at_the_same_byte_however_it_is_looked_for() {
        for byte in 0..=u8::MAX {
            for (length, other) in [(7, b'a'), (8, b' '), (17, 0x80), (24, 0xff), (24, b'~')] {
                for position in 0..length {
                    let mut line = vec![other; length];
                    line[position] = byte;
                    let expected = if is_text(byte) { length } else { position };
                    assert_eq!(text_bytes(&line), expected, "{byte:#x} at {position} of {length}");
                }
            }
        }
    }

    #[test]
    fn lines_are_counted_alike_however_their_ends_lie() {
        for byte in [0, 9, 10, 11, 0x0a | 0x80, 0x7f, 0xff] {
            for at in 0..40 {
                let mut head = [b"ab\n".repeat(11), vec![b'x'; 7]].concat();
                head[at] = byte;
                let expected = head.iter().filter(|byte| **byte == b'\n').count();
                assert_eq!(count_lines(&head), expected, "{byte} at {at}");
            }
        }
        assert_eq!(count_lines(&[b'\n'; 19]), 19);
    }

    #[test]
    fn a_line_of_a_request_may_end_with_lf_alone() {
        let rows = [
            (b"GET / HTTP/1.0\n\n".as_slice(), Ok(Some(16))),
            (b"GET / HTTP/1.0\r\n\n", Ok(Some(17))),
            (b"GET / HTTP/1.0\n\r\n", Ok(Some(17))),
            (b"GET / HTTP/1.1\nHost: d\r\nA: b\n\n", Ok(Some(30))),
            (b"GET / HTTP/1.1\nHost: d\n", Ok(None)),
            (b"\nGET / HTTP/1.1\n\n", Err(Error::LineEnd)),
            (b"GET / HTTP/1.1\r\r\n", Err(Error::LineEnd)),
            (b"GET / HTTP/1.1\n\rA: b\n\n", Err(Error::LineEnd)),
            (b"GET / HTTP/1.1\nA: \x00", Err(Error::Control)),
        ];
        for (head, expected) in rows {
            check_scan(&HeadScan::of_request(), head, expected);
        }
    }

    #[test]
    fn a_head_may_be_as_long_as_its_limit_and_no_longer() {
        let head = |start: &str, bytes: usize, end: &str| {
            let filler = "a".repeat(bytes - start.len() - end.len());
            [start, &filler, end].concat().into_bytes()
        };
        let (fields, target) = ("GET / HTTP/1.1\r\nA: ", "GET /");
        let ends = [(fields, "\r\n\r\n"), (target, " HTTP/1.0\r\n\r\n")];
        for (start, end) in ends {
            check(&head(start, HEAD_BYTES_MAX, end), Ok(Some(HEAD_BYTES_MAX)));
            check(&head(start, HEAD_BYTES_MAX + 1, end), Err(Error::HeadTooLarge));
        }
        check(&head(target, HEAD_BYTES_MAX + 1, ""), Err(Error::TargetTooLong));
        // The same answer for more bytes at once, bad ones among them.
        check(&head(target, 2 * HEAD_BYTES_MAX, "\x00"), Err(Error::TargetTooLong));
        check(&head(target, 2 * HEAD_BYTES_MAX, "\r\n\r\n"), Err(Error::TargetTooLong));
        check(&head(fields, 2 * HEAD_BYTES_MAX, "\r\n\r\n"), Err(Error::HeadTooLarge));
    }
}
