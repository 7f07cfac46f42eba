//! Asking timestamp authorities (RFC 3161) when a signature existed.

use aws_lc_rs::rand;
use sigstore::timestamp_token::{
    MessageImprint, Nonce, RESPONSE_LEN_BYTES_MAX, TimestampRequest, TimestampResponse,
};
use sigstore::{HashAlgorithm, signing_config::Service};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::{Http, Request};
use crate::parallel::side_by_side;
use crate::submit::{self, Patience};

use super::Draft;
use super::artifact::digest_of;

/// Adds a timestamp of each authority to each bundle.
pub(super) fn add(drafts: &mut [Draft], tsas: &[Service], http: &Http) -> Result<(), Failure> {
    for tsa in tsas {
        let stamped = side_by_side(drafts, |draft| {
            request(&tsa.url, draft.bundle.content.signature(), http)
        });
        for (draft, response) in drafts.iter_mut().zip(stamped) {
            draft.bundle.timestamps.push(response?);
        }
    }
    Ok(())
}

/// One response, DER, that answers just this request. Whether the authority is one that is trusted
/// is checked with the bundle.
fn request(url: &str, signature: &[u8], http: &Http) -> Result<Vec<u8>, Failure> {
    let hash = HashAlgorithm::Sha256;
    let imprint = MessageImprint::new(hash, &digest_of(hash, signature));
    let mut random = [0; 8];
    let filled = rand::fill(&mut random);
    let (Ok(imprint), Ok(())) = (imprint, filled) else {
        return Err(Failure::new(
            Exit::File,
            "the system",
            "gives no randomness",
        ));
    };
    let nonce = Nonce::from_u64(u64::from_be_bytes(random));
    let der = TimestampRequest {
        imprint,
        policy: None,
        nonce: Some(nonce.clone()),
        // Verifiers have it in their trusted root.
        wants_certificate: false,
    }
    .to_der();
    let request = Request::post(
        url,
        "application/timestamp-query",
        &der,
        RESPONSE_LEN_BYTES_MAX,
    );
    let answer = submit::send(http, url, &request, Patience::LONG)?;
    if !answer.is_success() {
        return Err(answer.refused(url, "gives no timestamp"));
    }
    let wrong = |what: &str| Failure::new(Exit::Service, url, what);
    match TimestampResponse::parse_der(&answer.body) {
        Ok(TimestampResponse::Granted(token)) => {
            if token.unverified().nonce.as_ref() == Some(&nonce) {
                return Ok(answer.body);
            }
            Err(wrong("gave a timestamp for another request"))
        }
        Ok(TimestampResponse::Rejected(rejection)) => {
            let text = rejection.text.unwrap_or_default();
            Err(wrong("gives no timestamp").found(text))
        }
        Err(error) => Err(wrong("gives no timestamp that can be read").found(error)),
    }
}
