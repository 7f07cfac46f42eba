//! Live progress on stderr; nothing at all when that is not a terminal.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use super::number::float;
use super::recorder::Totals;

/// How often the line is drawn again.
const INTERVAL: Duration = Duration::from_millis(250);

/// A bar that counts to `total`.
pub(super) fn bar(what: &'static str, total: u64) -> ProgressBar {
    let template = "{msg} [{bar:30}] {human_pos}/{human_len} {eta}";
    ProgressBar::new(total)
        .with_style(style(template))
        .with_message(what)
}

/// Shows how a run is going until every sender of `done` is gone.
pub(super) fn watch(totals: &Totals, begin: Instant, end: Duration, done: &Receiver<()>) {
    let template = "{elapsed}/{len} s [{bar:30}] {msg}";
    let line = ProgressBar::new(end.as_secs()).with_style(style(template));
    let mut last = (begin, 0);
    while done.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
        let now = Instant::now();
        let entries = totals.entries.load(Ordering::Relaxed);
        let seconds = now.duration_since(last.0).as_secs_f64();
        let rate = float(entries - last.1) / seconds.max(1e-9);
        last = (now, entries);
        let errors = totals.errors.load(Ordering::Relaxed);
        line.set_position(begin.elapsed().as_secs().min(end.as_secs()));
        line.set_message(format!(
            "{rate:.0} entries/s, {entries} in all, {errors} errors"
        ));
    }
    line.finish_and_clear();
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    style
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}
