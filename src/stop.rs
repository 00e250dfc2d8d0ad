//! The reasons to stop the program, and their exit codes.
//!
//! A thread that wants to end the program sends a [`StopReason`] to the thread that
//! waits for one; only that one calls `exit`, after the grace period of exchanges.

/// Why the program stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// A signal; its number.
    Signal(i32),
    /// The daemon does not answer, and the operator wants the program to end
    /// then (`-stoponwatchdog`).
    Watchdog,
}

impl StopReason {
    /// The exit code: supervisors restart on 10 and leave 0 alone.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Signal(_) => 0,
            Self::Watchdog => 10,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_a_clean_stop_and_the_watchdog_is_not() {
        assert_eq!(StopReason::Signal(15).exit_code(), 0);
        assert_eq!(StopReason::Watchdog.exit_code(), 10);
    }
}
