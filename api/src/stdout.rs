//! What a command tells whoever started it, line by line.
//!
//! Nobody need read it: when standard output is closed (`cairnd init | head -3`) the command goes
//! on, and its exit code says how it ended.

use std::fmt;
use std::io::Write as _;

/// Writes one line to standard output.
macro_rules! say {
    () => { $crate::stdout::line(format_args!("")) };
    ($($text:tt)+) => { $crate::stdout::line(format_args!($($text)+)) };
}
pub(crate) use say;

/// For [`say`].
pub(crate) fn line(text: fmt::Arguments<'_>) {
    let mut stdout = std::io::stdout().lock();
    let _nobody_reads = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}
