//! Signatures that wait for a log: what is kept of them, and giving them their proofs later.
//!
//! Where the bundle goes, a *pending* one is written: a bundle of version 0.3 that is complete but
//! for entries of logs, with at least one timestamp. Other clients refuse it for having none;
//! `cairn verify` takes it only where that is asked for, and only as long as its timestamp is young
//! enough (`LogPolicy::EntryOrPending`). Beside it the spool gets a receipt, with all it takes to
//! go on without the signer, on another machine, or after the bundle was moved:
//!
//! ```text
//! {"mediaType":"application/vnd.cairn.pending.v1+json","signed":1795358375,
//!  "file":"/release/a.tar.gz","destination":"/release/a.tar.gz.sigstore.json",
//!  "sha256":"<hex>","digests":{"sha512":"<hex>"},"publicKey":"<base64>","bundle":{...}}
//! ```
//!
//! A receipt is named by the hash of what the log will be told, so the same signature has one. The
//! order of writes makes every interruption harmless: first the receipt, then the pending bundle;
//! later first the whole bundle, then the receipt goes. Doing any of it again changes nothing,
//! because a log gives an entry that it has already.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use sigstore::bundle::{BundleContent, SigstoreBundle};
use sigstore::identity::{Identity, TextMatch};
use sigstore::verify::{Policy, TrustMaterial};
use sigstore::{HashAlgorithm, HashedRekordRequest, KeyDetails, PublicKey, VerifierBytes};

use crate::clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::{self, Readers};
use crate::output;
use crate::submit::Patience;

use super::artifact::digest_of;
use super::{Draft, Hashed, Order, Plan, Services, Signed, identity, nameless, rekor};

const MEDIA_TYPE: &str = "application/vnd.cairn.pending.v1+json";

/// How the names of receipts end.
const SUFFIX: &str = ".pending.json";

/// The longest receipt: the longest bundle, and room for the rest.
const RECEIPT_LEN_BYTES_MAX: usize = sigstore::bundle::BUNDLE_LEN_BYTES_MAX + (1 << 20);

/// A directory of receipts.
#[derive(Clone, Debug)]
pub(crate) struct Spool {
    dir: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    media_type: String,
    signed: u64,
    file: PathBuf,
    destination: PathBuf,
    sha256: String,
    digests: BTreeMap<String, String>,
    public_key: String,
    bundle: Box<RawValue>,
}

impl Spool {
    /// In a directory, which is made if it is not there.
    pub(crate) fn at(dir: &Path) -> Result<Spool, Failure> {
        let made = fs::create_dir_all(dir).and_then(|()| fs::canonicalize(dir));
        let dir = made.map_err(|error| Failure::file(dir, "can't be a spool").found(error))?;
        Ok(Spool { dir })
    }

    /// Keeps what the log did not take because of `failure`, which is told.
    pub(super) fn keep(
        &self,
        drafts: Vec<Draft>,
        failure: &Failure,
    ) -> Result<Vec<Signed>, Failure> {
        output::note(format_args!(
            "{failure}\n  pending: the log is told by `cairn spool flush`"
        ));
        // Of those that have an entry of one log already the others may be missing; all of them
        // wait, and the entries come again.
        let mut kept = Vec::with_capacity(drafts.len());
        for mut draft in drafts {
            draft.bundle.log_entries.clear();
            self.write(&draft)?;
            files::write(
                &draft.order.bundle,
                &draft.bundle.encode(),
                Readers::Anybody,
            )?;
            kept.push(draft.signed());
        }
        Ok(kept)
    }

    fn write(&self, draft: &Draft) -> Result<(), Failure> {
        let absolute = |path: &Path| {
            let absolute = std::path::absolute(path);
            absolute.map_err(|error| Failure::file(path, "has no absolute path").found(error))
        };
        let hashed = &draft.order.hashed;
        let others = hashed.others.iter();
        let bundle = String::from_utf8(draft.bundle.encode()).ok();
        let bundle = bundle.and_then(|json| RawValue::from_string(json).ok());
        let name = hex::encode(Sha256::digest(draft.record.leaf_bytes()));
        let path = self.dir.join(format!("{name}{SUFFIX}"));
        let unwritable = || Failure::file(&path, "can't be written");
        let receipt = Receipt {
            media_type: MEDIA_TYPE.to_owned(),
            signed: clock::now().get(),
            file: absolute(&draft.order.file)?,
            destination: absolute(&draft.order.bundle)?,
            sha256: hex::encode(hashed.sha256),
            digests: others
                .map(|(hash, digest)| (hash.lower_case_name().to_owned(), hex::encode(digest)))
                .collect(),
            public_key: STANDARD.encode(&draft.spki_der),
            bundle: bundle.ok_or_else(unwritable)?,
        };
        let json = serde_json::to_vec(&receipt).map_err(|error| unwritable().found(error))?;
        files::write(&path, &json, Readers::Anybody)
    }

    /// The receipts, in the order of their names.
    pub(crate) fn receipts(&self) -> Result<Vec<PathBuf>, Failure> {
        let listed = fs::read_dir(&self.dir).and_then(|entries| {
            let paths = entries.map(|entry| entry.map(|entry| entry.path()));
            paths.collect::<Result<Vec<_>, _>>()
        });
        let mut paths =
            listed.map_err(|error| Failure::file(&self.dir, "can't be read").found(error))?;
        paths.retain(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.ends_with(SUFFIX))
        });
        paths.sort_unstable();
        Ok(paths)
    }

    /// Tells the log what waits, and completes the bundles. Each receipt fares for itself.
    pub(crate) fn flush(&self, plan: &Plan<'_>) -> Result<Vec<Result<Signed, Failure>>, Failure> {
        let trust = TrustMaterial::new(&plan.trust.trusted_root);
        let mut flushed = Vec::new();
        for receipt in self.receipts()? {
            flushed.push(read(&receipt).and_then(|(draft, policy)| {
                let signed = complete(draft, &policy, &trust, plan)?;
                fs::remove_file(&receipt).map_err(|error| {
                    Failure::file(&receipt, "is done, but can't be removed").found(error)
                })?;
                Ok(signed)
            }));
        }
        Ok(flushed)
    }
}

/// Refuses services whose signatures could not wait.
pub(crate) fn may_wait(services: &Services) -> Result<(), Failure> {
    let needed = if services.tsas.is_empty() {
        "names no timestamp authority, which must say when what waits was signed"
    } else if services.logs.iter().any(|log| log.major_api_version < 2) {
        "names a log of version 1, whose late entries would be refused"
    } else {
        return Ok(());
    };
    let failure = Failure::new(Exit::Usage, "the signing config", needed);
    Err(failure.fix("leave out --spool"))
}

fn complete(
    draft: Draft,
    policy: &Policy,
    trust: &TrustMaterial,
    plan: &Plan<'_>,
) -> Result<Signed, Failure> {
    let mut drafts = [draft];
    let asking = (plan.http, Patience::SHORT);
    rekor::add(
        &mut drafts,
        &plan.services.logs,
        &plan.trust.trusted_root,
        asking,
    )?;
    let [draft] = drafts;
    draft.finish(policy, trust)
}

/// Reads a receipt back into what it was made of, and who must have signed it.
fn read(path: &Path) -> Result<(Draft, Policy), Failure> {
    let bytes = files::read(path, RECEIPT_LEN_BYTES_MAX)?;
    let wrong = |reason: &dyn std::fmt::Display| {
        Failure::file(path, "is not the receipt of a pending signature").found(reason)
    };
    let receipt: Receipt = serde_json::from_slice(&bytes).map_err(|error| wrong(&error))?;
    if receipt.media_type != MEDIA_TYPE {
        return Err(wrong(&receipt.media_type));
    }
    let bundle = SigstoreBundle::parse(receipt.bundle.get().as_bytes());
    let bundle = bundle.map_err(|error| wrong(&error))?;
    let spki_der = STANDARD
        .decode(&receipt.public_key)
        .map_err(|error| wrong(&error))?;
    let key = PublicKey::from_spki_der(&spki_der).map_err(|error| wrong(&error))?;
    let details = KeyDetails::for_key_kind(key.kind()).ok_or_else(|| wrong(&key.kind()))?;
    let hashed = hashed(&receipt).ok_or_else(|| wrong(&"digests that are none"))?;
    let digest = match &bundle.content {
        BundleContent::Envelope(envelope) => digest_of(details.hash(), &envelope.encoding()),
        BundleContent::Message(_) => {
            let digest = hashed.digest(details.hash());
            digest
                .ok_or_else(|| wrong(&"no digest of the key's hash"))?
                .to_vec()
        }
    };
    let (verifier, policy) = match bundle.signer.leaf() {
        None => (VerifierBytes::PublicKey(spki_der.clone()), Policy::key(key)),
        Some(leaf) => {
            let (name, issuer) = identity(leaf).ok_or_else(nameless)?;
            let identity = Identity {
                issuer: TextMatch::Exact(issuer),
                name: TextMatch::Exact(name),
            };
            let verifier = VerifierBytes::X509Certificate(leaf.to_vec());
            (verifier, Policy::identities(vec![identity]))
        }
    };
    let signature = bundle.content.signature().to_vec();
    let record = HashedRekordRequest::new(digest, signature, verifier, details);
    let record = record.verify().map_err(|error| wrong(&error))?;
    let order = Order {
        file: receipt.file,
        bundle: receipt.destination,
        hashed,
        statement: None,
    };
    let draft = Draft {
        order,
        bundle,
        record,
        spki_der,
    };
    Ok((draft, policy))
}

fn hashed(receipt: &Receipt) -> Option<Hashed> {
    let mut others = Vec::new();
    for (name, digest) in &receipt.digests {
        let hash = HashAlgorithm::from_lower_case_name(name)?;
        others.push((hash, hex::decode(digest).ok()?));
    }
    Some(Hashed {
        sha256: hex::decode(&receipt.sha256).ok()?.try_into().ok()?,
        others,
    })
}
