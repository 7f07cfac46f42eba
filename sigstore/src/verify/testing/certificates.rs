//! Certificates: as the crate's own builders make them, and with something changed about them.

use std::time::Duration;

use der::Encode as _;
use der::asn1::{ObjectIdentifier, UtcTime};

use super::*;
use crate::cert::authority::{AuthorityProfile, Purpose, Role};
use crate::cert::extensions::{Extension, FulcioExtensions};
use crate::cert::profile::{self, LeafProfile, SerialNumber, Validity};
use crate::cert::signature_algorithm::SignatureAlgorithm;
use crate::cert::{DistinguishedName, ExtensionField, SubjectAltName, oids};
use crate::der_writer::{sequence, tag, tlv, unsigned};
use crate::sct::{CtEntry, SignedCertificateTimestamp};
use crate::time::UnixMillis;

/// A certificate taken apart, to be changed and signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateParts {
    pub(crate) serial: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) not_before: u64,
    pub(crate) not_after: u64,
    pub(crate) spki: Vec<u8>,
    pub(crate) extensions: Vec<Extension>,
}

impl CertificateParts {
    /// The parts of a certificate of which only the signature may be missing.
    fn of_tbs(tbs: &[u8], algorithm: SignatureAlgorithm) -> CertificateParts {
        let der = profile::assemble(tbs, algorithm, b"none yet");
        let view = CertificateView::parse(&der).unwrap();
        let parts = CertificateParts {
            serial: view.serial().to_vec(),
            issuer: view.issuer().to_vec(),
            subject: view.subject().to_vec(),
            not_before: view.not_before().get(),
            not_after: view.not_after().get(),
            spki: view.spki().to_vec(),
            extensions: view.extensions().iter().map(extension_of).collect(),
        };
        assert_eq!(parts.tbs(algorithm), tbs, "nothing is lost");
        parts
    }

    /// The part that is signed.
    pub(crate) fn tbs(&self, algorithm: SignatureAlgorithm) -> Vec<u8> {
        let extensions: Vec<_> = self.extensions.iter().map(encode_extension).collect();
        sequence(&[
            tlv(0xa0, &unsigned(&[2])),
            unsigned(&self.serial),
            algorithm.to_der(),
            self.issuer.clone(),
            sequence(&[date(self.not_before), date(self.not_after)]),
            self.subject.clone(),
            self.spki.clone(),
            tlv(0xa3, &sequence(&extensions)),
        ])
    }

    /// The certificate, signed by an authority's key.
    pub(crate) fn sign(&self, key: &TestKey) -> Vec<u8> {
        let algorithm = algorithm_of(key);
        let tbs = self.tbs(algorithm);
        profile::assemble(&tbs, algorithm, &key.sign(&tbs))
    }

    /// Sets the value of an extension, adding it if it is not there.
    pub(crate) fn set(&mut self, oid: ObjectIdentifier, critical: bool, value: Vec<u8>) {
        self.remove(oid);
        self.extensions.push(Extension {
            oid,
            critical,
            value,
        });
    }

    pub(crate) fn remove(&mut self, oid: ObjectIdentifier) {
        self.extensions.retain(|extension| extension.oid != oid);
    }
}

/// The root and the intermediate that certifies signers.
pub(crate) struct Authorities {
    pub(crate) root_key: TestKey,
    pub(crate) key: TestKey,
}

impl Authorities {
    pub(crate) fn new() -> Authorities {
        Authorities {
            root_key: TestKey::generate(KeyDetails::EcdsaP384Sha384),
            key: TestKey::generate(KeyDetails::EcdsaP256Sha256),
        }
    }

    /// As it stands in a trusted root.
    pub(crate) fn chain(&self) -> Vec<Vec<u8>> {
        vec![self.intermediate(|_| {}), self.root(|_| {})]
    }

    pub(crate) fn root(&self, edit: fn(&mut CertificateParts)) -> Vec<u8> {
        let name = name_of("root");
        let mut parts = authority_parts(Role::Root, &name, &name, &self.root_key, &self.root_key);
        edit(&mut parts);
        parts.sign(&self.root_key)
    }

    /// The intermediate, issued by the root and changed before that.
    pub(crate) fn intermediate(&self, edit: fn(&mut CertificateParts)) -> Vec<u8> {
        let mut parts = intermediate_parts("root", "intermediate", &self.root_key, &self.key);
        edit(&mut parts);
        parts.sign(&self.root_key)
    }

    /// A certificate for a signer's key, with the promises of the log.
    pub(crate) fn leaf(&self, signing: &Signing, key: &TestKey) -> Vec<u8> {
        let (issuer, issuer_key) = match signing.issuer {
            Issuer::Root => ("root", &self.root_key),
            Issuer::Intermediate => ("intermediate", &self.key),
        };
        let mut extensions = FulcioExtensions::new();
        extensions.set(ExtensionField::Issuer, ISSUER);
        let profile = LeafProfile {
            serial: SerialNumber::from_random([3; 20]),
            signature_algorithm: algorithm_of(issuer_key),
            issuer_name: &name_of(issuer),
            issuer_key_id: &profile::key_id(&public(issuer_key)),
            validity: Validity {
                not_before: UnixSeconds::new(NOW - MINUTE),
                not_after: UnixSeconds::new(NOW + 9 * MINUTE),
            },
            public_key: &public(key),
            san: &SubjectAltName::Email(NAME.to_owned()),
            extensions: &extensions,
        };
        let tbs = profile.to_tbs().unwrap().logged();
        let algorithm = algorithm_of(issuer_key);
        let mut parts = CertificateParts::of_tbs(&tbs, algorithm);
        (signing.edit_leaf)(&mut parts);
        let mut scts = vec![promise(&parts.tbs(algorithm), issuer_key)];
        (signing.edit_scts)(&mut scts);
        if !scts.is_empty() {
            let list = sct::encode_list(&scts).unwrap();
            parts.set(oids::CT_SCT_LIST, false, list);
        }
        (signing.edit_logged_leaf)(&mut parts);
        parts.sign(issuer_key)
    }
}

/// An intermediate by any name, below any other.
pub(crate) fn intermediate_parts(
    issuer: &str,
    subject: &str,
    issuer_key: &TestKey,
    key: &TestKey,
) -> CertificateParts {
    let role = Role::Intermediate {
        purpose: Purpose::CodeSigning,
        issuer_key_id: &profile::key_id(&public(issuer_key)),
    };
    authority_parts(role, &name_of(issuer), &name_of(subject), issuer_key, key)
}

fn authority_parts(
    role: Role<'_>,
    issuer_name: &[u8],
    subject_name: &[u8],
    issuer_key: &TestKey,
    key: &TestKey,
) -> CertificateParts {
    let profile = AuthorityProfile {
        role,
        serial: SerialNumber::from_random([2; 20]),
        signature_algorithm: algorithm_of(issuer_key),
        issuer_name,
        subject_name,
        validity: Validity {
            not_before: UnixSeconds::new(NOW - 360 * DAY),
            not_after: UnixSeconds::new(NOW + 360 * DAY),
        },
        public_key: &public(key),
    };
    CertificateParts::of_tbs(&profile.to_tbs().unwrap(), algorithm_of(issuer_key))
}

/// The name of an authority.
pub(crate) fn name_of(common_name: &str) -> Vec<u8> {
    let name = DistinguishedName::new("example.org", common_name);
    name.unwrap().to_der()
}

/// What the certificate log promises about a certificate to be.
fn promise(tbs: &[u8], issuer_key: &TestKey) -> SignedCertificateTimestamp {
    let entry = CtEntry::Precert {
        issuer_key_hash: sct::log_id(&issuer_key.spki),
        tbs,
    };
    let log = &instance().ct_log;
    let timestamp = UnixMillis::new(NOW * 1000);
    // As a log of static-ct has it: the index of the entry, here 7.
    let extensions = vec![0, 0, 5, 0, 0, 0, 0, 7];
    let signed = entry.signed_bytes(timestamp, &extensions).unwrap();
    SignedCertificateTimestamp {
        log_id: sct::log_id(&log.spki),
        timestamp,
        extensions,
        signature: log.sign(&signed),
    }
}

fn algorithm_of(key: &TestKey) -> SignatureAlgorithm {
    SignatureAlgorithm::for_key_kind(key.label.key_kind()).unwrap()
}

fn extension_of(view: &crate::cert::ExtensionView<'_>) -> Extension {
    Extension {
        oid: view.oid,
        critical: view.critical,
        value: view.value.to_vec(),
    }
}

fn encode_extension(extension: &Extension) -> Vec<u8> {
    let critical = if extension.critical {
        tlv(tag::BOOLEAN, &[0xff])
    } else {
        Vec::new()
    };
    sequence(&[
        tlv(tag::OID, extension.oid.as_bytes()),
        critical,
        tlv(tag::OCTET_STRING, &extension.value),
    ])
}

fn date(seconds: u64) -> Vec<u8> {
    let time = UtcTime::from_unix_duration(Duration::from_secs(seconds));
    time.unwrap().to_der().unwrap()
}
