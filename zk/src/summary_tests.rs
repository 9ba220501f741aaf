#![allow(clippy::unwrap_used)]

use ark_ff::{AdditiveGroup, UniformRand};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;
use crate::commitment::evaluate;
use crate::setup;

fn powers() -> SummaryPowers {
    SummaryPowers::new(&setup::summary_powers(), &tau()).unwrap()
}

fn tau() -> G2Point {
    G2Point::new(setup::tau_g2()).unwrap()
}

fn block(cells: &[u64]) -> Summary {
    cells.iter().fold(Summary::default(), |summary, cell| {
        summary.with_cell(*cell, (*cell as usize).min(BINS)).unwrap()
    })
}

fn blinders(rng: &mut ChaCha20Rng) -> [Fr; SUMMARY_BLINDERS] {
    std::array::from_fn(|_| Fr::rand(rng))
}

#[test]
fn numbers_are_those_of_the_cells() {
    let summary = block(&[3, 0, 1, 40, 3, 0, 0]);
    assert_eq!((summary.count, summary.missing), (4, 3));
    assert_eq!((summary.sum, summary.sum_squares), (47, 9 + 1 + 1600 + 9));
    assert_eq!((summary.bins[0], summary.bins[2], summary.bins[31]), (1, 2, 1));
    assert!(summary.is_consistent());
    assert!(!Summary { count: 5, ..summary.clone() }.is_consistent());
    let scalars = summary.scalars();
    assert_eq!(scalars[..5], [4u64, 3, 47, 1619, 1].map(Fr::from));
    assert_eq!(scalars[35], Fr::from(1u64));
    assert_eq!(Summary::default().with_cell(1, 0), None);
    assert_eq!(Summary::default().with_cell(1, 33), None);
    let largest = block(&[u64::MAX - 1]);
    assert_eq!(largest.with_cell(u64::MAX, 32), None, "squares do not fit");
    let full = Summary { count: u64::MAX, ..Summary::default() };
    assert_eq!(full.checked_add(&summary), None);
    let two = block(&[3, 0, 1]).checked_add(&block(&[40, 3, 0, 0])).unwrap();
    assert_eq!(two, summary);
}

#[test]
fn encodings_are_bounded_and_canonical() {
    let summary = Summary { sum: 1 << 100, ..block(&[1, 2]) };
    let bytes = borsh::to_vec(&summary).unwrap();
    assert_eq!(bytes.len(), 8 + 8 + 16 + 16 + 8 * BINS);
    assert_eq!(borsh::from_slice::<Summary>(&bytes).unwrap(), summary);
    assert!(borsh::from_slice::<Summary>(&[bytes.as_slice(), &[0]].concat()).is_err());
    assert!(borsh::from_slice::<Summary>(&bytes[1..]).is_err());
    let json = serde_json::to_string(&summary).unwrap();
    assert!(json.contains("\"1267650600228229401496703205376\""));
    assert_eq!(serde_json::from_str::<Summary>(&json).unwrap(), summary);
    for other in ["\"05\"", "\"+5\"", "\"-5\"", "5", "\"\""] {
        let wrong = json.replace("\"1267650600228229401496703205376\"", other);
        assert!(serde_json::from_str::<Summary>(&wrong).is_err(), "{other}");
    }
}

#[test]
fn adversary_18a_totals_of_other_blocks_are_refused() {
    let powers = powers();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let blocks = [block(&[1, 2, 2, 0]), block(&[5, 5, 5]), block(&[0, 31, 9])];
    let secrets: Vec<_> = blocks.iter().map(|_| blinders(&mut rng)).collect();
    let commitments: Vec<G1Point> = blocks
        .iter()
        .zip(&secrets)
        .map(|(block, secret)| powers.commit_summary(block, secret).unwrap())
        .collect();
    let totals = blocks.iter().try_fold(Summary::default(), |sum, b| sum.checked_add(b)).unwrap();
    let sums: [Fr; 3] = std::array::from_fn(|j| secrets.iter().map(|r| r[j]).sum());
    assert!(powers.opens_to(&commitments, &totals, &sums));
    // One block left out, one counted twice.
    assert!(!powers.opens_to(&commitments[1..], &totals, &sums));
    assert!(!powers.opens_to(commitments.iter().chain(&commitments[..1]), &totals, &sums));
    // Every number, and every blinder, counts.
    let mut moved = totals.clone();
    moved.bins[1] -= 1;
    moved.bins[2] += 1;
    assert!(!powers.opens_to(&commitments, &moved, &sums));
    for change in [
        Summary { count: totals.count + 1, ..totals.clone() },
        Summary { missing: totals.missing + 1, ..totals.clone() },
        Summary { sum: totals.sum + 1, ..totals.clone() },
        Summary { sum_squares: totals.sum_squares + 1, ..totals.clone() },
    ] {
        assert!(!powers.opens_to(&commitments, &change, &sums));
    }
    for j in 0..SUMMARY_BLINDERS {
        let mut other = sums;
        other[j] += Fr::ONE;
        assert!(!powers.opens_to(&commitments, &totals, &other));
    }
    // Without any block there is only nothing.
    assert!(powers.opens_to(&[], &Summary::default(), &[Fr::zero(); 3]));
}

#[test]
fn a_commitment_is_one_in_the_reference_string_of_columns() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let (summary, secret, zeta) = (block(&[1, 7, 0]), blinders(&mut rng), Fr::rand(&mut rng));
    let coefficients = summary.coefficients(&secret);
    assert_eq!(coefficients.len(), SUMMARY_POWERS);
    let srs = setup::generate_srs();
    let point = powers().commit_summary(&summary, &secret).unwrap();
    assert_eq!(point.affine(), srs.commit_coefficients(&coefficients).unwrap().affine());
    let value = evaluate(&coefficients, zeta);
    let lambda = crate::commitment::batching_factor(&zeta, &[value]);
    let witness = srs.open(zeta, &[coefficients], lambda).unwrap();
    let opens = |value| {
        crate::commitment::opens(&setup::tau_g2(), zeta, &[(*point.affine(), value)], &witness)
    };
    assert!(opens(value));
    assert!(!opens(value + Fr::ONE));
}

#[test]
fn powers_that_do_not_belong_together_are_refused() {
    let (good, tau) = (setup::summary_powers(), tau());
    let reason = |points: &[G1Point]| SummaryPowers::new(points, &tau).unwrap_err().0;
    assert!(reason(&good[1..]).contains("38 powers"));
    assert!(reason(&[]).contains("0 powers"));
    let mut swapped = good.clone();
    swapped.swap(5, 6);
    assert!(reason(&swapped).contains("belong together"));
    let mut last = good.clone();
    last[38] = last[37];
    assert!(reason(&last).contains("belong together"));
    let mut first = good.clone();
    first[0] = first[1];
    assert!(reason(&first).contains("generator"));
    // Powers of another τ.
    let other = G2Point::new((*tau.affine() + G2Affine::generator()).into_affine()).unwrap();
    assert!(SummaryPowers::new(&good, &other).is_err());
    assert_eq!(SummaryPowers::new(&good, &tau).unwrap().to_bytes().len(), 39 * 32);
}

/// Points that are no powers, and a τ made for them once the combination is known: it must depend on
/// τ as well.
#[test]
fn no_tau_can_be_fitted_to_points_that_are_no_powers() {
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let mut secrets: Vec<Fr> = (0..SUMMARY_POWERS).map(|_| Fr::rand(&mut rng)).collect();
    secrets[0] = Fr::ONE;
    let points: Vec<G1Point> = secrets
        .iter()
        .map(|secret| G1Point::new((G1Affine::generator() * secret).into_affine()).unwrap())
        .collect();
    let bytes: Vec<[u8; 32]> = points.iter().map(G1Point::to_bytes).collect();
    let parts: Vec<&[u8]> = bytes.iter().map(<[u8; 32]>::as_slice).collect();
    for tag in ["galen/powers/1", "galen/powers/2"] {
        let lambda = hash_to_scalar(tag, &parts);
        let sum =
            |of: &[Fr]| of.iter().rev().fold(Fr::ZERO, |sum: Fr, secret| sum * lambda + secret);
        let tau = sum(&secrets[1..]) / sum(&secrets[..SUMMARY_POWERS - 1]);
        let tau = G2Point::new((G2Affine::generator() * tau).into_affine()).unwrap();
        assert!(SummaryPowers::new(&points, &tau).is_err());
    }
}
