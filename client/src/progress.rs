//! Progress of long work, on standard error; nothing at all when that is not a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar that counts to `total`. It disappears when it is dropped.
pub(crate) fn bar(what: String, unit: &str, total: u64) -> ProgressBar {
    let template =
        format!("{{msg}} [{{bar:30}}] {{human_pos}}/{{human_len}} {unit} {{per_sec:>12}} {{eta}}");
    let style = ProgressStyle::with_template(&template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ");
    ProgressBar::new(total)
        .with_style(style)
        .with_message(what)
        .with_finish(indicatif::ProgressFinish::AndClear)
}
