#![allow(clippy::unwrap_used)]

use ark_bn254::{G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::UniformRand;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

use super::*;

/// Multiples of few points, so that equal, opposite and neutral ones meet in a bucket.
fn bases<P: Curve>(count: usize, distinct: u64, rng: &mut ChaCha20Rng) -> Vec<Affine<P>> {
    let points: Vec<Projective<P>> = (0..count)
        .map(|_| {
            let factor = Fr::from(rng.gen_range(0..=distinct));
            let factor = if rng.r#gen() { factor } else { -factor };
            Projective::<P>::from(Affine::<P>::generator()) * factor
        })
        .collect();
    Projective::normalize_batch(&points)
}

fn scalar(rng: &mut ChaCha20Rng) -> Fr {
    let small = Fr::from(rng.r#gen::<u64>() >> rng.gen_range(0..64));
    match rng.gen_range(0..5) {
        0 => Fr::rand(rng),
        1 => small,
        2 => -small,
        3 => Fr::from(rng.gen_range(0..3u64)),
        _ => -Fr::from(rng.gen_range(0..3u64)),
    }
}

#[test]
fn agrees_with_arkworks() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for (count, distinct) in [(0, 1), (1, 1), (12, 3), (13, 3), (100, 2), (700, 1 << 40)] {
        for all_full in [false, true] {
            let scalars: Vec<Fr> = (0..count)
                .map(|_| if all_full { Fr::rand(&mut rng) } else { scalar(&mut rng) })
                .collect();
            let first: Vec<G1Affine> = bases(count, distinct, &mut rng);
            assert_eq!(sum(&first, &scalars), G1Projective::msm_unchecked(&first, &scalars));
            let second: Vec<G2Affine> = bases(count, distinct, &mut rng);
            assert_eq!(sum(&second, &scalars), G2Projective::msm_unchecked(&second, &scalars));
        }
    }
}

#[test]
fn large_sums_agree_with_arkworks() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let few: Vec<G1Affine> = bases(1 << 10, 1 << 50, &mut rng);
    let first: Vec<G1Affine> = few.iter().cycle().take(20_000).copied().collect();
    for all_full in [false, true] {
        let scalars: Vec<Fr> = (0..first.len())
            .map(|_| if all_full { Fr::rand(&mut rng) } else { scalar(&mut rng) })
            .collect();
        assert_eq!(sum(&first, &scalars), G1Projective::msm_unchecked(&first, &scalars));
    }
}

#[test]
fn extreme_scalars_keep_their_digits() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let half = -Fr::ONE / Fr::from(2u64);
    for scalar in [Fr::ONE, -Fr::ONE, half, half + Fr::ONE, half - Fr::ONE] {
        for count in [1, 13, 200, 3_000] {
            let points: Vec<G1Affine> = bases(count, 5, &mut rng);
            let all = vec![scalar; count];
            let expected = points.iter().copied().sum::<G1Projective>() * scalar;
            assert_eq!(sum(&points, &all), expected, "{count} times {scalar}");
        }
    }
}

#[test]
fn kept_multiples_agree_with_arkworks() {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let half = -Fr::ONE / Fr::from(2u64);
    let edges =
        [Fr::ZERO, Fr::ONE, -Fr::ONE, half, half + Fr::ONE, Fr::from(63u64), -Fr::from(64u64)];
    for (count, distinct) in [(0, 1), (1, 1), (3, 2), (40, 1 << 40)] {
        let points: Vec<G1Affine> = bases(count, distinct, &mut rng);
        let table = Table::new(&points);
        for edge in edges {
            let all = vec![edge; count];
            assert_eq!(table.sum(&all), G1Projective::msm_unchecked(&points, &all), "{edge}");
        }
        for _ in 0..10 {
            let scalars: Vec<Fr> = (0..count).map(|_| scalar(&mut rng)).collect();
            assert_eq!(table.sum(&scalars), G1Projective::msm_unchecked(&points, &scalars));
        }
        // The shorter list says how many.
        assert_eq!(table.sum(&[]), G1Projective::zero());
    }
}

#[test]
fn small_scalars_agree_with_full_ones() {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    for bits in [1, 8, 9, 16, 32, 63, 64] {
        for count in [5, 50, 6_000] {
            let points: Vec<G1Affine> = bases(count, 1_000, &mut rng);
            let mut cells: Vec<u64> =
                (0..count).map(|_| rng.r#gen::<u64>() >> (64 - bits)).collect();
            cells[0] = u64::MAX >> (64 - bits);
            let scalars: Vec<Fr> = cells.iter().map(|cell| Fr::from(*cell)).collect();
            assert_eq!(sum_small(&points, &cells), G1Projective::msm_unchecked(&points, &scalars));
        }
    }
}
