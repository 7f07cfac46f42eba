//! Checks the ECDSA signatures of one key on P-256, at a third of what a verifier needs.
//!
//! A signature `(r, s)` over the hash `z` is right if `(z / s) G + (r / s) Q` has `r` for its x
//! (FIPS 186-5 section 6.4.2). Of that a verifier spends most of its time on the second product,
//! because `Q`, the public key, is another one each time. A signer has but one. So its multiples
//! are kept here, as those of `G` are: every byte of a factor, at every place, picks a point, and a
//! check is 64 additions.
//!
//! It is the whole check, by nothing but the public key, and by another implementation than the one
//! that signs: a fault of either, of the private key or of these tables makes it refuse. It never
//! sees a secret, so its time may tell what it likes.
//!
//! Invariant: what is accepted here, any verifier accepts. The opposite does not hold of about one
//! signature in four billion, whose x does not fit below the order of the curve; so who is refused
//! here asks the full check.

use std::fmt;
use std::sync::LazyLock;

use crrl::field::GFp256;
use crrl::p256::{Point, Scalar};
use der::asn1::UintRef;
use der::{Decode as _, Reader as _, SliceReader};

/// Bytes of a number below the order of the curve.
const LEN_BYTES: usize = 32;

/// The multiples of a point: `byte * 256^place * point` for each byte at each place. 768 KiB.
struct Multiples(Vec<[Point; 256]>);

static GENERATOR: LazyLock<Multiples> = LazyLock::new(|| Multiples::of(Point::BASE));

/// The multiples of a public key.
pub(super) struct SelfCheck {
    key: Multiples,
}

impl SelfCheck {
    /// The check for a key, an uncompressed point on P-256. Cost: 8192 additions, some 3 ms.
    ///
    /// None: that is not such a point.
    pub(super) fn new(point: &[u8]) -> Option<Self> {
        let key = Multiples::of(Point::decode(point)?);
        Some(Self { key })
    }

    /// Whether this is a signature of the key over the message with this SHA-256, in ASN.1.
    pub(super) fn accepts(&self, digest: &[u8], signature: &[u8]) -> bool {
        self.check(digest, signature).unwrap_or(false)
    }

    /// None: not two numbers of the right size, or no digest.
    fn check(&self, digest: &[u8], signature: &[u8]) -> Option<bool> {
        let [r, s] = numbers(signature)?;
        let z =
            Scalar::decode_reduce(&little_endian(digest).filter(|_| digest.len() == LEN_BYTES)?);
        let inverse = Scalar::ONE / s;
        let point = GENERATOR.times(z * inverse)? + self.key.times(r * inverse)?;
        // x is X / Z. At infinity both X and Z are zero, which would agree with every r.
        let (x, _, z) = point.to_projective();
        let r = GFp256::decode(&r.encode())?;
        Some(z.iszero() == 0 && (r * z).equals(x) != 0)
    }
}

impl Multiples {
    fn of(point: Point) -> Self {
        let mut first = point;
        let row = |_| {
            let mut next = Point::NEUTRAL;
            let row = [(); 256].map(|()| {
                let this = next;
                next += first;
                this
            });
            first = next;
            row
        };
        Self((0..LEN_BYTES).map(row).collect())
    }

    fn times(&self, factor: Scalar) -> Option<Point> {
        let mut sum = Point::NEUTRAL;
        for (row, byte) in self.0.iter().zip(factor.encode()) {
            sum += *row.get(usize::from(byte))?;
        }
        Some(sum)
    }
}

impl fmt::Debug for SelfCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelfCheck").finish_non_exhaustive()
    }
}

/// The two numbers of a signature, each from 1 to the order of the curve.
fn numbers(signature: &[u8]) -> Option<[Scalar; 2]> {
    let mut reader = SliceReader::new(signature).ok()?;
    let [r, s] = reader
        .sequence(|numbers| {
            Ok::<_, der::Error>([UintRef::decode(numbers)?, UintRef::decode(numbers)?])
        })
        .ok()?;
    reader.finish().ok()?;
    let number = |big_endian: UintRef<'_>| {
        let number = Scalar::decode(&little_endian(big_endian.as_bytes())?)?;
        (number.iszero() == 0).then_some(number)
    };
    Some([number(r)?, number(s)?])
}

/// At most as many bytes as a number has, the last one first.
fn little_endian(big_endian: &[u8]) -> Option<[u8; LEN_BYTES]> {
    let mut out = [0; LEN_BYTES];
    let used = out.get_mut(..big_endian.len())?;
    used.copy_from_slice(big_endian);
    used.reverse();
    Some(out)
}

#[cfg(test)]
mod tests;
