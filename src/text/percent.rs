//! Percent-encoding (RFC 3986 §2.1): the one decoder and the one encoder.
//!
//! This deliberately does not choose the characters to encode, nor treat a
//! malformed escape: a path and a judged query refuse it, the log shows it.

/// A byte of an encoded text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// A byte as it is.
    Plain(u8),
    /// The byte of an escape.
    Escaped(u8),
    /// A `%` that begins no escape.
    Malformed,
}

/// Reads a text byte by byte.
pub fn pieces(text: &str) -> impl Iterator<Item = Piece> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let (&first, tail) = rest.split_first()?;
        let escaped = match tail {
            [high, low, after @ ..] if first == b'%' => {
                value(*high, *low).map(|byte| (byte, after))
            }
            _ => None,
        };
        let (piece, after) = match escaped {
            Some((byte, after)) => (Piece::Escaped(byte), after),
            None if first == b'%' => (Piece::Malformed, tail),
            None => (Piece::Plain(first), tail),
        };
        rest = after;
        Some(piece)
    })
}

/// Decodes a text once; `None` if an escape is malformed.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Plain(byte) | Piece::Escaped(byte) => bytes.push(byte),
            Piece::Malformed => return None,
        }
    }
    Some(bytes)
}

/// A byte as an escape.
#[must_use]
pub fn encode(byte: u8) -> [u8; 3] {
    [b'%', hex_digit(byte >> 4), hex_digit(byte & 0x0f)]
}

fn hex_digit(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0' + nibble,
        _ => b'A' + (nibble - 10),
    }
}

fn value(high: u8, low: u8) -> Option<u8> {
    let digit = |byte| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_once() {
        let rows = [
            ("a%2Fb%2fc", Some("a/b/c")),
            ("%2525", Some("%25")),
            ("a+b", Some("a+b")),
            ("", Some("")),
            ("%", None),
            ("%2", None),
            ("%zz", None),
            ("%+1", None),
            ("%%41", None),
        ];
        for (text, expected) in rows {
            assert_eq!(decode(text).as_deref(), expected.map(str::as_bytes), "{text}");
        }
    }

    #[test]
    fn a_malformed_escape_takes_nothing_with_it() {
        let pieces: Vec<_> = pieces("%%41").collect();
        assert_eq!(pieces, [Piece::Malformed, Piece::Escaped(b'A')]);
    }

    #[test]
    fn every_byte_is_encoded_to_what_decodes_to_it() {
        for byte in 0..=u8::MAX {
            let encoded = String::from_utf8(encode(byte).to_vec()).unwrap();
            assert_eq!(decode(&encoded), Some(vec![byte]));
        }
        assert_eq!(&encode(0xaf), b"%AF");
    }
}
