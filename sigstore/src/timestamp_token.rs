//! RFC 3161 timestamps: somebody trusted signs "this digest existed at this time".
//!
//! | type | what |
//! |---|---|
//! | [`TimestampRequest`] | a digest to be timestamped, from DER or from Sigstore's JSON form |
//! | [`TstInfo`] | what is signed: digest, time, serial number, policy, the request's nonce |
//! | [`TokenTemplate`] | builds tokens: CMS `SignedData` (RFC 5652) around a `TstInfo` |
//! | [`TimestampResponse`] | a token, or a refusal |
//! | [`TimestampToken`] | a token that was read; nothing in it is believed yet |
//! | [`AuthorityCertificate`] | certificates for an authority, still to be signed |
//! | [`TimestampChain`] | the certificates of a trusted authority; checks tokens |
//!
//! Signatures are made elsewhere: the template gives the bytes to sign and takes the signature.
//! No certificate inside a token is ever trusted: it can only be equal to the one that is.
//!
//! Tokens last for decades, and many programs read them. So we write the one shape that all known
//! readers take: DER throughout, every SET OF in order (some readers refuse OpenSSL's order), one
//! signer named by issuer and serial number, the attribute `signing-certificate-v2`, and at most
//! one certificate. What is read must be DER too, byte for byte; but it may use more of RFC 3161:
//! other signature algorithms, fractions of seconds, more certificates and attributes.
//!
//! Not here: which requests an authority grants, its clock and its serial numbers, and when a
//! trust root trusts which authority.
//!
//! Specs: RFC 3161, RFC 5816 (`ESSCertIDv2`), RFC 5652, RFC 5035.

pub use crate::der_reader::MalformedDer;

pub use certificate::{AuthorityCertificate, AuthorityName};
pub use error::{ChainError, RequestError, TokenError, TokenFormatError};
pub use gen_time::GenTime;
pub use imprint::MessageImprint;
pub use integer::{Nonce, SerialNumber};
pub use request::TimestampRequest;
pub use response::{FailureInfo, PkiStatus, Rejection, TimestampResponse};
pub use template::{TokenSignature, TokenTemplate, UnsignedToken};
pub use token::TimestampToken;
pub use tst_info::{Accuracy, TimestampPolicy, TstInfo};
pub use verify::TimestampChain;

mod certificate;
mod error;
mod gen_time;
mod imprint;
mod integer;
mod json_request;
mod oids;
mod request;
mod response;
mod template;
mod token;
mod tst_info;
mod verify;
mod writer;

/// The longest request that is read. A digest, a policy and a nonce take some 150 bytes.
pub const REQUEST_LEN_BYTES_MAX: usize = 1024;

/// The longest response that is read: room for a dozen certificates.
pub const RESPONSE_LEN_BYTES_MAX: usize = 32_768;

#[cfg(test)]
mod tests;
