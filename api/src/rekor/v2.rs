//! `POST /api/v2/log/entries`: one signature in, its entry with a proof out.
//!
//! The body is a `CreateEntryRequest` with `hashedRekordRequestV002`; the answer is 201 with a
//! `TransparencyLogEntry`, given once a checkpoint that covers the entry is published.
//!
//! A request whose entry the log holds already is answered like the first one, with a current proof
//! and its index in `x-log-index`: nearly every duplicate is a retry after a lost answer, and so
//! the retry just works. Under `duplicates = "conflict"` it is a 409 with the same header.
//!
//! The same over gRPC: `CreateEntry` of `dev.sigstore.rekor.v2.Rekor`.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::answer::answer;
use crate::app::{Duplicates, ServedLog};
use crate::deadline::Deadline;
use crate::error::{LOG_INDEX, Refusal};
use crate::grpc::{self, Encoding};
use crate::read;
use crate::route::{Asked, Service};

use super::waiting_line::Logged;
use super::{check, prove, read_body};

/// Logs one request.
pub(crate) async fn add(
    service: &Service,
    served: &ServedLog,
    encoding: Encoding,
    asked: Asked,
) -> Result<Response, Refusal> {
    let log = read::open(served)?;
    let limits = &service.app.limits;
    let max = limits.rekor_body_len_bytes_max;
    let (body, timers) = read_body(service, asked, encoding, max).await?;
    let deadline = Deadline::new(limits, &timers);
    let (line, checked_into) = (served.waiting_line.entrance(), log.clone());
    let logging = service.verify.hand_on(move |teller| {
        let checked = check(body.bytes(), encoding);
        // From here on the engine's pool bounds what is held.
        drop(body);
        match checked {
            Ok(entry) => line.add(&checked_into, entry, teller),
            Err(refusal) => teller.tell(Err(refusal)),
        }
    });
    let Logged { leaf, place, head } = deadline.answered(logging?).await??;
    if place.duplicate && served.duplicates == Duplicates::Conflict {
        return Err(Refusal::Duplicate {
            index: place.index.get(),
        });
    }
    // A handful of tiles, for a new entry all of them just written: read in place, as tiles are.
    let entry = prove(served, &log.reader(), (place.index, &leaf), &head)?;
    let mut response = match encoding {
        Encoding::Plain => created(entry.to_json()),
        Encoding::Grpc => grpc::answer(&entry.to_protobuf()),
    };
    if place.duplicate {
        response
            .headers_mut()
            .insert(LOG_INDEX, HeaderValue::from(place.index.get()));
    }
    Ok(response)
}

/// 201 with a JSON body that no cache keeps.
pub(super) fn created(json: String) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    answer(StatusCode::CREATED, headers, json)
}

/// Gives index 0 to an entry of the log's own, so that no client gets it: some drop zeros and
/// empty lists from the bundle they write, which then does not verify.
///
/// The entry is a valid one, made and checked like any other: a key that exists for this one
/// signature signs a text that names the log. To be called while nobody else can add.
pub(crate) async fn burn_first_entry(served: &ServedLog) -> Result<(), Refusal> {
    let log = read::open(served)?;
    let request = first_request(&served.origin).map_err(|Unspecified| {
        tracing::error!(log = served.name, "the first entry could not be signed");
        Refusal::Internal
    })?;
    let place = log
        .add(check(&request, Encoding::Plain)?)
        .map_err(Refusal::not_admitted)?
        .sequenced()
        .await?;
    log.reader().published_covering(place.index).await?;
    Ok(())
}

/// A request for an entry that belongs to nobody.
pub(crate) fn first_request(origin: &str) -> Result<Vec<u8>, Unspecified> {
    let text = format!("This is the first entry of the log {origin} and belongs to nobody.\n");
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?;
    let signature = key.sign(&SystemRandom::new(), text.as_bytes())?;
    let public_key: PublicKeyX509Der<'_> = key.public_key().as_der()?;
    let request = json!({"hashedRekordRequestV002": {
        "digest": STANDARD.encode(digest(&SHA256, text.as_bytes())),
        "signature": {
            "content": STANDARD.encode(signature),
            "verifier": {
                "publicKey": {"rawBytes": STANDARD.encode(public_key.as_ref())},
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            },
        },
    }});
    Ok(request.to_string().into_bytes())
}

#[cfg(test)]
mod tests;
