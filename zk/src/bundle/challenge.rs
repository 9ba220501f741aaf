//! What is drawn from commitments: the combination of columns and the padding, then the challenge.
//!
//! First every column is committed to; the combination and the padding are drawn from all of them.
//! Then every statement commits to its inputs; the challenge is drawn from all of these, in the order
//! of the bundle, and from the place that the bundle is for. Depends on [`crate::field`] only.

use ark_bn254::Fr;
use ark_ff::Field;

use super::{BlockClaims, BundleContext};
use crate::committed::Commitment;
use crate::field::{Scalar, hash_to_scalar, scalar_bytes};
use crate::point::G1Point;

/// What combines the columns of a block: drawn from every commitment, and from the block's place.
pub(super) struct Mix {
    rho: Fr,
    /// Stands in the padding rows of the combined column. It depends on every commitment through ρ:
    /// no cell could have been chosen to equal it.
    pub padding: Fr,
}

impl Mix {
    pub fn new(context: &BundleContext, claims: &BlockClaims) -> Self {
        let mut parts = place(context);
        parts.push(claims.block_rows.to_le_bytes().to_vec());
        parts.push(claims.rows.to_le_bytes().to_vec());
        parts.extend(claims.commitments.iter().map(|point| point.to_bytes().to_vec()));
        let rho = hash("galen/columns/1", &parts);
        let padding = hash("galen/padding/1", &[scalar_bytes(&rho).to_vec(), b"pad".to_vec()]);
        Self { rho, padding }
    }

    /// What stands in the padding rows of a column on its own.
    pub fn column_padding(&self, column: u32) -> Fr {
        let (rho, column) = (scalar_bytes(&self.rho).to_vec(), column.to_le_bytes().to_vec());
        hash("galen/column-padding/1", &[rho, column, b"pad".to_vec()])
    }

    /// `ρ^{c+1}` of a column.
    pub fn factor(&self, column: u32) -> Fr {
        self.rho.pow([u64::from(column).saturating_add(1)])
    }

    /// The verifier's `Y = (1 − ζ)·y + t·(ζ^n − ζ^N)` for the differences of the combined column.
    pub fn differences(&self, claims: &BlockClaims, zeta: Fr, combined: Fr) -> Fr {
        let power = |exponent: u32| zeta.pow([u64::from(exponent)]);
        (Fr::ONE - zeta) * combined + self.padding * (power(claims.rows) - power(claims.block_rows))
    }
}

fn hash(tag: &str, parts: &[Vec<u8>]) -> Fr {
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    hash_to_scalar(tag, &parts)
}

fn place(context: &BundleContext) -> Vec<Vec<u8>> {
    vec![
        context.package.to_vec(),
        context.institution.to_vec(),
        context.table.to_le_bytes().to_vec(),
        context.block.to_le_bytes().to_vec(),
    ]
}

/// What the challenge depends on, for one statement.
pub(super) struct Committed<'a> {
    pub circuit: &'a str,
    pub key: [u8; 32],
    pub inputs: &'a [Scalar],
    pub commitment: &'a Commitment,
    pub auxiliary: &'a [G1Point],
}

/// `ζ`: drawn after everything that a statement speaks of is fixed.
pub(super) fn challenge(context: &BundleContext, mix: &Mix, statements: &[Committed<'_>]) -> Fr {
    let mut parts = place(context);
    parts.push(scalar_bytes(&mix.rho).to_vec());
    for statement in statements {
        parts.push(statement.circuit.as_bytes().to_vec());
        parts.push(statement.key.to_vec());
        parts.push(statement.inputs.iter().flat_map(Scalar::to_bytes).collect());
        parts.push(statement.commitment.values.to_bytes().to_vec());
        parts.push(statement.commitment.knowledge.to_bytes().to_vec());
        parts.push(statement.auxiliary.iter().flat_map(G1Point::to_bytes).collect());
    }
    hash("galen/challenge/1", &parts)
}
