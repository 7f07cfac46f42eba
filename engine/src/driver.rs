//! The threads that drive the steps of one log.
//!
//! | thread | drives | sleeps until |
//! |---|---|---|
//! | sequencer | [`Sequencer`] | entries arrive or the oldest batch is due |
//! | committer | [`Committer`] | a batch is prepared |
//! | indexer | [`Indexer`] | enough identities are committed to be written |
//! | publisher | [`Publisher`] | a head is committed or a re-signature is due |
//! | keeper | [`Tier`], [`DirPublisher`] | a head is published |
//!
//! A shutdown flows in the same direction: the closed pool drains, the sequencer ends, and the
//! indexer with it; the committer writes the last batch and ends, the publisher shows the last head
//! and ends, the keeper follows it once more and ends.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::commit::{Committed, Committer};
use crate::error::AddError;
use crate::fail_stop::FailStop;
use crate::indexer::Indexer;
use crate::lock::DirLock;
use crate::publish::{Publication, Publisher};
use crate::publish_dir::DirPublisher;
use crate::sequencer::Sequencer;
use crate::signal::Signal;
use crate::tier::Tier;

/// What a step function says about its next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// There may be more to do right away.
    Again,
    /// Nothing to do before something changes, or before this much time has passed.
    Wait(Option<Duration>),
    /// Nothing to do before this much time has passed, whatever changes.
    Sleep(Duration),
    /// Nothing will ever be to do again.
    Done,
}

/// Longest sleep: a forgotten wake-up costs a delay and never a stall.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// Everything that takes steps for one log.
#[derive(Debug)]
pub(crate) struct Steppers {
    pub(crate) sequencer: Sequencer,
    pub(crate) committer: Committer,
    pub(crate) indexer: Indexer,
    pub(crate) publisher: Publisher,
    pub(crate) tier: Tier,
    pub(crate) dir_publisher: Option<DirPublisher>,
}

/// The running threads of one log.
#[derive(Debug)]
pub(crate) struct Driver {
    threads: Vec<JoinHandle<()>>,
}

impl Driver {
    /// Starts the threads. Each keeps the directory locked for as long as it may write.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub(crate) fn start(lock: Option<&Arc<DirLock>>, steppers: Steppers) -> io::Result<Self> {
        let Steppers {
            mut sequencer,
            mut committer,
            mut indexer,
            mut publisher,
            mut tier,
            dir_publisher: mut dir,
        } = steppers;
        let fail_stop = Arc::clone(&sequencer.fail_stop);
        let (handoff, dedup) = (Arc::clone(&sequencer.handoff), Arc::clone(&sequencer.dedup));
        let abandoned = Arc::clone(&handoff);
        let committed = Arc::clone(&committer.committed);
        let publication = Arc::clone(&publisher.publication);
        let followed = Arc::clone(&publication);
        let spawn = |name, body: Body, on_panic: OnPanic| {
            spawn(name, lock.cloned(), Arc::clone(&fail_stop), body, on_panic)
        };
        let spawn_all = || {
            Ok(vec![
                spawn(
                    "sequencer",
                    Box::new(move || drive_sequencer(&mut sequencer)),
                    Box::new(move |_| {
                        dedup.end();
                        handoff.end();
                    }),
                )?,
                spawn(
                    "committer",
                    Box::new(move || drive_committer(&mut committer)),
                    Box::new(move |_| {
                        abandoned.end();
                        committed.update(|committed| committed.ended = true);
                    }),
                )?,
                spawn(
                    "indexer",
                    Box::new(move || drive_indexer(&mut indexer)),
                    Box::new(|_| ()),
                )?,
                spawn(
                    "publisher",
                    Box::new(move || drive_publisher(&mut publisher)),
                    Box::new(move |told| publication.update(|last| last.ended = Some(told))),
                )?,
                spawn(
                    "keeper",
                    Box::new(move || drive_keeper(&followed, &mut tier, dir.as_mut())),
                    Box::new(|_| ()),
                )?,
            ])
        };
        let threads = spawn_all().inspect_err(|error: &io::Error| {
            // Those that did start end with the pool, and let go of the directory.
            fail_stop.trip(&format!("the system refused a thread: {error}"));
        })?;
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

type Body = Box<dyn FnOnce() + Send>;
type OnPanic = Box<dyn FnOnce(AddError) + Send>;

/// A thread whose panic is a bug with an unknown outcome: it stops the log.
fn spawn(
    name: &'static str,
    lock: Option<Arc<DirLock>>,
    fail_stop: Arc<FailStop>,
    body: Body,
    on_panic: OnPanic,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new()
        .name(format!("cairn-{name}"))
        .spawn(move || {
            if catch_unwind(AssertUnwindSafe(body)).is_err() {
                on_panic(fail_stop.trip(&format!("a bug stopped the {name}")));
            }
            drop(lock);
        })
}

fn drive_sequencer(sequencer: &mut Sequencer) {
    loop {
        sequencer.handoff.wait_for_room();
        match sequencer.step() {
            Step::Again => {}
            Step::Wait(timeout) => sequencer.pool.wait(timeout),
            Step::Sleep(time) => sequencer.pool.pause(time),
            Step::Done => break,
        }
    }
}

fn drive_committer(committer: &mut Committer) {
    while committer.step() != Step::Done {
        committer.handoff.wait_for_batch();
    }
}

fn drive_indexer(indexer: &mut Indexer) {
    loop {
        match indexer.step() {
            Step::Again => {}
            Step::Wait(_) => indexer.dedup.wait_frozen(SLEEP_MAX),
            Step::Sleep(time) => {
                let behind = indexer.committed.get().head.size;
                let grown = |now: &Committed| now.ended || now.head.size > behind;
                indexer.committed.wait_timeout(time, grown);
            }
            Step::Done => break,
        }
    }
}

fn drive_publisher(publisher: &mut Publisher) {
    loop {
        match publisher.step() {
            Step::Again => {}
            Step::Wait(timeout) => {
                publisher.sleep(timeout.unwrap_or(SLEEP_MAX).min(SLEEP_MAX));
            }
            Step::Sleep(time) => {
                publisher.sleep(time.min(SLEEP_MAX));
            }
            Step::Done => break,
        }
    }
}

fn drive_keeper(
    publication: &Signal<Publication>,
    tier: &mut Tier,
    mut dir: Option<&mut DirPublisher>,
) {
    loop {
        let seen = publication.get();
        let steps = [
            tier.step(),
            dir.as_mut().map_or(Step::Done, |dir| dir.step()),
        ];
        if steps.contains(&Step::Again) {
            continue;
        }
        if steps == [Step::Done; 2] {
            break;
        }
        let shortest = steps.iter().filter_map(|step| match step {
            Step::Wait(timeout) => *timeout,
            Step::Sleep(time) => Some(*time),
            Step::Again | Step::Done => None,
        });
        sleep(publication, &seen, shortest.min());
    }
}

fn sleep(publication: &Signal<Publication>, seen: &Publication, timeout: Option<Duration>) {
    let sleep = timeout.unwrap_or(SLEEP_MAX).min(SLEEP_MAX);
    publication.wait_timeout(sleep, |now| {
        now.ended.is_some() != seen.ended.is_some()
            || (timeout.is_none() && now.head.size > seen.head.size)
    });
}
