//! A request body whose rest is still received, within limits, after a handler let go of it.
//!
//! For HTTP/1: a server that refuses a body and closes resets the connection, and a client in the
//! middle of sending loses the answer with it. HTTP/2 ends a stream without that.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use crate::limits::{DRAIN_LEN_BYTES_MAX, DRAIN_TIME_MAX};

/// See the module.
#[derive(Debug)]
pub(crate) struct Drained(Option<Incoming>);

impl Drained {
    pub(crate) fn new(body: Incoming) -> Drained {
        Drained(Some(body))
    }
}

impl Body for Drained {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.0 {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        let Some(body) = self.0.take().filter(|body| !body.is_end_stream()) else {
            return;
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(DRAIN_TIME_MAX, drain(body)));
        }
    }
}

/// Receives and forgets.
async fn drain(mut body: Incoming) {
    let mut len_bytes = 0_usize;
    while let Some(Ok(frame)) = body.frame().await {
        len_bytes = len_bytes.saturating_add(frame.data_ref().map_or(0, Bytes::len));
        if len_bytes > DRAIN_LEN_BYTES_MAX {
            return;
        }
    }
}
