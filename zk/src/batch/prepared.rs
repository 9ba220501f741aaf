//! Points of the second group with the lines of their Miller loops. Depends on arkworks only.

use std::sync::OnceLock;

use ark_bn254::{Bn254, G2Affine};
use ark_ec::AffineRepr;
use ark_ec::pairing::Pairing;

/// Prepared points of the second group; lines of a Miller loop take about 17 KiB.
pub(crate) type Lines = <Bn254 as Pairing>::G2Prepared;

/// A point of the second group, ready for pairings.
#[derive(Clone, Debug)]
pub struct PreparedPoint {
    point: G2Affine,
    lines: Lines,
}

impl PreparedPoint {
    /// Computes the lines of a point, which takes about as long as using them once.
    #[must_use]
    pub fn new(point: G2Affine) -> Self {
        Self { point, lines: point.into() }
    }

    /// The point.
    pub fn point(&self) -> &G2Affine {
        &self.point
    }

    pub(crate) fn lines(&self) -> &Lines {
        &self.lines
    }

    /// `[1]₂`.
    pub(super) fn generator() -> &'static Self {
        static GENERATOR: OnceLock<PreparedPoint> = OnceLock::new();
        GENERATOR.get_or_init(|| Self::new(G2Affine::generator()))
    }
}
