//! Hiding polynomial commitments to columns, and their openings.
//!
//! A column of `N` cells with eight blinders is the polynomial `Σ cell_r·X^r + Σ b_j·X^{N+j}`; its
//! commitment is that polynomial at a secret τ, in the exponent (Kate, Zaverucha and Goldberg,
//! "Constant-size commitments to polynomials", ASIACRYPT 2010). Commitments add up like their
//! columns. Eight blinders hide a column from its commitment and up to seven of its evaluations: who
//! opens columns must count. Depends on arkworks and on [`crate::field`], [`crate::point`].

use ark_bn254::{Bn254, Fr, G1Affine, G2Affine};
use ark_ec::pairing::Pairing;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, Field, One, Zero};

use crate::field::{DecodeError, hash_to_scalar, scalar_bytes};
use crate::msm;
use crate::point::{G1OrZero, G1Point};

/// Blinders of one column. One hides the commitment, each other one an evaluation.
pub const BLINDERS: usize = 8;

/// Why a column cannot be committed or opened.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CommitError {
    /// More cells than the block has rows, or a block larger than the reference string.
    #[error("{cells} cells in a block of {rows} rows, with parameters for {powers} powers")]
    Length {
        /// Cells given.
        cells: usize,
        /// Rows of the block.
        rows: usize,
        /// Powers in the reference string.
        powers: usize,
    },
    /// The commitment is the neutral element: the blinders were not random.
    #[error("the commitment is not a point: {0}")]
    Point(#[from] DecodeError),
}

/// The structured reference string of the prover: `[1]₁, [τ]₁, [τ²]₁, …`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Srs {
    powers: Vec<G1Affine>,
}

/// A column as its owner holds it.
#[derive(Clone, Debug)]
pub struct Column<'a> {
    /// Cells in row order; rows beyond are missing, which is zero.
    pub cells: &'a [u64],
    /// The column's blinders.
    pub blinders: [Fr; BLINDERS],
}

impl Srs {
    /// Takes powers of τ, lowest first.
    #[must_use]
    pub fn new(powers: Vec<G1Affine>) -> Self {
        Self { powers }
    }

    /// The powers of τ, lowest first.
    pub fn powers(&self) -> &[G1Affine] {
        &self.powers
    }

    /// Bases of the cells and of the blinders, for a block of `rows` rows.
    fn bases(&self, rows: usize, cells: usize) -> Result<(&[G1Affine], &[G1Affine]), CommitError> {
        let refused = CommitError::Length { cells, rows, powers: self.powers.len() };
        let end = rows.checked_add(BLINDERS).ok_or(refused.clone())?;
        match (self.powers.get(..cells), self.powers.get(rows..end)) {
            (Some(low), Some(high)) if cells <= rows => Ok((low, high)),
            _ => Err(refused),
        }
    }

    /// Commits to a column of a block with `rows` rows.
    ///
    /// # Errors
    /// [`CommitError`] when the column does not fit, or its blinders are degenerate.
    pub fn commit(&self, rows: usize, column: &Column<'_>) -> Result<G1Point, CommitError> {
        let (low, high) = self.bases(rows, column.cells.len())?;
        let hidden = msm::sum_small(low, column.cells) + msm::sum(high, &column.blinders);
        Ok(G1Point::new(hidden.into_affine())?)
    }

    /// Commits to a polynomial given by its coefficients, without hiding it.
    ///
    /// # Errors
    /// [`CommitError::Length`] when it has more coefficients than there are powers.
    pub fn commit_coefficients(&self, coefficients: &[Fr]) -> Result<G1OrZero, CommitError> {
        let refused = CommitError::Length {
            cells: coefficients.len(),
            rows: coefficients.len(),
            powers: self.powers.len(),
        };
        let low = self.powers.get(..coefficients.len()).ok_or(refused)?;
        Ok(G1OrZero::new(msm::sum(low, coefficients).into_affine())?)
    }

    /// Proves the values at `zeta` of several polynomials at once: the commitment `W` to
    /// `Σ λ^i (f_i − f_i(ζ)) / (X − ζ)`.
    ///
    /// # Errors
    /// [`CommitError::Length`] when a polynomial is too long.
    pub fn open(
        &self,
        zeta: Fr,
        polynomials: &[Vec<Fr>],
        lambda: Fr,
    ) -> Result<G1OrZero, CommitError> {
        let length = polynomials.iter().map(Vec::len).max().unwrap_or(0);
        let mut sum = vec![Fr::ZERO; length];
        let mut factor = Fr::ONE;
        for polynomial in polynomials {
            for (total, coefficient) in sum.iter_mut().zip(polynomial) {
                *total += factor * coefficient;
            }
            factor *= lambda;
        }
        // Synthetic division: the quotient's coefficients are the partial Horner sums.
        let mut carry = Fr::ZERO;
        let mut quotient: Vec<Fr> = sum
            .iter()
            .skip(1)
            .rev()
            .map(|coefficient| {
                carry = carry * zeta + coefficient;
                carry
            })
            .collect();
        quotient.reverse();
        self.commit_coefficients(&quotient)
    }
}

impl Column<'_> {
    /// The column's polynomial: `rows + 8` coefficients, constant first.
    #[must_use]
    pub fn coefficients(&self, rows: usize) -> Vec<Fr> {
        let mut all: Vec<Fr> = self.cells.iter().take(rows).map(|cell| Fr::from(*cell)).collect();
        all.resize(rows, Fr::ZERO);
        all.extend(self.blinders);
        all
    }
}

/// The value of a polynomial, given by its coefficients with the constant first.
#[must_use]
pub fn evaluate(coefficients: &[Fr], point: Fr) -> Fr {
    coefficients.iter().rev().fold(Fr::ZERO, |sum, coefficient| sum * point + coefficient)
}

/// The factor that joins openings into one: drawn after the point and every claimed value.
#[must_use]
pub fn batching_factor(zeta: &Fr, values: &[Fr]) -> Fr {
    let point = scalar_bytes(zeta);
    let bytes: Vec<[u8; 32]> = values.iter().map(scalar_bytes).collect();
    let mut parts: Vec<&[u8]> = vec![&point];
    parts.extend(bytes.iter().map(<[u8; 32]>::as_slice));
    hash_to_scalar("galen/opening/1", &parts)
}

/// Whether every commitment opens at `zeta` to its value, shown by one witness `W`:
/// `e(Σ λ^i (C_i − y_i·G) + ζ·W, [1]₂) = e(W, [τ]₂)`.
#[must_use]
pub fn opens(tau: &G2Affine, zeta: Fr, claims: &[(G1Affine, Fr)], witness: &G1OrZero) -> bool {
    let values: Vec<Fr> = claims.iter().map(|(_, value)| *value).collect();
    let lambda = batching_factor(&zeta, &values);
    let mut bases = Vec::with_capacity(claims.len().saturating_add(2));
    let mut scalars = Vec::with_capacity(claims.len().saturating_add(2));
    let mut factor = Fr::one();
    let mut constant = Fr::ZERO;
    for (commitment, value) in claims {
        bases.push(*commitment);
        scalars.push(factor);
        constant += factor * value;
        factor *= lambda;
    }
    bases.extend([G1Affine::generator(), *witness.affine()]);
    scalars.extend([-constant, zeta]);
    let left = msm::sum(&bases, &scalars).into_affine();
    let product = Bn254::multi_pairing([left, -*witness.affine()], [G2Affine::generator(), *tau]);
    product.is_zero()
}
