//! Reading DER element by element, with the name of the structure in every error.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode as _, Reader as _, SliceReader, Tag, TagNumber};
use thiserror::Error;

/// Bytes that are not the DER of what they should be.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{what}: {reason}")]
pub struct MalformedDer {
    /// The structure that was read.
    pub what: &'static str,
    /// What is wrong, and where.
    pub reason: String,
}

/// What is left of the elements of one structure.
#[derive(Debug)]
pub(crate) struct Elements<'a> {
    what: &'static str,
    reader: SliceReader<'a>,
}

/// `[number]` around other elements.
pub(crate) const fn context(number: u32) -> Tag {
    Tag::ContextSpecific {
        constructed: true,
        number: TagNumber(number),
    }
}

/// `[number]` in place of a primitive's own tag.
pub(crate) const fn context_primitive(number: u32) -> Tag {
    Tag::ContextSpecific {
        constructed: false,
        number: TagNumber(number),
    }
}

impl<'a> Elements<'a> {
    /// The elements in the content of a structure.
    pub(crate) fn of(what: &'static str, content: &'a [u8]) -> Result<Self, MalformedDer> {
        let reader = SliceReader::new(content).map_err(|error| malformed(what, &error))?;
        Ok(Elements { what, reader })
    }

    /// The elements of a SEQUENCE that is all of `der`.
    pub(crate) fn of_sequence(what: &'static str, der: &'a [u8]) -> Result<Self, MalformedDer> {
        let mut outer = Elements::of(what, der)?;
        let content = outer.take(Tag::Sequence)?;
        outer.finish()?;
        Elements::of(what, content)
    }

    /// The content of the next element, which has this tag.
    pub(crate) fn take(&mut self, tag: Tag) -> Result<&'a [u8], MalformedDer> {
        let any = AnyRef::decode(&mut self.reader).map_err(|error| malformed(self.what, &error))?;
        let found = der::Tagged::tag(&any);
        if found == tag {
            return Ok(any.value());
        }
        Err(self.error(format!("found {found}, wanted {tag}")))
    }

    /// The content of the next element if it has this tag.
    pub(crate) fn take_if(&mut self, tag: Tag) -> Result<Option<&'a [u8]>, MalformedDer> {
        if self.peek()? == Some(tag) {
            self.take(tag).map(Some)
        } else {
            Ok(None)
        }
    }

    /// The next element as a whole, which has this tag.
    pub(crate) fn take_whole(&mut self, tag: Tag) -> Result<&'a [u8], MalformedDer> {
        let mut ahead = Elements {
            what: self.what,
            reader: self.reader.clone(),
        };
        ahead.take(tag)?;
        self.take_any()
    }

    /// The next element as a whole, whatever it is.
    pub(crate) fn take_any(&mut self) -> Result<&'a [u8], MalformedDer> {
        let taken = self.reader.tlv_bytes();
        taken.map_err(|error| malformed(self.what, &error))
    }

    /// A SEQUENCE and what is in it.
    pub(crate) fn sequence(&mut self, what: &'static str) -> Result<Elements<'a>, MalformedDer> {
        Elements::of(what, self.take(Tag::Sequence)?)
    }

    /// An OBJECT IDENTIFIER.
    pub(crate) fn oid(&mut self) -> Result<ObjectIdentifier, MalformedDer> {
        let content = self.take(Tag::ObjectIdentifier)?;
        ObjectIdentifier::from_bytes(content).map_err(|error| self.error(error.to_string()))
    }

    /// An INTEGER that is a version or the like.
    pub(crate) fn small_integer(&mut self) -> Result<u8, MalformedDer> {
        match self.take(Tag::Integer)? {
            [number] if *number < 0x80 => Ok(*number),
            other => Err(self.error(format!("a version or status of {} bytes", other.len()))),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.reader.is_finished()
    }

    /// Nothing may be left.
    pub(crate) fn finish(self) -> Result<(), MalformedDer> {
        let what = self.what;
        self.reader
            .finish()
            .map_err(|error| malformed(what, &error))
    }

    pub(crate) fn error(&self, reason: String) -> MalformedDer {
        MalformedDer {
            what: self.what,
            reason,
        }
    }

    fn peek(&self) -> Result<Option<Tag>, MalformedDer> {
        if self.is_empty() {
            return Ok(None);
        }
        let tag = Tag::peek(&self.reader);
        tag.map(Some).map_err(|error| malformed(self.what, &error))
    }
}

pub(crate) fn malformed(what: &'static str, error: &der::Error) -> MalformedDer {
    MalformedDer {
        what,
        reason: error.to_string(),
    }
}

/// The elements of a SET OF, which must be in the order of their encodings and not alike.
pub(crate) fn set_elements<'a>(
    what: &'static str,
    content: &'a [u8],
    count_max: usize,
) -> Result<Vec<&'a [u8]>, MalformedDer> {
    let mut elements = Elements::of(what, content)?;
    let mut taken: Vec<&[u8]> = Vec::new();
    while !elements.is_empty() {
        let element = elements.take_any()?;
        if taken.len() == count_max {
            return Err(elements.error(format!("more than {count_max} elements")));
        }
        if taken.last().is_some_and(|last| *last >= element) {
            return Err(elements.error("a SET OF that is not in DER's order".to_owned()));
        }
        taken.push(element);
    }
    Ok(taken)
}
