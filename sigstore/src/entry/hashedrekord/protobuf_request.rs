//! The request to log an entry in protobuf's binary form, as gRPC carries it.
//!
//! It becomes the same [`HashedRekordRequest`] as the JSON form does, and the checks are the same.
//! Fields that are not known are skipped, as every protobuf reader does.
//!
//! A list of empty messages takes two bytes for each, and much more once it is decoded. So lists
//! are counted first, in a form whose elements take no room, and decoded only if they have the one
//! element that they may have.
//!
//! Spec: `CreateEntryRequest` in `rekor/v2/entry.proto` of rekor-tiles.

use prost::Message;

use super::dsse_request::{self, DsseRequest};
use super::error::RequestError;
use super::request::RequestVerifier;
use super::{HashedRekordRequest, VerifierBytes};

impl HashedRekordRequest {
    /// Decodes a request in protobuf's binary form.
    ///
    /// # Errors
    ///
    /// [`RequestError`]: not the message, or an envelope with other than one signature and key.
    pub fn parse_protobuf(message: &[u8]) -> Result<HashedRekordRequest, RequestError> {
        let undecodable = |error: prost::DecodeError| RequestError::Protobuf(error.to_string());
        count_lists(&Counted::decode(message).map_err(undecodable)?)?;
        let request = CreateEntryRequest::decode(message).map_err(undecodable)?;
        match request.spec {
            None => Err(RequestError::NoRequest),
            Some(Spec::HashedRekord(request)) => Ok(request.into()),
            Some(Spec::Dsse(request)) => DsseRequest::from(request).into_hashedrekord(),
        }
    }
}

fn count_lists(counted: &Counted) -> Result<(), RequestError> {
    let Some(dsse) = &counted.dsse else {
        return Ok(());
    };
    let signatures = dsse.envelope.as_ref().map(|envelope| &envelope.signatures);
    let signature_count = signatures.map_or(0, Vec::len);
    dsse_request::check_count(dsse_request::SIGNATURES_PATH, signature_count)?;
    dsse_request::check_count(dsse_request::VERIFIERS_PATH, dsse.verifiers.len())
}

#[derive(Clone, PartialEq, Message)]
struct CreateEntryRequest {
    #[prost(oneof = "Spec", tags = "1, 2")]
    spec: Option<Spec>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Spec {
    #[prost(message, tag = "1")]
    HashedRekord(HashedRekordRequestV002),
    #[prost(message, tag = "2")]
    Dsse(DsseRequestV002),
}

#[derive(Clone, PartialEq, Message)]
struct HashedRekordRequestV002 {
    #[prost(bytes = "vec", tag = "1")]
    digest: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    signature: Option<Signature>,
}

#[derive(Clone, PartialEq, Message)]
struct Signature {
    #[prost(bytes = "vec", tag = "1")]
    content: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    verifier: Option<Verifier>,
}

#[derive(Clone, PartialEq, Message)]
struct Verifier {
    #[prost(oneof = "Key", tags = "1, 2")]
    key: Option<Key>,
    #[prost(int32, tag = "3")]
    key_details: i32,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Key {
    #[prost(message, tag = "1")]
    PublicKey(RawBytes),
    #[prost(message, tag = "2")]
    X509Certificate(RawBytes),
}

#[derive(Clone, PartialEq, Message)]
struct RawBytes {
    #[prost(bytes = "vec", tag = "1")]
    raw_bytes: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct DsseRequestV002 {
    #[prost(message, optional, tag = "1")]
    envelope: Option<Envelope>,
    #[prost(message, repeated, tag = "2")]
    verifiers: Vec<Verifier>,
}

/// `io.intoto.Envelope`.
#[derive(Clone, PartialEq, Message)]
struct Envelope {
    #[prost(bytes = "vec", tag = "1")]
    payload: Vec<u8>,
    #[prost(string, tag = "2")]
    payload_type: String,
    #[prost(message, repeated, tag = "3")]
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Clone, PartialEq, Message)]
struct EnvelopeSignature {
    #[prost(bytes = "vec", tag = "1")]
    sig: Vec<u8>,
}

/// A [`CreateEntryRequest`] of which only the lists are looked at, and only for their length.
#[derive(Clone, PartialEq, Message)]
struct Counted {
    #[prost(message, optional, tag = "2")]
    dsse: Option<CountedRequest>,
}

#[derive(Clone, PartialEq, Message)]
struct CountedRequest {
    #[prost(message, optional, tag = "1")]
    envelope: Option<CountedEnvelope>,
    #[prost(message, repeated, tag = "2")]
    verifiers: Vec<()>,
}

#[derive(Clone, PartialEq, Message)]
struct CountedEnvelope {
    #[prost(message, repeated, tag = "3")]
    signatures: Vec<()>,
}

impl From<HashedRekordRequestV002> for HashedRekordRequest {
    fn from(request: HashedRekordRequestV002) -> HashedRekordRequest {
        let signature = request.signature.unwrap_or_default();
        HashedRekordRequest {
            digest: request.digest,
            signature: signature.content,
            verifier: signature.verifier.map(RequestVerifier::from),
            of_envelope: false,
        }
    }
}

impl From<DsseRequestV002> for DsseRequest {
    fn from(request: DsseRequestV002) -> DsseRequest {
        let envelope = request.envelope.unwrap_or_default();
        let signatures = envelope.signatures.into_iter();
        let verifiers = request.verifiers.into_iter();
        DsseRequest {
            payload_type: envelope.payload_type,
            payload: envelope.payload,
            signatures: signatures.map(|signature| signature.sig).collect(),
            verifiers: verifiers.map(RequestVerifier::from).collect(),
        }
    }
}

impl From<Verifier> for RequestVerifier {
    fn from(verifier: Verifier) -> RequestVerifier {
        let key = verifier.key.map(|key| match key {
            Key::PublicKey(key) => VerifierBytes::PublicKey(key.raw_bytes),
            Key::X509Certificate(key) => VerifierBytes::X509Certificate(key.raw_bytes),
        });
        RequestVerifier {
            key,
            key_details: verifier.key_details,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::KeyDetails;
    use super::*;
    use crate::test_keys::{certificate, key};

    /// A field with a length: its number and its content, both short or long.
    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut field = vec![number << 3 | 2];
        prost::encoding::encode_varint(u64::try_from(content.len()).unwrap(), &mut field);
        [field.as_slice(), content].concat()
    }

    /// Verifiers as they stand on the wire: a key, a certificate.
    fn verifiers() -> [Vec<u8>; 2] {
        let spki = &key(KeyDetails::EcdsaP256Sha256).spki;
        let label = [3 << 3, 5];
        [
            [field(1, &field(1, spki)), label.to_vec()].concat(),
            [field(2, &field(1, &certificate(spki, 5))), label.to_vec()].concat(),
        ]
    }

    fn hashedrekord(verifier: &[u8]) -> Vec<u8> {
        let key = key(KeyDetails::EcdsaP256Sha256);
        let signature = [field(1, &key.sign(b"hello\n")), field(2, verifier)].concat();
        field(
            1,
            &[field(1, &key.digest(b"hello\n")), field(2, &signature)].concat(),
        )
    }

    fn envelope(signature_count: usize, verifier_count: usize) -> Vec<u8> {
        let key = key(KeyDetails::EcdsaP256Sha256);
        let signature = field(1, &key.sign(b"DSSEv1 4 type 7 payload"));
        let signature = field(3, &[signature, field(2, b"id")].concat());
        let parts = [field(1, b"payload"), field(2, b"type")].concat();
        let envelope = [parts, signature.repeat(signature_count)].concat();
        let verifiers = field(2, &verifiers()[0]).repeat(verifier_count);
        field(2, &[field(1, &envelope), verifiers].concat())
    }

    #[test]
    fn a_request_is_read_with_a_key_or_a_certificate() {
        let [by_key, by_certificate] = verifiers();
        for verifier in [by_key, by_certificate] {
            let request = HashedRekordRequest::parse_protobuf(&hashedrekord(&verifier)).unwrap();
            let entry = request.verify().unwrap();
            let parsed = super::super::HashedRekord::parse_leaf(&entry.leaf_bytes());
            assert_eq!(parsed, Ok(entry));
        }
    }

    #[test]
    fn unknown_fields_are_skipped() {
        let mut request = hashedrekord(&verifiers()[0]);
        request.extend(field(9, b"unknown"));
        let parsed = HashedRekordRequest::parse_protobuf(&request).unwrap();
        parsed.verify().unwrap();
    }

    #[test]
    fn an_envelope_is_read() {
        let request = HashedRekordRequest::parse_protobuf(&envelope(1, 1)).unwrap();
        let digest = crate::dsse::encoding_sha256("type", b"payload");
        assert_eq!(request.verify().unwrap().digest(), digest);
    }

    #[test]
    fn other_than_one_signature_and_one_key_are_refused() {
        for (signatures, keys, path, found) in [
            (0, 1, "envelope.signatures", 0),
            (2, 1, "envelope.signatures", 2),
            (1, 0, "verifiers", 0),
            (1, 3, "verifiers", 3),
        ] {
            let request = envelope(signatures, keys);
            let error = HashedRekordRequest::parse_protobuf(&request).unwrap_err();
            let wanted = format!("dsseRequestV002.{path}: found {found}, wanted exactly 1");
            assert!(error.to_string().starts_with(&wanted), "{error}");
        }
    }

    #[test]
    fn lists_in_parts_are_counted_together() {
        let one = envelope(1, 1);
        let error = HashedRekordRequest::parse_protobuf(&one.repeat(2)).unwrap_err();
        assert!(error.to_string().contains("signatures: found 2"), "{error}");
    }

    #[test]
    fn what_is_not_the_message_is_refused() {
        let right = hashedrekord(&verifiers()[0]);
        for bytes in [
            &right[..right.len() - 1],
            b"{}",
            &[0xff; 20],
            &field(1, b"\x08\x01"),
        ] {
            let error = HashedRekordRequest::parse_protobuf(bytes).unwrap_err();
            assert!(matches!(error, RequestError::Protobuf(_)), "{error}");
            assert_eq!(error.upstream_message(), error.to_string());
        }
    }

    #[test]
    fn an_empty_message_asks_for_nothing() {
        let error = HashedRekordRequest::parse_protobuf(b"").unwrap_err();
        assert_eq!(error, RequestError::NoRequest);
    }
}
