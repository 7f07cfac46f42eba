//! `cairn verify`: whether a file is what somebody in particular signed.

use std::path::PathBuf;

use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
use sigstore::verify::TrustMaterial;

use super::rule_args::{WhatArgs, WhoArgs, rules};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Http;
use crate::output::Output;
use crate::trust::TrustArgs;
use crate::verify::{ArtifactFile, EvidenceFiles, Judge, Refusal, Verdict};

/// What `--help` says.
const LONG_ABOUT: &str = "\
Verify that files are what somebody in particular signed

What proves a file is looked for beside it, in FILE.sigstore.json, or given with --bundle: a bundle
of any version, an older one of cosign, or a signature by itself, which may be of OpenSSL, OpenSSH,
minisign or PGP. Nobody has to say which: the bytes do. A file that is elsewhere can be given as
sha256:HEX. Nothing is uploaded, and nobody is asked but, once a day, the trust root's mirror.

Examples:
  cairn verify --identity release@example.org --issuer https://accounts.google.com app.tar.gz
  cairn verify --key release.pub --bundle app.tar.gz.sig app.tar.gz
  cairn verify --policy policy.toml --bundle a.json --bundle b.json app.tar.gz
  cairn verify --offline --trusted-root trusted_root.json --identity X --issuer Y *.whl";

/// Verify that files are what somebody in particular signed
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(super) struct Args {
    /// What was signed: files, or digests as sha256:HEX
    #[arg(required = true, value_name = "FILE")]
    artifacts: Vec<String>,
    /// What proves it: a bundle or a signature; several where a policy wants several
    #[arg(long, value_name = "FILE", visible_alias = "signature")]
    bundle: Vec<PathBuf>,
    /// The signer's certificate, where it is in a file of its own
    #[arg(long, value_name = "FILE", requires = "bundle")]
    certificate: Option<PathBuf>,
    /// A timestamp of the signature (RFC 3161), where it is in a file of its own
    #[arg(long, value_name = "FILE", requires = "bundle")]
    timestamp: Option<PathBuf>,
    #[command(flatten)]
    who: WhoArgs,
    #[command(flatten)]
    what: WhatArgs,
    #[command(flatten)]
    trust: TrustArgs,
    /// Open no socket: trust what is known of the trust root already
    #[arg(long)]
    offline: bool,
    /// Show each check, with what was found
    #[arg(long)]
    explain: bool,
}

/// A file with all that is said to prove it.
type Task = (ArtifactFile, Vec<EvidenceFiles>);

pub(super) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let judge = judge(args)?;
    let tasks = tasks(args)?;
    let verdicts: Vec<(&Task, Result<Verdict, Refusal>)> = match tasks.as_slice() {
        // One file needs no threads, and starting them takes longer than verifying it.
        [task] => vec![(task, judge.judge(&task.0, &task.1))],
        tasks => tasks
            .par_iter()
            .map(|task| (task, judge.judge(&task.0, &task.1)))
            .collect(),
    };
    let (count, mut first) = (verdicts.len(), None);
    let mut refused_count = 0_usize;
    for ((artifact, _), verdict) in verdicts {
        let name = artifact.name();
        match verdict {
            Ok(verdict) => {
                let json = || verdict.to_json(&name, args.explain);
                output.result(verdict.text(&name, args.explain), json);
            }
            Err(refusal) => {
                refused_count += 1;
                refused(&name, &refusal, args.explain, count > 1, output);
                first.get_or_insert(refusal.failure);
            }
        }
    }
    match first {
        None => Ok(()),
        Some(only) if count == 1 => Err(only),
        Some(first) => {
            let what = format!("{refused_count} of {count} files are not verified");
            Err(Failure::new(first.exit(), "verify", what))
        }
    }
}

/// Says of one file that it does not hold. Of a single file the failure itself is the last word.
fn refused(name: &str, refusal: &Refusal, explain: bool, is_one_of_many: bool, output: Output) {
    if output.is_json() {
        output.result("", || refusal.to_json(name));
        return;
    }
    if let Some(text) = refusal.explained().filter(|_| explain) {
        crate::output::note(format_args!(
            "{name}: every check up to the one that failed\n{text}"
        ));
    }
    if is_one_of_many {
        crate::output::note(format_args!("{}", refusal.failure));
    }
}

fn tasks(args: &Args) -> Result<Vec<Task>, Failure> {
    let artifacts = args.artifacts.iter().map(|text| ArtifactFile::parse(text));
    let artifacts: Vec<ArtifactFile> = artifacts.collect::<Result<_, _>>()?;
    if args.bundle.is_empty() {
        let beside = |artifact: ArtifactFile| {
            let evidence = EvidenceFiles::beside(&artifact)?;
            Ok((artifact, vec![evidence]))
        };
        return artifacts.into_iter().map(beside).collect();
    }
    let evidence = args.bundle.iter().map(|path| EvidenceFiles {
        signature: path.clone(),
        certificate: args.certificate.clone(),
        timestamp: args.timestamp.clone(),
    });
    let evidence: Vec<EvidenceFiles> = evidence.collect();
    match <[ArtifactFile; 1]>::try_from(artifacts) {
        Ok([artifact]) => Ok(vec![(artifact, evidence)]),
        Err(_) => Err(Failure::new(Exit::Usage, "--bundle", "is for one file")
            .fix("verify one file at a time, or leave --bundle out: each has FILE.sigstore.json")),
    }
}

fn judge(args: &Args) -> Result<Judge, Failure> {
    let rules = rules(&args.who, &args.what)?;
    let http = if args.offline {
        Http::offline()
    } else {
        Http::online()
    };
    let trusted_root = args.trust.source().trusted_root(&http)?;
    Ok(Judge {
        rules,
        trust: TrustMaterial::new(&trusted_root),
    })
}
