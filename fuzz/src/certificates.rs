//! Certificates and what leads to them: keys and requests that signers send, names and extensions,
//! a log's promises, an authority's own chain.

use ca::{CertificateChain, check_csr, check_public_key};
use sigstore::cert::{CertificateView, FulcioExtensions, oids};
use sigstore::pem::{PemBlock, parse_certificates, parse_first};
use sigstore::sct::{encode_list, parse_list};
use sigstore::{PublicKey, SubjectAltName};

/// Certificates by their parts: [`CertificateView::parse`], and Fulcio's extensions in them.
#[must_use]
pub fn certificate_view(bytes: &[u8]) -> bool {
    let Ok(view) = CertificateView::parse(bytes) else {
        return false;
    };
    assert_eq!(view.der(), bytes);
    let absent = view.tbs_without(oids::FULCIO_ARC);
    assert_eq!(absent, view.tbs(), "what is not there cannot be left out");
    for extension in view.extensions() {
        let without = view.tbs_without(extension.oid);
        assert!(without.len() < view.tbs().len(), "it was left out");
    }
    let fields = view.extensions().iter().map(|e| (e.oid, e.value));
    if let Ok(extensions) = FulcioExtensions::parse(fields) {
        let written = extensions.encode();
        let again = FulcioExtensions::parse(written.iter().map(|e| (e.oid, e.value.as_slice())));
        assert_eq!(again.as_ref(), Ok(&extensions));
    }
    if let Ok(key) = view.public_key() {
        // A certificate may have signed itself; anything else is not checked here.
        let _ = view.verify_signed_by(&key);
    }
    true
}

/// An authority's own certificates in PEM: [`CertificateChain::from_pem`].
#[must_use]
pub fn certificate_chain(bytes: &[u8]) -> bool {
    let _ = parse_certificates(bytes, 3);
    let Ok(chain) = CertificateChain::from_pem(bytes) else {
        return false;
    };
    assert!(chain.not_before() <= chain.not_after());
    let again = CertificateChain::from_pem(chain.to_pem().as_bytes());
    assert_eq!(again.as_ref(), Ok(&chain), "what is written can be read");
    true
}

/// Certificate signing requests: [`check_csr`]. Accepted only with a signature of the key inside.
#[must_use]
pub fn csr(bytes: &[u8]) -> bool {
    let Ok(key) = check_csr(bytes) else {
        return false;
    };
    let again = PublicKey::from_spki_der(key.public_key().spki_der());
    assert_eq!(again.as_ref(), Ok(key.public_key()));
    true
}

/// Public keys as signers send them: [`check_public_key`]. The input is a key, and has to be
/// refused, because nobody can make a signature with it.
#[must_use]
pub fn challenge_key(bytes: &[u8]) -> bool {
    let error = check_public_key(bytes, bytes, &["subject"]).expect_err("nobody signed anything");
    matches!(error, ca::ChallengeError::Proof(_))
}

/// PEM: [`parse_first`].
#[must_use]
pub fn pem(bytes: &[u8]) -> bool {
    let Ok((block, rest)) = parse_first(bytes) else {
        return false;
    };
    assert!(bytes.ends_with(rest), "the rest is the end");
    let text = block.encode();
    let (again, rest): (PemBlock, &[u8]) = parse_first(text.as_bytes()).expect("it was written");
    assert_eq!((again, rest), (block, b"\n".as_slice()));
    true
}

/// A log's promises in a certificate: [`parse_list`].
#[must_use]
pub fn sct_list(bytes: &[u8]) -> bool {
    let Ok(scts) = parse_list(bytes) else {
        return false;
    };
    assert_eq!(
        encode_list(&scts).as_deref(),
        Ok(bytes),
        "a list has one form"
    );
    true
}

/// The name that a certificate is for: [`SubjectAltName::parse`].
#[must_use]
pub fn subject_alt_name(bytes: &[u8]) -> bool {
    let Ok(san) = SubjectAltName::parse(bytes) else {
        return false;
    };
    assert_eq!(san.encode().as_deref(), Ok(bytes), "a name has one form");
    true
}
