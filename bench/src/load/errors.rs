//! What went wrong in a run: how often, and the first few in words.

/// How many are told in words.
const TOLD_COUNT_MAX: usize = 5;

/// What can be wrong with a request or its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The server said no.
    Refused,
    /// There was no answer.
    Failed,
    /// The answer, or what the log holds, is not right.
    Unverified,
}

/// The faults of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Errors {
    pub(super) refused: u64,
    pub(super) failed: u64,
    pub(super) unverified: u64,
    told: Vec<String>,
}

impl Errors {
    /// Counts one.
    pub(super) fn add(&mut self, fault: Fault, text: impl FnOnce() -> String) {
        self.add_many(fault, 1, text);
    }

    /// Counts many of one cause.
    pub(super) fn add_many(&mut self, fault: Fault, count: u64, text: impl FnOnce() -> String) {
        let (name, sum) = match fault {
            Fault::Refused => ("refused", &mut self.refused),
            Fault::Failed => ("failed", &mut self.failed),
            Fault::Unverified => ("unverified", &mut self.unverified),
        };
        *sum += count;
        if count > 0 && self.told.len() < TOLD_COUNT_MAX {
            self.told.push(format!("{name}: {}", text()));
        }
    }

    /// Adds those of another part of the run.
    pub(super) fn merge(&mut self, other: Self) {
        self.refused += other.refused;
        self.failed += other.failed;
        self.unverified += other.unverified;
        self.told.extend(other.told);
        self.told.truncate(TOLD_COUNT_MAX);
    }

    /// All of them.
    pub(super) const fn sum(&self) -> u64 {
        self.refused + self.failed + self.unverified
    }

    /// The first few.
    pub(super) fn told(&self) -> &[String] {
        &self.told
    }
}
