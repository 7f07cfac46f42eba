//! Which durable writes go wrong, and how.

use std::sync::Mutex;

use crate::error::StoreError;

/// What a durable write does instead of succeeding. The caller is told of a failure in each case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It stores nothing.
    Lost,
    /// It stores everything.
    StoredButFailed,
    /// Reads go on seeing what was there before. How much of it is on disk shows only when the
    /// store is opened again: nothing, all, or what the store's contract lets a tear leave.
    Torn,
}

impl Fault {
    /// Every way a write goes wrong.
    pub const ALL: [Self; 3] = [Self::Lost, Self::StoredButFailed, Self::Torn];
}

/// The kinds of durable writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// A batch enters the hot store.
    Commit,
    /// A run of identities enters the index in the hot store.
    IndexRun,
    /// Full objects leave the hot store.
    HotDrop,
    /// An object enters the cold store.
    ColdPut,
    /// The objects of the cold store are made durable.
    ColdSync,
    /// A signed checkpoint is kept.
    Checkpoint,
}

impl Write {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Commit,
        Self::IndexRun,
        Self::HotDrop,
        Self::ColdPut,
        Self::ColdSync,
        Self::Checkpoint,
    ];
}

/// Which writes fail, shared by the stores of one log.
#[derive(Debug, Default)]
pub struct Faults {
    plan: Mutex<Plan>,
}

#[derive(Debug, Default)]
struct Plan {
    /// The kind that fails; `None` for all of them.
    kind: Option<Write>,
    /// Writes of that kind that still succeed before the fault.
    after: u64,
    fault: Option<Fault>,
    /// Whether everything after the first fault fails too.
    lasting: bool,
    writes: u64,
    met: u64,
}

impl Faults {
    /// Lets `after` more writes succeed; the one that follows meets `fault`, and so does every
    /// write after it, as on a machine that is going down.
    pub fn plan(&self, after: u64, fault: Fault) {
        self.set(None, after, fault, true);
    }

    /// Lets `after` more writes of one kind succeed; the next one of that kind meets `fault`. All
    /// others succeed.
    pub fn plan_one(&self, kind: Write, after: u64, fault: Fault) {
        self.set(Some(kind), after, fault, false);
    }

    fn set(&self, kind: Option<Write>, after: u64, fault: Fault, lasting: bool) {
        let mut plan = crate::lock(&self.plan);
        plan.kind = kind;
        plan.after = after;
        plan.fault = Some(fault);
        plan.lasting = lasting;
    }

    /// Every write succeeds again.
    pub fn clear(&self) {
        crate::lock(&self.plan).fault = None;
    }

    /// Writes seen so far, failed ones included.
    pub fn writes(&self) -> u64 {
        crate::lock(&self.plan).writes
    }

    /// Writes so far that met a fault.
    pub fn met(&self) -> u64 {
        crate::lock(&self.plan).met
    }

    /// Runs one write under the plan: `store` does it, `tear` notes what a tear may leave.
    pub(super) fn write(
        &self,
        kind: Write,
        store: impl FnOnce() -> Result<(), StoreError>,
        tear: impl FnOnce(),
    ) -> Result<(), StoreError> {
        let failed = |how: &str| Err(StoreError::Backend(format!("simulated: {how}")));
        match self.next(kind) {
            None => store(),
            Some(Fault::Lost) => failed("write lost"),
            Some(Fault::StoredButFailed) => {
                store()?;
                failed("written, but reported as failed")
            }
            Some(Fault::Torn) => {
                tear();
                failed("write torn")
            }
        }
    }

    /// What the next write of this kind meets.
    fn next(&self, kind: Write) -> Option<Fault> {
        let mut plan = crate::lock(&self.plan);
        plan.writes += 1;
        let fault = plan.fault?;
        if plan.kind.is_some_and(|wanted| wanted != kind) {
            return None;
        }
        if plan.after > 0 {
            plan.after -= 1;
            return None;
        }
        plan.met += 1;
        if !plan.lasting {
            plan.fault = None;
        }
        Some(fault)
    }
}
