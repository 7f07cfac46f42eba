//! Whom a key says it belongs to, which is what a log can be searched by.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Reader, SliceReader, Tag};

use crate::cert::oids;
use crate::der_reader::{Elements, MalformedDer, context};

/// One name that a key has. The key itself says so: nothing here was checked with anybody else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Identity {
    /// A host.
    Dns(String),
    /// A mail address.
    Email(String),
    /// A network address.
    Ip(IpAddr),
    /// A URI.
    Uri(String),
    /// A user name; Fulcio's `otherName`.
    OtherName(String),
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Identity::Ip(address) => address.fmt(f),
            Identity::Dns(name)
            | Identity::Email(name)
            | Identity::Uri(name)
            | Identity::OtherName(name) => f.write_str(name),
        }
    }
}

/// The alternative names of a certificate (RFC 5280 section 4.2.1.6), sorted by their form: hosts,
/// mail addresses, network addresses, URIs, user names. Forms that nobody searches for are left
/// out, and so is what follows bytes that are no name.
pub(super) fn of_alternative_names(value: &[u8]) -> Vec<Identity> {
    let mut identities = Vec::new();
    let Ok(mut names) = Elements::of_sequence("subject alternative name", value) else {
        return identities;
    };
    while !names.is_empty() {
        let Ok(name) = names.take_any() else { break };
        identities.extend(of_general_name(name));
    }
    identities.sort_by_key(order);
    identities
}

/// What somebody wrote that looks like a mail address: one `@` with something on both sides, no
/// blanks, and a dot or nothing special behind it.
pub(super) fn email(text: &str) -> Option<Identity> {
    let (local, domain) = text.rsplit_once('@')?;
    let plain = |part: &str| {
        !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || "@<>()".contains(c))
    };
    let is_email = plain(local) && plain(domain) && text.len() <= EMAIL_LEN_BYTES_MAX;
    is_email.then(|| Identity::Email(text.to_owned()))
}

/// The longest address that mail can be sent to (RFC 5321 section 4.5.3.1.3).
const EMAIL_LEN_BYTES_MAX: usize = 254;

const fn order(identity: &Identity) -> u8 {
    match identity {
        Identity::Dns(_) => 0,
        Identity::Email(_) => 1,
        Identity::Ip(_) => 2,
        Identity::Uri(_) => 3,
        Identity::OtherName(_) => 4,
    }
}

fn of_general_name(name: &[u8]) -> Option<Identity> {
    let mut reader = SliceReader::new(name).ok()?;
    let any = AnyRef::decode(&mut reader).ok()?;
    reader.finish().ok()?;
    let text = || {
        let text = std::str::from_utf8(any.value()).ok()?;
        Some(text.to_owned())
    };
    match name.first()? {
        0x81 => text().map(Identity::Email),
        0x82 => text().map(Identity::Dns),
        0x86 => text().map(Identity::Uri),
        0x87 => ip(any.value()).map(Identity::Ip),
        0xa0 => user_name(any.value()).ok()?.map(Identity::OtherName),
        _ => None,
    }
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|bytes| Ipv4Addr::from(bytes).into());
    let v6 = <[u8; 16]>::try_from(bytes).map(|bytes| Ipv6Addr::from(bytes).into());
    v4.or(v6).ok()
}

fn user_name(content: &[u8]) -> Result<Option<String>, MalformedDer> {
    let mut elements = Elements::of("other name", content)?;
    let form: ObjectIdentifier = elements.oid()?;
    if form != oids::FULCIO_USERNAME {
        return Ok(None);
    }
    let mut value = Elements::of("other name", elements.take(context(0))?)?;
    let text = value.take(Tag::Utf8String)?;
    Ok(String::from_utf8(text.to_vec()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SubjectAltName;
    use crate::test_keys::tlv;

    fn names(names: &[Vec<u8>]) -> Vec<Identity> {
        of_alternative_names(&tlv(0x30, &names.concat()))
    }

    #[test]
    fn every_form_of_name_is_found_sorted() {
        let found = names(&[
            tlv(0x86, b"https://example.org/w"),
            tlv(0x87, &[192, 0, 2, 1]),
            tlv(0x88, &[0x2a, 3]),
            tlv(0x81, b"a@example.org"),
            tlv(0x82, b"example.org"),
            tlv(0x87, &[0; 16]),
        ]);
        let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
        let wanted = [
            "example.org",
            "a@example.org",
            "192.0.2.1",
            "::",
            "https://example.org/w",
        ];
        assert_eq!(texts, wanted);
    }

    #[test]
    fn fulcios_user_names_are_found() {
        let name = SubjectAltName::OtherName("jane!example.org".to_owned());
        let found = of_alternative_names(&name.encode().unwrap());
        assert_eq!(found, [Identity::OtherName("jane!example.org".to_owned())]);
    }

    #[test]
    fn what_is_no_name_is_left_out() {
        assert_eq!(of_alternative_names(b"nonsense"), []);
        assert_eq!(names(&[tlv(0x82, &[0xff]), tlv(0x87, &[1, 2])]), []);
        assert_eq!(names(&[tlv(0xa0, &tlv(0x06, &[0x2a, 3]))]), []);
    }

    #[test]
    fn mail_addresses_are_told_from_other_comments() {
        for good in ["jane@example.org", "jane@laptop", "a+b@x.y"] {
            assert_eq!(email(good), Some(Identity::Email(good.to_owned())));
        }
        let long = format!("{}@example.org", "a".repeat(250));
        for bad in ["", "jane", "@x", "x@", "a b@x", "a@b@c d", "<a@b>", &long] {
            assert_eq!(email(bad), None, "{bad}");
        }
    }
}
