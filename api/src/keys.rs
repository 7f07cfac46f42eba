//! Private keys in files: PKCS#8, PEM, readable by the owner alone; and bearer tokens.
//!
//! A certificate log has a key on P-256, because its promises are checked by clients that know
//! nothing else; every other log has an Ed25519 key.
//!
//! A key file is created once and never overwritten: a lost key ends a log. Private bytes are wiped
//! from memory as soon as the signer has them.

mod encrypted;

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::Ed25519KeyPair;
use ca::Signer;
use ca::signer::{FileSigner, generate};
use pem_rfc7468::LineEnding;
use sigstore::ct_entry::chain::ROOT_COUNT_MAX;
use sigstore::{AcceptedRoots, KeyKind, pem};
use tiles::{Ed25519NoteSigner, KeyName, NoteSigner, Origin, VerifierKey};
use zeroize::Zeroizing;

use crate::app::{LogKind, Token};
use crate::ct::TreeHeadSigner;
pub(crate) use encrypted::KeyFile;

/// The PEM label of an unencrypted PKCS#8 key.
const PEM_LABEL: &str = "PRIVATE KEY";

/// Bytes of a key or token file; a key has about 120.
const FILE_LEN_BYTES_MAX: usize = 1 << 20;
const READ_LEN_BYTES: u64 = (1 << 20) + 1;

/// Permissions that a private file must not give: any to others, and writing to its group. Reading
/// may be given to the group: a service manager's credentials are mounted so.
const EXPOSED_MODE: u32 = 0o027;

/// Characters of a bearer token: fewer could be guessed.
const TOKEN_LEN_MIN: usize = 16;

/// Why a key or token file can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum KeyFileError {
    #[error("{} exists already; a key is never overwritten: move the file away if no log uses it",
        .0.display())]
    Exists(PathBuf),
    #[error("{} can't be written: {cause}", path.display())]
    Write { path: PathBuf, cause: io::Error },
    #[error("{} can't be read: {cause}; restore it from your backup", path.display())]
    Read { path: PathBuf, cause: io::Error },
    #[error("{} {} (mode {mode:03o}); run `chmod 600` on it", path.display(), exposure(*mode))]
    Mode { path: PathBuf, mode: u32 },
    #[error("{} does not hold the key that it should, in PKCS#8 PEM ({why}); restore it from your \
        backup",
        path.display())]
    NotAKey { path: PathBuf, why: String },
    #[error("{} does not hold root certificates in PEM ({why}); put there the roots whose \
        certificates the log is to take, or remove `roots_file`", path.display())]
    NotRoots { path: PathBuf, why: String },
    #[error("{} is encrypted, and there is no passphrase; name its file as `passphrase_file` in \
        cairn.toml, or set CAIRND_PASSPHRASE", .0.display())]
    NoPassphrase(PathBuf),
    #[error("{} holds no passphrase", .0.display())]
    EmptyPassphrase(PathBuf),
    #[error("{}: {cause}", path.display())]
    Encryption {
        path: PathBuf,
        cause: sigstore::key_file::KeyFileError,
    },
    #[error("the system gave no key: {0}")]
    Generate(&'static str),
    #[error("{} has more than {FILE_LEN_BYTES_MAX} bytes; a key is smaller, and tokens are one a \
        line", .0.display())]
    TooLong(PathBuf),
    #[error("{}:{line}: a token has {found} characters; use {TOKEN_LEN_MIN} or more, for example \
        from `openssl rand -hex 32`", path.display())]
    TokenTooShort {
        path: PathBuf,
        line: usize,
        found: usize,
    },
    #[error("{} holds no token; write one a line, or remove `tokens_file` to let anybody add",
        .0.display())]
    NoTokens(PathBuf),
}

/// A log's key, opened.
#[derive(Clone, Debug)]
pub(crate) struct LogKey {
    pub(crate) signer: Arc<dyn NoteSigner>,
    pub(crate) verifier: VerifierKey,
    /// What signs the promises of a certificate log. `None` in other logs.
    pub(crate) promises: Option<Arc<dyn Signer>>,
}

/// A new private key for a log of that kind, as PKCS#8 DER.
fn generate_der(kind: LogKind) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    match kind {
        LogKind::RekorV2 | LogKind::Raw => Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new())
            .map(|der| Zeroizing::new(der.as_ref().to_vec()))
            .map_err(|_| KeyFileError::Generate("no Ed25519 key was made")),
        LogKind::Ct => generate(KeyKind::EcdsaP256)
            .map_err(|_| KeyFileError::Generate("no ECDSA key was made")),
    }
}

/// Where the key of the log of that name is, within the data directory.
pub(crate) fn relative_path(name: &str) -> PathBuf {
    Path::new("keys").join(format!("{name}.pem"))
}

/// Makes the key of a log of that kind and writes it to `file`, as [`KeyFile::write_new`] does.
pub(crate) fn create(file: &KeyFile, kind: LogKind) -> Result<(), KeyFileError> {
    file.write_new(&generate_der(kind)?)
}

/// Writes a private key, PKCS#8 DER, to `path` as PEM, as [`write_private`] does.
pub(crate) fn write_new(path: &Path, der: &[u8]) -> Result<(), KeyFileError> {
    let pem = pem_rfc7468::encode_string(PEM_LABEL, LineEnding::LF, der)
        .map(Zeroizing::new)
        .map_err(|_| KeyFileError::Generate("the key has no PEM form"))?;
    write_private(path, pem.as_bytes())
}

/// Writes a new file that only its owner may read (0600), synced. Makes the directory (0700).
///
/// # Errors
/// If there is a file already, or it can't be written. A partly written file is removed.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), KeyFileError> {
    let write_error = |cause| KeyFileError::Write {
        path: path.to_owned(),
        cause,
    };
    if let Some(parent) = path.parent() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(parent)
            .map_err(write_error)?;
    }
    let mut file = match fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(KeyFileError::Exists(path.to_owned()));
        }
        Err(error) => return Err(write_error(error)),
    };
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.and_then(|()| sync_parent(path)).map_err(|cause| {
        // Half a key is of no use to anybody and would stop the next attempt.
        let _best_effort = fs::remove_file(path);
        write_error(cause)
    })
}

/// Reads the key in `file` as the key of the log `origin`, which is of that kind.
pub(crate) fn load(file: &KeyFile, origin: &Origin, kind: LogKind) -> Result<LogKey, KeyFileError> {
    let not_a_key = |why: String| KeyFileError::NotAKey {
        path: file.path().to_owned(),
        why,
    };
    let der = file.read()?;
    let name = KeyName::new(origin.as_str()).map_err(|error| not_a_key(error.to_string()))?;
    match kind {
        LogKind::RekorV2 | LogKind::Raw => {
            let signer = Ed25519NoteSigner::from_pkcs8_der(name, &der)
                .map_err(|error| not_a_key(format!("for an Ed25519 log: {error}")))?;
            Ok(LogKey {
                verifier: signer.verifier().clone(),
                signer: Arc::new(signer),
                promises: None,
            })
        }
        LogKind::Ct => {
            let not_for_ct = |why: String| not_a_key(format!("for a certificate log: {why}"));
            let promises =
                FileSigner::from_pkcs8_der(&der).map_err(|error| not_for_ct(error.to_string()))?;
            let promises: Arc<dyn Signer> = Arc::new(promises);
            let signer = TreeHeadSigner::new(name, Arc::clone(&promises))
                .map_err(|error| not_for_ct(error.to_string()))?;
            Ok(LogKey {
                verifier: signer.verifier().clone(),
                signer: Arc::new(signer),
                promises: Some(promises),
            })
        }
    }
}

/// Reads a private key of any kind, as PKCS#8 DER.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    decode(path, &read_private(path)?)
}

/// The key in the text of the unencrypted file at `path`.
fn decode(path: &Path, pem: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let not_a_key = |why: String| KeyFileError::NotAKey {
        path: path.to_owned(),
        why,
    };
    let (label, der) =
        pem_rfc7468::decode_vec(pem).map_err(|error| not_a_key(format!("PEM: {error}")))?;
    let der = Zeroizing::new(der);
    if label != PEM_LABEL {
        return Err(not_a_key(format!("label {label:?}, not {PEM_LABEL:?}")));
    }
    Ok(der)
}

/// Reads the roots of a certificate log: PEM certificates, which are no secret.
///
/// # Errors
/// If the file can't be read, or holds something else.
pub(crate) fn load_roots(path: &Path) -> Result<AcceptedRoots, KeyFileError> {
    let read_error = |cause| KeyFileError::Read {
        path: path.to_owned(),
        cause,
    };
    let not_roots = |why: String| KeyFileError::NotRoots {
        path: path.to_owned(),
        why,
    };
    let mut text = Vec::new();
    let file = fs::File::open(path).map_err(read_error)?;
    let length = file.take(READ_LEN_BYTES).read_to_end(&mut text);
    if length.map_err(read_error)? > FILE_LEN_BYTES_MAX {
        return Err(KeyFileError::TooLong(path.to_owned()));
    }
    let certificates = pem::parse_certificates(&text, ROOT_COUNT_MAX);
    let certificates = certificates.map_err(|error| not_roots(error.to_string()))?;
    AcceptedRoots::new(certificates).map_err(|error| not_roots(error.to_string()))
}

/// Reads bearer tokens: one a line; empty lines and lines that begin with `#` are skipped.
pub(crate) fn load_tokens(path: &Path) -> Result<Vec<Token>, KeyFileError> {
    let bytes = read_private(path)?;
    let text = std::str::from_utf8(&bytes).map_err(|error| KeyFileError::Read {
        path: path.to_owned(),
        cause: io::Error::new(io::ErrorKind::InvalidData, error),
    })?;
    let mut tokens = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let token = line.trim();
        if token.is_empty() || token.starts_with('#') {
            continue;
        }
        if token.len() < TOKEN_LEN_MIN {
            let found = token.len();
            return Err(KeyFileError::TokenTooShort {
                path: path.to_owned(),
                line: number,
                found,
            });
        }
        tokens.push(Token::new(token));
    }
    if tokens.is_empty() {
        Err(KeyFileError::NoTokens(path.to_owned()))
    } else {
        Ok(tokens)
    }
}

/// What is wrong with a private file of that mode.
fn exposure(mode: u32) -> &'static str {
    match (mode & 0o004 != 0, mode & 0o022 != 0) {
        (true, true) => "can be read and changed by other users",
        (true, false) => "can be read by other users",
        (false, true) => "can be changed by other users",
        (false, false) => "is open to other users",
    }
}

/// The bytes of a file that only its owner may read.
pub(crate) fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let read_error = |cause| KeyFileError::Read {
        path: path.to_owned(),
        cause,
    };
    let file = fs::File::open(path).map_err(read_error)?;
    let mode = file.metadata().map_err(read_error)?.mode() & 0o777;
    if mode & EXPOSED_MODE != 0 {
        return Err(KeyFileError::Mode {
            path: path.to_owned(),
            mode,
        });
    }
    let mut bytes = Zeroizing::new(Vec::new());
    // One byte more than fits tells a longer file from one that just fits.
    let length = file
        .take(READ_LEN_BYTES)
        .read_to_end(&mut bytes)
        .map_err(read_error)?;
    if length > FILE_LEN_BYTES_MAX {
        return Err(KeyFileError::TooLong(path.to_owned()));
    }
    Ok(bytes)
}

/// Makes a new or renamed file's name durable.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => fs::File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::config::PassphraseSource;

    fn origin() -> Origin {
        Origin::new("log.example.org").unwrap()
    }

    fn plain(path: &Path) -> KeyFile {
        KeyFile::new(path.to_owned(), PassphraseSource::Environment)
    }

    fn write(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_created_key_is_private_and_loads() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys/a.pem");
        create(&plain(&path), LogKind::Raw).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(
            fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777,
            0o700
        );
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{text}");
        let key = load(&plain(&path), &origin(), LogKind::Raw).unwrap();
        assert_eq!(key.verifier.name().to_string(), "log.example.org");
        let signature = key.signer.sign(b"text").unwrap();
        key.verifier.verify(b"text", &signature).unwrap();
    }

    #[test]
    fn a_certificate_logs_key_signs_tree_heads_and_is_no_other_logs() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ct.pem");
        create(&plain(&path), LogKind::Ct).unwrap();
        let key = load(&plain(&path), &origin(), LogKind::Ct).unwrap();
        assert_eq!(key.verifier.algorithm(), tiles::KeyAlgorithm::TreeHead);
        let promises = key.promises.unwrap();
        assert_eq!(promises.public_key(), key.verifier.spki_der());
        let error = load(&plain(&path), &origin(), LogKind::Raw).unwrap_err();
        assert!(error.to_string().contains("for an Ed25519 log"), "{error}");
        let path = dir.path().join("raw.pem");
        create(&plain(&path), LogKind::Raw).unwrap();
        let error = load(&plain(&path), &origin(), LogKind::Ct).unwrap_err();
        assert!(
            error.to_string().contains("for a certificate log"),
            "{error}"
        );
    }

    #[test]
    fn two_keys_differ() {
        let dir = tempfile::tempdir().unwrap();
        let keys = ["a.pem", "b.pem"].map(|name| {
            let path = dir.path().join(name);
            create(&plain(&path), LogKind::Raw).unwrap();
            load(&plain(&path), &origin(), LogKind::Raw)
                .unwrap()
                .verifier
                .log_id()
        });
        assert_ne!(keys[0], keys[1]);
    }

    #[test]
    fn a_key_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.pem");
        write(&path, "precious", 0o600);
        assert!(matches!(
            create(&plain(&path), LogKind::Raw).unwrap_err(),
            KeyFileError::Exists(_)
        ));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_key_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.pem");
        create(&plain(&path), LogKind::Raw).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = load(&plain(&path), &origin(), LogKind::Raw).unwrap_err();
        assert!(
            matches!(error, KeyFileError::Mode { mode: 0o644, .. }),
            "{error}"
        );
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }

    #[test]
    fn what_a_mode_opens_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.pem");
        for (mode, words) in [
            (0o604, "can be read by"),
            (0o620, "can be changed by"),
            (0o602, "can be changed by"),
            (0o666, "can be read and changed by"),
            (0o601, "is open to"),
        ] {
            write(&path, "x", mode);
            let error = load(&plain(&path), &origin(), LogKind::Raw)
                .unwrap_err()
                .to_string();
            assert!(error.contains(words), "{mode:o}: {error}");
        }
        write(&path, "x", 0o640);
        let error = load(&plain(&path), &origin(), LogKind::Raw).unwrap_err();
        assert!(matches!(error, KeyFileError::NotAKey { .. }), "{error}");
    }

    #[test]
    fn a_file_that_is_too_long_is_refused_and_never_cut() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens");
        let fits = "0123456789abcdef\n".repeat(FILE_LEN_BYTES_MAX / 17);
        write(&path, &fits, 0o600);
        assert_eq!(load_tokens(&path).unwrap().len(), FILE_LEN_BYTES_MAX / 17);
        write(&path, &format!("{fits}fedcba9876543210\n"), 0o600);
        let error = load_tokens(&path).unwrap_err();
        assert!(matches!(error, KeyFileError::TooLong(_)), "{error}");
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.pem");
        let labelled = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
        let garbage = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        for text in ["", "hello", labelled, garbage] {
            write(&path, text, 0o600);
            let error = load(&plain(&path), &origin(), LogKind::Raw).unwrap_err();
            assert!(matches!(error, KeyFileError::NotAKey { .. }), "{error}");
            assert!(!error.to_string().contains("AAAA"), "{error}");
        }
        let missing = load(&plain(&dir.path().join("b.pem")), &origin(), LogKind::Raw).unwrap_err();
        assert!(matches!(missing, KeyFileError::Read { .. }), "{missing}");
    }

    #[test]
    fn tokens_are_read_a_line_each() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens");
        write(
            &path,
            "# people\n\n 0123456789abcdef \nfedcba9876543210\n",
            0o600,
        );
        let tokens = load_tokens(&path).unwrap();
        assert_eq!(tokens.len(), 2);
        assert!(tokens[0].matches(b"0123456789abcdef"));
    }

    #[test]
    fn short_or_absent_tokens_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens");
        write(&path, "# people\nsecret\n", 0o600);
        let error = load_tokens(&path).unwrap_err();
        assert!(
            matches!(
                error,
                KeyFileError::TokenTooShort {
                    line: 2,
                    found: 6,
                    ..
                }
            ),
            "{error}"
        );
        assert!(!error.to_string().contains("secret"), "{error}");
        write(&path, "# nobody\n", 0o600);
        assert!(matches!(
            load_tokens(&path).unwrap_err(),
            KeyFileError::NoTokens(_)
        ));
    }
}
