//! Work that recurses, on a thread whose stack is large enough for it.
//!
//! Patterns nest, and translating and compiling them takes some 4 KiB of stack
//! for each level: more than a session's thread has, and perhaps more than the
//! main thread of a program that was started with a small stack (`ulimit -s`).

use std::io;
use std::panic::resume_unwind;
use std::thread;

/// Enough for the deepest pattern that is accepted, also without optimisation.
/// Only pages that are touched cost memory.
const STACK_BYTES: usize = 16 << 20;

/// Does the work on a thread of its own, and waits for its result.
///
/// # Errors
/// If the thread cannot be started.
pub fn run<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("patterns".into()).stack_size(STACK_BYTES);
        builder.spawn_scoped(scope, work)?.join().or_else(|panic| resume_unwind(panic))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Rules;
    use crate::http1::Method;

    /// Bytes of a session's stack, which is the smallest of all.
    const SMALL_STACK_BYTES: usize = 128 << 10;

    fn nested(levels: usize) -> String {
        ["/(", &"(a|b".repeat(levels), &"c)".repeat(levels), ")"].concat()
    }

    fn on_a_small_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
        thread::Builder::new().stack_size(SMALL_STACK_BYTES).spawn(work).unwrap().join().unwrap()
    }

    fn compile(pattern: String) -> Result<Rules, String> {
        let compile = || Rules::compile([(Method::Get, pattern)]);
        run(compile).unwrap().map_err(|error| error.reason)
    }

    #[test]
    fn the_deepest_pattern_is_compiled_whoever_asks_and_judged_on_a_small_stack() {
        for pattern in [nested(150), nested(250), format!("/ok|{}", nested(249))] {
            let matched = on_a_small_stack(move || {
                let rules = compile(pattern).unwrap();
                ["/ac", "/ok", "/x", "/ok/x"]
                    .map(|path| rules.judge(Method::Get, path).is_allowed())
            });
            assert_eq!(matched.len(), 4);
        }
    }

    #[test]
    fn patterns_that_nest_deeper_are_refused_whoever_asks() {
        for pattern in [nested(252), nested(30_000), "(".repeat(60_000), "(?:".repeat(20_000)] {
            let refused = on_a_small_stack(move || compile(pattern)).unwrap_err();
            assert!(refused.contains("nest deeper") || refused.contains("no closing"), "{refused}");
        }
    }
}
