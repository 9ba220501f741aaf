//! Sums over the same few bases again and again, as those of a verifying key: the odd multiples of each
//! base are kept, and the signed digits of all scalars are walked through together, so that doublings
//! are shared (Möller, "Algorithms for Multi-exponentiation", SAC 2001, section 3.2). Depends on
//! arkworks' curves. Running time depends on the scalars, which are public.

use std::fmt;

use ark_bn254::Fr;
use ark_ec::CurveGroup;
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ff::{AdditiveGroup, BigInteger, PrimeField, Zero};

use super::Curve;

/// Bits of a digit. Half of the odd ones below are kept, as the others are their opposites: 2 KiB a base.
const WIDTH: usize = 7;
const KEPT: usize = 1 << (WIDTH - 2);

/// Some bases with their odd multiples `1, 3, … 2^(WIDTH−1) − 1`.
#[derive(Clone)]
pub(crate) struct Table<P: Curve>(Vec<Affine<P>>);

impl<P: Curve> fmt::Debug for Table<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table of {} bases", self.0.len() / KEPT)
    }
}

impl<P: Curve> Table<P> {
    pub fn new(bases: &[Affine<P>]) -> Self {
        let multiples = bases.iter().flat_map(|base| {
            let first = Projective::<P>::from(*base);
            let step = first.double();
            std::iter::successors(Some(first), move |last| Some(*last + step)).take(KEPT)
        });
        Self(Projective::normalize_batch(&multiples.collect::<Vec<_>>()))
    }

    /// `Σ scalar·base`, up to the shorter of both lists.
    pub fn sum(&self, scalars: &[Fr]) -> Projective<P> {
        let digits: Vec<Vec<i64>> = scalars
            .iter()
            .map(|scalar| scalar.into_bigint().find_wnaf(WIDTH).unwrap_or_default())
            .collect();
        let longest = digits.iter().map(Vec::len).max().unwrap_or(0);
        let mut total = Projective::zero();
        for place in (0..longest).rev() {
            total.double_in_place();
            for (digits, multiples) in digits.iter().zip(self.0.chunks(KEPT)) {
                let digit = digits.get(place).copied().unwrap_or(0);
                if digit == 0 {
                    continue;
                }
                let multiple = &multiples[digit.unsigned_abs() as usize / 2];
                if digit > 0 {
                    total += multiple;
                } else {
                    total -= multiple;
                }
            }
        }
        total
    }
}
