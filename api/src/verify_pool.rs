//! A few threads on which requests are parsed and signatures checked.
//!
//! A signature check costs as much CPU as some hundred tile reads, and a hostile body costs more to
//! parse than to send. Run where requests are served, a flood of either would stop reads; here it
//! fills a queue of known length and is pushed back. Jobs run in the order they came; the job of a
//! client that has gone is skipped.
//!
//! While jobs wait, answers are told a few at a time: whoever waits for an answer is asleep, and
//! waking the threads that serve requests for each of them costs a good part of a check.
//!
//! Not the place for anything that waits: a blocked thread here is a lost core.

use std::io;
use std::num::NonZeroUsize;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use crate::error::Refusal;

type Job = Box<dyn FnOnce() -> Option<Tell> + Send>;

/// Tells whoever waits for a job's answer.
type Tell = Box<dyn FnOnce() + Send>;

/// Answers that are told at once, at most: the first of them waits for the jobs of the others.
const TOLD_COUNT_MAX: usize = 8;

/// The pool. Dropping it lets the queued jobs finish and ends the threads.
#[derive(Clone, Debug)]
pub(crate) struct VerifyPool {
    queue: SyncSender<Job>,
}

impl VerifyPool {
    /// A pool of `threads` threads before which at most `queue_count_max` jobs wait.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn new(threads: NonZeroUsize, queue_count_max: usize) -> io::Result<VerifyPool> {
        let (queue, jobs) = sync_channel::<Job>(queue_count_max);
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..threads.get() {
            let jobs = Arc::clone(&jobs);
            thread::Builder::new()
                .name(format!("verify-{number}"))
                .spawn(move || work(&jobs))?;
        }
        Ok(VerifyPool { queue })
    }

    /// Runs `job` on the pool and waits for its answer.
    ///
    /// # Errors
    /// As [`VerifyPool::submit`] and [`Answer::wait`].
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        self.submit(job)?.wait().await
    }

    /// Queues `job`, which runs unless its answer is dropped first.
    ///
    /// # Errors
    /// `VerifyQueueFull` if too many jobs wait already.
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Answer<T>, Refusal> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move || {
            if answer.is_closed() {
                return None;
            }
            let done = job();
            Some(Box::new(move || {
                // A client that left while its job ran has nobody to tell.
                let _ = answer.send(done);
            }))
        });
        self.push(job)?;
        Ok(Answer(answered))
    }

    /// Queues `job`, which tells the answer, or hands on who is to be told. It runs unless that
    /// answer is dropped first.
    ///
    /// # Errors
    /// As [`VerifyPool::submit`].
    pub(crate) fn hand_on<T: Send + 'static>(
        &self,
        job: impl FnOnce(Teller<T>) + Send + 'static,
    ) -> Result<Answer<T>, Refusal> {
        let (teller, answer) = Teller::new();
        self.push(Box::new(move || {
            if !teller.is_alone() {
                job(teller);
            }
            None
        }))?;
        Ok(answer)
    }

    fn push(&self, job: Job) -> Result<(), Refusal> {
        self.queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => Refusal::VerifyQueueFull,
            TrySendError::Disconnected(_) => Refusal::Internal,
        })
    }
}

/// Whom a job, or its successor, is to tell. Dropped without a word it stands for a panic.
#[derive(Debug)]
pub(crate) struct Teller<T>(oneshot::Sender<T>);

impl<T> Teller<T> {
    /// With the answer that it will tell.
    pub(crate) fn new() -> (Teller<T>, Answer<T>) {
        let (answer, answered) = oneshot::channel();
        (Teller(answer), Answer(answered))
    }

    pub(crate) fn tell(self, answer: T) {
        // A client that left has nobody to tell.
        let _ = self.0.send(answer);
    }

    /// Whether nobody waits any more.
    pub(crate) fn is_alone(&self) -> bool {
        self.0.is_closed()
    }
}

/// What a job will answer.
#[derive(Debug)]
pub(crate) struct Answer<T>(oneshot::Receiver<T>);

impl<T> Answer<T> {
    /// Waits for the job.
    ///
    /// # Errors
    /// `Internal` if it panicked.
    pub(crate) async fn wait(self) -> Result<T, Refusal> {
        self.0.await.map_err(|_| Refusal::Internal)
    }
}

/// One core for the rest of the server, the others for signatures; one if there is only one.
pub(crate) fn thread_count() -> NonZeroUsize {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new(cores.saturating_sub(1)).unwrap_or(NonZeroUsize::MIN)
}

/// Takes jobs until nobody can send any. A job that panics costs its own answer, not the thread.
fn work(jobs: &Mutex<Receiver<Job>>) {
    let mut answers: Vec<Tell> = Vec::with_capacity(TOLD_COUNT_MAX);
    loop {
        let waiting = (answers.len() < TOLD_COUNT_MAX).then(|| next_waiting(jobs));
        let Some(job) = waiting.flatten().or_else(|| {
            answers.drain(..).for_each(|tell| tell());
            next(jobs)
        }) else {
            return;
        };
        if let Ok(answer) = panic::catch_unwind(AssertUnwindSafe(job)) {
            answers.extend(answer);
        } else {
            tracing::error!("checking a request panicked; the request was refused");
        }
    }
}

/// The next job, once there is one; `None` if there never will be.
fn next(jobs: &Mutex<Receiver<Job>>) -> Option<Job> {
    // Held while waiting: the threads queue on the lock instead of on the channel. It is never
    // held while a job runs, so it cannot be poisoned by one.
    let jobs = jobs.lock().unwrap_or_else(PoisonError::into_inner);
    jobs.recv().ok()
}

/// The next job if it is there already. Whoever has the lock is waiting for one, so there is none.
fn next_waiting(jobs: &Mutex<Receiver<Job>>) -> Option<Job> {
    jobs.try_lock().ok()?.try_recv().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::sync::mpsc::channel;

    fn pool(queue_count_max: usize) -> VerifyPool {
        VerifyPool::new(NonZeroUsize::MIN, queue_count_max).unwrap()
    }

    #[tokio::test]
    async fn jobs_answer() {
        assert_eq!(pool(1).run(|| 6 * 7).await, Ok(42));
    }

    /// Held back for the sake of jobs that wait, and never for those that may yet come.
    #[tokio::test]
    async fn every_answer_is_told_however_many_jobs_wait() {
        let pool = VerifyPool::new(NonZeroUsize::new(2).unwrap(), 100).unwrap();
        for count in [1, TOLD_COUNT_MAX, 5 * TOLD_COUNT_MAX + 1] {
            let answers: Vec<_> = (0..count).map(|n| pool.submit(move || n)).collect();
            for (number, answer) in answers.into_iter().enumerate() {
                assert_eq!(answer.unwrap().wait().await, Ok(number));
            }
        }
    }

    #[tokio::test]
    async fn a_full_queue_pushes_back_at_once() {
        let pool = pool(1);
        let (started, running) = channel();
        let (finish, may_finish) = channel::<()>();
        let busy = tokio::spawn({
            let pool = pool.clone();
            async move {
                pool.run(move || {
                    started.send(()).unwrap();
                    may_finish.recv().unwrap();
                })
                .await
            }
        });
        tokio::task::spawn_blocking(move || running.recv().unwrap())
            .await
            .unwrap();
        let mut waiting = Box::pin(pool.run(|| "waited"));
        let queued = std::future::poll_fn(|cx| std::task::Poll::Ready(waiting.as_mut().poll(cx)));
        assert!(queued.await.is_pending());
        assert_eq!(pool.run(|| "no room").await, Err(Refusal::VerifyQueueFull));
        finish.send(()).unwrap();
        assert_eq!(busy.await.unwrap(), Ok(()));
        assert_eq!(waiting.await, Ok("waited"));
    }

    #[tokio::test]
    async fn a_job_may_hand_on_who_is_told() {
        let pool = pool(4);
        let (hand_on, handed_on) = channel();
        let answer = pool.hand_on(move |teller| hand_on.send(teller).unwrap());
        let teller: Teller<u8> = tokio::task::spawn_blocking(move || handed_on.recv().unwrap())
            .await
            .unwrap();
        assert_eq!(pool.run(|| "goes on").await, Ok("goes on"));
        assert!(!teller.is_alone());
        teller.tell(7);
        assert_eq!(answer.unwrap().wait().await, Ok(7));
        let dropped = pool.hand_on(|teller: Teller<u8>| drop(teller));
        assert_eq!(dropped.unwrap().wait().await, Err(Refusal::Internal));
        let panicked = pool.hand_on(|_: Teller<u8>| panic!("on purpose"));
        assert_eq!(panicked.unwrap().wait().await, Err(Refusal::Internal));
    }

    #[tokio::test]
    async fn a_panic_costs_one_answer_only() {
        let pool = pool(4);
        assert_eq!(
            pool.run(|| panic!("on purpose")).await,
            Err::<(), _>(Refusal::Internal)
        );
        assert_eq!(pool.run(|| 1).await, Ok(1));
    }
}
