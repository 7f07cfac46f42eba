//! Latencies of many entries, in little memory and to three digits.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::number::{float, rounded};

/// Latencies above this count as this.
const LATENCY_MICROS_MAX: u64 = 3_600_000_000;

/// How many entries took how long, in microseconds.
#[derive(Clone, Debug)]
pub(super) struct Latencies(Histogram<u64>);

impl Latencies {
    /// None yet. About 200 KiB.
    pub(super) fn exact() -> Self {
        Self::with_digits(3)
    }

    /// None yet, and told apart less well: for the points of a chart. About 20 KiB.
    pub(super) fn coarse() -> Self {
        Self::with_digits(2)
    }

    fn with_digits(digits: u8) -> Self {
        let histogram = Histogram::new_with_bounds(1, LATENCY_MICROS_MAX, digits);
        Self(histogram.expect("the bounds are right for any number of digits up to five"))
    }

    /// Counts `count` entries that took so long.
    pub(super) fn record(&mut self, latency: Duration, count: u64) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record_n(micros, count);
    }

    /// Adds those of another.
    pub(super) fn add(&mut self, other: &Self) {
        self.0 += &other.0;
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    /// What `percent` of a hundred entries did not exceed, in ms; `None` without entries.
    pub(super) fn percentile_ms(&self, percent: f64) -> Option<f64> {
        let micros = float(self.0.value_at_percentile(percent));
        (!self.0.is_empty()).then(|| rounded(micros / 1000.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_entries() {
        let mut latencies = Latencies::exact();
        assert_eq!(latencies.percentile_ms(50.0), None);
        for ms in 1..=1000 {
            latencies.record(Duration::from_millis(ms), 1);
        }
        let close = |percent, wanted: f64| {
            let found = latencies.percentile_ms(percent).unwrap();
            assert!((found / wanted - 1.0).abs() < 0.002, "{found} {wanted}");
        };
        close(50.0, 500.0);
        close(99.0, 990.0);
        close(99.9, 999.0);
    }

    #[test]
    fn a_batch_counts_with_all_its_entries() {
        let mut latencies = Latencies::exact();
        latencies.record(Duration::from_millis(1), 98);
        let mut others = Latencies::exact();
        others.record(Duration::from_secs(1), 2);
        latencies.add(&others);
        assert_eq!(latencies.count(), 100);
        assert_eq!(latencies.percentile_ms(50.0), Some(1.0));
        let p99 = latencies.percentile_ms(99.0).unwrap();
        assert!((p99 - 1000.0).abs() < 1.0, "{p99}");
        let mut endless = Latencies::coarse();
        endless.record(Duration::MAX, 1);
        assert!(endless.percentile_ms(50.0).unwrap() >= 3_600_000.0);
    }
}
