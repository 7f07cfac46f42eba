//! `cairn trust show`: whom other commands trust.

use serde_json::{Value, json};
use sigstore::signing_config::Service;
use sigstore::time_range::TimeRange;
use sigstore::trusted_root::{AuthorityInstance, TransparencyLogInstance, TrustedRoot};

use crate::failure::Failure;
use crate::http::Http;
use crate::output::Output;
use crate::trust::TrustArgs;

/// What `--help` says.
const LONG_ABOUT: &str = "\
Show whom other commands trust, and where they sign

Takes the same options as they do, and asks nobody.

Example:
  cairn trust show
  cairn trust show --trusted-root trusted_root.json";

/// Show whom other commands trust, and where they sign
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(in crate::command) struct Args {
    #[command(flatten)]
    trust: TrustArgs,
}

/// One party: what it is, where, and when it counts.
struct Party {
    kind: &'static str,
    url: String,
    valid_for: TimeRange,
}

pub(super) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let source = args.trust.source();
    let http = Http::offline();
    let mut parties = trusted(&source.trusted_root(&http)?);
    // A root without a signing config is one for verifiers.
    if let Ok(config) = source.for_signing(&http) {
        let config = config.signing_config;
        parties.extend(services("sign: certificates", &config.ca_urls));
        parties.extend(services("sign: identities", &config.oidc_urls));
        parties.extend(services("sign: log", &config.rekor_tlog_urls));
        parties.extend(services("sign: timestamps", &config.tsa_urls));
    }
    let lines = parties.iter().map(Party::text).collect::<Vec<_>>();
    output.result(
        lines.join("\n"),
        || json!({"parties": parties.iter().map(Party::to_json).collect::<Vec<_>>()}),
    );
    Ok(())
}

fn trusted(root: &TrustedRoot) -> Vec<Party> {
    let log = |kind| {
        move |log: &TransparencyLogInstance| Party {
            kind,
            url: log.base_url.clone(),
            valid_for: log.valid_for,
        }
    };
    let authority = |kind| {
        move |authority: &AuthorityInstance| Party {
            kind,
            url: match authority.uri.as_str() {
                "" => authority.subject.common_name.clone(),
                uri => uri.to_owned(),
            },
            valid_for: authority.valid_for,
        }
    };
    let mut parties: Vec<Party> = Vec::new();
    parties.extend(
        root.certificate_authorities
            .iter()
            .map(authority("certificates")),
    );
    parties.extend(root.ctlogs.iter().map(log("certificate log")));
    parties.extend(root.tlogs.iter().map(log("log")));
    parties.extend(
        root.timestamp_authorities
            .iter()
            .map(authority("timestamps")),
    );
    parties
}

fn services(kind: &'static str, services: &[Service]) -> impl Iterator<Item = Party> {
    services.iter().map(move |service| Party {
        kind,
        url: format!("{} (version {})", service.url, service.major_api_version),
        valid_for: service.valid_for,
    })
}

impl Party {
    fn text(&self) -> String {
        let end = match self.valid_for.end {
            Some(end) => format!(" until {end}"),
            None => String::new(),
        };
        let Party {
            kind,
            url,
            valid_for,
        } = self;
        format!("{kind:<20} {url}\n{:<20} from {}{end}", "", valid_for.start)
    }

    fn to_json(&self) -> Value {
        let start = self.valid_for.start.to_string();
        let end = self.valid_for.end.map(|end| end.to_string());
        json!({"kind": self.kind, "url": self.url, "start": start, "end": end})
    }
}
