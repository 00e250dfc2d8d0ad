//! All loads at the same time, for a while, and an admitted client that must be
//! served throughout.

use super::crowd::{Crowd, Habit};
use super::subject::Subject;
use crate::support::Result;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Clients that stay for the whole time.
const STAYING: [(Habit, usize, u8); 5] = [
    (Habit::Stream, 200, 31),
    (Habit::Download("length", 0), 100, 32),
    (Habit::Download("chunked", 1 << 20), 50, 33),
    (Habit::Upload("length"), 100, 34),
    (Habit::Tunnel, 100, 35),
];

/// Clients that are cut after a while and come again; their places may be taken twice
/// for a moment. The first octets of the address: strangers are of 127.1.0.0/16.
const RETURNING: [(Habit, usize, [u8; 2]); 4] = [
    (Habit::Head(127 * 1024), 80, [0, 41]),
    (Habit::Body, 60, [0, 42]),
    (Habit::Dribble, 60, [0, 43]),
    (Habit::Head(127 * 1024), 120, [1, 1]),
];

/// Runs all of it; returns how often the admitted client was served.
pub(super) fn run(subject: &Subject, time: Duration) -> Result<usize> {
    let staying: Result<Vec<Crowd>> = STAYING
        .iter()
        .map(|(habit, count, third)| habit.gather(subject, [0, *third], *count))
        .collect();
    let mut staying = staying?;
    let (over, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    let refused = thread::scope(|scope| {
        for (habit, count, network) in RETURNING {
            let over = &over;
            scope.spawn(move || come_again(subject, habit, network, count, over));
        }
        for index in 0..4 {
            let (over, served) = (&over, &served);
            scope.spawn(move || short_ones(subject, index, over, served));
        }
        let refused = ask_for(subject, time);
        over.store(true, Ordering::Relaxed);
        refused
    });
    staying.iter_mut().try_for_each(|crowd| crowd.check_streams(200))?;
    match refused {
        None => Ok(served.into_inner()),
        Some(error) => Err(format!("an admitted client was refused: {error}").into()),
    }
}

/// The admitted client; the first refusal that lasts.
fn ask_for(subject: &Subject, time: Duration) -> Option<String> {
    let begun = Instant::now();
    let mut refused_since = None;
    while begun.elapsed() < time {
        match subject.ask(Ipv4Addr::new(127, 0, 201, 1)) {
            Ok(()) => refused_since = None,
            Err(error) => {
                let since = *refused_since.get_or_insert_with(Instant::now);
                if since.elapsed() > Duration::from_secs(3) {
                    return Some(error.to_string());
                }
            }
        }
        thread::sleep(Duration::from_millis(20));
    }
    None
}

fn come_again(subject: &Subject, habit: Habit, network: [u8; 2], count: usize, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        let gathered = habit.gather(subject, network, count);
        if let Ok(mut crowd) = gathered {
            crowd.dribble(Duration::from_secs(2));
        }
    }
}

fn short_ones(subject: &Subject, index: u8, over: &AtomicBool, served: &AtomicUsize) {
    while !over.load(Ordering::Relaxed) {
        match subject.ask(Ipv4Addr::new(127, 0, 44, 1 + index)) {
            Ok(()) => drop(served.fetch_add(1, Ordering::Relaxed)),
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}
