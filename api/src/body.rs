//! Request bodies: read whole, within a length, a time and a budget that all requests share.
//!
//! The length bounds one body, the time a slow sender, and the budget the memory of all bodies at
//! once: many connections with many streams each would otherwise hold their product in memory.

pub(crate) mod drain;
pub(crate) mod unread;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::error::Refusal;
use crate::timers::{Elapsed, Timers};

/// Bytes of all bodies held at once, beyond which new ones are pushed back. Enough for some
/// thousand ordinary requests beside a few batches; small beside the engine's pool.
const BUDGET_LEN_BYTES: usize = 256 << 20;

/// The budget holds at least this many of the largest bodies, whatever the operator allows.
const BUDGET_LARGEST_COUNT: usize = 4;

/// The first bytes of every body are free: a few stalled giants that use the budget up must not
/// keep ordinary requests out. What is free is bounded by the connections and their streams.
const FREE_LEN_BYTES: usize = 8 << 10;

/// The budget is kept in units, because a semaphore counts in 32 bits.
const UNIT_LEN_BYTES: usize = 1024;

/// Memory for bodies, shared by all requests.
#[derive(Clone, Debug)]
pub(crate) struct BodyBudget(Arc<Semaphore>);

impl BodyBudget {
    /// A budget under which bodies of `largest_len_bytes` can be read.
    pub(crate) fn new(largest_len_bytes: usize) -> BodyBudget {
        let bytes = BUDGET_LEN_BYTES.max(largest_len_bytes.saturating_mul(BUDGET_LARGEST_COUNT));
        BodyBudget(Arc::new(Semaphore::new(
            (bytes / UNIT_LEN_BYTES).min(Semaphore::MAX_PERMITS),
        )))
    }

    /// Whether nothing of it is in use.
    #[cfg(test)]
    pub(crate) fn is_unused(&self, largest_len_bytes: usize) -> bool {
        self.0.available_permits() == BodyBudget::new(largest_len_bytes).0.available_permits()
    }

    fn take(&self, len_bytes: usize) -> Result<OwnedSemaphorePermit, ReadError> {
        let units =
            u32::try_from(len_bytes.div_ceil(UNIT_LEN_BYTES)).map_err(|_| ReadError::Full)?;
        Arc::clone(&self.0)
            .try_acquire_many_owned(units)
            .map_err(|_| ReadError::Full)
    }
}

/// What one route takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyLimits {
    pub(crate) len_bytes_max: usize,
    pub(crate) time_max: Duration,
}

/// A whole body, and its share of the budget, which is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct WholeBody {
    bytes: Bytes,
    _share: Vec<OwnedSemaphorePermit>,
}

impl WholeBody {
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// Why a body was not read. The route says which status a body over the limit has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadError {
    TooLarge,
    Timeout,
    Broken,
    Coded,
    Full,
}

impl ReadError {
    /// The refusal, given the route's own for a body over the limit.
    pub(crate) fn refusal(self, limits: BodyLimits, too_large: Refusal) -> Refusal {
        match self {
            ReadError::TooLarge => too_large,
            ReadError::Timeout => Refusal::BodyTimeout(limits.time_max),
            ReadError::Broken => Refusal::BodyBroken,
            ReadError::Coded => Refusal::BodyCoded,
            ReadError::Full => Refusal::BodiesFull,
        }
    }
}

/// Reads `body` to its end. A length announced over the limit is refused before anything is read.
///
/// # Errors
/// What the limits, the budget or the sender got wrong; nothing of the body is kept.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: Body,
    limits: BodyLimits,
    budget: &BodyBudget,
    timers: &Timers,
) -> Result<WholeBody, ReadError> {
    let coded = headers
        .get(CONTENT_ENCODING)
        .is_some_and(|coding| coding != "identity");
    if coded {
        return Err(ReadError::Coded);
    }
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    if announced
        .is_some_and(|len: u64| usize::try_from(len).map_or(true, |len| len > limits.len_bytes_max))
    {
        return Err(ReadError::TooLarge);
    }
    let reading = pin!(collect(body, limits.len_bytes_max, budget));
    timers
        .within(Instant::now() + limits.time_max, reading)
        .await
        .unwrap_or_else(|Elapsed| Err(ReadError::Timeout))
}

/// The frames of `body` as one piece; a body of one frame is not copied.
async fn collect(
    mut body: Body,
    len_bytes_max: usize,
    budget: &BodyBudget,
) -> Result<WholeBody, ReadError> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    let mut share = Vec::new();
    // Paid for ahead of what has arrived: each payment doubles it, so that a body in tiny frames
    // makes few payments.
    let mut paid_len_bytes = FREE_LEN_BYTES;
    let mut len_bytes: usize = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| ReadError::Broken)?.into_data() else {
            continue; // Trailers: nothing here reads them.
        };
        len_bytes = len_bytes
            .checked_add(data.len())
            .ok_or(ReadError::TooLarge)?;
        if len_bytes > len_bytes_max {
            return Err(ReadError::TooLarge);
        }
        if len_bytes > paid_len_bytes {
            let target = len_bytes
                .max(paid_len_bytes.saturating_mul(2))
                .min(len_bytes_max);
            share.push(budget.take(target - paid_len_bytes)?);
            paid_len_bytes = target;
        }
        if first.is_empty() && whole.is_empty() {
            first = data;
        } else {
            if whole.is_empty() {
                whole.extend_from_slice(&std::mem::take(&mut first));
            }
            whole.extend_from_slice(&data);
        }
    }
    let bytes = if whole.is_empty() {
        first
    } else {
        whole.freeze()
    };
    Ok(WholeBody {
        bytes,
        _share: share,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::collections::VecDeque;
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use http::{HeaderName, HeaderValue};
    use hyper::body::Frame;

    /// A body of prepared frames, which then ends, or never does.
    struct Frames {
        parts: VecDeque<io::Result<&'static str>>,
        ends: bool,
    }

    impl hyper::body::Body for Frames {
        type Data = Bytes;
        type Error = io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
            match self.parts.pop_front() {
                Some(part) => Poll::Ready(Some(part.map(|text| Frame::data(Bytes::from(text))))),
                None if self.ends => Poll::Ready(None),
                None => Poll::Pending,
            }
        }
    }

    fn frames(parts: &[&'static str]) -> Frames {
        Frames {
            parts: parts.iter().map(|part| Ok(*part)).collect(),
            ends: true,
        }
    }

    async fn check(
        headers: &[(HeaderName, &'static str)],
        body: Frames,
        want: Result<&str, ReadError>,
    ) {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        let limits = BodyLimits {
            len_bytes_max: 8,
            time_max: Duration::ZERO,
        };
        let budget = BodyBudget::new(8);
        let (headers, timers) = (headers.collect(), Timers::default());
        let got = read(&headers, Body::new(body), limits, &budget, &timers).await;
        let got = got
            .as_ref()
            .map(|whole| whole.bytes().as_ref())
            .map_err(|error| *error);
        assert_eq!(got, want.map(str::as_bytes));
    }

    #[tokio::test]
    async fn bodies_within_the_limits_arrive_whole() {
        check(&[], frames(&[]), Ok("")).await;
        check(&[], frames(&["one"]), Ok("one")).await;
        check(&[], frames(&["", "one", "", "two", "3!"]), Ok("onetwo3!")).await;
        check(&[(CONTENT_LENGTH, "3")], frames(&["one"]), Ok("one")).await;
        check(
            &[(CONTENT_ENCODING, "identity")],
            frames(&["one"]),
            Ok("one"),
        )
        .await;
    }

    #[tokio::test]
    async fn bodies_beyond_the_limits_are_refused() {
        check(&[], frames(&["123456789"]), Err(ReadError::TooLarge)).await;
        check(&[], frames(&["12345678", "9"]), Err(ReadError::TooLarge)).await;
        check(
            &[(CONTENT_LENGTH, "9")],
            frames(&["1"]),
            Err(ReadError::TooLarge),
        )
        .await;
        let huge = (CONTENT_LENGTH, "18446744073709551615");
        check(&[huge], frames(&["1"]), Err(ReadError::TooLarge)).await;
        check(
            &[(CONTENT_ENCODING, "gzip")],
            frames(&["1"]),
            Err(ReadError::Coded),
        )
        .await;
    }

    #[tokio::test]
    async fn bodies_that_stop_are_refused() {
        let stalled = Frames {
            parts: VecDeque::from([Ok("one")]),
            ends: false,
        };
        check(&[], stalled, Err(ReadError::Timeout)).await;
        let cut = Frames {
            parts: VecDeque::from([Ok("one"), Err(io::ErrorKind::ConnectionReset.into())]),
            ends: true,
        };
        check(&[], cut, Err(ReadError::Broken)).await;
    }

    #[tokio::test]
    async fn the_budget_is_shared_and_given_back() {
        let len_bytes_max = FREE_LEN_BYTES + UNIT_LEN_BYTES;
        let body = || Body::from(vec![0_u8; len_bytes_max]);
        let limits = BodyLimits {
            len_bytes_max,
            time_max: Duration::from_mins(1),
        };
        let budget = BodyBudget(Arc::new(Semaphore::new(1)));
        let (headers, timers) = (HeaderMap::new(), Timers::default());
        let first = read(&headers, body(), limits, &budget, &timers)
            .await
            .unwrap();
        assert_eq!(
            read(&headers, body(), limits, &budget, &timers)
                .await
                .unwrap_err(),
            ReadError::Full
        );
        read(
            &headers,
            Body::from("small bodies are free"),
            limits,
            &budget,
            &timers,
        )
        .await
        .unwrap();
        drop(first);
        read(&headers, body(), limits, &budget, &timers)
            .await
            .unwrap();
    }
}
