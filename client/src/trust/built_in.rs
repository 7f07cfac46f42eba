//! The public instances as they were known when this program was made.
//!
//! The files are in the crate `sigstore-trust-root`, which Sigstore publishes; it is used for its
//! bytes alone, and they are read by the same code as everybody's.

use sigstore::TrustFileError;
use sigstore::signing_config::SigningConfig;
use sigstore::trusted_root::TrustedRoot;
use sigstore_trust_root::{
    SIGSTORE_PRODUCTION_SIGNING_CONFIG, SIGSTORE_PRODUCTION_TRUSTED_ROOT,
    SIGSTORE_STAGING_SIGNING_CONFIG, SIGSTORE_STAGING_TRUSTED_ROOT,
};

use crate::exit::Exit;
use crate::failure::Failure;

/// Whom a public instance says to trust.
pub(super) fn trusted_root(is_staging: bool) -> Result<TrustedRoot, Failure> {
    let json = if is_staging {
        SIGSTORE_STAGING_TRUSTED_ROOT
    } else {
        SIGSTORE_PRODUCTION_TRUSTED_ROOT
    };
    TrustedRoot::parse(json.as_bytes()).map_err(unreadable)
}

/// Where to sign with a public instance.
pub(super) fn signing_config(is_staging: bool) -> Result<SigningConfig, Failure> {
    let json = if is_staging {
        SIGSTORE_STAGING_SIGNING_CONFIG
    } else {
        SIGSTORE_PRODUCTION_SIGNING_CONFIG
    };
    SigningConfig::parse(json.as_bytes()).map_err(unreadable)
}

fn unreadable(error: TrustFileError) -> Failure {
    Failure::new(Exit::File, "the built-in trust root", "can't be read").found(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_instances_are_complete() {
        for is_staging in [false, true] {
            let trusted = trusted_root(is_staging).unwrap();
            assert!(!trusted.tlogs.is_empty() && !trusted.ctlogs.is_empty());
            assert!(!trusted.certificate_authorities.is_empty());
            assert!(!trusted.timestamp_authorities.is_empty());
            let config = signing_config(is_staging).unwrap();
            assert!(!config.ca_urls.is_empty() && !config.rekor_tlog_urls.is_empty());
        }
    }
}
