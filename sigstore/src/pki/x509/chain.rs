//! Whether each certificate of a chain was issued by the next.

use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::BasicConstraints;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::{KEY, PkiError};
use crate::cert::{CertificateView, oids};
use crate::named_signature::verify_signed;

/// Checks names, signatures, that issuers are authorities, and that all were valid when the first
/// began to be: a log keeps entries of certificates that expired long ago.
pub(super) fn check(certificates: &[Vec<u8>]) -> Result<(), PkiError> {
    let mut views = Vec::with_capacity(certificates.len());
    for (place, der) in certificates.iter().enumerate() {
        let view = CertificateView::parse(der);
        views.push(view.map_err(|error| at_place(place, &error.to_string()))?);
    }
    let Some(signed_at) = views.first().map(CertificateView::not_before) else {
        return Ok(());
    };
    for (place, (issued, issuer)) in views.iter().zip(views.iter().skip(1)).enumerate() {
        let refuse = |reason: &str| at_place(place, reason);
        if issued.issuer() != issuer.subject() {
            return Err(refuse("its issuer is not the subject of the next"));
        }
        if !is_authority(issuer) {
            return Err(refuse("the next is not a certificate authority's"));
        }
        if signed_at < issuer.not_before() || signed_at > issuer.not_after() {
            return Err(refuse("the next was not valid when the first began to be"));
        }
        let key = issuer.public_key();
        let key = key.map_err(|error| refuse(&format!("the next: {error}")))?;
        let algorithm = AlgorithmIdentifierOwned::from_der(issued.signature_algorithm());
        let algorithm = algorithm.map_err(|error| refuse(&error.to_string()))?;
        verify_signed(&key, algorithm.oid, issued.tbs(), issued.signature())
            .map_err(|reason| refuse(&reason))?;
    }
    Ok(())
}

fn is_authority(certificate: &CertificateView<'_>) -> bool {
    let constraints = certificate.extension(oids::BASIC_CONSTRAINTS);
    let constraints = constraints.and_then(|found| BasicConstraints::from_der(found.value).ok());
    constraints.is_some_and(|constraints| constraints.ca)
}

fn at_place(place: usize, reason: &str) -> PkiError {
    KEY.malformed(format!("certificate {} of the chain: {reason}", place + 1))
}

#[cfg(test)]
mod tests;
