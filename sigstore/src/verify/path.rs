//! From a signer's certificate to an authority that is trusted (RFC 5280 section 6, as much of it
//! as Sigstore uses), and when that path was valid.
//!
//! Names and signatures do not depend on a time, so they are checked once; the times are compared
//! for each moment at which the signature is known to have existed. Bundles of versions 0.1 and 0.2
//! may bring authorities that stand between the certificate and a trusted one. They may not bring
//! one that vouches for itself: a root in a bundle is there to be mistaken for a trusted one.

use der::Decode as _;
use der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages};

use super::check::{Check, Failed};
use super::trust::TrustMaterial;
use crate::cert::oids;
use crate::cert::view::{CertificateError, CertificateView};
use crate::time::UnixSeconds;
use crate::time_range::{ProtoTime, TimeRange};

/// A way from a signer's certificate to a trusted authority.
#[derive(Clone, Debug)]
pub(super) struct Path {
    /// The key of the certificate that issued the signer's, as certificate logs name it: DER.
    pub(super) issuer_spki: Vec<u8>,
    /// When each certificate was valid, the signer's first.
    validity: Vec<(UnixSeconds, UnixSeconds)>,
    /// When the trusted root trusts the authority.
    valid_for: TimeRange,
}

impl Path {
    /// Whether all of it was valid at a moment, both ends included; else what was not.
    pub(super) fn check_valid_at(&self, time: ProtoTime) -> Result<(), String> {
        let seconds = time.seconds();
        let invalid = |(from, to): &(UnixSeconds, UnixSeconds)| seconds < *from || seconds > *to;
        match self.validity.iter().position(invalid) {
            Some(0) => Err("the signer's certificate was not valid".to_owned()),
            Some(place) => Err(format!(
                "certificate {place} above the signer's was not valid"
            )),
            None if !self.valid_for.contains(time) => {
                Err("the trusted root does not trust the authority for that time".to_owned())
            }
            None => Ok(()),
        }
    }
}

/// Every way to a trusted authority; one at least. Usually there is one, and two where a trusted
/// root has one authority with two ranges of time.
pub(super) fn find(
    leaf: &CertificateView<'_>,
    brought: &[CertificateView<'_>],
    trust: &TrustMaterial,
) -> Result<Vec<Path>, Failed> {
    if let Some(at) = brought.iter().position(is_self_issued) {
        let reason = format!(
            "certificate {} of the bundle is a root, and only the trusted root says what is one",
            at + 1
        );
        return Err(Failed::new(Check::CertificatePath, reason));
    }
    let mut chain = vec![leaf];
    loop {
        let last = chain.last().copied().unwrap_or(leaf);
        let (paths, problem) = to_authorities(&chain, last, trust);
        if !paths.is_empty() {
            return Ok(paths);
        }
        let issued_by = |above: &&CertificateView<'_>| {
            let below_count = chain.len().saturating_sub(1);
            last.verify_issued_by(above).is_ok() && check_authority(above, below_count).is_ok()
        };
        match brought.iter().find(issued_by) {
            Some(above) if chain.len() <= brought.len() => chain.push(above),
            _ => return Err(problem),
        }
    }
}

/// The authorities that issued the last certificate of a chain, or why there is none.
fn to_authorities(
    chain: &[&CertificateView<'_>],
    last: &CertificateView<'_>,
    trust: &TrustMaterial,
) -> (Vec<Path>, Failed) {
    let mut paths = Vec::new();
    let mut problem = Failed::new(
        Check::CertificatePath,
        "no authority in the trusted root has the name of the certificate's issuer",
    );
    for authority in trust.authorities() {
        let above = match authority.certificates() {
            Ok(above) => above,
            Err(reason) => {
                problem = Failed::new(Check::CertificatePath, reason);
                continue;
            }
        };
        for (place, issuer) in above.iter().enumerate() {
            let whole = chain.iter().copied().chain(above.iter().skip(place));
            match authority.check_issued(place, issuer, last) {
                Ok(()) => match whole_path(&whole.collect::<Vec<_>>(), authority.valid_for) {
                    Ok(path) => paths.push(path),
                    Err(reason) => problem = Failed::new(Check::CertificatePath, reason),
                },
                Err(CertificateError::IssuerName) => {}
                Err(error) => {
                    let reason = format!("the signer's certificate: {error}");
                    problem = Failed::new(Check::CertificatePath, reason);
                }
            }
        }
    }
    (paths, problem)
}

/// A path whose signatures are known to be right: the signer's certificate first.
fn whole_path(
    certificates: &[&CertificateView<'_>],
    valid_for: TimeRange,
) -> Result<Path, &'static str> {
    let authorities = certificates.get(1..).unwrap_or_default();
    for (below_count, authority) in authorities.iter().enumerate() {
        check_authority(authority, below_count)?;
    }
    let issuer = authorities.first().ok_or("it has no issuer")?;
    let validity = certificates.iter().map(|c| (c.not_before(), c.not_after()));
    Ok(Path {
        issuer_spki: issuer.spki().to_vec(),
        validity: validity.collect(),
        valid_for,
    })
}

/// Checks that each certificate of a trusted authority may issue others and is signed by the next.
/// The last is trusted because it is there.
pub(super) fn check_chain(chain: &[CertificateView<'_>]) -> Result<(), String> {
    for (place, certificate) in chain.iter().enumerate() {
        let at_place = |reason: String| format!("certificate {place} of the authority: {reason}");
        check_authority(certificate, place).map_err(|reason| at_place(reason.to_owned()))?;
        if let Some(issuer) = chain.get(place + 1) {
            let issued = certificate.verify_issued_by(issuer);
            issued.map_err(|error| at_place(error.to_string()))?;
        }
    }
    Ok(())
}

/// The extensions that are looked at here, and may thus be critical.
const UNDERSTOOD: [ObjectIdentifier; 3] = [
    oids::KEY_USAGE,
    oids::BASIC_CONSTRAINTS,
    oids::EXTENDED_KEY_USAGE,
];

/// Checks that a certificate may issue those of signers, with `below_count` authorities between.
fn check_authority(
    certificate: &CertificateView<'_>,
    below_count: usize,
) -> Result<(), &'static str> {
    let not_understood =
        |e: &&crate::cert::view::ExtensionView<'_>| e.critical && !UNDERSTOOD.contains(&e.oid);
    if certificate.extensions().iter().any(|e| not_understood(&e)) {
        return Err("it has a critical extension that is not understood here");
    }
    let malformed = "an extension of it is malformed";
    let constraints = certificate.extension(oids::BASIC_CONSTRAINTS);
    let constraints = constraints.ok_or("it is not an authority's")?;
    let constraints = BasicConstraints::from_der(constraints.value).map_err(|_| malformed)?;
    if !constraints.ca {
        return Err("it is not an authority's");
    }
    let path_len = constraints.path_len_constraint.map(usize::from);
    if path_len.is_some_and(|max| max < below_count) {
        return Err("more authorities are below it than it allows");
    }
    if let Some(usage) = certificate.extension(oids::KEY_USAGE) {
        let usage = KeyUsage::from_der(usage.value).map_err(|_| malformed)?;
        if !usage.0.contains(KeyUsages::KeyCertSign) {
            return Err("its key usage has no signing of certificates");
        }
    }
    if let Some(purposes) = certificate.extension(oids::EXTENDED_KEY_USAGE) {
        let purposes = ExtendedKeyUsage::from_der(purposes.value).map_err(|_| malformed)?;
        if !purposes.0.contains(&oids::CODE_SIGNING) {
            return Err("its extended key usage has no code signing");
        }
    }
    Ok(())
}

fn is_self_issued(certificate: &CertificateView<'_>) -> bool {
    certificate.issuer() == certificate.subject()
}
