//! Fuzz targets: what must hold for any bytes that somebody outside may send.
//!
//! Each target is a function from bytes to whether they were accepted. It panics if a property
//! breaks: no parser panics, whatever is accepted is written again as the same bytes, and what is
//! built from it verifies. `store_operations` reads the bytes as a list of things that happen to a
//! log and checks its promises after each.
//!
//! | where | what |
//! |---|---|
//! | `corpus/TARGET/valid-*` | inputs that must be accepted |
//! | `corpus/TARGET/bad-*` | inputs, mostly one step from a valid one, that must be refused |
//! | `tests/corpus.rs` | replays them in every test run, then mutates each a little |
//! | `fuzz_targets/` | the same functions under libFuzzer, behind the feature `libfuzzer` |
//!
//! To fuzz for a minute, with what is found kept apart from the committed corpus:
//!
//! ```text
//! mkdir -p /tmp/note
//! cargo +nightly fuzz run --features libfuzzer note /tmp/note fuzz/corpus/note -- \
//!     -max_total_time=60
//! ```
//!
//! An input that breaks something is committed to the corpus together with the fix.
//!
//! ```
//! assert!(fuzz::tile_path(b"tile/0/x001/x234/067.p/8"));
//! assert!(!fuzz::tile_path(b"tile/0/1"));
//! ```

#![allow(
    clippy::missing_panics_doc,
    reason = "every target panics if a property breaks: that is how a fuzzer hears of it"
)]

mod certificates;
mod id_tokens;
mod images;
mod input;
mod instance_formats;
mod kept_checkpoint;
mod log_formats;
mod memory_log;
mod pki;
mod proofs;
mod public_copy;
mod rebuild;
mod server_formats;
mod sigstore_formats;
mod store_operations;
mod timestamps;
mod trust_formats;
mod verify_bundle;

pub use certificates::{
    certificate_chain, certificate_view, challenge_key, csr, pem, sct_list, subject_alt_name,
};
pub use id_tokens::{claim_template, discovery, id_token, key_set};
pub use images::{image_manifest, image_reference, image_signature, registry_challenge};
pub use instance_formats::{add_chain, oauth_form, signing_call, signing_request};
pub use kept_checkpoint::kept_checkpoint;
pub use log_formats::{checkpoint, entry_bundle, note, tile, tile_path, vkey};
pub use pki::{pki_minisign, pki_pgp, pki_pkcs7, pki_ssh, pki_x509};
pub use proofs::proofs;
pub use public_copy::public_copy;
pub use rebuild::rebuild;
pub use server_formats::{
    admin_answer, backup_mark, config, header_value, raw_batch, rekor_batch, rekor_call,
    time_answer,
};
pub use sigstore_formats::{
    canonical_json, certificate, cosign_bundle, entry_body, hashedrekord_leaf,
    hashedrekord_request, identity_pattern, log_entry, sigstore_bundle, spki, statement, tile_leaf,
};
pub use store_operations::store_operations;
pub use timestamps::{
    timestamp_certificate, timestamp_json_request, timestamp_request, timestamp_response,
};
pub use trust_formats::{key_file, signing_config, trust_update, trusted_root, tuf_metadata};
pub use verify_bundle::verify_bundle;

/// A fuzz target: whether the bytes were accepted.
pub type Target = fn(&[u8]) -> bool;

/// Every target under its name, which is also that of its corpus and its binary.
pub const TARGETS: [(&str, Target); 65] = [
    ("add_chain", add_chain),
    ("admin_answer", admin_answer),
    ("backup_mark", backup_mark),
    ("canonical_json", canonical_json),
    ("certificate", certificate),
    ("certificate_chain", certificate_chain),
    ("certificate_view", certificate_view),
    ("challenge_key", challenge_key),
    ("checkpoint", checkpoint),
    ("claim_template", claim_template),
    ("config", config),
    ("cosign_bundle", cosign_bundle),
    ("csr", csr),
    ("discovery", discovery),
    ("entry_body", entry_body),
    ("entry_bundle", entry_bundle),
    ("hashedrekord_leaf", hashedrekord_leaf),
    ("hashedrekord_request", hashedrekord_request),
    ("header_value", header_value),
    ("id_token", id_token),
    ("identity_pattern", identity_pattern),
    ("image_manifest", image_manifest),
    ("image_reference", image_reference),
    ("image_signature", image_signature),
    ("kept_checkpoint", kept_checkpoint),
    ("key_file", key_file),
    ("key_set", key_set),
    ("log_entry", log_entry),
    ("note", note),
    ("oauth_form", oauth_form),
    ("pem", pem),
    ("pki_minisign", pki_minisign),
    ("pki_pgp", pki_pgp),
    ("pki_pkcs7", pki_pkcs7),
    ("pki_ssh", pki_ssh),
    ("pki_x509", pki_x509),
    ("proofs", proofs),
    ("public_copy", public_copy),
    ("raw_batch", raw_batch),
    ("rebuild", rebuild),
    ("registry_challenge", registry_challenge),
    ("rekor_batch", rekor_batch),
    ("rekor_call", rekor_call),
    ("sct_list", sct_list),
    ("signing_call", signing_call),
    ("signing_config", signing_config),
    ("signing_request", signing_request),
    ("sigstore_bundle", sigstore_bundle),
    ("spki", spki),
    ("statement", statement),
    ("store_operations", store_operations),
    ("subject_alt_name", subject_alt_name),
    ("tile", tile),
    ("tile_leaf", tile_leaf),
    ("tile_path", tile_path),
    ("time_answer", time_answer),
    ("timestamp_certificate", timestamp_certificate),
    ("timestamp_json_request", timestamp_json_request),
    ("timestamp_request", timestamp_request),
    ("timestamp_response", timestamp_response),
    ("trust_update", trust_update),
    ("trusted_root", trusted_root),
    ("tuf_metadata", tuf_metadata),
    ("verify_bundle", verify_bundle),
    ("vkey", vkey),
];
