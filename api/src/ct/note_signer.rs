//! Signs the checkpoints of a certificate log: RFC 6962 tree heads, by the key of its promises.

use std::fmt;
use std::sync::Arc;

use ca::Signer;
use tiles::{
    KeyName, NoteKeyError, NoteSigner, SignError, SignedAt, VerifierKey, tree_head_bytes,
    tree_head_signature,
};

/// Signs tree heads under a name.
pub(crate) struct TreeHeadSigner {
    signer: Arc<dyn Signer>,
    verifier: VerifierKey,
}

impl TreeHeadSigner {
    /// The signer of the log of that name.
    ///
    /// # Errors
    /// The key is not on P-256.
    pub(crate) fn new(
        name: KeyName,
        signer: Arc<dyn Signer>,
    ) -> Result<TreeHeadSigner, NoteKeyError> {
        let verifier = VerifierKey::from_tree_head_spki(name, signer.public_key())?;
        Ok(TreeHeadSigner { signer, verifier })
    }
}

impl NoteSigner for TreeHeadSigner {
    fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, SignError> {
        Err(unavailable(&"a tree head states when it was signed"))
    }

    fn sign_at(&self, message: &[u8], signed_at: SignedAt) -> Result<Vec<u8>, SignError> {
        let signed = tree_head_bytes(self.verifier.name(), message, signed_at);
        let signed = signed.map_err(|error| unavailable(&error))?;
        let der = self
            .signer
            .sign(&signed)
            .map_err(|error| unavailable(&error))?;
        let signature = tree_head_signature(signed_at, &der).ok_or(SignError::SelfCheckFailed)?;
        match self.verifier.verify(message, &signature) {
            Ok(()) => Ok(signature),
            Err(_) => Err(SignError::SelfCheckFailed),
        }
    }
}

impl fmt::Debug for TreeHeadSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("TreeHeadSigner");
        out.field("verifier", &format_args!("{}", self.verifier))
            .finish_non_exhaustive()
    }
}

fn unavailable(reason: &dyn fmt::Display) -> SignError {
    SignError::Unavailable {
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use ca::signer::{FileSigner, generate};
    use tiles::{Checkpoint, LeafIndex, Origin, TreeSize, leaf_hash, sign_note_at};

    use super::*;

    fn signer() -> TreeHeadSigner {
        let key = generate(sigstore::KeyKind::EcdsaP256).unwrap();
        let key = FileSigner::from_pkcs8_der(&key).unwrap();
        TreeHeadSigner::new(KeyName::new("log.example").unwrap(), Arc::new(key)).unwrap()
    }

    #[test]
    fn a_signed_head_opens_with_the_logs_key_alone() {
        let (signer, other) = (signer(), signer());
        let origin = Origin::new("log.example").unwrap();
        let size = TreeSize::new(LeafIndex::new(0).get() + 1);
        let text = Checkpoint::new(origin, size, leaf_hash(b"")).encode();
        let note = sign_note_at(&text, SignedAt::from_unix_millis(5), &[&signer]).unwrap();
        let note = note.encode();
        let open =
            |key: &VerifierKey| tiles::open_checkpoint(note.as_bytes(), std::slice::from_ref(key));
        assert_eq!(open(signer.verifier()).unwrap().0.size(), size);
        assert!(open(other.verifier()).is_err());
        let vkey = VerifierKey::parse(&signer.verifier().to_string()).unwrap();
        assert!(open(&vkey).is_ok());
        let changed = note.replacen("\n1\n", "\n2\n", 1);
        let key = std::slice::from_ref(signer.verifier());
        assert!(tiles::open_checkpoint(changed.as_bytes(), key).is_err());
    }

    #[test]
    fn nothing_is_signed_without_a_time_or_for_another_log() {
        let signer = signer();
        assert!(signer.sign(b"log.example\n").is_err());
        let text = Checkpoint::new(
            Origin::new("other.example").unwrap(),
            TreeSize::ZERO,
            tiles::EMPTY_ROOT_HASH,
        );
        let at = SignedAt::from_unix_millis(5);
        assert!(signer.sign_at(text.encode().as_bytes(), at).is_err());
    }
}
