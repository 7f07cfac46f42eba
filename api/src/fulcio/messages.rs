//! Requests and answers of the CA in protobuf's binary form, as gRPC carries them.
//!
//! Spec: `fulcio.proto` of Fulcio, package `dev.sigstore.fulcio.v2`.

use ca::{CertificateChain, Issuer, IssuerTable};
use prost::Message;
use sigstore::pem;

use super::request::{Proof, SigningRequest};
use crate::error::Refusal;

/// Reads a `CreateSigningCertificateRequest`.
///
/// # Errors
/// If it is none.
pub(super) fn parse_signing_request(message: &[u8]) -> Result<SigningRequest, Refusal> {
    let request = CreateSigningCertificateRequest::decode(message)
        .map_err(|error| Refusal::FulcioRequest(error.to_string()))?;
    let credentials = request.credentials.unwrap_or_default();
    let token = credentials.oidc_identity_token;
    let proof = match request.key {
        Some(Key::CertificateSigningRequest(pem)) => Proof::Csr(pem),
        Some(Key::PublicKeyRequest(request)) => Proof::Key {
            content: request.public_key.unwrap_or_default().content.into_bytes(),
            signature: request.proof_of_possession,
        },
        None => Proof::Key {
            content: Vec::new(),
            signature: Vec::new(),
        },
    };
    Ok(SigningRequest {
        token: (!token.is_empty()).then_some(token),
        proof,
    })
}

/// `SigningCertificate`, with the log's promise in the certificate.
pub(super) fn signing_certificate(certificates: Vec<String>) -> Vec<u8> {
    let embedded = EmbeddedSct {
        chain: Some(Chain { certificates }),
    };
    let message = SigningCertificate {
        signed_certificate_embedded_sct: Some(embedded),
    };
    message.encode_to_vec()
}

/// `TrustBundle`: the one chain that issues.
pub(super) fn trust_bundle(chain: &CertificateChain) -> Vec<u8> {
    let certificates = chain.certificates().iter();
    let certificates = certificates.map(|der| pem::encode_certificate(der));
    let chain = Chain {
        certificates: certificates.collect(),
    };
    let message = TrustBundle {
        chains: vec![chain],
    };
    message.encode_to_vec()
}

/// `Configuration`: the issuers, in the order of cairn.toml.
pub(super) fn configuration(issuers: &IssuerTable) -> Vec<u8> {
    let issuers = issuers.issuers().iter().map(OidcIssuer::from).collect();
    Configuration { issuers }.encode_to_vec()
}

impl From<&Issuer> for OidcIssuer {
    fn from(issuer: &Issuer) -> OidcIssuer {
        let url = issuer.url().to_owned();
        OidcIssuer {
            issuer: Some(if issuer.has_wildcard() {
                IssuerUrl::Wildcard(url)
            } else {
                IssuerUrl::Exact(url)
            }),
            audience: issuer.audience().to_owned(),
            challenge_claim: issuer.challenge_claim().to_owned(),
            spiffe_trust_domain: issuer.trust_domain().unwrap_or_default().to_owned(),
            issuer_type: issuer.preset().fulcio_type().to_owned(),
            subject_domain: issuer.subject_domain().unwrap_or_default().to_owned(),
            skip_email_verification: issuer.skips_email_verification(),
        }
    }
}

#[derive(Clone, PartialEq, Message)]
struct CreateSigningCertificateRequest {
    #[prost(message, optional, tag = "1")]
    credentials: Option<Credentials>,
    #[prost(oneof = "Key", tags = "2, 3")]
    key: Option<Key>,
}

#[derive(Clone, PartialEq, Message)]
struct Credentials {
    #[prost(string, tag = "1")]
    oidc_identity_token: String,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Key {
    #[prost(message, tag = "2")]
    PublicKeyRequest(PublicKeyRequest),
    #[prost(bytes = "vec", tag = "3")]
    CertificateSigningRequest(Vec<u8>),
}

#[derive(Clone, PartialEq, Message)]
struct PublicKeyRequest {
    #[prost(message, optional, tag = "1")]
    public_key: Option<PublicKey>,
    #[prost(bytes = "vec", tag = "2")]
    proof_of_possession: Vec<u8>,
}

/// Its algorithm is not read: the key says what it is.
#[derive(Clone, PartialEq, Message)]
struct PublicKey {
    #[prost(string, tag = "2")]
    content: String,
}

#[derive(Clone, PartialEq, Message)]
struct SigningCertificate {
    #[prost(message, optional, tag = "2")]
    signed_certificate_embedded_sct: Option<EmbeddedSct>,
}

#[derive(Clone, PartialEq, Message)]
struct EmbeddedSct {
    #[prost(message, optional, tag = "1")]
    chain: Option<Chain>,
}

#[derive(Clone, PartialEq, Message)]
struct Chain {
    #[prost(string, repeated, tag = "1")]
    certificates: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct TrustBundle {
    #[prost(message, repeated, tag = "1")]
    chains: Vec<Chain>,
}

#[derive(Clone, PartialEq, Message)]
struct Configuration {
    #[prost(message, repeated, tag = "1")]
    issuers: Vec<OidcIssuer>,
}

#[derive(Clone, PartialEq, Message)]
struct OidcIssuer {
    #[prost(oneof = "IssuerUrl", tags = "1, 2")]
    issuer: Option<IssuerUrl>,
    #[prost(string, tag = "3")]
    audience: String,
    #[prost(string, tag = "4")]
    challenge_claim: String,
    #[prost(string, tag = "5")]
    spiffe_trust_domain: String,
    #[prost(string, tag = "6")]
    issuer_type: String,
    #[prost(string, tag = "7")]
    subject_domain: String,
    #[prost(bool, tag = "8")]
    skip_email_verification: bool,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum IssuerUrl {
    #[prost(string, tag = "1")]
    Exact(String),
    #[prost(string, tag = "2")]
    Wildcard(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(content: &[u8], signature: &[u8]) -> Proof {
        Proof::Key {
            content: content.to_vec(),
            signature: signature.to_vec(),
        }
    }

    #[track_caller]
    fn check(message: &[u8], token: Option<&str>, proof: Proof) {
        let parsed = parse_signing_request(message).unwrap();
        assert_eq!((parsed.token.as_deref(), parsed.proof), (token, proof));
    }

    #[test]
    fn requests_are_read_by_the_numbers_of_their_fields() {
        let key_request = b"\x0a\x05\x0a\x03a.b\x12\x0c\x0a\x07\x08\x02\x12\x03PEM\x12\x01s";
        check(key_request, Some("a.b"), key(b"PEM", b"s"));
        check(b"\x1a\x03CSR", None, Proof::Csr(b"CSR".to_vec()));
    }

    #[test]
    fn an_empty_request_has_no_token_and_no_key() {
        check(b"", None, key(b"", b""));
        check(b"\x0a\x02\x0a\x00\x12\x00", None, key(b"", b""));
    }

    #[test]
    fn what_is_not_the_message_is_refused() {
        for message in [
            b"{}".as_slice(),
            b"\x0a\x05\x0a\x03a.",
            b"\x0a\x03\x0a\x01\xff",
        ] {
            let refused = parse_signing_request(message).unwrap_err();
            assert!(matches!(refused, Refusal::FulcioRequest(_)), "{message:?}");
        }
    }

    #[test]
    fn a_certificate_has_the_bytes_of_its_definition() {
        let message = signing_certificate(vec!["leaf".to_owned(), "root".to_owned()]);
        assert_eq!(message, b"\x12\x0e\x0a\x0c\x0a\x04leaf\x0a\x04root");
    }
}
