//! Reads: checkpoint, tiles and entry bundles, by C2SP tlog-tiles.
//!
//! Checkpoint and tiles are read where the request is served: the checkpoint is in memory, as are
//! full tiles that were read lately, and any other tile is one look-up of at most 8 KiB, far
//! cheaper than handing it to another thread and back.
//! A bundle may have 16 MiB and must often be decoded or encoded, so it is read on a blocking
//! thread, a bounded number of them at a time; a bounded number of others wait, and nobody else
//! waits for them. What was read counts against a budget until its reader has taken it. `HEAD`
//! costs no decoding and no encoding.
//!
//! Invariant: what carries immutable caching is immutable: the bytes of a path never change, and
//! what is not in the published tree is a 404 that no cache keeps.

pub(crate) mod full_tiles;
pub(crate) mod lane;

use axum::response::Response;
use bytes::Bytes;
use engine::{Log, StoredBytes};
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tiles::{BundleRef, ResourcePath, TileRef, TileWidth};

use crate::answer::answer;
use crate::app::ServedLog;
use crate::content_coding::{self, Coding};
use crate::error::Refusal;
use crate::route::Service;
use full_tiles::FullTiles;

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
    (method, headers): (&Method, &HeaderMap),
) -> Result<Response, Refusal> {
    let (served, log) = (log, open(log)?);
    match resource {
        ResourcePath::Checkpoint => Ok(checkpoint(log)),
        ResourcePath::Tile(tile_ref) => tile(&served.full_tiles, log, tile_ref),
        ResourcePath::Entries(bundle_ref) => {
            let wanted = content_coding::negotiate(headers);
            // Boxed, so that no other request takes the room of these.
            if *method == Method::HEAD {
                Box::pin(bundle_head(service, log, bundle_ref, wanted)).await
            } else {
                Box::pin(bundle(service, log, bundle_ref, wanted)).await
            }
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

fn tile(known: &FullTiles, log: &Log, tile_ref: TileRef) -> Result<Response, Refusal> {
    let is_full = tile_ref.width == TileWidth::FULL;
    if let Some(bytes) = known.get(tile_ref.id).filter(|_| is_full) {
        return Ok(respond(BYTES, IMMUTABLE, bytes));
    }
    let bytes = log.reader().tile(tile_ref)?.ok_or(Refusal::NotPublished)?;
    if is_full {
        known.insert(tile_ref.id, bytes.clone());
    }
    Ok(respond(BYTES, IMMUTABLE, bytes))
}

async fn bundle(
    service: &Service,
    log: &Log,
    bundle_ref: BundleRef,
    wanted: Coding,
) -> Result<Response, Refusal> {
    let (reader, budget) = (log.reader(), service.bundles_unread.clone());
    budget.check_room()?;
    let read = move || {
        let stored = reader.bundle(bundle_ref)?.ok_or(Refusal::NotPublished)?;
        let (bytes, coding) = code(stored, wanted)?;
        // Before this job gives its turn away, so that nothing is held that counts nowhere.
        Ok::<_, Refusal>((budget.take(bytes.len())?, bytes, coding))
    };
    let (share, bytes, coding) = service.bundles.enter()?.run(read).await??;
    let mut response = respond_bundle(coding);
    share.fill(&mut response, bytes);
    Ok(response)
}

/// The headers of [`bundle`]. There is no length where only encoding would tell it.
async fn bundle_head(
    service: &Service,
    log: &Log,
    bundle_ref: BundleRef,
    wanted: Coding,
) -> Result<Response, Refusal> {
    let reader = log.reader();
    let read = move || reader.bundle(bundle_ref);
    let stored = service.bundles.enter()?.run(read).await??;
    let (coding, len_bytes) = coded_len(&stored.ok_or(Refusal::NotPublished)?, wanted);
    let mut response = respond_bundle(coding);
    if let Some(len_bytes) = len_bytes {
        let len_bytes = HeaderValue::from(len_bytes);
        response.headers_mut().insert(CONTENT_LENGTH, len_bytes);
    }
    Ok(response)
}

/// A bundle's answer without its body.
fn respond_bundle(coding: Coding) -> Response {
    let mut response = respond(BYTES, IMMUTABLE, Bytes::new());
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(name) = coding.name() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    response
}

/// What [`code`] would make of `stored`, and the length of that if it is known.
fn coded_len(stored: &StoredBytes, wanted: Coding) -> (Coding, Option<usize>) {
    let plain_len = match stored {
        StoredBytes::Zstd { frame, .. } if wanted == Coding::Zstd => {
            return (wanted, Some(frame.len()));
        }
        StoredBytes::Zstd { plain_len, .. } => *plain_len,
        StoredBytes::Plain(bytes) => bytes.len(),
    };
    if plain_len < CODED_LEN_BYTES_MIN || wanted == Coding::Identity {
        (Coding::Identity, Some(plain_len))
    } else {
        (wanted, None)
    }
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

fn respond(content_type: &'static str, cache_control: &'static str, bytes: Bytes) -> Response {
    let headers = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, cache_control),
        // Entries are whatever their submitters chose; no browser shall guess at them.
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    answer(StatusCode::OK, headers, bytes)
}

#[cfg(test)]
mod tests;
