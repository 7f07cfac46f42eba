//! What one thread saw: how long answers took, and the answers themselves, to be checked later.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use super::answers::{AnswerCheck, excerpt, indices};
use super::connection::Answer;
use super::errors::{Errors, Fault};
use super::latency::Latencies;
use super::service::ServiceRequests;
use super::signing::SignedRequests;
use super::timeline::Timeline;
use super::workload::{Content, Pick, Sending, Workload};

/// Bytes of answers that wait to be checked, in all threads; beyond it they are checked at once.
const KEPT_LEN_BYTES_MAX: u64 = 1 << 30;

/// Raw entries whose places are kept, in all threads: 24 bytes each. Of those beyond it only the
/// answers count.
const PLACED_COUNT_MAX: u64 = 32 << 20;

/// What all threads count together, for their bounds and for whoever watches.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) entries: AtomicU64,
    pub(super) errors: AtomicU64,
    kept_len: AtomicU64,
    placed: AtomicU64,
}

/// An answer with a proof or a signature.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) number: u64,
    pub(super) body: Bytes,
}

/// Where a raw log says an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) number: u64,
    pub(super) index: u64,
    /// When it should have been sent.
    pub(super) intended: Duration,
}

/// What one thread saw.
pub(super) struct Recorder {
    totals: Arc<Totals>,
    workload: Arc<Workload>,
    check: AnswerCheck,
    end: Duration,
    pub(super) seen: Seen,
}

/// The part of it that outlives the thread.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) latencies: Latencies,
    pub(super) timeline: Timeline,
    pub(super) errors: Errors,
    /// Requests, and how many of them came back in some way.
    pub(super) sent: u64,
    pub(super) returned: u64,
    /// Entries that were answered rightly, as far as was looked at: before the end, and in all.
    pub(super) entries_in_time: u64,
    pub(super) entries: u64,
    /// Of these, sent again, and answered with a refusal because of it.
    pub(super) duplicates: u64,
    /// Entries whose proofs were checked while the run went on.
    pub(super) checked: u64,
    pub(super) last: Duration,
    pub(super) kept: Vec<Kept>,
    pub(super) placed: Vec<Placed>,
}

impl Seen {
    /// Nothing yet, of a run that takes so long.
    pub(super) fn new(end: Duration) -> Self {
        Self {
            latencies: Latencies::exact(),
            timeline: Timeline::new(end),
            errors: Errors::default(),
            sent: 0,
            returned: 0,
            entries_in_time: 0,
            entries: 0,
            duplicates: 0,
            checked: 0,
            last: Duration::ZERO,
            kept: Vec::new(),
            placed: Vec::new(),
        }
    }

    /// Adds what another thread saw.
    pub(super) fn merge(&mut self, mut other: Self) {
        self.latencies.add(&other.latencies);
        self.timeline.add(&other.timeline);
        self.errors.merge(other.errors);
        self.sent += other.sent;
        self.returned += other.returned;
        self.entries_in_time += other.entries_in_time;
        self.entries += other.entries;
        self.duplicates += other.duplicates;
        self.checked += other.checked;
        self.last = self.last.max(other.last);
        self.kept.append(&mut other.kept);
        self.placed.append(&mut other.placed);
    }
}

impl Recorder {
    /// For one thread of a run that takes so long.
    pub(super) fn new(
        totals: Arc<Totals>,
        workload: Arc<Workload>,
        check: AnswerCheck,
        end: Duration,
    ) -> Self {
        Self {
            totals,
            workload,
            check,
            end,
            seen: Seen::new(end),
        }
    }

    /// A request is about to be sent.
    pub(super) fn sending(&mut self) {
        self.seen.sent += 1;
    }

    /// There was no answer.
    pub(super) fn failed(&mut self, error: &anyhow::Error) {
        self.seen.returned += 1;
        self.fault(Fault::Failed, || format!("{error:#}"));
    }

    /// An answer came at `done` to what should have been sent at `intended`.
    pub(super) fn answered(
        &mut self,
        sending: &Sending,
        intended: Duration,
        done: Duration,
        answer: Answer,
    ) {
        self.seen.returned += 1;
        let workload = Arc::clone(&self.workload);
        let taken = match (workload.content(), &sending.picks[..]) {
            (Content::Signed(requests), [pick]) => self.take_signed(requests, *pick, answer),
            (Content::Service(requests), [pick]) => self.take_served(requests, *pick, answer),
            (_, picks) => self.take_raw(picks, intended, &answer),
        };
        if taken {
            let count = u64::try_from(sending.picks.len()).unwrap_or(u64::MAX);
            self.count(sending, count, done, done.saturating_sub(intended));
        }
    }

    fn count(&mut self, sending: &Sending, count: u64, done: Duration, latency: Duration) {
        let seen = &mut self.seen;
        seen.latencies.record(latency, count);
        seen.timeline.record(done, latency, count);
        seen.entries += count;
        if done <= self.end {
            seen.entries_in_time += count;
        }
        seen.last = seen.last.max(done);
        let again = sending.picks.iter().filter(|pick| pick.is_again).count();
        seen.duplicates += u64::try_from(again).unwrap_or(u64::MAX);
        self.totals.entries.fetch_add(count, Ordering::Relaxed);
    }

    /// Whether an answer with a proof is one; it is kept, or checked now.
    fn take_signed(&mut self, requests: &SignedRequests, pick: Pick, answer: Answer) -> bool {
        if pick.is_again && answer.status == StatusCode::CONFLICT {
            // Said so, and without a proof: nothing to check.
            return true;
        }
        if answer.status != StatusCode::CREATED {
            self.refused(&answer);
            return false;
        }
        if let Some(kept) = self.keep(pick, answer) {
            let checked = check_kept(&mut self.check, requests, &kept);
            self.checked(checked);
        }
        true
    }

    /// Whether an answer of a service is one; it is kept, or checked now.
    fn take_served(&mut self, requests: &ServiceRequests, pick: Pick, answer: Answer) -> bool {
        if !requests.is_answer(answer.status) {
            self.refused(&answer);
            return false;
        }
        if let Some(kept) = self.keep(pick, answer) {
            self.checked(requests.check(kept.number, &kept.body));
        }
        true
    }

    /// Keeps an answer for later, or gives it back where there is no room.
    fn keep(&mut self, pick: Pick, answer: Answer) -> Option<Kept> {
        let kept = Kept {
            number: pick.number,
            body: answer.body,
        };
        let len = u64::try_from(kept.body.len()).unwrap_or(u64::MAX);
        if self.totals.kept_len.fetch_add(len, Ordering::Relaxed) >= KEPT_LEN_BYTES_MAX {
            return Some(kept);
        }
        self.seen.kept.push(kept);
        None
    }

    fn checked(&mut self, checked: anyhow::Result<()>) {
        match checked {
            Ok(()) => self.seen.checked += 1,
            Err(error) => self.fault(Fault::Unverified, || format!("{error:#}")),
        }
    }

    /// Whether an answer with indices is one; they are kept.
    fn take_raw(&mut self, picks: &[Pick], intended: Duration, answer: &Answer) -> bool {
        if answer.status != StatusCode::OK {
            self.refused(answer);
            return false;
        }
        let indices = match indices(&answer.body, picks.len()) {
            Ok(indices) => indices,
            Err(error) => {
                self.fault(Fault::Unverified, || format!("{error:#}"));
                return false;
            }
        };
        let count = u64::try_from(picks.len()).unwrap_or(u64::MAX);
        if self.totals.placed.fetch_add(count, Ordering::Relaxed) < PLACED_COUNT_MAX {
            let placed = picks.iter().zip(indices).map(|(pick, index)| Placed {
                number: pick.number,
                index,
                intended,
            });
            self.seen.placed.extend(placed);
        }
        true
    }

    fn refused(&mut self, answer: &Answer) {
        let text = || {
            let body = String::from_utf8_lossy(&answer.body);
            format!("{}: {}", answer.status, excerpt(body.trim_end()))
        };
        self.fault(Fault::Refused, text);
    }

    fn fault(&mut self, fault: Fault, text: impl FnOnce() -> String) {
        self.seen.errors.add(fault, text);
        self.totals.errors.fetch_add(1, Ordering::Relaxed);
    }
}

/// Checks one answer of a rekor-v2 log.
pub(super) fn check_kept(
    check: &mut AnswerCheck,
    requests: &SignedRequests,
    kept: &Kept,
) -> anyhow::Result<()> {
    let leaf = requests.leaf(kept.number);
    let leaf = leaf.ok_or_else(|| anyhow::anyhow!("request {} was never made", kept.number))?;
    check.check(&kept.body, leaf.as_bytes())?;
    Ok(())
}
