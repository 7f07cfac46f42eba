//! Keys of OpenSSH, and the signatures that `ssh-keygen -Y sign` makes with them.
//!
//! A key is a line as in `authorized_keys`: perhaps options, the algorithm, base64, perhaps a
//! comment. A signature (SSHSIG) is PEM around the key, a namespace, the hash of the message and a
//! signature over magic, namespace and digest. The namespace says what the signature was made for;
//! one for another purpose is refused.
//!
//! Taken are Ed25519, ECDSA, RSA with SHA-2, and the two sorts of keys on security tokens (`sk-`);
//! whether somebody touched the token is not looked at. Not taken: DSA, `ssh-rsa` signatures, which
//! are over SHA-1, and OpenSSH's certificates.
//!
//! The wire format is read by the crate `ssh-key` and held to what that would write, because it
//! passes over bytes that nothing accounts for. All checks of signatures are this crate's own.
//!
//! Specs: RFC 4253 section 6.6, RFC 5656, RFC 8332, RFC 8709; `PROTOCOL.sshsig` and `PROTOCOL.u2f`
//! of OpenSSH.

use ssh_key::authorized_keys::Entry;
use ssh_key::encoding::{Decode as _, Encode as _};
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, HashAlg, Mpint, SshSig};

use super::digests::{Digests, digest};
use super::error::{PkiError, Subject};
use super::identity::{Identity, email};
use super::{Format, base64_encode, spki};
use crate::der_writer::{sequence, unsigned};
use crate::key_details::HashAlgorithm;
use crate::pem::{self, PemBlock};
use crate::public_key::{KeyKind, PublicKey, SignatureError};

const KEY: Subject = Subject::key(Format::Ssh);
const SIGNATURE: Subject = Subject::signature(Format::Ssh);

/// The longest key file that is read, as in Rekor.
const KEY_LEN_BYTES_MAX: usize = 64 * 1024;
/// The longest signature that is read: twice a key and a signature of 8192 bits in base64.
const SIGNATURE_LEN_BYTES_MAX: usize = 16 * 1024;
/// The label of the armor.
pub(super) const LABEL: &str = "SSH SIGNATURE";

const ALGORITHMS: &str = "ed25519, ecdsa, rsa, or one of them on a security token";

/// A public key, and what its owner calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    data: KeyData,
    /// The same without what a token adds.
    inner: PublicKey,
    comment: String,
}

impl Key {
    pub(super) fn parse(bytes: &[u8]) -> Result<Key, PkiError> {
        KEY.check_len(bytes, KEY_LEN_BYTES_MAX)?;
        let text = std::str::from_utf8(bytes).map_err(|_| KEY.malformed("it is not utf-8"))?;
        let lines = text.lines().map(str::trim);
        let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let line = lines.next().ok_or_else(|| KEY.malformed("no key"))?;
        if lines.next().is_some() {
            return Err(KEY.too_many("keys", 1));
        }
        let entry: Entry = line
            .parse()
            .map_err(|error: ssh_key::Error| KEY.malformed(error.to_string()))?;
        let key = ssh_key::PublicKey::from(entry);
        let data = key.key_data().clone();
        let inner = public_key(KEY, &data)?;
        let comment = key.comment().to_string();
        Ok(Key {
            data,
            inner,
            comment,
        })
    }

    pub(super) fn public_key(&self) -> &PublicKey {
        &self.inner
    }

    /// The line without options and comment.
    pub(super) fn canonical(&self) -> Vec<u8> {
        let key = ssh_key::PublicKey::from(self.data.clone());
        let line = key.to_openssh();
        let mut line = line.expect("what was read can be written");
        line.push('\n');
        line.into_bytes()
    }

    pub(super) fn identities(&self) -> Vec<Identity> {
        email(&self.comment).into_iter().collect()
    }

    /// As `ssh-keygen -l` shows it.
    pub(super) fn describe(&self) -> String {
        describe(&self.data)
    }

    pub(super) fn begin<'a>(
        &'a self,
        signature: &'a Signature,
        namespace: &str,
    ) -> Result<Check<'a>, PkiError> {
        if signature.0.namespace() != namespace {
            return Err(PkiError::Namespace {
                found: signature.0.namespace().to_owned(),
                wanted: namespace.to_owned(),
            });
        }
        if *signature.0.public_key() != self.data {
            return Err(PkiError::OtherKey {
                format: Format::Ssh,
                found: describe(signature.0.public_key()),
                wanted: self.describe(),
            });
        }
        let digests = Digests::by(&[signature.hash()]);
        let key = self;
        Ok(Check {
            key,
            signature,
            digests,
        })
    }

    /// Checks a signature over a message of which only the digest is known.
    pub(super) fn verify_digest(
        &self,
        signature: &Signature,
        namespace: &str,
        hash: HashAlgorithm,
        digest: &[u8],
    ) -> Result<(), PkiError> {
        self.begin(signature, namespace)?;
        if hash != signature.hash() {
            return Err(PkiError::Digest {
                format: Format::Ssh,
                found: hash,
                wanted: match signature.hash() {
                    HashAlgorithm::Sha256 => "sha-256",
                    HashAlgorithm::Sha384 | HashAlgorithm::Sha512 => "sha-512",
                },
            });
        }
        self.check_digest(signature, digest)
    }

    fn check_digest(&self, signature: &Signature, digest: &[u8]) -> Result<(), PkiError> {
        let sshsig = &signature.0;
        let signed = SshSig::signed_data_for_prehash(sshsig.namespace(), sshsig.hash_alg(), digest)
            .map_err(|error| SIGNATURE.malformed(error.to_string()))?;
        let verified = match &self.data {
            KeyData::SkEd25519(key) => self.check_token(key.application(), &signed, sshsig),
            KeyData::SkEcdsaSha2NistP256(key) => {
                self.check_token(key.application(), &signed, sshsig)
            }
            _ => self.check_raw(&signed, sshsig.signature_bytes(), &sshsig.algorithm()),
        };
        verified.map_err(|error| match error {
            SignatureError::Mismatch { .. } => PkiError::Mismatch {
                format: Format::Ssh,
                check: "the message",
                key: self.describe(),
            },
            other => SIGNATURE.malformed(other.to_string()),
        })
    }

    /// A token signs the application it was registered for, its flags and its counter, too.
    fn check_token(
        &self,
        application: &str,
        signed: &[u8],
        sshsig: &SshSig,
    ) -> Result<(), SignatureError> {
        let bytes = sshsig.signature_bytes();
        let trailer = bytes.len().checked_sub(TOKEN_TRAILER_LEN_BYTES);
        let split = trailer.and_then(|len| bytes.split_at_checked(len));
        let (signature, flags_and_counter) = split.ok_or(SignatureError::Malformed {
            found: bytes.len(),
            wanted: "a security token, with its flags and its counter",
        })?;
        let hash = HashAlgorithm::Sha256;
        let signed = [
            digest(hash, application.as_bytes()).as_ref(),
            flags_and_counter,
            digest(hash, signed).as_ref(),
        ]
        .concat();
        self.check_raw(&signed, signature, &sshsig.algorithm())
    }

    /// `algorithm` fits the key: that was checked when the signature was read.
    fn check_raw(
        &self,
        signed: &[u8],
        signature: &[u8],
        algorithm: &Algorithm,
    ) -> Result<(), SignatureError> {
        let key = &self.inner;
        match algorithm {
            Algorithm::Rsa { hash } => {
                let hash = hash.map_or(HashAlgorithm::Sha512, of_ssh);
                key.verify_digest(hash, digest(hash, signed).as_ref(), signature)
            }
            Algorithm::Ecdsa { .. } | Algorithm::SkEcdsaSha2NistP256 => {
                key.verify_message(signed, &ecdsa_der(signature)?)
            }
            _ => key.verify_message(signed, signature),
        }
    }
}

/// An SSHSIG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature(SshSig);

impl Signature {
    pub(super) fn parse(bytes: &[u8]) -> Result<Signature, PkiError> {
        SIGNATURE.check_len(bytes, SIGNATURE_LEN_BYTES_MAX)?;
        let (block, rest) =
            pem::parse_first(bytes).map_err(|error| SIGNATURE.malformed(error.to_string()))?;
        if block.label != LABEL {
            let found = format!("{:?}", block.label);
            return Err(SIGNATURE.unsupported("the pem label", found, "\"SSH SIGNATURE\""));
        }
        if !rest.trim_ascii().is_empty() {
            return Err(SIGNATURE.malformed("something follows the signature"));
        }
        let decoded = SshSig::decode(&mut block.der.as_slice());
        let sshsig = decoded.map_err(|error| SIGNATURE.malformed(error.to_string()))?;
        let encoded = sshsig.encode_vec();
        if encoded.is_ok_and(|encoded| encoded != block.der) {
            return Err(SIGNATURE.malformed("there are bytes in it that mean nothing"));
        }
        if sshsig.version() != SshSig::VERSION {
            return Err(SIGNATURE.unsupported("version", sshsig.version().to_string(), "1"));
        }
        if !sshsig.reserved().is_empty() {
            return Err(SIGNATURE.malformed("its reserved field is not empty"));
        }
        check_algorithm(&sshsig.algorithm(), &sshsig.public_key().algorithm())?;
        public_key(SIGNATURE, sshsig.public_key())?;
        Ok(Signature(sshsig))
    }

    pub(super) fn namespace(&self) -> &str {
        self.0.namespace()
    }

    /// The armor in lines of 64 characters.
    pub(super) fn canonical(&self) -> Vec<u8> {
        let der = self.0.encode_vec().expect("what was read can be written");
        let label = LABEL.to_owned();
        PemBlock { label, der }.encode().into_bytes()
    }

    /// The hash of the message.
    fn hash(&self) -> HashAlgorithm {
        of_ssh(self.0.hash_alg())
    }
}

/// A check for which the message comes piece by piece.
pub(super) struct Check<'a> {
    key: &'a Key,
    signature: &'a Signature,
    digests: Digests,
}

impl Check<'_> {
    pub(super) fn update(&mut self, piece: &[u8]) {
        self.digests.update(piece);
    }

    pub(super) fn finish(self) -> Result<(), PkiError> {
        for (_, digest) in self.digests.finish() {
            self.key.check_digest(self.signature, digest.as_ref())?;
        }
        Ok(())
    }
}

/// Flags in one byte and a counter in four, behind a token's signature.
const TOKEN_TRAILER_LEN_BYTES: usize = 5;

/// The signature must be of the key's algorithm, and of RSA's two not the one over SHA-1.
fn check_algorithm(found: &Algorithm, key: &Algorithm) -> Result<(), PkiError> {
    let fits = match (found, key) {
        (Algorithm::Rsa { hash }, Algorithm::Rsa { .. }) => hash.is_some(),
        (Algorithm::Other(_), _) => false,
        _ => found == key,
    };
    if fits {
        return Ok(());
    }
    let found = format!("{:?} by a key of {:?}", found.as_str(), key.as_str());
    Err(SIGNATURE.unsupported("algorithm", found, ALGORITHMS))
}

fn public_key(subject: Subject, data: &KeyData) -> Result<PublicKey, PkiError> {
    match data {
        KeyData::Ed25519(key) => spki::ed25519(subject, &key.0),
        KeyData::SkEd25519(key) => spki::ed25519(subject, &key.public_key().0),
        KeyData::Ecdsa(key) => {
            let curve = match key {
                ssh_key::public::EcdsaPublicKey::NistP256(_) => KeyKind::EcdsaP256,
                ssh_key::public::EcdsaPublicKey::NistP384(_) => KeyKind::EcdsaP384,
                ssh_key::public::EcdsaPublicKey::NistP521(_) => KeyKind::EcdsaP521,
            };
            spki::ecdsa(subject, curve, key.as_sec1_bytes())
        }
        KeyData::SkEcdsaSha2NistP256(key) => {
            spki::ecdsa(subject, KeyKind::EcdsaP256, key.ec_point().as_bytes())
        }
        KeyData::Rsa(key) => {
            let positive = |number: &Mpint| number.as_positive_bytes().map(<[u8]>::to_vec);
            let numbers = positive(key.n()).zip(positive(key.e()));
            let (n, e) = numbers.ok_or_else(|| subject.malformed("a negative number"))?;
            spki::rsa(subject, &n, &e)
        }
        other => {
            let found = format!("{:?}", other.algorithm().as_str());
            Err(subject.unsupported("algorithm", found, ALGORITHMS))
        }
    }
}

/// From two SSH integers (RFC 5656 section 3.1.2) to two of DER.
fn ecdsa_der(signature: &[u8]) -> Result<Vec<u8>, SignatureError> {
    let malformed = || SignatureError::Malformed {
        found: signature.len(),
        wanted: "ecdsa (two integers)",
    };
    let mut reader = signature;
    let mut number = || {
        let number = Mpint::decode(&mut reader).map_err(|_| malformed())?;
        let number = number.as_positive_bytes().map(unsigned);
        number.ok_or_else(malformed)
    };
    let (r, s) = (number()?, number()?);
    if !reader.is_empty() {
        return Err(malformed());
    }
    Ok(sequence(&[r, s]))
}

const fn of_ssh(hash: HashAlg) -> HashAlgorithm {
    match hash {
        HashAlg::Sha256 => HashAlgorithm::Sha256,
        // The enum may grow; SSHSIG has these two (PROTOCOL.sshsig).
        _ => HashAlgorithm::Sha512,
    }
}

fn describe(data: &KeyData) -> String {
    let bytes = data.encode_vec().unwrap_or_default();
    let digest = digest(HashAlgorithm::Sha256, &bytes);
    let base64 = base64_encode(digest.as_ref());
    format!("SHA256:{}", base64.trim_end_matches('='))
}

#[cfg(test)]
mod tests;
