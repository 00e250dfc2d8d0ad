//! Child processes that must end in time, and their results.
//!
//! Every wait has a limit, after which the child is killed and the test fails
//! with the output of the child so far.

use super::PATIENCE;
use std::fmt;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The exit status and the output of a child.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The exit code; `None` after a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Outcome {
    pub(crate) fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(crate) fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// The output of a command that must succeed, without space around it.
    #[track_caller]
    pub(crate) fn success(&self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout_text().trim().to_owned()
    }
}

/// The exit code in a shell of a process that was killed: 128 and SIGKILL.
const KILLED: i32 = 137;

impl Outcome {
    /// Of a command in a container that the command lets go on: a container that
    /// ends first takes the command with it.
    #[track_caller]
    pub(crate) fn success_or_end(&self) {
        assert!(matches!(self.code, Some(0 | KILLED)), "{self:?}");
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit {:?}, stdout {:?}", self.code, shown(&self.stdout))?;
        write!(f, ", stderr {:?}", shown(&self.stderr))
    }
}

/// Starts the command with all three standard streams in our hands.
#[track_caller]
pub(crate) fn spawn(command: &mut Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap_or_else(|error| panic!("{command:?} did not start: {error}"))
}

/// Runs the command, with `input` and then the end on its standard input.
#[track_caller]
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Outcome {
    let mut child = spawn(command);
    let stdin = child.stdin.take();
    thread::scope(|scope| {
        scope.spawn(move || {
            // A child may well end without reading everything.
            let _ = stdin.map(|mut stdin| stdin.write_all(input));
        });
        finish(child, PATIENCE)
    })
}

/// Closes the child's standard input, if it is still open, and waits.
#[track_caller]
pub(crate) fn finish(mut child: Child, limit: Duration) -> Outcome {
    drop(child.stdin.take());
    let deadline = Instant::now() + limit;
    let stdout = child.stdout.take().map(collect);
    let stderr = child.stderr.take().map(collect);
    let (stdout, out_ended) = ended(stdout, deadline);
    let (stderr, err_ended) = ended(stderr, deadline);
    let in_time = out_ended && err_ended && exited(&mut child, deadline);
    if !in_time {
        let _ = child.kill();
    }
    let code = child.wait().expect("a child of ours can be waited for").code();
    let outcome = Outcome { code, stdout, stderr };
    assert!(in_time, "did not end within {limit:?}: {outcome:?}");
    outcome
}

/// Repeats an attempt until it yields a value or the limit has passed.
pub(crate) fn until<T>(limit: Duration, mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        let value = attempt();
        if value.is_some() || Instant::now() >= deadline {
            return value;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Reads to the end on a thread of its own, piece by piece.
fn collect(mut source: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = source.read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The output until its end or the deadline, and whether it was the end.
fn ended(pieces: Option<Receiver<Vec<u8>>>, deadline: Instant) -> (Vec<u8>, bool) {
    use std::sync::mpsc::RecvTimeoutError::Timeout;
    let mut all = Vec::new();
    let Some(pieces) = pieces else { return (all, true) };
    loop {
        match pieces.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(piece) => all.extend(piece),
            Err(error) => return (all, error != Timeout),
        }
    }
}

fn exited(child: &mut Child, deadline: Instant) -> bool {
    let left = deadline.saturating_duration_since(Instant::now());
    until(left, || child.try_wait().ok().flatten()).is_some()
}

/// The beginning, for messages.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(2000)]).into_owned();
    if bytes.len() > 2000 { format!("{text}… ({} bytes)", bytes.len()) } else { text }
}
