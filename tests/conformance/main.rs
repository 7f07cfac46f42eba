//! The verification cases of Sigstore's conformance suite, run as the suite runs them: `cairn
//! conformance verify-bundle` for each case folder, once with the artifact and once with its digest
//! alone, without a network, and its exit status is the verdict.
//!
//! The folders are read beside the checkout where they are kept and are no part of it; others may
//! be named by `CAIRN_CONFORMANCE`. Without any this suite says so and passes.

#![expect(
    clippy::unwrap_used,
    reason = "all of this file is tests, the functions between them too"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cairn_tests::announce;
use cairn_tests::cairnd::{client_program, said, workspace};
use cairn_tests::environment;
use sha2::{Digest as _, Sha256};

/// What the suite's own tokens say, where a case says nothing else.
const IDENTITY: &str = concat!(
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/",
    ".github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
);
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// A folder with a bundle, and what goes with it where that is not the suite's default.
struct Case {
    folder: PathBuf,
}

impl Case {
    fn all() -> Vec<Case> {
        let folder = environment::text("CAIRN_CONFORMANCE").map_or_else(
            || workspace().join("../shared/conformance/bundle-verify"),
            PathBuf::from,
        );
        let Ok(entries) = fs::read_dir(&folder) else {
            announce(&format!("SKIPPED: no cases at {}", folder.display()));
            return Vec::new();
        };
        let folders = entries.map(|entry| entry.unwrap().path());
        let mut cases: Vec<Case> = folders
            .filter(|path| path.is_dir())
            .map(|folder| Case { folder })
            .collect();
        cases.sort_by(|a, b| a.folder.cmp(&b.folder));
        cases
    }

    fn name(&self) -> &str {
        self.folder.file_name().unwrap().to_str().unwrap()
    }

    /// A file of this case, or the one that all cases share.
    fn artifact(&self) -> PathBuf {
        let own = self.folder.join("artifact");
        if own.exists() {
            return own;
        }
        self.folder.with_file_name("a.txt")
    }

    fn text(&self, name: &str) -> Option<String> {
        let text = fs::read_to_string(self.folder.join(name)).ok()?;
        Some(text.trim().to_owned())
    }

    /// In the order in which the suite gives its arguments.
    fn command(&self, artifact: &str) -> Command {
        let mut command = Command::new(client_program());
        command.args(["conformance", "verify-bundle", "--bundle"]);
        command.arg(self.folder.join("bundle.sigstore.json"));
        let key = self.folder.join("key.pub");
        if key.exists() {
            command.arg("--key").arg(key);
        } else {
            let or = |name, default: &str| self.text(name).unwrap_or(default.to_owned());
            command.args(["--certificate-identity", &or("identity", IDENTITY)]);
            command.args(["--certificate-oidc-issuer", &or("issuer", ISSUER)]);
        }
        let trusted_root = self.folder.join("trusted_root.json");
        if trusted_root.exists() {
            command.arg("--trusted-root").arg(trusted_root);
        }
        command.arg(artifact);
        command
    }
}

/// Whether the verdict is the one in the folder's name; says it either way.
fn is_right(case: &Case, by: &str, artifact: &str, home: &Path) -> bool {
    let mut command = case.command(artifact);
    let output = command.env("HOME", home).output().unwrap();
    let said = said(&output);
    let code = output.status.code();
    let right = if case.name().ends_with("_fail") {
        // Any other end than a refusal would be one for the wrong reason.
        matches!(code, Some(1 | 3))
    } else {
        code == Some(0)
    };
    let mark = if right { "ok" } else { "WRONG" };
    let reason = said
        .lines()
        .find(|line| line.starts_with("cairn: ") && line.contains(": "));
    let reason = reason.unwrap_or("verified");
    announce(&format!("{mark:<5} {:<62} {by:<6} {reason}", case.name()));
    if !right {
        announce(&said);
    }
    right
}

#[test]
fn every_case_ends_as_its_name_says() {
    let cases = Case::all();
    let home = tempfile::tempdir().unwrap();
    let mut right_count = 0;
    for case in &cases {
        let path = case.artifact();
        let digest = Sha256::digest(fs::read(&path).unwrap());
        let digest = format!("sha256:{}", hex::encode(digest));
        for (by, artifact) in [
            ("PATH", path.to_str().unwrap()),
            ("DIGEST", digest.as_str()),
        ] {
            right_count += usize::from(is_right(case, by, artifact, home.path()));
        }
    }
    announce(&format!(
        "conformance: {right_count} of {}",
        2 * cases.len()
    ));
    assert_eq!(right_count, 2 * cases.len());
}
