//! What the world knows of a server's logs, and the check that they never contradict it: entries
//! that were acknowledged, and checkpoints that somebody saw.

use cairn_tests::cairnd::{Data, Server};
use cairn_tests::remote::RemoteLog;
use tiles::{Checkpoint, CompactRange, LeafIndex, leaf_hash};

/// The logs of [`data`].
pub(crate) const LOGS: [&str; 2] = ["rekor", "builds"];

/// An entry that the server said is in its log.
#[derive(Clone, Debug)]
pub(crate) struct Acknowledged {
    pub(crate) log: &'static str,
    pub(crate) index: u64,
    pub(crate) entry: Vec<u8>,
}

/// A signed checkpoint that the server showed.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) log: &'static str,
    pub(crate) checkpoint: Checkpoint,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) acknowledged: Vec<Acknowledged>,
    pub(crate) seen: Vec<Seen>,
}

impl History {
    /// Adds what happened later.
    pub(crate) fn extend(&mut self, later: History) {
        self.acknowledged.extend(later.acknowledged);
        self.seen.extend(later.seen);
    }

    /// Checks a directory that nobody serves: by its own program, by a server on it, and by that
    /// server's shutdown.
    pub(crate) fn check_reopened(&self, data: &Data) {
        data.fsck();
        let server = data.serve();
        self.check(data, &server);
        server.stop();
        data.fsck();
    }

    /// Checks that every acknowledged entry is at its index in a log whose every byte follows from
    /// a signed checkpoint, that no index was given to two entries, and that each checkpoint that
    /// was seen is of a prefix of that log.
    pub(crate) fn check(&self, data: &Data, server: &Server) {
        for name in LOGS {
            let log = RemoteLog::new(server.client(), name, data.vkey(name));
            let ours = || self.acknowledged.iter().filter(|entry| entry.log == name);
            let seen = || self.seen.iter().filter(|seen| seen.log == name);
            let acknowledged = ours().map(|entry| entry.index + 1);
            let published = seen().map(|seen| seen.checkpoint.size().get());
            let least = acknowledged.chain(published).max().unwrap_or(0);
            // All tiles and bundles are compared with the root: a proof made of them is right.
            let entries = log.check_whole(&log.checkpoint_covering(least));
            for Acknowledged { index, entry, .. } in ours() {
                let found = &entries[usize::try_from(*index).unwrap()];
                assert_eq!(found, entry, "{name}: entry {index}");
            }
            let mut distinct: Vec<&Vec<u8>> = entries.iter().collect();
            distinct.sort_unstable();
            distinct.dedup();
            let count = entries.len();
            assert_eq!(distinct.len(), count, "{name}: an entry has two indices");
            check_prefixes(
                name,
                &entries,
                seen().map(|seen| &seen.checkpoint).collect(),
            );
        }
    }
}

/// Checks that the log of `entries` had, at the size of each checkpoint, its root hash.
fn check_prefixes(name: &str, entries: &[Vec<u8>], mut seen: Vec<&Checkpoint>) {
    seen.sort_by_key(|checkpoint| checkpoint.size());
    let mut leaves = entries.iter().map(|entry| leaf_hash(entry));
    let mut tree = CompactRange::empty(LeafIndex::ZERO);
    for checkpoint in seen {
        while tree.end() < checkpoint.size() {
            tree.append(leaves.next().expect("the log covers what was seen"));
        }
        let (size, wanted) = (checkpoint.size(), checkpoint.root_hash());
        assert_eq!(tree.root_hash(), Some(wanted), "{name}: forked at {size}");
    }
}
