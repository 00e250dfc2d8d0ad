//! Limits how often a lasting failure is logged.
//!
//! **Invariant:** pure but for the times that callers pass in; nothing is logged
//! here. A failure that stays the same is logged once in a while, not for each
//! attempt: a daemon that is down for a night must not fill a disk.

use std::time::{Duration, Instant};

/// How often a failure that stays the same is logged again.
pub const REPEAT_AFTER: Duration = Duration::from_secs(60);

/// One line in a while, with the number of those left out since the last one.
#[derive(Debug, Default, Clone)]
pub struct Throttle {
    last: Option<Instant>,
    left_out: usize,
}

impl Throttle {
    /// How many lines were left out before this one; `None` if this one is left
    /// out too, because the last was logged less than `every` ago.
    pub fn pass(&mut self, every: Duration, now: Instant) -> Option<usize> {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < every) {
            self.left_out += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.left_out))
    }
}

/// The state of one thing that may fail, as it was logged last.
#[derive(Debug, Default)]
pub struct Journal {
    /// The cause of the failure that was logged last; `None` while all is well.
    failure: Option<(String, Throttle)>,
}

impl Journal {
    /// Whether a failure is worth a line: when it is new, when its cause is another
    /// one, and every [`REPEAT_AFTER`].
    #[must_use]
    pub fn is_news(&mut self, cause: &str, now: Instant) -> bool {
        match &mut self.failure {
            Some((known, throttle)) if known == cause => throttle.pass(REPEAT_AFTER, now).is_some(),
            failure => {
                let (_, throttle) = failure.insert((cause.to_owned(), Throttle::default()));
                throttle.pass(REPEAT_AFTER, now).is_some()
            }
        }
    }

    /// Notes a success; whether it ends a failure that was logged.
    #[must_use]
    pub fn is_recovery(&mut self) -> bool {
        self.failure.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_for_a_failure_one_a_minute_and_one_for_the_recovery() {
        let start = Instant::now();
        let mut journal = Journal::default();
        let rows = [
            (0, None, false),
            (1, Some("absent"), true),
            (2, Some("absent"), false),
            (3, Some("silent"), true),
            (62, Some("silent"), false),
            (63, Some("silent"), true),
            (64, None, true),
            (65, None, false),
            (66, Some("silent"), true),
        ];
        for (second, cause, expected) in rows {
            let now = start + Duration::from_secs(second);
            let is_worth_a_line = match cause {
                Some(cause) => journal.is_news(cause, now),
                None => journal.is_recovery(),
            };
            assert_eq!(is_worth_a_line, expected, "at second {second}");
        }
    }

    #[test]
    fn a_line_says_how_many_were_left_out_before_it() {
        let start = Instant::now();
        let mut throttle = Throttle::default();
        let mut pass =
            |millis| throttle.pass(Duration::from_secs(1), start + Duration::from_millis(millis));
        assert_eq!([0, 1, 999].map(&mut pass), [Some(0), None, None]);
        assert_eq!([1000, 1999, 2000].map(&mut pass), [Some(2), None, Some(1)]);
    }
}
