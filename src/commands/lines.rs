//! Lines of untrusted input, one after the other, in constant memory.

use std::io::{self, BufRead};

/// The longest line that is read; the target of a request is at most half of it.
pub(super) const LINE_BYTES_MAX: usize = 128 << 10;

/// A line of an input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'b> {
    /// Without its end.
    Whole(&'b [u8]),
    /// Longer than [`LINE_BYTES_MAX`].
    TooLong,
}

/// Gives each line to `read`; the answer is the number of lines.
pub(super) fn for_each(
    mut input: impl BufRead,
    mut read: impl FnMut(u64, Line<'_>),
) -> io::Result<u64> {
    let (mut line, mut is_too_long, mut count) = (Vec::new(), false, 0);
    loop {
        let piece = match input.fill_buf() {
            Ok(piece) => piece,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let end = piece.iter().position(|byte| *byte == b'\n');
        let is_last = piece.is_empty();
        let text = piece.get(..end.unwrap_or(piece.len())).unwrap_or_default();
        is_too_long |= line.len() + text.len() > LINE_BYTES_MAX;
        if !is_too_long {
            line.extend_from_slice(text);
        }
        let used = end.map_or(piece.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() || (is_last && (is_too_long || !line.is_empty())) {
            count += 1;
            read(count, if is_too_long { Line::TooLong } else { Line::Whole(&line) });
            line.clear();
            is_too_long = false;
        }
        if is_last {
            return Ok(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufReader, Read};

    fn lines(input: &[u8], capacity: usize) -> Vec<Option<Vec<u8>>> {
        let mut found = Vec::new();
        let read = |_, line: Line<'_>| match line {
            Line::Whole(line) => found.push(Some(line.to_vec())),
            Line::TooLong => found.push(None),
        };
        for_each(BufReader::with_capacity(capacity, input), read).unwrap();
        found
    }

    #[test]
    fn lines_are_whole_however_they_arrive() {
        let some = |text: &str| Some(text.as_bytes().to_vec());
        for capacity in 1..8 {
            assert_eq!(lines(b"ab\n\ncd", capacity), [some("ab"), some(""), some("cd")]);
            assert_eq!(lines(b"", capacity), []);
            assert_eq!(lines(b"\n", capacity), [some("")]);
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let long = vec![b'x'; LINE_BYTES_MAX + 1];
        let input = [&long[..], b"\nnext\n", &long[..]].concat();
        assert_eq!(lines(&input, 4096), [None, Some(b"next".to_vec()), None]);
        let endless = io::repeat(b'x').take(64 << 20);
        let count = for_each(BufReader::new(endless), |_, line| assert_eq!(line, Line::TooLong));
        assert_eq!(count.unwrap(), 1);
    }
}
