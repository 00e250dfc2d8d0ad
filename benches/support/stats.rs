//! Medians and percentiles.

/// The value below which a fraction of the values lies; 0 without values.
pub(crate) fn percentile<T: Copy + PartialOrd + Default>(values: &mut [T], fraction: f64) -> T {
    values.sort_unstable_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    let index = (values.len() as f64 * fraction) as usize;
    values.get(index.min(values.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// The value in the middle; 0 without values.
pub(crate) fn median<T: Copy + PartialOrd + Default>(values: &mut [T]) -> T {
    percentile(values, 0.5)
}
