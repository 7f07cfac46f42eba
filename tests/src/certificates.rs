//! A certificate authority that issues what certificate logs take: precertificates, certificates,
//! and the chain above them.

use ca::signer::{FileSigner, Signer, generate};
use serde_json::{Value, json};
use sigstore::cert::profile::assemble;
use sigstore::cert::{
    AuthorityProfile, DistinguishedName, FulcioExtensions, LeafProfile, LeafTbs, Purpose, Role,
    SerialNumber, SignatureAlgorithm, SubjectAltName, Validity,
};
use sigstore::{KeyKind, PublicKey, SignedCertificateTimestamp, UnixSeconds, pem};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const ALGORITHM: SignatureAlgorithm = SignatureAlgorithm::EcdsaP256Sha256;

/// An authority of two certificates: a root, and an intermediate that issues.
#[derive(Debug)]
pub struct Authority {
    issuing_key: FileSigner,
    issuing_name: Vec<u8>,
    intermediate: Vec<u8>,
    root: Vec<u8>,
}

/// A certificate that waits for its promises, or goes without.
#[derive(Clone, Debug)]
pub struct Pending {
    tbs: LeafTbs,
    /// The precertificate, DER.
    pub precertificate: Vec<u8>,
}

impl Authority {
    /// An authority with new keys.
    #[must_use]
    pub fn new() -> Self {
        let (root_key, issuing_key) = (new_key(), new_key());
        let (root_name, issuing_name) = (name("root"), name("intermediate"));
        let root = authority(Role::Root, &root_name, (&root_name, &root_key), &root_key);
        let role = Role::Intermediate {
            purpose: Purpose::CodeSigning,
            issuer_key_id: &[9; 20],
        };
        let intermediate = authority(role, &issuing_name, (&root_name, &root_key), &issuing_key);
        Self {
            issuing_key,
            issuing_name,
            intermediate,
            root,
        }
    }

    /// The root, for `roots_file`.
    #[must_use]
    pub fn root_pem(&self) -> String {
        pem::encode_certificate(&self.root)
    }

    /// The certificates above those that are issued, DER: the intermediate, the root.
    #[must_use]
    pub fn above(&self) -> [&[u8]; 2] {
        [&self.intermediate, &self.root]
    }

    /// The first half of issuing the certificate with this number.
    #[must_use]
    pub fn precertify(&self, n: [u8; 2]) -> Pending {
        let mut serial = [1; 20];
        serial[18..].copy_from_slice(&n);
        let n = u16::from_be_bytes(n);
        let leaf = LeafProfile {
            serial: SerialNumber::from_random(serial),
            signature_algorithm: ALGORITHM,
            issuer_name: &self.issuing_name,
            issuer_key_id: &[9; 20],
            validity: validity(),
            public_key: &public(&self.issuing_key),
            san: &SubjectAltName::Email(format!("signer-{n}@example.com")),
            extensions: &FulcioExtensions::new(),
        };
        let tbs = leaf.to_tbs().unwrap();
        let precertificate = signed(&self.issuing_key, &tbs.poisoned());
        Pending {
            tbs,
            precertificate,
        }
    }

    /// The second half.
    #[must_use]
    pub fn finish(&self, pending: &Pending, sct: SignedCertificateTimestamp) -> Vec<u8> {
        signed(&self.issuing_key, &pending.tbs.with_scts(&[sct]).unwrap())
    }

    /// The body of `add-chain` or `add-pre-chain` for something that was issued here.
    #[must_use]
    pub fn request(&self, issued: &[u8]) -> String {
        add_chain(&[issued, &self.intermediate, &self.root])
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

/// The body of `add-chain` or `add-pre-chain`.
#[must_use]
pub fn add_chain(certificates: &[&[u8]]) -> String {
    let chain: Vec<String> = certificates
        .iter()
        .map(|der| STANDARD.encode(der))
        .collect();
    json!({ "chain": chain }).to_string()
}

/// The promise in the answer of a log.
#[must_use]
pub fn promise(answer: &[u8]) -> SignedCertificateTimestamp {
    let answer: Value = serde_json::from_slice(answer).unwrap();
    assert_eq!(answer["sct_version"], 0);
    let bytes = |field: &str| STANDARD.decode(answer[field].as_str().unwrap()).unwrap();
    let signature = bytes("signature");
    let (head, der) = signature.split_at(4);
    let len = u16::try_from(der.len()).unwrap().to_be_bytes();
    assert_eq!(head, [4, 3, len[0], len[1]]);
    SignedCertificateTimestamp {
        log_id: bytes("id").try_into().unwrap(),
        timestamp: sigstore::UnixMillis::new(answer["timestamp"].as_u64().unwrap()),
        extensions: bytes("extensions"),
        signature: der.to_vec(),
    }
}

fn new_key() -> FileSigner {
    FileSigner::from_pkcs8_der(&generate(KeyKind::EcdsaP256).unwrap()).unwrap()
}

fn public(key: &FileSigner) -> PublicKey {
    PublicKey::from_spki_der(key.public_key()).unwrap()
}

fn name(common_name: &str) -> Vec<u8> {
    let name = DistinguishedName::new("example.com", common_name).unwrap();
    name.to_der()
}

fn validity() -> Validity {
    let not_before = UnixSeconds::new(1_735_689_600);
    Validity {
        not_before,
        not_after: not_before.plus_seconds(600),
    }
}

fn signed(key: &FileSigner, tbs: &[u8]) -> Vec<u8> {
    assemble(tbs, ALGORITHM, &key.sign(tbs).unwrap())
}

fn authority(
    role: Role<'_>,
    own_name: &[u8],
    (issuer_name, issuer_key): (&[u8], &FileSigner),
    key: &FileSigner,
) -> Vec<u8> {
    let profile = AuthorityProfile {
        role,
        serial: SerialNumber::from_random([1; 20]),
        signature_algorithm: ALGORITHM,
        issuer_name,
        subject_name: own_name,
        validity: validity(),
        public_key: &public(key),
    };
    signed(issuer_key, &profile.to_tbs().unwrap())
}
