//! Times and ranges of time as protobuf JSON writes them (`google.protobuf.Timestamp`, RFC 3339).
//!
//! Keys and services in trust material are valid from a start on, perhaps until an end, and both
//! ends belong to the range. Sigstore's own files have times with thousandths of a second, and
//! readers count on an end of `23:59:59.999`, so nothing is rounded here.
//!
//! Written: UTC as `Z`, and 0, 3, 6 or 9 digits of a second, the fewest that lose nothing. Read:
//! also other counts of digits. Other offsets than `Z` are refused, and so are years before 1970.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use der::DateTime;
use serde_json::Value;

use crate::canonical_json::excerpt;
use crate::proto_json::{self, FieldName};
use crate::time::{UnixMillis, UnixSeconds};
use crate::trust_json::{TrustFileError, required};

/// A moment with up to nine digits of a second, from 1970 to 9999. Ordered as time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProtoTime {
    seconds: UnixSeconds,
    nanos: u32,
}

impl ProtoTime {
    /// A whole second, `None` from the year 10000 on.
    #[must_use]
    pub fn from_seconds(seconds: UnixSeconds) -> Option<ProtoTime> {
        date_time(seconds).map(|_| ProtoTime { seconds, nanos: 0 })
    }

    /// A moment to the thousandth of a second, `None` from the year 10000 on.
    #[must_use]
    pub fn from_millis(millis: UnixMillis) -> Option<ProtoTime> {
        let whole = ProtoTime::from_seconds(millis.seconds())?;
        let nanos = u32::try_from(millis.get() % 1000).ok()? * 1_000_000;
        Some(ProtoTime { nanos, ..whole })
    }

    /// The second that it lies in.
    #[must_use]
    pub const fn seconds(self) -> UnixSeconds {
        self.seconds
    }

    /// The part of a second, below 1,000,000,000.
    #[must_use]
    pub const fn nanos(self) -> u32 {
        self.nanos
    }

    /// Reads `2026-01-01T00:00:00Z` or `2026-01-01T00:00:00.123Z`.
    #[must_use]
    pub fn read(text: &str) -> Option<ProtoTime> {
        let whole_and_fraction = text.strip_suffix('Z')?;
        let (whole, nanos) = match whole_and_fraction.split_once('.') {
            None => (whole_and_fraction, 0),
            Some((whole, fraction)) => (whole, nanos_of(fraction)?),
        };
        let date = DateTime::from_str(&format!("{whole}Z")).ok()?;
        Some(ProtoTime {
            seconds: UnixSeconds::new(date.unix_duration().as_secs()),
            nanos,
        })
    }
}

impl fmt::Display for ProtoTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = date_time(self.seconds).ok_or(fmt::Error)?;
        let text = date.to_string();
        let whole = text.strip_suffix('Z').ok_or(fmt::Error)?;
        match self.nanos {
            0 => write!(f, "{whole}Z"),
            n if n % 1_000_000 == 0 => write!(f, "{whole}.{:03}Z", n / 1_000_000),
            n if n % 1_000 == 0 => write!(f, "{whole}.{:06}Z", n / 1_000),
            n => write!(f, "{whole}.{n:09}Z"),
        }
    }
}

/// A closed range of time: both ends belong to it. Never reversed when it was read from a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeRange {
    /// The first moment. The format allows leaving it out, but clients refuse that.
    pub start: ProtoTime,
    /// The last moment; absent while the key or service is in use.
    pub end: Option<ProtoTime>,
}

impl TimeRange {
    /// From a moment on, with no end yet.
    #[must_use]
    pub const fn starting(start: ProtoTime) -> TimeRange {
        TimeRange { start, end: None }
    }

    /// Whether the moment lies inside, ends included.
    #[must_use]
    pub fn contains(&self, moment: ProtoTime) -> bool {
        self.start <= moment && self.end.is_none_or(|end| moment <= end)
    }

    pub(crate) fn parse_value(value: Option<&Value>, path: &str) -> Result<Self, TrustFileError> {
        let value = required(value, path)?;
        let [start, end] = proto_json::fields(value, path, &[START, END])?;
        let start_path = format!("{path}.start");
        let start = parse_time(required(start, &start_path)?, &start_path)?;
        let end = match end {
            None => None,
            Some(end) => Some(parse_time(end, &format!("{path}.end"))?),
        };
        if end.is_some_and(|end| end < start) {
            return Err(TrustFileError::RangeReversed {
                path: path.to_owned(),
            });
        }
        Ok(TimeRange { start, end })
    }
}

impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.end {
            Some(end) => write!(f, "{} to {end}", self.start),
            None => write!(f, "{} or later", self.start),
        }
    }
}

const START: FieldName = FieldName::new("start", "start");
const END: FieldName = FieldName::new("end", "end");

fn parse_time(value: &Value, path: &str) -> Result<ProtoTime, TrustFileError> {
    let text = proto_json::string(Some(value), path)?;
    ProtoTime::read(&text).ok_or_else(|| TrustFileError::Time {
        path: path.to_owned(),
        found: excerpt(&text),
    })
}

fn date_time(seconds: UnixSeconds) -> Option<DateTime> {
    DateTime::from_unix_duration(Duration::from_secs(seconds.get())).ok()
}

/// `5` is half a second: digits missing on the right are zeros.
fn nanos_of(fraction: &str) -> Option<u32> {
    let digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
    if fraction.is_empty() || fraction.len() > 9 || !digits {
        return None;
    }
    format!("{fraction:0<9}").parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time(text: &str) -> ProtoTime {
        ProtoTime::read(text).unwrap()
    }

    #[test]
    fn times_are_read_and_written() {
        for (text, seconds, nanos, written) in [
            ("1970-01-01T00:00:00Z", 0, 0, "1970-01-01T00:00:00Z"),
            (
                "2022-04-13T20:06:15.000Z",
                1_649_880_375,
                0,
                "2022-04-13T20:06:15Z",
            ),
            (
                "2022-12-31T23:59:59.999Z",
                1_672_531_199,
                999_000_000,
                "2022-12-31T23:59:59.999Z",
            ),
            (
                "2024-02-29T12:00:00.5Z",
                1_709_208_000,
                500_000_000,
                "2024-02-29T12:00:00.500Z",
            ),
            (
                "2024-02-29T12:00:00.0012Z",
                1_709_208_000,
                1_200_000,
                "2024-02-29T12:00:00.001200Z",
            ),
            (
                "9999-12-31T23:59:59.000000001Z",
                253_402_300_799,
                1,
                "9999-12-31T23:59:59.000000001Z",
            ),
        ] {
            let found = time(text);
            assert_eq!(
                (found.seconds().get(), found.nanos()),
                (seconds, nanos),
                "{text}"
            );
            assert_eq!(found.to_string(), written);
        }
    }

    #[test]
    fn what_is_no_time() {
        for text in [
            "",
            "Z",
            "2026-01-01",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00+00:00",
            "2026-01-01t00:00:00z",
            "2026-13-01T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.1234567890Z",
            "2026-01-01T00:00:00.+1Z",
            "2026-01-01 00:00:00Z",
            " 2026-01-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "12026-01-01T00:00:00Z",
            "2026-1-1T0:0:0Z",
        ] {
            assert_eq!(ProtoTime::read(text), None, "{text}");
        }
    }

    #[test]
    fn no_time_is_beyond_the_year_9999() {
        let last = UnixSeconds::new(253_402_300_799);
        assert!(ProtoTime::from_seconds(last).is_some());
        assert_eq!(ProtoTime::from_seconds(last.plus_seconds(1)), None);
    }

    #[test]
    fn both_ends_belong_to_a_range() {
        let range = TimeRange {
            start: time("2026-01-01T00:00:00Z"),
            end: Some(time("2026-12-31T23:59:59.999Z")),
        };
        assert!(range.contains(range.start));
        assert!(range.contains(time("2026-12-31T23:59:59.999Z")));
        assert!(!range.contains(time("2025-12-31T23:59:59.999999999Z")));
        assert!(!range.contains(time("2026-12-31T23:59:59.999000001Z")));
        assert!(TimeRange::starting(range.start).contains(time("9999-01-01T00:00:00Z")));
    }

    proptest! {
        #[test]
        fn every_time_is_read_as_it_was_written(
            seconds in 0_u64..=253_402_300_799,
            nanos in prop_oneof![Just(0_u32), 0_u32..1_000_000_000],
        ) {
            let written = ProtoTime { seconds: UnixSeconds::new(seconds), nanos };
            prop_assert_eq!(ProtoTime::read(&written.to_string()), Some(written));
        }
    }
}
