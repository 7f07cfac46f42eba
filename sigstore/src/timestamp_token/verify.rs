//! Checking a token against the certificates of a trusted timestamp authority.

use der::asn1::ObjectIdentifier;
use der::{Decode as _, Encode as _};
use x509_cert::Certificate;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages};

use super::error::{ChainError, TokenError};
use super::gen_time::GenTime;
use super::token::{SignerInfo, SigningCertificate, TimestampToken};
use super::{TstInfo, oids, writer};
use crate::named_signature::{self as signature, BadSignature};
use crate::public_key::{CERTIFICATE_LEN_BYTES_MAX, PublicKey};
use crate::time::UnixSeconds;

/// The certificates of a timestamp authority that is trusted: its own first, its root last. Each
/// was issued by the next, which is checked once; when each was valid is checked for each token.
#[derive(Clone, Debug)]
pub struct TimestampChain {
    certificates: Vec<Link>,
    /// What a token says about its signer: `IssuerAndSerialNumber`.
    issuer_and_serial: Vec<u8>,
    /// The same in the words of `signing-certificate`: `GeneralNames` and the number.
    issuer_serial: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Link {
    der: Vec<u8>,
    key: PublicKey,
    not_before: UnixSeconds,
    not_after: UnixSeconds,
}

/// More than any authority has.
const CHAIN_LEN_MAX: usize = 10;

impl TimestampChain {
    /// Reads a chain of DER certificates and checks all of it that does not depend on the time:
    /// the first is an end entity's with the critical and only extended key usage `timeStamping`,
    /// every other is a CA's that may issue it, and each is signed by the next.
    ///
    /// Whether its last certificate is to be trusted is for the caller to say, who has it from a
    /// trust root. Cost: one signature check for each but the last.
    ///
    /// # Errors
    ///
    /// [`ChainError`] says which certificate fails which of these checks.
    pub fn parse_der<T: AsRef<[u8]>>(chain: &[T]) -> Result<TimestampChain, ChainError> {
        if chain.is_empty() || chain.len() > CHAIN_LEN_MAX {
            let (found, max) = (chain.len(), CHAIN_LEN_MAX);
            return Err(ChainError::Count { found, max });
        }
        let mut parsed = Vec::with_capacity(chain.len());
        let mut certificates = Vec::with_capacity(chain.len());
        for (place, der) in chain.iter().enumerate() {
            let (certificate, link) = parse_link(place, der.as_ref())?;
            check_profile(place, &certificate)?;
            parsed.push(certificate);
            certificates.push(link);
        }
        for (place, (certificate, issuer)) in parsed.iter().zip(parsed.iter().skip(1)).enumerate() {
            let key = certificates.get(place + 1).map(|link| &link.key);
            check_issued(certificate, issuer, key)
                .map_err(|reason| ChainError::NotIssued { place, reason })?;
        }
        let (issuer_and_serial, issuer_serial) = parsed
            .first()
            .and_then(|leaf| signer_names(leaf).ok())
            .ok_or(ChainError::Profile {
                place: 0,
                reason: "its issuer cannot be written as DER",
            })?;
        Ok(TimestampChain {
            certificates,
            issuer_and_serial,
            issuer_serial,
        })
    }

    /// The authority's own certificate and those above it, as DER.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.certificates.iter().map(|link| link.der.as_slice())
    }

    /// The authority's key.
    ///
    /// # Panics
    ///
    /// Never: a chain has a first certificate.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.leaf().key
    }

    /// Checks that this authority says, in this token, that `message` existed at the token's time,
    /// and that all of its certificates were valid then, both ends included.
    ///
    /// Not checked here: when the trust root trusts the authority, and a nonce, which only whoever
    /// asked for the token knows. Cost: hashing the message, and one signature check.
    ///
    /// # Errors
    ///
    /// [`TokenError`] names the check that failed, which is the first that did.
    pub fn verify<'t>(
        &self,
        token: &'t TimestampToken,
        message: &[u8],
    ) -> Result<&'t TstInfo, TokenError> {
        let tst_info = token.unverified();
        if !tst_info.imprint.is_of(message) {
            return Err(TokenError::Imprint);
        }
        let signer = token.signer();
        self.check_signer(signer)?;
        let leaf = self.leaf();
        let mut embedded = token.certificates().peekable();
        if embedded.peek().is_some() && !embedded.any(|certificate| certificate == leaf.der) {
            return Err(TokenError::Certificate);
        }
        let unsupported = |oid: ObjectIdentifier| TokenError::Algorithm {
            algorithm: format!("{oid} with hash {}", signer.digest_algorithm),
            key: leaf.key.kind().to_string(),
        };
        let hash = oids::hash_of(signer.digest_algorithm)
            .ok_or_else(|| unsupported(signer.signature_algorithm))?;
        if signature::digest(hash, token.tst_info_der()).as_ref() != signer.message_digest {
            return Err(TokenError::MessageDigest);
        }
        let signed = &signer.signed_attributes_der;
        let algorithm = signer.signature_algorithm;
        signature::verify(&leaf.key, algorithm, Some(hash), signed, &signer.signature).map_err(
            |bad| match bad {
                BadSignature::Unsupported => unsupported(algorithm),
                BadSignature::Mismatch => TokenError::Signature,
            },
        )?;
        self.check_valid_at(&tst_info.gen_time)?;
        Ok(tst_info)
    }

    fn check_signer(&self, signer: &SignerInfo) -> Result<(), TokenError> {
        if signer.issuer_and_serial != self.issuer_and_serial {
            return Err(TokenError::Signer("issuer and serial number"));
        }
        let SigningCertificate {
            hash,
            certificate_hash,
            issuer_serial,
        } = &signer.signing_certificate;
        // Of the older attribute with SHA-1 only the names are compared, if it has them: the
        // certificate is known already, and the hash adds nothing that could be relied on.
        if let Some(hash) = *hash {
            let digest = signature::digest(hash, &self.leaf().der);
            if digest.as_ref() != certificate_hash {
                return Err(TokenError::Signer("the hash of its certificate"));
            }
        }
        match issuer_serial {
            Some(named) if *named != self.issuer_serial => Err(TokenError::Signer(
                "issuer and serial number in signing-certificate",
            )),
            _ => Ok(()),
        }
    }

    /// Checks that each of the certificates was valid at this time, both ends included.
    ///
    /// # Errors
    ///
    /// [`TokenError::Validity`] names the first that was not.
    pub fn check_valid_at(&self, gen_time: &GenTime) -> Result<(), TokenError> {
        let time = gen_time.seconds();
        let invalid = |link: &Link| time < link.not_before || time > link.not_after;
        match self.certificates.iter().position(invalid) {
            None => Ok(()),
            Some(place) => Err(TokenError::Validity {
                gen_time: gen_time.clone(),
                place,
            }),
        }
    }

    fn leaf(&self) -> &Link {
        let first = self.certificates.first();
        first.expect("a chain of no certificates is refused when it is read")
    }
}

fn parse_link(place: usize, der: &[u8]) -> Result<(Certificate, Link), ChainError> {
    let (found, max) = (der.len(), CERTIFICATE_LEN_BYTES_MAX);
    if found > max {
        return Err(ChainError::TooLong { place, found, max });
    }
    let malformed = |error: der::Error| ChainError::Malformed {
        place,
        reason: error.to_string(),
    };
    let certificate = Certificate::from_der(der).map_err(malformed)?;
    if certificate.to_der().map_err(malformed)? != der {
        let reason = "not in canonical form".to_owned();
        return Err(ChainError::Malformed { place, reason });
    }
    let tbs = certificate.tbs_certificate();
    let spki = tbs.subject_public_key_info().to_der().map_err(malformed)?;
    let key =
        PublicKey::from_spki_der(&spki).map_err(|source| ChainError::Key { place, source })?;
    let seconds = |time: x509_cert::time::Time| UnixSeconds::new(time.to_unix_duration().as_secs());
    let link = Link {
        der: der.to_vec(),
        key,
        not_before: seconds(tbs.validity().not_before),
        not_after: seconds(tbs.validity().not_after),
    };
    Ok((certificate, link))
}

/// The extensions that are looked at, and may thus be critical.
const UNDERSTOOD: [ObjectIdentifier; 3] = [
    oids::KEY_USAGE,
    oids::BASIC_CONSTRAINTS,
    oids::EXTENDED_KEY_USAGE,
];

/// What a certificate says of its use; each is `None` where nothing is said.
struct Uses {
    constraints: Option<BasicConstraints>,
    key_usage: Option<KeyUsage>,
    /// With whether it is critical.
    extended: Option<(bool, ExtendedKeyUsage)>,
}

impl Uses {
    fn of(certificate: &Certificate) -> Result<Uses, der::Error> {
        let tbs = certificate.tbs_certificate();
        Ok(Uses {
            constraints: tbs.get_extension()?.map(|(_, constraints)| constraints),
            key_usage: tbs.get_extension()?.map(|(_, usage)| usage),
            extended: tbs.get_extension()?,
        })
    }

    fn is_ca(&self) -> bool {
        self.constraints
            .as_ref()
            .is_some_and(|constraints| constraints.ca)
    }

    fn may(&self, usages: &[KeyUsages]) -> bool {
        let granted = self.key_usage.as_ref().map(|usage| usage.0);
        granted.is_none_or(|granted| usages.iter().any(|usage| granted.contains(*usage)))
    }
}

fn check_profile(place: usize, certificate: &Certificate) -> Result<(), ChainError> {
    let uses = Uses::of(certificate).map_err(|error| ChainError::Malformed {
        place,
        reason: error.to_string(),
    })?;
    let refuse = |reason| ChainError::Profile { place, reason };
    let mut extensions = certificate
        .tbs_certificate()
        .extensions()
        .into_iter()
        .flatten();
    if extensions.any(|extension| extension.critical && !UNDERSTOOD.contains(&extension.extn_id)) {
        return Err(refuse(
            "it has a critical extension that is not understood here",
        ));
    }
    match place.checked_sub(1) {
        None => check_authority(&uses).map_err(refuse),
        Some(cas_below) => check_ca(&uses, cas_below).map_err(refuse),
    }
}

fn check_authority(uses: &Uses) -> Result<(), &'static str> {
    if uses.is_ca() {
        return Err("it is a CA's, wanted an end entity's");
    }
    if !uses.may(&[KeyUsages::DigitalSignature, KeyUsages::NonRepudiation]) {
        return Err("its key usage has no digital signatures");
    }
    match &uses.extended {
        Some((true, usages)) if usages.0 == [oids::TIME_STAMPING] => Ok(()),
        Some((false, _)) => Err("its extended key usage is not critical"),
        Some(_) => Err("its extended key usage is not timeStamping alone"),
        None => Err("it has no extended key usage, wanted timeStamping"),
    }
}

fn check_ca(uses: &Uses, cas_below: usize) -> Result<(), &'static str> {
    if !uses.is_ca() {
        return Err("it is not a CA's");
    }
    let path_len = uses
        .constraints
        .as_ref()
        .and_then(|c| c.path_len_constraint);
    if path_len.is_some_and(|max| usize::from(max) < cas_below) {
        return Err("more CAs are below it than it allows");
    }
    if !uses.may(&[KeyUsages::KeyCertSign]) {
        return Err("its key usage has no signing of certificates");
    }
    match &uses.extended {
        Some((_, usages)) if !usages.0.contains(&oids::TIME_STAMPING) => {
            Err("its extended key usage has no timeStamping")
        }
        _ => Ok(()),
    }
}

/// By name and by signature.
fn check_issued(
    certificate: &Certificate,
    issuer: &Certificate,
    issuer_key: Option<&PublicKey>,
) -> Result<(), String> {
    let tbs = certificate.tbs_certificate();
    if tbs.issuer() != issuer.tbs_certificate().subject() {
        return Err("its issuer has another name".to_owned());
    }
    let signed = tbs.to_der().map_err(|error| error.to_string())?;
    let algorithm = certificate.signature_algorithm();
    if algorithm != tbs.signature() {
        return Err("it names two signature algorithms".to_owned());
    }
    let signature = certificate.signature().as_bytes();
    let (Some(signature), Some(key)) = (signature, issuer_key) else {
        return Err("its signature has a fraction of a byte".to_owned());
    };
    signature::verify_signed(key, algorithm.oid, &signed, signature)
}

/// The two ways in which a token names its signer's certificate.
pub(super) fn signer_names(certificate: &Certificate) -> Result<(Vec<u8>, Vec<u8>), der::Error> {
    let tbs = certificate.tbs_certificate();
    let (issuer, serial) = (tbs.issuer().to_der()?, tbs.serial_number().to_der()?);
    let directory_name = writer::element(DIRECTORY_NAME, &[&issuer]);
    let general_names = writer::sequence(&[&directory_name]);
    let issuer_and_serial = writer::sequence(&[&issuer, &serial]);
    Ok((issuer_and_serial, [general_names, serial].concat()))
}

/// `[4]` of a `GeneralName`: a distinguished name.
pub(super) const DIRECTORY_NAME: u8 = writer::CONTEXT_CONSTRUCTED | 4;
