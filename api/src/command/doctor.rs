//! `cairnd doctor`: an instance looked at from outside, the way its clients do.
//!
//! Every check says one line: ok, failed with what is wrong and what to do about it, or skipped
//! with the reason. Nothing that the server says is believed where a key can tell; what it says is
//! bounded in length and time. Nothing is written, but for one certificate where there is a token.

mod authority;
mod issuance;
mod logs;
mod report;
mod site;
mod timestamps;
mod trust;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::wall_clock;
use report::{OrFix as _, Report, Verdict};
use site::{Site, list, text};

/// What `--help` says.
const LONG_ABOUT: &str = "\
Check an instance from outside, as its clients see it

Walks the TUF repository from its root, checks every log that clients are to trust (its checkpoint's
signature, tiles, and inclusion proofs through them), asks the timestamp authority for a timestamp
and checks it, compares the CA's certificates with the trusted root, reads what each OIDC issuer
says of itself, and compares the clocks. With a token, which a development instance gives away, it
also has a certificate issued and checks its chain and its certificate log's promise: that is the
one thing that leaves a trace, an entry in the certificate log.

One line for each check: ok, skipped, or failed with what is wrong and what to do. The exit code is
1 if any failed. Give --root with a copy of the first root that you know to be right: without it,
the server's own is believed.

Examples:
  cairnd doctor http://127.0.0.1:3000
  cairnd doctor https://sigstore.example.org --root root.json --identity-token \"$TOKEN\"";

/// Check an instance from outside, as its clients see it
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct Args {
    /// The instance's public URL
    #[arg(value_name = "URL")]
    url: String,
    /// The first root of its TUF repository (`root.json` of `cairnd trust export`)
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// An OIDC token that one of its issuers gave, to have a certificate issued
    #[arg(long, value_name = "TOKEN")]
    identity_token: Option<String>,
    /// Print the checks as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let root = match &args.root {
        Some(path) => {
            Some(std::fs::read(path).with_context(|| format!("{} can't be read", path.display()))?)
        }
        None => None,
    };
    let site = Site::new(&args.url)?;
    let mut report = Report::new(args.json);
    report.check("server", health(&site));
    report.check("clock", clock(&site));
    let trusted = trust::walk(&site, root, wall_clock::seconds(), &mut report);
    if let Some(trusted) = &trusted {
        logs::check(&site, trusted, &mut report);
        timestamps::check(&site, trusted, &mut report);
    }
    let issuers = authority::check(&site, trusted.as_ref(), &mut report);
    let asked = issuance::Asked {
        trusted: trusted.as_ref(),
        issuers: &issuers,
        token: args.identity_token.as_deref(),
    };
    issuance::check(&site, &asked, &mut report);
    report.finish();
    match report.failed_count() {
        0 => Ok(()),
        count => bail!("{count} of {} checks failed", report.count()),
    }
}

/// What to do about a CA whose certificates clients do not trust.
const CA_CHAIN: &str = "restore key and chain of [ca] from a backup, or make them trusted with \
    `cairnd trust add ca` before they are used";

/// What the server says of itself.
fn health(site: &Site) -> Verdict {
    let answer = site
        .get("/healthz")
        .or_fix("start `cairnd serve`, and see that its name, TLS and proxies lead to it")?;
    let expiring = "renew, add or rotate what it names, as the `fix` of each in /healthz says";
    let look = "read /healthz on the metrics listener, which says why, and the server's log";
    let health: Value = serde_json::from_slice(&answer.body)
        .or_fix("see that the URL leads to cairnd itself: it answers, but not as cairnd does")?;
    let status = text(&health, "/status").unwrap_or("unknown");
    let mut reasons = Vec::new();
    for log in list(&health, "/logs") {
        if log.get("healthy") == Some(&Value::Bool(false)) {
            let text = |place| text(log, place).unwrap_or_default();
            reasons.push(format!("log {}: {}", text("/name"), text("/reason")));
        }
    }
    for expiring in list(&health, "/expiring") {
        let text = |place| text(expiring, place).unwrap_or_default();
        reasons.push(format!("{}: {}", text("/what"), text("/ends")));
    }
    if status == "ok" {
        return Ok("healthy".to_owned());
    }
    let look = if status == "degraded" { expiring } else { look };
    report::failed(format!("it is {status}: {}", reasons.join("; ")), look)
}

/// How far its clock is from ours. Both may be wrong, but not both and by the same.
fn clock(site: &Site) -> Verdict {
    let answer = site.get("/healthz").or_fix("see the check of the server")?;
    let now = wall_clock::seconds().get();
    let Some(date) = answer.date else {
        return report::skipped("its answers have no Date header");
    };
    let apart = date.get().abs_diff(now);
    compare_clocks(apart, date.get() > now)
}

/// A difference that is no cause for concern: certificates begin at the moment they are issued.
const CLOCK_APART_SECONDS_MAX: u64 = 5;

fn compare_clocks(apart_seconds: u64, is_ahead: bool) -> Verdict {
    let direction = if is_ahead { "ahead of" } else { "behind" };
    if apart_seconds <= CLOCK_APART_SECONDS_MAX {
        return Ok(format!(
            "within {CLOCK_APART_SECONDS_MAX} s of this machine's"
        ));
    }
    report::failed(
        format!("its clock is {apart_seconds} s {direction} this machine's"),
        "set both by NTP: `timedatectl set-ntp true`, then `timedatectl timesync-status`",
    )
}
