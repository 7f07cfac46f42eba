//! What is said of a verdict: a line for people, all checks where they are asked for, or JSON.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use sigstore::verify::{Check, Passed, SigningTime, TimeSource, Verified, VerifiedSigner};

use super::judge::{Proof, Refusal, Verdict};
use crate::failure::Failure;

/// What to do about a check that did not hold, where there is something to do.
pub(super) fn advise(failure: Failure, check: Check) -> Failure {
    let fix = match check {
        Check::SignerMaterial => {
            "say who must have signed: --identity and --issuer for a certificate, --key for a key"
        }
        Check::MessageDigest | Check::StatementSubject => {
            "verify the file that this bundle belongs to, or get both again from their publisher"
        }
        Check::IdentityIssuer | Check::IdentityName => {
            "if that is who should have signed, name them; if not, do not use the file"
        }
        Check::LogKnown | Check::CertificatePath | Check::Timestamp => {
            "if another Sigstore instance made the bundle, trust that one: --trusted-root or \
             --mirror; if it is a new part of the same one: cairn trust refresh"
        }
        Check::LogEntry => {
            "ask the signer for a bundle with its log entry; --no-log goes without, --pending-for \
             accepts that it is to follow"
        }
        Check::SigningTime => "ask the signer for a bundle with a timestamp",
        _ => "do not use the file: get it and its bundle again from their publisher",
    };
    failure.fix(fix)
}

impl Verdict {
    /// One line for each proof.
    pub(crate) fn text(&self, artifact: &str, explain: bool) -> String {
        let mut text = String::new();
        for (number, proof) in self.proofs.iter().enumerate() {
            if number > 0 {
                text.push('\n');
            }
            let _infallible = write!(text, "{artifact}: verified, {}", proof.text());
            if let (true, Proof::Bundle(verified)) = (explain, proof) {
                text.push_str(&explained(verified.passed()));
            }
        }
        text
    }

    /// The same for programs.
    pub(crate) fn to_json(&self, artifact: &str, explain: bool) -> Value {
        let proofs = self.proofs.iter().map(|proof| proof.to_json(explain));
        json!({
            "artifact": artifact,
            "verified": true,
            "proofs": proofs.collect::<Vec<_>>(),
        })
    }
}

impl Refusal {
    /// Each check that held, and the one that did not.
    pub(crate) fn explained(&self) -> Option<String> {
        let refused = self.refused.as_ref()?;
        let failed = &refused.failed;
        Some(format!(
            "{}\n  FAILED {:<20} {}",
            explained(&refused.passed).trim_start_matches('\n'),
            failed.check.code(),
            failed.reason
        ))
    }

    /// The same for programs.
    pub(crate) fn to_json(&self, artifact: &str) -> Value {
        let mut json = self.failure.to_json();
        if let Some(object) = json.as_object_mut() {
            object.insert("artifact".to_owned(), json!(artifact));
            object.insert("verified".to_owned(), json!(false));
            if let Some(refused) = &self.refused {
                let failed = &refused.failed;
                object.insert("checks".to_owned(), checks(&refused.passed));
                object.insert(
                    "failed".to_owned(),
                    json!({
                        "check": failed.check.code(),
                        "reason": failed.reason,
                        "found": failed.found,
                        "wanted": failed.wanted,
                    }),
                );
            }
        }
        json
    }
}

impl Proof {
    fn text(&self) -> String {
        let verified = match self {
            Proof::Signature(key) => {
                return format!("signed by {key}; when, nothing says");
            }
            Proof::Bundle(verified) => verified,
        };
        let mut text = match verified.signer() {
            VerifiedSigner::Certified { signer, .. } => {
                format!("signed by {} ({})", signer.name.as_str(), signer.issuer)
            }
            VerifiedSigner::Key => "signed by the given key".to_owned(),
        };
        if let Some(first) = verified.times().iter().min_by_key(|time| time.time) {
            let _infallible = write!(text, " at {}", first.time);
        }
        if let Some(statement) = verified.statement() {
            let _infallible = write!(text, ", attests {}", statement.predicate_type);
        }
        if verified.is_pending() {
            text.push_str("; its log entry is to follow");
        }
        text
    }

    fn to_json(&self, explain: bool) -> Value {
        match self {
            Proof::Signature(key) => json!({ "key": key }),
            Proof::Bundle(verified) => bundle_json(verified, explain),
        }
    }
}

fn bundle_json(verified: &Verified, explain: bool) -> Value {
    let mut json = Map::new();
    let mut say = |name: &str, value: Value| json.insert(name.to_owned(), value);
    match verified.signer() {
        VerifiedSigner::Certified { signer, .. } => {
            let claims = signer.extensions.iter();
            let claims =
                claims.map(|(field, text)| (field.template_name().to_owned(), text.into()));
            say("identity", signer.name.as_str().into());
            say("issuer", signer.issuer.as_str().into());
            say("claims", Value::Object(claims.collect()));
        }
        VerifiedSigner::Key => {
            say("key", "given".into());
        }
    }
    say("times", verified.times().iter().map(time_json).collect());
    say("pending", verified.is_pending().into());
    if let Some(statement) = verified.statement() {
        say("predicateType", statement.predicate_type.as_str().into());
    }
    if explain {
        say("checks", checks(verified.passed()));
    }
    Value::Object(json)
}

fn time_json(time: &SigningTime) -> Value {
    let (kind, by) = match &time.source {
        TimeSource::TimestampAuthority(by) => ("timestamp", by),
        TimeSource::LogPromise(by) => ("log", by),
    };
    json!({ "time": time.time.to_string(), "kind": kind, "by": by })
}

fn checks(passed: &[Passed]) -> Value {
    let one = |passed: &Passed| json!({ "check": passed.check.code(), "found": passed.found });
    passed.iter().map(one).collect()
}

fn explained(passed: &[Passed]) -> String {
    let mut text = String::new();
    for Passed { check, found } in passed {
        let _infallible = write!(text, "\n  ok     {:<20} {found}", check.code());
    }
    text
}
