//! Priorities for systemd's journal (sd-daemon(3)): `<4>` in front of a line.
//!
//! They are written only where an output leads into the journal, as the variable
//! `JOURNAL_STREAM` and the output's inode show together (systemd.exec(5)). The
//! journal removes them from the line. Elsewhere nothing is changed.

use log::Level;
use rustix::fs::fstat;
use std::fmt::Write as _;
use std::os::fd::AsFd;

/// Whether the output is the journal that the service manager opened.
pub(super) fn is_journal(output: impl AsFd) -> bool {
    let named = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    fstat(output).is_ok_and(|stat| is_named(&named, stat.st_dev, stat.st_ino))
}

fn is_named(named: &str, device: u64, inode: u64) -> bool {
    named
        .split_once(':')
        .is_some_and(|(first, second)| first.parse() == Ok(device) && second.parse() == Ok(inode))
}

/// The text with the priority in front of every line.
pub(super) fn with_priority(level: Level, text: &str) -> String {
    let priority = priority(level);
    text.lines().fold(String::new(), |mut all, line| {
        // Writing to a string never fails.
        writeln!(all, "<{priority}>{line}").unwrap_or_default();
        all
    })
}

/// The priority of syslog(3).
fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_output_is_the_journal() {
        for (named, expected) in [
            ("8:15", true),
            ("8:16", false),
            ("9:15", false),
            ("", false),
            (":", false),
            ("8", false),
            ("8:15:1", false),
            ("-8:15", false),
        ] {
            assert_eq!(is_named(named, 8, 15), expected, "{named}");
        }
    }

    #[test]
    fn every_line_gets_the_priority_of_its_level() {
        for (level, expected) in [
            (Level::Error, "<3>a\n<3>b\n"),
            (Level::Warn, "<4>a\n<4>b\n"),
            (Level::Info, "<6>a\n<6>b\n"),
            (Level::Debug, "<7>a\n<7>b\n"),
        ] {
            assert_eq!(with_priority(level, "a\nb"), expected);
        }
    }
}
