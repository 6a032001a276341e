//! The little statistics that the bench needs.

use std::time::Duration;

/// The value that `percent` of the samples do not exceed.
pub fn percentile(samples: &mut [Duration], percent: usize) -> Duration {
    samples.sort_unstable();
    let last = samples.len() - 1;
    samples[(samples.len() * percent / 100).min(last)]
}

/// Welch's t for the hypothesis that both have the same mean, after the slowest tenth of each was dropped
/// (what the rest of the machine did in between).
pub fn welch_t(one: &mut [Duration], other: &mut [Duration]) -> f64 {
    let (mean_one, error_one) = mean_and_error(trimmed(one));
    let (mean_other, error_other) = mean_and_error(trimmed(other));
    (mean_one - mean_other) / (error_one + error_other).sqrt()
}

fn trimmed(samples: &mut [Duration]) -> &[Duration] {
    samples.sort_unstable();
    &samples[..samples.len() * 9 / 10]
}

/// The mean and the square of its standard error, in seconds.
fn mean_and_error(samples: &[Duration]) -> (f64, f64) {
    let count = f64::from(u32::try_from(samples.len()).unwrap_or(u32::MAX));
    let mean = samples.iter().map(Duration::as_secs_f64).sum::<f64>() / count;
    let variance = samples.iter().map(|s| (s.as_secs_f64() - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, variance / count)
}
