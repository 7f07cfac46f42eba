//! What certificates say: whom they are for, who vouched for that, which logs promised to show
//! them.

use sigstore::cert::{CertificateView, ExtensionField, FulcioExtensions, name, oids};
use sigstore::pki;
use sigstore::{SubjectAltName, pem, sct};

use super::{Facts, InspectError, sha256};
use crate::output::date;

const KIND: &str = "certificate";

/// The most certificates of one file.
const COUNT_MAX: usize = 64;

/// One or more in PEM.
pub(super) fn of_pem(bytes: &[u8]) -> Result<Facts, InspectError> {
    let chain = pem::parse_certificates(bytes, COUNT_MAX);
    let chain = chain.map_err(|error| InspectError::malformed(KIND, error))?;
    match chain.as_slice() {
        [der] => of_der(der),
        chain => {
            let certificates: Result<_, _> = chain.iter().map(|der| of_der(der)).collect();
            let count = chain.len();
            let facts = Facts::new(format_args!("{count} certificates"));
            Ok(facts.several(KIND, certificates?))
        }
    }
}

/// One in DER.
pub(super) fn of_der(der: &[u8]) -> Result<Facts, InspectError> {
    let view = CertificateView::parse(der);
    let view = view.map_err(|error| InspectError::malformed(KIND, error))?;
    Ok(facts(&view))
}

/// One within something else, whether it can be read or not.
pub(super) fn within(der: &[u8]) -> Facts {
    of_der(der).unwrap_or_else(|error| {
        let why = match error {
            InspectError::Malformed { why, .. } => why,
            other => other.to_string(),
        };
        Facts::new("certificate that can't be read").say("error", why)
    })
}

fn facts(view: &CertificateView<'_>) -> Facts {
    let kind = if view.is_poisoned() {
        "precertificate"
    } else {
        KIND
    };
    let mut facts = signer(Facts::new(kind), view)
        .say_if("subject", name::describe(view.subject()))
        .say_if("issuer name", name::describe(view.issuer()))
        .say("not before", date(view.not_before()))
        .say("not after", date(view.not_after()));
    if is_authority(view) {
        facts = facts.say("authority", "yes: it may issue others");
    }
    let key = match view.public_key() {
        Ok(key) => key.kind().to_string(),
        Err(error) => error.to_string(),
    };
    let facts = facts
        .say("key", key)
        .say("key sha256", sha256(view.spki()))
        .say("serial", hex::encode(view.serial()))
        .say("sha256", sha256(view.der()));
    promises(facts, view)
}

/// The name and the claims, as Fulcio writes them; any other name as it is.
fn signer(mut facts: Facts, view: &CertificateView<'_>) -> Facts {
    if let Some(extension) = view.extension(oids::SUBJECT_ALT_NAME) {
        facts = match SubjectAltName::parse(extension.value) {
            Ok(name) => facts
                .say("identity", name.as_str())
                .say("form", name.form()),
            Err(_) => facts.list("names", names(view.der())),
        };
    }
    let extensions = view.extensions().iter().map(|e| (e.oid, e.value));
    match FulcioExtensions::parse(extensions) {
        Err(error) => facts.say("claims", error),
        Ok(claims) => {
            let facts = facts.say_if("issuer", claims.get(ExtensionField::Issuer));
            let others = claims
                .iter()
                .filter(|(field, _)| *field != ExtensionField::Issuer);
            let mut within = Facts::new("what the signer's token said");
            let mut count = 0_usize;
            for (field, text) in others {
                within = within.say(field.template_name(), text);
                count = count.saturating_add(1);
            }
            if count == 0 {
                facts
            } else {
                facts.with("claims", within)
            }
        }
    }
}

fn names(der: &[u8]) -> Vec<String> {
    let key = pki::Key::parse(pem::encode_certificate(der).as_bytes());
    let identities = key.map(|key| key.identities()).unwrap_or_default();
    identities.iter().map(ToString::to_string).collect()
}

/// `BasicConstraints` (RFC 5280 section 4.2.1.9) that begins with TRUE.
fn is_authority(view: &CertificateView<'_>) -> bool {
    let constraints = view.extension(oids::BASIC_CONSTRAINTS);
    constraints.is_some_and(|e| e.value.get(2..5) == Some(&[1, 1, 0xff][..]))
}

fn promises(facts: Facts, view: &CertificateView<'_>) -> Facts {
    let Some(extension) = view.extension(oids::CT_SCT_LIST) else {
        return facts;
    };
    match sct::parse_list(extension.value) {
        Err(error) => facts.say("promise", error),
        Ok(promises) => {
            let one = |promise: &sct::SignedCertificateTimestamp| {
                Facts::new("of a certificate log (SCT)")
                    .say("log id", hex::encode(promise.log_id))
                    .say("time", date(promise.timestamp.seconds()))
                    .say("extensions", hex::encode(&promise.extensions))
            };
            facts.several("promise", promises.iter().map(one).collect())
        }
    }
}
