//! A stream that fails once no byte has moved for too long, in either direction.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// See the module. Costs one timer per connection, moved only when it fires.
#[derive(Debug)]
pub(super) struct IdleLimit<S> {
    stream: S,
    limit: Duration,
    /// When a byte last moved.
    moved_at: Instant,
    timer: Pin<Box<Sleep>>,
}

impl<S> IdleLimit<S> {
    pub(super) fn new(stream: S, limit: Duration) -> IdleLimit<S> {
        let timer = Box::pin(tokio::time::sleep(limit));
        IdleLimit {
            stream,
            limit,
            moved_at: Instant::now(),
            timer,
        }
    }

    /// The outcome of an attempt to move bytes: itself if it is one, else an error if nothing has
    /// moved for too long, else pending with the timer armed.
    fn or_idle<T>(
        &mut self,
        outcome: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.moved_at = Instant::now();
            return outcome;
        }
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let deadline = self.moved_at + self.limit;
            if Instant::now() >= deadline {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            // Something moved since the timer was set.
            self.timer.as_mut().reset(deadline);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for IdleLimit<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.or_idle(outcome, cx)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for IdleLimit<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.or_idle(outcome, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.or_idle(outcome, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_given_up() {
        let (ours, _theirs) = duplex(16);
        let error = IdleLimit::new(ours, LIMIT).read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_peer_is_not() {
        let (ours, mut theirs) = duplex(16);
        let mut ours = IdleLimit::new(ours, LIMIT);
        tokio::spawn(async move {
            for byte in 0..5 {
                tokio::time::sleep(LIMIT * 4 / 5).await;
                theirs.write_u8(byte).await.unwrap();
            }
        });
        for byte in 0..5 {
            assert_eq!(ours.read_u8().await.unwrap(), byte);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_read_is_given_up() {
        let (ours, _theirs) = duplex(16);
        let error = IdleLimit::new(ours, LIMIT)
            .write_all(&[0; 17])
            .await
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
