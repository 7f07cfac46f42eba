//! Before the run: is there a log? After it: is everything right that was answered?

use std::cell::RefCell;

use anyhow::Context as _;
use rayon::prelude::*;
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

use super::answers::AnswerCheck;
use super::args::Kind;
use super::audit::{FetchTile, audit};
use super::connection::Connection;
use super::drive::Run;
use super::errors::{Errors, Fault};
use super::latency::Latencies;
use super::log_key::LogKey;
use super::measure::Measured;
use super::recorder::{Kept, check_kept};
use super::target::Target;
use super::timeline::Timeline;
use super::watch::{Reader, check_sightings, times_to_published};
use super::workload::{Content, RawEntries};

/// Answers that are checked by one thread in one go; checkpoints are opened once in each.
const CHUNK_COUNT: usize = 4096;

/// What came out.
#[derive(Debug)]
pub(super) struct Checked {
    /// Entries that were proven.
    pub(super) count: u64,
    /// All errors of the run.
    pub(super) errors: Errors,
    /// Of a raw log, which does not answer when an entry is published.
    pub(super) published: Option<Latencies>,
    pub(super) published_timeline: Option<Timeline>,
}

/// Fails before anything is signed or sent if there is no such log.
pub(super) fn preflight(kind: Kind, target: &Target, key: &LogKey) -> anyhow::Result<()> {
    let runtime = single_threaded()?;
    LocalSet::new().block_on(&runtime, async {
        if kind == Kind::RekorV2 || kind.is_service() {
            Connection::dial(target).await?;
            return Ok(());
        }
        let mut reader = Reader::dial(target).await?;
        let note = reader.read("checkpoint").await;
        let note = note.with_context(|| format!("no log at {}", target.url()))?;
        key.open(&note)
            .with_context(|| format!("the checkpoint of {}", target.url()))?;
        Ok(())
    })
}

/// Checks all that was kept of a run.
pub(super) fn check(run: &Run, measured: &mut Measured) -> anyhow::Result<Checked> {
    let mut checked = Checked {
        count: measured.seen.checked,
        errors: std::mem::take(&mut measured.seen.errors),
        published: None,
        published_timeline: None,
    };
    match run.workload.content() {
        Content::Signed(requests) => {
            let kept = std::mem::take(&mut measured.seen.kept);
            check_answers(&kept, &mut checked, || {
                let mut check = AnswerCheck::new(run.key.clone());
                move |kept: &Kept| check_kept(&mut check, requests, kept)
            });
        }
        Content::Service(requests) => {
            let kept = std::mem::take(&mut measured.seen.kept);
            check_answers(&kept, &mut checked, || {
                |kept: &Kept| requests.check(kept.number, &kept.body)
            });
        }
        Content::Raw(entries) => check_raw(run, entries, measured, &mut checked)?,
    }
    Ok(checked)
}

/// Checks what was kept, on all cores, with a check of its own for each chunk.
fn check_answers<C>(kept: &[Kept], checked: &mut Checked, new_check: impl Fn() -> C + Sync)
where
    C: FnMut(&Kept) -> anyhow::Result<()>,
{
    let chunks = kept.par_chunks(CHUNK_COUNT).map(|chunk| {
        let mut check = new_check();
        let mut errors = Errors::default();
        for kept in chunk {
            if let Err(error) = check(kept) {
                errors.add(Fault::Unverified, || format!("{error:#}"));
            }
        }
        errors
    });
    let chunks: Vec<Errors> = chunks.collect();
    checked.count += u64::try_from(kept.len()).unwrap_or(u64::MAX);
    for errors in chunks {
        checked.count -= errors.sum();
        checked.errors.merge(errors);
    }
}

fn check_raw(
    run: &Run,
    entries: &RawEntries,
    measured: &mut Measured,
    checked: &mut Checked,
) -> anyhow::Result<()> {
    let mut published = Latencies::exact();
    let mut timeline = Timeline::new(run.schedule.end());
    let (placed, sightings) = (&measured.seen.placed, &measured.sightings);
    for (at, latency) in times_to_published(placed, sightings) {
        published.record(latency, 1);
        timeline.record(at, latency, 1);
    }
    published.add(&measured.waited);
    checked.published = Some(published);
    checked.published_timeline = Some(timeline);
    let head = match check_sightings(&run.key, sightings) {
        Ok(head) => head.context("no checkpoint was ever seen")?,
        Err(error) => {
            checked
                .errors
                .add(Fault::Unverified, || format!("{error:#}"));
            return Ok(());
        }
    };
    let mut placed = std::mem::take(&mut measured.seen.placed);
    let all = placed.len();
    placed.retain(|placed| placed.index < head.size().get());
    let missing = u64::try_from(all - placed.len()).unwrap_or(u64::MAX);
    checked.errors.add_many(Fault::Failed, missing, || {
        format!(
            "{missing} entries were not published in time: the log has {}",
            head.size()
        )
    });
    let log = RemoteLog::open(&run.target)?;
    let found = audit(&log, &head, entries, placed);
    checked.count += found.checked;
    checked.errors.merge(found.errors);
    Ok(())
}

/// A log that is read one resource after the other.
struct RemoteLog {
    runtime: Runtime,
    local: LocalSet,
    reader: RefCell<Reader>,
}

impl RemoteLog {
    fn open(target: &Target) -> anyhow::Result<Self> {
        let (runtime, local) = (single_threaded()?, LocalSet::new());
        let reader = local.block_on(&runtime, Reader::dial(target))?;
        Ok(Self {
            runtime,
            local,
            reader: RefCell::new(reader),
        })
    }
}

impl FetchTile for RemoteLog {
    fn fetch(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let mut reader = self.reader.borrow_mut();
        let bytes = self.local.block_on(&self.runtime, reader.read(path))?;
        Ok(bytes.to_vec())
    }
}

fn single_threaded() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}
