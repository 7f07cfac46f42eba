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
    /// How long one request may take from its headers to the last byte of its answer's head.
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
            checkpoint_age_max: None,
        }
    }
}

/// Body bytes of `POST /add`: an entry bundle frames an entry's length in two bytes.
pub(crate) const RAW_ENTRY_LEN_BYTES_MAX: usize = tiles::ENTRY_LEN_BYTES_MAX;

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
