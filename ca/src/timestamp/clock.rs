//! Whether the clock is to be trusted.
//!
//! A wrong clock makes an authority lie, and a lie that is signed stays. Three things show that a
//! clock is wrong, and while any of them does no time is given:
//!
//! - it is behind a time that was given out before, by this authority or by a log beside it;
//! - it went another way than the clock that nobody can set, so somebody has set it: by how much
//!   is known, but not whether it was wrong before or is now;
//! - strangers who were asked for the time (if any are) say something else, or are not heard.
//!
//! A clock that was set is trusted again when it is back, when a quorum agrees with it, or when the
//! process is started again: then it is the operator who vouches for it.
//!
//! Not here: reading clocks and asking strangers. Readings and answers come in.

use std::time::Duration;

use sigstore::UnixMillis;
use thiserror::Error;

/// One look at both clocks of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// The time of day, which can be set.
    pub wall: UnixMillis,
    /// Time since a fixed moment, which cannot. It must go on while the machine sleeps
    /// (`CLOCK_BOOTTIME`): otherwise every sleep looks like a clock that was set.
    pub monotonic: Duration,
}

/// A time that may be signed: a [`ClockGuard`] has given it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrustedTime(UnixMillis);

impl TrustedTime {
    /// The time.
    #[must_use]
    pub const fn get(self) -> UnixMillis {
        self.0
    }
}

/// Whom of the strangers to believe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// How many must agree with the clock.
    pub agree_min: usize,
    /// How far away an answer that agrees may be.
    pub offset_max: Duration,
    /// How long an agreement is good for.
    pub silence_max: Duration,
}

/// Why no time is given.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClockRefusal {
    /// Behind what was signed before.
    #[error("the clock is {behind_ms} ms behind a time that was signed before, set it right")]
    Behind {
        /// By how much.
        behind_ms: u128,
    },
    /// The clock was set.
    #[error("the clock was set by {by_ms} ms, if it is right now start the server again")]
    Set {
        /// By how much; negative for back.
        by_ms: i128,
    },
    /// Strangers say something else.
    #[error("of {answered} time servers {agreed} agree with the clock, wanted {wanted}")]
    Disagreement {
        /// How many do agree.
        agreed: usize,
        /// How many have answered.
        answered: usize,
        /// How many must agree.
        wanted: usize,
    },
    /// Strangers have not said anything for long, or ever.
    #[error("no agreement with time servers for too long, see whether they can be reached")]
    Silence,
    /// A time that cannot be written down.
    #[error("the clock is past the year 9999")]
    Year,
}

/// Gives times that may be signed, in order: none is before one that was given.
#[derive(Clone, Debug)]
pub struct ClockGuard {
    /// What both clocks said when the wall clock was last vouched for.
    anchor: ClockReading,
    /// The latest time that was signed, here or by a log.
    floor: UnixMillis,
    quorum: Option<Asked>,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    rule: Quorum,
    /// When the strangers last agreed, on the monotonic clock.
    agreed_at: Option<Duration>,
    /// Since then, what a round said that did not agree.
    disagreement: Option<ClockRefusal>,
}

/// How much wall and monotonic clock may differ, and how far behind the floor a reading may be: the
/// accuracy that tokens state. Readings are taken before they get here, and may overtake each
/// other.
const TOLERANCE_MS: i128 = 1000;

impl ClockGuard {
    /// A guard that begins to trust the clock at this reading, and at no time before `floor`: the
    /// latest one that is known to be signed, by this authority or in the head of a log.
    ///
    /// With a quorum nothing is trusted before it agreed.
    #[must_use]
    pub fn new(reading: ClockReading, floor: UnixMillis, quorum: Option<Quorum>) -> ClockGuard {
        ClockGuard {
            anchor: reading,
            floor,
            quorum: quorum.map(|rule| Asked {
                rule,
                agreed_at: None,
                disagreement: None,
            }),
        }
    }

    /// A time that may be signed, at or after every one that was given before.
    ///
    /// # Errors
    ///
    /// [`ClockRefusal`] says why the clock is not to be trusted. Nothing is changed by it.
    pub fn time(&mut self, reading: ClockReading) -> Result<TrustedTime, ClockRefusal> {
        let by_ms = self.set_by_ms(reading);
        if by_ms.abs() > TOLERANCE_MS {
            return Err(ClockRefusal::Set { by_ms });
        }
        let behind = i128::from(self.floor.get()) - i128::from(reading.wall.get());
        if behind > TOLERANCE_MS {
            let behind_ms = behind.unsigned_abs();
            return Err(ClockRefusal::Behind { behind_ms });
        }
        if let Some(asked) = self.quorum {
            asked.check(reading)?;
        }
        self.floor = self.floor.max(reading.wall);
        Ok(TrustedTime(self.floor))
    }

    /// Hears of a time that was signed elsewhere, such as that of a log's newest head.
    pub fn raise_floor(&mut self, signed: UnixMillis) {
        self.floor = self.floor.max(signed);
    }

    /// Hears what strangers said of the wall clock at this reading: how far ahead of it theirs are,
    /// in milliseconds, `None` for one that did not answer. Each counts once.
    ///
    /// If enough of them agree the clock is vouched for, even if it was set. If fewer have answered
    /// than must agree, nothing is known that was not known before.
    pub fn hear(&mut self, reading: ClockReading, offsets_ms: &[Option<i64>]) {
        let Some(asked) = &mut self.quorum else {
            return;
        };
        let answers = offsets_ms.iter().flatten();
        let agrees =
            |offset: &i64| u128::from(offset.unsigned_abs()) <= asked.rule.offset_max.as_millis();
        let answered = answers.clone().count();
        let agreed = answers.filter(|offset| agrees(offset)).count();
        let wanted = asked.rule.agree_min;
        if agreed >= wanted {
            asked.agreed_at = Some(reading.monotonic);
            asked.disagreement = None;
            self.anchor = reading;
        } else if answered >= wanted {
            asked.disagreement = Some(ClockRefusal::Disagreement {
                agreed,
                answered,
                wanted,
            });
        }
    }

    fn set_by_ms(&self, reading: ClockReading) -> i128 {
        let millis = |time: Duration| i128::try_from(time.as_millis()).unwrap_or(i128::MAX);
        let wall = i128::from(reading.wall.get()) - i128::from(self.anchor.wall.get());
        let monotonic = millis(reading.monotonic) - millis(self.anchor.monotonic);
        wall.saturating_sub(monotonic)
    }
}

impl Asked {
    fn check(&self, reading: ClockReading) -> Result<(), ClockRefusal> {
        if let Some(refusal) = self.disagreement {
            return Err(refusal);
        }
        let agreed_at = self.agreed_at.ok_or(ClockRefusal::Silence)?;
        if reading.monotonic.saturating_sub(agreed_at) > self.rule.silence_max {
            return Err(ClockRefusal::Silence);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: u64 = 1_767_225_600_000;
    const QUORUM: Quorum = Quorum {
        agree_min: 2,
        offset_max: Duration::from_secs(1),
        silence_max: Duration::from_mins(10),
    };

    /// Both clocks this long after the start, the wall clock set by so much.
    fn at(after_ms: u64, set_by_ms: i64) -> ClockReading {
        ClockReading {
            wall: UnixMillis::new((START + after_ms).checked_add_signed(set_by_ms).unwrap()),
            monotonic: Duration::from_millis(5_000 + after_ms),
        }
    }

    fn guard(quorum: Option<Quorum>) -> ClockGuard {
        ClockGuard::new(at(0, 0), UnixMillis::new(START), quorum)
    }

    fn given(guard: &mut ClockGuard, reading: ClockReading) -> Result<u64, ClockRefusal> {
        guard.time(reading).map(|time| time.get().get() - START)
    }

    #[test]
    fn times_follow_the_clock_and_never_go_back() {
        let mut guard = guard(None);
        assert_eq!(given(&mut guard, at(0, 0)), Ok(0));
        assert_eq!(given(&mut guard, at(5000, 0)), Ok(5000));
        // A reading that was overtaken, and a clock that is slewed.
        assert_eq!(given(&mut guard, at(4900, 0)), Ok(5000));
        assert_eq!(given(&mut guard, at(5100, -900)), Ok(5000));
        assert_eq!(given(&mut guard, at(10_000, 900)), Ok(10_900));
    }

    #[test]
    fn a_clock_that_was_set_is_refused_until_it_is_back() {
        for by_ms in [1001, -1001, 3_600_000, -3_600_000] {
            let mut guard = guard(None);
            let refusal = ClockRefusal::Set {
                by_ms: by_ms.into(),
            };
            assert_eq!(given(&mut guard, at(60_000, by_ms)), Err(refusal));
            assert_eq!(given(&mut guard, at(120_000, by_ms)), Err(refusal));
            assert_eq!(given(&mut guard, at(180_000, 0)), Ok(180_000));
        }
    }

    #[test]
    fn nothing_is_signed_before_what_was_signed() {
        let ahead = UnixMillis::new(START + 10_000);
        let mut guard = ClockGuard::new(at(0, 0), ahead, None);
        let behind = |behind_ms| Err(ClockRefusal::Behind { behind_ms });
        assert_eq!(given(&mut guard, at(0, 0)), behind(10_000));
        assert_eq!(given(&mut guard, at(8_999, 0)), behind(1_001));
        assert_eq!(given(&mut guard, at(9_000, 0)), Ok(10_000));
        guard.raise_floor(UnixMillis::new(START + 20_000));
        guard.raise_floor(UnixMillis::new(START));
        assert_eq!(given(&mut guard, at(12_000, 0)), behind(8_000));
    }

    #[test]
    fn a_quorum_must_agree_first_and_again() {
        let mut guard = guard(Some(QUORUM));
        let silence = Err(ClockRefusal::Silence);
        assert_eq!(given(&mut guard, at(0, 0)), silence);
        guard.hear(at(10, 0), &[Some(5), None, None]);
        assert_eq!(given(&mut guard, at(20, 0)), silence, "one is not enough");
        guard.hear(at(10, 0), &[Some(1000), Some(-1000), Some(86_400_000)]);
        assert_eq!(given(&mut guard, at(20, 0)), Ok(20));
        assert_eq!(given(&mut guard, at(600_010, 0)), Ok(600_010));
        assert_eq!(given(&mut guard, at(600_011, 0)), silence);
    }

    #[test]
    fn a_quorum_that_disagrees_is_believed_until_one_agrees() {
        let mut guard = guard(Some(QUORUM));
        guard.hear(at(0, 0), &[Some(0), Some(0)]);
        guard.hear(at(10, 0), &[Some(0), Some(1001), Some(-1001)]);
        let refusal = ClockRefusal::Disagreement {
            agreed: 1,
            answered: 3,
            wanted: 2,
        };
        assert_eq!(given(&mut guard, at(20, 0)), Err(refusal));
        guard.hear(at(30, 0), &[None, None, Some(0)]);
        assert_eq!(given(&mut guard, at(40, 0)), Err(refusal), "nothing new");
        // The clock is set right, and the strangers see it.
        guard.hear(at(50, 1500), &[Some(0), Some(1), None]);
        assert_eq!(given(&mut guard, at(60, 1500)), Ok(1560));
        assert_eq!(
            given(&mut guard, at(60, 0)),
            Err(ClockRefusal::Set { by_ms: -1500 })
        );
    }

    #[test]
    fn strangers_are_not_heard_without_a_quorum() {
        let mut guard = guard(None);
        guard.hear(at(10, 5000), &[Some(0); 9]);
        assert!(guard.time(at(10, 5000)).is_err());
    }

    proptest! {
        #[test]
        fn given_times_never_go_back_and_stay_near_the_clock(
            readings in prop::collection::vec((0_u64..100_000, -3000_i64..3000), 1..50)
        ) {
            let mut guard = guard(None);
            let mut last = 0;
            for (after_ms, set_by_ms) in readings {
                let reading = at(after_ms, set_by_ms);
                if let Ok(time) = guard.time(reading) {
                    let (time, wall) = (time.get().get(), reading.wall.get());
                    prop_assert!(time >= last && time >= wall && time - wall <= 1000);
                    prop_assert!(set_by_ms.abs() <= 1000);
                    last = time;
                }
            }
        }
    }
}
