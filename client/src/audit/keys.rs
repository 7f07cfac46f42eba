//! The key of a log: from the command line, or from a trusted root that has a log of that name.

use sigstore::trusted_root::{TransparencyLogInstance, TrustedRoot};
use tiles::{Checkpoint, KeyName, Note, OpenedNote, Origin, VerifierKey};

use crate::exit::Exit;
use crate::failure::Failure;

/// What comes before the 32 bytes of an Ed25519 key in its `SubjectPublicKeyInfo` (RFC 8410).
const ED25519_SPKI_PREFIX: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";

/// By which keys a checkpoint is believed.
#[derive(Debug)]
pub(crate) enum LogKeys {
    /// The one that the log's operator gave.
    Given(Box<VerifierKey>),
    /// Those of a trusted root.
    Trusted(Box<TrustedRoot>),
}

impl LogKeys {
    /// Checks that the log signed the note, and gives what it says, and the key that tells.
    pub(crate) fn open(
        &self,
        name: &str,
        bytes: &[u8],
    ) -> Result<(Checkpoint, OpenedNote, VerifierKey), Failure> {
        let keys = match self {
            LogKeys::Given(key) => vec![VerifierKey::clone(key)],
            LogKeys::Trusted(root) => trusted_keys(root, name, bytes)?,
        };
        let refused = |error: &dyn std::error::Error| {
            let cause = error.source().map(|cause| format!(": {cause}"));
            let found = format!("{error}{}", cause.unwrap_or_default());
            let what = "the checkpoint is not signed as its log's must be";
            let wanted = keys
                .iter()
                .map(|key| format!("{}+{}", key.name(), key.key_id()));
            Failure::new(Exit::Refused, name, what)
                .expected(wanted.collect::<Vec<_>>().join(", or "))
                .found(found)
                .fix("ask the log's operator for its verifier key, and give it as --vkey")
        };
        let (checkpoint, opened) =
            tiles::open_checkpoint(bytes, &keys).map_err(|error| refused(&error))?;
        let key = keys.iter().find(|key| {
            let signed =
                |s: &tiles::NoteSignature| (s.name(), s.key_id()) == (key.name(), key.key_id());
            key.name().as_str() == checkpoint.origin().as_str()
                && opened.verified.iter().any(signed)
        });
        match key {
            Some(key) => Ok((checkpoint, opened, key.clone())),
            None => Err(Failure::new(
                Exit::Refused,
                name,
                "the log did not sign its checkpoint",
            )),
        }
    }
}

/// The keys of those logs of a trusted root that are named as the checkpoint's origin is.
fn trusted_keys(root: &TrustedRoot, name: &str, note: &[u8]) -> Result<Vec<VerifierKey>, Failure> {
    let no_checkpoint = |error: &dyn std::fmt::Display| {
        Failure::new(Exit::Refused, name, "serves no checkpoint").found(error)
    };
    let note = Note::parse(note).map_err(|error| no_checkpoint(&error))?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|error| no_checkpoint(&error))?;
    let origin = checkpoint.origin();
    let tlogs = root.tlogs.iter().filter_map(|log| note_key(log, origin));
    let ctlogs = root
        .ctlogs
        .iter()
        .filter_map(|log| tree_head_key(log, origin));
    let keys: Vec<VerifierKey> = tlogs.chain(ctlogs).collect();
    if keys.is_empty() {
        let logs = root.tlogs.iter().chain(&root.ctlogs);
        let known: Vec<&str> = logs.map(|log| log.base_url.as_str()).collect();
        let failure = Failure::new(Exit::Refused, name, "is no log of the trusted root")
            .expected(known.join(", "))
            .found(format!(
                "a checkpoint of {origin:?}",
                origin = origin.as_str()
            ))
            .fix("give the log's verifier key with --vkey, or a trust root that has it");
        return Err(failure);
    }
    Ok(keys)
}

fn note_key(log: &TransparencyLogInstance, origin: &Origin) -> Option<VerifierKey> {
    let name = key_name(log, origin)?;
    match log.public_key.strip_prefix(ED25519_SPKI_PREFIX) {
        Some(key) => Some(VerifierKey::from_ed25519(name, key.try_into().ok()?)),
        None => VerifierKey::from_ecdsa_spki(name, &log.public_key).ok(),
    }
}

fn tree_head_key(log: &TransparencyLogInstance, origin: &Origin) -> Option<VerifierKey> {
    let name = key_name(log, origin)?;
    VerifierKey::from_tree_head_spki(name, &log.public_key).ok()
}

/// The origin as the name of a key, if it is that log's: its host, or its URL without the scheme.
fn key_name(log: &TransparencyLogInstance, origin: &Origin) -> Option<KeyName> {
    let url = log.base_url.split_once("://")?.1.trim_end_matches('/');
    let authority = url.split('/').next()?;
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let names = [url, host];
    if !names.contains(&origin.as_str()) {
        return None;
    }
    KeyName::try_from(origin).ok()
}

#[cfg(test)]
mod tests {
    use sigstore::UnixSeconds;
    use sigstore::time_range::{ProtoTime, TimeRange};
    use tiles::{Ed25519NoteSigner, Hash, NoteSigner as _, TreeSize, sign_note};

    use super::*;

    fn signer(name: &str) -> Ed25519NoteSigner {
        Ed25519NoteSigner::from_seed(KeyName::new(name).unwrap(), [7; 32]).unwrap()
    }

    fn note(origin: &str) -> Vec<u8> {
        let size = TreeSize::new(3);
        let checkpoint = Checkpoint::new(Origin::new(origin).unwrap(), size, Hash::new([1; 32]));
        let note = sign_note(&checkpoint.encode(), &[&signer(origin)]).unwrap();
        note.encode().into_bytes()
    }

    fn root(url: &str, origin: &str) -> LogKeys {
        let key = signer(origin).verifier().spki_der();
        let key = key.strip_prefix(ED25519_SPKI_PREFIX).unwrap();
        let start = ProtoTime::from_seconds(UnixSeconds::new(0)).unwrap();
        let log = TransparencyLogInstance::with_note_key(
            url.to_owned(),
            origin,
            key.try_into().unwrap(),
            TimeRange::starting(start),
        );
        LogKeys::Trusted(Box::new(TrustedRoot {
            tlogs: vec![log],
            certificate_authorities: Vec::new(),
            ctlogs: Vec::new(),
            timestamp_authorities: Vec::new(),
        }))
    }

    #[test]
    fn a_given_key_opens_what_it_signed_alone() {
        let given = LogKeys::Given(Box::new(signer("a.example").verifier().clone()));
        let (checkpoint, _, key) = given.open("log", &note("a.example")).unwrap();
        assert_eq!(checkpoint.size().get(), 3);
        assert_eq!(key, *signer("a.example").verifier());
        let refused = given.open("log", &note("b.example")).unwrap_err();
        assert_eq!(refused.exit(), Exit::Refused);
        assert!(refused.to_string().contains("a.example+"), "{refused}");
    }

    #[test]
    fn a_trusted_root_has_the_keys_of_its_logs_alone() {
        for url in [
            "https://a.example",
            "http://a.example:3000/x/",
            "https://a.example/",
        ] {
            let keys = root(url, "a.example");
            assert!(keys.open("log", &note("a.example")).is_ok(), "{url}");
        }
        let keys = root("https://a.example/logs/b", "a.example/logs/b");
        assert!(keys.open("log", &note("a.example/logs/b")).is_ok());
        let refused = keys.open("log", &note("c.example")).unwrap_err();
        assert!(
            refused.to_string().contains("no log of the trusted root"),
            "{refused}"
        );
        let refused = keys.open("log", b"garbage").unwrap_err();
        assert!(
            refused.to_string().contains("serves no checkpoint"),
            "{refused}"
        );
    }

    #[test]
    fn the_public_logs_have_the_ids_of_their_note_keys() {
        let roots = [
            sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT,
            sigstore_trust_root::SIGSTORE_STAGING_TRUSTED_ROOT,
        ];
        let roots = roots.map(|text| TrustedRoot::parse(text.as_bytes()).unwrap());
        let logs = roots.iter().flat_map(|root| &root.tlogs);
        let logs = logs.filter(|log| log.public_key.starts_with(ED25519_SPKI_PREFIX));
        let mut count = 0;
        for log in logs {
            let host = log.base_url.strip_prefix("https://").unwrap();
            let key = note_key(log, &Origin::new(host).unwrap()).unwrap();
            assert_eq!(key.log_id(), log.log_id, "{host}");
            count += 1;
        }
        assert!(count > 0);
    }
}
