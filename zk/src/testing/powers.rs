//! A file of powers of tau made by one party, who knew the secrets: for tests of what is built on it.

use ark_bn254::{Fq, Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{AffineRepr, CurveGroup, scalar_mul::ScalarMul};
use ark_ff::{Field, UniformRand};
use rand::{CryptoRng, RngCore};

use crate::ceremony::container::{bytes_1, bytes_2, modulus, write};

/// A `.ptau` file for domains up to `2^power`, not prepared for phase 2.
#[must_use]
pub fn powers_file<R: RngCore + CryptoRng>(power: u32, rng: &mut R) -> Vec<u8> {
    let [tau, alpha, beta] = std::array::from_fn(|_| Fr::rand(rng));
    let size = 1usize << power;
    let exponents: Vec<Fr> =
        std::iter::successors(Some(Fr::ONE), |last| Some(*last * tau)).take(2 * size - 1).collect();
    let one = G1Projective::from(G1Affine::generator());
    let first = |factor: Fr, count: usize| -> Vec<u8> {
        let scalars: Vec<Fr> = exponents.iter().take(count).map(|e| *e * factor).collect();
        one.batch_mul(&scalars).iter().flat_map(bytes_1).collect()
    };
    let two = G2Projective::from(G2Affine::generator());
    let second = two.batch_mul(exponents.get(..size).unwrap_or_default());
    let mut header = modulus::<Fq>();
    header.extend([power.to_le_bytes(), power.to_le_bytes()].concat());
    let sections = [
        (1, header),
        (2, first(Fr::ONE, 2 * size - 1)),
        (3, second.iter().flat_map(bytes_2).collect()),
        (4, first(alpha, size)),
        (5, first(beta, size)),
        (6, bytes_2(&(two * beta).into_affine()).to_vec()),
    ];
    let mut bytes = Vec::new();
    write(&mut bytes, b"ptau", 1, &sections).expect("memory takes every byte");
    bytes
}
