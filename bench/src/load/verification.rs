//! What checking one P-256 signature costs here: the measure for a server's CPU time per write.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _,
    ParsedPublicKey,
};
use tokio::time::Instant;

/// Checks that are timed, each for itself.
const ROUNDS: u64 = 3001;

/// Median times of one check, key parsed beforehand.
#[derive(Clone, Copy, Debug)]
pub(super) struct VerifyTimes {
    /// One core at work.
    pub(super) alone: Duration,
    /// All cores at it at once, as in a server under load: cores may share what they compute with.
    pub(super) busy: Duration,
}

/// Measures it.
pub(super) fn measure() -> anyhow::Result<VerifyTimes> {
    let alone = median(time_checks()?).context("nothing was timed")?;
    let cores = thread::available_parallelism()?.get();
    let threads: Vec<_> = (0..cores).map(|_| thread::spawn(time_checks)).collect();
    let mut times = Vec::new();
    for thread in threads {
        let timed = thread.join();
        times.extend(timed.map_err(|_| anyhow::anyhow!("timing a check panicked"))??);
    }
    let busy = median(times).context("nothing was timed")?;
    Ok(VerifyTimes { alone, busy })
}

fn time_checks() -> anyhow::Result<Vec<Duration>> {
    let failed = "a key to measure with";
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).context(failed)?;
    let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().context(failed)?;
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, spki.as_ref()).context(failed)?;
    let random = SystemRandom::new();
    let mut times = Vec::new();
    let mut good = 0;
    for round in 0..ROUNDS {
        let message = crate::seeded_entry(0, round, 32);
        let signature = pair.sign(&random, &message).context(failed)?;
        let begin = Instant::now();
        let checked = key.verify_sig(&message, signature.as_ref());
        times.push(begin.elapsed());
        good += u64::from(checked.is_ok());
    }
    ensure!(good == ROUNDS, "a signature of our own does not verify");
    Ok(times)
}

fn median(mut times: Vec<Duration>) -> Option<Duration> {
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_takes_time() {
        let times = measure().unwrap();
        assert!(times.alone > Duration::ZERO && times.busy > Duration::ZERO);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        let times = [5, 1, 9, 2, 7].map(Duration::from_micros);
        assert_eq!(median(times.to_vec()), Some(Duration::from_micros(5)));
        assert_eq!(median(Vec::new()), None);
    }
}
