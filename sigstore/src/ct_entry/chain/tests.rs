//! Tests of submitted chains: what is taken, what is logged of it, each refusal.

use super::*;
use crate::cert::profile::assemble;
use crate::cert::{
    AuthorityProfile, DistinguishedName, FulcioExtensions, LeafProfile, Purpose, Role,
    SerialNumber, SignatureAlgorithm, SubjectAltName, Validity,
};
use crate::sct::SignedCertificateTimestamp;
use crate::test_keys::{TestKey, key};
use crate::time::{UnixMillis, UnixSeconds};
use crate::{KeyDetails, PublicKey};

const P256: KeyDetails = KeyDetails::EcdsaP256Sha256;
const P384: KeyDetails = KeyDetails::EcdsaP384Sha384;

fn public(key: &TestKey) -> PublicKey {
    PublicKey::from_spki_der(&key.spki).unwrap()
}

fn name(common_name: &str) -> Vec<u8> {
    DistinguishedName::new("example.com", common_name)
        .unwrap()
        .to_der()
}

fn validity() -> Validity {
    let not_before = UnixSeconds::new(1_735_689_600);
    Validity {
        not_before,
        not_after: not_before.plus_seconds(600),
    }
}

/// A certificate of an authority.
struct Authority {
    key: &'static TestKey,
    algorithm: SignatureAlgorithm,
    name: Vec<u8>,
    der: Vec<u8>,
}

impl Authority {
    fn new(label: KeyDetails, common_name: &str, issuer: Option<&Authority>) -> Self {
        let key = key(label);
        let own_name = name(common_name);
        let algorithm = SignatureAlgorithm::for_key_kind(public(key).kind()).unwrap();
        let role = match issuer {
            None => Role::Root,
            Some(_) => Role::Intermediate {
                purpose: Purpose::CodeSigning,
                issuer_key_id: &[9; 20],
            },
        };
        let signed_with = issuer.map_or(algorithm, |issuer| issuer.algorithm);
        let tbs = AuthorityProfile {
            role,
            serial: SerialNumber::from_random([1; 20]),
            signature_algorithm: signed_with,
            issuer_name: issuer.map_or(&own_name, |issuer| &issuer.name),
            subject_name: &own_name,
            validity: validity(),
            public_key: &public(key),
        };
        let tbs = tbs.to_tbs().unwrap();
        let signature = issuer.map_or(key, |issuer| issuer.key).sign(&tbs);
        let der = assemble(&tbs, signed_with, &signature);
        Self {
            key,
            algorithm,
            name: own_name,
            der,
        }
    }

    /// A precertificate and the certificate that follows from it.
    fn issue(&self) -> (Vec<u8>, Vec<u8>) {
        let leaf = LeafProfile {
            serial: SerialNumber::from_random([2; 20]),
            signature_algorithm: self.algorithm,
            issuer_name: &self.name,
            issuer_key_id: &[9; 20],
            validity: validity(),
            public_key: &public(key(P256)),
            san: &SubjectAltName::Email("a@b.com".to_owned()),
            extensions: &FulcioExtensions::new(),
        };
        let leaf = leaf.to_tbs().unwrap();
        let sct = SignedCertificateTimestamp {
            log_id: [0; 32],
            timestamp: UnixMillis::new(1),
            extensions: Vec::new(),
            signature: vec![0x30, 0],
        };
        let finished = |tbs: Vec<u8>| assemble(&tbs, self.algorithm, &self.key.sign(&tbs));
        (
            finished(leaf.poisoned()),
            finished(leaf.with_scts(&[sct]).unwrap()),
        )
    }
}

struct Chain {
    root: Authority,
    intermediate: Authority,
    precertificate: Vec<u8>,
    certificate: Vec<u8>,
}

impl Chain {
    fn new() -> Self {
        let root = Authority::new(P384, "root", None);
        let intermediate = Authority::new(P256, "intermediate", Some(&root));
        let (precertificate, certificate) = intermediate.issue();
        Self {
            root,
            intermediate,
            precertificate,
            certificate,
        }
    }

    fn roots(&self) -> AcceptedRoots {
        AcceptedRoots::new([self.root.der.clone()]).unwrap()
    }

    fn check(
        &self,
        submitted_as: SubmittedAs,
        certificates: &[&[u8]],
    ) -> Result<SubmittedChain, ChainError> {
        let certificates = certificates.iter().map(|der| der.to_vec()).collect();
        SubmittedChain::check(submitted_as, certificates, &self.roots())
    }

    fn check_precertificate(&self, above: &[&[u8]]) -> Result<SubmittedChain, ChainError> {
        let certificates = [&[&self.precertificate[..]], above].concat();
        self.check(SubmittedAs::Precertificate, &certificates)
    }
}

#[test]
fn the_root_may_be_left_out() {
    let chain = Chain::new();
    let (root, intermediate) = (&chain.root.der[..], &chain.intermediate.der[..]);
    let with_root = chain.check_precertificate(&[intermediate, root]).unwrap();
    let without = chain.check_precertificate(&[intermediate]).unwrap();
    assert_eq!(with_root, without);
    assert_eq!(without.issuers().certificates(), [intermediate, root]);
}

#[test]
fn a_precertificate_is_promised_without_its_poison() {
    let chain = Chain::new();
    let checked = chain
        .check_precertificate(&[&chain.intermediate.der])
        .unwrap();
    let certificate = CertificateView::parse(&chain.certificate).unwrap();
    let Logged::Precertificate {
        der,
        issuer_key_hash,
        tbs,
    } = checked.logged()
    else {
        panic!("not a precertificate");
    };
    assert_eq!(der, chain.precertificate);
    assert_eq!(issuer_key_hash, fingerprint(&chain.intermediate.key.spki));
    assert_eq!(tbs, certificate.tbs_without(oids::CT_SCT_LIST));
    let above = [&chain.intermediate.der, &chain.root.der].map(|der| fingerprint(der));
    assert_eq!(checked.issuers().fingerprints(), above);
}

#[test]
fn a_certificate_is_logged_as_it_is() {
    let chain = Chain::new();
    let certificates = [&chain.certificate[..], &chain.intermediate.der];
    let checked = chain.check(SubmittedAs::Certificate, &certificates);
    let der = &chain.certificate[..];
    assert_eq!(checked.unwrap().logged(), Logged::Certificate { der });
}

#[test]
fn each_goes_where_it_belongs() {
    let chain = Chain::new();
    let above = &chain.intermediate.der[..];
    let wrong = chain.check(SubmittedAs::Certificate, &[&chain.precertificate, above]);
    assert_eq!(wrong, Err(ChainError::Poisoned));
    let wrong = chain.check(SubmittedAs::Precertificate, &[&chain.certificate, above]);
    assert_eq!(wrong, Err(ChainError::NotPoisoned));
}

#[test]
fn a_chain_to_no_accepted_root_is_refused() {
    let chain = Chain::new();
    assert_eq!(
        chain.check_precertificate(&[]),
        Err(ChainError::NoRoot { at: 0 })
    );
    // The name of the root, and another key.
    let other = Authority::new(P256, "root", None);
    let (precertificate, _) = other.issue();
    let certificates = [&precertificate[..], &other.der];
    let error = chain.check(SubmittedAs::Precertificate, &certificates);
    assert_eq!(error, Err(ChainError::NoRoot { at: 1 }));
    let nobody = AcceptedRoots::default();
    assert!(nobody.is_empty());
    let certificates = vec![chain.precertificate.clone(), chain.intermediate.der.clone()];
    let error = SubmittedChain::check(SubmittedAs::Precertificate, certificates, &nobody);
    assert_eq!(error, Err(ChainError::NoRoot { at: 1 }));
}

#[test]
fn each_certificate_is_signed_by_the_next() {
    let chain = Chain::new();
    let (root, above) = (&chain.root.der[..], &chain.intermediate.der[..]);
    let error = chain.check_precertificate(&[root]).unwrap_err();
    assert_eq!(error, ChainError::Names { at: 0 });
    let error = chain.check_precertificate(&[root, above]).unwrap_err();
    assert_eq!(error, ChainError::Names { at: 1 });
    let mut forged = chain.precertificate.clone();
    *forged.last_mut().unwrap() ^= 1;
    let error = chain.check(SubmittedAs::Precertificate, &[&forged, above]);
    assert!(
        matches!(error, Err(ChainError::Certificate { at: 0, .. })),
        "{error:?}"
    );
}

/// Who is remembered vouches for nothing: each certificate below is checked.
#[test]
fn what_was_not_signed_by_known_issuers_is_refused() {
    let chain = Chain::new();
    let issuers = |above: &Authority| {
        let checked = CheckedIssuers::check(vec![above.der.clone()], &chain.roots());
        Arc::new(checked.unwrap())
    };
    let known = issuers(&chain.intermediate);
    let below = |der: &[u8], issuers: &Arc<CheckedIssuers>| {
        let submitted_as = SubmittedAs::Precertificate;
        SubmittedChain::below(submitted_as, der.to_vec(), Arc::clone(issuers))
    };
    let taken = below(&chain.precertificate, &known).unwrap();
    assert_eq!(
        chain.check_precertificate(&[&chain.intermediate.der]),
        Ok(taken)
    );
    let mut forged = chain.precertificate.clone();
    *forged.last_mut().unwrap() ^= 1;
    let error = below(&forged, &known);
    assert!(
        matches!(error, Err(ChainError::Certificate { at: 0, .. })),
        "{error:?}"
    );
    // The same name, and another key.
    let (other, _) = Authority::new(P384, "intermediate", None).issue();
    let error = below(&other, &known);
    assert!(
        matches!(error, Err(ChainError::Certificate { at: 0, .. })),
        "{error:?}"
    );
    let error = below(&chain.precertificate, &issuers(&chain.root));
    assert_eq!(error, Err(ChainError::Names { at: 0 }));
    let error = below(&chain.certificate, &known);
    assert_eq!(error, Err(ChainError::NotPoisoned));
}

#[test]
fn issuers_that_lead_to_no_root_are_not_known() {
    let chain = Chain::new();
    let check = |above: &[&[u8]]| {
        let above = above.iter().map(|der| der.to_vec()).collect();
        CheckedIssuers::check(above, &chain.roots())
    };
    assert_eq!(check(&[]), Err(ChainError::Count { found: 1 }));
    let (root, intermediate) = (&chain.root.der[..], &chain.intermediate.der[..]);
    let many = [root; CHAIN_LEN_MAX];
    let found = CHAIN_LEN_MAX + 1;
    assert_eq!(check(&many), Err(ChainError::Count { found }));
    assert!(check(&many[1..]).is_ok());
    let mut forged = intermediate.to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let error = check(&[&forged, root]);
    assert!(
        matches!(error, Err(ChainError::Certificate { at: 1, .. })),
        "{error:?}"
    );
    assert_eq!(check(&[&forged]), Err(ChainError::NoRoot { at: 1 }));
    let error = check(&[&chain.certificate, intermediate]);
    assert_eq!(error, Err(ChainError::NotAnAuthority { at: 1 }));
}

#[test]
fn a_signer_cannot_issue() {
    let chain = Chain::new();
    // Its certificate has an empty subject, and so has no issuer but one that says so.
    let mut signer = Authority::new(P256, "signer", Some(&chain.root));
    signer.name = vec![0x30, 0];
    let (precertificate, _) = signer.issue();
    let certificates = [
        &precertificate[..],
        &chain.certificate,
        &chain.intermediate.der,
    ];
    let error = chain.check(SubmittedAs::Precertificate, &certificates);
    assert_eq!(error, Err(ChainError::NotAnAuthority { at: 1 }));
    let error = AcceptedRoots::new([chain.certificate.clone()]);
    assert_eq!(error, Err(ChainError::NotAnAuthority { at: 0 }));
}

#[test]
fn lengths_are_bounded() {
    let chain = Chain::new();
    let none = chain.check(SubmittedAs::Certificate, &[]);
    assert_eq!(none, Err(ChainError::Count { found: 0 }));
    let many = [&chain.certificate[..]; CHAIN_LEN_MAX + 1];
    let error = chain.check(SubmittedAs::Certificate, &many);
    let found = CHAIN_LEN_MAX + 1;
    assert_eq!(error, Err(ChainError::Count { found }));
    let alone = chain.check(SubmittedAs::Certificate, &[&chain.root.der]);
    assert_eq!(alone, Err(ChainError::RootAlone));
}

#[test]
fn a_root_given_twice_counts_once() {
    let chain = Chain::new();
    let roots = AcceptedRoots::new([chain.root.der.clone(), chain.root.der.clone()]).unwrap();
    assert_eq!(roots, chain.roots());
    assert_eq!(roots.iter().collect::<Vec<_>>(), [&chain.root.der[..]]);
}
