//! Curve points as they travel: compressed, canonical, checked for curve and subgroup on decoding.
//!
//! Points of BN254 carry commitments and proofs; points of the curve over BN254's scalar field carry
//! delivery keys and encryptions made inside circuits. Depends on arkworks' curves and [`crate::field`].

use std::fmt;
use std::io::{self, Read, Write};

use ark_bn254::{G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ec::CurveGroup;
use ark_ed_on_bn254::EdwardsAffine;
use ark_serialize::{CanonicalSerialize, Compress, Validate};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::field::{DecodeError, parse_hex};

/// Decodes exactly `N` compressed bytes into a point of the prime-order subgroup.
fn decode<A: AffineRepr, const N: usize>(bytes: &[u8; N]) -> Result<A, DecodeError> {
    let point =
        A::deserialize_with_mode(bytes.as_slice(), Compress::Yes, Validate::No).map_err(|_| {
            // Any failure here is one of form: the integer, a flag, or no such abscissa.
            DecodeError::NotOnCurve
        })?;
    // One text for one point: flags and unreduced coordinates that decode all the same are refused.
    if encode::<A, N>(&point) != *bytes {
        return Err(DecodeError::NotOnCurve);
    }
    Ok(point)
}

fn encode<A: CanonicalSerialize, const N: usize>(point: &A) -> [u8; N] {
    let mut bytes = [0u8; N];
    point
        .serialize_with_mode(bytes.as_mut_slice(), Compress::Yes)
        .expect("N is the compressed size of this curve's points");
    bytes
}

macro_rules! point {
    ($(#[$doc:meta])* $name:ident, $affine:ty, $size:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name($affine);

        impl $name {
            /// Length of the encoding in bytes.
            pub const BYTES: usize = $size;

            /// Wraps a point that was computed here.
            ///
            /// # Errors
            /// When the point is not one that this type may hold.
            pub fn new(point: impl Into<$affine>) -> Result<Self, DecodeError> {
                let point: $affine = point.into();
                let check: fn(&$affine) -> Result<(), DecodeError> = $check;
                check(&point)?;
                Ok(Self(point))
            }

            /// The point itself.
            pub fn affine(&self) -> &$affine {
                &self.0
            }

            /// The compressed canonical bytes.
            #[must_use]
            pub fn to_bytes(&self) -> [u8; $size] {
                encode(&self.0)
            }

            /// Reads compressed canonical bytes.
            ///
            /// # Errors
            /// [`DecodeError`] for bytes that name no point, a point outside the prime-order
            /// subgroup, or a neutral element that this type does not hold.
            pub fn from_bytes(bytes: &[u8; $size]) -> Result<Self, DecodeError> {
                Self::new(decode::<$affine, $size>(bytes)?)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "0x{}", hex::encode(self.to_bytes()))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = DecodeError;

            fn from_str(text: &str) -> Result<Self, DecodeError> {
                Self::from_bytes(&parse_hex::<$size>(text)?)
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                self.to_bytes().cmp(&other.to_bytes())
            }
        }

        impl BorshSerialize for $name {
            fn serialize<W: Write>(&self, writer: &mut W) -> io::Result<()> {
                writer.write_all(&self.to_bytes())
            }
        }

        impl BorshDeserialize for $name {
            fn deserialize_reader<R: Read>(reader: &mut R) -> io::Result<Self> {
                let bytes = <[u8; $size]>::deserialize_reader(reader)?;
                Ok(Self::from_bytes(&bytes)?)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <String as Deserialize>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// Checks of a short Weierstrass point that must not be the neutral element.
fn weierstrass<P: ark_ec::short_weierstrass::SWCurveConfig>(
    point: &ark_ec::short_weierstrass::Affine<P>,
) -> Result<(), DecodeError> {
    if point.is_zero() {
        return Err(DecodeError::Identity);
    }
    weierstrass_or_zero(point)
}

fn weierstrass_or_zero<P: ark_ec::short_weierstrass::SWCurveConfig>(
    point: &ark_ec::short_weierstrass::Affine<P>,
) -> Result<(), DecodeError> {
    if !point.is_on_curve() {
        return Err(DecodeError::NotOnCurve);
    }
    if !point.is_in_correct_subgroup_assuming_on_curve() {
        return Err(DecodeError::WrongSubgroup);
    }
    Ok(())
}

fn edwards(point: &EdwardsAffine) -> Result<(), DecodeError> {
    if point.is_zero() {
        return Err(DecodeError::Identity);
    }
    if !point.is_on_curve() {
        return Err(DecodeError::NotOnCurve);
    }
    if !point.is_in_correct_subgroup_assuming_on_curve() {
        return Err(DecodeError::WrongSubgroup);
    }
    Ok(())
}

point!(
    /// A point of BN254's first group other than the neutral element: 32 bytes.
    G1Point,
    G1Affine,
    32,
    weierstrass
);
point!(
    /// A point of BN254's first group, the neutral element included: 32 bytes.
    G1OrZero,
    G1Affine,
    32,
    weierstrass_or_zero
);
point!(
    /// A point of BN254's second group other than the neutral element: 64 bytes.
    G2Point,
    G2Affine,
    64,
    weierstrass
);
point!(
    /// A point of prime order on the twisted Edwards curve over BN254's scalar field: 32 bytes.
    JubPoint,
    EdwardsAffine,
    32,
    edwards
);

impl JubPoint {
    /// The generator of the prime-order subgroup.
    #[must_use]
    pub fn generator() -> Self {
        Self(EdwardsAffine::generator())
    }

    /// `scalar` times this point.
    ///
    /// # Errors
    /// [`DecodeError::Identity`] if the scalar is zero.
    pub fn times(&self, scalar: &ark_ed_on_bn254::Fr) -> Result<Self, DecodeError> {
        Self::new((self.0 * scalar).into_affine())
    }
}

impl G1OrZero {
    /// The difference to a point.
    #[must_use]
    pub fn minus(&self, point: &G1Point) -> Self {
        Self((self.0.into_group() - point.0).into_affine())
    }

    /// Whether it is the neutral element.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }
}

impl From<G1Point> for G1OrZero {
    fn from(point: G1Point) -> Self {
        Self(point.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ark_bn254::{Fq, Fq2};
    use ark_ff::{AdditiveGroup, Field};

    /// A point of the twist outside the subgroup: BN254's second group has a cofactor.
    fn outside_subgroup() -> G2Affine {
        let mut x = Fq2::new(Fq::from(1u64), Fq::from(0u64));
        loop {
            if let Some(point) = G2Affine::get_point_from_x_unchecked(x, false)
                && !point.is_in_correct_subgroup_assuming_on_curve()
            {
                return point;
            }
            x += Fq2::ONE;
        }
    }

    #[test]
    fn points_round_trip() {
        let g1 = G1Point::new(G1Affine::generator()).unwrap();
        assert_eq!(borsh::from_slice::<G1Point>(&borsh::to_vec(&g1).unwrap()).unwrap(), g1);
        assert_eq!(g1.to_string().parse(), Ok(g1));
        let g2 = G2Point::new(G2Affine::generator()).unwrap();
        assert_eq!(borsh::from_slice::<G2Point>(&borsh::to_vec(&g2).unwrap()).unwrap(), g2);
        let jub = JubPoint::generator().times(&ark_ed_on_bn254::Fr::from(77u64)).unwrap();
        assert_eq!(JubPoint::from_bytes(&jub.to_bytes()), Ok(jub));
        let zero = G1OrZero::new(G1Affine::zero()).unwrap();
        assert_eq!(G1OrZero::from_bytes(&zero.to_bytes()), Ok(zero));
    }

    #[test]
    fn adversary_12_malformed_points_are_refused() {
        let infinity = encode::<_, 32>(&G1Affine::zero());
        assert_eq!(G1Point::from_bytes(&infinity), Err(DecodeError::Identity));
        assert_eq!(G2Point::from_bytes(&encode(&G2Affine::zero())), Err(DecodeError::Identity));
        // All bits set: the coordinate is not below the modulus.
        assert_eq!(G1Point::from_bytes(&[0xff; 32]), Err(DecodeError::NotOnCurve));
        // An abscissa without an ordinate: 0³ + 3 is no square, nor is 4³ + 3.
        let absent =
            (0u64..).find(|x| G1Affine::get_point_from_x_unchecked(Fq::from(*x), false).is_none());
        let mut off_curve = [0u8; 32];
        off_curve[..8].copy_from_slice(&absent.unwrap().to_le_bytes());
        assert_eq!(G1Point::from_bytes(&off_curve), Err(DecodeError::NotOnCurve));
        // Infinity with a coordinate: decodes in a lenient reader, but has a second encoding.
        let mut dirty = infinity;
        dirty[0] = 1;
        assert_eq!(G1OrZero::from_bytes(&dirty), Err(DecodeError::NotOnCurve));
        let stranger = outside_subgroup();
        assert_eq!(G2Point::from_bytes(&encode(&stranger)), Err(DecodeError::WrongSubgroup));
        // The twin without a fault.
        assert!(G2Point::from_bytes(&encode(&G2Affine::generator())).is_ok());
        assert!(borsh::from_slice::<G1Point>(&[1; 33]).is_err());
    }

    #[test]
    fn low_order_delivery_keys_are_refused() {
        let identity = EdwardsAffine::zero();
        assert_eq!(JubPoint::from_bytes(&encode(&identity)), Err(DecodeError::Identity));
        // (0, −1) has order two.
        let two = EdwardsAffine::new_unchecked(
            ark_ed_on_bn254::Fq::ZERO,
            -ark_ed_on_bn254::Fq::from(1u64),
        );
        assert_eq!(JubPoint::from_bytes(&encode(&two)), Err(DecodeError::WrongSubgroup));
        // A point of full order: generator plus a point of order two.
        let full = (EdwardsAffine::generator() + two).into_affine();
        assert_eq!(JubPoint::from_bytes(&encode(&full)), Err(DecodeError::WrongSubgroup));
        assert!(JubPoint::from_bytes(&encode(&EdwardsAffine::generator())).is_ok());
    }
}
