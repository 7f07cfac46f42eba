//! Time limits for work that nearly always ends long before them.
//!
//! A timer costs most when it is registered and taken back, which a limit of its own would do for
//! every wait of every request. A connection's requests share a few timers instead: each is put
//! off, not taken back, so that a later wait finds it registered and only moves its time.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use tokio::time::{Instant, Sleep};

/// Timers kept for the next wait: a request's own limit and that of what it waits for, of two
/// requests at once. More are made as needed and forgotten.
const KEPT_COUNT_MAX: usize = 4;

/// The timers of one connection. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timers(Arc<Mutex<Vec<Pin<Box<Sleep>>>>>);

/// The time was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Elapsed;

impl Timers {
    /// What `work` gives, unless it takes until after `at`. The work is pinned by the caller: each
    /// function that takes a future in makes room for it twice, and requests wait in thousands.
    pub(crate) async fn within<T>(
        &self,
        at: Instant,
        mut work: Pin<&mut impl Future<Output = T>>,
    ) -> Result<T, Elapsed> {
        let mut timer = None;
        poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            // Work that needs no waiting needs no timer either.
            let timer = timer.get_or_insert_with(|| Running::new(self, at));
            timer.poll(cx).map(|()| Err(Elapsed))
        })
        .await
    }
}

/// A timer in use, given back when this is dropped.
struct Running<'a> {
    timers: &'a Timers,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<'a> Running<'a> {
    fn new(timers: &'a Timers, at: Instant) -> Running<'a> {
        let kept = timers.kept().pop();
        let sleep = match kept {
            Some(mut sleep) => {
                sleep.as_mut().reset(at);
                sleep
            }
            None => Box::pin(tokio::time::sleep_until(at)),
        };
        Running {
            timers,
            sleep: Some(sleep),
        }
    }

    fn poll(&mut self, cx: &mut std::task::Context<'_>) -> Poll<()> {
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut kept = self.timers.kept();
        if kept.len() < KEPT_COUNT_MAX {
            kept.extend(self.sleep.take());
        }
    }
}

impl Timers {
    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<Pin<Box<Sleep>>>> {
        // Nothing under the lock panics half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::pin::pin;
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);

    async fn check(timers: &Timers, takes: Duration, limit: Duration) {
        let began = Instant::now();
        let work = pin!(tokio::time::sleep(takes));
        let done = timers.within(began + limit, work).await;
        assert_eq!(done, if takes < limit { Ok(()) } else { Err(Elapsed) });
        assert_eq!(began.elapsed().as_secs(), takes.min(limit).as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_that_is_used_again_keeps_each_limit() {
        let timers = Timers::default();
        // Later, sooner, after it has run out, and after a pause in which it ran out unheeded.
        for (takes, limit) in [(1, 20), (3, 30), (9, 5), (2, 4), (8, 7), (1, 9), (50, 40)] {
            check(&timers, SECOND * takes, SECOND * limit).await;
            assert_eq!(timers.kept().len(), 1);
        }
        tokio::time::sleep(SECOND * 100).await;
        check(&timers, SECOND * 3, SECOND * 5).await;
        check(&timers, SECOND * 5, SECOND * 3).await;
    }

    #[tokio::test(start_paused = true)]
    async fn waits_at_once_and_within_each_other_have_their_own() {
        let timers = Timers::default();
        let checks = (1..=10).map(|seconds| {
            let timers = timers.clone();
            async move {
                let inner = pin!(check(&timers, SECOND * seconds * 2, SECOND * 5));
                let until = Instant::now() + SECOND * 60;
                timers.within(until, inner).await
            }
        });
        let done = checks.collect::<tokio::task::JoinSet<_>>().join_all().await;
        assert_eq!(done, vec![Ok(()); 10]);
        assert_eq!(timers.kept().len(), KEPT_COUNT_MAX);
    }

    #[tokio::test]
    async fn what_does_not_wait_takes_no_timer() {
        let timers = Timers::default();
        let work = pin!(std::future::ready(7));
        let done = timers.within(Instant::now(), work).await;
        assert_eq!(done, Ok(7));
        assert!(timers.kept().is_empty());
    }
}
