//! Two checkpoints of one log: the proof that it grew from one to the other, or what to keep if it
//! did not.

use serde_json::json;
use sigstore::UnixSeconds;
use tiles::{
    ProofBuildError, ProofError, PublishedLog, PublishedTileError, Resources, TreeSize,
    consistency_proof, root_hash, verify_consistency,
};

use super::memory::{Memory, SeenCheckpoint};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

/// How a log contradicts what it signed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Contradiction {
    /// Fewer entries than before. A copy that is merely old looks the same, so this alone does not
    /// prove that the log broke its promise.
    #[error("the log went back: entries that it had are gone, or this copy of it is old")]
    WentBack,
    /// Other entries than before.
    #[error("the log is forked: it has other entries than it had")]
    Forked,
}

/// Why it is not known that the log only grew.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GrowthError<E> {
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
    /// The tiles do not lead to the head that the log signed, whatever it signed before.
    #[error("its tiles do not lead to the root hash of its own checkpoint ({0})")]
    Tiles(ProofError),
    #[error("{0}")]
    Read(ProofBuildError<PublishedTileError<E>>),
}

impl Contradiction {
    /// Checks that the log of the one checkpoint grew into that of the other. Costs a few tiles.
    pub(crate) fn none_between<R: Resources>(
        log: &PublishedLog<R>,
        seen: &SeenCheckpoint,
        now: &SeenCheckpoint,
    ) -> Result<(), GrowthError<R::Error>> {
        let (old, new) = (&seen.checkpoint, &now.checkpoint);
        if new.size() < old.size() {
            return Err(Contradiction::WentBack.into());
        }
        if new.size() == old.size() {
            let is_same = new.root_hash() == old.root_hash();
            return if is_same {
                Ok(())
            } else {
                Err(Contradiction::Forked.into())
            };
        }
        // Every log grew from the empty one.
        if old.size() == TreeSize::ZERO {
            return Ok(());
        }
        let proof = consistency_proof(log, old.size(), new.size()).map_err(GrowthError::Read)?;
        let heads = (old.root_hash(), new.root_hash());
        let verified = verify_consistency(old.size(), new.size(), &proof, &heads.0, &heads.1);
        let Err(error) = verified else {
            return Ok(());
        };
        // A fork is a grave thing to say of a log, so it is said only if its own tiles lead to its
        // own checkpoint: otherwise they are damaged, and prove nothing about what was there.
        match root_hash(log, new.size()).map_err(GrowthError::Read)? {
            found if found == new.root_hash() => Err(Contradiction::Forked.into()),
            _ => Err(GrowthError::Tiles(error)),
        }
    }

    /// The failure, once both checkpoints are kept where anybody can be shown them.
    pub(crate) fn keep(
        self,
        memory: &Memory,
        (name, now_is): (&str, UnixSeconds),
        seen: &SeenCheckpoint,
        now: &SeenCheckpoint,
    ) -> Failure {
        let evidence = json!({
            "mediaType": "application/vnd.cairn.contradiction.v1+json",
            "what": self.to_string(),
            "origin": seen.checkpoint.origin().as_str(),
            "readFrom": name,
            "readAt": output::date(now_is),
            "seenBefore": seen.note,
            "seenNow": now.note,
        });
        let title = format!("{} {} {}", seen.checkpoint.origin(), seen.note, now.note);
        let text = format!("{evidence:#}\n");
        let kept = memory.keep_evidence(&title, text.as_bytes());
        let fix = match kept {
            Ok(path) => format!(
                "show both checkpoints to the log's operator and to others who watch it: {}",
                path.display()
            ),
            Err(failure) => format!("keep both checkpoints yourself, because {failure}"),
        };
        let head = |seen: &SeenCheckpoint| {
            let checkpoint = &seen.checkpoint;
            format!(
                "{} entries, root hash {}",
                checkpoint.size(),
                checkpoint.root_hash()
            )
        };
        Failure::new(Exit::Refused, name, self)
            .expected(format!("a log that grew from {}", head(seen)))
            .found(head(now))
            .fix(fix)
    }
}
