//! The threads that drive the steps of one log.
//!
//! | thread | drives | sleeps until |
//! |---|---|---|
//! | sequencer | [`Sequencer`] | entries arrive or the oldest batch is due |
//! | publisher | [`Publisher`] | a head is committed or a re-signature is due |
//! | keeper | [`Tier`], [`DirPublisher`] | a head is published |
//!
//! A shutdown flows in the same direction: the closed pool drains, the sequencer ends, the
//! publisher shows the last head and ends, the keeper follows it once more and ends.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::pool::Pool;
use crate::publish::{Publication, Publisher};
use crate::publish_dir::DirPublisher;
use crate::sequencer::{Committed, Sequencer};
use crate::signal::Signal;
use crate::tier::Tier;

/// What a step function says about its next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// There may be more to do right away.
    Again,
    /// Nothing to do before something changes, or before this much time has passed.
    Wait(Option<Duration>),
    /// Nothing will ever be to do again.
    Done,
}

/// Longest sleep: a forgotten wake-up costs a delay and never a stall.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// The running threads of one log.
#[derive(Debug)]
pub(crate) struct Driver {
    threads: Vec<JoinHandle<()>>,
}

impl Driver {
    /// Starts the threads.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub(crate) fn start(
        sequencer: Sequencer,
        publisher: Publisher,
        tier: Tier,
        dir: Option<DirPublisher>,
    ) -> std::io::Result<Self> {
        let keeper_publication = Arc::clone(&publisher.publication);
        let threads = vec![
            spawn("cairn-sequencer", move || drive_sequencer(sequencer))?,
            spawn("cairn-publisher", move || drive_publisher(publisher))?,
            spawn("cairn-keeper", move || {
                drive_keeper(&keeper_publication, tier, dir);
            })?,
        ];
        Ok(Self { threads })
    }

    /// Waits for all threads to end, which they do once the pool is closed.
    pub(crate) fn join(self) {
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("an engine thread ended in a panic");
            }
        }
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(body)
}

fn drive_sequencer(mut sequencer: Sequencer) {
    // A panic in the write path is a bug with an unknown outcome: stop, and tell everyone.
    let fail_stop = Arc::clone(&sequencer.fail_stop);
    let committed: Arc<Signal<Committed>> = Arc::clone(&sequencer.committed);
    let pool: Arc<Pool> = Arc::clone(&sequencer.pool);
    let run = std::panic::AssertUnwindSafe(|| {
        loop {
            match sequencer.step() {
                Step::Again => {}
                Step::Wait(timeout) => pool.wait(timeout),
                Step::Done => break,
            }
        }
    });
    if std::panic::catch_unwind(run).is_err() {
        fail_stop.trip("a bug stopped the sequencer");
        committed.update(|committed| committed.ended = true);
    }
}

fn drive_publisher(mut publisher: Publisher) {
    let fail_stop = Arc::clone(&publisher.fail_stop);
    let publication = Arc::clone(&publisher.publication);
    let run = std::panic::AssertUnwindSafe(|| {
        loop {
            match publisher.step() {
                Step::Again => {}
                Step::Wait(timeout) => {
                    publisher.sleep(timeout.unwrap_or(SLEEP_MAX).min(SLEEP_MAX));
                }
                Step::Done => break,
            }
        }
    });
    if std::panic::catch_unwind(run).is_err() {
        let told = fail_stop.trip("a bug stopped the publisher");
        publication.update(|publication| publication.ended = Some(told));
    }
}

fn drive_keeper(publication: &Signal<Publication>, mut tier: Tier, mut dir: Option<DirPublisher>) {
    loop {
        let seen = publication.get();
        let tier_step = tier.step();
        let dir_step = dir.as_mut().map_or(Step::Done, DirPublisher::step);
        match (tier_step, dir_step) {
            (Step::Again, _) | (_, Step::Again) => {}
            (Step::Done, Step::Done) => break,
            (Step::Wait(one), Step::Wait(other)) => sleep(publication, &seen, one.or(other)),
            (Step::Wait(one), Step::Done) | (Step::Done, Step::Wait(one)) => {
                sleep(publication, &seen, one);
            }
        }
    }
}

fn sleep(publication: &Signal<Publication>, seen: &Publication, timeout: Option<Duration>) {
    let sleep = timeout.unwrap_or(SLEEP_MAX).min(SLEEP_MAX);
    publication.wait_timeout(sleep, |now| {
        now.ended.is_some() != seen.ended.is_some()
            || (timeout.is_none() && now.head.size > seen.head.size)
    });
}
