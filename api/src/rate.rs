//! How often one caller may ask for what is signed for them: certificates and timestamps.
//!
//! Each caller has a minute's worth to spend at once, and gets it back evenly. A caller is an
//! identity that a token has shown, or an address; an IPv6 address stands for its /64, which is
//! what one subscriber has. Loopback is not counted as an address: it is whoever is on the machine,
//! or a proxy that `trusted_proxies` does not name, and then everybody.
//!
//! A caller is kept as one moment: when all that they spent will be back (the generic cell rate
//! algorithm). Once it has passed they are forgotten, like anybody who was never there. If too many
//! are remembered at once, those are forgotten who have spent least: an attacker with as many
//! addresses as that gets a little more, and memory stays what it is.
//!
//! Not here: what the server bears as a whole. Its queues are bounded for everybody together.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::client_address::ClientAddress;
use crate::error::Refusal;
use crate::limits::{Limits, RATE_CALLERS_COUNT_MAX};

/// The limits of all routes that have one.
#[derive(Debug)]
pub(crate) struct RateLimits {
    pub(crate) certificates_by_identity: RateLimit,
    pub(crate) certificates_by_address: RateLimit,
    pub(crate) timestamps_by_address: RateLimit,
}

impl RateLimits {
    pub(crate) fn new(limits: &Limits) -> RateLimits {
        RateLimits {
            certificates_by_identity: RateLimit::new(limits.certificates_per_minute_by_identity),
            certificates_by_address: RateLimit::new(limits.certificates_per_minute_by_address),
            timestamps_by_address: RateLimit::new(limits.timestamps_per_minute_by_address),
        }
    }
}

/// One limit, for each of its callers.
#[derive(Debug)]
pub(crate) struct RateLimit {
    /// 0: none.
    per_minute: u32,
    /// So that nobody can choose addresses or names that fall together.
    hasher: RandomState,
    callers: Mutex<HashMap<u64, Duration>>,
}

const MINUTE: Duration = Duration::from_mins(1);

impl RateLimit {
    pub(crate) fn new(per_minute: u32) -> RateLimit {
        RateLimit {
            per_minute,
            hasher: RandomState::new(),
            callers: Mutex::default(),
        }
    }

    /// Counts one request of an address.
    ///
    /// # Errors
    /// It asks too often.
    pub(crate) fn take_address(&self, client: ClientAddress, now: Duration) -> Result<(), Refusal> {
        match client.0 {
            address if address.is_loopback() => Ok(()),
            IpAddr::V4(address) => self.take(&address, now),
            IpAddr::V6(address) => self.take(&network(address), now),
        }
    }

    /// Counts one request of a caller, at `now` on a clock that never goes back.
    ///
    /// # Errors
    /// They ask too often.
    pub(crate) fn take(&self, caller: &impl Hash, now: Duration) -> Result<(), Refusal> {
        let Some(interval) = MINUTE.checked_div(self.per_minute) else {
            return Ok(());
        };
        let caller = self.hasher.hash_one(caller);
        // Nothing under the lock panics half-way.
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let all_back_at = callers.get(&caller).copied().unwrap_or_default().max(now);
        let after_this = all_back_at.saturating_add(interval);
        let spent = after_this.saturating_sub(now);
        if let Some(retry_after) = spent.checked_sub(MINUTE).filter(|wait| !wait.is_zero()) {
            return Err(Refusal::TooManyRequests { retry_after });
        }
        if callers.len() >= RATE_CALLERS_COUNT_MAX && !callers.contains_key(&caller) {
            forget(&mut callers, now);
        }
        callers.insert(caller, after_this);
        Ok(())
    }
}

/// Forgets who has all back; and if that is too few, the half who have spent least.
fn forget(callers: &mut HashMap<u64, Duration>, now: Duration) {
    callers.retain(|_, all_back_at| *all_back_at > now);
    if callers.len() <= RATE_CALLERS_COUNT_MAX / 2 {
        return;
    }
    let mut moments: Vec<Duration> = callers.values().copied().collect();
    let middle = moments.len() / 2;
    let (_, median, _) = moments.select_nth_unstable(middle);
    let median = *median;
    callers.retain(|_, all_back_at| *all_back_at > median);
}

/// The /64 of an address.
fn network(address: Ipv6Addr) -> Ipv6Addr {
    let [a, b, c, d, ..] = address.segments();
    Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const START: Duration = Duration::from_hours(5);

    #[track_caller]
    fn check_refused(limit: &RateLimit, caller: &str, now: Duration, retry_after: Duration) {
        let refused = limit.take(&caller, now).unwrap_err();
        assert_eq!(refused, Refusal::TooManyRequests { retry_after });
    }

    fn address(text: &str) -> ClientAddress {
        ClientAddress(text.parse().unwrap())
    }

    #[test]
    fn a_minute_s_worth_may_be_spent_at_once_and_comes_back_evenly() {
        let limit = RateLimit::new(6);
        for _ in 0..6 {
            limit.take(&"a", START).unwrap();
        }
        check_refused(&limit, "a", START, SECOND * 10);
        check_refused(&limit, "a", START + SECOND * 7, SECOND * 3);
        limit.take(&"b", START).unwrap();
        limit.take(&"a", START + SECOND * 10).unwrap();
        check_refused(&limit, "a", START + SECOND * 10, SECOND * 10);
        // Refusals cost nothing.
        limit.take(&"a", START + SECOND * 20).unwrap();
        for _ in 0..6 {
            limit.take(&"a", START + MINUTE * 2).unwrap();
        }
        check_refused(&limit, "a", START + MINUTE * 2, SECOND * 10);
    }

    #[test]
    fn whoever_keeps_to_the_rate_is_never_refused() {
        let limit = RateLimit::new(60);
        for second in 0..1000 {
            limit.take(&"a", START + SECOND * second).unwrap();
        }
    }

    #[test]
    fn a_clock_that_is_read_late_harms_nobody() {
        let limit = RateLimit::new(3);
        limit.take(&"a", START + SECOND).unwrap();
        limit.take(&"a", START).unwrap();
        check_refused(&limit, "a", START, SECOND);
    }

    #[test]
    fn no_limit_is_none() {
        let limit = RateLimit::new(0);
        for _ in 0..1000 {
            limit.take(&"a", START).unwrap();
        }
        assert!(limit.callers.lock().unwrap().is_empty());
    }

    #[test]
    fn addresses_are_told_apart_as_far_as_subscribers_are() {
        let limit = RateLimit::new(1);
        limit.take_address(address("192.0.2.1"), START).unwrap();
        limit.take_address(address("192.0.2.2"), START).unwrap();
        limit
            .take_address(address("2001:db8:0:1::1"), START)
            .unwrap();
        limit
            .take_address(address("2001:db8:0:2::1"), START)
            .unwrap();
        for text in ["192.0.2.1", "2001:db8:0:1::1", "2001:db8:0:1:ffff::2"] {
            limit.take_address(address(text), START).unwrap_err();
        }
        for _ in 0..9 {
            limit.take_address(address("127.0.0.1"), START).unwrap();
            limit.take_address(address("::1"), START).unwrap();
        }
    }

    #[test]
    fn memory_stays_bounded_and_the_greedy_are_remembered() {
        let limit = RateLimit::new(2);
        for _ in 0..2 {
            limit.take(&"greedy", START).unwrap();
        }
        let now = START + SECOND;
        for number in 0..3 * RATE_CALLERS_COUNT_MAX {
            limit.take(&number, now).unwrap();
            assert!(limit.callers.lock().unwrap().len() <= RATE_CALLERS_COUNT_MAX);
        }
        check_refused(&limit, "greedy", now, SECOND * 29);
        // Whoever has all back makes room first.
        limit.take(&"new", START + MINUTE * 2).unwrap();
        for number in 0..RATE_CALLERS_COUNT_MAX {
            limit.take(&number, START + MINUTE * 2).unwrap();
        }
        let count = limit.callers.lock().unwrap().len();
        assert!(count <= RATE_CALLERS_COUNT_MAX, "{count}");
    }
}
