//! What all formats have in common: every vector verifies, what it is kept as is read again, and
//! nothing that was changed holds.

use std::collections::BTreeSet;

use super::*;
use HashAlgorithm::{Sha256, Sha384, Sha512};

/// A file that the tools of others made; see `make.sh` beside it.
pub(super) fn vector(name: &str) -> Vec<u8> {
    let path = format!("{}/testdata/pki/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Keys with their signatures of the message, by the names of their files.
const SIGNED: [(&str, &[&str]); 20] = [
    ("pkcs7-rsa.sig", &["pkcs7-rsa.sig"]),
    ("pkcs7-rsa.plain.sig", &["pkcs7-rsa.plain.sig"]),
    ("pkcs7-rsa.attached.sig", &["pkcs7-rsa.attached.sig"]),
    ("pkcs7-p256.sig", &["pkcs7-p256.sig"]),
    ("pkcs7-p384.sig", &["pkcs7-p384.sig"]),
    ("pkcs7-p521.sig", &["pkcs7-p521.sig"]),
    ("pkcs7-p256.pem", &["pkcs7-p256.bare.sig"]),
    (
        "x509-p256.pub",
        &[
            "x509-p256.sha256.sig",
            "x509-p256.sha384.sig",
            "x509-p256.sha512.sig",
        ],
    ),
    (
        "x509-p384.pub",
        &[
            "x509-p384.sha256.sig",
            "x509-p384.sha384.sig",
            "x509-p384.sha512.sig",
        ],
    ),
    (
        "x509-p521.pub",
        &[
            "x509-p521.sha256.sig",
            "x509-p521.sha384.sig",
            "x509-p521.sha512.sig",
        ],
    ),
    (
        "x509-rsa.pub",
        &[
            "x509-rsa.sha256.sig",
            "x509-rsa.sha384.sig",
            "x509-rsa.sha512.sig",
        ],
    ),
    ("x509-rsa.pkcs1.pub", &["x509-rsa.sha256.sig"]),
    ("x509-ed25519.pub", &["x509-ed25519.sig"]),
    ("x509-chain.pem", &["x509-chain.sig"]),
    (
        "minisign.pub",
        &["minisign.legacy.sig", "minisign.prehashed.sig"],
    ),
    (
        "ssh-ed25519.pub",
        &["ssh-ed25519.sha256.sig", "ssh-ed25519.sha512.sig"],
    ),
    (
        "ssh-p256.pub",
        &["ssh-p256.sha256.sig", "ssh-p256.sha512.sig"],
    ),
    (
        "ssh-p384.pub",
        &["ssh-p384.sha256.sig", "ssh-p384.sha512.sig"],
    ),
    (
        "ssh-p521.pub",
        &["ssh-p521.sha256.sig", "ssh-p521.sha512.sig"],
    ),
    ("ssh-rsa.pub", &["ssh-rsa.sha256.sig", "ssh-rsa.sha512.sig"]),
];

fn key(name: &str) -> Key {
    Key::parse(&vector(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn signature(name: &str) -> Signature {
    Signature::parse(&vector(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn verify(key: &Key, signature: &Signature, message: &[u8]) -> Result<(), PkiError> {
    key.verify(signature, message, &Conditions::default())
}

#[test]
fn every_vector_verifies_and_is_of_its_format() {
    let message = vector("message");
    for (key_name, signatures) in SIGNED {
        let key = key(key_name);
        for name in signatures {
            let signature = signature(name);
            assert_eq!(verify(&key, &signature, &message), Ok(()), "{name}");
            let format = name.split('-').next().unwrap().split('.').next().unwrap();
            let key_format = key.format().name();
            assert!(
                key_format == format || key_name == "pkcs7-p256.pem",
                "{name}"
            );
            assert_eq!(signature.format().name(), format, "{name}");
        }
    }
}

#[test]
fn another_message_is_refused() {
    for (key_name, signatures) in SIGNED {
        for name in signatures {
            let error = verify(&key(key_name), &signature(name), b"hello").unwrap_err();
            assert!(
                matches!(error, PkiError::Mismatch { .. }),
                "{name}: {error}"
            );
        }
    }
}

#[test]
fn a_message_may_come_in_pieces() {
    let message = vector("message");
    for (key_name, signatures) in SIGNED {
        for name in signatures {
            let (key, signature) = (key(key_name), signature(name));
            let mut check = key.begin(&signature, &Conditions::default()).unwrap();
            for byte in &message {
                check.update(&[*byte]);
                check.update(&[]);
            }
            assert_eq!(check.finish(), Ok(()), "{name}");
        }
    }
}

#[test]
fn keys_of_others_are_refused() {
    let message = vector("message");
    for (key_name, _) in SIGNED {
        for (other, signatures) in SIGNED {
            let same = key(key_name).public_key() == key(other).public_key();
            for name in signatures.iter().filter(|_| !same) {
                let refused = verify(&key(key_name), &signature(name), &message);
                assert!(refused.is_err(), "{name} by {key_name}");
            }
        }
    }
}

#[test]
fn what_is_kept_is_read_again_and_verifies() {
    let message = vector("message");
    for (key_name, signatures) in SIGNED {
        let kept = Key::parse(&key(key_name).canonical()).unwrap();
        assert_eq!(kept.canonical(), key(key_name).canonical(), "{key_name}");
        assert_eq!(kept.index_key().len(), 64);
        for name in signatures {
            let signature = signature(name);
            let canonical = signature.canonical();
            let again = Signature::parse_as(signature.format(), &canonical).unwrap();
            assert_eq!(again.canonical(), canonical, "{name}");
            assert_eq!(verify(&kept, &again, &message), Ok(()), "{name}");
        }
    }
}

/// Bits of a signature file that mean nothing: a comment nobody signed, the layout of PEM and
/// base64, in which the last character has bits to spare.
#[test]
fn no_flipped_bit_of_a_signature_makes_another_one() {
    let message = vector("message");
    for (key_name, signatures) in SIGNED {
        let key = key(key_name);
        // What is around a signature in CMS has a test of its own.
        let plain = signatures.iter().filter(|name| !name.starts_with("pkcs7"));
        for name in plain {
            let original = signature(name);
            let bytes = vector(name);
            // Every bit of the small ones; RSA is slow.
            let step = if name.contains("rsa") { 97 } else { 5 };
            for bit in (0..bytes.len() * 8).step_by(step) {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let Ok(read) = Signature::parse(&flipped) else {
                    continue;
                };
                if read != original {
                    assert!(verify(&key, &read, &message).is_err(), "{name}, bit {bit}");
                }
            }
        }
    }
}

#[test]
fn hostile_bytes_do_not_panic() {
    for (key_name, signatures) in SIGNED {
        let names = signatures.iter().copied().chain([key_name]);
        for name in names {
            let bytes = vector(name);
            for len in 0..bytes.len() {
                for format in Format::ALL {
                    let _ = Key::parse_as(format, &bytes[..len]);
                    let _ = Signature::parse_as(format, &bytes[..len]);
                }
            }
        }
    }
}

#[test]
fn digests_do_for_the_formats_that_sign_digests() {
    let message = vector("message");
    let digest = |hash| digests::digest(hash, &message);
    let conditions = Conditions::default();
    let check = |key_name, name, hash| {
        let digest = digest(hash);
        key(key_name).verify_digest(&signature(name), hash, digest.as_ref(), &conditions)
    };
    assert_eq!(
        check("x509-p384.pub", "x509-p384.sha256.sig", Sha256),
        Ok(())
    );
    assert_eq!(check("x509-rsa.pub", "x509-rsa.sha384.sig", Sha384), Ok(()));
    assert_eq!(check("ssh-rsa.pub", "ssh-rsa.sha256.sig", Sha256), Ok(()));
    assert_eq!(check("ssh-p256.pub", "ssh-p256.sha512.sig", Sha512), Ok(()));
    let refused = [
        check("x509-p384.pub", "x509-p384.sha256.sig", Sha384),
        check("ssh-rsa.pub", "ssh-rsa.sha256.sig", Sha512),
        check("ssh-rsa.pub", "ssh-rsa.sha512.sig", Sha256),
        check("minisign.pub", "minisign.prehashed.sig", Sha512),
        check("x509-ed25519.pub", "x509-ed25519.sig", Sha512),
        check("x509-ed25519.pub", "x509-ed25519.sig", Sha256),
        check("x509-p256.pub", "ssh-p256.sha256.sig", Sha256),
    ];
    let refused: Vec<String> = refused.map(|r| r.unwrap_err().to_string()).to_vec();
    assert!(refused[0].contains("does not verify"), "{}", refused[0]);
    assert!(refused[1].ends_with("wanted sha-256"), "{}", refused[1]);
    assert!(refused[2].ends_with("wanted sha-512"), "{}", refused[2]);
    assert!(
        refused[3].ends_with("wanted the message itself"),
        "{}",
        refused[3]
    );
    assert!(refused[4].contains("does not verify"), "{}", refused[4]);
    assert!(
        refused[5].contains("or the message itself"),
        "{}",
        refused[5]
    );
    assert!(
        refused[6].contains("ssh format, but the key is in x509"),
        "{}",
        refused[6]
    );
}

#[test]
fn a_digest_of_the_wrong_length_is_refused() {
    let key = key("x509-p256.pub");
    let signature = signature("x509-p256.sha256.sig");
    let hash = Sha256;
    let error = key.verify_digest(&signature, hash, &[0; 31], &Conditions::default());
    let error = error.unwrap_err().to_string();
    assert!(error.ends_with("digest of 31 bytes, wanted 32"), "{error}");
}

#[test]
fn a_bare_signature_is_not_taken_for_openpgp() {
    // They begin like packets of a signature, with a byte that its kind does not have, or end
    // elsewhere.
    for beginning in [
        &[0x88, 254, 4, 2][..],
        &[0x88, 200, 4, 0],
        &[0x89, 0, 253, 4, 7],
    ] {
        let mut bytes = vec![0x55; 256];
        bytes[..beginning.len()].copy_from_slice(beginning);
        assert_eq!(Signature::parse(&bytes).unwrap().format(), Format::X509);
    }
}

/// Keys and signatures of GnuPG have tests of their own, where they are known.
#[cfg(not(feature = "pgp"))]
#[test]
fn openpgp_is_told_apart_and_refused_without_its_feature() {
    for name in ["pgp-rsa.key", "pgp-p256.key"] {
        let error = Key::parse(&vector(name)).unwrap_err().to_string();
        assert!(
            error.ends_with("pgp format, which this program was built without"),
            "{error}"
        );
    }
    for name in ["pgp-rsa.sig", "pgp-p256.sig"] {
        let error = Signature::parse(&vector(name)).unwrap_err();
        let format = Format::Pgp;
        assert_eq!(error, PkiError::NotBuilt { format });
    }
}

#[test]
fn formats_have_one_name_each() {
    let names: BTreeSet<&str> = Format::ALL.map(Format::name).into_iter().collect();
    assert_eq!(names.len(), Format::ALL.len());
    for format in Format::ALL {
        assert_eq!(Format::from_name(format.name()), Some(format));
    }
    assert_eq!(Format::from_name("tuf"), None);
}

#[test]
fn an_unknown_format_is_refused_with_those_there_are() {
    let error = Key::parse(b"what is this").unwrap_err().to_string();
    assert!(
        error.starts_with("key of an unknown format, wanted pem"),
        "{error}"
    );
    let error = Key::parse(b"").unwrap_err();
    assert!(matches!(error, PkiError::UnknownFormat { .. }));
    for nothing in [&b""[..], b" \n", b"-----BEGIN CERTIFICATE-----\n"] {
        let error = Signature::parse(nothing).unwrap_err().to_string();
        assert!(
            error.starts_with("signature of an unknown format, wanted "),
            "{error}"
        );
    }
}

#[test]
fn identities_are_those_of_certificate_and_comment() {
    let texts = |name| -> Vec<String> {
        let identities = key(name).identities();
        identities.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        texts("x509-chain.pem"),
        ["jane@example.org", "https://example.org/w"]
    );
    assert_eq!(texts("ssh-p256.pub"), ["jane@example.org"]);
    assert!(texts("x509-p256.pub").is_empty());
    assert!(texts("minisign.pub").is_empty());
}

#[test]
fn keys_are_shown_as_their_tools_show_them() {
    assert!(
        key("x509-p256.pub")
            .to_string()
            .starts_with("ecdsa p-256 sha256:")
    );
    let comment = String::from_utf8(vector("minisign.pub")).unwrap();
    let shown = key("minisign.pub").to_string();
    assert!(comment.lines().next().unwrap().ends_with(&shown), "{shown}");
    let shown = key("ssh-ed25519.pub").to_string();
    assert!(shown.starts_with("SHA256:") && shown.len() == 50, "{shown}");
}
