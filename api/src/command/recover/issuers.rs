//! A public copy of a certificate log whose entries come with the certificates they name.
//!
//! Each is kept before the entry that names it can be appended, as when the entry was first logged.
//! Its name is its hash, so nobody has to be believed.

use bytes::Bytes;
use sigstore::TileLeaf;
use sigstore::ct_entry::Fingerprint;
use sigstore::ct_entry::chain::fingerprint;
use tiles::{BundleRef, LogBytes, TileRef};

use crate::command::remote::{RemoteError, RemoteLog};
use crate::ct::{IssuerError, Issuers};

/// See the module.
#[derive(Debug)]
pub(super) struct WithIssuers<'a> {
    pub(super) copy: &'a RemoteLog,
    pub(super) issuers: Issuers,
}

/// Why a resource, or what goes with it, is not to be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum FetchError {
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    #[error("issuer/{} of the copy is another certificate; use another copy", hex::encode(.0))]
    OtherIssuer(Fingerprint),
}

impl WithIssuers<'_> {
    fn keep(&self, wanted: Fingerprint) -> Result<(), FetchError> {
        if self.issuers.find(&wanted).is_some() {
            return Ok(());
        }
        let der = self.copy.issuer(&wanted)?;
        if fingerprint(&der) != wanted {
            return Err(FetchError::OtherIssuer(wanted));
        }
        Ok(self.issuers.keep(&[der])?)
    }
}

impl LogBytes for WithIssuers<'_> {
    type Error = FetchError;
    type Bytes = Bytes;

    fn tile(&self, tile: TileRef) -> Result<Bytes, FetchError> {
        Ok(Bytes::from(self.copy.tile(tile)?))
    }

    fn bundle(&self, bundle: BundleRef) -> Result<Bytes, FetchError> {
        let bytes = Bytes::from(self.copy.bundle(bundle)?);
        let mut rest = &bytes[..];
        // Bytes that are no leaves are not ours to refuse: whoever asked checks every one.
        while let Ok((leaf, after)) = TileLeaf::parse_first(rest) {
            for issuer in leaf.issuers {
                self.keep(issuer)?;
            }
            rest = after;
        }
        Ok(bytes)
    }
}
