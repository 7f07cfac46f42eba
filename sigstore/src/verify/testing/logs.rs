//! A log of Rekor v1 and one of Rekor v2: promises, trees, checkpoints.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use tiles::reference::{path_of_leaves, root_of_leaves};
use tiles::{
    Checkpoint, Hash, KeyId, KeyName, LeafIndex, Note, NoteSignature, Origin, TreeSize, leaf_hash,
};

use super::*;
use crate::canonical_json::canonicalize;
use crate::entry::log_entry::{InclusionProof, KindVersion, TransparencyLogEntry};

/// What generation of Rekor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    V2,
}

pub(crate) struct TestLog {
    version: Version,
    key: LogKey,
}

enum LogKey {
    Ecdsa(TestKey),
    Ed25519(SigningKey),
}

/// A kind of entry, and thereby of log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `hashedrekord` 0.0.2, the only one that Rekor v2 has.
    HashedRekordV2,
    /// `hashedrekord` 0.0.1.
    HashedRekord,
    /// `dsse` 0.0.1.
    Dsse,
    /// `intoto` 0.0.2.
    Intoto,
}

/// How a signature is logged.
pub(crate) struct Logging {
    pub(crate) kind: Kind,
    pub(crate) time: u64,
    /// How many leaves are before it and behind it in the tree.
    pub(crate) neighbours: (usize, usize),
    /// Whether there is a promise; only of Rekor v1.
    pub(crate) with_promise: bool,
    pub(crate) with_proof: bool,
    /// Changes the entry before it is logged.
    pub(crate) edit_body: fn(&mut Value),
    /// Changes what is said in the promise.
    pub(crate) edit_promise: fn(&mut Value),
    /// Changes the checkpoint before it is signed.
    pub(crate) edit_checkpoint: fn(&mut CheckpointParts),
}

/// What a checkpoint says, and how its note is signed.
#[derive(Clone, Debug)]
pub(crate) struct CheckpointParts {
    pub(crate) origin: String,
    pub(crate) size: u64,
    pub(crate) root_hash: Hash,
    pub(crate) extensions: Vec<String>,
    pub(crate) key_name: String,
    pub(crate) key_id: u32,
    /// Lines of others, before and behind the log's own.
    pub(crate) others: (Vec<NoteSignature>, Vec<NoteSignature>),
}

impl Kind {
    pub(crate) fn log(self) -> &'static TestLog {
        match self {
            Kind::HashedRekordV2 => &instance().log_v2,
            Kind::HashedRekord | Kind::Dsse | Kind::Intoto => &instance().log_v1,
        }
    }

    pub(crate) fn kind_version(self) -> KindVersion {
        let (kind, version) = match self {
            Kind::HashedRekordV2 => ("hashedrekord", "0.0.2"),
            Kind::HashedRekord => ("hashedrekord", "0.0.1"),
            Kind::Dsse => ("dsse", "0.0.1"),
            Kind::Intoto => ("intoto", "0.0.2"),
        };
        KindVersion {
            kind: kind.to_owned(),
            version: version.to_owned(),
        }
    }
}

impl Logging {
    pub(crate) fn of(kind: Kind) -> Logging {
        Logging {
            kind,
            time: NOW,
            neighbours: (5, 3),
            with_promise: kind != Kind::HashedRekordV2,
            with_proof: true,
            edit_body: |_| {},
            edit_promise: |_| {},
            edit_checkpoint: |_| {},
        }
    }
}

impl TestLog {
    pub(crate) fn new(version: Version) -> TestLog {
        let key = match version {
            Version::V1 => LogKey::Ecdsa(TestKey::generate(KeyDetails::EcdsaP256Sha256)),
            Version::V2 => LogKey::Ed25519(SigningKey::from_bytes(&[42; 32])),
        };
        TestLog { version, key }
    }

    /// As it stands in a trusted root.
    pub(crate) fn instance(&self) -> TransparencyLogInstance {
        match &self.key {
            LogKey::Ecdsa(key) => TransparencyLogInstance::with_p256_key(
                "https://rekor.example.org".to_owned(),
                key.spki.clone(),
                around_now(),
            ),
            LogKey::Ed25519(key) => TransparencyLogInstance::with_note_key(
                "https://log2026.example.org".to_owned(),
                "log2026.example.org",
                key.verifying_key().as_bytes(),
                around_now(),
            ),
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.key {
            LogKey::Ecdsa(key) => key.sign(message),
            LogKey::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
        }
    }

    /// Logs a body.
    pub(crate) fn entry(&self, body: Vec<u8>, logging: &Logging) -> TransparencyLogEntry {
        let (before, behind) = logging.neighbours;
        let neighbour = |number: usize| leaf_hash(format!("neighbour {number}").as_bytes());
        let mut leaves: Vec<Hash> = (0..before).map(neighbour).collect();
        leaves.push(leaf_hash(&body));
        leaves.extend((0..behind).map(|number| neighbour(before + number)));
        let proof = self.proof(&leaves, before, logging);
        // A log of Rekor v1 counts through all its trees, of which this is not the first.
        let index = match self.version {
            Version::V1 => proof.log_index.get() + 1000,
            Version::V2 => proof.log_index.get(),
        };
        let mut entry = TransparencyLogEntry {
            log_index: LeafIndex::new(index),
            log_id: self.instance().log_id,
            kind_version: logging.kind.kind_version(),
            integrated_time: 0,
            signed_entry_timestamp: None,
            inclusion_proof: logging.with_proof.then_some(proof),
            canonicalized_body: body,
        };
        if self.version == Version::V1 {
            entry.integrated_time = logging.time;
        }
        if logging.with_promise {
            let mut promise = json!({
                "body": STANDARD.encode(&entry.canonicalized_body),
                "integratedTime": entry.integrated_time,
                "logID": hex::encode(entry.log_id),
                "logIndex": entry.log_index.get(),
            });
            (logging.edit_promise)(&mut promise);
            entry.signed_entry_timestamp = Some(self.sign(&canonicalize(&promise)));
        }
        entry
    }

    fn proof(&self, leaves: &[Hash], index: usize, logging: &Logging) -> InclusionProof {
        let size = u64::try_from(leaves.len()).unwrap();
        let root_hash = root_of_leaves(leaves);
        let id = self.instance().log_id;
        let name = self.instance().base_url.replace("https://", "");
        let mut parts = CheckpointParts {
            origin: match self.version {
                Version::V1 => format!("{name} - 1193050959916656506"),
                Version::V2 => name.clone(),
            },
            size,
            root_hash,
            extensions: Vec::new(),
            key_name: name,
            key_id: u32::from_be_bytes(*id.first_chunk().unwrap()),
            others: (Vec::new(), Vec::new()),
        };
        (logging.edit_checkpoint)(&mut parts);
        InclusionProof {
            log_index: LeafIndex::new(u64::try_from(index).unwrap()),
            root_hash,
            tree_size: TreeSize::new(size),
            hashes: path_of_leaves(leaves, index).unwrap(),
            checkpoint: self.note(parts),
        }
    }

    fn note(&self, parts: CheckpointParts) -> String {
        let origin = Origin::new(parts.origin).unwrap();
        let checkpoint = Checkpoint::new(origin, TreeSize::new(parts.size), parts.root_hash);
        let text = checkpoint
            .with_extensions(parts.extensions)
            .unwrap()
            .encode();
        let own = line(&parts.key_name, parts.key_id, self.sign(text.as_bytes()));
        let (mut lines, behind) = parts.others;
        lines.push(own);
        lines.extend(behind);
        Note::new(text, lines).unwrap().encode()
    }
}

/// A line of a note by somebody.
pub(crate) fn line(name: &str, key_id: u32, signature: Vec<u8>) -> NoteSignature {
    let name = KeyName::new(name).unwrap();
    NoteSignature::new(name, KeyId::new(key_id), signature).unwrap()
}
