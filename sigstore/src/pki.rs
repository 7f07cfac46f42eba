//! The keys and signatures that people sign files with, whatever tool made them.
//!
//! | format | keys | signatures |
//! |---|---|---|
//! | [`Format::X509`] | PEM: keys, certificates, chains | the bytes of a signature |
//! | [`Format::Minisign`] | minisign, signify | both, over the message or its digest |
//! | [`Format::Ssh`] | a line of `authorized_keys` | SSHSIG, as `ssh-keygen -Y sign` makes them |
//! | [`Format::Pkcs7`] | the certificate in a signature | CMS, as `openssl cms` makes them |
//! | [`Format::Pgp`] | OpenPGP, armored or not | OpenPGP; both behind the feature `pgp` |
//!
//! All have one shape, so that callers need not know which is which: [`Key::parse`] and
//! [`Signature::parse`] tell the format from the bytes, [`Key::verify`] checks a message that is in
//! memory, and [`Key::begin`] one that comes piece by piece, of any size, in little memory.
//!
//! Rekor v1 takes and keeps the same keys and signatures, under the names of [`Format::name`]:
//! [`Key::canonical`] and [`Signature::canonical`] are what it keeps, and [`Key::identities`] and
//! [`Key::index_key`] what it can be searched by.
//!
//! Not here: whom to trust, and private keys.
//!
//! Invariant: pure, bounded in length, and every input may be hostile. What a signature is allowed
//! to be is decided by its key and by [`Conditions`], never by the signature alone.
//!
//! ```
//! use sigstore::pki::{Conditions, Key, Signature};
//!
//! let key = Key::parse(b"RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3")?;
//! assert_eq!(key.format().name(), "minisign");
//! let signature = Signature::parse(concat!(
//!     "untrusted comment: signature from minisign secret key\n",
//!     "RWQf6LRCGA9i59SLOFxz6NxvASXDJeRtuZykwQepbDEGt87ig1BNpWaVWuNrm73YiIiJbq71Wi+dP9eKL8OC",
//!     "351vwIasSSbXxwA=\n",
//!     "trusted comment: timestamp:1555779966\tfile:test\n",
//!     "QtKMXWyYcwdpZAlPF7tE2ENJkRd1ujvKjlj1m9RtHTBnZPa5WKU5uWRs5GoP5M/VqE81QFuMKI5k",
//!     "/SfNQUaOAA==\n",
//! ).as_bytes())?;
//! key.verify(&signature, b"test", &Conditions::default())?;
//! assert!(key.verify(&signature, b"Test", &Conditions::default()).is_err());
//! # Ok::<(), sigstore::pki::PkiError>(())
//! ```

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::key_details::HashAlgorithm;
use crate::public_key::PublicKey;
use crate::time::UnixSeconds;
use error::Subject;

pub use error::{PkiError, What};
pub use identity::Identity;

mod detect;
mod digests;
mod error;
mod identity;
mod minisign;
#[cfg(feature = "pgp")]
mod pgp;
mod pkcs7;
mod spki;
mod ssh;
mod x509;

/// A family of keys and signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Format {
    /// PEM keys and certificates, and bare signatures.
    X509,
    /// minisign and signify.
    Minisign,
    /// OpenSSH.
    Ssh,
    /// CMS, which began as PKCS #7.
    Pkcs7,
    /// OpenPGP. Without the feature `pgp` it is known and refused.
    Pgp,
}

impl Format {
    /// Every format there is.
    pub const ALL: [Format; 5] = [
        Format::X509,
        Format::Minisign,
        Format::Ssh,
        Format::Pkcs7,
        Format::Pgp,
    ];

    /// What Rekor v1 calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Format::X509 => "x509",
            Format::Minisign => "minisign",
            Format::Ssh => "ssh",
            Format::Pkcs7 => "pkcs7",
            Format::Pgp => "pgp",
        }
    }

    /// The format with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a signature is held to, beside its message and key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions<'a> {
    /// A time at which key, certificate and signature must have been valid, because somebody who is
    /// trusted saw the signature then, or because it is now. With none, nothing is held against a
    /// certificate for having expired. An OpenPGP key must have been valid when its signature says
    /// it was made, in any case.
    pub at: Option<UnixSeconds>,
    /// What an SSH signature must have been made for.
    pub namespace: &'a str,
    /// The hash of the message, where it is known and the signature does not say it. With none, all
    /// that the key can sign with are tried.
    pub hash: Option<HashAlgorithm>,
}

impl Conditions<'_> {
    /// The namespace of files, which is what `ssh-keygen` suggests and Rekor takes.
    pub const FILE: &'static str = "file";

    /// Valid at this time, and otherwise as by default.
    #[must_use]
    pub fn at(time: UnixSeconds) -> Self {
        let at = Some(time);
        Conditions {
            at,
            ..Conditions::default()
        }
    }
}

impl Default for Conditions<'_> {
    fn default() -> Self {
        Conditions {
            at: None,
            namespace: Conditions::FILE,
            hash: None,
        }
    }
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(KeyForm);

#[derive(Clone, Debug, PartialEq, Eq)]
enum KeyForm {
    X509(x509::Key),
    Minisign(minisign::Key),
    Ssh(ssh::Key),
    Pkcs7(pkcs7::Key),
    #[cfg(feature = "pgp")]
    Pgp(pgp::Key),
}

impl Key {
    /// Reads a key in whatever format it is. PEM may be in base64 once more, as some tools write
    /// it.
    ///
    /// # Errors
    ///
    /// [`PkiError`]: of no known format, or not what the format wants.
    pub fn parse(bytes: &[u8]) -> Result<Key, PkiError> {
        let unwrapped = base64_decode_lenient(bytes).filter(|inner| inner.starts_with(b"-----"));
        let bytes = unwrapped.as_deref().unwrap_or(bytes);
        let format = detect::key_format(bytes).ok_or(PkiError::UnknownFormat {
            what: What::Key,
            wanted: detect::KEY_FORMATS,
        })?;
        Key::parse_as(format, bytes)
    }

    /// Reads a key that is said to be of this format.
    ///
    /// # Errors
    ///
    /// [`PkiError`]: it is not what the format wants.
    pub fn parse_as(format: Format, bytes: &[u8]) -> Result<Key, PkiError> {
        Ok(Key(match format {
            Format::X509 => KeyForm::X509(x509::Key::parse(bytes)?),
            Format::Minisign => KeyForm::Minisign(minisign::Key::parse(bytes)?),
            Format::Ssh => KeyForm::Ssh(ssh::Key::parse(bytes)?),
            Format::Pkcs7 => KeyForm::Pkcs7(pkcs7::Key::parse(bytes)?),
            #[cfg(feature = "pgp")]
            Format::Pgp => KeyForm::Pgp(pgp::Key::parse(bytes)?),
            #[cfg(not(feature = "pgp"))]
            Format::Pgp => return Err(PkiError::NotBuilt { format }),
        }))
    }

    /// Its format.
    #[must_use]
    pub const fn format(&self) -> Format {
        match &self.0 {
            KeyForm::X509(_) => Format::X509,
            KeyForm::Minisign(_) => Format::Minisign,
            KeyForm::Ssh(_) => Format::Ssh,
            KeyForm::Pkcs7(_) => Format::Pkcs7,
            #[cfg(feature = "pgp")]
            KeyForm::Pgp(_) => Format::Pgp,
        }
    }

    /// The one form that Rekor v1 keeps the key in. It can be read again.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        match &self.0 {
            KeyForm::X509(key) => key.canonical(),
            KeyForm::Minisign(key) => key.canonical(),
            KeyForm::Ssh(key) => key.canonical(),
            KeyForm::Pkcs7(key) => key.canonical(),
            #[cfg(feature = "pgp")]
            KeyForm::Pgp(key) => key.canonical(),
        }
    }

    /// SHA-256 of the canonical form, in hex: what Rekor v1 finds entries by.
    #[must_use]
    pub fn index_key(&self) -> String {
        hex(digests::digest(HashAlgorithm::Sha256, &self.canonical()).as_ref())
    }

    /// Whom the key says it belongs to.
    #[must_use]
    pub fn identities(&self) -> Vec<Identity> {
        match &self.0 {
            KeyForm::X509(key) => key.identities(),
            KeyForm::Minisign(_) => Vec::new(),
            KeyForm::Ssh(key) => key.identities(),
            KeyForm::Pkcs7(key) => key.identities(),
            #[cfg(feature = "pgp")]
            KeyForm::Pgp(key) => key.identities(),
        }
    }

    /// The key itself, without what its format has around it; none if the format holds several.
    #[must_use]
    pub fn public_key(&self) -> Option<&PublicKey> {
        match &self.0 {
            KeyForm::X509(key) => Some(key.public_key()),
            KeyForm::Minisign(key) => Some(key.public_key()),
            KeyForm::Ssh(key) => Some(key.public_key()),
            KeyForm::Pkcs7(key) => Some(key.signer().public_key()),
            #[cfg(feature = "pgp")]
            KeyForm::Pgp(_) => None,
        }
    }

    /// The certificate that the key came in, as DER.
    #[must_use]
    pub fn certificate(&self) -> Option<&[u8]> {
        match &self.0 {
            KeyForm::X509(key) => key.certificate(),
            KeyForm::Pkcs7(key) => key.signer().certificate(),
            _ => None,
        }
    }

    /// Checks a signature over a message in memory. Cost: hashing the message, by up to three
    /// hashes if the signature does not say by which, and about 0.1 ms.
    ///
    /// # Errors
    ///
    /// [`PkiError`] names the check that failed.
    pub fn verify(
        &self,
        signature: &Signature,
        message: &[u8],
        conditions: &Conditions<'_>,
    ) -> Result<(), PkiError> {
        let mut check = self.begin(signature, conditions)?;
        check.update(message);
        check.finish()
    }

    /// Begins to check a signature over a message that comes piece by piece. All that does not
    /// depend on the message is checked here.
    ///
    /// # Errors
    ///
    /// [`PkiError`] names the check that failed.
    pub fn begin<'a>(
        &'a self,
        signature: &'a Signature,
        conditions: &Conditions<'_>,
    ) -> Result<Check<'a>, PkiError> {
        self.check_time(conditions)?;
        Ok(Check(match (&self.0, &signature.0) {
            (KeyForm::X509(key), SignatureForm::X509(signature)) => {
                CheckForm::X509(Box::new(key.begin(signature, conditions.hash)))
            }
            (KeyForm::Minisign(key), SignatureForm::Minisign(signature)) => {
                CheckForm::Minisign(key.begin(signature)?)
            }
            (KeyForm::Ssh(key), SignatureForm::Ssh(signature)) => {
                CheckForm::Ssh(key.begin(signature, conditions.namespace)?)
            }
            // A signature of CMS says no more of its key than its certificate does.
            (KeyForm::X509(key), SignatureForm::Pkcs7(signature)) => {
                CheckForm::Pkcs7(signature.begin(key.public_key(), conditions.at)?)
            }
            (KeyForm::Pkcs7(key), SignatureForm::Pkcs7(signature)) => {
                CheckForm::Pkcs7(signature.begin(key.signer().public_key(), conditions.at)?)
            }
            #[cfg(feature = "pgp")]
            (KeyForm::Pgp(key), SignatureForm::Pgp(signature)) => {
                CheckForm::Pgp(key.begin(signature, conditions.at)?)
            }
            _ => return Err(self.other_format(signature)),
        }))
    }

    /// Checks a signature over a message of which only the digest is at hand. Some formats sign
    /// something else than a plain digest, and need the message.
    ///
    /// # Errors
    ///
    /// [`PkiError`] names the check that failed; [`PkiError::Digest`] if another digest or the
    /// message is needed.
    pub fn verify_digest(
        &self,
        signature: &Signature,
        hash: HashAlgorithm,
        digest: &[u8],
        conditions: &Conditions<'_>,
    ) -> Result<(), PkiError> {
        self.check_time(conditions)?;
        match (&self.0, &signature.0) {
            (KeyForm::X509(key), SignatureForm::X509(signature)) => {
                key.verify_digest(signature, hash, digest)
            }
            (KeyForm::Ssh(key), SignatureForm::Ssh(signature)) => {
                key.verify_digest(signature, conditions.namespace, hash, digest)
            }
            (KeyForm::X509(key), SignatureForm::Pkcs7(signature)) => {
                signature.verify_digest(key.public_key(), conditions.at, hash, digest)
            }
            (KeyForm::Pkcs7(key), SignatureForm::Pkcs7(signature)) => {
                let key = key.signer().public_key();
                signature.verify_digest(key, conditions.at, hash, digest)
            }
            _ if self.format() == signature.format() => Err(PkiError::Digest {
                format: self.format(),
                found: hash,
                wanted: "the message itself",
            }),
            _ => Err(self.other_format(signature)),
        }
    }

    fn check_time(&self, conditions: &Conditions<'_>) -> Result<(), PkiError> {
        match (&self.0, conditions.at) {
            (KeyForm::X509(key), Some(at)) => key.check_valid_at(self.format(), at),
            (KeyForm::Pkcs7(key), Some(at)) => key.signer().check_valid_at(self.format(), at),
            _ => Ok(()),
        }
    }

    fn other_format(&self, signature: &Signature) -> PkiError {
        PkiError::OtherFormat {
            key: self.format(),
            signature: signature.format(),
        }
    }
}

/// How people tell the key from others: as its own tool shows it.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match &self.0 {
            KeyForm::X509(key) => x509::describe(key.public_key()),
            KeyForm::Minisign(key) => key.describe(),
            KeyForm::Ssh(key) => key.describe(),
            KeyForm::Pkcs7(key) => x509::describe(key.signer().public_key()),
            #[cfg(feature = "pgp")]
            KeyForm::Pgp(key) => key.describe(),
        })
    }
}

/// A signature that stands beside its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature(SignatureForm);

#[derive(Clone, Debug, PartialEq, Eq)]
enum SignatureForm {
    X509(x509::Signature),
    Minisign(minisign::Signature),
    Ssh(ssh::Signature),
    Pkcs7(pkcs7::Signature),
    #[cfg(feature = "pgp")]
    Pgp(pgp::Signature),
}

impl Signature {
    /// Reads a signature in whatever format it is. A bare one may be in base64.
    ///
    /// # Errors
    ///
    /// [`PkiError`]: of no known format, or not what the format wants.
    pub fn parse(bytes: &[u8]) -> Result<Signature, PkiError> {
        let format = detect::signature_format(bytes).ok_or(PkiError::UnknownFormat {
            what: What::Signature,
            wanted: detect::SIGNATURE_FORMATS,
        })?;
        if format == Format::X509
            && let Some(bare) = base64_decode_lenient(bytes)
        {
            return Signature::parse_as(format, &bare);
        }
        Signature::parse_as(format, bytes)
    }

    /// Reads a signature that is said to be of this format.
    ///
    /// # Errors
    ///
    /// [`PkiError`]: it is not what the format wants.
    pub fn parse_as(format: Format, bytes: &[u8]) -> Result<Signature, PkiError> {
        Ok(Signature(match format {
            Format::X509 => SignatureForm::X509(x509::Signature::parse(bytes)?),
            Format::Minisign => SignatureForm::Minisign(minisign::Signature::parse(bytes)?),
            Format::Ssh => SignatureForm::Ssh(ssh::Signature::parse(bytes)?),
            Format::Pkcs7 => SignatureForm::Pkcs7(pkcs7::Signature::parse(bytes)?),
            #[cfg(feature = "pgp")]
            Format::Pgp => SignatureForm::Pgp(pgp::Signature::parse(bytes)?),
            #[cfg(not(feature = "pgp"))]
            Format::Pgp => return Err(PkiError::NotBuilt { format }),
        }))
    }

    /// Its format.
    #[must_use]
    pub const fn format(&self) -> Format {
        match &self.0 {
            SignatureForm::X509(_) => Format::X509,
            SignatureForm::Minisign(_) => Format::Minisign,
            SignatureForm::Ssh(_) => Format::Ssh,
            SignatureForm::Pkcs7(_) => Format::Pkcs7,
            #[cfg(feature = "pgp")]
            SignatureForm::Pgp(_) => Format::Pgp,
        }
    }

    /// The one form that Rekor v1 keeps the signature in. It can be read again. OpenPGP's armor is
    /// kept as it was; minisign's trusted comment is not kept.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        match &self.0 {
            SignatureForm::X509(signature) => signature.bytes().to_vec(),
            SignatureForm::Minisign(signature) => signature.canonical(),
            SignatureForm::Ssh(signature) => signature.canonical(),
            SignatureForm::Pkcs7(signature) => signature.canonical(),
            #[cfg(feature = "pgp")]
            SignatureForm::Pgp(signature) => signature.canonical(),
        }
    }

    /// What an SSH signature was made for.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        match &self.0 {
            SignatureForm::Ssh(signature) => Some(signature.namespace()),
            _ => None,
        }
    }

    /// What whoever signed added for others to read, and signed, too: minisign's trusted comment.
    /// Not to be believed before the signature has been verified.
    #[must_use]
    pub fn trusted_comment(&self) -> Option<&str> {
        match &self.0 {
            SignatureForm::Minisign(signature) => signature.trusted_comment(),
            _ => None,
        }
    }
}

/// A signature that is being checked against a message which comes piece by piece. Dropped without
/// [`Check::finish`], it says nothing.
#[must_use = "only `finish` says whether the signature holds"]
pub struct Check<'a>(CheckForm<'a>);

enum CheckForm<'a> {
    X509(Box<x509::Check<'a>>),
    Minisign(minisign::Check<'a>),
    Ssh(ssh::Check<'a>),
    Pkcs7(pkcs7::Check<'a>),
    #[cfg(feature = "pgp")]
    Pgp(pgp::Check<'a>),
}

impl Check<'_> {
    /// The next piece of the message.
    pub fn update(&mut self, piece: &[u8]) {
        match &mut self.0 {
            CheckForm::X509(check) => check.update(piece),
            CheckForm::Minisign(check) => check.update(piece),
            CheckForm::Ssh(check) => check.update(piece),
            CheckForm::Pkcs7(check) => check.update(piece),
            #[cfg(feature = "pgp")]
            CheckForm::Pgp(check) => check.update(piece),
        }
    }

    /// The message has ended here: whether the signature is one of it.
    ///
    /// # Errors
    ///
    /// [`PkiError`] names the check that failed.
    pub fn finish(self) -> Result<(), PkiError> {
        match self.0 {
            CheckForm::X509(check) => check.finish(),
            CheckForm::Minisign(check) => check.finish(),
            CheckForm::Ssh(check) => check.finish(),
            CheckForm::Pkcs7(check) => check.finish(),
            #[cfg(feature = "pgp")]
            CheckForm::Pgp(check) => check.finish(),
        }
    }
}

impl fmt::Debug for Check<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").finish_non_exhaustive()
    }
}

/// One line of base64, with its padding.
fn base64_decode(subject: Subject, line: &str) -> Result<Vec<u8>, PkiError> {
    let decoded = STANDARD.decode(line);
    decoded.map_err(|error| subject.malformed(format!("it is not base64: {error}")))
}

/// Base64 in lines, if the bytes are nothing else.
fn base64_decode_lenient(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() > crate::pem::PEM_LEN_BYTES_MAX {
        return None;
    }
    let is_blank = |byte: &u8| byte.is_ascii_whitespace();
    let compact: Vec<u8> = bytes.iter().copied().filter(|b| !is_blank(b)).collect();
    let decoded = STANDARD.decode(compact).ok()?;
    (!decoded.is_empty()).then_some(decoded)
}

fn base64_encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
