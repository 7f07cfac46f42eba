//! Sending: threads, each with its connections, each of which has one request at a time.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, OnceLock};
use std::time::Duration;

use http::Uri;
use http::header::HeaderValue;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::answers::AnswerCheck;
use super::args::Kind;
use super::connection::{Connection, Requests};
use super::errors::Fault;
use super::log_key::LogKey;
use super::recorder::{Recorder, Seen, Totals};
use super::schedule::Schedule;
use super::target::Target;
use super::workload::Workload;

/// How long after the end answers are waited for. What is missing then counts as failed.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(30);

/// How long a connection that broke waits before it is opened again.
const RECONNECT_DELAY: Duration = Duration::from_millis(50);

/// What all threads of a run share.
pub(super) struct Run {
    pub(super) target: Target,
    pub(super) path: Uri,
    pub(super) content_type: HeaderValue,
    pub(super) requests: Requests,
    pub(super) schedule: Schedule,
    pub(super) workload: Arc<Workload>,
    pub(super) key: LogKey,
    pub(super) totals: Arc<Totals>,
    /// The request that is next, by the schedule.
    pub(super) turn: AtomicU64,
    /// All requests that were signed beforehand were sent.
    pub(super) used_up: AtomicBool,
    /// Set once all connections are open.
    pub(super) begin: OnceLock<Instant>,
    /// Where threads wait: with open connections, and then for `begin`.
    pub(super) gate: Barrier,
    /// How many of them there are.
    pub(super) threads: u32,
}

/// Where a kind of log takes entries, or a service requests, and as what.
pub(super) const fn route(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::RekorV2 => ("api/v2/log/entries", "application/json"),
        Kind::Raw => ("add", "application/octet-stream"),
        Kind::RawBatch => ("add-batch", "application/octet-stream"),
        Kind::Certificate => ("api/v2/signingCert", "application/json"),
        Kind::Timestamp => ("api/v1/timestamp", "application/timestamp-query"),
    }
}

/// Runs one thread with that many connections, until everything it sent was answered.
pub(super) fn drive(run: &Arc<Run>, connection_count: u32) -> anyhow::Result<Seen> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, async {
        let connections = dial(&run.target, connection_count).await;
        // Whoever failed comes to the gate, too: the others wait there.
        run.gate.wait();
        run.gate.wait();
        let begin = *run.begin.get_or_init(Instant::now);
        Ok(send_all(run, begin, connections?).await)
    })
}

async fn dial(target: &Target, count: u32) -> anyhow::Result<Vec<Connection>> {
    let mut connections = Vec::new();
    for _ in 0..count {
        connections.push(Connection::dial(target).await?);
    }
    Ok(connections)
}

/// Sends on these connections until the schedule ends, and waits for the answers.
async fn send_all(run: &Arc<Run>, begin: Instant, connections: Vec<Connection>) -> Seen {
    let end = run.schedule.end();
    let check = AnswerCheck::new(run.key.clone());
    let (totals, workload) = (Arc::clone(&run.totals), Arc::clone(&run.workload));
    let recorder = Recorder::new(totals, workload, check, end);
    let recorder = Rc::new(RefCell::new(recorder));
    let mut lanes = Vec::new();
    for connection in connections {
        let lane = Lane {
            run: Arc::clone(run),
            begin,
            recorder: Rc::clone(&recorder),
        };
        lanes.push(tokio::task::spawn_local(lane.send(connection)));
    }
    let latest = begin + end + DRAIN_TIME_MAX;
    for mut lane in lanes {
        if timeout_at(latest, &mut lane).await.is_err() {
            lane.abort();
        }
    }
    let mut recorder = recorder.borrow_mut();
    let seen = std::mem::replace(&mut recorder.seen, Seen::new(end));
    drop(recorder);
    missing_answers(seen)
}

/// Requests that never came back are errors.
fn missing_answers(mut seen: Seen) -> Seen {
    let missing = seen.sent - seen.returned;
    seen.errors.add_many(Fault::Failed, missing, || {
        let seconds = DRAIN_TIME_MAX.as_secs();
        format!("{missing} requests had no answer {seconds} s after the end")
    });
    seen
}

/// What one connection does.
struct Lane {
    run: Arc<Run>,
    begin: Instant,
    recorder: Rc<RefCell<Recorder>>,
}

impl Lane {
    async fn send(self, mut connection: Connection) {
        while let Some(intended) = self.next_turn().await {
            let Some(sending) = self.run.workload.next() else {
                self.run.used_up.store(true, Ordering::Relaxed);
                return;
            };
            let (path, content_type) = (&self.run.path, &self.run.content_type);
            let body = sending.body.clone();
            let request = self.run.requests.post(path, body, content_type);
            self.recorder.borrow_mut().sending();
            let answer = connection.send(request).await;
            let done = self.begin.elapsed();
            match answer {
                Ok(answer) => {
                    let mut recorder = self.recorder.borrow_mut();
                    recorder.answered(&sending, intended, done, answer);
                }
                Err(error) => {
                    self.recorder.borrow_mut().failed(&error);
                    let Some(new) = self.reconnect().await else {
                        return;
                    };
                    connection = new;
                }
            }
        }
    }

    /// When the next request should be sent, once that time has come.
    async fn next_turn(&self) -> Option<Duration> {
        if self.run.used_up.load(Ordering::Relaxed) {
            return None;
        }
        let turn = self.run.turn.fetch_add(1, Ordering::Relaxed);
        let now = self.begin.elapsed();
        let intended = self.run.schedule.intended(turn, now)?;
        if intended > now {
            sleep_until(self.begin + intended).await;
        }
        Some(intended)
    }

    async fn reconnect(&self) -> Option<Connection> {
        while self.begin.elapsed() < self.run.schedule.end() {
            sleep(RECONNECT_DELAY).await;
            if let Ok(connection) = Connection::dial(&self.run.target).await {
                return Some(connection);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
