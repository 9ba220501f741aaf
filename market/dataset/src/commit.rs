//! Commitments of columns, and the check of many of them at once.
//!
//! A buyer who rebuilds all commitments one by one would pay one multi-scalar multiplication for
//! each segment. Commitments are additively homomorphic, so `Σ ρ_i·C_i` must be the commitment of
//! `Σ ρ_i·column_i` with blinders `Σ ρ_i·blinders_i`, for weights `ρ_i` of 128 random bits drawn by
//! the checker: one multiplication for all, and a false commitment passes with probability 2^−128
//! (the small-exponent test of Bellare, Garay and Rabin, EUROCRYPT 1998). Depends on `galen_zk` and arkworks' multi-scalar multiplication.

use ark_bn254::{G1Affine, G1Projective};
use ark_ec::{CurveGroup, VariableBaseMSM};
use galen_market::layout::BlockRows;
use galen_market::segment::Leaf;
use galen_zk::commitment::{BLINDERS, Column, CommitError, Srs};
use galen_zk::field::{Fr, Scalar};
use galen_zk::point::G1Point;
use rand::RngCore;
use rand::rngs::OsRng;
use rayon::prelude::*;

/// Rows that one task combines.
const ROWS_A_TASK: usize = 2_048;

/// The commitment of a column's cells, padding left out (it is zero).
///
/// # Errors
/// [`CommitError`] if there are more cells than rows, or the parameters are too short.
pub fn commit(
    srs: &Srs,
    size: BlockRows,
    cells: &[u64],
    blinders: [Fr; BLINDERS],
) -> Result<G1Point, CommitError> {
    srs.commit(size.rows() as usize, &Column { cells, blinders })
}

/// Whether the parameters serve blocks of this size.
#[must_use]
pub fn serves(srs: &Srs, size: BlockRows) -> bool {
    srs.powers().len() >= size.rows() as usize + BLINDERS
}

/// A sum of columns, each under a random weight, and of the commitments that they should have.
pub struct Combination<'a> {
    srs: &'a Srs,
    size: BlockRows,
    /// 256-bit sums, little-endian limbs. A weight has 128 bits and a cell 64; a package has at
    /// most 2^24 segments, so a sum stays below 2^216 and below the field's modulus.
    rows: Vec<[u64; 4]>,
    blinders: [Fr; BLINDERS],
    claims: Vec<G1Affine>,
    weights: Vec<Fr>,
    malformed: bool,
}

/// One column of a block, opened.
pub struct OpenedColumn {
    /// Its cells.
    pub cells: Vec<u64>,
    /// The blinders that its key gives.
    pub blinders: [Fr; BLINDERS],
    /// The claim in its leaf.
    pub claim: [u8; 32],
}

impl<'a> Combination<'a> {
    /// Nothing yet.
    #[must_use]
    pub fn new(srs: &'a Srs, size: BlockRows) -> Self {
        Self {
            srs,
            size,
            rows: Vec::new(),
            blinders: [Fr::from(0u64); BLINDERS],
            claims: Vec::new(),
            weights: Vec::new(),
            malformed: false,
        }
    }

    /// Adds the columns of one row block.
    pub fn add(&mut self, columns: &[OpenedColumn]) {
        let weights: Vec<u128> = columns
            .iter()
            .map(|_| (u128::from(OsRng.next_u64()) << 64) | u128::from(OsRng.next_u64()))
            .collect();
        let longest = columns.iter().map(|c| c.cells.len()).max().unwrap_or(0);
        if longest > self.rows.len() {
            self.rows.resize(longest, [0; 4]);
        }
        self.rows.par_chunks_mut(ROWS_A_TASK).enumerate().for_each(|(task, sums)| {
            let from = task * ROWS_A_TASK;
            for (column, weight) in columns.iter().zip(&weights) {
                let Some(cells) = column.cells.get(from..) else { continue };
                for (sum, cell) in sums.iter_mut().zip(cells) {
                    add_product(sum, *weight, *cell);
                }
            }
        });
        for (column, weight) in columns.iter().zip(weights) {
            let weight = Fr::from(weight);
            for (sum, blinder) in self.blinders.iter_mut().zip(&column.blinders) {
                *sum += weight * *blinder;
            }
            match G1Point::from_bytes(&column.claim) {
                Ok(claim) => {
                    self.claims.push(*claim.affine());
                    self.weights.push(weight);
                }
                Err(_) => self.malformed = true,
            }
        }
    }

    /// Whether every claim is the commitment of its column.
    #[must_use]
    pub fn holds(&self) -> bool {
        if self.malformed {
            return false;
        }
        if self.claims.is_empty() {
            return true;
        }
        let coefficients: Option<Vec<Fr>> = self.rows.par_iter().map(wide).collect();
        let Some(mut coefficients) = coefficients else { return false };
        let rows = self.size.rows() as usize;
        if coefficients.len() > rows {
            return false;
        }
        coefficients.resize(rows, Fr::from(0u64));
        coefficients.extend(self.blinders);
        let claimed = G1Projective::msm_unchecked(&self.claims, &self.weights).into_affine();
        match self.srs.commit_coefficients(&coefficients) {
            Ok(rebuilt) => *rebuilt.affine() == claimed,
            Err(_) => false,
        }
    }
}

/// Adds `weight · cell` to a 256-bit sum.
fn add_product(sum: &mut [u64; 4], weight: u128, cell: u64) {
    const LOW: u128 = u64::MAX as u128;
    let cell = u128::from(cell);
    // Each product is below 2^128 − 2^65, so adding two 64-bit numbers does not overflow.
    let low = (weight & LOW) * cell + u128::from(sum[0]);
    let middle = (weight >> 64) * cell + u128::from(sum[1]) + (low >> 64);
    let (high, carry) = sum[2].overflowing_add((middle >> 64) as u64);
    sum[0] = (low & LOW) as u64;
    sum[1] = (middle & LOW) as u64;
    sum[2] = high;
    sum[3] += u64::from(carry);
}

fn wide(sum: &[u64; 4]) -> Option<Fr> {
    let mut bytes = [0u8; 32];
    for (chunk, limb) in bytes.chunks_exact_mut(8).zip(sum) {
        chunk.copy_from_slice(&limb.to_le_bytes());
    }
    Scalar::from_bytes(&bytes).ok().map(|scalar| scalar.0)
}

/// Whether the claim of one leaf is the commitment of these cells.
#[must_use]
pub fn claim_holds(
    srs: &Srs,
    size: BlockRows,
    leaf: &Leaf,
    cells: &[u64],
    blinders: [Fr; BLINDERS],
) -> bool {
    commit(srs, size, cells, blinders).is_ok_and(|point| point.to_bytes() == leaf.claim)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn wide_sums_are_field_sums(terms in prop::collection::vec((any::<u128>(), any::<u64>()), 0..40)) {
            let mut sum = [0u64; 4];
            let mut expected = Fr::from(0u64);
            for (weight, cell) in terms {
                add_product(&mut sum, weight, cell);
                expected += Fr::from(weight) * Fr::from(cell);
            }
            prop_assert_eq!(wide(&sum).unwrap(), expected);
        }
    }

    #[test]
    fn largest_products_do_not_overflow() {
        let mut sum = [0u64; 4];
        for _ in 0..5 {
            add_product(&mut sum, u128::MAX, u64::MAX);
        }
        let expected = Fr::from(u128::MAX) * Fr::from(u64::MAX) * Fr::from(5u64);
        assert_eq!(wide(&sum).unwrap(), expected);
    }
}
