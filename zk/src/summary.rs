//! What a chart of a column is made of, and hiding commitments to it that add up.
//!
//! A [`Summary`] is one row block's share of a chart: how many cells are there and missing, their sum
//! and the sum of their squares, and how many fall into each bin. Its commitment is
//! `S = Σ s_t·[τ^t]₁ + r₁·[τ^36]₁ + r₂·[τ^37]₁ + r₃·[τ^38]₁` in the reference string of column
//! commitments ([`crate::commitment`]), so that it opens at a point together with them, and the
//! commitments of all blocks add up to one of the whole table's chart. Three blinders hide the block
//! from three looks: the commitment, one opening, and the published sum. A new commitment, with new
//! blinders, is made for every bundle.
//!
//! A verifier needs no more of the reference string than [`SummaryPowers`].

use ark_bn254::{Bn254, Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::pairing::Pairing;
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::{Field, Zero};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::field::{DecodeError, hash_to_scalar};
use crate::point::{G1Point, G2Point};
use crate::statement::Unsatisfied;

/// Bins of a chart, besides that of missing cells.
pub const BINS: usize = 32;

/// Numbers in a summary: count, missing, sum, sum of squares, bins.
pub const SUMMARY_TERMS: usize = 4 + BINS;

/// Blinders of a commitment to a summary.
pub const SUMMARY_BLINDERS: usize = 3;

/// Powers of τ that a commitment to a summary takes.
pub const SUMMARY_POWERS: usize = SUMMARY_TERMS + SUMMARY_BLINDERS;

/// Shares of a chart. Sums are in cells, the whole numbers that are committed; what they mean in the
/// column's unit is for the schema to say.
#[derive(
    Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Cells that are not missing.
    pub count: u64,
    /// Missing cells.
    pub missing: u64,
    /// Sum of the cells. A decimal text in JSON.
    #[serde(with = "decimal")]
    pub sum: u128,
    /// Sum of their squares. A decimal text in JSON.
    #[serde(with = "decimal")]
    pub sum_squares: u128,
    /// Cells in each bin; a chart of fewer bins has zeros at the end.
    pub bins: [u64; BINS],
}

impl Summary {
    /// The summary of two sets of rows together; nothing if a number does not fit.
    #[must_use]
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        let mut sum = Self {
            count: self.count.checked_add(other.count)?,
            missing: self.missing.checked_add(other.missing)?,
            sum: self.sum.checked_add(other.sum)?,
            sum_squares: self.sum_squares.checked_add(other.sum_squares)?,
            bins: self.bins,
        };
        for (bin, more) in sum.bins.iter_mut().zip(other.bins) {
            *bin = bin.checked_add(more)?;
        }
        Some(sum)
    }

    /// Counts one cell, where 0 is missing, into a bin from 1; nothing if there is no such bin or a
    /// number does not fit.
    #[must_use]
    pub fn with_cell(mut self, cell: u64, bin: usize) -> Option<Self> {
        if cell == 0 {
            self.missing = self.missing.checked_add(1)?;
            return Some(self);
        }
        let wide = u128::from(cell);
        self.count = self.count.checked_add(1)?;
        self.sum = self.sum.checked_add(wide)?;
        self.sum_squares = self.sum_squares.checked_add(wide.checked_mul(wide)?)?;
        let slot = self.bins.get_mut(bin.checked_sub(1)?)?;
        *slot = slot.checked_add(1)?;
        Some(self)
    }

    /// Whether the bins hold as many cells as there are. True of every proven summary.
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        let bins = self.bins.iter().try_fold(0u64, |sum, bin| sum.checked_add(*bin));
        bins == Some(self.count)
    }

    /// The numbers in their fixed order: count, missing, sum, sum of squares, bins.
    #[must_use]
    pub fn scalars(&self) -> [Fr; SUMMARY_TERMS] {
        let mut all = [Fr::zero(); SUMMARY_TERMS];
        let head = [
            Fr::from(self.count),
            Fr::from(self.missing),
            Fr::from(self.sum),
            Fr::from(self.sum_squares),
        ];
        for (slot, value) in all.iter_mut().zip(head.into_iter().chain(self.bins.map(Fr::from))) {
            *slot = value;
        }
        all
    }

    /// The committed polynomial, constant first: the numbers and then the blinders.
    #[must_use]
    pub fn coefficients(&self, blinders: &[Fr; SUMMARY_BLINDERS]) -> Vec<Fr> {
        self.scalars().into_iter().chain(*blinders).collect()
    }
}

/// 128-bit numbers as decimal text, since JSON's readers lose digits of large ones.
mod decimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        let text = String::deserialize(deserializer)?;
        let value: u128 = text.parse().map_err(D::Error::custom)?;
        // One text for one number: no sign, no leading zeros.
        if value.to_string() != text {
            return Err(D::Error::custom("not a canonical decimal number"));
        }
        Ok(value)
    }
}

/// The first powers of τ: `[1]₁, [τ]₁, …, [τ^38]₁`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SummaryPowers {
    powers: Vec<G1Affine>,
}

impl SummaryPowers {
    /// Checks that the points are the first powers of the τ in `[τ]₂`.
    ///
    /// # Errors
    /// In words: another number of points, a first one that is not the generator, or points that are
    /// not powers of that τ.
    pub fn new(points: &[G1Point], tau: &G2Point) -> Result<Self, Unsatisfied> {
        let wrong = |reason: String| Err(Unsatisfied(reason));
        if points.len() != SUMMARY_POWERS {
            return wrong(format!("{} powers of tau instead of {SUMMARY_POWERS}", points.len()));
        }
        let powers: Vec<G1Affine> = points.iter().map(|point| *point.affine()).collect();
        let (Some((first, later)), Some((_, earlier))) =
            (powers.split_first(), powers.split_last())
        else {
            return wrong("no powers of tau".into());
        };
        if *first != G1Affine::generator() {
            return wrong("the powers of tau do not begin with the generator".into());
        }
        // Σ λ^i·[τ^{i+1}] is τ times Σ λ^i·[τ^i], for a λ that depends on every point and on [τ]₂: a τ
        // chosen after λ would make the equation hold for other points.
        let bytes: Vec<[u8; G1Point::BYTES]> = points.iter().map(G1Point::to_bytes).collect();
        let secret = tau.to_bytes();
        let parts: Vec<&[u8]> = std::iter::once(secret.as_slice())
            .chain(bytes.iter().map(<[u8; G1Point::BYTES]>::as_slice))
            .collect();
        let lambda = hash_to_scalar("galen/powers/2", &parts);
        let factors: Vec<Fr> =
            std::iter::successors(Some(Fr::ONE), |factor| Some(*factor * lambda))
                .take(later.len())
                .collect();
        let sum = |bases: &[G1Affine]| G1Projective::msm_unchecked(bases, &factors).into_affine();
        let product = Bn254::multi_pairing(
            [sum(later), -sum(earlier)],
            [G2Affine::generator(), *tau.affine()],
        );
        if !product.is_zero() {
            return wrong("the powers of tau do not belong together".into());
        }
        Ok(Self { powers })
    }

    /// The points.
    #[must_use]
    pub fn points(&self) -> Vec<G1Point> {
        self.powers.iter().flat_map(|point| G1Point::new(*point)).collect()
    }

    /// Their canonical bytes, one after the other.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.points().iter().flat_map(G1Point::to_bytes).collect()
    }

    fn sum(&self, summary: &Summary, blinders: &[Fr; SUMMARY_BLINDERS]) -> G1Affine {
        G1Projective::msm_unchecked(&self.powers, &summary.coefficients(blinders)).into_affine()
    }

    /// Commits to a summary.
    ///
    /// # Errors
    /// When the result is the neutral element: the blinders were not random.
    pub fn commit_summary(
        &self,
        summary: &Summary,
        blinders: &[Fr; SUMMARY_BLINDERS],
    ) -> Result<G1Point, DecodeError> {
        G1Point::new(self.sum(summary, blinders))
    }

    /// Whether the commitments of all blocks add up to these totals, under the sums of their
    /// blinders. Costs one multi-scalar multiplication of 39 terms and an addition for each block.
    #[must_use]
    pub fn opens_to<'a>(
        &self,
        commitments: impl IntoIterator<Item = &'a G1Point>,
        totals: &Summary,
        blinders: &[Fr; SUMMARY_BLINDERS],
    ) -> bool {
        let sum: G1Projective = commitments.into_iter().map(G1Point::affine).sum();
        sum.into_affine() == self.sum(totals, blinders)
    }
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
