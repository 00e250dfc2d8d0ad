//! Bodies that belong to a number: the reader of one can check that it is the right
//! one, complete, and in order.

use super::support::Result;
use std::io::Write;

/// Bytes that are written or checked at once.
const PIECE_BYTES: usize = 32 * 1024;

/// Makes, or checks, the bytes of one number in order.
#[derive(Debug)]
pub(super) struct Content {
    number: u64,
    position: u64,
}

impl Content {
    pub(super) fn of(number: u64) -> Self {
        Self { number, position: 0 }
    }

    /// Neighbouring numbers, and positions, have different bytes.
    fn byte_at(&self, position: u64) -> u8 {
        let mixed = self.number.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (position >> 3);
        let [low, .., high] = mixed.wrapping_mul(0xD6E8_FEB8_6659_FD93).to_le_bytes();
        low ^ high ^ position.to_le_bytes()[0]
    }

    /// The next so many bytes.
    pub(super) fn next(&mut self, count: usize) -> Vec<u8> {
        let first = self.position;
        self.position += count as u64;
        (first..self.position).map(|position| self.byte_at(position)).collect()
    }

    /// Whether these are the next bytes.
    pub(super) fn check(&mut self, bytes: &[u8]) -> Result<()> {
        if self.next(bytes.len()) == bytes {
            return Ok(());
        }
        Err(format!("foreign bytes before {} of the body {}", self.position, self.number).into())
    }

    /// Sends so many bytes, in chunks if requested; the last chunk ends the body.
    pub(super) fn send(&mut self, to: &mut impl Write, bytes: usize, chunked: bool) -> Result<()> {
        let mut left = bytes;
        while left > 0 {
            let piece = self.next(left.min(PIECE_BYTES));
            left -= piece.len();
            match chunked {
                true => {
                    let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
                    chunk.extend_from_slice(&piece);
                    chunk.extend_from_slice(b"\r\n");
                    to.write_all(&chunk)?;
                }
                false => to.write_all(&piece)?,
            }
        }
        if chunked {
            to.write_all(b"0\r\n\r\n")?;
        }
        Ok(())
    }
}
