//! A policy in a file: TOML, so that it can be reviewed.
//!
//! ```toml
//! signers = 2                      # how many of those below must have signed; 1 if left out
//! attestations = ["https://slsa.dev/provenance/v1"]
//! log = "required"                 # or "none", or "pending 2h"
//!
//! [[identity]]
//! issuer = "https://token.actions.githubusercontent.com"
//! name_pattern = "https://github\\.com/example/.*"
//!
//! [[key]]
//! file = "release.pub"             # beside this file
//!
//! [witnesses]                      # who must have seen the log's checkpoint
//! quorum = 1
//! vkeys = ["witness.example+0f40f71b+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"]
//! ```

use std::path::{Path, PathBuf};

use serde::Deserialize;
use sigstore::identity::{Identity, TextMatch};
use sigstore::verify::WitnessPolicy;
use tiles::VerifierKey;

use super::rules::{self, LogRule, Rules};
use crate::failure::Failure;
use crate::files;

/// Longer than anybody would review.
const LEN_BYTES_MAX: usize = 256 * 1024;

/// More than anybody would ask for.
const SIGNER_COUNT_MAX: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    signers: Option<usize>,
    #[serde(default)]
    attestations: Vec<String>,
    log: Option<String>,
    #[serde(default)]
    identity: Vec<IdentityEntry>,
    #[serde(default)]
    key: Vec<KeyEntry>,
    witnesses: Option<Witnesses>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Witnesses {
    quorum: usize,
    vkeys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityEntry {
    issuer: Option<String>,
    issuer_pattern: Option<String>,
    name: Option<String>,
    name_pattern: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyEntry {
    file: PathBuf,
}

/// Reads a policy and the keys that it names.
pub(super) fn read(path: &Path) -> Result<Rules, Failure> {
    let bytes = files::read(path, LEN_BYTES_MAX)?;
    let refuse = |what: &str| Failure::file(path, what);
    let text = str::from_utf8(&bytes).map_err(|_| refuse("is not text"))?;
    let file: PolicyFile =
        toml::from_str(text).map_err(|error| refuse("is no policy").found(error.message()))?;
    let mut identities = Vec::with_capacity(file.identity.len());
    for entry in file.identity {
        identities.push(Identity {
            issuer: text_match(path, "issuer", entry.issuer, entry.issuer_pattern)?,
            name: text_match(path, "name", entry.name, entry.name_pattern)?,
        });
    }
    let dir = path.parent().unwrap_or(Path::new(""));
    let keys = file
        .key
        .iter()
        .map(|key| rules::read_key(&dir.join(&key.file)));
    let keys: Vec<_> = keys.collect::<Result<_, _>>()?;
    if identities.is_empty() && keys.is_empty() {
        return Err(refuse("names nobody").expected("an [[identity]] or a [[key]]"));
    }
    let mut rules = Rules::new(identities, keys)?;
    rules.signer_count_min = file.signers.unwrap_or(1);
    let among = rules.identities.len() + rules.keys.len();
    if rules.signer_count_min == 0 || rules.signer_count_min > among.min(SIGNER_COUNT_MAX) {
        return Err(refuse("wants a number of signers that there cannot be")
            .expected(format!("signers from 1 to {}", among.min(SIGNER_COUNT_MAX)))
            .found(rules.signer_count_min));
    }
    rules.predicate_types = file.attestations;
    if let Some(witnesses) = file.witnesses {
        rules.witnesses = read_witnesses(path, &witnesses)?;
    }
    rules.log = match file.log.as_deref() {
        None | Some("required") => LogRule::Required,
        Some("none") => LogRule::NotRequired,
        Some(text) => text
            .strip_prefix("pending ")
            .and_then(LogRule::pending_for)
            .ok_or_else(|| {
                refuse("says of the log what is not known")
                    .expected("\"required\", \"none\", or a time as in \"pending 2h\"")
                    .found(format!("{text:?}"))
            })?,
    };
    Ok(rules)
}

fn read_witnesses(path: &Path, witnesses: &Witnesses) -> Result<WitnessPolicy, Failure> {
    let (quorum, count) = (witnesses.quorum, witnesses.vkeys.len());
    if quorum == 0 || quorum > count {
        return Err(Failure::file(path, "wants a quorum that there cannot be")
            .expected(format!("from 1 to {count}, the number of vkeys"))
            .found(quorum));
    }
    let key = |vkey: &String| {
        let refuse = || Failure::file(path, "names a witness by what is no vkey of one");
        let key = VerifierKey::parse(vkey).map_err(|error| refuse().found(error))?;
        key.into_cosigner().ok_or_else(|| {
            refuse()
                .expected("an Ed25519 key, of type 0x04 or 0x01")
                .found(vkey)
        })
    };
    let keys: Result<_, Failure> = witnesses.vkeys.iter().map(key).collect();
    Ok(WitnessPolicy {
        quorum,
        witnesses: keys?,
    })
}

fn text_match(
    path: &Path,
    what: &str,
    exact: Option<String>,
    pattern: Option<String>,
) -> Result<TextMatch, Failure> {
    match (exact, pattern) {
        (Some(exact), None) => Ok(TextMatch::Exact(exact)),
        (None, Some(pattern)) => TextMatch::pattern(&pattern)
            .map_err(|error| Failure::file(path, "has a pattern that is none").found(error)),
        _ => Err(
            Failure::file(path, "has an identity that is not one").expected(format!(
                "either {what} or {what}_pattern in each [[identity]]"
            )),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Rules, Failure> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("policy.toml");
        std::fs::write(&path, text).unwrap();
        std::fs::write(dir.path().join("k.pub"), KEY).unwrap();
        read(&path)
    }

    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\n";
    const WITNESS: &str =
        "witness.example/generated+0f40f71b+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU";
    const ONE: &str = "[[identity]]\nissuer = \"i\"\nname = \"n\"\n";

    #[test]
    fn a_policy_names_signers_attestations_and_log() {
        let text = format!(
            "signers = 2\nattestations = [\"t\"]\nlog = \"pending 2h\"\n{ONE}\
             [[identity]]\nissuer_pattern = \"i.*\"\nname_pattern = \"n|m\"\n\
             [[key]]\nfile = \"k.pub\"\n[witnesses]\nquorum = 1\nvkeys = [\"{WITNESS}\"]\n"
        );
        let rules = read_text(&text).unwrap();
        assert_eq!((rules.identities.len(), rules.keys.len()), (2, 1));
        assert_eq!(rules.signer_count_min, 2);
        assert_eq!(
            (rules.witnesses.quorum, rules.witnesses.witnesses.len()),
            (1, 1)
        );
        assert_eq!(rules.log, LogRule::PendingFor(7200));
        assert_eq!(rules.predicate_types, ["t"]);
        let least = read_text(ONE).unwrap();
        assert_eq!((least.signer_count_min, least.log), (1, LogRule::Required));
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        for (text, wanted) in [
            (String::new(), "names nobody"),
            (format!("signers = 2\n{ONE}"), "signers from 1 to 1"),
            (format!("signers = 0\n{ONE}"), "signers from 1 to 1"),
            (format!("log = \"maybe\"\n{ONE}"), "what is not known"),
            (format!("log = \"pending 2\"\n{ONE}"), "what is not known"),
            (format!("threshold = 2\n{ONE}"), "unknown field"),
            (
                "[[identity]]\nissuer = \"i\"\n".to_owned(),
                "either name or name_pattern",
            ),
            (
                format!("{ONE}name_pattern = \"n\"\n"),
                "either name or name_pattern",
            ),
            (
                "[[identity]]\nissuer = \"i\"\nname_pattern = \"(\"\n".to_owned(),
                "pattern",
            ),
            (
                "[[key]]\nfile = \"other.pub\"\n".to_owned(),
                "can't be read",
            ),
        ] {
            let error = read_text(&text).unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
