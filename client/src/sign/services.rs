//! Which of the services in a signing config are used.
//!
//! Of each kind those count whose time covers now and whose API this client speaks; of each
//! operator one, with the highest version, and the first of equals. The selector says how many
//! operators: all, any one, or so many; again those with the highest version come first.
//!
//! Spec: `sigstore_trustroot.proto`, `SigningConfig`.

use sigstore::UnixSeconds;
use sigstore::signing_config::{Selector, Service, SigningConfig};
use sigstore::time_range::ProtoTime;

/// The services of one signing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Services {
    /// Certificates for tokens.
    pub(crate) ca: Option<Service>,
    /// Tokens for people.
    pub(crate) oidc: Option<Service>,
    /// Logs of signatures; at least one.
    pub(crate) logs: Vec<Service>,
    /// Timestamps; perhaps none.
    pub(crate) tsas: Vec<Service>,
}

/// A signing config that does not give what it says must be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signing config has {found} {what} that can be used now, wanted {wanted}")]
pub(crate) struct TooFew {
    what: &'static str,
    found: usize,
    wanted: usize,
}

impl Services {
    /// Chooses at a time.
    pub(crate) fn choose(config: &SigningConfig, now: UnixSeconds) -> Result<Services, TooFew> {
        let one = |services, versions| usable(services, versions, now).into_iter().next();
        let logs = usable(&config.rekor_tlog_urls, &[1, 2], now);
        let tsas = usable(&config.tsa_urls, &[1], now);
        // A config without a timestamp authority is one whose log tells the time.
        let tsas = if config.tsa_urls.is_empty() {
            Vec::new()
        } else {
            take("timestamp authorities", tsas, config.tsa_config)?
        };
        Ok(Services {
            ca: one(&config.ca_urls, &[1]).cloned(),
            oidc: one(&config.oidc_urls, &[1]).cloned(),
            logs: take("logs", logs, config.rekor_tlog_config)?,
            tsas,
        })
    }
}

/// One service of each operator, highest version first.
fn usable<'a>(services: &'a [Service], versions: &[u32], now: UnixSeconds) -> Vec<&'a Service> {
    let now = ProtoTime::from_seconds(now);
    let is_usable = |service: &&Service| {
        let is_now = now.is_some_and(|now| service.valid_for.contains(now));
        is_now && versions.contains(&service.major_api_version)
    };
    let mut sorted: Vec<&Service> = services.iter().filter(is_usable).collect();
    // Stable, so that the first listed of equals stays first.
    sorted.sort_by_key(|service| std::cmp::Reverse(service.major_api_version));
    let mut chosen: Vec<&Service> = Vec::new();
    for service in sorted {
        if chosen
            .iter()
            .all(|known| known.operator != service.operator)
        {
            chosen.push(service);
        }
    }
    chosen
}

fn take(
    what: &'static str,
    services: Vec<&Service>,
    selector: Selector,
) -> Result<Vec<Service>, TooFew> {
    let found = services.len();
    let wanted = match selector {
        Selector::Any => 1,
        Selector::All => found.max(1),
        Selector::Exact(count) => usize::try_from(count).unwrap_or(usize::MAX),
    };
    if found < wanted {
        return Err(TooFew {
            what,
            found,
            wanted,
        });
    }
    Ok(services.into_iter().take(wanted).cloned().collect())
}

#[cfg(test)]
mod tests {
    use sigstore::time_range::TimeRange;

    use super::*;

    const NOW: UnixSeconds = UnixSeconds::new(1_000);

    fn service(url: &str, version: u32, operator: &str, times: (u64, Option<u64>)) -> Service {
        let time = |seconds| ProtoTime::from_seconds(UnixSeconds::new(seconds)).unwrap();
        Service {
            url: url.to_owned(),
            major_api_version: version,
            valid_for: TimeRange {
                start: time(times.0),
                end: times.1.map(time),
            },
            operator: operator.to_owned(),
        }
    }

    fn config(logs: Vec<Service>, selector: Selector) -> SigningConfig {
        SigningConfig {
            ca_urls: Vec::new(),
            oidc_urls: Vec::new(),
            rekor_tlog_urls: logs,
            tsa_urls: Vec::new(),
            rekor_tlog_config: selector,
            tsa_config: selector,
        }
    }

    fn chosen(logs: &[Service], selector: Selector) -> Result<Vec<String>, String> {
        let services = Services::choose(&config(logs.to_vec(), selector), NOW);
        let urls = |services: Services| services.logs.into_iter().map(|log| log.url).collect();
        services.map(urls).map_err(|error| error.to_string())
    }

    #[test]
    fn time_version_and_operator_decide() {
        let logs = [
            service("ended", 2, "a", (0, Some(999))),
            service("to come", 2, "a", (1_001, None)),
            service("unknown", 3, "a", (0, None)),
            service("old", 1, "a", (0, None)),
            service("new", 2, "a", (1_000, Some(1_000))),
            service("another", 2, "a", (0, None)),
            service("other", 1, "b", (0, None)),
        ];
        let urls = |urls: &[&str]| Ok(urls.iter().map(|url| (*url).to_owned()).collect());
        assert_eq!(chosen(&logs, Selector::Any), urls(&["new"]));
        assert_eq!(chosen(&logs, Selector::All), urls(&["new", "other"]));
        assert_eq!(chosen(&logs, Selector::Exact(2)), urls(&["new", "other"]));
        assert_eq!(chosen(&logs[6..], Selector::Any), urls(&["other"]));
        let wanted = "the signing config has 2 logs that can be used now, wanted 3";
        assert_eq!(chosen(&logs, Selector::Exact(3)), Err(wanted.to_owned()));
        for selector in [Selector::All, Selector::Any] {
            let wanted = "the signing config has 0 logs that can be used now, wanted 1";
            assert_eq!(chosen(&logs[..3], selector), Err(wanted.to_owned()));
        }
    }

    #[test]
    fn an_authority_that_has_ended_is_not_the_same_as_none() {
        let mut config = config(vec![service("log", 2, "a", (0, None))], Selector::Any);
        assert_eq!(Services::choose(&config, NOW).unwrap().tsas, []);
        config.tsa_urls = vec![service("tsa", 1, "a", (0, Some(1)))];
        let error = Services::choose(&config, NOW).unwrap_err();
        assert!(error.to_string().contains("0 timestamp authorities"));
    }
}
