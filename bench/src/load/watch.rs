//! Watching a raw log's checkpoint: when did it come to cover an entry?

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use http::StatusCode;
use tiles::Checkpoint;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};

use super::connection::{Connection, Requests};
use super::log_key::LogKey;
use super::recorder::Placed;
use super::target::Target;

/// How often the checkpoint is asked for. Times to published are known this well.
const INTERVAL: Duration = Duration::from_millis(5);

/// How long after the run its last entry is waited for.
const WAIT_TIME_MAX: Duration = Duration::from_secs(30);

/// Goes on until told.
const UNKNOWN: u64 = u64::MAX;

/// A checkpoint that was seen for the first time.
#[derive(Clone, Debug)]
pub(super) struct Sighting {
    /// Since the begin of the run; zero before it.
    pub(super) at: Duration,
    pub(super) size: u64,
    pub(super) note: Bytes,
}

/// Up to which size the log is watched.
#[derive(Debug)]
pub(super) struct Until(AtomicU64);

impl Until {
    /// Not known yet.
    pub(super) const fn unknown() -> Self {
        Self(AtomicU64::new(UNKNOWN))
    }

    /// Watching ends once a checkpoint covers so many entries.
    pub(super) fn size(&self, size: u64) {
        self.0.store(size, Ordering::Relaxed);
    }
}

/// Reads a log's resources, one after the other.
#[derive(Debug)]
pub(super) struct Reader {
    target: Target,
    requests: Requests,
    connection: Connection,
}

impl Reader {
    /// Of that log.
    pub(super) async fn dial(target: &Target) -> anyhow::Result<Self> {
        Ok(Self {
            requests: Requests::to(target)?,
            connection: Connection::dial(target).await?,
            target: target.clone(),
        })
    }

    /// The bytes of a resource, which must be there.
    pub(super) async fn read(&mut self, resource: &str) -> anyhow::Result<Bytes> {
        let request = self.requests.get(&self.target.path(resource))?;
        let answer = self.connection.send(request).await?;
        let status = answer.status;
        ensure!(status == StatusCode::OK, "{resource}: {status}, wanted 200");
        Ok(answer.body)
    }
}

/// Asks for the checkpoint until one covers what `until` says, or 30 s after it was said. Gives
/// each that was new, in order.
pub(super) fn watch(
    target: &Target,
    begin: &std::sync::OnceLock<Instant>,
    until: &Until,
) -> anyhow::Result<Vec<Sighting>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, async {
        let mut reader = Reader::dial(target).await?;
        let mut sightings: Vec<Sighting> = Vec::new();
        let mut told_at = None;
        loop {
            let note = reader.read("checkpoint").await?;
            let at = begin.get().map_or(Duration::ZERO, Instant::elapsed);
            if sightings.last().is_none_or(|last| last.note != note) {
                // Its signature is checked after the run.
                let size = LogKey::Unknown.open(&note)?.size().get();
                sightings.push(Sighting { at, size, note });
            }
            let wanted = until.0.load(Ordering::Relaxed);
            let size = sightings.last().map_or(0, |last| last.size);
            if wanted != UNKNOWN {
                let told_at = *told_at.get_or_insert_with(Instant::now);
                if size >= wanted || told_at.elapsed() > WAIT_TIME_MAX {
                    return Ok(sightings);
                }
            }
            sleep(INTERVAL).await;
        }
    })
}

/// When an entry was first seen to be covered, if ever.
pub(super) fn published_at(sightings: &[Sighting], index: u64) -> Option<Duration> {
    let first = sightings.partition_point(|sighting| sighting.size <= index);
    sightings.get(first).map(|sighting| sighting.at)
}

/// How long each entry took until it was seen to be covered, with that time.
pub(super) fn times_to_published<'a>(
    placed: &'a [Placed],
    sightings: &'a [Sighting],
) -> impl Iterator<Item = (Duration, Duration)> + 'a {
    placed.iter().filter_map(|placed| {
        let at = published_at(sightings, placed.index)?;
        Some((at, at.saturating_sub(placed.intended)))
    })
}

/// Opens every checkpoint that was seen. They must be signed, and must never shrink, or differ at
/// the same size.
pub(super) fn check_sightings(
    key: &LogKey,
    sightings: &[Sighting],
) -> anyhow::Result<Option<Checkpoint>> {
    let mut newest: Option<Checkpoint> = None;
    for sighting in sightings {
        let checkpoint = key.open(&sighting.note)?;
        if let Some(last) = &newest {
            let (old, new) = (last.size(), checkpoint.size());
            ensure!(old <= new, "the log shrank from {old} to {new}");
            let same_root = last.root_hash() == checkpoint.root_hash();
            ensure!(old < new || same_root, "two root hashes at size {new}");
        }
        newest = Some(checkpoint);
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use tiles::{
        Ed25519NoteSigner, Hash, KeyName, NoteSigner as _, Origin, TreeSize, empty_root, leaf_hash,
        sign_note,
    };

    use super::*;

    fn sighting(ms: u64, size: u64, root_hash: Hash) -> Sighting {
        let origin = Origin::new("log.example").unwrap();
        let text = Checkpoint::new(origin, TreeSize::new(size), root_hash).encode();
        let note = sign_note(&text, &[&signer()]).unwrap().encode();
        Sighting {
            at: Duration::from_millis(ms),
            size,
            note: note.into(),
        }
    }

    fn signer() -> Ed25519NoteSigner {
        Ed25519NoteSigner::from_seed(KeyName::new("log.example").unwrap(), [1; 32]).unwrap()
    }

    #[test]
    fn an_entry_is_published_with_the_first_checkpoint_past_it() {
        let root = leaf_hash(b"x");
        let seen = [
            sighting(0, 0, empty_root()),
            sighting(90, 2, root),
            sighting(200, 9, root),
        ];
        let ms = |ms| Some(Duration::from_millis(ms));
        assert_eq!(published_at(&seen, 1), ms(90));
        assert_eq!(published_at(&seen, 2), ms(200));
        assert_eq!(published_at(&seen, 9), None);
        let placed = |index, intended| Placed {
            number: 0,
            index,
            intended: Duration::from_millis(intended),
        };
        let placed = [placed(0, 40), placed(8, 150), placed(9, 160)];
        let times: Vec<_> = times_to_published(&placed, &seen).collect();
        let wanted = [(90, 50), (200, 50)].map(|(at, took)| (ms(at).unwrap(), ms(took).unwrap()));
        assert_eq!(times, wanted);
    }

    #[test]
    fn checkpoints_are_signed_and_only_grow() {
        let (one, two) = (leaf_hash(b"1"), leaf_hash(b"2"));
        let key = LogKey::Named(signer().verifier().clone());
        let check = |seen: &[Sighting]| check_sightings(&key, seen).map(|newest| newest.unwrap());
        let newest = check(&[sighting(0, 1, one), sighting(1, 2, two)]).unwrap();
        assert_eq!(newest.size().get(), 2);
        assert!(check(&[sighting(0, 2, two), sighting(1, 1, one)]).is_err());
        assert!(check(&[sighting(0, 2, two), sighting(1, 2, one)]).is_err());
        let mut forged = sighting(0, 2, two);
        forged.note = String::from_utf8(forged.note.to_vec())
            .unwrap()
            .replace("\n2\n", "\n3\n")
            .into();
        assert!(check(&[forged]).is_err());
    }
}
