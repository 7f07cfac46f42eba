//! Moments, as the formats of Sigstore write them down. Nothing here reads a clock.

/// Whole seconds since the Unix epoch, UTC: what certificates and checkpoints are dated with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixSeconds(u64);

impl UnixSeconds {
    /// A moment from its count of seconds.
    #[must_use]
    pub const fn new(seconds: u64) -> Self {
        Self(seconds)
    }

    /// The count of seconds.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The moment this many seconds later, or the last there is.
    #[must_use]
    pub const fn plus_seconds(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }
}

/// Milliseconds since the Unix epoch, UTC: what certificate transparency is dated with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(u64);

impl UnixMillis {
    /// A moment from its count of milliseconds.
    #[must_use]
    pub const fn new(millis: u64) -> Self {
        Self(millis)
    }

    /// The count of milliseconds.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The second that this moment lies in.
    #[must_use]
    pub const fn seconds(self) -> UnixSeconds {
        UnixSeconds(self.0 / 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_lies_in_its_second() {
        assert_eq!(UnixMillis::new(1_999).seconds(), UnixSeconds::new(1));
        assert_eq!(UnixMillis::new(2_000).seconds(), UnixSeconds::new(2));
    }

    #[test]
    fn the_end_of_time_is_not_passed() {
        let last = UnixSeconds::new(u64::MAX);
        assert_eq!(last.plus_seconds(1), last);
        assert_eq!(UnixSeconds::new(1).plus_seconds(600).get(), 601);
    }
}
