//! One run of a client of others: one at a time, because some of them keep all processors busy and
//! have deadlines, and each with a line in the table of results.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use cairn_tests::announce;
use cairn_tests::environment::text;

use crate::install::Silent;

static ALONE: Mutex<()> = Mutex::new(());

/// A run, whose result is written when it is dropped.
#[derive(Debug)]
pub(crate) struct Run {
    client: String,
    version: String,
    what: String,
    skipped: Option<String>,
    _alone: MutexGuard<'static, ()>,
}

impl Run {
    /// Waits until no other client runs.
    pub(crate) fn begin(client: &str, what: &str) -> Self {
        Self {
            client: client.to_owned(),
            version: "-".to_owned(),
            what: what.to_owned(),
            skipped: None,
            _alone: ALONE.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    pub(crate) fn is_of_version(&mut self, version: String) {
        self.version = version;
    }

    /// Ends a run that could not begin.
    pub(crate) fn skip(mut self, why: &Silent) {
        announce(&format!("SKIPPED: {}: {why}", self.client));
        self.skipped = Some(why.to_string());
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let result = match &self.skipped {
            Some(why) => format!("skipped: {why}"),
            None if thread::panicking() => "failed".to_owned(),
            None => "ok".to_owned(),
        };
        let Some(table) = text("CAIRN_CLIENT_TABLE") else {
            return;
        };
        let line = format!(
            "{}\t{}\t{}\t{result}\n",
            self.client, self.version, self.what
        );
        let mut options = OpenOptions::new();
        let written = options
            .create(true)
            .append(true)
            .open(&table)
            .and_then(|mut file| file.write_all(line.as_bytes()));
        if let Err(error) = written {
            announce(&format!("{table}: {error}"));
        }
    }
}
