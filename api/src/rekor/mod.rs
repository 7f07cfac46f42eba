//! Rekor v2: what a request becomes, and the proof it is answered with.
//!
//! An answer is given only once a published checkpoint covers the entry, and its proof is checked
//! before it leaves, the way a client checks it.

pub(crate) mod batch;
pub(crate) mod v2;
mod waiting_line;

use engine::{PublishedHead, Reader, UnfinishedEntry};
use sigstore::entry::hashedrekord::{KIND, VERSION};
use sigstore::{HashedRekordRequest, InclusionProof, KindVersion, TransparencyLogEntry};
use tiles::LeafIndex;

use crate::app::ServedLog;
use crate::body::WholeBody;
use crate::error::Refusal;
use crate::grpc::{self, Encoding};
use crate::route::{Asked, Service, WithBody};
use crate::timers::Timers;
pub(crate) use waiting_line::WaitingLine;

/// The canonical entry of one request, once everything about the request is found right. CPU
/// bound: for the verify pool.
pub(crate) fn check(body: &[u8], encoding: Encoding) -> Result<UnfinishedEntry, Refusal> {
    let request = match encoding {
        Encoding::Plain => HashedRekordRequest::parse(body)?,
        Encoding::Grpc => HashedRekordRequest::parse_protobuf(grpc::message(body)?)?,
    };
    Ok(UnfinishedEntry::new(request.verify()?.leaf_bytes().into()))
}

/// Reads a body; one over the limit is a 400 here. Gives the timers of what remains to be waited
/// for, too.
async fn read_body(
    service: &Service,
    asked: Asked,
    encoding: Encoding,
    max: usize,
) -> Result<(WholeBody, Timers), Refusal> {
    let len_bytes_max = encoding.body_len_bytes_max(max);
    let asked = asked.read(service, len_bytes_max, Refusal::RekorBodyTooLarge { max });
    let WithBody { body, timers, .. } = asked.await?;
    Ok((body, timers))
}

/// The answer for the entry `leaf` at `index`, proven in the tree of `head`. Reads a few tiles.
fn prove(
    served: &ServedLog,
    reader: &Reader,
    (index, leaf): (LeafIndex, &[u8]),
    head: &PublishedHead,
) -> Result<TransparencyLogEntry, Refusal> {
    let log_id = served.verifier.as_ref().ok_or(Refusal::LogFailed)?.log_id();
    let hashes = reader.inclusion_proof(index, head.size)?;
    let leaf_hash = tiles::leaf_hash(leaf);
    let verified = tiles::verify_inclusion(index, head.size, &leaf_hash, &hashes, &head.root_hash);
    if let Err(error) = verified {
        tracing::error!(%error, log = served.name, %index, "our own proof does not verify");
        return Err(Refusal::Internal);
    }
    let checkpoint = String::from_utf8(head.checkpoint.to_vec()).map_err(|error| {
        tracing::error!(%error, log = served.name, "our own checkpoint is not text");
        Refusal::Internal
    })?;
    Ok(TransparencyLogEntry {
        log_index: index,
        log_id,
        kind_version: KindVersion {
            kind: KIND.to_owned(),
            version: VERSION.to_owned(),
        },
        integrated_time: 0,
        signed_entry_timestamp: None,
        inclusion_proof: Some(InclusionProof {
            log_index: index,
            root_hash: head.root_hash,
            tree_size: head.size,
            hashes,
            checkpoint,
        }),
        canonicalized_body: leaf.to_vec(),
    })
}
