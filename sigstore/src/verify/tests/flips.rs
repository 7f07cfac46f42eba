//! Every bit of a bundle, of its artifact and of the trusted root, flipped one at a time.
//!
//! What comes of it is refused, or it is harmless, which is: it says the same. A text may say the
//! same in other letters, as base64 has bits that nothing depends on. And some fields say nothing
//! that anybody relies on: each is named below, in [`relied_on`] and [`relied_on_root`]. If a flip
//! is accepted that is none of these, a check is missing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use der::{Decode as _, Encode as _};

use super::*;
use crate::timestamp_token::TimestampResponse;
use crate::trusted_root::{LogKeyDetails, TrustedRoot};

/// The same bytes with one bit flipped.
fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

/// Runs a check for every `step`-th bit, on two threads, and gives how many were accepted. The
/// check says whether the flipped bytes were accepted, and panics if they should not have been.
fn for_each_flip(bytes: &[u8], step: usize, check: impl Fn(&[u8]) -> bool + Sync) -> usize {
    let bit_count = bytes.len() * 8;
    let run = |first: usize| {
        let mut accepted = 0;
        for bit in (first..bit_count).step_by(2 * step) {
            let flipped = flipped(bytes, bit);
            let checked = catch_unwind(AssertUnwindSafe(|| check(&flipped)));
            let taken = checked.unwrap_or_else(|_| {
                let start = (bit / 8).saturating_sub(40);
                let near = &flipped[start..flipped.len().min(start + 80)];
                panic!("bit {bit}, in the middle of {}", near.escape_ascii())
            });
            accepted += usize::from(taken);
        }
        accepted
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| run(step));
        run(0) + other.join().unwrap()
    })
}

/// The bundle, less what is in it for finding things, or for nobody.
fn relied_on(bundle: &SigstoreBundle) -> SigstoreBundle {
    let mut bundle = bundle.clone();
    // What is demanded of one version is there in another, too.
    bundle.format = BundleFormat::V03;
    if let crate::bundle::SignerMaterial::PublicKey { hint } = &mut bundle.signer {
        hint.clear();
    }
    if let BundleContent::Envelope(envelope) = &mut bundle.content {
        envelope.signatures[0].key_id.clear();
    }
    for entry in &mut bundle.log_entries {
        if entry.signed_entry_timestamp.is_none() {
            entry.integrated_time = 0;
        }
    }
    // What the authority says, which is signed; certificates and lists of revoked ones come along.
    for timestamp in &mut bundle.timestamps {
        if let Ok(TimestampResponse::Granted(token)) = TimestampResponse::parse_der(timestamp) {
            *timestamp = token.unverified().to_der();
        }
    }
    bundle
}

fn flip_bundle(bundle: &SigstoreBundle, policy: &Policy, step: usize) {
    let json = bundle.encode();
    let artifact = Artifact::from_content(ARTIFACT);
    let before = verify(bundle, &artifact, policy, trust()).unwrap();
    for_each_flip(&json, step, |flipped| {
        let Ok(flipped) = SigstoreBundle::parse(flipped) else {
            return false;
        };
        let Ok(after) = verify(&flipped, &artifact, policy, trust()) else {
            return false;
        };
        assert_eq!(relied_on(&flipped), relied_on(bundle));
        assert_eq!(after, before, "and what is told of it is the same");
        true
    });
}

#[test]
fn no_bit_of_a_bundle_of_today_can_be_flipped() {
    flip_bundle(&Signing::default().sign().v2(), &policy(), 1);
}

#[test]
fn no_bit_of_a_statement_in_rekor_v1_can_be_flipped() {
    let signed = Signing::statement().sign();
    let entry = signed.logged(&Logging::of(Kind::Dsse));
    let stamp = signed.timestamped(&Stamping::default());
    let bundle = signed.bundle(BundleFormat::V03, vec![entry], vec![stamp]);
    flip_bundle(&bundle, &policy(), 1);
}

/// The other forms, a bit here and there. The step is odd, so that it meets every bit of a byte.
#[test]
fn no_bit_of_any_form_can_be_flipped() {
    const STEP: usize = 61;
    for label in [
        KeyDetails::EcdsaP256Sha256,
        KeyDetails::EcdsaP384Sha384,
        KeyDetails::EcdsaP521Sha512,
        KeyDetails::Rsa2048Sha256,
        KeyDetails::Ed25519Ph,
    ] {
        for subject in [Subject::Message, Subject::Envelope] {
            let signing = Signing {
                label,
                subject,
                ..Signing::keyed()
            };
            let signed = signing.sign();
            let key = Policy::key(public(signed.key));
            flip_bundle(&signed.v2(), &key, STEP);
            flip_bundle(&signed.v1(), &key, STEP);
            let entry = signed.logged(&Logging::of(Kind::HashedRekord));
            for format in [BundleFormat::V01, BundleFormat::V02] {
                let bundle = signed.bundle(format, vec![entry.clone()], Vec::new());
                flip_bundle(&bundle, &key, STEP);
            }
        }
    }
    let signed = Signing::statement().sign();
    for kind in [Kind::HashedRekord, Kind::Intoto] {
        flip_bundle(&signed.v1_with(&Logging::of(kind)), &policy(), STEP);
    }
}

#[test]
fn no_bit_of_an_artifact_can_be_flipped() {
    for signing in [Signing::default(), Signing::statement(), Signing::keyed()] {
        let signed = signing.sign();
        let policy = match signing.signer {
            Signer::Certified => policy(),
            Signer::Keyed => Policy::key(public(signed.key)),
        };
        for bundle in [signed.v2(), signed.v1()] {
            let accepts = |artifact: &[u8]| {
                let artifact = Artifact::from_content(artifact);
                verify(&bundle, &artifact, &policy, trust()).is_ok()
            };
            assert!(accepts(ARTIFACT));
            assert_eq!(for_each_flip(ARTIFACT, 1, accepts), 0);
            assert!(!accepts(&ARTIFACT[1..]) && !accepts(&[ARTIFACT, b"\n"].concat()));
        }
    }
}

/// The trusted root, less what is in it for people, and less what still covers the time.
fn relied_on_root(trusted_root: &TrustedRoot) -> TrustedRoot {
    let mut root = trusted_root.clone();
    for log in root.tlogs.iter_mut().chain(&mut root.ctlogs) {
        // The key says itself what it is.
        log.key_details = LogKeyDetails::Ed25519;
        log.operator.clear();
        assert!(log.valid_for.contains(time(NOW)));
        log.valid_for = around_now();
        // Of a URL, the host is the origin of a log of Rekor v2; all else is for people.
        let is_v2 = log.log_id == instance().log_v2.instance().log_id;
        log.base_url = if is_v2 {
            let url = log
                .base_url
                .split_once("://")
                .unwrap_or(("", &log.base_url))
                .1;
            url.split(['/', '?', '#', ':']).next().unwrap().to_owned()
        } else {
            String::new()
        };
    }
    let authorities = root.certificate_authorities.iter_mut();
    for authority in authorities.chain(&mut root.timestamp_authorities) {
        authority.subject = crate::trusted_root::AuthoritySubject::default();
        authority.uri.clear();
        authority.operator.clear();
        assert!(authority.valid_for.contains(time(NOW)));
        authority.valid_for = around_now();
        // The last certificate is trusted because it is there, not because it is signed: what
        // counts is its name and its key, by which those below it are signed.
        let last = authority.cert_chain.pop().unwrap();
        authority.cert_chain.push(name_and_key(&last));
    }
    root
}

/// What counts of a certificate that nothing signs, and that it was valid. The two sorts of
/// authority have two readers, and each passes over what it has no use for.
fn name_and_key(der: &[u8]) -> Vec<u8> {
    let (name, key, [from, to]) = if let Ok(view) = CertificateView::parse(der) {
        let ends = [view.not_before(), view.not_after()].map(UnixSeconds::get);
        (view.subject().to_vec(), view.spki().to_vec(), ends)
    } else {
        let certificate = x509_cert::Certificate::from_der(der).unwrap();
        let tbs = certificate.tbs_certificate();
        let key = tbs.subject_public_key_info().to_der().unwrap();
        let ends = [tbs.validity().not_before, tbs.validity().not_after];
        let ends = ends.map(|time| time.to_unix_duration().as_secs());
        (tbs.subject().to_der().unwrap(), key, ends)
    };
    assert!((from..=to).contains(&NOW));
    [name, key].concat()
}

/// One bundle that relies on every party.
#[test]
fn no_bit_of_the_trusted_root_can_be_flipped() {
    let trusted_root = instance().trusted_root();
    let signed = Signing::default().sign();
    let mut bundle = signed.v2();
    bundle
        .log_entries
        .push(signed.logged(&Logging::of(Kind::HashedRekord)));
    let artifact = Artifact::from_content(ARTIFACT);
    let wanted = relied_on_root(&trusted_root);
    let accepted = for_each_flip(&trusted_root.encode(), 3, |flipped| {
        let Ok(flipped) = TrustedRoot::parse(flipped) else {
            return false;
        };
        if verify(&bundle, &artifact, &policy(), &TrustMaterial::new(&flipped)).is_err() {
            return false;
        }
        assert_eq!(relied_on_root(&flipped), wanted);
        true
    });
    assert!(accepted > 0, "names may be spelled otherwise");
}
