//! Trust material: trusted roots, signing configs, TUF metadata, updates of it, and key files.

use ca::trust_root::Update;
use sigstore::key_file::{self as encrypted_key, KEY_COUNT_MAX};
use sigstore::signing_config::{ClientTrustConfig, SigningConfig};
use sigstore::trusted_root::TrustedRoot;
use sigstore::tuf::{Envelope, Root, Snapshot, Targets, Timestamp};

/// Trusted roots: [`TrustedRoot::parse`].
#[must_use]
pub fn trusted_root(bytes: &[u8]) -> bool {
    let Ok(parsed) = TrustedRoot::parse(bytes) else {
        return false;
    };
    assert_eq!(TrustedRoot::parse(&parsed.encode()).as_ref(), Ok(&parsed));
    let _ = parsed.check_publishable();
    true
}

/// Signing configs and client trust configs: [`SigningConfig::parse`] and
/// [`ClientTrustConfig::parse`].
#[must_use]
pub fn signing_config(bytes: &[u8]) -> bool {
    if let Ok(parsed) = SigningConfig::parse(bytes) {
        assert_eq!(SigningConfig::parse(&parsed.encode()), Ok(parsed));
        return true;
    }
    let Ok(parsed) = ClientTrustConfig::parse(bytes) else {
        return false;
    };
    assert_eq!(ClientTrustConfig::parse(&parsed.encode()), Ok(parsed));
    true
}

/// TUF metadata: [`Envelope::parse`] and the four roles. Accepted if it is one of them, whether or
/// not the signatures are right.
#[must_use]
pub fn tuf_metadata(bytes: &[u8]) -> bool {
    let Ok(envelope) = Envelope::parse(bytes) else {
        return false;
    };
    assert_eq!(Envelope::parse(&envelope.encode()).as_ref(), Ok(&envelope));
    if let Ok(root) = Root::read(&envelope) {
        if let Ok(verified) = Root::verify_first(&envelope) {
            assert_eq!(verified, root);
        }
        assert!(
            root.verify_next(&envelope).is_err(),
            "no root follows itself"
        );
        return true;
    }
    Targets::read(&envelope).is_ok()
        || Snapshot::read(&envelope).is_ok()
        || Timestamp::read(&envelope).is_ok()
}

/// Updates of a trust root: [`Update::parse`].
#[must_use]
pub fn trust_update(bytes: &[u8]) -> bool {
    let Ok(update) = Update::parse(bytes) else {
        return false;
    };
    assert_eq!(Update::parse(&update.encode()).as_ref(), Ok(&update));
    assert!(!update.to_string().contains("cannot be read"));
    let _ = update.is_signed();
    true
}

/// Key files: everything but the work that a passphrase costs.
#[must_use]
pub fn key_file(bytes: &[u8]) -> bool {
    let Ok(count) = encrypted_key::check(bytes) else {
        return false;
    };
    assert!((1..=KEY_COUNT_MAX).contains(&count));
    true
}
