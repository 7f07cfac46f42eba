//! Tokens of other authorities, from the bundles of the Sigstore conformance suite. They are read
//! beside the checkout where they are kept and are no part of it; without them these tests say so
//! and pass.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::*;

/// One case: its name, its bundle, and the trust root that goes with it.
struct Case {
    name: String,
    bundle: Value,
    trusted_root: Value,
}

fn cases() -> Vec<Case> {
    let conformance = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance");
    let Ok(found) = fs::read_dir(conformance.join("bundle-verify")) else {
        skip(&conformance);
        return Vec::new();
    };
    let production = conformance.join("trust/production_trusted_root.json");
    let mut cases: Vec<Case> = found
        .map(|case| case.unwrap().path())
        .filter_map(|path| {
            let bundle = serde_json::from_slice(&fs::read(path.join("bundle.sigstore.json")).ok()?);
            let own = path.join("trusted_root.json");
            let trusted_root = fs::read(if own.exists() { &own } else { &production }).unwrap();
            Some(Case {
                name: path.file_name().unwrap().to_str().unwrap().to_owned(),
                bundle: bundle.ok()?,
                trusted_root: serde_json::from_slice(&trusted_root).unwrap(),
            })
        })
        .collect();
    cases.retain(|case| case.token().is_some());
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(cases.len() >= 20, "only {} cases have tokens", cases.len());
    cases
}

#[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
fn skip(folder: &Path) {
    eprintln!("SKIPPED: no conformance bundles at {}", folder.display());
}

impl Case {
    fn token(&self) -> Option<Vec<u8>> {
        let material = &self.bundle["verificationMaterial"];
        let timestamps = &material["timestampVerificationData"]["rfc3161Timestamps"];
        let token = timestamps[0]["signedTimestamp"].as_str()?;
        // One of them is folded.
        Some(STANDARD.decode(token.replace('\n', "")).unwrap())
    }

    /// What was timestamped.
    fn signature(&self) -> Vec<u8> {
        let message = self.bundle["messageSignature"]["signature"].as_str();
        let envelope = self.bundle["dsseEnvelope"]["signatures"][0]["sig"].as_str();
        STANDARD.decode(message.or(envelope).unwrap()).unwrap()
    }

    fn chains(&self) -> Vec<Result<TimestampChain, ChainError>> {
        let authorities = self.trusted_root["timestampAuthorities"]
            .as_array()
            .unwrap();
        let chains = authorities.iter().map(|authority| {
            let certificates = authority["certChain"]["certificates"].as_array().unwrap();
            let der = certificates.iter().map(|certificate| {
                STANDARD
                    .decode(certificate["rawBytes"].as_str().unwrap())
                    .unwrap()
            });
            TimestampChain::parse_der(&der.collect::<Vec<_>>())
        });
        chains.collect()
    }

    /// What became of the token, by any of the authorities.
    fn verdict(&self) -> String {
        let response = match TimestampResponse::parse_der(&self.token().unwrap()) {
            Ok(response) => response,
            Err(error) => return format!("response: {error}"),
        };
        assert_eq!(response.to_der(), self.token().unwrap(), "{}", self.name);
        let TimestampResponse::Granted(token) = response else {
            return "rejected".to_owned();
        };
        assert_eq!(
            TstInfo::parse_der(&token.unverified().to_der()).as_ref(),
            Ok(token.unverified())
        );
        let mut verdicts = Vec::new();
        for chain in self.chains() {
            let chain = match chain {
                Ok(chain) => chain,
                Err(error) => {
                    verdicts.push(format!("chain: {error}"));
                    continue;
                }
            };
            match chain.verify(&token, &self.signature()) {
                Ok(_) => return "verified".to_owned(),
                Err(error) => verdicts.push(error.to_string()),
            }
        }
        verdicts.join("; ")
    }
}

/// What fails in the other cases is not the token.
#[test]
fn real_tokens_are_judged_rightly() {
    for case in cases() {
        let wanted = match case.name.as_str() {
            "rekor2-timestamp-outside-tsa-cert-validity_fail" => {
                "at the token's time, 2025-08-07T15:38:32Z, the certificate at place 0 of the \
                 chain was not valid"
            }
            "rekor2-timestamp-untrusted-tsa-with-embedded-cert_fail" => {
                "response: certificates: a SET OF that is not in DER's order"
            }
            _ => "verified",
        };
        assert_eq!(case.verdict(), wanted, "{}", case.name);
    }
}

/// The token of one bundle is about another's signature in no case.
#[test]
fn real_tokens_are_of_their_own_signature_only() {
    for case in cases() {
        let Ok(TimestampResponse::Granted(token)) =
            TimestampResponse::parse_der(&case.token().unwrap())
        else {
            continue;
        };
        let other = [&case.signature()[..], b"!"].concat();
        for chain in case.chains().into_iter().flatten() {
            assert_eq!(
                chain.verify(&token, &other),
                Err(TokenError::Imprint),
                "{}",
                case.name
            );
        }
    }
}
