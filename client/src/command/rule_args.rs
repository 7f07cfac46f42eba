//! The options that say who must have signed, and what a bundle must show: the same for files and
//! for images.

use std::path::PathBuf;

use sigstore::identity::{Identity, TextMatch};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::verify::{LogRule, Rules};

/// Who must have signed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Who must have signed")]
pub(super) struct WhoArgs {
    /// The name in the signer's certificate: a mail address, or the URI of a workflow
    #[arg(long, value_name = "NAME", visible_alias = "certificate-identity")]
    identity: Option<String>,
    /// A regular expression for the whole of that name
    #[arg(long, value_name = "REGEX", conflicts_with = "identity")]
    #[arg(alias = "certificate-identity-regexp")]
    identity_pattern: Option<String>,
    /// Who issued the signer's token: a URL
    #[arg(long, value_name = "URL", visible_alias = "certificate-oidc-issuer")]
    issuer: Option<String>,
    /// A regular expression for the whole of that URL
    #[arg(long, value_name = "REGEX", conflicts_with = "issuer")]
    #[arg(alias = "certificate-oidc-issuer-regexp")]
    issuer_pattern: Option<String>,
    /// The signer's public key: PEM, OpenSSH, minisign, PGP
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// A policy: several signers, attestations, logs (TOML)
    #[arg(long, value_name = "FILE")]
    #[arg(conflicts_with_all = ["identity", "identity_pattern", "issuer", "issuer_pattern", "key"])]
    policy: Option<PathBuf>,
}

/// What a bundle must show.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What a bundle must show")]
pub(super) struct WhatArgs {
    /// Take a signature without an entry of a log
    #[arg(long, conflicts_with = "policy")]
    no_log: bool,
    /// Take a signature whose log entry is to follow, if not older than this: 90s, 30m, 2h, 1d
    #[arg(long, value_name = "TIME", conflicts_with_all = ["policy", "no_log"])]
    pending_for: Option<String>,
    /// Take a certificate that no certificate log has promised to show
    #[arg(long)]
    no_certificate_log: bool,
}

/// What these options come to.
pub(super) fn rules(who: &WhoArgs, what: &WhatArgs) -> Result<Rules, Failure> {
    let mut rules = match &who.policy {
        Some(path) => Rules::read(path)?,
        None => one_signer(who)?,
    };
    if what.no_log {
        rules.log = LogRule::NotRequired;
    }
    if let Some(text) = &what.pending_for {
        rules.log = LogRule::parse_pending(text)?;
    }
    rules.certificate_logged = !what.no_certificate_log;
    Ok(rules)
}

fn one_signer(who: &WhoArgs) -> Result<Rules, Failure> {
    let text_match = |exact: &Option<String>, pattern: &Option<String>| match (exact, pattern) {
        (Some(exact), _) => Ok(Some(TextMatch::Exact(exact.clone()))),
        (None, Some(pattern)) => TextMatch::pattern(pattern)
            .map(Some)
            .map_err(|error| Failure::new(Exit::Usage, "the command line", error)),
        (None, None) => Ok(None),
    };
    let name = text_match(&who.identity, &who.identity_pattern)?;
    let issuer = text_match(&who.issuer, &who.issuer_pattern)?;
    let identities = match (name, issuer) {
        (Some(name), Some(issuer)) => vec![Identity { issuer, name }],
        (None, None) => Vec::new(),
        _ => {
            let what = "an identity is a name and the issuer that vouches for it";
            return Err(Failure::new(Exit::Usage, "the command line", what)
                .fix("give both --identity and --issuer"));
        }
    };
    Rules::with_keys(identities, &who.key)
}
