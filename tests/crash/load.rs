//! Clients that add entries as fast as they can, and remember what was acknowledged.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use cairn_tests::cairnd::{Data, Server};
use cairn_tests::http::{Client, Request};
use cairn_tests::remote::RemoteLog;
use cairn_tests::request::{Signer, leaf_of};
use cairn_tests::wait::until;
use sigstore::TransparencyLogEntry;

/// Clients of each log.
const CLIENTS_PER_LOG: u64 = 3;

/// An entry that the server said is in its log.
#[derive(Clone, Debug)]
pub(crate) struct Acknowledged {
    pub(crate) log: &'static str,
    pub(crate) index: u64,
    pub(crate) entry: Vec<u8>,
}

/// A data directory with a v2 log and a raw one.
pub(crate) fn data() -> Data {
    Data::init("rekor-v2", "log.example.org").log("builds", "raw")
}

/// What was acknowledged so far, and whether the clients shall end.
#[derive(Debug, Default)]
pub(crate) struct Load {
    acknowledged: Mutex<Vec<Acknowledged>>,
    stopped: AtomicBool,
}

impl Load {
    /// Adds entries to both logs until `meanwhile`, which may end the server, has returned. Entries
    /// of one `round` are unlike those of any other. Gives what was acknowledged.
    pub(crate) fn run(
        server: &Server,
        round: u64,
        meanwhile: impl FnOnce(&Load),
    ) -> Vec<Acknowledged> {
        let load = Load::default();
        std::thread::scope(|scope| {
            for client in 0..CLIENTS_PER_LOG {
                let (load, name) = (&load, format!("{round}.{client}"));
                let signed = name.clone();
                scope.spawn(move || load.add_raw(server.client(), &name));
                scope.spawn(move || load.add_signatures(server.client(), &signed));
            }
            meanwhile(&load);
            load.stopped.store(true, Ordering::Relaxed);
        });
        load.acknowledged
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `count` entries are acknowledged.
    pub(crate) fn wait_for(&self, count: u64) {
        until("entries are acknowledged", || {
            let found = self.acknowledged.lock().unwrap().len();
            (u64::try_from(found).unwrap() >= count).then_some(())
        });
    }

    /// Every other request is a batch of one entry twice over.
    fn add_raw(&self, mut client: Client, name: &str) {
        for n in 0_u64.. {
            let entry = format!("entry {name}.{n}").into_bytes();
            let request = if n % 2 == 0 {
                Request::post("/logs/builds/add", entry.clone())
            } else {
                let mut body = Vec::new();
                tiles::append_entry(&mut body, &entry).unwrap();
                tiles::append_entry(&mut body, &entry).unwrap();
                Request::post("/logs/builds/add-batch?wait=published", body)
            };
            let Some(answer) = self.send(&mut client, &request) else {
                return;
            };
            for line in answer.lines() {
                self.remember("builds", line.parse().unwrap(), entry.clone());
            }
        }
    }

    fn add_signatures(&self, mut client: Client, name: &str) {
        let signer = Signer::new(7);
        for n in 0_u64.. {
            let asked = signer.request(&format!("file {name}.{n}"));
            let request = Request::post("/api/v2/log/entries", asked.to_string());
            let Some(answer) = self.send(&mut client, &request) else {
                return;
            };
            let entry = TransparencyLogEntry::parse(answer.as_bytes()).unwrap();
            self.remember("rekor", entry.log_index.get(), leaf_of(&asked));
        }
    }

    /// The body of the answer, once it is a success; nothing once the server is gone or the load
    /// shall end.
    fn send(&self, client: &mut Client, request: &Request) -> Option<String> {
        if self.stopped.load(Ordering::Relaxed) {
            return None;
        }
        let answer = client.try_send(request).ok()?;
        // A server that shuts down may say so; whatever else it refuses is a mistake.
        let refused = answer.status == 503 || answer.status == 500;
        (!refused).then(|| {
            assert!(answer.status < 300, "{} {}", answer.status, answer.text());
            answer.text().to_owned()
        })
    }

    fn remember(&self, log: &'static str, index: u64, entry: Vec<u8>) {
        let entry = Acknowledged { log, index, entry };
        self.acknowledged.lock().unwrap().push(entry);
    }
}

/// Checks that every acknowledged entry is at its index in a log whose every byte follows from a
/// signed checkpoint, and that no index was given to two entries.
pub(crate) fn check(data: &Data, server: &Server, acknowledged: &[Acknowledged]) {
    for name in ["rekor", "builds"] {
        let log = RemoteLog::new(server.client(), name, data.vkey(name));
        let ours: Vec<_> = acknowledged
            .iter()
            .filter(|entry| entry.log == name)
            .collect();
        let last = ours.iter().map(|entry| entry.index + 1).max().unwrap_or(0);
        let entries = log.check_whole(&log.checkpoint_covering(last));
        for Acknowledged { index, entry, .. } in ours {
            let found = &entries[usize::try_from(*index).unwrap()];
            assert_eq!(found, entry, "{name}: entry {index}");
        }
        let mut distinct = entries.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(
            distinct.len(),
            entries.len(),
            "{name}: an entry has two indices"
        );
    }
}
