//! A log whose parts run only when told to, all on the calling thread (feature `testing`).
//!
//! It is opened as [`Log::open_with`] opens it and made of the same parts; only the threads are
//! missing. So whoever holds it decides what happens next, and can repeat it.

use std::path::Path;
use std::time::Duration;

use super::{Log, LogConfig, Parts, Stores};
use crate::driver::{Step, Steppers};
use crate::error::OpenError;
use crate::publish_dir::DirPublisher;

/// A part of a log that runs by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Takes batches from the pool and prepares them.
    Sequencer,
    /// Makes prepared batches durable.
    Committer,
    /// Writes runs of identities.
    Indexer,
    /// Signs and shows heads.
    Publisher,
    /// Moves full objects to the cold store.
    Tier,
    /// Keeps `publish_dir` current.
    DirPublisher,
}

impl Part {
    /// Every part, in the order in which an entry meets them.
    pub const ALL: [Self; 6] = [
        Self::Sequencer,
        Self::Committer,
        Self::Indexer,
        Self::Publisher,
        Self::Tier,
        Self::DirPublisher,
    ];
}

/// What a part says about its next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// There may be more to do right away.
    Now,
    /// Nothing to do before something changes or this much time has passed.
    Later(Option<Duration>),
    /// Nothing will ever be to do again.
    Never,
}

/// A log without threads.
#[derive(Debug)]
pub struct Stepped {
    log: Log,
    steppers: Steppers,
    /// Parts that will never have anything to do again. Their threads would be gone.
    ended: Vec<Part>,
}

impl Stepped {
    /// Opens a log on any stores.
    ///
    /// # Errors
    /// As [`Log::open_with`]; also for what that would open for reading only.
    pub fn open(stores: &Stores, config: &LogConfig) -> Result<Self, OpenError> {
        let (parts, recovered) = Parts::recover(stores, config, Path::new("checkpoint"))?;
        let steppers = parts.steppers(recovered?);
        let inner = parts.inner(None).into();
        Ok(Self {
            log: Log { inner },
            steppers,
            ended: Vec::new(),
        })
    }

    /// The log, for adding and reading. Closing it closes the pool; the parts still have to be
    /// stepped to their ends.
    #[must_use]
    pub const fn log(&self) -> &Log {
        &self.log
    }

    /// Runs one step of one part, unless the part has ended.
    pub fn step(&mut self, part: Part) -> Next {
        if self.ended.contains(&part) {
            return Next::Never;
        }
        let steppers = &mut self.steppers;
        let step = match part {
            Part::Sequencer => steppers.sequencer.step(),
            Part::Committer => steppers.committer.step(),
            Part::Indexer => steppers.indexer.step(),
            Part::Publisher => steppers.publisher.step(),
            Part::Tier => steppers.tier.step(),
            Part::DirPublisher => {
                let dir_publisher = steppers.dir_publisher.as_mut();
                dir_publisher.map_or(Step::Done, DirPublisher::step)
            }
        };
        match step {
            Step::Again => Next::Now,
            Step::Wait(timeout) => Next::Later(timeout),
            Step::Sleep(time) => Next::Later(Some(time)),
            Step::Done => {
                self.ended.push(part);
                Next::Never
            }
        }
    }
}
