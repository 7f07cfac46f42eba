//! The logs that clients are to trust: signed checkpoints, and tiles that prove entries under them.

use std::sync::Arc;

use anyhow::Context as _;
use engine::{Format, TlogTiles, bundle_leaves};
use sigstore::trusted_root::{LogKeyDetails, TransparencyLogInstance};
use tiles::{
    BundleRef, Checkpoint, KeyName, LeafIndex, LogBytes as _, TILE_WIDTH_MAX, Tile, TileError,
    TileRef, TileSource, VerifierKey, inclusion_proof, verify_inclusion,
};

use super::report::{OrFix as _, Report, Trouble, Verdict, failed};
use super::site::Site;
use super::trust::Trusted;
use crate::command::remote::{RemoteError, RemoteLog};
use crate::ct::StaticCt;

/// Checks every log whose time it is.
pub(super) fn check(site: &Site, trusted: &Trusted, report: &mut Report) {
    let now = trusted.now;
    for log in &trusted.root.tlogs {
        if log.valid_for.contains(now) && log.key_details == LogKeyDetails::Ed25519 {
            let known = Known::log(log);
            let name = format!("log {}", log.base_url);
            let checkpoint = known.and_then(Known::checkpoint);
            proofs(report, &name, checkpoint);
        }
    }
    for service in &trusted.config.rekor_tlog_urls {
        if service.valid_for.contains(now) {
            let name = format!("log {}, adds", service.url);
            report.check(name, takes_entries(site, &service.url));
        }
    }
    for log in &trusted.root.ctlogs {
        if log.valid_for.contains(now) {
            let name = format!("certificate log {}", log.base_url);
            let checkpoint = Known::certificate_log(log).and_then(Known::checkpoint);
            proofs(report, &name, checkpoint);
        }
    }
}

const OPEN: &str = "look in the server's log why it is not served, and restart `cairnd serve`";
const OTHER_KEY: &str = "the log was made anew, or the trust root is another's: restore the log's \
    key and store from a backup, or make the log trusted with `cairnd trust add`";
const FSCK: &str = "run `cairnd fsck --dir D`, which names what is damaged";

/// A log and the key that clients know it by.
struct Known {
    log: RemoteLog,
    key: VerifierKey,
    format: Arc<dyn Format>,
}

impl Known {
    fn log(instance: &TransparencyLogInstance) -> Result<Known, Trouble> {
        let host = instance.base_url.split_once("://").map(|(_, rest)| rest);
        let host = host.unwrap_or_default().split(['/', ':']).next();
        let key = KeyName::new(host.unwrap_or_default())
            .map_err(anyhow::Error::from)
            .and_then(|name| {
                let raw = instance
                    .public_key
                    .last_chunk()
                    .context("its key is too short")?;
                Ok(VerifierKey::from_ed25519(name, *raw))
            });
        Known::new(instance, key, Arc::new(TlogTiles))
    }

    fn certificate_log(instance: &TransparencyLogInstance) -> Result<Known, Trouble> {
        let origin = instance.base_url.split_once("://").map(|(_, rest)| rest);
        let key = KeyName::new(origin.unwrap_or_default().trim_end_matches('/'))
            .and_then(|name| VerifierKey::from_tree_head_spki(name, &instance.public_key));
        Known::new(
            instance,
            key.map_err(anyhow::Error::from),
            Arc::new(StaticCt),
        )
    }

    fn new(
        instance: &TransparencyLogInstance,
        key: anyhow::Result<VerifierKey>,
        format: Arc<dyn Format>,
    ) -> Result<Known, Trouble> {
        let log = RemoteLog::new(&instance.base_url).or_fix(OPEN)?;
        Ok(Known {
            log: log.of(Arc::clone(&format)),
            key: key.or_fix(OTHER_KEY)?,
            format,
        })
    }

    /// The log and its newest checkpoint.
    fn checkpoint(self) -> Result<(Known, Checkpoint), Trouble> {
        let note = self.log.note().or_fix(OPEN)?;
        let opened = tiles::open_checkpoint(&note, std::slice::from_ref(&self.key));
        let (checkpoint, _) = opened.or_fix(OTHER_KEY)?;
        Ok((self, checkpoint))
    }

    /// Checks that the tree holds the entry that its bundle has at an index.
    fn prove(&self, checkpoint: &Checkpoint, index: LeafIndex) -> anyhow::Result<()> {
        let size = checkpoint.size();
        let width = u64::from(TILE_WIDTH_MAX);
        let bundle = BundleRef::at(index.get() / width, size).context("no such bundle")?;
        let bytes = self.log.bundle(bundle)?;
        let leaves = bundle_leaves(self.format.as_ref(), &bytes, bundle.width)?;
        let place = usize::try_from(index.get() % width)?;
        let leaf = leaves.get(place).context("the bundle is too short")?;
        let proof = inclusion_proof(&Tiles(&self.log), index, size)?;
        let root_hash = checkpoint.root_hash();
        Ok(verify_inclusion(index, size, leaf, &proof, &root_hash)?)
    }
}

/// Says what the checkpoint says, and proves the first and the last entry under it.
fn proofs(report: &mut Report, name: &str, found: Result<(Known, Checkpoint), Trouble>) {
    let found = found.map(|(known, checkpoint)| {
        let frozen = checkpoint.extensions().first();
        let frozen = frozen.map(|line| format!(", {line}"));
        let size = checkpoint.size();
        let detail = format!(
            "signed checkpoint, {size} entries{}",
            frozen.unwrap_or_default()
        );
        ((known, checkpoint), detail)
    });
    let Some((known, checkpoint)) = report.take(name, found) else {
        return;
    };
    let Some(last) = checkpoint.size().get().checked_sub(1) else {
        report.check(
            format!("{name}, proofs"),
            Ok("there are no entries".to_owned()),
        );
        return;
    };
    let verdict = [0, last].into_iter().try_for_each(|index| {
        let proven = known.prove(&checkpoint, LeafIndex::new(index));
        proven
            .with_context(|| format!("entry {index} of {}", checkpoint.size()))
            .or_fix(FSCK)
    });
    let detail = format!("entries 0 and {last} are in the tree");
    report.check(format!("{name}, proofs"), verdict.map(|()| detail));
}

/// Whether a log that signers are sent to takes entries. Asked with a request that is wrong, so
/// nothing is written.
fn takes_entries(site: &Site, url: &str) -> Verdict {
    let place = format!("{}/api/v2/log/entries", url.trim_end_matches('/'));
    let answer = site
        .post(&place, "application/json", b"{}".to_vec())
        .or_fix(OPEN)?;
    match answer.status.as_u16() {
        400 => Ok("it takes entries".to_owned()),
        405 => failed(
            "signers are sent to this log, but it is frozen",
            "`cairnd log rotate` makes the next one, `cairnd trust rotate log` sends signers there",
        ),
        _ => failed(
            format!("it answered {}: {}", answer.status, answer.said()),
            OPEN,
        ),
    }
}

/// Why a tile is not to be had.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Tile(#[from] TileError),
}

/// The tiles of a log over HTTP.
struct Tiles<'a>(&'a RemoteLog);

impl TileSource for Tiles<'_> {
    type Error = FetchError;

    fn tile(&self, tile: TileRef) -> Result<Tile, FetchError> {
        let bytes = self.0.tile(tile)?;
        Ok(Tile::parse(&bytes, tile.width)?)
    }
}
