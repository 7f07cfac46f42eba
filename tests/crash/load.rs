//! Clients that add entries to both logs as fast as they can and remember what was acknowledged,
//! and auditors that read meanwhile and must always be answered.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use cairn_tests::cairnd::{Data, Server};
use cairn_tests::http::{Client, Request, Response};
use cairn_tests::remote::RemoteLog;
use cairn_tests::request::{Signer, leaf_of};
use cairn_tests::wait::until;
use serde_json::Value;
use sigstore::TransparencyLogEntry;

use crate::auditor::Auditor;
use crate::history::{Acknowledged, History, LOGS, Seen};

/// Clients of each log that send an entry or two at a time; one more sends many.
const SINGLE_CLIENTS: u64 = 3;

/// Entries in a batch.
const RAW_BATCH: u64 = 128;
const SIGNED_BATCH: u64 = 16;

/// A data directory with a v2 log and a raw one.
pub(crate) fn data() -> Data {
    data_in(&std::env::temp_dir())
}

/// The same on the file system of `parent`.
pub(crate) fn data_in(parent: &Path) -> Data {
    Data::init_in(parent, "rekor-v2", "log.example.org").log("builds", "raw")
}

/// A load that runs.
#[derive(Debug, Default)]
pub(crate) struct Load {
    /// Part of every entry, so that those of one load are unlike those of any other.
    round: u64,
    /// Bytes that each entry of a raw batch has besides.
    padding_len: usize,
    history: Mutex<History>,
    acknowledged_count: AtomicUsize,
    audit_counts: [AtomicUsize; LOGS.len()],
    ended: AtomicBool,
    /// Adds may be refused for good.
    may_refuse: AtomicBool,
    /// Connections may break and anything may be refused.
    may_end: AtomicBool,
}

impl Load {
    pub(crate) fn new(round: u64) -> Self {
        Self {
            round,
            ..Self::default()
        }
    }

    /// With large entries, which fill a disk or a connection soon.
    #[cfg(feature = "slow")]
    pub(crate) fn padded(mut self, padding_len: usize) -> Self {
        self.padding_len = padding_len;
        self
    }

    /// Adds to both logs and audits them until `meanwhile` has returned. Gives all that was learnt.
    pub(crate) fn run(
        self,
        data: &Data,
        server: &Server,
        meanwhile: impl FnOnce(&Load),
    ) -> History {
        let vkeys = LOGS.map(|name| data.vkey(name));
        thread::scope(|scope| {
            // However `meanwhile` ends, the others must.
            let _end = EndOnDrop(&self);
            for client in 0..SINGLE_CLIENTS {
                let load = &self;
                scope.spawn(move || load.add_raw(server.client(), &load.name(client)));
                scope.spawn(move || load.add_signatures(server.client(), &load.name(client)));
            }
            scope.spawn(|| self.add_raw_batches(server.client(), &self.name(SINGLE_CLIENTS)));
            scope.spawn(|| self.add_signature_batches(server.client(), &self.name(SINGLE_CLIENTS)));
            for (name, (vkey, count)) in LOGS.iter().zip(vkeys.into_iter().zip(&self.audit_counts))
            {
                let auditor = Auditor::new(RemoteLog::new(server.client(), name, vkey));
                scope.spawn(|| self.audit(name, auditor, count));
            }
            meanwhile(&self);
        });
        self.history.into_inner().expect("nobody panicked")
    }

    /// What a client calls its entries.
    fn name(&self, client: u64) -> String {
        format!("{}.{client}", self.round)
    }

    /// From now on adds may be refused, and whoever is, gives up.
    pub(crate) fn may_refuse(&self) {
        self.may_refuse.store(true, Ordering::SeqCst);
    }

    /// From now on the server may end.
    pub(crate) fn may_end(&self) {
        self.may_refuse();
        self.may_end.store(true, Ordering::SeqCst);
    }

    /// How many entries are acknowledged.
    pub(crate) fn count(&self) -> usize {
        self.acknowledged_count.load(Ordering::SeqCst)
    }

    /// Waits until so many more entries are acknowledged.
    pub(crate) fn wait_for_more(&self, count: u64) {
        let wanted = self.count() + usize::try_from(count).unwrap();
        until("entries are acknowledged", || {
            (self.count() >= wanted).then_some(())
        });
    }

    /// Waits until each log was audited so many more times.
    #[cfg(feature = "slow")]
    pub(crate) fn wait_for_audits(&self, count: usize) {
        let counts = || {
            self.audit_counts
                .each_ref()
                .map(|audits| audits.load(Ordering::SeqCst))
        };
        let begun = counts();
        until("audits go on", || {
            let done = counts().into_iter().zip(begun);
            done.into_iter()
                .all(|(now, begun)| now >= begun + count)
                .then_some(())
        });
    }

    fn audit(&self, name: &'static str, mut auditor: Auditor, count: &AtomicUsize) {
        while !self.ended.load(Ordering::SeqCst) {
            if let Err(error) = auditor.look() {
                let ends = self.may_end.load(Ordering::SeqCst);
                assert!(ends, "{name}: a read was not answered: {error}");
                break;
            }
            count.fetch_add(1, Ordering::SeqCst);
        }
        let seen = auditor.into_seen().into_iter();
        let seen = seen.map(|checkpoint| Seen {
            log: name,
            checkpoint,
        });
        self.history.lock().unwrap().seen.extend(seen);
    }

    /// What is learnt by now.
    pub(crate) fn so_far(&self) -> History {
        self.history.lock().unwrap().clone()
    }

    /// Every other request is a batch of one entry twice over.
    fn add_raw(&self, mut client: Client, name: &str) {
        for n in 0_u64.. {
            let entry = format!("entry {name}.{n}").into_bytes();
            let request = if n % 2 == 0 {
                Request::post("/logs/builds/add", entry.clone())
            } else {
                let body = framed([entry.as_slice(); 2]);
                Request::post("/logs/builds/add-batch?wait=published", body)
            };
            let Some(answer) = self.send(&mut client, &request) else {
                return;
            };
            let indices = answer.text().lines();
            self.remember_raw(indices.map(|index| (index, entry.clone())));
        }
    }

    fn add_raw_batches(&self, mut client: Client, name: &str) {
        let padding = "x".repeat(self.padding_len);
        for n in 0_u64.. {
            let entry = |m: u64| format!("entry {name}.{n}.{m}{padding}").into_bytes();
            let entries: Vec<Vec<u8>> = (0..RAW_BATCH).map(entry).collect();
            let body = framed(entries.iter().map(Vec::as_slice));
            let request = Request::post("/logs/builds/add-batch", body);
            let Some(answer) = self.send(&mut client, &request) else {
                return;
            };
            self.remember_raw(answer.text().lines().zip(entries));
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
            self.remember_signed([(answer.text(), &asked)]);
        }
    }

    fn add_signature_batches(&self, mut client: Client, name: &str) {
        let signer = Signer::new(7);
        for n in 0_u64.. {
            let asked = (0..SIGNED_BATCH).map(|m| signer.request(&format!("file {name}.{n}.{m}")));
            let asked: Vec<Value> = asked.collect();
            let body = Value::from(asked.clone()).to_string();
            let request = Request::post("/api/v2/log/entries/batch", body);
            let Some(answer) = self.send(&mut client, &request) else {
                return;
            };
            let answer: Value = serde_json::from_str(answer.text()).unwrap();
            let results: Vec<String> = answer["results"]
                .as_array()
                .expect("a result for each request")
                .iter()
                .map(Value::to_string)
                .collect();
            assert_eq!(results.len(), asked.len());
            self.remember_signed(results.iter().map(String::as_str).zip(&asked));
        }
    }

    /// The answer, once it is a success; nothing once the load ends, or is given up.
    fn send(&self, client: &mut Client, request: &Request) -> Option<Response> {
        while !self.ended.load(Ordering::SeqCst) {
            match client.try_send(request) {
                Ok(answer) if answer.status < 300 => return Some(answer),
                Ok(answer) if asks_to_retry(&answer) => thread::yield_now(),
                Ok(answer) => {
                    let (status, text) = (answer.status, answer.text());
                    let may_refuse = self.may_refuse.load(Ordering::SeqCst);
                    // Whatever else is refused is a mistake of the client.
                    let failed = matches!(status, 500 | 503 | 504);
                    assert!(may_refuse && failed, "{}: {status} {text}", request.path);
                    return None;
                }
                Err(error) => {
                    let ends = self.may_end.load(Ordering::SeqCst);
                    assert!(ends, "{}: not answered: {error}", request.path);
                    return None;
                }
            }
        }
        None
    }

    fn remember_raw<'a>(&self, added: impl Iterator<Item = (&'a str, Vec<u8>)>) {
        self.remember(added.map(|(index, entry)| Acknowledged {
            log: "builds",
            index: index.parse().unwrap(),
            entry,
        }));
    }

    fn remember_signed<'a>(&self, added: impl IntoIterator<Item = (&'a str, &'a Value)>) {
        self.remember(added.into_iter().map(|(answer, asked)| {
            Acknowledged {
                log: "rekor",
                index: TransparencyLogEntry::parse(answer.as_bytes())
                    .unwrap_or_else(|error| panic!("{error}: {answer}"))
                    .log_index
                    .get(),
                entry: leaf_of(asked),
            }
        }));
    }

    fn remember(&self, added: impl Iterator<Item = Acknowledged>) {
        let mut history = self.history.lock().unwrap();
        history.acknowledged.extend(added);
        let count = history.acknowledged.len();
        self.acknowledged_count.store(count, Ordering::SeqCst);
    }
}

/// Ends the load when dropped.
struct EndOnDrop<'a>(&'a Load);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::SeqCst);
    }
}

/// Whether nothing happened and the same request may succeed at any time.
fn asks_to_retry(answer: &Response) -> bool {
    let said = |words| answer.text().contains(words);
    let pushed_back = answer.status == 503 && said("reached max pushback; retry");
    pushed_back || (answer.status == 500 && said("it was not sequenced; send it again"))
}

/// The body of an `add-batch`.
pub(crate) fn framed<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut body = Vec::new();
    for entry in entries {
        tiles::append_entry(&mut body, entry).unwrap();
    }
    body
}
