//! Every bound on what the outside may make the server hold or do, each with its reason.
//!
//! What an operator may change is in [`Limits`] (`[limits]` of cairn.toml); the rest are constants.
//! The bounds of pools and batches inside the engine are `engine::Limits`.

use std::time::Duration;

/// The bounds an operator may change. `Default` is what an absent `[limits]` table means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Open connections on the public listener. Past it new ones wait in the kernel's backlog.
    pub(crate) connections_max: usize,
    /// How long a client may take to send one request's headers, and how long an idle kept-alive
    /// HTTP/1 connection stays open.
    pub(crate) header_timeout: Duration,
    /// How long a client may take to send one request's body, from first byte to last.
    pub(crate) body_timeout: Duration,
    /// How long one request may take from the last byte of its body to its answer; from its headers
    /// on it has `body_timeout` besides.
    pub(crate) request_timeout: Duration,
    /// How long shutdown waits for running requests, and then for the logs to drain.
    pub(crate) shutdown_timeout: Duration,
    /// Body bytes of `POST /api/v2/log/entries`: what other Rekor v2 servers take.
    pub(crate) rekor_body_len_bytes_max: usize,
    /// Body bytes of `POST /api/v2/log/entries/batch` and of `POST /add-batch`.
    pub(crate) batch_body_len_bytes_max: usize,
    /// Entries in one batch request, so that one request can't fill the pool.
    pub(crate) batch_count_max: usize,
    /// Signature checks that may wait for a core. Past it: 503, because a longer queue only turns
    /// into time-outs.
    pub(crate) verify_queue_count_max: usize,
    /// Certificates that one identity gets in a minute; 0: any number. A release of many artifacts
    /// needs one, or one for each.
    pub(crate) certificates_per_minute_by_identity: u32,
    /// Requests for certificates that one address may make in a minute; 0: any number. More than an
    /// identity's, because a fleet of builders has one address.
    pub(crate) certificates_per_minute_by_address: u32,
    /// Requests for timestamps that one address may make in a minute; 0: any number. They cost the
    /// least, and need no token.
    pub(crate) timestamps_per_minute_by_address: u32,
    /// Age of a log's checkpoint after which `/healthz` calls the log unhealthy. `None` derives it
    /// from the log's re-signing interval.
    pub(crate) checkpoint_age_max: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections_max: 4096,
            header_timeout: Duration::from_secs(15),
            body_timeout: Duration::from_secs(20),
            request_timeout: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(20),
            rekor_body_len_bytes_max: 4 << 20,
            batch_body_len_bytes_max: 16 << 20,
            batch_count_max: 1024,
            verify_queue_count_max: 4096,
            certificates_per_minute_by_identity: 600,
            certificates_per_minute_by_address: 3000,
            timestamps_per_minute_by_address: 6000,
            checkpoint_age_max: None,
        }
    }
}

impl Limits {
    /// How long an accepted entry is waited for: most of the time one request may take; the rest
    /// is for checking it before and proving it after.
    pub(crate) fn publish_wait_max(&self) -> Duration {
        self.request_timeout / 3 * 2
    }
}

/// Callers whose requests are counted at once, for each limit: 3 MiB.
pub(crate) const RATE_CALLERS_COUNT_MAX: usize = 65_536;

/// How long sequenced entries may go without a checkpoint that covers them, on top of the log's
/// checkpoint interval, until the log counts as unhealthy: some tries of a signer or a disk that
/// fails for a moment, and well before clients' patience ends.
pub(crate) const PUBLISH_LAG_MAX: Duration = Duration::from_secs(10);

/// Body bytes of `POST /add`: an entry bundle frames an entry's length in two bytes.
pub(crate) const RAW_ENTRY_LEN_BYTES_MAX: usize = tiles::ENTRY_LEN_BYTES_MAX;

/// Body bytes of `ct/v1/add-chain` and `ct/v1/add-pre-chain`: what other static-ct logs take.
pub(crate) const CT_BODY_LEN_BYTES_MAX: usize = 512 << 10;

/// Bytes of one request's headers and request line; hyper's buffer for HTTP/1, the header list for
/// HTTP/2. Our longest legitimate header is a bearer token.
pub(crate) const HEADERS_LEN_BYTES_MAX: u32 = 32 << 10;

/// [`HEADERS_LEN_BYTES_MAX`] for HTTP/1's reader, which asks for a `usize`.
pub(crate) const HTTP1_BUFFER_LEN_BYTES_MAX: usize = 32 << 10;

/// Headers in one HTTP/1 request.
pub(crate) const HEADERS_COUNT_MAX: usize = 64;

/// Requests running at once on one HTTP/2 connection.
pub(crate) const HTTP2_STREAMS_COUNT_MAX: u32 = 128;

/// Streams a peer may reset before we have answered them, beyond which the connection is closed
/// (the "rapid reset" flood).
pub(crate) const HTTP2_PENDING_RESETS_COUNT_MAX: usize = 32;

/// Streams we may reset because of a peer's mistakes before the connection is closed.
pub(crate) const HTTP2_LOCAL_RESETS_COUNT_MAX: usize = 256;

/// Bytes a peer may have in flight on one HTTP/2 stream, and eight times that on one connection:
/// unread bodies are held in memory.
pub(crate) const HTTP2_STREAM_WINDOW_BYTES: u32 = 1 << 20;

/// See [`HTTP2_STREAM_WINDOW_BYTES`].
pub(crate) const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 8 << 20;

/// An HTTP/2 connection with nothing to say is asked whether it is alive this often.
pub(crate) const HTTP2_KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);

/// A listener whose `accept` fails (no file descriptors left) waits this long before it tries
/// again.
pub(crate) const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// Connections on the metrics listener: a scraper and a curious operator.
pub(crate) const METRICS_CONNECTIONS_MAX: usize = 16;

const _: () = assert!(RAW_ENTRY_LEN_BYTES_MAX == 65_535);
const _: () = assert!(HTTP2_STREAM_WINDOW_BYTES <= HTTP2_CONNECTION_WINDOW_BYTES);

/// Bytes of entry bundles that wait for their readers, beyond which bundles are refused: a client
/// that asks and does not read must not fill the memory. Sixteen of the largest, some hundred
/// ordinary ones. Tiles are not counted: each is at most 8 KiB, and streams and connections bound
/// them.
pub(crate) const BUNDLES_UNREAD_LEN_BYTES_MAX: usize = 256 << 20;

/// As [`BUNDLES_UNREAD_LEN_BYTES_MAX`], for the proofs of batches: their entries are logged
/// already, so that nobody who reads bundles slowly may stand in their way.
pub(crate) const PROOFS_UNREAD_LEN_BYTES_MAX: usize = 256 << 20;

/// How long the proofs of a batch wait for room among those that are not read yet. Past it: 503.
pub(crate) const PROOFS_ROOM_TIME_MAX: Duration = Duration::from_secs(5);

/// How long an answer that counts as unread may stay so before its connection is cut: 16 MiB at
/// little more than 1 Mbit/s.
pub(crate) const UNREAD_TIME_MAX: Duration = Duration::from_mins(2);

/// The same while others find no room for their answers, so that readers who stall do not shut out
/// those who read: 16 MiB at 13 Mbit/s.
pub(crate) const UNREAD_CROWDED_TIME_MAX: Duration = Duration::from_secs(10);

/// How long a connection may go on without a running request once the server shuts down: time for
/// a reader that is there, none for one that isn't.
pub(crate) const UNREAD_SHUTDOWN_TIME_MAX: Duration = Duration::from_secs(2);

/// Bundles read and coded at once, and likewise batches proven: enough to keep every core of a
/// large machine busy, few enough that so many of the largest bundles fit in memory twice.
pub(crate) const HEAVY_COUNT_MAX: usize = 16;

/// Bundles that may wait to be read. Past it: 503, because a longer queue only turns into
/// time-outs. As many as one HTTP/2 connection may ask for at once.
pub(crate) const BUNDLES_WAITING_COUNT_MAX: usize = 128;

/// Entries of one log between their admission and the checkpoint that covers them, whose requests
/// wait for it. Past it: 503, before anything is logged. As many as the engine's pool takes.
pub(crate) const PUBLISHING_COUNT_MAX: usize = 65_536;

/// Batches on their way into the log, whose proofs are still to be made. Past it: 503, before
/// anything is logged.
pub(crate) const PROOFS_WAITING_COUNT_MAX: usize = 1024;

/// Bytes of a refused HTTP/1 body that are still received, and thrown away: many clients look for
/// an answer only once they have sent everything. As much as the largest body we take, twice.
pub(crate) const DRAIN_LEN_BYTES_MAX: usize = 32 << 20;

/// How long they are received.
pub(crate) const DRAIN_TIME_MAX: Duration = Duration::from_secs(5);

const _: () = assert!(UNREAD_CROWDED_TIME_MAX.as_secs() < UNREAD_TIME_MAX.as_secs());
const _: () =
    assert!(BUNDLES_UNREAD_LEN_BYTES_MAX >= 4 * tiles::entry_bundle::BUNDLE_LEN_BYTES_MAX);
