//! What ends, and how long before that somebody should know: metadata of the trust root,
//! certificates of the authorities, and the time that the trusted root gives to each party in use.
//!
//! | what | alarm, days before | because |
//! |---|---|---|
//! | TUF root, TUF targets | 60 | the offline keys have to be fetched |
//! | TUF snapshot | 30 | the server renews it at 60 of 90: something is wrong |
//! | TUF timestamp | 7 | the server renews it at 9 of 14: something is wrong |
//! | certificates of the CA and the timestamp authority | 90 | their root may be elsewhere |
//! | the TLS certificate | 14 | whoever renews it by itself has done so by then |
//! | a party in use, in the trusted root | 14 | it should have been succeeded, or frozen |
//!
//! What ends is served as before: an alarm says "degraded", and clients are not sent away.

use std::fmt;
use std::sync::Arc;

use ca::trust_root::{PartyId, PartyKind, PartyView};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use serde::Serialize;
use sigstore::UnixSeconds;
use sigstore::time_range::ProtoTime;
use sigstore::tuf::Role;

use crate::app::{App, LogKind};
use crate::trust::TrustFiles;
use crate::wall_clock;

/// Something that ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    what: String,
    ends: UnixSeconds,
    alarm_days: u64,
    fix: &'static str,
}

/// One alarm in `/healthz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Expiring {
    what: String,
    ends: String,
    fix: &'static str,
}

const DAY_SECONDS: u64 = 24 * 60 * 60;

/// The end of the time of a party that clients do not trust.
const NEVER_TRUSTED: UnixSeconds = UnixSeconds::new(0);

impl Ending {
    fn is_near(&self, now: UnixSeconds) -> bool {
        self.ends <= now.plus_seconds(self.alarm_days.saturating_mul(DAY_SECONDS))
    }

    /// The alarm, if it is time.
    pub(super) fn alarm(&self, now: UnixSeconds) -> Option<Expiring> {
        let ends = ProtoTime::from_seconds(self.ends);
        let ends = match ends.filter(|_| self.ends != NEVER_TRUSTED) {
            Some(time) => time.to_string(),
            None => "there is none, it is not in the trusted root".to_owned(),
        };
        self.is_near(now).then(|| Expiring {
            what: self.what.clone(),
            ends,
            fix: self.fix,
        })
    }
}

/// Everything of the instance that ends.
pub(super) fn endings(app: &App) -> Vec<Ending> {
    let mut endings = metadata(app);
    endings.extend(certificates(app));
    let parties = app.instance.trust.as_ref().map(TrustFiles::parties);
    match parties {
        Some(Ok(parties)) => endings.extend(in_use(app, &parties)),
        Some(Err(error)) => tracing::error!(%error, "what clients are told can't be read"),
        None => {}
    }
    endings
}

fn metadata(app: &App) -> Vec<Ending> {
    let expiries = app.instance.trust.iter().flat_map(TrustFiles::expiries);
    let ending = |role: Role, ends| {
        let by_itself = "see the server's log why the trust root is not renewed";
        let (alarm_days, fix) = match role {
            Role::Root | Role::Targets => (60, "cairnd trust renew"),
            Role::Snapshot => (30, by_itself),
            Role::Timestamp => (7, by_itself),
        };
        Ending {
            what: format!("tuf {role}"),
            ends,
            alarm_days,
            fix,
        }
    };
    expiries
        .map(|expiry| ending(expiry.role, expiry.expires))
        .collect()
}

/// Days before the end of an authority's certificates.
const CERTIFICATE_ALARM_DAYS: u64 = 90;

/// Days before the end of the TLS certificate, which whoever renews it by itself has done by then.
const TLS_ALARM_DAYS: u64 = 14;

fn certificates(app: &App) -> Vec<Ending> {
    let ca = app.instance.fulcio().ok().map(|fulcio| Ending {
        what: "ca certificates".to_owned(),
        ends: fulcio.issuing.load().authority.chain().not_after(),
        alarm_days: CERTIFICATE_ALARM_DAYS,
        fix: "cairnd trust add ca",
    });
    let tsa = app.instance.tsa().ok().map(|tsa| Ending {
        what: "timestamp authority certificates".to_owned(),
        ends: tsa.not_after(),
        alarm_days: CERTIFICATE_ALARM_DAYS,
        fix: "cairnd trust add tsa",
    });
    let tls = app.metrics.tls_ends().map(|ends| Ending {
        what: "tls certificate".to_owned(),
        ends,
        alarm_days: TLS_ALARM_DAYS,
        fix: "put a new certificate into the files of [tls]: they are followed",
    });
    ca.into_iter().chain(tsa).chain(tls).collect()
}

/// Days before the end of the time of a party that is still in use.
const PARTY_ALARM_DAYS: u64 = 14;

/// Whom the server uses, and until when clients trust them. One that they do not trust at all has
/// ended long ago.
fn in_use(app: &App, parties: &[PartyView]) -> Vec<Ending> {
    let mut used = Vec::new();
    if let Ok(fulcio) = app.instance.fulcio() {
        let issuing = fulcio.issuing.load();
        let chain = issuing.authority.chain().certificates();
        let kind = PartyKind::CertificateAuthority;
        used.push((kind, PartyId::of_chain(chain), "cairnd trust rotate ca"));
        if let Some(key) = &issuing.log_key {
            let log = sigstore::sct::log_id(key.spki_der());
            used.push((PartyKind::CtLog, PartyId(log), "cairnd trust rotate ct"));
        }
    }
    if let Ok(tsa) = app.instance.tsa() {
        let kind = PartyKind::TimestampAuthority;
        used.push((
            kind,
            PartyId::of_chain(&tsa.chain()),
            "cairnd trust rotate tsa",
        ));
    }
    let mut endings = Vec::new();
    for (kind, id, fix) in used {
        let known = parties
            .iter()
            .find(|party| (party.kind, party.id) == (kind, id));
        let ends = match known {
            Some(party) => party.valid_for.end,
            None => ProtoTime::from_seconds(NEVER_TRUSTED),
        };
        endings.extend(ends.map(|ends| Ending {
            what: format!("trust in {kind} {id}"),
            ends: ends.seconds(),
            alarm_days: PARTY_ALARM_DAYS,
            fix,
        }));
    }
    endings.extend(logs(app, parties));
    endings
}

/// Logs of signatures whose time ends although they still take entries.
fn logs(app: &App, parties: &[PartyView]) -> Vec<Ending> {
    let served = app.logs();
    let open = served
        .iter()
        .filter(|log| log.kind == LogKind::RekorV2 && !log.read_only);
    let of_it = |id| {
        let mut parties = parties.iter();
        parties.find(|party| (party.kind, party.id) == (PartyKind::Log, id))
    };
    let ending = |id| {
        let ends = of_it(id)?.valid_for.end?;
        Some(Ending {
            what: format!("trust in log {id}"),
            ends: ends.seconds(),
            alarm_days: PARTY_ALARM_DAYS,
            fix: "cairnd log freeze",
        })
    };
    open.filter_map(|log| ending(PartyId(log.verifier.as_ref()?.log_id())))
        .collect()
}

/// When everything ends, for Prometheus, and whether that is near.
#[derive(Debug)]
pub(super) struct ExpiryCollector(pub(super) Arc<App>);

impl Collector for ExpiryCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let endings = endings(&self.0);
        if endings.is_empty() {
            return Ok(());
        }
        let now = wall_clock::seconds();
        let gauge = MetricType::Gauge;
        let help = "When it ends (Unix time)";
        let mut family = encoder.encode_descriptor("expires_seconds", help, None, gauge)?;
        for ending in &endings {
            let value = i64::try_from(ending.ends.get()).unwrap_or(i64::MAX);
            let labels = [("what", ending.what.as_str())];
            ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
        }
        let help = "1 if it ends so soon that somebody must act, else 0";
        let mut family = encoder.encode_descriptor("expires_soon", help, None, gauge)?;
        for ending in &endings {
            let labels = [("what", ending.what.as_str())];
            let value = ConstGauge::new(i64::from(ending.is_near(now)));
            value.encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_comes_as_many_days_before_as_it_should() {
        let ending = Ending {
            what: "tuf root".to_owned(),
            ends: UnixSeconds::new(100 * DAY_SECONDS),
            alarm_days: 60,
            fix: "cairnd trust renew",
        };
        assert_eq!(ending.alarm(UnixSeconds::new(40 * DAY_SECONDS - 1)), None);
        let alarm = ending.alarm(UnixSeconds::new(40 * DAY_SECONDS)).unwrap();
        assert_eq!(alarm.ends, "1970-04-11T00:00:00Z");
        assert!(ending.is_near(UnixSeconds::new(200 * DAY_SECONDS)));
    }
}
