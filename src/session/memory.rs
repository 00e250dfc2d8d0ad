//! A budget for the whole process: heads, judged bodies and treated answers in memory.
//!
//! **Invariant:** the memory for requests before they are judged, and for their
//! heads afterwards, is limited to [`BYTES_MAX`], and one client's share to 6 MiB
//! of it. A request beyond that gets a 503.
//! **Invariant:** a [`Hold`] releases all its memory, however its session ends.
//!
//! The first [`FREE_BYTES`] of a connection are not counted: ordinary requests are
//! served however much others hold. Bodies that pass through are bounded by their
//! flows, and are not counted here.

use super::Owner;
use crate::json::VALUES_MAX;
use crate::relay::Stalls;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// For all connections. A container with 64 MiB needs about 46 for a thousand that
/// are relayed, kernel memory included, and some for the data in their sockets.
const BYTES_MAX: usize = 7 * 1024 * 1024;

/// For one client: an address, or a user over all socket files.
pub(super) const BYTES_PER_CLIENT_MAX: usize = 6 * 1024 * 1024;

/// For one connection, uncounted: head and body of an ordinary request.
const FREE_BYTES: usize = 4 * 1024;

/// The memory of one value of a JSON tree: a member of an object, the key that it
/// is compared by, and the room in which arrays double.
const BYTES_PER_VALUE: usize = 192;

/// The budget.
#[derive(Debug, Default)]
pub struct Memory {
    taken: Mutex<Held>,
    /// That for transfers whose receivers are slow.
    pub(super) stalls: Stalls,
}

#[derive(Debug, Default)]
struct Held {
    total: usize,
    by_client: HashMap<Owner, usize>,
}

/// The budget, or the client's share, is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UsedUp;

/// The purpose of held memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Received bytes.
    Received,
    /// The head of the request in hand, and its print.
    Head,
    /// The body, its tree and its print.
    Body,
    /// The same of an answer that is read before it is passed on.
    Answer,
}

impl Part {
    const ALL: [Self; 4] = [Self::Received, Self::Head, Self::Body, Self::Answer];
}

/// The memory that one connection holds.
#[derive(Debug)]
pub(super) struct Hold<'a> {
    memory: &'a Memory,
    client: Owner,
    parts: [usize; Part::ALL.len()],
    counted: usize,
}

impl<'a> Hold<'a> {
    pub(super) fn new(memory: &'a Memory, client: Owner) -> Self {
        Self { memory, client, parts: [0; Part::ALL.len()], counted: 0 }
    }

    /// Sets how much is held for something. Less is always granted.
    ///
    /// # Errors
    /// [`UsedUp`]; the memory held before is still held.
    pub(super) fn set(&mut self, part: Part, bytes: usize) -> Result<(), UsedUp> {
        let mut parts = self.parts;
        if let Some(held) = parts.get_mut(part as usize) {
            *held = bytes;
        }
        let counted = parts.iter().sum::<usize>().saturating_sub(FREE_BYTES);
        if counted != self.counted {
            self.memory.change(self.client, self.counted, counted)?;
        }
        (self.parts, self.counted) = (parts, counted);
        Ok(())
    }

    /// Releases the memory held for one part.
    pub(super) fn release(&mut self, part: Part) {
        // Less is always granted.
        let _ = self.set(part, 0);
    }

    /// Gives back everything.
    pub(super) fn release_all(&mut self) {
        for part in Part::ALL {
            self.release(part);
        }
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        if self.counted > 0 {
            let _ = self.memory.change(self.client, self.counted, 0);
        }
    }
}

impl Memory {
    fn change(&self, client: Owner, from: usize, to: usize) -> Result<(), UsedUp> {
        let mut taken = self.lock();
        let others = taken.total.saturating_sub(from);
        let of_client = taken.by_client.get(&client).copied().unwrap_or(0).saturating_sub(from);
        let is_too_much = others + to > BYTES_MAX || of_client + to > BYTES_PER_CLIENT_MAX;
        if to > from && is_too_much {
            return Err(UsedUp);
        }
        taken.total = others + to;
        match of_client + to {
            0 => drop(taken.by_client.remove(&client)),
            bytes => drop(taken.by_client.insert(client, bytes)),
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The most memory that judging a body takes: the body, its tree and its print.
/// Each value but the first follows one of the counted bytes, so their number is an
/// upper bound.
pub(super) fn bytes_to_judge(body: &[u8]) -> usize {
    let begins = |byte: &&u8| matches!(byte, b',' | b':' | b'[' | b'{');
    let values = body.iter().filter(begins).count() + 1;
    body.len() * 3 + values.min(VALUES_MAX) * BYTES_PER_VALUE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u8) -> Owner {
        Owner::Address([10, 0, 0, number].into())
    }

    #[test]
    fn one_client_has_a_share_of_the_budget_and_all_have_the_whole() {
        let memory = Memory::default();
        let mut first = Hold::new(&memory, client(1));
        let all_of_one = BYTES_PER_CLIENT_MAX + FREE_BYTES;
        assert_eq!(first.set(Part::Body, all_of_one + 1), Err(UsedUp));
        assert_eq!(first.set(Part::Body, all_of_one), Ok(()));
        let mut again = Hold::new(&memory, client(1));
        assert_eq!(again.set(Part::Received, FREE_BYTES + 1), Err(UsedUp));
        assert_eq!(again.set(Part::Received, FREE_BYTES), Ok(()), "ordinary requests go on");
        let mut second = Hold::new(&memory, client(2));
        let rest = BYTES_MAX - BYTES_PER_CLIENT_MAX + FREE_BYTES;
        assert_eq!(second.set(Part::Head, rest + 1), Err(UsedUp));
        assert_eq!(second.set(Part::Head, rest), Ok(()));
        let mut third = Hold::new(&memory, Owner::User(0));
        assert_eq!(third.set(Part::Head, FREE_BYTES + 1), Err(UsedUp));
        drop(first);
        assert_eq!(third.set(Part::Head, FREE_BYTES + 1), Ok(()));
    }

    #[test]
    fn all_that_was_held_is_given_back() {
        let memory = Memory::default();
        let mut hold = Hold::new(&memory, client(1));
        hold.set(Part::Received, 100_000).unwrap();
        hold.set(Part::Head, 200_000).unwrap();
        hold.set(Part::Received, 10).unwrap();
        assert_eq!(memory.lock().total, 200_010 - FREE_BYTES);
        hold.release(Part::Head);
        assert_eq!(memory.lock().total, 0);
        hold.set(Part::Body, 300_000).unwrap();
        drop(hold);
        assert!(memory.lock().total == 0 && memory.lock().by_client.is_empty());
    }

    #[test]
    fn a_body_of_small_values_weighs_many_times_its_length() {
        assert!(bytes_to_judge(b"{}") < FREE_BYTES);
        let many = [b"[".as_slice(), &b"0,".repeat(30_000), b"0]"].concat();
        assert!(bytes_to_judge(&many) > 80 * many.len());
        assert!(bytes_to_judge(&many) < BYTES_PER_CLIENT_MAX, "one alone is judged");
        assert!(bytes_to_judge(&[b'x'; 1000]) < 4000);
    }
}
