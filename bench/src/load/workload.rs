//! What is sent: requests by number, some of them again.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::service::ServiceRequests;
use super::signing::SignedRequests;

/// An entry of the run, and whether it was sent before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pick {
    pub(super) number: u64,
    pub(super) is_again: bool,
}

/// A request that is ready to be sent.
#[derive(Debug)]
pub(super) struct Sending {
    /// The entries in it, in order.
    pub(super) picks: Vec<Pick>,
    pub(super) body: Bytes,
}

/// Where the next requests come from; shared by all threads.
pub(super) struct Workload {
    numbers: Numbers,
    content: Content,
}

/// What the entries are.
pub(super) enum Content {
    /// Requests for rekor-v2, signed beforehand.
    Signed(SignedRequests),
    /// Entries made when they are sent, and made again to check them.
    Raw(RawEntries),
    /// Requests to a service.
    Service(ServiceRequests),
}

/// Random bytes that follow from their number.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawEntries {
    seed: u64,
    len: usize,
    /// `None` sends one by one.
    batch_size: Option<u32>,
}

impl Workload {
    /// As the command line wants it.
    pub(super) fn new(content: Content, seed: u64, duplicates_percent: u8) -> Self {
        let numbers = Numbers::new(seed, duplicates_percent);
        Self { numbers, content }
    }

    /// The next request; `None` when all that were signed have been sent.
    pub(super) fn next(&self) -> Option<Sending> {
        match &self.content {
            Content::Signed(requests) => {
                let pick = self.numbers.pick();
                let body = requests.body(pick.number)?.into();
                let picks = vec![pick];
                Some(Sending { picks, body })
            }
            Content::Raw(entries) => {
                let count = entries.batch_size.unwrap_or(1);
                let picks: Vec<Pick> = (0..count).map(|_| self.numbers.pick()).collect();
                let body = entries.body(&picks);
                Some(Sending { picks, body })
            }
            Content::Service(requests) => {
                let pick = self.numbers.pick();
                let body = requests.body(pick.number);
                let picks = vec![pick];
                Some(Sending { picks, body })
            }
        }
    }

    /// What the entries are.
    pub(super) const fn content(&self) -> &Content {
        &self.content
    }
}

impl RawEntries {
    /// Entries of that length, in batches or one by one; others for each seed.
    pub(super) const fn new(seed: u64, len: usize, batch_size: Option<u32>) -> Self {
        Self {
            seed,
            len,
            batch_size,
        }
    }

    /// The entry with that number.
    pub(super) fn entry(&self, number: u64) -> Vec<u8> {
        crate::seeded_entry(self.seed, number, self.len)
    }

    fn body(&self, picks: &[Pick]) -> Bytes {
        if let ([pick], None) = (picks, self.batch_size) {
            return self.entry(pick.number).into();
        }
        let mut body = Vec::with_capacity(picks.len() * (self.len + 2));
        for pick in picks {
            tiles::append_entry(&mut body, &self.entry(pick.number))
                .expect("the command line takes no entry that is too long");
        }
        body.into()
    }
}

/// Hands out numbers: new ones in order, and between them some that were handed out before.
#[derive(Debug)]
struct Numbers {
    seed: u64,
    duplicates_percent: u8,
    taken: AtomicU64,
    next: AtomicU64,
}

impl Numbers {
    fn new(seed: u64, duplicates_percent: u8) -> Self {
        Self {
            seed,
            duplicates_percent,
            taken: AtomicU64::new(0),
            next: AtomicU64::new(0),
        }
    }

    fn pick(&self) -> Pick {
        if self.duplicates_percent > 0 {
            let taken = self.taken.fetch_add(1, Ordering::Relaxed);
            let random = crate::mixed(self.seed ^ taken);
            let earlier = self.next.load(Ordering::Relaxed);
            if earlier > 0 && random % 100 < u64::from(self.duplicates_percent) {
                let number = crate::mixed(random) % earlier;
                return Pick {
                    number,
                    is_again: true,
                };
            }
        }
        Pick {
            number: self.next.fetch_add(1, Ordering::Relaxed),
            is_again: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use tiles::EntryBundle;

    use super::*;

    #[test]
    fn new_numbers_come_in_order_and_others_came_before() {
        let numbers = Numbers::new(1, 0);
        let picks: Vec<u64> = (0..100).map(|_| numbers.pick().number).collect();
        assert_eq!(picks, (0..100).collect::<Vec<u64>>());

        let numbers = Numbers::new(1, 30);
        let mut seen = HashSet::new();
        let mut again = 0;
        for _ in 0..10_000 {
            let pick = numbers.pick();
            assert_eq!(pick.is_again, !seen.insert(pick.number));
            again += u64::from(pick.is_again);
        }
        assert!((2700..3300).contains(&again), "{again}");
    }

    #[test]
    fn a_batch_frames_its_entries() {
        let entries = RawEntries::new(3, 20, Some(4));
        let workload = Workload::new(Content::Raw(entries), 3, 0);
        let sending = workload.next().unwrap();
        let parsed = EntryBundle::parse_any(&sending.body, 4).unwrap();
        let wanted: Vec<Vec<u8>> = (0..4).map(|number| entries.entry(number)).collect();
        assert_eq!(parsed.entries(), wanted);

        let single = RawEntries::new(3, 20, None);
        let workload = Workload::new(Content::Raw(single), 3, 0);
        assert_eq!(workload.next().unwrap().body, wanted[0]);
    }
}
