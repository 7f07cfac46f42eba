//! What one connection is busy with, and when it has had enough time for that.
//!
//! A client that keeps its connection alive (HTTP/2 pings count as traffic) without reading its
//! answers holds memory, and holds up a shutdown. The transport does not tell who reads; what is
//! still held of an answer does.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::body::unread::Unread;
use crate::limits::{UNREAD_CROWDED_TIME_MAX, UNREAD_SHUTDOWN_TIME_MAX, UNREAD_TIME_MAX};

/// See the module. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Activity {
    state: Arc<Mutex<State>>,
    /// Told when there is a first unread answer.
    unread: Arc<Notify>,
}

#[derive(Debug)]
struct State {
    running_count: usize,
    /// When a request last ended, or the connection began.
    ended_at: Instant,
    /// Answers that may be unread, and since when; the earliest first. At most as many as the
    /// connection has streams, and those that were read since the last was added.
    unread: Vec<(Instant, Unread)>,
}

impl Activity {
    pub(super) fn new() -> Activity {
        Activity {
            state: Arc::new(Mutex::new(State {
                running_count: 0,
                ended_at: Instant::now(),
                unread: Vec::new(),
            })),
            unread: Arc::default(),
        }
    }

    /// A request runs until what is returned is dropped.
    pub(super) fn begin(&self) -> Running {
        self.lock().running_count += 1;
        Running(self.clone())
    }

    /// An answer that counts until it is read.
    pub(super) fn answered(&self, answer: Unread) {
        let mut state = self.lock();
        state.unread.retain(|(_, answer)| answer.is_held());
        state.unread.push((Instant::now(), answer));
        self.unread.notify_one();
    }

    /// Returns when the connection has had enough time: one of its answers was not read for too
    /// long, which is sooner while others find no room, or the server stops and nothing runs here.
    pub(super) async fn over(&self, mut stopped: watch::Receiver<bool>) {
        tokio::select! {
            () = self.overdue() => return,
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
        loop {
            tokio::time::sleep(UNREAD_SHUTDOWN_TIME_MAX).await;
            let state = self.lock();
            if state.running_count == 0 && state.ended_at.elapsed() >= UNREAD_SHUTDOWN_TIME_MAX {
                return;
            }
        }
    }

    async fn overdue(&self) {
        loop {
            let unread = {
                let state = self.lock();
                let held = state.unread.iter().find(|(_, answer)| answer.is_held());
                held.cloned()
            };
            match unread {
                None => self.unread.notified().await,
                Some((since, answer)) => {
                    let patience = tokio::select! {
                        () = tokio::time::sleep_until(since + UNREAD_TIME_MAX) => UNREAD_TIME_MAX,
                        () = answer.crowded() => UNREAD_CROWDED_TIME_MAX,
                    };
                    if answer.is_held() && since.elapsed() >= patience {
                        return;
                    }
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock panics half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running request.
#[derive(Debug)]
pub(super) struct Running(Activity);

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.running_count -= 1;
        state.ended_at = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::time::Duration;

    use axum::response::Response;
    use bytes::Bytes;

    use crate::body::unread::UnreadBudget;

    fn answer() -> (Response, Unread) {
        answer_of(&UnreadBudget::new(1 << 20))
    }

    fn answer_of(budget: &UnreadBudget) -> (Response, Unread) {
        let mut response = Response::default();
        let share = budget.take(1).unwrap();
        share.fill(&mut response, Bytes::from_static(b"answer"));
        let unread = response.extensions_mut().remove().unwrap();
        (response, unread)
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_not_read_ends_the_connection() {
        let (_stop, stopped) = watch::channel(false);
        let activity = Activity::new();
        let began = Instant::now();
        let (read, read_unread) = answer();
        activity.answered(read_unread);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (_unread, unread) = answer();
        activity.answered(unread);
        drop(read);
        activity.over(stopped).await;
        assert_eq!(began.elapsed().as_secs(), UNREAD_TIME_MAX.as_secs() + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_not_read_has_less_time_while_others_find_no_room() {
        let (_stop, stopped) = watch::channel(false);
        let activity = Activity::new();
        let began = Instant::now();
        let budget = UnreadBudget::new(1024);
        let (_unread, unread) = answer_of(&budget);
        activity.answered(unread);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(3)).await;
                budget.check_room().unwrap_err();
            }
        });
        activity.over(stopped).await;
        // The first who found no room after the time was up.
        assert_eq!(began.elapsed().as_secs(), 12);
    }

    #[tokio::test(start_paused = true)]
    async fn stopping_waits_for_what_runs_and_no_reader() {
        let (stop, stopped) = watch::channel(true);
        let activity = Activity::new();
        let began = Instant::now();
        activity.over(stopped.clone()).await;
        assert_eq!(
            began.elapsed().as_secs(),
            UNREAD_SHUTDOWN_TIME_MAX.as_secs()
        );

        let (began, running) = (Instant::now(), activity.begin());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(9)).await;
            drop(running);
        });
        activity.over(stopped).await;
        assert!(began.elapsed() >= Duration::from_secs(9) + UNREAD_SHUTDOWN_TIME_MAX);
        drop(stop);
    }
}
