//! Takes structured values off the front of fuzzer input. Input that ran out reads as zeros, so
//! that every input means something.

use tiles::{HASH_LEN_BYTES, Hash};

/// What is left of an input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.rest.is_empty()
    }

    /// Everything that was not taken yet.
    pub(crate) const fn rest(self) -> &'a [u8] {
        self.rest
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let (taken, rest) = self.rest.split_at(N.min(self.rest.len()));
        self.rest = rest;
        let mut array = [0; N];
        for (place, byte) in array.iter_mut().zip(taken) {
            *place = *byte;
        }
        array
    }

    pub(crate) fn u8(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    pub(crate) fn u64(&mut self) -> u64 {
        u64::from_be_bytes(self.array())
    }

    pub(crate) fn hash(&mut self) -> Hash {
        Hash::new(self.array::<HASH_LEN_BYTES>())
    }

    /// A number below `end`, from one byte; 0 if `end` is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::from(self.u8()).checked_rem(end).unwrap_or(0)
    }
}
