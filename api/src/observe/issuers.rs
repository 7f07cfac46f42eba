//! How it stands with the keys of the issuers whose tokens are believed.
//!
//! One entry for each URL of cairn.toml; those with a wildcard stand for the issuers that tokens
//! have named so far.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ca::oidc::KEYS_AGE_SECONDS_MAX;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use serde::Serialize;
use sigstore::UnixSeconds;

use super::Detail;
use crate::issuer_keys::{IssuerKeyCache, IssuerStatus, SlotStatus};

/// One URL of cairn.toml in `/healthz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct IssuerHealth {
    url: String,
    /// Whether tokens of it can be checked now.
    usable: bool,
    /// Keys that can be used.
    keys: usize,
    /// How long ago they were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    keys_age_seconds: Option<u64>,
    /// Why its tokens can't be checked, or soon can't be.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl IssuerHealth {
    pub(super) fn of(status: &IssuerStatus, now: UnixSeconds, detail: Detail) -> IssuerHealth {
        let age = |at: UnixSeconds| now.get().saturating_sub(at.get());
        let keys_age_seconds = oldest(&status.slots).map(age);
        let usable_slot = |slot: &SlotStatus| {
            let read = slot.keys.map(|(_, at)| age(at));
            read.is_some_and(|age| age <= KEYS_AGE_SECONDS_MAX)
        };
        let unusable = status.slots.iter().find(|slot| !usable_slot(slot));
        let failing = || status.slots.iter().find(|slot| slot.failure.is_some());
        let reason = unusable.or_else(failing).map(|slot| {
            let class = match slot.keys {
                None => "its keys have not been read",
                Some(_) if usable_slot(slot) => "its keys can't be read again at the moment",
                Some(_) => "its keys are stale",
            };
            match (&slot.failure, detail) {
                (Some(why), Detail::Reason) => format!("{class}: {why}"),
                _ => class.to_owned(),
            }
        });
        IssuerHealth {
            url: status.url.clone(),
            usable: status.has_wildcard || unusable.is_none(),
            keys: key_count(&status.slots),
            keys_age_seconds,
            reason,
        }
    }
}

fn key_count(slots: &[SlotStatus]) -> usize {
    slots
        .iter()
        .filter_map(|slot| slot.keys)
        .map(|(count, _)| count)
        .sum()
}

/// When the keys were read that were read first.
fn oldest(slots: &[SlotStatus]) -> Option<UnixSeconds> {
    slots
        .iter()
        .filter_map(|slot| slot.keys)
        .map(|(_, at)| at)
        .min()
}

/// Reads the cache at each scrape.
#[derive(Debug)]
pub(super) struct IssuerCollector(pub(super) Arc<IssuerKeyCache>);

/// One number of one issuer. `None`: there is nothing to count yet.
type Number = fn(&IssuerStatus) -> Option<u64>;

impl IssuerCollector {
    const GAUGES: [(&str, &str, Number); 2] = [
        (
            "issuer_keys",
            "Keys of the issuer that can be used",
            |status| u64::try_from(key_count(&status.slots)).ok(),
        ),
        (
            "issuer_keys_read_seconds",
            "When the issuer's keys were read (Unix time); tokens are refused a day later",
            |status| oldest(&status.slots).map(UnixSeconds::get),
        ),
    ];

    const COUNTERS: [(&str, &str, Number); 2] = [
        (
            "issuer_fetches",
            "Attempts to read the issuer's keys",
            |status| Some(status.counts.all.load(Ordering::Relaxed)),
        ),
        (
            "issuer_fetch_failures",
            "Attempts to read the issuer's keys that failed",
            |status| Some(status.counts.failed.load(Ordering::Relaxed)),
        ),
    ];
}

impl Collector for IssuerCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let statuses = self.0.statuses();
        for (name, help, number) in Self::GAUGES {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for status in &statuses {
                let Some(value) = number(status) else {
                    continue;
                };
                let value = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
                value.encode(family.encode_family(&[("issuer", status.url.as_str())])?)?;
            }
        }
        for (name, help, number) in Self::COUNTERS {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for status in &statuses {
                let value = ConstCounter::new(number(status).unwrap_or_default());
                value.encode(family.encode_family(&[("issuer", status.url.as_str())])?)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(keys: Option<u64>, failure: Option<&str>) -> IssuerStatus {
        IssuerStatus {
            url: "https://idp.example".to_owned(),
            slots: vec![SlotStatus {
                keys: keys.map(|at| (2, UnixSeconds::new(at))),
                failure: failure.map(str::to_owned),
            }],
            has_wildcard: false,
            counts: Arc::default(),
        }
    }

    #[track_caller]
    fn check(status: &IssuerStatus, usable: bool, reason: Option<&str>) {
        let now = UnixSeconds::new(KEYS_AGE_SECONDS_MAX + 1000);
        let found = IssuerHealth::of(status, now, Detail::Reason);
        assert_eq!((found.usable, found.reason.as_deref()), (usable, reason));
        let public = IssuerHealth::of(status, now, Detail::Class);
        assert!(!public.reason.unwrap_or_default().contains("secret"));
    }

    #[test]
    fn an_issuer_is_usable_as_long_as_its_keys_are_believed() {
        check(&status(Some(5000), None), true, None);
        let down = "its keys can't be read again at the moment: secret host";
        check(&status(Some(1000), Some("secret host")), true, Some(down));
        let stale = "its keys are stale: secret host";
        check(&status(Some(999), Some("secret host")), false, Some(stale));
        check(
            &status(None, None),
            false,
            Some("its keys have not been read"),
        );
    }
}
