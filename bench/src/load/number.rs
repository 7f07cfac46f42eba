//! Counts as fractions, and fractions as they are shown.

/// The nearest `f64`.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "there is no other conversion, and what is shown has three digits"
)]
pub(super) const fn float(count: u64) -> f64 {
    count as f64
}

/// With three decimals, for JSON that people read.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
