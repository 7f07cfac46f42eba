//! Verifying bundles, many in one call, on every core.
//!
//! Machine: two virtual cores of an AMD EPYC, at about 50 us for a signature by P-256 or Ed25519.
//! Data: one bundle of today (a certificate, an entry of Rekor v2, a timestamp) and one of Rekor v1
//! (a certificate, an entry with promise and proof), each 256 times, as bytes in memory. Nothing is
//! kept from one bundle to the next but what the trusted root was made into.
//! Sketch: no network, no disk. CPU: each bundle has five signatures that depend on it: on the
//! certificate, the certificate log's promise, the time (a timestamp or the log's promise), the
//! checkpoint, and the artifact; 250 us on one core. Reading 5 KB of JSON and two certificates,
//! and hashing them, should be a tenth of that.
//!
//! Plain alternative: the same five signatures and nothing else, their keys parsed and what was
//! signed at hand. (That of a timestamp comes with hashing its 200 bytes.)

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};
use sigstore::bundle::SigstoreBundle;
use sigstore::cert::{CertificateView, oids};
use sigstore::identity::{Identity, TextMatch};
use sigstore::sct::{self, CtEntry};
use sigstore::timestamp_token::{TimestampChain, TimestampResponse, TimestampToken};
use sigstore::trusted_root::TrustedRoot;
use sigstore::verify::{Artifact, Policy, TrustMaterial, verify};
use sigstore::{PublicKey, TransparencyLogEntry};
use tiles::Note;

const TRUSTED_ROOT: &[u8] = include_bytes!("../../fuzz/data/verify_bundle/trusted_root.json");
const REKOR_V1: &[u8] =
    include_bytes!("../../fuzz/corpus/verify_bundle/valid-certificate-rekor-v1");
const REKOR_V2: &[u8] =
    include_bytes!("../../fuzz/corpus/verify_bundle/valid-certificate-rekor-v2");
const ARTIFACT: &[u8] = b"the artifact\n";
const COUNT: usize = 256;

fn main() {
    let trusted_root = TrustedRoot::parse(TRUSTED_ROOT).expect("it was written as one");
    let mut criterion = Criterion::default().configure_from_args();
    for (name, json) in [("verify/rekor v2", REKOR_V2), ("verify/rekor v1", REKOR_V1)] {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(COUNT.try_into().expect("256 fit")));
        bench(&mut group, json, &trusted_root);
        group.finish();
    }
    criterion.final_summary();
}

fn bench(group: &mut BenchmarkGroup<'_, WallTime>, json: &[u8], trusted_root: &TrustedRoot) {
    let trust = TrustMaterial::new(trusted_root);
    let policy = Policy::identities(vec![Identity {
        issuer: TextMatch::Exact("https://issuer.example.org".to_owned()),
        name: TextMatch::Exact("signer@example.org".to_owned()),
    }]);
    let check = |json: &[u8]| {
        let bundle = SigstoreBundle::parse(json).expect("it is a bundle");
        let artifact = Artifact::from_content(ARTIFACT);
        verify(&bundle, &artifact, &policy, &trust).expect("it is right")
    };
    let many = vec![json; COUNT];
    group.bench_function("bundles", |bencher| {
        bencher.iter(|| {
            many.par_iter()
                .for_each(|json| drop(check(black_box(json))));
        });
    });
    let bundle = SigstoreBundle::parse(json).expect("it is a bundle");
    let signatures = Signatures::of(&bundle, trusted_root);
    let many = vec![&signatures; COUNT];
    group.bench_function("only their signatures", |bencher| {
        bencher.iter(|| many.par_iter().for_each(|s| black_box(s).verify()));
    });
}

/// The signatures of one bundle, ready to be verified.
struct Signatures {
    /// Key, what was signed, and the signature.
    signed: Vec<(PublicKey, Vec<u8>, Vec<u8>)>,
    timestamp: Option<(TimestampChain, Box<TimestampToken>)>,
    signature: Vec<u8>,
}

impl Signatures {
    fn of(bundle: &SigstoreBundle, trusted_root: &TrustedRoot) -> Signatures {
        let signature = bundle.content.signature().to_vec();
        let leaf = bundle.signer.leaf().expect("a certificate signed it");
        let leaf = CertificateView::parse(leaf).expect("it is a certificate");
        let issuer = first(&first(&trusted_root.certificate_authorities).cert_chain);
        let issuer = CertificateView::parse(issuer).expect("it is a certificate");
        let key_of = |view: &CertificateView<'_>| view.public_key().expect("it has a key");
        let list = leaf.extension(oids::CT_SCT_LIST).expect("it was logged");
        let sct = sct::parse_list(list.value).expect("it is a list").remove(0);
        let precert = CtEntry::Precert {
            issuer_key_hash: Sha256::digest(issuer.spki()).into(),
            tbs: &leaf.tbs_without(oids::CT_SCT_LIST),
        };
        let promised = sct.signed_bytes(&precert).expect("it is short");
        let ct_log = &first(&trusted_root.ctlogs).public_key;
        let ct_log = PublicKey::from_spki_der(ct_log).expect("it is a key");
        let mut signed = vec![
            (
                key_of(&issuer),
                leaf.tbs().to_vec(),
                leaf.signature().to_vec(),
            ),
            (ct_log, promised, sct.signature),
            (key_of(&leaf), ARTIFACT.to_vec(), signature.clone()),
        ];
        for entry in &bundle.log_entries {
            signed.extend(of_entry(entry, trusted_root));
        }
        let timestamp = bundle.timestamps.first().map(|der| {
            let chain = &first(&trusted_root.timestamp_authorities).cert_chain;
            let chain = TimestampChain::parse_der(chain).expect("it is a chain");
            match TimestampResponse::parse_der(der) {
                Ok(TimestampResponse::Granted(token)) => (chain, token),
                other => unreachable!("{other:?}"),
            }
        });
        let signatures = Signatures {
            signed,
            timestamp,
            signature,
        };
        let count = signatures.signed.len() + usize::from(signatures.timestamp.is_some());
        assert_eq!(count, 5, "as many as the sketch has");
        signatures
    }

    fn verify(&self) {
        for (key, message, signature) in &self.signed {
            key.verify_message(message, signature).expect("it is right");
        }
        if let Some((chain, token)) = &self.timestamp {
            chain.verify(token, &self.signature).expect("it is right");
        }
    }
}

/// The promise of an entry, if it has one, and the checkpoint of its proof.
fn of_entry(
    entry: &TransparencyLogEntry,
    trusted_root: &TrustedRoot,
) -> Vec<(PublicKey, Vec<u8>, Vec<u8>)> {
    let mut logs = trusted_root.tlogs.iter();
    let log = logs.find(|log| log.log_id == entry.log_id);
    let log = log.expect("it is in the trusted root");
    let key = PublicKey::from_spki_der(&log.public_key).expect("it is a key");
    let proof = entry.proof().expect("it has one");
    let note = Note::parse(proof.checkpoint.as_bytes()).expect("it is a note");
    let line = note.signatures().first().expect("it is signed");
    let text = note.text().as_bytes().to_vec();
    let mut signed = vec![(key.clone(), text, line.signature().to_vec())];
    if let Some(signature) = &entry.signed_entry_timestamp {
        signed.push((key, promise(entry), signature.clone()));
    }
    signed
}

fn first<T>(list: &[T]) -> &T {
    list.first()
        .expect("the trusted root has one of each party")
}

fn promise(entry: &TransparencyLogEntry) -> Vec<u8> {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let body = STANDARD.encode(&entry.canonicalized_body);
    let (time, index) = (entry.integrated_time, entry.log_index.get());
    let digits = entry.log_id.iter().map(|byte| format!("{byte:02x}"));
    let log = digits.fold(String::new(), |log, byte| log + &byte);
    format!(r#"{{"body":"{body}","integratedTime":{time},"logID":"{log}","logIndex":{index}}}"#)
        .into_bytes()
}
