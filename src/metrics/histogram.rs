//! A histogram of durations with fixed bounds.

use super::load;
use super::page::{Labels, Page};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper bounds of the buckets, in seconds as they are printed, and in
/// microseconds. A ping takes a tenth of a millisecond, stopping a container ten
/// seconds, a build minutes.
const BOUNDS: [(&str, u64); 14] = [
    ("0.0005", 500),
    ("0.001", 1_000),
    ("0.0025", 2_500),
    ("0.005", 5_000),
    ("0.01", 10_000),
    ("0.025", 25_000),
    ("0.05", 50_000),
    ("0.1", 100_000),
    ("0.25", 250_000),
    ("0.5", 500_000),
    ("1", 1_000_000),
    ("2.5", 2_500_000),
    ("10", 10_000_000),
    ("60", 60_000_000),
];

/// How many durations fell between two bounds, and their sum.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// One for each bound, and one for all that is longer.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    sum_nanoseconds: AtomicU64,
}

impl Histogram {
    /// Counts a duration.
    pub(super) fn count(&self, duration: Duration) {
        let microseconds = duration.as_nanos().div_ceil(1_000);
        let index = BOUNDS.partition_point(|(_, bound)| u128::from(*bound) < microseconds);
        if let Some(bucket) = self.buckets.get(index) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.sum_nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Prints buckets, sum and count, if anything was counted.
    pub(super) fn print(&self, page: &mut Page, labels: &Labels<'_>) {
        // The count is the last bucket's, so that the two cannot differ.
        let counts = self.buckets.each_ref().map(load);
        if counts.iter().all(|count| *count == 0) {
            return;
        }
        let bounds = BOUNDS.iter().map(|(text, _)| *text).chain(["+Inf"]);
        let mut total = 0;
        for (bound, count) in bounds.zip(counts) {
            total += count;
            page.sample_of("_bucket", &[labels, &[("le", bound)]].concat(), total);
        }
        let sum = Duration::from_nanos(load(&self.sum_nanoseconds));
        page.sample_of("_sum", labels, sum.as_secs_f64());
        page.sample_of("_count", labels, total);
    }
}
