//! Keys and signatures of OpenSSH, and of security tokens, which are imitated here.

use ed25519_dalek::{Signer as _, SigningKey};
use p256::ecdsa::SigningKey as EcdsaKey;

use crate::key_details::HashAlgorithm;
use crate::pem::{PemBlock, parse_first};
use crate::pki::digests::digest;
use crate::pki::tests::vector;
use crate::pki::{Conditions, Format, Key, PkiError, Signature, base64_encode};

/// An SSH string.
fn string(bytes: &[u8]) -> Vec<u8> {
    let len = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [&len[..], bytes].concat()
}

fn armor(bytes: &[u8]) -> Vec<u8> {
    let (label, der) = ("SSH SIGNATURE".to_owned(), bytes.to_vec());
    PemBlock { label, der }.encode().into_bytes()
}

/// An SSHSIG of its parts.
struct Parts {
    version: u32,
    key: Vec<u8>,
    namespace: Vec<u8>,
    reserved: Vec<u8>,
    hash: Vec<u8>,
    signature: Vec<u8>,
}

impl Parts {
    fn encode(&self) -> Vec<u8> {
        let mut out = b"SSHSIG".to_vec();
        out.extend(self.version.to_be_bytes());
        let parts = [
            &self.key,
            &self.namespace,
            &self.reserved,
            &self.hash,
            &self.signature,
        ];
        out.extend(parts.into_iter().flat_map(|part| string(part)));
        armor(&out)
    }
}

/// What is signed for a message in the namespace `file`.
fn signed_data(message: &[u8]) -> Vec<u8> {
    let digest = digest(HashAlgorithm::Sha512, message);
    let parts = [&b"file"[..], b"", b"sha512", digest.as_ref()].map(string);
    [&b"SSHSIG"[..], &parts.concat()].concat()
}

fn secret() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

/// How a token signs.
type Sign<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;

/// A key and a good signature of `message` by it.
fn made() -> (Vec<u8>, Parts) {
    let key = [&b"ssh-ed25519"[..], secret().verifying_key().as_bytes()]
        .map(string)
        .concat();
    let signature = secret().sign(&signed_data(b"message")).to_bytes();
    let signature = [&b"ssh-ed25519"[..], &signature].map(string).concat();
    let parts = Parts {
        version: 1,
        key: key.clone(),
        namespace: b"file".to_vec(),
        reserved: Vec::new(),
        hash: b"sha512".to_vec(),
        signature,
    };
    let line = format!("ssh-ed25519 {} jane@example.org\n", base64_encode(&key));
    (line.into_bytes(), parts)
}

fn verify(key: &[u8], parts: &Parts, message: &[u8]) -> Result<(), PkiError> {
    let signature = Signature::parse(&parts.encode())?;
    Key::parse(key)?.verify(&signature, message, &Conditions::default())
}

fn refused(change: impl FnOnce(&mut Parts)) -> String {
    let (key, mut parts) = made();
    assert_eq!(verify(&key, &parts, b"message"), Ok(()));
    change(&mut parts);
    verify(&key, &parts, b"message").unwrap_err().to_string()
}

fn refused_key(text: &[u8]) -> String {
    Key::parse_as(Format::Ssh, text).unwrap_err().to_string()
}

#[test]
fn keys_may_have_options_comments_and_lines_around_them() {
    let line = String::from_utf8(vector("ssh-p256.pub")).unwrap();
    let key = Key::parse(line.as_bytes()).unwrap();
    let words: Vec<&str> = line.split(' ').take(2).collect();
    assert_eq!(
        key.canonical(),
        format!("{}\n", words.join(" ")).into_bytes()
    );
    for text in [
        format!("# my key\n\n  {line}\n"),
        format!("restrict,command=\"ls\" {line}"),
        format!("{} and more words", line.trim_end()),
        words.join(" "),
    ] {
        let read = Key::parse(text.as_bytes()).unwrap();
        assert_eq!(read.canonical(), key.canonical(), "{text}");
    }
}

#[test]
fn a_signature_is_kept_in_lines_of_64() {
    let vector = vector("ssh-rsa.sha256.sig");
    let kept = Signature::parse(&vector).unwrap().canonical();
    let kept = String::from_utf8(kept).unwrap();
    assert_eq!(kept.lines().nth(1).map(str::len), Some(64));
    assert_eq!(
        parse_first(kept.as_bytes()).unwrap().0,
        parse_first(&vector).unwrap().0
    );
}

#[test]
fn another_namespace_is_refused() {
    let key = Key::parse(&vector("ssh-ed25519.pub")).unwrap();
    let signature = Signature::parse(&vector("ssh-ed25519.git.sig")).unwrap();
    assert_eq!(signature.namespace(), Some("git"));
    let message = vector("message");
    let error = key
        .verify(&signature, &message, &Conditions::default())
        .unwrap_err();
    let wanted = "the ssh signature is for the namespace \"git\", wanted \"file\"";
    assert_eq!(error.to_string(), wanted);
    let namespace = "git";
    let of_git = Conditions {
        namespace,
        ..Conditions::default()
    };
    assert_eq!(key.verify(&signature, &message, &of_git), Ok(()));
}

#[test]
fn a_namespace_that_was_not_signed_is_refused() {
    let (key, mut parts) = made();
    parts.namespace = b"git".to_vec();
    let signature = Signature::parse(&parts.encode()).unwrap();
    let namespace = "git";
    let of_git = Conditions {
        namespace,
        ..Conditions::default()
    };
    let error = Key::parse(&key)
        .unwrap()
        .verify(&signature, b"message", &of_git);
    assert!(matches!(error, Err(PkiError::Mismatch { .. })));
}

#[test]
fn a_signature_by_another_key_is_refused() {
    let (_, parts) = made();
    let error = verify(&vector("ssh-ed25519.pub"), &parts, b"message").unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("the ssh signature says it is by key SHA256:"),
        "{text}"
    );
    assert!(text.contains(", but the key given is SHA256:"), "{text}");
}

#[test]
fn a_signature_that_claims_another_key_is_refused() {
    let other = SigningKey::from_bytes(&[8; 32]);
    let key = [&b"ssh-ed25519"[..], other.verifying_key().as_bytes()]
        .map(string)
        .concat();
    let line = format!("ssh-ed25519 {}", base64_encode(&key));
    let (_, mut parts) = made();
    parts.key = key;
    let error = verify(line.as_bytes(), &parts, b"message").unwrap_err();
    assert!(matches!(error, PkiError::Mismatch { .. }), "{error}");
}

#[test]
fn a_token_signs_its_application_flags_and_counter() {
    let hash = |bytes: &[u8]| digest(HashAlgorithm::Sha256, bytes).as_ref().to_vec();
    let ecdsa = EcdsaKey::from_slice(&[7; 32]).unwrap();
    let point = ecdsa.verifying_key().to_sec1_point(false);
    let trailer = [1, 0, 0, 0, 42];
    let sign_ed25519 = |signed: &[u8]| secret().sign(signed).to_bytes().to_vec();
    let sign_ecdsa = |signed: &[u8]| {
        let signature: p256::ecdsa::Signature = ecdsa.sign(signed);
        let (r, s) = signature.split_bytes();
        let number = |n: &[u8]| string(&crate::der_writer::unsigned(n)[2..]);
        [number(&r), number(&s)].concat()
    };
    let tokens: [(&[u8], Vec<u8>, Sign<'_>); 2] = [
        (
            b"sk-ssh-ed25519@openssh.com",
            string(secret().verifying_key().as_bytes()),
            &sign_ed25519,
        ),
        (
            b"sk-ecdsa-sha2-nistp256@openssh.com",
            [&b"nistp256"[..], point.as_bytes()].map(string).concat(),
            &sign_ecdsa,
        ),
    ];
    for (algorithm, point, sign) in tokens {
        let (_, mut parts) = made();
        parts.key = [string(algorithm), point, string(b"ssh:")].concat();
        let signed = |application: &[u8], trailer: &[u8]| {
            let data = hash(&signed_data(b"message"));
            [hash(application), trailer.to_vec(), data].concat()
        };
        let name = String::from_utf8(algorithm.to_vec()).unwrap();
        let line = format!("{name} {} token", base64_encode(&parts.key));
        for (application, signed_trailer, holds) in [
            (&b"ssh:"[..], trailer, true),
            (b"ssh:other", trailer, false),
            (b"ssh:", [0, 0, 0, 0, 42], false),
            (b"ssh:", [1, 0, 0, 0, 43], false),
        ] {
            let signature = sign(&signed(application, &signed_trailer));
            parts.signature = [string(algorithm), string(&signature), trailer.to_vec()].concat();
            let verified = verify(line.as_bytes(), &parts, b"message");
            assert_eq!(verified.is_ok(), holds, "{name}: {verified:?}");
        }
    }
}

#[test]
fn another_version_is_refused() {
    let error = refused(|parts| parts.version = 0);
    assert_eq!(error, "ssh signature with version 0, wanted 1");
    assert!(refused(|parts| parts.version = 2).starts_with("ssh signature is malformed"));
}

#[test]
fn another_hash_is_refused() {
    for hash in ["sha1", "sha384", ""] {
        let error = refused(|parts| parts.hash = hash.into());
        assert!(error.starts_with("ssh signature is malformed"), "{error}");
    }
    let error = refused(|parts| parts.hash = b"sha256".to_vec());
    assert!(error.contains("does not verify"), "{error}");
}

#[test]
fn a_reserved_field_is_refused() {
    let error = refused(|parts| parts.reserved = b"x".to_vec());
    assert!(
        error.ends_with("its reserved field is not empty"),
        "{error}"
    );
}

#[test]
fn bytes_that_nothing_accounts_for_are_refused() {
    let wanted = "there are bytes in it that mean nothing";
    assert!(refused(|parts| parts.key.push(0)).ends_with(wanted));
    assert!(refused(|parts| parts.signature.push(0)).ends_with(wanted));
}

#[test]
fn an_algorithm_that_is_not_the_keys_is_refused() {
    let (_, parts) = made();
    let error = refused(|parts| {
        parts.signature = [&b"rsa-sha2-512"[..], &[1; 256]].map(string).concat();
    });
    assert!(
        error.contains("\"rsa-sha2-512\" by a key of \"ssh-ed25519\""),
        "{error}"
    );
    drop(parts);
}

#[test]
fn rsa_over_sha1_is_refused() {
    let (block, _) = parse_first(&vector("ssh-rsa.sha512.sig")).unwrap();
    let hex = hex::encode(&block.der);
    let (new, old) = (string(b"rsa-sha2-512"), string(b"ssh-rsa"));
    // The length of what the algorithm is in changes by as much as the name.
    let at = hex.rfind(&hex::encode(&new)).unwrap() / 2;
    let mut bytes = block.der.clone();
    bytes.splice(at..at + new.len(), old);
    let len = u32::from_be_bytes(bytes[at - 4..at].try_into().unwrap()) - 5;
    bytes[at - 4..at].copy_from_slice(&len.to_be_bytes());
    let error = Signature::parse(&armor(&bytes)).unwrap_err().to_string();
    assert!(
        error.contains("\"ssh-rsa\" by a key of \"ssh-rsa\""),
        "{error}"
    );
}

#[test]
fn another_label_is_refused() {
    let text = String::from_utf8(vector("ssh-p256.sha256.sig")).unwrap();
    let text = text.replace("SSH SIGNATURE", "SSH SIGNATURES");
    let error = Signature::parse_as(Format::Ssh, text.as_bytes()).unwrap_err();
    assert!(
        error.to_string().ends_with("wanted \"SSH SIGNATURE\""),
        "{error}"
    );
}

#[test]
fn a_second_signature_is_refused() {
    let text = vector("ssh-p256.sha256.sig");
    let error = Signature::parse(&[text.clone(), text].concat()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("something follows the signature"),
        "{error}"
    );
}

#[test]
fn a_signature_that_is_too_long_is_refused() {
    let error = Signature::parse(&armor(&[0; 16 * 1024])).unwrap_err();
    assert!(
        error.to_string().ends_with("at most 16384 are read"),
        "{error}"
    );
}

#[test]
fn dsa_is_refused() {
    let error = refused_key(&vector("ssh-dsa.pub"));
    assert!(
        error.starts_with("ssh key with algorithm \"ssh-dss\", wanted ed25519"),
        "{error}"
    );
}

#[test]
fn several_keys_are_refused() {
    let text = [vector("ssh-p256.pub"), vector("ssh-rsa.pub")].concat();
    assert_eq!(refused_key(&text), "ssh key with more than 1 keys");
}

#[test]
fn a_key_of_another_sort_than_its_line_says_is_refused() {
    let text = String::from_utf8(vector("ssh-p256.pub")).unwrap();
    let error = refused_key(text.replacen("nistp256", "nistp384", 1).as_bytes());
    assert!(error.starts_with("ssh key is malformed"), "{error}");
}

#[test]
fn no_key_at_all_is_refused() {
    assert_eq!(refused_key(b"# none\n"), "ssh key is malformed: no key");
    assert_eq!(
        refused_key(&[0xff]),
        "ssh key is malformed: it is not utf-8"
    );
    let long = "x".repeat(64 * 1024 + 1);
    assert!(refused_key(long.as_bytes()).ends_with("at most 65536 are read"));
}
