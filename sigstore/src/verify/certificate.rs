//! The signer's certificate: what it is for, whom it names, and that a log has seen it.

use der::Decode as _;
use der::asn1::ObjectIdentifier;
use sha2::{Digest as _, Sha256};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages};

use super::check::{Check, Failed};
use super::path::Path;
use super::trust::TrustMaterial;
use crate::cert::oids;
use crate::cert::view::{CertificateView, ExtensionView};
use crate::cert::{ExtensionField, FulcioExtensions, SubjectAltName};
use crate::identity::Identity;
use crate::sct::{self, CtEntry, SignedCertificateTimestamp};
use crate::time::UnixSeconds;
use crate::time_range::ProtoTime;

/// Who a certificate says signed. Read, not yet believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertifiedSigner {
    /// Whom the certificate is for.
    pub name: SubjectAltName,
    /// Who issued the token that the certificate was given for.
    pub issuer: String,
    /// What else the issuer said: workflow, repository and so on.
    pub extensions: FulcioExtensions,
}

/// The extensions that are looked at in a signer's certificate, and may thus be critical.
const UNDERSTOOD: [ObjectIdentifier; 4] = [
    oids::KEY_USAGE,
    oids::BASIC_CONSTRAINTS,
    oids::EXTENDED_KEY_USAGE,
    oids::SUBJECT_ALT_NAME,
];

/// Checks that a certificate is one of a signer, and reads whom it names.
pub(super) fn profile(leaf: &CertificateView<'_>) -> Result<CertifiedSigner, Failed> {
    let refuse = |reason: String| Failed::new(Check::CertificateProfile, reason);
    let critical = leaf.extensions().iter().filter(|e| e.critical);
    if let Some(unknown) = critical.into_iter().find(|e| !UNDERSTOOD.contains(&e.oid)) {
        let oid = unknown.oid;
        return Err(refuse(format!(
            "the critical extension {oid} is not understood here"
        )));
    }
    check_uses(leaf).map_err(|reason| refuse(reason.to_owned()))?;
    let extension = |oid| leaf.extension(oid).map(|e: ExtensionView<'_>| e.value);
    let name = extension(oids::SUBJECT_ALT_NAME)
        .ok_or_else(|| refuse("it has no subject alternative name".to_owned()))?;
    let name = SubjectAltName::parse(name).map_err(|error| refuse(error.to_string()))?;
    let pairs = leaf.extensions().iter().map(|e| (e.oid, e.value));
    let extensions = FulcioExtensions::parse(pairs).map_err(|e| refuse(e.to_string()))?;
    let issuer = extensions
        .get(ExtensionField::Issuer)
        .ok_or_else(|| refuse("it does not say who issued the signer's token".to_owned()))?
        .to_owned();
    Ok(CertifiedSigner {
        name,
        issuer,
        extensions,
    })
}

fn check_uses(leaf: &CertificateView<'_>) -> Result<(), &'static str> {
    let malformed = "an extension of it is malformed";
    if let Some(constraints) = leaf.extension(oids::BASIC_CONSTRAINTS) {
        let constraints = BasicConstraints::from_der(constraints.value).map_err(|_| malformed)?;
        if constraints.ca {
            return Err("it is an authority's, wanted a signer's");
        }
    }
    let usage = leaf
        .extension(oids::KEY_USAGE)
        .ok_or("it has no key usage")?;
    let usage = KeyUsage::from_der(usage.value).map_err(|_| malformed)?;
    if !usage.0.contains(KeyUsages::DigitalSignature) {
        return Err("its key usage has no digital signatures");
    }
    let purposes = leaf.extension(oids::EXTENDED_KEY_USAGE);
    let purposes = purposes.ok_or("it has no extended key usage, wanted code signing")?;
    let purposes = ExtendedKeyUsage::from_der(purposes.value).map_err(|_| malformed)?;
    if !purposes.0.contains(&oids::CODE_SIGNING) {
        return Err("its extended key usage has no code signing");
    }
    Ok(())
}

/// Checks that one of the identities signed, and says which.
pub(super) fn identity(signer: &CertifiedSigner, wanted: &[Identity]) -> Result<usize, Failed> {
    let either = |texts: Vec<String>| match texts.len() {
        0 => "nobody: the policy names no identity".to_owned(),
        _ => texts.join(" or "),
    };
    let of_issuer = wanted.iter().filter(|i| i.issuer.matches(&signer.issuer));
    if of_issuer.clone().next().is_none() {
        let issuers = wanted.iter().map(|i| i.issuer.to_string()).collect();
        let failed = Failed::new(
            Check::IdentityIssuer,
            "the signer's token is by another issuer",
        );
        return Err(failed
            .found(format!("{:?}", signer.issuer))
            .wanted(either(issuers)));
    }
    let name = signer.name.as_str();
    let found = wanted
        .iter()
        .position(|i| i.issuer.matches(&signer.issuer) && i.name.matches(name));
    found.ok_or_else(|| {
        let names = of_issuer.map(|i| i.name.to_string()).collect();
        Failed::new(Check::IdentityName, "the certificate is for somebody else")
            .found(format!("{name:?}"))
            .wanted(either(names))
    })
}

/// Checks that a trusted certificate log promised to show the certificate, and says which.
///
/// Promises of other logs are passed over; one that names a trusted log and is not by it, or not
/// about this certificate, or not of a time at which the log is trusted, is a lie.
pub(super) fn logged(
    leaf: &CertificateView<'_>,
    path: &Path,
    trust: &TrustMaterial,
) -> Result<String, Failed> {
    let refuse = |reason: String| Failed::new(Check::CertificateLogged, reason);
    let list = leaf
        .extension(oids::CT_SCT_LIST)
        .ok_or_else(|| refuse("it carries no promise of a certificate log".to_owned()))?;
    let scts = sct::parse_list(list.value).map_err(|error| refuse(error.to_string()))?;
    let tbs = leaf.tbs_without(oids::CT_SCT_LIST);
    let entry = CtEntry::Precert {
        issuer_key_hash: Sha256::digest(&path.issuer_spki).into(),
        tbs: &tbs,
    };
    let mut found = None;
    for sct in &scts {
        if let Some(log) = promised_by(sct, &entry, trust).map_err(refuse)? {
            found.get_or_insert(log);
        }
    }
    found.ok_or_else(|| {
        let ids: Vec<String> = scts.iter().map(|sct| hex::encode(sct.log_id)).collect();
        refuse("no log that is trusted promised to show it".to_owned())
            .found(format!("promises of log {}", ids.join(", ")))
    })
}

fn promised_by(
    sct: &SignedCertificateTimestamp,
    entry: &CtEntry<'_>,
    trust: &TrustMaterial,
) -> Result<Option<String>, String> {
    let Some(log) = trust.ct_log(&sct.log_id) else {
        return Ok(None);
    };
    let of_log = |reason: String| format!("the promise of {}: {reason}", log.base_url);
    let key = log.key.as_ref().map_err(|reason| of_log(reason.clone()))?;
    sct.verify(entry, key)
        .map_err(|error| of_log(error.to_string()))?;
    let time = ProtoTime::from_millis(sct.timestamp)
        .filter(|time| log.valid_for.contains(*time))
        .ok_or_else(|| of_log("it is of a time at which the log is not trusted".to_owned()))?;
    Ok(Some(format!("{} at {time}", log.base_url)))
}

/// The times between which a certificate is valid, for people.
pub(super) fn validity(leaf: &CertificateView<'_>) -> String {
    let text = |time: UnixSeconds| {
        ProtoTime::from_seconds(time).map_or_else(|| "?".to_owned(), |time| time.to_string())
    };
    format!("{} to {}", text(leaf.not_before()), text(leaf.not_after()))
}
