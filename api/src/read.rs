//! Reads: checkpoint, tiles and entry bundles, by C2SP tlog-tiles.
//!
//! Checkpoint and tiles are read where the request is served: the checkpoint is in memory, and a
//! tile is one look-up of at most 8 KiB, far cheaper than handing it to another thread and back.
//! A bundle may have 16 MiB and must often be decoded or encoded, so it is read on a blocking
//! thread, a bounded number of them at a time; the others wait, and nobody else waits for them.
//!
//! Invariant: what carries immutable caching is immutable: the bytes of a path never change, and
//! what is not in the published tree is a 404 that no cache keeps.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use engine::{Log, StoredBytes};
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, StatusCode};
use tiles::{BundleRef, ResourcePath, TileRef};

use crate::app::ServedLog;
use crate::content_coding::{self, Coding};
use crate::error::Refusal;
use crate::route::Service;

/// Bundles being read and batches being proven at once: enough to keep every core of a large
/// machine busy, few enough that sixteen of the largest bundles fit in memory more than once.
pub(crate) const HEAVY_COUNT_MAX: usize = 16;

/// Below this a coding saves less than its header costs.
const CODED_LEN_BYTES_MIN: usize = 256;

/// A week, as other logs have it; the bytes never change.
const IMMUTABLE: &str = "public, max-age=604800, immutable";

/// A checkpoint is news.
const NO_CACHE: &str = "no-cache";

const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";

/// Answers one read.
pub(crate) async fn serve(
    service: &Service,
    log: &ServedLog,
    resource: ResourcePath,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let log = open(log)?;
    match resource {
        ResourcePath::Checkpoint => Ok(checkpoint(log)),
        ResourcePath::Tile(tile_ref) => tile(log, tile_ref),
        ResourcePath::Entries(bundle_ref) => {
            bundle(service, log, bundle_ref, content_coding::negotiate(headers)).await
        }
    }
}

/// The engine's log, if it could be opened.
pub(crate) fn open(log: &ServedLog) -> Result<&Log, Refusal> {
    log.open().map_err(|reason| {
        tracing::debug!(
            log = log.name,
            reason,
            "a request for a log that could not be opened"
        );
        Refusal::LogFailed
    })
}

fn checkpoint(log: &Log) -> Response {
    respond(TEXT, NO_CACHE, log.published().checkpoint.clone())
}

fn tile(log: &Log, tile_ref: TileRef) -> Result<Response, Refusal> {
    let bytes = log.reader().tile(tile_ref)?.ok_or(Refusal::NotPublished)?;
    Ok(respond(BYTES, IMMUTABLE, bytes))
}

async fn bundle(
    service: &Service,
    log: &Log,
    bundle_ref: BundleRef,
    wanted: Coding,
) -> Result<Response, Refusal> {
    let reader = log.reader();
    let read = move || match reader.bundle(bundle_ref)? {
        None => Err(Refusal::NotPublished),
        Some(stored) => code(stored, wanted),
    };
    let (bytes, coding) = heavy(service, read).await??;
    let mut response = respond(BYTES, IMMUTABLE, bytes);
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(name) = coding.name() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    Ok(response)
}

/// A stored bundle in the wanted coding, or as it is where coding it gains nothing. Stored zstd
/// goes out untouched to whoever takes zstd.
fn code(stored: StoredBytes, wanted: Coding) -> Result<(Bytes, Coding), Refusal> {
    let plain = match stored {
        StoredBytes::Zstd { frame, .. } if wanted == Coding::Zstd => return Ok((frame, wanted)),
        stored => stored.plain()?,
    };
    if plain.len() < CODED_LEN_BYTES_MIN {
        return Ok((plain, Coding::Identity));
    }
    let coded = wanted.encode(&plain).map_err(|error| {
        tracing::error!(%error, coding = ?wanted, "a bundle could not be encoded");
        Refusal::ReadFailed
    })?;
    Ok((coded, wanted))
}

/// Runs `job` on a blocking thread, once few enough others do.
pub(crate) async fn heavy<T: Send + 'static>(
    service: &Service,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    let permit = Arc::clone(&service.heavy_reads).acquire_owned().await;
    let permit = permit.map_err(|_| Refusal::Internal)?;
    let running = tokio::task::spawn_blocking(move || {
        // The job outlives a client that goes away, and so must its claim.
        let _permit = permit;
        job()
    });
    running.await.map_err(|error| {
        tracing::error!(%error, "a read panicked");
        Refusal::Internal
    })
}

fn respond(content_type: &'static str, cache_control: &'static str, bytes: Bytes) -> Response {
    let headers = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, cache_control),
        // Entries are whatever their submitters chose; no browser shall guess at them.
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (StatusCode::OK, headers, Body::from(bytes)).into_response()
}

#[cfg(test)]
mod tests;
