//! Takes the fields of TLS structures off the front of bytes.

use super::SctError;

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) const fn is_empty(self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn array<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<[u8; N], SctError> {
        let (array, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(SctError::CutOff { field })?;
        self.rest = rest;
        Ok(*array)
    }

    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, SctError> {
        let [byte] = self.array(field)?;
        Ok(byte)
    }

    /// Bytes behind a length of two.
    pub(super) fn vector_u16(&mut self, field: &'static str) -> Result<&'a [u8], SctError> {
        let len = usize::from(u16::from_be_bytes(self.array(field)?));
        let (vector, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or(SctError::CutOff { field })?;
        self.rest = rest;
        Ok(vector)
    }

    /// Nothing may be left.
    pub(super) const fn finish(self, what: &'static str) -> Result<(), SctError> {
        let count = self.rest.len();
        if count == 0 {
            return Ok(());
        }
        Err(SctError::Trailing { what, count })
    }
}
