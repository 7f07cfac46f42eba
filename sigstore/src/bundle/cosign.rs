//! The bundle that cosign wrote before there was a common one, and still writes where it is told
//! to: a signature, a certificate or key, and the promise of a log of Rekor v1.
//!
//! ```text
//! {"base64Signature":BASE64,"cert":BASE64 of PEM,"rekorBundle":{"SignedEntryTimestamp":BASE64,
//!  "Payload":{"body":BASE64,"integratedTime":NUMBER,"logIndex":NUMBER,"logID":HEX}}}
//! ```
//!
//! It becomes a [`SigstoreBundle`] of version 0.1, which relies on promises, too. `cert` may be a
//! public key in PEM; without one the key has to be given. Container images carry `rekorBundle` by
//! itself, as an annotation of their signatures.
//!
//! Spec: cosign `specs/SIGNATURE_SPEC.md`, and its code where that is silent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tiles::LeafIndex;

use super::{
    BundleContent, BundleError, BundleFormat, JSON_LIMITS, MessageSignature, SignerMaterial,
    SigstoreBundle,
};
use crate::canonical_json::parse_limited;
use crate::entry::log_entry::{KindVersion, TransparencyLogEntry};
use crate::pem;

/// The longest that is read.
const LEN_BYTES_MAX: usize = 4 * 1024 * 1024;

impl SigstoreBundle {
    /// Reads the older bundle of cosign.
    ///
    /// # Errors
    ///
    /// [`BundleError`] names the field, what was found there and what was wanted.
    pub fn parse_cosign(json: &[u8]) -> Result<SigstoreBundle, BundleError> {
        let (found, max) = (json.len(), LEN_BYTES_MAX);
        if found > max {
            return Err(BundleError::TooLong { found, max });
        }
        let value = parse_limited(json, JSON_LIMITS)?;
        let signature = base64(&value, "/base64Signature")?;
        let signer = match value.get("cert").and_then(Value::as_str) {
            None | Some("") => SignerMaterial::PublicKey {
                hint: String::new(),
            },
            Some(_) => signer(&base64(&value, "/cert")?)?,
        };
        let entries = match value.get("rekorBundle").filter(|b| !b.is_null()) {
            None => Vec::new(),
            Some(promised) => vec![promised_entry(promised)?],
        };
        Ok(SigstoreBundle {
            format: BundleFormat::V01,
            signer,
            log_entries: entries,
            timestamps: Vec::new(),
            content: BundleContent::Message(MessageSignature {
                digest: None,
                signature,
            }),
        })
    }
}

/// Reads `rekorBundle`: an entry with the promise of its log, and without a proof.
///
/// # Errors
///
/// [`BundleError`] names the field, what was found there and what was wanted.
pub fn parse_promised_entry(json: &[u8]) -> Result<TransparencyLogEntry, BundleError> {
    let (found, max) = (json.len(), LEN_BYTES_MAX);
    if found > max {
        return Err(BundleError::TooLong { found, max });
    }
    promised_entry(&parse_limited(json, JSON_LIMITS)?)
}

/// The public key that stands where the certificate would, DER. `parse_cosign` leaves it out.
pub(super) fn public_key(json: &[u8]) -> Result<Option<Vec<u8>>, BundleError> {
    let value = parse_limited(json, JSON_LIMITS)?;
    if value
        .get("cert")
        .and_then(Value::as_str)
        .is_none_or(str::is_empty)
    {
        return Ok(None);
    }
    let text = base64(&value, "/cert")?;
    let (first, _) = pem::parse_first(&text).map_err(BundleError::Pem)?;
    Ok((first.label == PUBLIC_KEY).then_some(first.der))
}

const PUBLIC_KEY: &str = "PUBLIC KEY";

fn promised_entry(value: &Value) -> Result<TransparencyLogEntry, BundleError> {
    let body = base64(value, "/Payload/body")?;
    let log_id = text(value, "/Payload/logID")?;
    let log_id = hex::decode(log_id).ok().and_then(|id| id.try_into().ok());
    Ok(TransparencyLogEntry {
        log_index: LeafIndex::new(number(value, "/Payload/logIndex")?),
        log_id: log_id.ok_or_else(|| missing("/Payload/logID"))?,
        kind_version: kind_version(&body)?,
        integrated_time: number(value, "/Payload/integratedTime")?,
        signed_entry_timestamp: Some(base64(value, "/SignedEntryTimestamp")?),
        inclusion_proof: None,
        canonicalized_body: body,
    })
}

/// The kind is nowhere but in the body.
fn kind_version(body: &[u8]) -> Result<KindVersion, BundleError> {
    let body = parse_limited(body, JSON_LIMITS)?;
    Ok(KindVersion {
        kind: text(&body, "/kind")?.to_owned(),
        version: text(&body, "/apiVersion")?.to_owned(),
    })
}

/// A certificate, with those above it if there are any, or a key.
fn signer(text: &[u8]) -> Result<SignerMaterial, BundleError> {
    let (first, _) = pem::parse_first(text).map_err(BundleError::Pem)?;
    if first.label == PUBLIC_KEY {
        return Ok(SignerMaterial::PublicKey {
            hint: String::new(),
        });
    }
    let chain = pem::parse_certificates(text, super::CERTIFICATE_COUNT_MAX);
    Ok(SignerMaterial::CertificateChain(
        chain.map_err(BundleError::Pem)?,
    ))
}

fn at<'a>(value: &'a Value, pointer: &str) -> Result<&'a Value, BundleError> {
    value.pointer(pointer).ok_or_else(|| missing(pointer))
}

fn text<'a>(value: &'a Value, pointer: &str) -> Result<&'a str, BundleError> {
    let text = at(value, pointer)?.as_str().filter(|text| !text.is_empty());
    text.ok_or_else(|| missing(pointer))
}

fn number(value: &Value, pointer: &str) -> Result<u64, BundleError> {
    let number = at(value, pointer)?.as_u64();
    let number = number.filter(|number| i64::try_from(*number).is_ok());
    number.ok_or_else(|| missing(pointer))
}

fn base64(value: &Value, pointer: &str) -> Result<Vec<u8>, BundleError> {
    let bytes = STANDARD.decode(text(value, pointer)?);
    let bytes = bytes.ok().filter(|bytes| !bytes.is_empty());
    bytes.ok_or_else(|| missing(pointer))
}

fn missing(pointer: &str) -> BundleError {
    let path = pointer.trim_start_matches('/').replace('/', ".");
    BundleError::NotThat { path }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body() -> String {
        STANDARD.encode(r#"{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{}}"#)
    }

    fn bundle() -> Value {
        let pem = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        json!({
            "base64Signature": "MAA=",
            "cert": STANDARD.encode(pem),
            "rekorBundle": {
                "SignedEntryTimestamp": "MAE=",
                "Payload": {
                    "body": body(),
                    "integratedTime": 1_689_177_396,
                    "logIndex": 7,
                    "logID": "c0".repeat(32)
                }
            }
        })
    }

    fn parse(value: &Value) -> Result<SigstoreBundle, BundleError> {
        SigstoreBundle::parse_cosign(value.to_string().as_bytes())
    }

    #[test]
    fn it_becomes_a_bundle_that_relies_on_a_promise() {
        let parsed = parse(&bundle()).unwrap();
        assert_eq!(
            parsed.signer,
            SignerMaterial::CertificateChain(vec![vec![0x30, 0]])
        );
        assert_eq!(parsed.content.signature(), [0x30, 0]);
        let [entry] = parsed.log_entries.as_slice() else {
            panic!("{parsed:?}");
        };
        assert_eq!(entry.log_id, [0xc0; 32]);
        assert_eq!(entry.kind_version.kind, "hashedrekord");
        assert_eq!(entry.integrated_time, 1_689_177_396);
        assert_eq!(SigstoreBundle::parse(&parsed.encode()).unwrap(), parsed);
    }

    #[test]
    fn a_key_in_place_of_a_certificate_has_to_be_given() {
        let mut keyed = bundle();
        let pem = "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n";
        for cert in [json!(STANDARD.encode(pem)), json!(""), Value::Null] {
            keyed["cert"] = cert;
            let signer = parse(&keyed).unwrap().signer;
            assert!(matches!(signer, SignerMaterial::PublicKey { .. }));
        }
    }

    #[test]
    fn each_field_is_missed() {
        for (pointer, wrong) in [
            ("/base64Signature", json!("")),
            ("/cert", json!("!")),
            ("/cert", json!("MAA=")),
            ("/rekorBundle/SignedEntryTimestamp", json!(null)),
            ("/rekorBundle/Payload/body", json!("e30=")),
            ("/rekorBundle/Payload/logID", json!("c0")),
            ("/rekorBundle/Payload/logIndex", json!(-1)),
            ("/rekorBundle/Payload/integratedTime", json!("1")),
        ] {
            let mut value = bundle();
            *value.pointer_mut(pointer).unwrap() = wrong;
            assert!(parse(&value).is_err(), "{value}");
        }
        let promised = bundle()["rekorBundle"].to_string();
        let entry = parse_promised_entry(promised.as_bytes()).unwrap();
        assert_eq!(parse(&bundle()).unwrap().log_entries, [entry]);
    }
}
