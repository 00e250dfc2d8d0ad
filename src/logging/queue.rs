//! Lines on their way to standard output: a bounded queue with a thread that
//! writes.
//!
//! **Invariant:** [`Queue::push`] never waits for standard output. A log driver
//! that takes nothing more costs lines, not requests and not the shutdown.
//! **Invariant:** lines keep their order, and lost ones are counted: a line in
//! their place says how many.
//!
//! This deliberately does not write from the logging thread, even if there seems to
//! be room: the room can be gone by the time of the write.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Limit for queued lines: some thousand of them.
const QUEUED_BYTES_MAX: usize = 1024 * 1024;

/// The overhead of a line beside its bytes.
const LINE_OVERHEAD_BYTES: usize = 64;

/// Writes of up to `PIPE_BUF` are not interleaved with other writes (pipe(7)).
const BATCH_BYTES_MAX: usize = 4096;

const STACK_BYTES: usize = 64 * 1024;

/// The queue.
#[derive(Debug)]
pub(super) struct Queue {
    dropped_line: DroppedLine,
    state: Mutex<State>,
    news: Condvar,
    drained: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<Vec<u8>>,
    queued_bytes: usize,
    dropped: u64,
    is_writing: bool,
}

/// Makes the line that reports so many lost ones.
pub(super) type DroppedLine = fn(u64) -> Vec<u8>;

impl Queue {
    fn new(dropped_line: DroppedLine) -> Self {
        let state = Mutex::default();
        Self { dropped_line, state, news: Condvar::new(), drained: Condvar::new() }
    }

    /// Starts the thread that writes to standard output.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(super) fn start(dropped_line: DroppedLine) -> io::Result<Arc<Self>> {
        let queue = Arc::new(Self::new(dropped_line));
        let shared = Arc::clone(&queue);
        let builder = thread::Builder::new().name("log".into()).stack_size(STACK_BYTES);
        builder.spawn(move || shared.run(|bytes| write_all(&io::stdout(), bytes)))?;
        Ok(queue)
    }

    /// Adds a line, or counts it as lost if the queue is full.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.queued_bytes + line.len() + LINE_OVERHEAD_BYTES > QUEUED_BYTES_MAX {
            state.dropped += 1;
            return;
        }
        state.report_dropped(self.dropped_line);
        state.add(line.to_vec());
        drop(state);
        self.news.notify_one();
    }

    /// Waits until all is written, but not longer than the limit.
    pub(super) fn finish(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut state = self.lock();
        while !state.is_drained() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.drained.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn run(&self, mut write: impl FnMut(&[u8])) {
        loop {
            let batch = self.next_batch();
            write(&batch);
        }
    }

    /// Waits for lines; as many whole ones as fit into a batch.
    fn next_batch(&self) -> Vec<u8> {
        let mut state = self.lock();
        state.is_writing = false;
        loop {
            if state.lines.is_empty() {
                state.report_dropped(self.dropped_line);
            }
            if !state.lines.is_empty() {
                state.is_writing = true;
                return state.take_batch();
            }
            self.drained.notify_all();
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, line: Vec<u8>) {
        self.queued_bytes += line.len() + LINE_OVERHEAD_BYTES;
        self.lines.push_back(line);
    }

    fn report_dropped(&mut self, dropped_line: DroppedLine) {
        if self.dropped > 0 {
            let count = std::mem::take(&mut self.dropped);
            self.add(dropped_line(count));
        }
    }

    fn take_batch(&mut self) -> Vec<u8> {
        let mut batch = Vec::new();
        while let Some(line) = self.lines.front()
            && (batch.is_empty() || batch.len() + line.len() <= BATCH_BYTES_MAX)
        {
            self.queued_bytes = self.queued_bytes.saturating_sub(line.len() + LINE_OVERHEAD_BYTES);
            batch.extend_from_slice(line);
            self.lines.pop_front();
        }
        batch
    }

    fn is_drained(&self) -> bool {
        self.lines.is_empty() && !self.is_writing && self.dropped == 0
    }
}

/// Writes all, waiting for room also where standard output does not block, since
/// it may share its mode with other programs. An output that fails gets nothing.
fn write_all(output: &impl AsFd, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match rustix::io::write(output, bytes) {
            Ok(0) => return,
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let mut fds = [PollFd::new(output, PollFlags::OUT)];
                if poll(&mut fds, None).is_err_and(|errno| errno != Errno::INTR) {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pipe::{PipeFlags, pipe_with};
    use std::fs::File;
    use std::io::Read;
    use std::sync::mpsc::{Receiver, Sender, channel};

    fn dropped_line(count: u64) -> Vec<u8> {
        format!("dropped {count}\n").into_bytes()
    }

    /// A queue whose writer takes a batch for each permit, and the writer's output.
    fn held() -> (Arc<Queue>, Sender<()>, Receiver<Vec<u8>>) {
        let (permits, permitted) = channel::<()>();
        let (sender, written) = channel();
        let queue = Arc::new(Queue::new(dropped_line));
        let shared = Arc::clone(&queue);
        thread::spawn(move || {
            shared.run(|batch| {
                let _ = permitted.recv();
                let _ = sender.send(batch.to_vec());
            });
        });
        (queue, permits, written)
    }

    #[test]
    fn lines_come_in_order_and_whole() {
        let (queue, permits, written) = held();
        let lines: Vec<String> = (0..1000).map(|n| format!("{n} {}\n", "x".repeat(n))).collect();
        lines.iter().for_each(|line| queue.push(line.as_bytes()));
        drop(permits);
        queue.finish(Duration::from_secs(60));
        let batches: Vec<Vec<u8>> = written.try_iter().collect();
        assert!(batches.iter().all(|batch| batch.ends_with(b"\n") && batch.len() <= 4096));
        assert!(batches.len() < lines.len() / 3, "{} batches", batches.len());
        assert_eq!(String::from_utf8(batches.concat()).unwrap(), lines.concat());
    }

    #[test]
    fn a_queue_that_is_full_counts_what_it_drops_and_says_so_in_its_place() {
        let (queue, permits, written) = held();
        let line = vec![b'x'; 10_000];
        for _ in 0..200 {
            queue.push(&line);
        }
        let begun = Instant::now();
        queue.finish(Duration::from_millis(50));
        assert!(begun.elapsed() >= Duration::from_millis(50), "it waits for a writer");
        assert!(queue.lock().queued_bytes <= QUEUED_BYTES_MAX);
        // Room for one more: the loss is reported before it.
        permits.send(()).unwrap();
        written.recv().unwrap();
        while queue.lock().queued_bytes + 2 * line.len() > QUEUED_BYTES_MAX {
            permits.send(()).unwrap();
            written.recv().unwrap();
        }
        queue.push(b"after\n");
        drop(permits);
        queue.finish(Duration::from_secs(60));
        let rest = String::from_utf8(written.try_iter().collect::<Vec<_>>().concat()).unwrap();
        let end = rest.trim_start_matches('x');
        let dropped: usize = end
            .strip_prefix("dropped ")
            .unwrap()
            .strip_suffix("\nafter\n")
            .unwrap()
            .parse()
            .unwrap();
        assert!((90..100).contains(&dropped), "{dropped}");
    }

    #[test]
    fn a_loss_at_the_end_is_reported_without_a_further_line() {
        let (queue, permits, written) = held();
        for _ in 0..200 {
            queue.push(&[b'x'; 10_000]);
        }
        drop(permits);
        queue.finish(Duration::from_secs(60));
        let all = written.try_iter().collect::<Vec<_>>().concat();
        assert!(String::from_utf8(all).unwrap().contains("xdropped "));
    }

    #[test]
    fn an_output_that_does_not_block_is_waited_for() {
        let (reader, writer) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        rustix::io::ioctl_fionbio(&reader, false).unwrap();
        let collector = thread::spawn(move || {
            let mut text = Vec::new();
            File::from(reader).read_to_end(&mut text).unwrap();
            text.len()
        });
        write_all(&writer, &vec![b'x'; 1_000_000]);
        drop(writer);
        assert_eq!(collector.join().unwrap(), 1_000_000);
    }
}
