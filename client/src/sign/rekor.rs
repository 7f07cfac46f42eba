//! Telling logs: each bundle gets an entry of each log that is used.
//!
//! Of a log of version 2 (this project's, and rekor-tiles) only a digest, a signature and a key or
//! certificate are asked to be logged, also for an envelope, which is logged by the digest of what
//! was signed. Many go in one request if the log takes that, and else side by side.
//!
//! An entry that is there already, because an earlier answer was lost, is taken as it is: the log
//! gives it again, or says where it is.

use serde_json::Value;
use sigstore::TransparencyLogEntry;
use sigstore::signing_config::Service;
use sigstore::trusted_root::TrustedRoot;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::{self, Answer, Http, Request};
use crate::parallel::side_by_side;
use crate::submit::{self, Patience};

use super::{Draft, recover, rekor_v1};

/// The longest answer about one entry: the entry, forty hashes and a checkpoint.
const ENTRY_LEN_BYTES_MAX: usize = 256 * 1024;

/// Entries in one request: well below what a log takes.
const BATCH_COUNT: usize = 256;

/// A log that is told something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Log<'a> {
    pub(super) url: &'a str,
    pub(super) http: &'a Http,
    pub(super) patience: Patience,
    /// Which logs there are, by their ids.
    pub(super) trusted_root: &'a TrustedRoot,
}

/// Adds an entry of each log to each bundle.
pub(super) fn add(
    drafts: &mut [Draft],
    logs: &[Service],
    trusted_root: &TrustedRoot,
    (http, patience): (&Http, Patience),
) -> Result<(), Failure> {
    for service in logs {
        let log = Log {
            url: &service.url,
            http,
            patience,
            trusted_root,
        };
        let entries = match service.major_api_version {
            1 => side_by_side(drafts, |draft| rekor_v1::add(log, draft)),
            _ => add_v2(log, drafts)?,
        };
        for (draft, entry) in drafts.iter_mut().zip(entries) {
            draft.bundle.log_entries.push(entry?);
        }
    }
    Ok(())
}

impl Log<'_> {
    /// Sends a body to a path of the log, until it answers.
    pub(super) fn post(&self, url: &str, body: &str, count: usize) -> Result<Answer, Failure> {
        let len_max = ENTRY_LEN_BYTES_MAX.saturating_mul(count);
        let request = Request::post(url, "application/json", body.as_bytes(), len_max);
        let request = request.accept("application/json");
        submit::send(self.http, url, &request, self.patience)
    }

    /// Reads what is at an address of the log.
    pub(super) fn get(&self, url: &str, len_bytes_max: usize) -> Result<Vec<u8>, Failure> {
        let request = Request::get(url, len_bytes_max);
        let answer = submit::send(self.http, url, &request, self.patience)?;
        match answer.status {
            200 => Ok(answer.body),
            _ => Err(answer.refused(url, "can't be read")),
        }
    }
}

type Logged = Result<TransparencyLogEntry, Failure>;

fn add_v2(log: Log<'_>, drafts: &[Draft]) -> Result<Vec<Logged>, Failure> {
    let mut entries = Vec::with_capacity(drafts.len());
    if drafts.len() > 1 {
        for batch in drafts.chunks(BATCH_COUNT) {
            match add_batch(log, batch)? {
                Some(logged) => entries.extend(logged),
                None => break,
            }
        }
    }
    // All of them, if the log takes one at a time.
    let rest = drafts.get(entries.len()..).unwrap_or_default();
    entries.extend(side_by_side(rest, |draft| add_one(log, draft)));
    Ok(entries)
}

fn add_one(log: Log<'_>, draft: &Draft) -> Logged {
    let url = http::join(log.url, "api/v2/log/entries");
    let answer = log.post(&url, &draft.record.to_request_json(), 1)?;
    match answer.status {
        409 => recover::entry_at(log, index_of(&answer, &url)?, draft),
        _ if answer.is_success() => {
            TransparencyLogEntry::parse(&answer.body).map_err(|error| unreadable(&url, &error))
        }
        _ => Err(answer.refused(&url, "does not log the signature")),
    }
}

/// Many in one request; `None` if the log has no such route.
fn add_batch(log: Log<'_>, drafts: &[Draft]) -> Result<Option<Vec<Logged>>, Failure> {
    let url = http::join(log.url, "api/v2/log/entries/batch");
    let bodies: Vec<String> = drafts
        .iter()
        .map(|draft| draft.record.to_request_json())
        .collect();
    let answer = log.post(&url, &format!("[{}]", bodies.join(",")), drafts.len())?;
    if matches!(answer.status, 404 | 405 | 501) {
        return Ok(None);
    }
    let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let results = json.get("results").and_then(Value::as_array);
    let results = results.filter(|results| results.len() == drafts.len());
    let Some(results) = results else {
        return Err(answer.refused(&url, "does not log the signatures"));
    };
    let read = |(draft, result): (&Draft, &Value)| match result.get("code") {
        None => TransparencyLogEntry::parse(result.to_string().as_bytes())
            .map_err(|error| unreadable(&url, &error)),
        // Asked for alone, so that one that is there already is found, and a refusal is the log's
        // own.
        Some(_) => add_one(log, draft),
    };
    Ok(Some(drafts.iter().zip(results).map(read).collect()))
}

/// Where an entry is that was there already.
fn index_of(answer: &Answer, url: &str) -> Result<u64, Failure> {
    let from_header = answer
        .header("x-log-index")
        .and_then(|text| text.parse().ok());
    let message = answer.message();
    let from_text = message
        .rsplit(' ')
        .next()
        .and_then(|last| last.parse().ok());
    from_header
        .or(from_text)
        .ok_or_else(|| answer.refused(url, "has the signature already, but does not say where"))
}

pub(super) fn unreadable(url: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(
        Exit::Service,
        url,
        "answers with something else than an entry",
    )
    .found(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_says_in_one_of_two_ways_where_an_entry_is() {
        let mut answer = Answer {
            status: 409,
            headers: reqwest::header::HeaderMap::new(),
            body: br#"{"code":6,"message":"an equivalent entry ... with index 17"}"#.to_vec(),
        };
        assert_eq!(index_of(&answer, "u"), Ok(17));
        answer.headers.insert("x-log-index", "18".parse().unwrap());
        assert_eq!(index_of(&answer, "u"), Ok(18));
        answer.headers.clear();
        answer.body = b"{}".to_vec();
        assert!(index_of(&answer, "u").is_err());
    }
}
