//! When each request should be sent.
//!
//! On an open loop the time of a request follows from its number alone, never from how the server
//! answers. Latency counts from that time, so a request that had to wait for a connection, because
//! the server was slow with those before it, shows what a client of its own would have seen.

use std::time::Duration;

use super::number::float;

/// The times of a run's requests, counted from its begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    /// Between two requests; `None` is a closed loop, where a request is due when a connection is
    /// free.
    interval: Option<f64>,
    /// Nothing is sent from here on.
    end: Duration,
}

impl Schedule {
    /// A run of that length, with so many entries a second in requests of so many entries.
    pub(super) fn new(end: Duration, rate: Option<f64>, entries_per_request: u32) -> Self {
        let interval = rate.map(|rate| f64::from(entries_per_request) / rate);
        Self { interval, end }
    }

    /// When request `turn` should be sent, if a connection asks for it at `now`. `None` if that is
    /// after the end.
    pub(super) fn intended(&self, turn: u64, now: Duration) -> Option<Duration> {
        let at = match self.interval {
            None => now,
            Some(interval) => Duration::from_secs_f64(float(turn) * interval),
        };
        (now < self.end && at < self.end).then_some(at)
    }

    /// The times of the requests that should have been sent but were not, if `sent` were.
    pub(super) fn unsent(&self, sent: u64) -> impl Iterator<Item = Duration> {
        let turns = sent..;
        let open = self.interval.is_some();
        // On a closed loop nothing is ever late.
        let times = turns.map_while(move |turn| self.intended(turn, Duration::ZERO));
        times.take_while(move |_| open)
    }

    /// How long the run takes.
    pub(super) const fn end(&self) -> Duration {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_open_loop_never_looks_at_the_server() {
        let schedule = Schedule::new(10 * SECOND, Some(1000.0), 1);
        for now in [Duration::ZERO, 9 * SECOND] {
            let third = schedule.intended(3000, now);
            assert_eq!(third, Some(3 * SECOND));
        }
        assert_eq!(schedule.intended(10_000, Duration::ZERO), None);
        assert_eq!(schedule.intended(3000, 10 * SECOND), None);
    }

    #[test]
    fn batches_come_as_much_more_seldom_as_they_are_large() {
        let schedule = Schedule::new(10 * SECOND, Some(1000.0), 500);
        assert_eq!(schedule.intended(1, Duration::ZERO), Some(SECOND / 2));
        assert_eq!(schedule.unsent(18).count(), 2);
    }

    #[test]
    fn a_long_schedule_does_not_drift() {
        let day = 86_400 * SECOND;
        let schedule = Schedule::new(day, Some(30_000.0), 1);
        let last = schedule.intended(30_000 * 86_399, Duration::ZERO).unwrap();
        let wanted = 86_399 * SECOND;
        assert!(last.abs_diff(wanted) < Duration::from_micros(1));
    }

    #[test]
    fn a_closed_loop_sends_at_once_until_the_end() {
        let schedule = Schedule::new(SECOND, None, 1);
        let now = Duration::from_millis(700);
        assert_eq!(schedule.intended(5, now), Some(now));
        assert_eq!(schedule.intended(5, SECOND), None);
        assert_eq!(schedule.unsent(0).count(), 0);
    }
}
