//! Finds the end of a head, whichever way its bytes arrive.
//!
//! **Invariant:** the answer depends on the bytes alone, not on how they were
//! split; no byte is looked at twice but a CR at the end of what has arrived.
//!
//! A head that is malformed in its bytes is refused while it arrives, so that a
//! TLS client does not hang until a time limit. What the bytes mean is not
//! decided here.

use super::fields::is_token_byte;
use super::{Error, HEAD_BYTES_MAX, TARGET_BYTES_MAX};

/// Room in the first line for what is not the target.
const START_LINE_REST_BYTES_MAX: usize = 32;

/// The state of a search for the empty line that ends a head (RFC 9112 §2.1).
#[derive(Debug, Default, Clone)]
pub struct HeadScan {
    scanned: usize,
    line_start: usize,
    in_fields: bool,
}

impl HeadScan {
    /// The length of the head at the start of `bytes`, or `None` if its end has
    /// not arrived. Call again with the same bytes and more behind them.
    ///
    /// # Errors
    /// The first byte that cannot be part of a head, or a head over its limits.
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
        while let Some(&byte) = bytes.get(self.scanned) {
            match byte {
                b'\r' => match bytes.get(self.scanned + 1) {
                    None => break,
                    Some(b'\n') => {
                        if self.end_line() {
                            return self.check_size(self.scanned).map(|()| Some(self.scanned));
                        }
                    }
                    Some(_) => return Err(Error::LineEnd),
                },
                b'\n' => return Err(Error::LineEnd),
                b'\t' | b' '..=b'~' | 0x80.. => self.scanned += 1,
                _ => return Err(Error::Control),
            }
        }
        self.check_size(bytes.len()).map(|()| None)
    }

    /// Steps over CR LF; true if the line was the empty one.
    fn end_line(&mut self) -> bool {
        let empty = self.scanned == self.line_start;
        self.scanned += 2;
        self.line_start = self.scanned;
        self.in_fields = true;
        empty
    }

    fn check_size(&self, head_bytes: usize) -> Result<(), Error> {
        if !self.in_fields && head_bytes > TARGET_BYTES_MAX + START_LINE_REST_BYTES_MAX {
            return Err(Error::TargetTooLong);
        }
        if head_bytes > HEAD_BYTES_MAX { Err(Error::HeadTooLarge) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The three ways to deliver: whole, byte by byte, with trailing bytes.
    fn check(head: &[u8], expected: Result<Option<usize>, Error>) {
        assert_eq!(HeadScan::default().find_end(head), expected, "whole");
        let mut scan = HeadScan::default();
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
            assert_eq!(HeadScan::default().find_end(&longer), expected, "trailing bytes");
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
    fn a_head_over_its_limits_is_refused_before_it_ends() {
        let long_target = [b"GET /".as_slice(), &vec![b'a'; TARGET_BYTES_MAX + 64]].concat();
        assert_eq!(HeadScan::default().find_end(&long_target), Err(Error::TargetTooLong));
        let long_field =
            [b"GET / HTTP/1.1\r\nA: ".as_slice(), &vec![b'a'; HEAD_BYTES_MAX]].concat();
        assert_eq!(HeadScan::default().find_end(&long_field), Err(Error::HeadTooLarge));
    }
}
