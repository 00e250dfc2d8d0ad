//! A thread for each connection, made by threads that wait in `accept`.
//!
//! No queue and no hand-over: the kernel wakes one idle thread for each
//! connection, which is the least that this model can cost.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Stacks are small, since there may be thousands; a page or two is touched.
const STACK_BYTES: usize = 128 * 1024;
/// Threads that may wait for a connection; more end when they have served.
const IDLE_MAX: usize = 64;

/// Accepts with one closure and serves with another, for ever.
pub(crate) fn serve<S: 'static>(
    accept: impl Fn() -> io::Result<S> + Send + Sync + 'static,
    serve: impl Fn(S) + Send + Sync + 'static,
) -> ! {
    let pool = Arc::new(Pool { accept, serve, idle: AtomicUsize::new(0) });
    pool.add_thread();
    loop {
        thread::park();
    }
}

struct Pool<A, F> {
    accept: A,
    serve: F,
    idle: AtomicUsize,
}

impl<S, A, F> Pool<A, F>
where
    S: 'static,
    A: Fn() -> io::Result<S> + Send + Sync + 'static,
    F: Fn(S) + Send + Sync + 'static,
{
    fn add_thread(self: &Arc<Self>) {
        self.idle.fetch_add(1, Ordering::Relaxed);
        let pool = Arc::clone(self);
        let spawned = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || pool.work());
        if spawned.is_err() {
            self.idle.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn work(self: Arc<Self>) {
        loop {
            let Ok(stream) = (self.accept)() else {
                // Out of descriptors: wait for some connection to end.
                thread::sleep(Duration::from_millis(10));
                continue;
            };
            if self.idle.fetch_sub(1, Ordering::Relaxed) == 1 {
                self.add_thread();
            }
            (self.serve)(stream);
            if self.idle.fetch_add(1, Ordering::Relaxed) >= IDLE_MAX {
                self.idle.fetch_sub(1, Ordering::Relaxed);
                return;
            }
        }
    }
}
