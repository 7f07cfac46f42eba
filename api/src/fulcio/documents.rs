//! What the CA says of itself: its chain, and whose tokens it believes.
//!
//! In protobuf's JSON with fields that are not set written out, as other CAs answer.

use ca::{CertificateChain, Issuer, IssuerTable};
use serde_json::{Value, json};
use sigstore::pem;

/// `TrustBundle`: the one chain that issues.
pub(super) fn trust_bundle(chain: &CertificateChain) -> Value {
    let certificates = chain.certificates().iter();
    let certificates: Vec<String> = certificates
        .map(|der| pem::encode_certificate(der))
        .collect();
    json!({"chains": [{"certificates": certificates}]})
}

/// `Configuration`: the issuers, in the order of cairn.toml.
pub(super) fn configuration(issuers: &IssuerTable) -> Value {
    let issuers: Vec<Value> = issuers.issuers().iter().map(issuer).collect();
    json!({"issuers": issuers})
}

fn issuer(issuer: &Issuer) -> Value {
    let url = if issuer.has_wildcard() {
        "wildcardIssuerUrl"
    } else {
        "issuerUrl"
    };
    json!({
        url: issuer.url(),
        "audience": issuer.audience(),
        "challengeClaim": issuer.challenge_claim(),
        "spiffeTrustDomain": issuer.trust_domain().unwrap_or_default(),
        "issuerType": issuer.preset().fulcio_type(),
        "subjectDomain": issuer.subject_domain().unwrap_or_default(),
        "skipEmailVerification": issuer.skips_email_verification(),
    })
}
