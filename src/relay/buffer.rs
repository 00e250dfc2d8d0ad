//! Received bytes that wait to be processed.
//!
//! **Invariant:** a buffer grows only for a sender that fills it, never above the
//! current limit, and [`Buffer::give_back`] frees the memory of a bulk transfer: a
//! thousand silent streams cost a thousand small buffers.

use std::io;

/// The initial size. Most heads and events fit.
const SMALL_BYTES: usize = 1024;

/// The most that stays allocated between two exchanges; it saves ordinary responses
/// an allocation each.
pub(super) const KEPT_BYTES: usize = 16 * 1024;

/// The most that a body's transfer receives, and so sends, in one call. From
/// 64 KiB on a download costs twice the processor time, as measured; a packet holds
/// a little less, so each call probably sends a full one and a tiny one behind.
pub const BULK_BYTES: usize = 48 * 1024;

/// A growing, compacting byte queue.
#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    was_filled: bool,
}

impl Buffer {
    /// The received bytes.
    #[must_use]
    pub fn filled(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// The received bytes, to be decoded in place.
    pub fn filled_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.start..self.end).unwrap_or_default()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Drops the first `count` received bytes.
    pub fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
    }

    /// Calls `receive` once with free space and keeps the received bytes. Returns
    /// their number, and whether they filled the space.
    ///
    /// # Errors
    /// That of `receive`; `OutOfMemory` if `bytes_max` are held already.
    pub fn fill(
        &mut self,
        bytes_max: usize,
        receive: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<Filled> {
        self.make_room(bytes_max);
        let space = self.bytes.get_mut(self.end..).unwrap_or_default();
        if space.is_empty() {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        let space_bytes = space.len();
        let count = receive(space)?.min(space_bytes);
        self.end += count;
        self.was_filled = count == space_bytes;
        Ok(Filled { bytes: count, all_space: self.was_filled })
    }

    /// Frees everything, if nothing waits: for a connection that has gone quiet.
    pub fn release(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }

    /// How much memory is held.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Whether no memory is held.
    #[must_use]
    pub fn is_released(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether more is held, unused, than an occasional event needs.
    #[must_use]
    pub fn is_larger_than_idle(&self) -> bool {
        self.is_empty() && self.bytes.len() > SMALL_BYTES
    }

    /// Frees the memory of a bulk transfer, keeping the bytes that wait.
    pub fn give_back(&mut self) {
        if self.bytes.len() > KEPT_BYTES {
            let waiting = self.filled().to_vec();
            self.start = 0;
            self.end = waiting.len();
            self.bytes = waiting;
        }
    }

    /// How large the next [`Self::fill`] makes the buffer.
    #[must_use]
    pub fn bytes_to_fill(&self, bytes_max: usize) -> usize {
        let length = self.bytes.len();
        if length == 0 {
            SMALL_BYTES.min(bytes_max)
        } else if self.was_filled || (self.start == 0 && self.end == length) {
            (length * 4).max(SMALL_BYTES).min(bytes_max).max(length)
        } else {
            length
        }
    }

    fn make_room(&mut self, bytes_max: usize) {
        let wanted = self.bytes_to_fill(bytes_max);
        if self.start > 0 && (self.end == self.bytes.len() || self.was_filled) {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if wanted > self.bytes.len() {
            self.bytes.resize(wanted, 0);
        }
        self.was_filled = false;
    }
}

/// The result of one receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filled {
    /// How many bytes; 0 is the end of data.
    pub bytes: usize,
    /// Whether all the space was used, so that more may wait.
    pub all_space: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(buffer: &mut Buffer, bytes_max: usize, bytes: &[u8]) -> io::Result<Filled> {
        buffer.fill(bytes_max, |space| {
            let count = bytes.len().min(space.len());
            space[..count].copy_from_slice(&bytes[..count]);
            Ok(count)
        })
    }

    #[test]
    fn what_was_put_in_comes_out_in_order() {
        let mut buffer = Buffer::default();
        let mut expected: Vec<u8> = Vec::new();
        for round in 0..200_u8 {
            let piece = vec![round; 700];
            let filled = put(&mut buffer, BULK_BYTES, &piece).unwrap();
            expected.extend(&piece[..filled.bytes]);
            let taken = 650.min(buffer.filled().len());
            assert_eq!(buffer.filled(), expected);
            buffer.consume(taken);
            expected.drain(..taken);
        }
    }

    #[test]
    fn a_buffer_grows_for_those_who_fill_it_up_to_its_limit() {
        let mut buffer = Buffer::default();
        let flood = vec![7; BULK_BYTES * 2];
        assert!(put(&mut buffer, BULK_BYTES, &flood[..10]).is_ok_and(|filled| !filled.all_space));
        assert_eq!(buffer.bytes.len(), SMALL_BYTES);
        while put(&mut buffer, BULK_BYTES, &flood).is_ok() {}
        assert_eq!(buffer.filled().len(), BULK_BYTES);
        buffer.consume(BULK_BYTES - 3);
        buffer.give_back();
        assert_eq!((buffer.filled(), buffer.bytes.len()), ([7; 3].as_slice(), 3));
        assert!(put(&mut buffer, BULK_BYTES, b"more").is_ok_and(|filled| filled.bytes == 4));
    }
}
