//! The health check as a process whose output has no reader.

use crate::support::PATIENCE;
use crate::support::process::finish;
use crate::support::proxy::health_check;
use rustix::pipe::{PipeFlags, pipe_with};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Its alarm goes off a little before four seconds, at any stage of the check.
const ALARM_NOT_BEFORE: Duration = Duration::from_secs(3);

#[test]
fn a_health_check_ends_by_its_alarm_where_nobody_takes_its_line() {
    let (_reader, writer) = pipe_with(PipeFlags::NONBLOCK).unwrap();
    while rustix::io::write(&writer, &[b'x'; 4096]).is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).unwrap();
    let begun = Instant::now();
    let mut command = Command::new(health_check());
    let child = command.stdout(Stdio::from(writer)).stderr(Stdio::piped()).spawn().unwrap();
    let outcome = finish(child, PATIENCE);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(begun.elapsed() >= ALARM_NOT_BEFORE, "its line was taken: {:?}", begun.elapsed());
}
