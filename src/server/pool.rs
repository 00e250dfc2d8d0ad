//! Threads for sessions: started on demand, kept for reuse, ended when idle.
//!
//! **Invariant:** there are never more threads than the limit; a panic in a job
//! is logged and takes neither the thread nor the program down.
//! **Invariant:** the queue is bounded by admission: every job has a place from
//! there, so a job that finds all threads at the limit waits only until one of them
//! has ended its last job.
//!
//! Starting a thread costs more than a short session, so threads wait for the next
//! job for a while before they end.

use crate::relay::Buffers;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How long a thread without work waits for some.
const IDLE_MAX: Duration = Duration::from_secs(10);

/// Something to be done on a thread of the pool, with the thread's buffers.
pub(super) trait Job: Send + 'static {
    /// Does it.
    fn run(self, buffers: &mut Buffers);
}

/// A bounded pool of named threads, each with buffers of its own.
#[derive(Debug)]
pub(super) struct Pool<J> {
    queue: Arc<Queue<J>>,
    threads_max: usize,
    stack_bytes: usize,
}

#[derive(Debug)]
struct Queue<J> {
    state: Mutex<State<J>>,
    work: Condvar,
}

#[derive(Debug)]
struct State<J> {
    jobs: VecDeque<J>,
    waiting: usize,
    threads: usize,
}

impl<J: Job> Pool<J> {
    pub(super) fn new(threads_max: usize, stack_bytes: usize) -> Self {
        let state = Mutex::new(State { jobs: VecDeque::new(), waiting: 0, threads: 0 });
        Self { queue: Arc::new(Queue { state, work: Condvar::new() }), threads_max, stack_bytes }
    }

    /// Has `job` done on a thread of the pool.
    ///
    /// # Errors
    /// The job, if no thread is free and none can be started below the limit.
    pub(super) fn submit(&self, job: J) -> Result<(), J> {
        let mut state = self.queue.lock();
        if state.waiting > state.jobs.len() || state.threads >= self.threads_max {
            state.jobs.push_back(job);
            drop(state);
            self.queue.work.notify_one();
            return Ok(());
        }
        state.threads += 1;
        state.jobs.push_back(job);
        let queue = Arc::clone(&self.queue);
        let builder = thread::Builder::new().name("session".into()).stack_size(self.stack_bytes);
        match builder.spawn(move || queue.work_off()) {
            Ok(_) => Ok(()),
            Err(error) => {
                log::error!(error:% = error; "cannot start a thread");
                state.threads -= 1;
                state.jobs.pop_back().map_or(Ok(()), Err)
            }
        }
    }
}

impl<J: Job> Queue<J> {
    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work_off(&self) {
        let mut buffers = Buffers::default();
        while let Some(job) = self.next_job() {
            if catch_unwind(AssertUnwindSafe(|| job.run(&mut buffers))).is_err() {
                log::error!("a session failed unexpectedly; its connection is closed");
                buffers = Buffers::default();
            }
        }
    }

    /// The next job; `None` when there was none for too long.
    fn next_job(&self) -> Option<J> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            state.waiting += 1;
            let waited = self.work.wait_timeout(state, IDLE_MAX);
            let (guard, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = guard;
            state.waiting -= 1;
            if timeout.timed_out() && state.jobs.is_empty() {
                state.threads -= 1;
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    type Task = Box<dyn FnOnce() + Send>;

    impl Job for Task {
        fn run(self, _: &mut Buffers) {
            self();
        }
    }

    fn submit(pool: &Pool<Task>, task: impl FnOnce() + Send + 'static) -> bool {
        pool.submit(Box::new(task)).is_ok()
    }

    #[test]
    fn threads_are_reused_and_survive_a_panic() {
        let pool = Pool::new(1, 128 * 1024);
        let (done, results) = mpsc::channel();
        for job in 0..3 {
            let run = move |done: mpsc::Sender<_>| {
                let _ = done.send((job, thread::current().id()));
                assert!(job != 1, "a panic on purpose");
            };
            let done = done.clone();
            assert!(submit(&pool, move || run(done)));
        }
        let served: Vec<_> = (0..3).map(|_| results.recv().unwrap()).collect();
        assert_eq!(served.iter().map(|(job, _)| *job).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(served.iter().all(|(_, thread)| *thread == served[0].1));
    }

    #[test]
    fn a_job_beyond_the_limit_waits_for_a_thread() {
        let pool = Pool::new(1, 128 * 1024);
        let (release, held) = mpsc::channel::<()>();
        let (done, result) = mpsc::channel();
        assert!(submit(&pool, move || held.recv().unwrap_or_default()));
        assert!(submit(&pool, move || done.send(()).unwrap_or_default()));
        assert_eq!(result.try_recv(), Err(mpsc::TryRecvError::Empty));
        drop(release);
        assert_eq!(result.recv(), Ok(()));
    }
}
