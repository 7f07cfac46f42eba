//! The publisher: signs the committed head at its own cadence and makes it visible.
//!
//! A signature, once seen, can never be taken back. So the order is fixed: a head is signed only
//! after it is committed, the signed checkpoint is kept durably outside the hot store, and only
//! then can anyone see it. A crash between the steps leaves a head that is signed late or signed
//! again, never one that was shown and forgotten.
//!
//! A head that cannot be signed, or that an anchor cannot take, is held and tried again. The
//! anchors come before the log's own file: what is shown after a crash is that file, and no anchor
//! may be behind it.
//!
//! A log can be frozen: its last checkpoint says so in an extension line, and is kept as it is.
//! That line is the only record of it, so nothing can forget it but the loss of the checkpoint.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use tiles::{Checkpoint, Hash, LeafIndex, NoteSigner, Origin, SignedAt, TreeSize, sign_note_at};

use crate::anchor::{self, Anchor};
use crate::clock::{Clock, UnixMillis};
use crate::commit::Committed;
use crate::driver::Step;
use crate::error::{AddError, Rejection};
use crate::fail_stop::FailStop;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::signal::Signal;
use crate::store::{CheckpointStore, Head};

/// A head that the world can see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedHead {
    /// Entries in the tree.
    pub size: TreeSize,
    /// Root hash at this size.
    pub root_hash: Hash,
    /// The signed checkpoint, as it is served.
    pub checkpoint: Bytes,
    /// When it was signed.
    pub signed_at: UnixMillis,
}

impl PublishedHead {
    /// What the checkpoint says in an extension line: that the log is frozen, for no other line is
    /// ever written.
    #[must_use]
    pub fn final_line(&self) -> Option<&str> {
        let text = std::str::from_utf8(&self.checkpoint).ok()?;
        text.lines()
            .nth(EXTENSIONS_AT)
            .filter(|line| !line.is_empty())
    }
}

/// Origin, size and root hash come first.
const EXTENSIONS_AT: usize = 3;

/// The newest published head, and whether others will follow.
#[derive(Clone, Debug)]
pub(crate) struct Publication {
    pub(crate) head: Arc<PublishedHead>,
    /// What to tell those who wait for a head that will not come.
    pub(crate) ended: Option<AddError>,
}

impl Publication {
    /// The head, once it covers `index`; an error once it never will.
    pub(crate) fn covering(
        &self,
        index: LeafIndex,
    ) -> Option<Result<Arc<PublishedHead>, AddError>> {
        if self.head.size.contains(index) {
            return Some(Ok(Arc::clone(&self.head)));
        }
        self.ended.clone().map(Err)
    }
}

/// Signs and shows heads. See the module.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) origin: Origin,
    pub(crate) signers: Vec<Arc<dyn NoteSigner>>,
    pub(crate) store: Arc<dyn CheckpointStore>,
    pub(crate) anchors: Vec<Anchor>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: Limits,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) committed: Arc<Signal<Committed>>,
    pub(crate) publication: Arc<Signal<Publication>>,
    pub(crate) fail_stop: Arc<FailStop>,
    /// What the last checkpoint says of a log that is being frozen.
    pub(crate) final_line: Arc<OnceLock<String>>,
    /// Why nothing is published right now, for those who watch the log.
    pub(crate) held: Arc<Mutex<Option<String>>>,
    /// Monotonic time of the last publication by this process, and of the last failed attempt.
    /// Owned by the publisher.
    pub(crate) published_at: Option<Duration>,
    pub(crate) failed_at: Option<Duration>,
    /// What the last step looked at. Owned by the publisher.
    pub(crate) seen: Committed,
}

impl Publisher {
    /// Publishes the committed head if it is due.
    pub(crate) fn step(&mut self) -> Step {
        let committed = self.committed.get();
        self.seen = committed;
        let published = self.publication.get().head;
        let grown = committed.head.size > published.size;
        let last = committed.ended.then(|| self.final_line.get()).flatten();
        let line = published.final_line().or(last.map(String::as_str));
        if committed.ended && !grown {
            let stopped = self.fail_stop.reason().map(str::to_owned);
            if stopped.is_some() || line == published.final_line() {
                return self.end(stopped.map_or(Rejection::Closed.into(), AddError::Fatal));
            }
        }
        let now = self.clock.monotonic();
        let due = self.due(grown, committed.ended);
        if due > now {
            return Step::Wait(Some(due.saturating_sub(now)));
        }
        match self.sign(&committed.head, line) {
            Ok(head) => self.publish(head, now),
            Err(why) => {
                self.metrics.sign_failures.add(1);
                self.hold(format!("the checkpoint cannot be signed: {why}"), now)
            }
        }
    }

    /// Shows nothing for now, because of something outside the log; the next step tries again.
    fn hold(&mut self, why: String, now: Duration) -> Step {
        tracing::error!(%why, "nothing is published; trying again");
        self.failed_at = Some(now);
        if self.seen.ended {
            let why = format!("shut down before the last checkpoint could be published: {why}");
            return self.end(AddError::Fatal(why));
        }
        *crate::lock(&self.held) = Some(why);
        Step::Again
    }

    /// Sleeps after a step that had nothing to do: until something changes that the step did not
    /// see, or `timeout` has passed. Says whether something changed.
    ///
    /// A head that already waits for its time is not hurried by another one.
    pub(crate) fn sleep(&self, timeout: Duration) -> bool {
        let seen = self.seen;
        let waiting = seen.head.size > self.publication.get().head.size;
        self.committed.wait_timeout(timeout, |now| {
            now.ended != seen.ended || (!waiting && now.head.size > seen.head.size)
        })
    }

    /// Monotonic time at which the next checkpoint is due.
    fn due(&self, grown: bool, ended: bool) -> Duration {
        if ended {
            return Duration::ZERO;
        }
        let interval = if grown {
            self.limits.checkpoint_interval
        } else {
            self.limits.checkpoint_resign_interval
        };
        let by_cadence = self
            .published_at
            .map_or(Duration::ZERO, |at| at.saturating_add(interval));
        let by_failure = self.failed_at.map_or(Duration::ZERO, |at| {
            at.saturating_add(self.limits.retry_delay)
        });
        by_cadence.max(by_failure)
    }

    fn sign(&self, head: &Head, final_line: Option<&str>) -> Result<PublishedHead, String> {
        #[cfg(feature = "planted-bugs")]
        let head = &crate::planted::head_to_sign(head);
        let origin = &self.origin;
        sign_head(origin, &self.signers, head, final_line, self.clock.now())
    }

    /// Keeps a signed head durably, in the anchors and in the log's own file, then shows it.
    fn publish(&mut self, head: PublishedHead, now: Duration) -> Step {
        let published = self.publication.get().head;
        let extends = head.size > published.size
            || (head.size == published.size && head.root_hash == published.root_hash);
        #[cfg(feature = "planted-bugs")]
        let extends = extends || crate::planted::is(crate::planted::Bug::OlderHeadSigned);
        assert!(extends, "a signed head extends the last one or repeats it");
        if let Err(why) = anchor::keep(&self.anchors, &head.checkpoint) {
            self.metrics.anchor_failures.add(1);
            return self.hold(why, now);
        }
        if let Err(error) = self.store.keep(&head.checkpoint) {
            let error = self
                .fail_stop
                .trip(&format!("keeping the signed checkpoint: {error}"));
            return self.end(error);
        }
        self.metrics.checkpoints.add(1);
        self.published_at = Some(now);
        if self.failed_at.take().is_some() {
            *crate::lock(&self.held) = None;
        }
        self.publication
            .update(|publication| publication.head = Arc::new(head));
        Step::Again
    }

    fn end(&self, told: AddError) -> Step {
        self.publication
            .update(|publication| publication.ended = Some(told));
        Step::Done
    }
}

/// Signs `head` with every signer, the log's own first; a frozen log's with its final line.
pub(crate) fn sign_head(
    origin: &Origin,
    signers: &[Arc<dyn NoteSigner>],
    head: &Head,
    final_line: Option<&str>,
    now: UnixMillis,
) -> Result<PublishedHead, String> {
    // A signature that states its time must not be older than an entry it covers, whatever became
    // of the clock.
    let signed_at = now.max(head.time);
    let lines = final_line.into_iter().map(str::to_owned).collect();
    let checkpoint = Checkpoint::new(origin.clone(), head.size, head.root_hash)
        .with_extensions(lines)
        .map_err(|error| error.to_string())?;
    let signers: Vec<&dyn NoteSigner> = signers.iter().map(AsRef::as_ref).collect();
    let stated = SignedAt::from_unix_millis(signed_at.get());
    let note =
        sign_note_at(&checkpoint.encode(), stated, &signers).map_err(|error| error.to_string())?;
    Ok(PublishedHead {
        size: head.size,
        root_hash: head.root_hash,
        checkpoint: Bytes::from(note.encode()),
        signed_at,
    })
}
