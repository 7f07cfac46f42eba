//! What the last checkpoint of a frozen log says, in the words of other Rekor v2 servers.

use sigstore::time_range::ProtoTime;

use crate::app::LogKind;

/// The line for a log of that kind which was frozen at that time; none if its checkpoints must not
/// have any.
pub(crate) fn final_line(kind: LogKind, at: ProtoTime) -> Option<String> {
    match kind {
        LogKind::RekorV2 | LogKind::Raw => Some(format!("Log frozen \u{2014} {}", unix_date(at))),
        // Its signature does not cover such a line.
        LogKind::Ct => None,
    }
}

/// As `date` writes it: `Mon Jan  2 15:04:05 UTC 2006`.
fn unix_date(at: ProtoTime) -> String {
    // The one form of a time: `2006-01-02T15:04:05Z`, perhaps with a part of a second.
    let text = at.to_string();
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let month: usize = part(5, 7).parse().unwrap_or_default();
    let month = MONTHS.get(month.saturating_sub(1)).copied();
    let day = part(8, 10).trim_start_matches('0');
    let weekday = at.seconds().get() / DAY_SECONDS % 7;
    let weekday = usize::try_from(weekday).ok();
    let weekday = weekday.and_then(|day| WEEKDAYS.get(day)).copied();
    format!(
        "{} {} {day:>2} {} UTC {}",
        weekday.unwrap_or_default(),
        month.unwrap_or_default(),
        part(11, 19),
        part(0, 4)
    )
}

const DAY_SECONDS: u64 = 24 * 60 * 60;

/// From the day on which Unix time begins.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

#[cfg(test)]
mod tests {
    use super::*;
    use sigstore::UnixSeconds;

    #[track_caller]
    fn check(seconds: u64, wanted: &str) {
        let at = ProtoTime::from_seconds(UnixSeconds::new(seconds)).unwrap();
        assert_eq!(unix_date(at), wanted);
    }

    #[test]
    fn dates_are_those_of_unix() {
        // Compared with `date -u -d @SECONDS`.
        check(0, "Thu Jan  1 00:00:00 UTC 1970");
        check(1_136_214_245, "Mon Jan  2 15:04:05 UTC 2006");
        check(951_782_399, "Mon Feb 28 23:59:59 UTC 2000");
        check(951_782_400, "Tue Feb 29 00:00:00 UTC 2000");
        check(4_102_444_799, "Thu Dec 31 23:59:59 UTC 2099");
    }

    #[test]
    fn the_line_is_the_one_of_other_servers() {
        let at = ProtoTime::from_seconds(UnixSeconds::new(1_136_214_245)).unwrap();
        let line = final_line(LogKind::RekorV2, at).unwrap();
        assert_eq!(line, "Log frozen \u{2014} Mon Jan  2 15:04:05 UTC 2006");
    }
}
