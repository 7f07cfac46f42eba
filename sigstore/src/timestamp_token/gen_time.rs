//! The time in a token: `GeneralizedTime` in UTC, perhaps with a fraction of a second.

use std::fmt;
use std::time::Duration;

use der::DateTime;

use super::writer;
use crate::time::{UnixMillis, UnixSeconds};

/// When a token says that its digest existed, from 1970 to 9999. Compares by time.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GenTime {
    seconds: UnixSeconds,
    /// Decimal digits behind the point, the last of them not 0; none without a fraction.
    fraction: String,
}

/// The finest fraction that is read: nanoseconds.
const FRACTION_DIGITS_MAX: usize = 9;

impl GenTime {
    /// A time in whole seconds, the only one that is written: some readers take no other.
    ///
    /// `None` if it is past the year 9999, which DER cannot write.
    #[must_use]
    pub fn from_seconds(seconds: UnixSeconds) -> Option<GenTime> {
        date_time(seconds)?;
        Some(GenTime {
            seconds,
            fraction: String::new(),
        })
    }

    /// The time, rounded down to seconds.
    #[must_use]
    pub const fn seconds(&self) -> UnixSeconds {
        self.seconds
    }

    /// The time, rounded down to milliseconds.
    #[must_use]
    pub fn millis(&self) -> UnixMillis {
        let digits = self.fraction.bytes().chain(std::iter::repeat(b'0'));
        let millis = digits.take(3).fold(0_u64, |millis, digit| {
            millis * 10 + u64::from(digit.saturating_sub(b'0'))
        });
        UnixMillis::new(
            self.seconds
                .get()
                .saturating_mul(1000)
                .saturating_add(millis),
        )
    }

    /// Reads the content of a `GeneralizedTime` as DER has it: `YYYYMMDDHHMMSS[.f]Z`.
    pub(super) fn from_content(content: &[u8]) -> Result<GenTime, String> {
        let refuse = || "a time that is not YYYYMMDDHHMMSS[.f]Z in DER".to_owned();
        let text = std::str::from_utf8(content).map_err(|_| refuse())?;
        let text = text.strip_suffix('Z').ok_or_else(refuse)?;
        let (digits, fraction) = match text.split_once('.') {
            Some((digits, fraction)) => (digits, Some(fraction)),
            None => (text, None),
        };
        if fraction.is_some_and(|f| !is_canonical_fraction(f)) {
            return Err(refuse());
        }
        let seconds = seconds_from_digits(digits).ok_or_else(refuse)?;
        Ok(GenTime {
            seconds,
            fraction: fraction.unwrap_or_default().to_owned(),
        })
    }

    /// The whole element.
    pub(super) fn to_der(&self) -> Vec<u8> {
        let point = if self.fraction.is_empty() { "" } else { "." };
        let text = format!("{}{point}{}Z", digits(self.seconds), self.fraction);
        writer::element(writer::GENERALIZED_TIME, &[text.as_bytes()])
    }

    /// The time as the CMS attribute `signing-time` has it: `UTCTime` until 2049.
    pub(super) fn to_signing_time_der(&self) -> Vec<u8> {
        let digits = digits(self.seconds);
        match digits.strip_prefix("20").or(digits.strip_prefix("19")) {
            Some(short) if self.seconds < UTC_TIME_END => {
                let text = format!("{short}Z");
                writer::element(writer::UTC_TIME, &[text.as_bytes()])
            }
            _ => writer::element(writer::GENERALIZED_TIME, &[format!("{digits}Z").as_bytes()]),
        }
    }
}

impl fmt::Display for GenTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match date_time(self.seconds) {
            Some(time) => time.fmt(f),
            None => f.write_str("a time past the year 9999"),
        }
    }
}

impl fmt::Debug for GenTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GenTime({self}, fraction {:?})", self.fraction)
    }
}

/// 2050-01-01, from which on CMS wants four digits for the year (RFC 5652 section 11.3).
const UTC_TIME_END: UnixSeconds = UnixSeconds::new(2_524_608_000);

fn is_canonical_fraction(fraction: &str) -> bool {
    (1..=FRACTION_DIGITS_MAX).contains(&fraction.len())
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
        && !fraction.ends_with('0')
}

fn seconds_from_digits(digits: &str) -> Option<UnixSeconds> {
    if digits.len() != 14 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |from: usize, to: usize| digits.get(from..to)?.parse::<u8>().ok();
    let year = digits.get(..4)?.parse().ok()?;
    let (month, day) = (number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(8, 10)?, number(10, 12)?, number(12, 14)?);
    let time = DateTime::new(year, month, day, hour, minute, second).ok()?;
    Some(UnixSeconds::new(time.unix_duration().as_secs()))
}

fn date_time(seconds: UnixSeconds) -> Option<DateTime> {
    DateTime::from_unix_duration(Duration::from_secs(seconds.get())).ok()
}

fn digits(seconds: UnixSeconds) -> String {
    let time = date_time(seconds).expect("a GenTime is made only within DER's years");
    let (year, month, day) = (time.year(), time.month(), time.day());
    let (hour, minute, second) = (time.hour(), time.minutes(), time.seconds());
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<GenTime, String> {
        GenTime::from_content(text.as_bytes())
    }

    #[test]
    fn times_are_written_as_they_were_read() {
        let texts = [
            "19700101000000Z",
            "20250806185136Z",
            "20240229235959.5Z",
            "20240229235959.123456789Z",
            "99991231235959Z",
        ];
        for text in texts {
            let der = parse(text).unwrap().to_der();
            assert_eq!(&der[2..], text.as_bytes());
        }
        let time = parse("20240229235959.05Z").unwrap();
        assert_eq!(time.millis(), UnixMillis::new(1_709_251_199_050));
        assert_eq!(time.seconds(), UnixSeconds::new(1_709_251_199));
        assert!(parse("20240229235959Z").unwrap() < time);
        assert!(time < parse("20240229235959.1Z").unwrap());
    }

    #[test]
    fn what_der_does_not_allow_is_refused() {
        let texts = [
            "",
            "20250806185136",
            "202508061851Z",
            "20250806185136.Z",
            "20250806185136.50Z",
            "20250806185136,5Z",
            "20250806185136.1234567891Z",
            "20250806185136+0000",
            "20250806185136-0000Z",
            "20251306185136Z",
            "20250229185136Z",
            "20250806245136Z",
            "20250806185160Z",
            "+0250806185136Z",
            "19691231235959Z",
        ];
        for text in texts {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn signing_time_has_two_digits_for_the_year_until_2049() {
        let signing_time = |seconds| {
            let time = GenTime::from_seconds(UnixSeconds::new(seconds)).unwrap();
            String::from_utf8(time.to_signing_time_der()[2..].to_vec()).unwrap()
        };
        assert_eq!(signing_time(0), "700101000000Z");
        assert_eq!(signing_time(2_524_607_999), "491231235959Z");
        assert_eq!(signing_time(2_524_608_000), "20500101000000Z");
    }

    #[test]
    fn years_past_9999_cannot_be_written() {
        assert!(GenTime::from_seconds(UnixSeconds::new(253_402_300_799)).is_some());
        assert!(GenTime::from_seconds(UnixSeconds::new(253_402_300_800)).is_none());
    }
}
