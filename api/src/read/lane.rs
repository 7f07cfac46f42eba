//! Work too heavy for the threads that serve requests: run on blocking threads, a bounded number at
//! once, with a bounded number waiting.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Refusal;

/// One kind of such work. Kinds do not wait for each other.
#[derive(Debug)]
pub(crate) struct Lane {
    places: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

impl Lane {
    pub(crate) fn new(running_count_max: usize, waiting_count_max: usize) -> Lane {
        Lane {
            places: Arc::new(Semaphore::new(running_count_max + waiting_count_max)),
            running: Arc::new(Semaphore::new(running_count_max)),
        }
    }

    /// A place in the queue.
    ///
    /// # Errors
    /// `ReadsFull` if all are taken.
    pub(crate) fn enter(&self) -> Result<Place, Refusal> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        Ok(Place {
            place: place.map_err(|_| Refusal::ReadsFull)?,
            running: Arc::clone(&self.running),
        })
    }
}

/// A place in the queue, for one job.
#[derive(Debug)]
pub(crate) struct Place {
    place: OwnedSemaphorePermit,
    running: Arc<Semaphore>,
}

impl Place {
    /// Runs `job` on a blocking thread, once few enough others do.
    ///
    /// # Errors
    /// `Internal` if it panicked.
    pub(crate) async fn run<T: Send + 'static>(
        self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let permit = self.running.acquire_owned().await;
        let permit = permit.map_err(|_| Refusal::Internal)?;
        let place = self.place;
        let running = tokio::task::spawn_blocking(move || {
            // The job outlives a client that goes away, and so must its claim.
            let _claim = (permit, place);
            job()
        });
        running.await.map_err(|error| {
            tracing::error!(%error, "a read panicked");
            Refusal::Internal
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_queue_is_bounded() {
        let lane = Lane::new(1, 1);
        let (first, second) = (lane.enter().unwrap(), lane.enter().unwrap());
        assert_eq!(lane.enter().unwrap_err(), Refusal::ReadsFull);
        assert_eq!(first.run(|| 1).await, Ok(1));
        let third = lane.enter().unwrap();
        assert_eq!(second.run(|| 2).await, Ok(2));
        assert_eq!(third.run(|| 3).await, Ok(3));
    }
}
