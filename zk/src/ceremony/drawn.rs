//! How the public tools hash points and draw numbers and points from a digest: the conventions of the
//! `.zkey` format's proofs of knowledge, which both sides of a history must share.
//!
//! A generator of ChaCha20 is seeded with the eight big-endian words of a digest. Numbers are drawn in
//! Montgomery form, by rejection; points by their abscissa, and are moved into the prime-order subgroup
//! by its cofactor. Nothing here is secret. Depends on arkworks' types only.

use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine, G2Projective};
use ark_ec::short_weierstrass::SWCurveConfig;
use ark_ec::{AdditiveGroup, AffineRepr, CurveConfig, CurveGroup};
use ark_ff::{BigInt, BigInteger, BitIteratorBE, Field, PrimeField, Zero};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sha2::{Digest, Sha256};

use super::container::{NUMBER, POINT_1, POINT_2};

/// Bits of both fields.
const FIELD_BITS: u32 = 254;

/// The coordinates as big-endian numbers; zero bytes for the neutral point.
pub(super) fn big_endian_1(point: &G1Affine) -> [u8; POINT_1] {
    let mut bytes = [0u8; POINT_1];
    if let Some((x, y)) = point.xy() {
        fill(&mut bytes, [x, y]);
    }
    bytes
}

/// The same in the second group, the greater part of each coordinate first.
pub(super) fn big_endian_2(point: &G2Affine) -> [u8; POINT_2] {
    let mut bytes = [0u8; POINT_2];
    if let Some((x, y)) = point.xy() {
        fill(&mut bytes, [x.c1, x.c0, y.c1, y.c0]);
    }
    bytes
}

fn fill<const N: usize>(bytes: &mut [u8], numbers: [Fq; N]) {
    for (chunk, number) in bytes.chunks_exact_mut(NUMBER).zip(numbers) {
        let number = number.into_bigint().to_bytes_be();
        chunk.copy_from_slice(&number);
    }
}

/// The generator that a digest's first 32 bytes seed.
pub(super) fn generator(digest: &[u8]) -> ChaCha20Rng {
    let mut seed = [0u8; 32];
    for (word, bytes) in seed.chunks_exact_mut(4).zip(digest.chunks_exact(4)) {
        // Words are big-endian in the digest and little-endian in the cipher.
        word.copy_from_slice(bytes);
        word.reverse();
    }
    ChaCha20Rng::from_seed(seed)
}

/// The generator that a public random value seeds, by `2^iterations` hashes.
pub(super) fn beacon_generator(value: &[u8], iterations: u8) -> ChaCha20Rng {
    let mut digest: [u8; 32] = Sha256::digest(value).into();
    for _ in 1..(1u64 << iterations) {
        digest = Sha256::digest(digest).into();
    }
    generator(&digest)
}

/// 254 random bits, as the four words of a number in memory.
fn words(rng: &mut ChaCha20Rng) -> BigInt<4> {
    let mut limbs = [0u64; 4];
    for limb in &mut limbs {
        let high = u64::from(rng.next_u32());
        *limb = (high << 32) | u64::from(rng.next_u32());
    }
    if let Some(last) = limbs.last_mut() {
        *last &= u64::MAX >> (u64::BITS * 4 - FIELD_BITS);
    }
    BigInt::new(limbs)
}

/// A scalar.
pub(super) fn scalar(rng: &mut ChaCha20Rng) -> Fr {
    loop {
        let words = words(rng);
        if words < Fr::MODULUS {
            return Fr::new_unchecked(words);
        }
    }
}

fn coordinate(rng: &mut ChaCha20Rng) -> Fq {
    loop {
        let words = words(rng);
        if words < Fq::MODULUS {
            return Fq::new_unchecked(words);
        }
    }
}

fn is_greater_half(value: &Fq) -> bool {
    value.into_bigint() > Fq::MODULUS_MINUS_ONE_DIV_TWO
}

fn is_greater_half_2(value: &Fq2) -> bool {
    is_greater_half(if value.c1.is_zero() { &value.c0 } else { &value.c1 })
}

/// The ordinate of a drawn abscissa, the greater one if `greater`.
fn ordinate<C: SWCurveConfig>(
    x: C::BaseField,
    greater: bool,
    is_greater: fn(&C::BaseField) -> bool,
) -> Option<C::BaseField> {
    let y = (x.square() * x + C::COEFF_B).sqrt()?;
    if y.is_zero() {
        return None;
    }
    Some(if is_greater(&y) == greater { y } else { -y })
}

/// A point of the first group.
pub(super) fn point_1(rng: &mut ChaCha20Rng) -> G1Affine {
    loop {
        let x = coordinate(rng);
        let greater = rng.next_u32() & 1 == 1;
        if let Some(y) = ordinate::<ark_bn254::g1::Config>(x, greater, is_greater_half) {
            return G1Affine::new_unchecked(x, y);
        }
    }
}

/// A point of the second group.
pub(super) fn point_2(rng: &mut ChaCha20Rng) -> G2Affine {
    loop {
        let x = Fq2::new(coordinate(rng), coordinate(rng));
        let greater = rng.next_u32() & 1 == 1;
        if let Some(y) = ordinate::<ark_bn254::g2::Config>(x, greater, is_greater_half_2) {
            return into_group(&G2Affine::new_unchecked(x, y));
        }
    }
}

/// Times the cofactor, by doubling and adding: multiplication by scalars is for the subgroup only.
fn into_group(point: &G2Affine) -> G2Affine {
    let mut product = G2Projective::zero();
    for bit in BitIteratorBE::without_leading_zeros(ark_bn254::g2::Config::COFACTOR) {
        product.double_in_place();
        if bit {
            product += point;
        }
    }
    product.into_affine()
}
