//! What a signer's certificate has to be.

use super::*;
use crate::cert::{ExtensionField, oids};
use crate::der_writer::{sequence, tag, tlv};

fn refused_with(words: &str, edit_leaf: fn(&mut CertificateParts)) {
    let signing = Signing {
        edit_leaf,
        ..Signing::default()
    };
    refused(Check::CertificateProfile, words, &signing.sign().v2());
}

fn accepted_with(edit_leaf: fn(&mut CertificateParts)) {
    let signing = Signing {
        edit_leaf,
        ..Signing::default()
    };
    verdict(&signing.sign().v2(), &policy(), trust()).unwrap();
}

/// A `GeneralNames` of mail addresses.
fn mail_addresses(names: &[&str]) -> Vec<u8> {
    let names: Vec<_> = names
        .iter()
        .map(|name| tlv(0x81, name.as_bytes()))
        .collect();
    sequence(&names)
}

#[test]
fn the_signer_is_of_the_kind_that_is_wanted() {
    let keyed = Signing::keyed().sign();
    let words = "an identity is wanted, and the bundle is by a key";
    refused(Check::SignerMaterial, words, &keyed.v2());
    let certified = Signing::default().sign();
    // The key is the right one; that is not what was asked.
    let by_key = verdict(
        &certified.v2(),
        &Policy::key(public(certified.key)),
        trust(),
    );
    let words = "a key is wanted, and the bundle is by a certificate";
    refused_by(Check::SignerMaterial, words, by_key);
}

#[test]
fn what_is_no_certificate_is_refused() {
    let mut signed = Signing::default().sign();
    signed.chain[0].pop();
    refused(Check::SignerMaterial, "der", &signed.v2());
}

#[test]
fn a_critical_extension_must_be_understood() {
    let words = "critical extension 1.2.3.4 is not understood";
    refused_with(words, |leaf| {
        leaf.set("1.2.3.4".parse().unwrap(), true, vec![5, 0]);
    });
    accepted_with(|leaf| leaf.set("1.2.3.4".parse().unwrap(), false, vec![5, 0]));
}

#[test]
fn a_precertificate_is_none() {
    refused_with("1.3.6.1.4.1.11129.2.4.3", |leaf| {
        leaf.set(oids::CT_POISON, true, vec![tag::NULL, 0]);
    });
}

#[test]
fn an_authority_does_not_sign_artifacts() {
    refused_with("an authority's", |leaf| {
        leaf.set(oids::BASIC_CONSTRAINTS, true, vec![0x30, 3, 1, 1, 0xff]);
    });
    refused_with("malformed", |leaf| {
        leaf.set(oids::BASIC_CONSTRAINTS, true, vec![0x30, 1]);
    });
    accepted_with(|leaf| leaf.set(oids::BASIC_CONSTRAINTS, true, vec![0x30, 0]));
}

#[test]
fn its_key_may_sign() {
    refused_with("it has no key usage", |leaf| leaf.remove(oids::KEY_USAGE));
    refused_with("has no digital signatures", |leaf| {
        leaf.set(oids::KEY_USAGE, true, vec![3, 2, 1, 6]);
    });
    refused_with("malformed", |leaf| {
        leaf.set(oids::KEY_USAGE, true, vec![3, 2]);
    });
}

#[test]
fn it_is_for_signing_code() {
    refused_with("no extended key usage", |leaf| {
        leaf.remove(oids::EXTENDED_KEY_USAGE);
    });
    refused_with("has no code signing", |leaf| {
        let purpose = tlv(tag::OID, oids::TIME_STAMPING.as_bytes());
        leaf.set(oids::EXTENDED_KEY_USAGE, false, sequence(&[purpose]));
    });
    // Any purpose is not this purpose (RFC 5280 section 4.2.1.12 leaves it to the verifier).
    refused_with("has no code signing", |leaf| {
        let purpose = tlv(tag::OID, &[0x55, 0x1d, 0x25, 0]);
        leaf.set(oids::EXTENDED_KEY_USAGE, false, sequence(&[purpose]));
    });
    refused_with("malformed", |leaf| {
        leaf.set(oids::EXTENDED_KEY_USAGE, false, vec![0x30]);
    });
}

#[test]
fn it_names_one_signer() {
    refused_with("no subject alternative name", |leaf| {
        leaf.remove(oids::SUBJECT_ALT_NAME);
    });
    // One of the two is the name that is wanted.
    refused_with("more than one", |leaf| {
        let names = mail_addresses(&[NAME, "other@example.org"]);
        leaf.set(oids::SUBJECT_ALT_NAME, true, names);
    });
    refused_with("no subject alternative name", |leaf| {
        leaf.set(oids::SUBJECT_ALT_NAME, true, sequence::<Vec<u8>>(&[]));
    });
    // A reader in C would see the name that is wanted.
    refused_with("character '\\0'", |leaf| {
        let names = mail_addresses(&["signer@example.org\0.example.com"]);
        leaf.set(oids::SUBJECT_ALT_NAME, true, names);
    });
    refused_with("which cannot stand in a certificate", |leaf| {
        let names = mail_addresses(&["\u{455}igner@example.org"]);
        leaf.set(oids::SUBJECT_ALT_NAME, true, names);
    });
    refused_with("tag 0x82", |leaf| {
        let host = tlv(0x82, NAME.as_bytes());
        leaf.set(oids::SUBJECT_ALT_NAME, true, sequence(&[host]));
    });
}

#[test]
fn it_names_one_issuer_of_tokens() {
    refused_with("does not say who issued", |leaf| {
        leaf.remove(oids::FULCIO_ISSUER_RAW);
        leaf.remove(ExtensionField::Issuer.oid());
    });
    refused_with("the issuer is", |leaf| {
        let other = b"https://other.example.org".to_vec();
        leaf.set(oids::FULCIO_ISSUER_RAW, false, other);
    });
    refused_with("is empty", |leaf| {
        leaf.set(oids::FULCIO_ISSUER_RAW, false, Vec::new());
    });
    // As certificates were before there was a DER form.
    accepted_with(|leaf| leaf.remove(ExtensionField::Issuer.oid()));
}
