//! Asking a service until it answers: with bounded patience, and no less.
//!
//! Every request that goes through here may be sent again: a certificate or timestamp that was
//! given twice harms nobody, and a log gives an entry that it has already. So an answer that was
//! lost on its way is asked for again, and a release never fails because of it.

use std::time::Duration;

use aws_lc_rs::rand;

use crate::clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::{Answer, Http, Request};

/// How often a service is asked, and how long it is waited for in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    attempts: u32,
}

impl Patience {
    /// For somebody without whom nothing goes on: some 30 seconds besides the answers' own time.
    pub(crate) const LONG: Patience = Patience { attempts: 7 };

    /// For somebody without whom it goes on: a second.
    pub(crate) const SHORT: Patience = Patience { attempts: 2 };

    /// How long to wait after an attempt that failed, counted from 1; `None` when it was the last.
    /// The service may ask for more, up to a limit, and chance adds up to as much again as a half,
    /// so that many who failed together do not come back together.
    fn wait(self, attempt: u32, asked: Option<Duration>, chance: u8) -> Option<Duration> {
        if attempt >= self.attempts {
            return None;
        }
        let doubled = FIRST_WAIT.saturating_mul(1 << attempt.saturating_sub(1).min(6));
        let asked = asked.unwrap_or_default().min(RETRY_AFTER_MAX);
        let wait = doubled.max(asked);
        Some(wait + wait / 512 * u32::from(chance))
    }
}

/// The first wait; each is twice the one before.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// However long a service asks to be left alone, it is not longer than this.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

/// Sends a request until there is an answer that another attempt would not change.
pub(crate) fn send(
    http: &Http,
    url: &str,
    request: &Request<'_>,
    patience: Patience,
) -> Result<Answer, Failure> {
    let mut attempt = 1;
    loop {
        let (failure, asked) = match http.send(request) {
            Ok(answer) if !answer.is_worth_another_try() => return Ok(answer),
            Ok(answer) => {
                let failure = Failure::new(Exit::Service, url, "does not answer as it should");
                (failure.found(answer.message()), answer.retry_after())
            }
            Err(error) if !error.is_worth_another_try() => return Err(error.failure(url)),
            Err(error) => (error.failure(url), None),
        };
        let wait = patience.wait(attempt, asked, chance());
        clock::wait(wait.ok_or(failure)?);
        attempt = attempt.saturating_add(1);
    }
}

fn chance() -> u8 {
    let mut byte = [0];
    // Without randomness everybody waits equally long, which is worse but not wrong.
    let _filled = rand::fill(&mut byte);
    u8::from_be_bytes(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_follow_the_service_and_end() {
        let millis = |attempt, asked: Option<u64>, chance| {
            let asked = asked.map(Duration::from_secs);
            let wait = Patience::LONG.wait(attempt, asked, chance);
            wait.map(|wait| wait.as_millis())
        };
        assert_eq!(millis(1, None, 0), Some(500));
        assert_eq!(millis(3, None, 0), Some(2000));
        assert!(millis(3, None, 255).is_some_and(|wait| (2900..3000).contains(&wait)));
        assert_eq!(millis(1, Some(7), 0), Some(7000));
        assert_eq!(millis(6, Some(1), 0), Some(16_000));
        assert_eq!(millis(1, Some(86_400), 0), Some(30_000));
        assert_eq!(millis(7, None, 0), None);
        assert_eq!(Patience::SHORT.wait(2, None, 0), None);
    }
}
