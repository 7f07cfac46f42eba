//! A bundle in another version of the format, where nothing is lost.
//!
//! What the versions differ in is which parts they demand and how they keep certificates, so most
//! bundles have one form in each. Where one has not, what would be lost or is missing is named: a
//! verifier of the other version could not do without it.
//!
//! Invariant: what converts, converts back to what it was. The one exception is a certificate that
//! stands by itself in a version before 0.3, which no signer is known to write: it comes back as a
//! chain of one.

use thiserror::Error;

use super::{BundleFormat, SignerMaterial, SigstoreBundle, cosign};
use crate::entry::body::EntryBody;
use crate::entry::hashedrekord::VerifierBytes;

/// Why a bundle has no form in another version.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConversionError {
    /// Version 0.3 has one certificate.
    #[error(
        "{count} certificates above the signer's would be lost: a bundle of version 0.3 has the \
         signer's alone"
    )]
    AboveLeaf {
        /// How many.
        count: usize,
    },
    /// Versions from 0.2 on rely on proofs.
    #[error(
        "tlogEntries[{entry}] has no inclusion proof with a checkpoint, without which there is no \
         bundle of a version after 0.1"
    )]
    NoProof {
        /// Which entry, from 0.
        entry: usize,
    },
    /// Version 0.1 relies on promises.
    #[error(
        "tlogEntries[{entry}] has no inclusion promise, without which there is no bundle of \
         version 0.1"
    )]
    NoPromise {
        /// Which entry, from 0.
        entry: usize,
    },
    /// The only copy of a public key.
    #[error("the public key in cert would be lost: no entry of a log repeats it")]
    PublicKey,
    /// It is not what it is to be converted from.
    #[error(transparent)]
    Bundle(#[from] super::BundleError),
}

impl SigstoreBundle {
    /// The same in another version, or in its own.
    ///
    /// # Errors
    ///
    /// [`ConversionError`]: what would be lost, or is missing.
    pub fn convert(mut self, format: BundleFormat) -> Result<SigstoreBundle, ConversionError> {
        if self.format == format {
            return Ok(self);
        }
        self.signer = signer(self.signer, format)?;
        for (entry, logged) in self.log_entries.iter().enumerate() {
            if format == BundleFormat::V01 && logged.signed_entry_timestamp.is_none() {
                return Err(ConversionError::NoPromise { entry });
            }
            if format != BundleFormat::V01 && logged.inclusion_proof.is_none() {
                return Err(ConversionError::NoProof { entry });
            }
        }
        self.format = format;
        Ok(self)
    }

    /// The older bundle of cosign as one of a version.
    ///
    /// A public key that is in it may be left out if the entry of the log has it, too: a verifier
    /// has to have the key, and by what is in a bundle it can only be found.
    ///
    /// # Errors
    ///
    /// [`ConversionError`]: it is no such bundle, or what would be lost, or is missing.
    pub fn convert_cosign(
        json: &[u8],
        format: BundleFormat,
    ) -> Result<SigstoreBundle, ConversionError> {
        let bundle = SigstoreBundle::parse_cosign(json)?;
        if let Some(key) = cosign::public_key(json)? {
            let repeated = bundle.log_entries.iter().any(|entry| {
                let body = EntryBody::parse(&entry.kind_version, &entry.canonicalized_body);
                body.is_ok_and(|body| body.signer == VerifierBytes::PublicKey(key.clone()))
            });
            if !repeated {
                return Err(ConversionError::PublicKey);
            }
        }
        bundle.convert(format)
    }
}

fn signer(signer: SignerMaterial, format: BundleFormat) -> Result<SignerMaterial, ConversionError> {
    Ok(match (signer, format) {
        (SignerMaterial::CertificateChain(chain), BundleFormat::V03) => {
            match <[Vec<u8>; 1]>::try_from(chain) {
                Ok([leaf]) => SignerMaterial::Certificate(leaf),
                Err(chain) => {
                    let count = chain.len().saturating_sub(1);
                    return Err(ConversionError::AboveLeaf { count });
                }
            }
        }
        (SignerMaterial::Certificate(leaf), BundleFormat::V01 | BundleFormat::V02) => {
            SignerMaterial::CertificateChain(vec![leaf])
        }
        (signer, _) => signer,
    })
}

#[cfg(test)]
mod tests;
