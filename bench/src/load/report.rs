//! The outcome of a run: one JSON object, and the same as a table for people.

use std::fmt::Write as _;

use serde::Serialize;

use super::latency::Latencies;

/// All that was measured. What was not is null, and never 0.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) url: String,
    pub(super) kind: &'static str,
    /// How long was sent; less than asked for if the signed requests were used up.
    pub(super) seconds: f64,
    /// Entries a second that were asked for; null flat out.
    pub(super) rate: Option<f64>,
    pub(super) connections: u32,
    pub(super) threads: u32,
    pub(super) entries_per_request: u32,
    /// Entries that were answered; duplicates among them.
    pub(super) entries: u64,
    pub(super) duplicates: u64,
    /// Answered within the time, for each second of it.
    pub(super) entries_per_s: f64,
    pub(super) sequenced_p50_ms: Option<f64>,
    pub(super) sequenced_p99_ms: Option<f64>,
    pub(super) sequenced_p999_ms: Option<f64>,
    pub(super) published_p50_ms: Option<f64>,
    pub(super) published_p99_ms: Option<f64>,
    pub(super) published_p999_ms: Option<f64>,
    /// Requests that were due in the time and not sent, because all connections waited.
    pub(super) unsent: u64,
    pub(super) server_cpu_us_per_entry: Option<f64>,
    pub(super) client_cpu_us_per_entry: Option<f64>,
    /// One P-256 verification on one core, and with all cores at it.
    pub(super) verify_us: f64,
    pub(super) verify_busy_us: f64,
    /// Over the run, or since the server began if the kernel does not let us reset it.
    pub(super) server_rss_mib_peak: Option<f64>,
    /// By how much the data directory grew for each entry.
    pub(super) disk_bytes_per_entry: Option<f64>,
    /// Entries whose place in the log was proven, and whether its signatures were checked.
    pub(super) checked: u64,
    pub(super) signatures_checked: bool,
    /// Whether the signed requests were used up before the time.
    pub(super) used_up: bool,
    /// The sum of the next three.
    pub(super) errors: u64,
    pub(super) refused: u64,
    pub(super) failed: u64,
    pub(super) unverified: u64,
}

/// p50, p99 and p99.9.
pub(super) fn percentiles(latencies: &Latencies) -> [Option<f64>; 3] {
    [50.0, 99.0, 99.9].map(|percent| latencies.percentile_ms(percent))
}

impl Report {
    /// One line.
    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).expect("numbers and texts always serialize")
    }

    /// Some lines for people.
    pub(super) fn table(&self) -> String {
        let mut table = String::new();
        let mut row = |name: &str, value: String| {
            writeln!(table, "{name:<24}{value}").expect("writing to memory does not fail");
        };
        let load = match self.rate {
            Some(rate) => format!("{rate} entries/s"),
            None => "flat out".to_owned(),
        };
        let (kind, connections) = (self.kind, self.connections);
        row("load", format!("{kind}, {load}, {connections} connections"));
        let again = self.duplicates;
        row(
            "entries",
            format!("{}, {again} of them again", self.entries),
        );
        let seconds = self.seconds;
        row(
            "throughput",
            format!("{:.0} entries/s for {seconds} s", self.entries_per_s),
        );
        let latency = |values: [Option<f64>; 3]| {
            let [p50, p99, p999] = values.map(|value| shown(value, "ms"));
            format!("p50 {p50}, p99 {p99}, p99.9 {p999}")
        };
        let sequenced = [
            self.sequenced_p50_ms,
            self.sequenced_p99_ms,
            self.sequenced_p999_ms,
        ];
        row("time to sequenced", latency(sequenced));
        let published = [
            self.published_p50_ms,
            self.published_p99_ms,
            self.published_p999_ms,
        ];
        row("time to published", latency(published));
        row(
            "server CPU an entry",
            shown(self.server_cpu_us_per_entry, "us"),
        );
        row(
            "client CPU an entry",
            shown(self.client_cpu_us_per_entry, "us"),
        );
        let (alone, busy) = (self.verify_us, self.verify_busy_us);
        row(
            "P-256 verification",
            format!("{alone} us, {busy} us with all cores busy"),
        );
        row(
            "server memory, peak",
            shown(self.server_rss_mib_peak, "MiB"),
        );
        row("disk an entry", shown(self.disk_bytes_per_entry, "bytes"));
        let signatures = if self.signatures_checked {
            "and signatures"
        } else {
            "not signatures"
        };
        row("proofs checked", format!("{} ({signatures})", self.checked));
        row("due, but not sent", format!("{} requests", self.unsent));
        let (refused, failed, unverified) = (self.refused, self.failed, self.unverified);
        let parts = format!("{refused} refused, {failed} failed, {unverified} unverified");
        row("errors", format!("{}: {parts}", self.errors));
        table
    }
}

fn shown(value: Option<f64>, unit: &str) -> String {
    value.map_or("not measured".to_owned(), |value| format!("{value} {unit}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Value;

    use super::*;

    #[test]
    fn the_object_has_its_fields_on_one_line() {
        let report = Report {
            entries_per_s: 12.5,
            published_p50_ms: Some(1.25),
            errors: 3,
            ..Report::default()
        };
        let json = report.json();
        assert!(!json.contains('\n'));
        let value: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["entries_per_s"], 12.5);
        assert_eq!(value["published_p50_ms"], 1.25);
        assert_eq!(value["errors"], 3);
        let object = value.as_object().unwrap();
        for name in [
            "sequenced_p50_ms",
            "published_p99_ms",
            "server_cpu_us_per_entry",
            "server_rss_mib_peak",
        ] {
            assert_eq!(object.get(name), Some(&Value::Null), "{name}");
        }
        assert!(object["verify_us"].is_number());
    }

    #[test]
    fn the_table_tells_what_was_not_measured() {
        let table = Report::default().table();
        assert!(
            table.contains("server CPU an entry     not measured\n"),
            "{table}"
        );
    }

    #[test]
    fn three_percentiles() {
        let mut latencies = Latencies::exact();
        assert_eq!(percentiles(&latencies), [None; 3]);
        latencies.record(Duration::from_millis(2), 1000);
        latencies.record(Duration::from_millis(4), 5);
        let [p50, p99, p999] = percentiles(&latencies);
        assert_eq!((p50, p99), (Some(2.0), Some(2.0)));
        assert!((3.99..4.01).contains(&p999.unwrap()));
    }
}
