//! Raw logs: any bytes in, an index out, for programs that bring their own meaning.
//!
//! `POST /add` takes one entry, the body as it is (an empty one is a legal entry), and answers its
//! decimal index. `POST /add-batch` takes several, framed as in an entry bundle (each behind its
//! length in two big-endian bytes), and answers one index per line, in order; either all of them
//! are admitted or none. Both answer once the entries are sequenced, with `?wait=published` once a
//! public checkpoint covers them. An entry the log holds already is answered with its index.

use std::fmt::Write as _;

use axum::response::Response;
use bytes::Bytes;
use engine::{Sequenced, UnfinishedEntry};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{StatusCode, Uri};
use tiles::{BundleError, EntryBundle};

use crate::answer::answer;
use crate::app::ServedLog;
use crate::body::WholeBody;
use crate::deadline::Deadline;
use crate::error::Refusal;
use crate::limits::RAW_ENTRY_LEN_BYTES_MAX;
use crate::read;
use crate::route::{Asked, Service, WithBody};
use crate::timers::Timers;

/// `POST /add`.
pub(crate) async fn add(
    service: &Service,
    served: &ServedLog,
    asked: Asked,
) -> Result<Response, Refusal> {
    let log = read::open(served)?;
    let wait = Wait::parse(asked.request.uri())?;
    let (body, timers) = read_body(service, asked, RAW_ENTRY_LEN_BYTES_MAX).await?;
    // A copy: the body may be a small piece of a large network buffer, which it would hold on to
    // for as long as the entry waits.
    let entry = UnfinishedEntry::new(Bytes::copy_from_slice(body.bytes()));
    drop(body);
    let ticket = log.add(entry).map_err(Refusal::not_admitted)?;
    let deadline = Deadline::new(&service.app.limits, &timers);
    let place = deadline.sequenced(&ticket).await?;
    if wait == Wait::Published {
        deadline.published(log, &[place]).await?;
    }
    Ok(text(place.index.to_string()))
}

/// `POST /add-batch`.
pub(crate) async fn add_batch(
    service: &Service,
    served: &ServedLog,
    asked: Asked,
) -> Result<Response, Refusal> {
    let log = read::open(served)?;
    let wait = Wait::parse(asked.request.uri())?;
    let limits = &service.app.limits;
    let (body, timers) = read_body(service, asked, limits.batch_body_len_bytes_max).await?;
    let count_max = limits.batch_count_max;
    // Every entry is hashed for its identity, which for megabytes is no work for this thread.
    let splitting = service.verify.run(move || {
        // The entries share the body's memory, and so its share of the budget goes with them.
        split(body.bytes(), count_max).map(|entries| (entries, body))
    });
    let (entries, body) = splitting.await??;
    let tickets = log.add_many(entries).map_err(Refusal::not_admitted)?;
    // From here on the engine's pool bounds what is held.
    drop(body);
    let deadline = Deadline::new(limits, &timers);
    let mut places = Vec::with_capacity(tickets.len());
    for ticket in &tickets {
        places.push(deadline.sequenced(ticket).await?);
    }
    if wait == Wait::Published {
        deadline.published(log, &places).await?;
    }
    Ok(text(lines(&places)))
}

/// What the caller waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Sequenced,
    Published,
}

impl Wait {
    fn parse(uri: &Uri) -> Result<Wait, Refusal> {
        match uri.query() {
            None | Some("" | "wait=sequenced") => Ok(Wait::Sequenced),
            Some("wait=published") => Ok(Wait::Published),
            Some(_) => Err(Refusal::UnknownQuery),
        }
    }
}

/// The body, and the timers of what remains to be waited for.
async fn read_body(
    service: &Service,
    asked: Asked,
    max: usize,
) -> Result<(WholeBody, Timers), Refusal> {
    let asked = asked.read(service, max, Refusal::BodyTooLarge { max });
    let WithBody { body, timers, .. } = asked.await?;
    Ok((body, timers))
}

/// The entries of a batch; each shares the memory of the body.
pub(crate) fn split(body: &Bytes, count_max: usize) -> Result<Vec<UnfinishedEntry>, Refusal> {
    let bundle = EntryBundle::parse_any(body, count_max).map_err(|error| match error {
        // There is something after the last entry that fits, whatever it is.
        BundleError::Trailing { .. } => Refusal::BatchTooMany { max: count_max },
        error => Refusal::BatchFraming(error.to_string()),
    })?;
    if bundle.entries().is_empty() {
        return Err(Refusal::BatchEmpty);
    }
    let entries = bundle.entries().iter();
    Ok(entries
        .map(|entry| UnfinishedEntry::new(body.slice_ref(entry)))
        .collect())
}

/// The index of each place on a line of its own.
fn lines(places: &[Sequenced]) -> String {
    let mut lines = String::new();
    for place in places {
        // Writing to a string does not fail.
        let _infallible = writeln!(lines, "{}", place.index);
    }
    lines
}

fn text(body: String) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
    ];
    answer(StatusCode::OK, headers, body)
}

#[cfg(test)]
mod tests;
