//! A message's digests by several hashes, taken while it passes by.

use aws_lc_rs::digest::{Context, Digest};

use crate::key_details::HashAlgorithm;
use crate::public_key::aws_digest;

/// Digests that are being taken.
pub(super) struct Digests(Vec<(HashAlgorithm, Context)>);

impl Digests {
    /// By these hashes.
    pub(super) fn by(hashes: &[HashAlgorithm]) -> Digests {
        let begin = |hash: &HashAlgorithm| (*hash, Context::new(aws_digest(*hash)));
        Digests(hashes.iter().map(begin).collect())
    }

    /// The next piece of the message.
    pub(super) fn update(&mut self, piece: &[u8]) {
        for (_, context) in &mut self.0 {
            context.update(piece);
        }
    }

    /// The digests, in the order of the hashes.
    pub(super) fn finish(self) -> Vec<(HashAlgorithm, Digest)> {
        let digests = self.0.into_iter();
        digests
            .map(|(hash, context)| (hash, context.finish()))
            .collect()
    }
}

/// The digest of one short value.
pub(super) fn digest(hash: HashAlgorithm, bytes: &[u8]) -> Digest {
    aws_lc_rs::digest::digest(aws_digest(hash), bytes)
}
