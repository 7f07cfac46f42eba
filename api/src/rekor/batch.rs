//! `POST /api/v2/log/entries/batch`: many signatures in one request, one checkpoint for all.
//!
//! The body is a JSON array of what `POST /api/v2/log/entries` takes, bounded in count and bytes.
//! The answer has a result for each element, in order:
//!
//! ```text
//! {"results":[{"logIndex":"7",...},{"code":3,"message":"invalid ...","details":[]},...]}
//! ```
//!
//! A result without `code` is a whole `TransparencyLogEntry`, fit for a bundle as it stands; all of
//! them carry the same checkpoint, so that a client checks one signature. A result with `code` is
//! the `google.rpc.Status` that the request would have met alone; the others are not harmed by it.
//!
//! The status is 201 if at least one element was logged. If none was, it is the one that all of
//! them met, or 400 if they differ, and the body is a `google.rpc.Status` itself with the `results`
//! beside it. What is wrong with the array as a whole (not JSON, empty, too long), or with the
//! server (full queues), refuses all of it before anything is logged.

use std::fmt;
use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use engine::{Log, PublishedHead, Reader, Sequenced, UnfinishedEntry};
use serde::Deserializer as _;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::app::{Duplicates, ServedLog};
use crate::body::WholeBody;
use crate::body::unread::Share;
use crate::deadline::Deadline;
use crate::error::Refusal;
use crate::grpc::Encoding;
use crate::limits::PROOFS_ROOM_TIME_MAX;
use crate::read;
use crate::route::{Asked, Service};

use super::v2::created;
use super::{check, prove, read_body};

/// Requests checked in one job: long enough to be worth the hand-over, short enough that others
/// get their turn between two of them.
const REQUESTS_PER_JOB: usize = 16;

/// Of one result beside its entry: forty hashes and a checkpoint with many cosignatures.
const PROOF_LEN_BYTES: usize = 6 << 10;

/// One element on its way, or why it goes no further.
type Checked = Result<UnfinishedEntry, Refusal>;
type Placed = Result<(Bytes, Sequenced), Refusal>;
type Proven = Result<String, Refusal>;

/// Logs every element that is right.
pub(crate) async fn add(
    service: &Arc<Service>,
    served: &Arc<ServedLog>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let log = read::open(served)?;
    let limits = &service.app.limits;
    let max = limits.batch_body_len_bytes_max;
    let (body, timers) = read_body(service, asked, Encoding::Plain, max).await?;
    let checked = check_all(service, body).await?;
    // Taken before anything is logged, so that a full queue turns nobody away after that.
    let turn = service.proofs.enter()?;

    let deadline = Deadline::new(limits, &timers);
    let placed = place(log, &deadline, checked).await?;
    let indexed: Vec<Sequenced> = placed.iter().flatten().map(|(_, place)| *place).collect();
    let head = deadline.published(log, &indexed).await?;

    let share = room(service, &placed).await?;

    let (served, reader) = (Arc::clone(served), log.reader());
    let proving = move || {
        let proven = placed
            .into_iter()
            .map(|placed| proven(&served, &reader, placed?, &head));
        answer(proven.collect())
    };
    let json = turn.run(proving).await??;
    let mut response = created(String::new());
    share.fill(
        &mut response,
        Bytes::from(json.into_boxed_str().into_boxed_bytes()),
    );
    Ok(response)
}

/// Room for the proofs, for which those of others may have to be read first. The entries are logged
/// by now: a client turned away here gets its proofs by sending the batch again.
async fn room(service: &Service, placed: &[Placed]) -> Result<Share, Refusal> {
    let leaves = placed.iter().flatten().map(|(leaf, _)| leaf.len());
    let entries_len = leaves.sum::<usize>().saturating_mul(2); // In base64, and quoted.
    let proofs_len = placed.len().saturating_mul(PROOF_LEN_BYTES);
    let budget = &service.proofs_unread;
    let len_bytes = entries_len.saturating_add(proofs_len);
    budget.take_within(len_bytes, PROOFS_ROOM_TIME_MAX).await
}

/// Checks every element on the verify pool, and leaves its refusal in its place.
async fn check_all(service: &Service, body: WholeBody) -> Result<Vec<Checked>, Refusal> {
    let count_max = service.app.limits.batch_count_max;
    let elements = service.verify.run(move || {
        // The elements share the body's memory, and so its share of the budget goes with them.
        split(body.bytes(), count_max).map(|elements| (elements, body))
    });
    let (elements, _body) = elements.await??;
    let mut answers = Vec::with_capacity(elements.len().div_ceil(REQUESTS_PER_JOB));
    for elements in elements.chunks(REQUESTS_PER_JOB) {
        let elements = elements.to_vec();
        let checked = |json: &Bytes| check(json, Encoding::Plain);
        let job = move || -> Vec<Checked> { elements.iter().map(checked).collect() };
        // Dropping the answers on the way out takes the queued jobs back.
        answers.push(service.verify.submit(job)?);
    }
    let mut checked = Vec::with_capacity(elements.len());
    for answer in answers {
        checked.extend(answer.wait().await?);
    }
    Ok(checked)
}

/// Cuts a JSON array into its elements, without looking into them.
pub(crate) fn split(body: &Bytes, count_max: usize) -> Result<Vec<Bytes>, Refusal> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let elements = json
        .deserialize_seq(Elements { count_max })
        .and_then(|elements| json.end().map(|()| elements))
        .map_err(|error| Refusal::InvalidBatch(error.to_string()))?;
    if elements.is_empty() {
        return Err(Refusal::BatchEmpty);
    }
    if elements.len() > count_max {
        return Err(Refusal::RekorBatchTooMany { max: count_max });
    }
    Ok(elements
        .iter()
        .map(|json| body.slice_ref(json.get().as_bytes()))
        .collect())
}

/// Collects elements until there are too many by one, and then only looks for the end.
struct Elements {
    count_max: usize,
}

impl<'a> Visitor<'a> for Elements {
    type Value = Vec<&'a RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of requests")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = array.next_element()? {
            elements.push(element);
            if elements.len() > self.count_max {
                while array.next_element::<IgnoredAny>()?.is_some() {}
                break;
            }
        }
        Ok(elements)
    }
}

/// Hands what is right to the log, all of it or nothing, and waits for the indices.
async fn place(
    log: &Log,
    deadline: &Deadline<'_>,
    checked: Vec<Checked>,
) -> Result<Vec<Placed>, Refusal> {
    let entries: Vec<UnfinishedEntry> = checked.iter().flatten().cloned().collect();
    let tickets = if entries.is_empty() {
        Vec::new()
    } else {
        log.add_many(entries).map_err(Refusal::rekor_not_admitted)?
    };
    let mut tickets = tickets.into_iter();
    let mut placed = Vec::with_capacity(checked.len());
    for checked in checked {
        placed.push(match checked {
            Ok(entry) => {
                let ticket = tickets.next().ok_or(Refusal::Internal)?;
                let place = deadline.sequenced(&ticket).await;
                place.map(|place| (entry.content().clone(), place))
            }
            Err(refusal) => Err(refusal),
        });
    }
    Ok(placed)
}

/// The result of one element.
fn proven(
    served: &ServedLog,
    reader: &Reader,
    (leaf, place): (Bytes, Sequenced),
    head: &PublishedHead,
) -> Proven {
    if place.duplicate && served.duplicates == Duplicates::Conflict {
        return Err(Refusal::Duplicate {
            index: place.index.get(),
        });
    }
    Ok(prove(served, reader, (place.index, &leaf), head)?.to_json())
}

/// The whole answer.
fn answer(results: Vec<Proven>) -> Result<String, Refusal> {
    if results.iter().all(Result::is_err) {
        return Err(Refusal::BatchRefused(
            results.into_iter().filter_map(Result::err).collect(),
        ));
    }
    let results: Vec<String> = results
        .into_iter()
        .map(|result| result.unwrap_or_else(|refusal| refusal.to_json()))
        .collect();
    Ok(format!(r#"{{"results":[{}]}}"#, results.join(",")))
}

#[cfg(test)]
mod tests;
