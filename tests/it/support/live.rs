//! Child processes that are watched and spoken to while they run.

use super::PATIENCE;
use super::process::until;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// A running child whose output is collected; dropping it kills it.
pub(crate) struct Live {
    child: Child,
    input: Option<File>,
    output: Arc<Transcript>,
}

impl Live {
    /// Starts the command with a pipe to its standard input, and collects its
    /// standard output and error together.
    #[track_caller]
    pub(crate) fn start(command: &mut Command) -> Live {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
        let stdin = child.stdin.take().map(|pipe| File::from(OwnedFd::from(pipe)));
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let live = Live::watch(child, stdin, stdout);
        live.output.follow(stderr);
        live
    }

    /// Takes over a child with its input and its output.
    pub(crate) fn watch(
        child: Child,
        input: Option<File>,
        output: Option<impl Read + Send + 'static>,
    ) -> Live {
        let live = Live { child, input, output: Arc::default() };
        live.output.follow(output);
        live
    }

    pub(crate) fn text(&self) -> String {
        self.output.text()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.output.bytes()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes to the child's standard input.
    #[track_caller]
    pub(crate) fn write(&mut self, text: &str) {
        let input = self.input.as_mut().expect("its input is open");
        input.write_all(text.as_bytes()).expect("the child reads");
    }

    /// Whether the text came in time and before the end of the output.
    pub(crate) fn says(&self, text: &str, limit: Duration) -> bool {
        self.output.wait_for(text, limit)
    }

    /// Waits for a piece of text that must come.
    #[track_caller]
    pub(crate) fn await_text(&self, text: &str) {
        assert!(self.says(text, PATIENCE), "{text:?} did not come: {}", self.text());
    }

    #[track_caller]
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the child was not waited for");
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for the end and gives the exit code; `None` after a signal.
    #[track_caller]
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        let status = until(PATIENCE, || self.child.try_wait().ok().flatten());
        status.unwrap_or_else(|| panic!("did not end: {}", self.text())).code()
    }

    /// Kills the child and gives all of its output.
    pub(crate) fn end(&mut self) -> String {
        self.kill();
        self.output.await_end(PATIENCE);
        self.text()
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Text that arrives while others wait for it.
#[derive(Default)]
struct Transcript {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    sources: usize,
}

impl Transcript {
    /// Adds all that the source gives, on a thread of its own.
    fn follow(self: &Arc<Self>, source: Option<impl Read + Send + 'static>) {
        let Some(mut source) = source else { return };
        self.update(|state| state.sources += 1);
        let transcript = Arc::clone(self);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            // A terminal whose last user is gone ends with an error.
            while let Ok(count @ 1..) = source.read(&mut buffer) {
                transcript.update(|state| state.bytes.extend_from_slice(&buffer[..count]));
            }
            transcript.update(|state| state.sources -= 1);
        });
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    fn bytes(&self) -> Vec<u8> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).bytes.clone()
    }

    /// Whether the text came in time and before the end.
    fn wait_for(&self, text: &str, limit: Duration) -> bool {
        self.wait_until(limit, |state| state.sources == 0 || state.contains(text)).contains(text)
    }

    fn await_end(&self, limit: Duration) {
        drop(self.wait_until(limit, |state| state.sources == 0));
    }

    fn wait_until(
        &self,
        limit: Duration,
        is_over: impl Fn(&State) -> bool,
    ) -> MutexGuard<'_, State> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(state, limit, |state| !is_over(state));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl State {
    fn contains(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.bytes).contains(text)
    }
}
