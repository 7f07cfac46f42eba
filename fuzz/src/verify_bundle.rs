//! Whole bundles, verified: nothing is accepted but what the corpus has as valid, said otherwise.
//!
//! All is fixed: a trusted root, a key, an identity, an artifact. Nobody has the private keys any
//! more that belong to them, so whatever is accepted was signed when the corpus was made. A bundle
//! may leave out a witness that it can do without, and fields that help to find something may say
//! anything.

use std::sync::OnceLock;

use sigstore::bundle::{BundleContent, SignerMaterial, SigstoreBundle};
use sigstore::identity::{Identity, TextMatch};
use sigstore::timestamp_token::TimestampResponse;
use sigstore::trusted_root::TrustedRoot;
use sigstore::verify::{Artifact, Policy, TrustMaterial, verify};
use sigstore::{PublicKey, TransparencyLogEntry, pem};

/// Every bundle that was ever signed.
const SIGNED: [&[u8]; 7] = [
    include_bytes!("../corpus/verify_bundle/valid-certificate-rekor-v1"),
    include_bytes!("../corpus/verify_bundle/valid-certificate-rekor-v2"),
    include_bytes!("../corpus/verify_bundle/valid-key-rekor-v2"),
    include_bytes!("../corpus/verify_bundle/valid-statement-rekor-v1"),
    include_bytes!("../corpus/verify_bundle/valid-statement-rekor-v2"),
    include_bytes!("../corpus/verify_bundle/valid-v0.1-promise-alone"),
    include_bytes!("../corpus/verify_bundle/valid-v0.2-intoto"),
];
const TRUSTED_ROOT: &[u8] = include_bytes!("../data/verify_bundle/trusted_root.json");
const KEY: &[u8] = include_bytes!("../data/verify_bundle/key.pub");
const ARTIFACT: &[u8] = b"the artifact\n";

struct Fixed {
    trust: TrustMaterial,
    /// By the identity, and by the key.
    policies: [Policy; 2],
    signed: Vec<SigstoreBundle>,
}

fn fixed() -> &'static Fixed {
    static FIXED: OnceLock<Fixed> = OnceLock::new();
    FIXED.get_or_init(|| {
        let trusted_root = TrustedRoot::parse(TRUSTED_ROOT).expect("it was written as one");
        let (key, _) = pem::parse_first(KEY).expect("it was written as PEM");
        let key = PublicKey::from_spki_der(&key.der).expect("it was written from a key");
        let identity = Identity {
            issuer: TextMatch::Exact("https://issuer.example.org".to_owned()),
            name: TextMatch::Exact("signer@example.org".to_owned()),
        };
        let signed = SIGNED.map(|json| SigstoreBundle::parse(json).expect("it is a bundle"));
        Fixed {
            trust: TrustMaterial::new(&trusted_root),
            policies: [Policy::identities(vec![identity]), Policy::key(key)],
            signed: signed.iter().map(relied_on).collect(),
        }
    })
}

/// Bundles: [`verify`], for an identity and for a key.
#[must_use]
pub fn verify_bundle(bytes: &[u8]) -> bool {
    let Ok(bundle) = SigstoreBundle::parse(bytes) else {
        return false;
    };
    let fixed = fixed();
    let artifact = Artifact::from_content(ARTIFACT);
    let verdict_of = |policy| verify(&bundle, &artifact, policy, &fixed.trust).is_ok();
    let verdicts = fixed.policies.each_ref().map(verdict_of);
    assert_ne!(verdicts, [true, true], "by a certificate, or by a key");
    let accepted = verdicts.contains(&true);
    if accepted {
        let found = relied_on(&bundle);
        let known = fixed.signed.iter().any(|signed| is_part_of(&found, signed));
        assert!(known, "nobody signed {found:?}");
    }
    accepted
}

/// The bundle without what only helps to find something.
fn relied_on(bundle: &SigstoreBundle) -> SigstoreBundle {
    let mut bundle = bundle.clone();
    if let SignerMaterial::PublicKey { hint } = &mut bundle.signer {
        hint.clear();
    }
    match &mut bundle.content {
        BundleContent::Message(message) => message.digest = None,
        BundleContent::Envelope(envelope) => {
            for signature in &mut envelope.signatures {
                signature.key_id.clear();
            }
        }
    }
    for entry in &mut bundle.log_entries {
        if entry.signed_entry_timestamp.is_none() {
            entry.integrated_time = 0;
        }
    }
    // What the authority says, which is signed. What comes along is not relied on.
    for timestamp in &mut bundle.timestamps {
        if let Ok(TimestampResponse::Granted(token)) = TimestampResponse::parse_der(timestamp) {
            *timestamp = token.unverified().to_der();
        }
    }
    bundle
}

/// Whether one bundle has nothing that the other has not.
fn is_part_of(found: &SigstoreBundle, signed: &SigstoreBundle) -> bool {
    let leaf_and_key = |bundle: &SigstoreBundle| bundle.signer.leaf().map(<[u8]>::to_vec);
    let entry_is_known = |entry: &TransparencyLogEntry| {
        let same = |known: &TransparencyLogEntry| is_part_of_entry(entry, known);
        signed.log_entries.iter().any(same)
    };
    found.content == signed.content
        && leaf_and_key(found) == leaf_and_key(signed)
        && found.log_entries.iter().all(entry_is_known)
        && found
            .timestamps
            .iter()
            .all(|t| signed.timestamps.contains(t))
}

/// An entry with a promise may be there without its proof, and the other way round; without the
/// promise nobody relies on the index that was promised, nor on the time.
fn is_part_of_entry(found: &TransparencyLogEntry, known: &TransparencyLogEntry) -> bool {
    let mut known = known.clone();
    if found.inclusion_proof.is_none() {
        known.inclusion_proof = None;
    }
    if found.signed_entry_timestamp.is_none() && known.signed_entry_timestamp.is_some() {
        known.signed_entry_timestamp = None;
        known.log_index = found.log_index;
        known.integrated_time = 0;
    }
    *found == known
}
