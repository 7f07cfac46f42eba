//! The roots that a log accepts, and the certificates that were found to lead to one.
//!
//! An authority submits all it issues below the same few certificates. That each of those is signed
//! by the next is checked once, and remembered by every byte of them. What was submitted below them
//! is checked each time.
//!
//! The roots never change under what is remembered: a log that accepts others is opened with a new
//! value of this, which knows nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sigstore::ct_entry::chain::{SubmittedAs, split};
use sigstore::{AcceptedRoots, ChainError, CheckedIssuers, SubmittedChain};

/// The most chains that are remembered. A log of one organisation sees one or two; a certificate
/// may have 48 KiB, so this is 12 MiB at the very most.
const REMEMBERED_COUNT_MAX: usize = 32;

/// Accepted roots and who leads to them.
#[derive(Debug)]
pub(super) struct KnownIssuers {
    roots: AcceptedRoots,
    /// By the certificates as they were submitted, the root there or left out.
    remembered: Mutex<HashMap<Vec<Vec<u8>>, Arc<CheckedIssuers>>>,
}

impl KnownIssuers {
    pub(super) fn new(roots: AcceptedRoots) -> KnownIssuers {
        KnownIssuers {
            roots,
            remembered: Mutex::default(),
        }
    }

    /// Checks what somebody submitted.
    ///
    /// # Errors
    /// It does not lead to an accepted root.
    pub(super) fn check(
        &self,
        submitted_as: SubmittedAs,
        certificates: Vec<Vec<u8>>,
    ) -> Result<SubmittedChain, ChainError> {
        let (certificate, above) = split(certificates)?;
        let issuers = if above.is_empty() {
            Arc::new(CheckedIssuers::root_of(&certificate, &self.roots)?)
        } else {
            self.leading_to_a_root(&above)?
        };
        SubmittedChain::below(submitted_as, certificate, issuers)
    }

    /// Certificates above a submitted one, checked now or before.
    ///
    /// # Errors
    /// They do not lead to an accepted root. Nothing is remembered of that.
    pub(super) fn leading_to_a_root(
        &self,
        above: &[Vec<u8>],
    ) -> Result<Arc<CheckedIssuers>, ChainError> {
        if let Some(known) = self.remembered().get(above) {
            return Ok(Arc::clone(known));
        }
        let checked = Arc::new(CheckedIssuers::check(above.to_vec(), &self.roots)?);
        let mut remembered = self.remembered();
        if remembered.len() >= REMEMBERED_COUNT_MAX {
            // Whoever is still submitting is checked, and remembered, once more.
            remembered.clear();
        }
        remembered.insert(above.to_vec(), Arc::clone(&checked));
        Ok(checked)
    }

    fn remembered(&self) -> MutexGuard<'_, HashMap<Vec<Vec<u8>>, Arc<CheckedIssuers>>> {
        // Each change of it is one call.
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use ca::chain::{Issuer, NewCertificate, random_serial_number};
    use ca::signer::{FileSigner, generate};
    use sigstore::cert::{DistinguishedName, Purpose, Validity};
    use sigstore::{KeyKind, PublicKey, UnixSeconds};

    use super::*;

    const VALIDITY: Validity = Validity {
        not_before: UnixSeconds::new(1_767_225_600),
        not_after: UnixSeconds::new(1_798_761_600),
    };

    fn new_certificate(name: &DistinguishedName) -> NewCertificate<'_> {
        NewCertificate {
            name,
            validity: VALIDITY,
            serial: random_serial_number().unwrap(),
        }
    }

    /// A root, which makes as many intermediates as are wanted.
    struct Root {
        signer: FileSigner,
        der: Vec<u8>,
    }

    impl Root {
        fn new() -> Root {
            let key = generate(KeyKind::EcdsaP256).unwrap();
            let signer = FileSigner::from_pkcs8_der(&key).unwrap();
            let name = DistinguishedName::new("example.com", "root").unwrap();
            let der = new_certificate(&name).root(&signer).unwrap();
            Root { signer, der }
        }

        fn intermediate(&self, name: &str) -> Vec<u8> {
            let issuer = Issuer::new(&self.der, &self.signer).unwrap();
            let key = PublicKey::from_spki_der(ca::Signer::public_key(&self.signer)).unwrap();
            let name = DistinguishedName::new("example.com", name).unwrap();
            let new = new_certificate(&name);
            new.intermediate(&issuer, &key, Purpose::CodeSigning)
                .unwrap()
        }

        fn known_issuers(&self) -> KnownIssuers {
            KnownIssuers::new(AcceptedRoots::new([self.der.clone()]).unwrap())
        }
    }

    fn count(issuers: &KnownIssuers) -> usize {
        issuers.remembered().len()
    }

    #[test]
    fn what_leads_to_a_root_is_checked_once() {
        let root = Root::new();
        let (issuers, above) = (root.known_issuers(), [root.intermediate("one")]);
        let first = issuers.leading_to_a_root(&above).unwrap();
        let again = issuers.leading_to_a_root(&above).unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        assert_eq!(first.certificates(), [&above[0][..], &root.der]);
        // With its root it is another submission, which means the same.
        let [intermediate] = above;
        let with_root = [intermediate, root.der.clone()];
        let with_root = issuers.leading_to_a_root(&with_root).unwrap();
        assert_eq!(with_root, first);
        assert_eq!(count(&issuers), 2);
    }

    #[test]
    fn what_is_refused_is_not_remembered_and_refused_again() {
        let (root, other) = (Root::new(), Root::new());
        let issuers = root.known_issuers();
        let above = [root.intermediate("one")];
        issuers.leading_to_a_root(&above).unwrap();
        let mut forged = above.clone();
        *forged[0].last_mut().unwrap() ^= 1;
        for wrong in [forged, [other.intermediate("one")]] {
            for _ in 0..2 {
                let error = issuers.leading_to_a_root(&wrong);
                assert_eq!(error, Err(ChainError::NoRoot { at: 1 }));
            }
        }
        assert_eq!(count(&issuers), 1);
    }

    #[test]
    fn other_roots_know_nothing_of_it() {
        let (root, other) = (Root::new(), Root::new());
        let above = [root.intermediate("one")];
        root.known_issuers().leading_to_a_root(&above).unwrap();
        let error = other.known_issuers().leading_to_a_root(&above);
        assert_eq!(error, Err(ChainError::NoRoot { at: 1 }));
    }

    #[test]
    fn only_so_many_are_remembered() {
        let root = Root::new();
        let issuers = root.known_issuers();
        for number in 0..=2 * REMEMBERED_COUNT_MAX {
            let above = [root.intermediate(&format!("number {number}"))];
            let checked = issuers.leading_to_a_root(&above).unwrap();
            assert_eq!(checked.certificates()[0], above[0]);
            assert!((1..=REMEMBERED_COUNT_MAX).contains(&count(&issuers)));
        }
        assert_eq!(count(&issuers), 1);
    }

    #[test]
    fn known_issuers_vouch_for_nothing_below_them() {
        let root = Root::new();
        let (issuers, above) = (root.known_issuers(), root.intermediate("one"));
        let right = vec![root.intermediate("two"), root.der.clone()];
        assert!(issuers.check(SubmittedAs::Certificate, right).is_ok());
        let mut forged = root.intermediate("two");
        *forged.last_mut().unwrap() ^= 1;
        for above in [root.der.clone(), above] {
            let wrong = vec![forged.clone(), above];
            assert!(issuers.check(SubmittedAs::Certificate, wrong).is_err());
        }
        let alone = vec![root.der.clone()];
        let error = issuers.check(SubmittedAs::Certificate, alone);
        assert_eq!(error, Err(ChainError::RootAlone));
        let alone = vec![root.intermediate("two")];
        assert!(issuers.check(SubmittedAs::Certificate, alone).is_ok());
        assert_eq!(count(&issuers), 2);
    }
}
