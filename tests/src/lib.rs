//! The harness of the suites beside it: starts a real `cairnd`, talks HTTP to it, signs requests,
//! checks what it answers, and compares answers with goldens.
//!
//! Nothing here is about one suite. Nothing sleeps for a fixed time, listens on a fixed port or
//! writes outside a temporary directory; every wait has a condition and a deadline. What goes wrong
//! panics, because the caller is a test.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::print_stderr,
    reason = "a harness fails by panicking, and says on stderr what the test runner shows"
)]

pub mod cairnd;
pub mod certificates;
pub mod environment;
pub mod files;
pub mod golden;
pub mod http;
pub mod remote;
pub mod request;
pub mod seeded;
pub mod volume;
pub mod wait;
pub mod wall_clock;

use std::io::Write as _;

/// Says something that the test runner does not swallow when the test passes.
pub fn announce(text: &str) {
    // There may be nobody to say it to.
    let _closed = writeln!(std::io::stderr(), "{text}");
}
