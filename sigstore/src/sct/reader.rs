//! Takes the fields of TLS structures off the front of bytes.

use super::SctError;

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn array<const N: usize>(
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

    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, SctError> {
        let [byte] = self.array(field)?;
        Ok(byte)
    }

    /// Bytes behind a length of two.
    pub(crate) fn vector_u16(&mut self, field: &'static str) -> Result<&'a [u8], SctError> {
        let len = u16::from_be_bytes(self.array(field)?);
        self.take(u32::from(len), field)
    }

    /// Bytes behind a length of three.
    pub(crate) fn vector_u24(&mut self, field: &'static str) -> Result<&'a [u8], SctError> {
        let [a, b, c] = self.array(field)?;
        self.take(u32::from_be_bytes([0, a, b, c]), field)
    }

    fn take(&mut self, len: u32, field: &'static str) -> Result<&'a [u8], SctError> {
        let cut_off = SctError::CutOff { field };
        let len = usize::try_from(len).map_err(|_| cut_off.clone())?;
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(cut_off)?;
        self.rest = rest;
        Ok(taken)
    }

    /// What was not read.
    pub(crate) const fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Nothing may be left.
    pub(crate) const fn finish(self, what: &'static str) -> Result<(), SctError> {
        let count = self.rest.len();
        if count == 0 {
            return Ok(());
        }
        Err(SctError::Trailing { what, count })
    }
}
