//! Sums of scalar multiples, `Σ s_i·P_i`: where a prover spends nearly all of its time.
//!
//! The bucket method with signed digits (Pippenger; Bernstein, Doumen, Lange and Oosterwijk,
//! <https://eprint.iacr.org/2012/549>), all of it in affine coordinates: additions that do not depend
//! on each other share one inversion (Montgomery), which leaves six products an addition where
//! extended coordinates need ten. Scalars above half of the order are taken as negative ones, so that
//! small values of either sign fill the low digits only; zero digits, zero scalars and neutral bases
//! cost next to nothing. The window is chosen by the lengths of the scalars at hand.
//!
//! Equal and opposite points are added rightly: bases are not assumed to be independent. Running time
//! depends on the scalars, as it does in arkworks: this is for machines that one party controls.
//! Depends on arkworks' curves and [`crate::product`].

mod adder;
mod fixed;

use ark_bn254::{Fq, Fq2, Fr};
use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, Projective, SWCurveConfig};
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField, Zero};
use rayon::prelude::*;

use adder::Adder;
pub(crate) use fixed::Table;

use crate::product::Product;

/// Sums of at most this many multiples are doubled and added: buckets would not fill.
const FEW: usize = 12;

/// Widest window in bits; its buckets still fit into the second cache.
const WIDEST: usize = 15;

/// Points whose additions share rounds of inversions: large enough that an inversion is cheap, small
/// enough that they stay in the second cache.
const LOT: usize = 4096;

/// A curve of BN254: either group.
pub trait Curve: SWCurveConfig<ScalarField = Fr, BaseField: Coordinate> {}

impl<P: SWCurveConfig<ScalarField = Fr, BaseField: Coordinate>> Curve for P {}

/// A field that points of BN254 have coordinates in.
pub trait Coordinate: Field {
    /// The product, in the way that is fastest for sums.
    #[must_use]
    fn times(&self, other: &Self) -> Self;

    /// The square, in the way that is fastest for sums.
    #[must_use]
    fn squared(&self) -> Self;
}

impl Coordinate for Fq {
    #[inline]
    fn times(&self, other: &Self) -> Self {
        self.product(other)
    }

    #[inline]
    fn squared(&self) -> Self {
        self.product(self)
    }
}

impl Coordinate for Fq2 {
    /// Karatsuba's three products, over `i² = −1`: half the time of arkworks' sums of products.
    fn times(&self, other: &Self) -> Self {
        let (low, high) = (self.c0.product(&other.c0), self.c1.product(&other.c1));
        let both = (self.c0 + self.c1).product(&(other.c0 + other.c1));
        Self::new(low - high, both - low - high)
    }

    /// Two products: `(a + b)·(a − b)` and `2·a·b`.
    fn squared(&self) -> Self {
        let real = (self.c0 + self.c1).product(&(self.c0 - self.c1));
        Self::new(real, self.c0.product(&self.c1).double())
    }
}

/// `Σ scalar·base`, up to the shorter of both lists.
pub fn sum<P: Curve>(bases: &[Affine<P>], scalars: &[Fr]) -> Projective<P> {
    let terms = bases
        .par_iter()
        .zip(scalars)
        .enumerate()
        .filter(|(_, (base, scalar))| !scalar.is_zero() && !base.is_zero())
        .map(|(index, (_, scalar))| {
            let limbs = scalar.into_bigint();
            let mut opposite = Fr::MODULUS;
            opposite.sub_with_borrow(&limbs);
            let negative = opposite < limbs;
            Term::new(index, if negative { opposite.0 } else { limbs.0 }, negative)
        })
        .collect();
    sum_terms(bases, terms)
}

/// `Σ scalar·base` of small scalars, up to the shorter of both lists.
pub fn sum_small<P: Curve>(bases: &[Affine<P>], scalars: &[u64]) -> Projective<P> {
    let terms = bases
        .iter()
        .zip(scalars)
        .enumerate()
        .filter(|(_, (base, scalar))| **scalar != 0 && !base.is_zero())
        .map(|(index, (_, scalar))| Term::new(index, [*scalar, 0, 0, 0], false))
        .collect();
    sum_terms(bases, terms)
}

/// A scalar that is not zero, by sign and magnitude, and which base it is for.
#[derive(Clone, Copy)]
struct Term {
    /// One limb more than a magnitude has: the offset of [`Windows`] overflows.
    limbs: [u64; 5],
    base: u32,
    negative: bool,
}

impl Term {
    fn new(base: usize, [a, b, c, d]: [u64; 4], negative: bool) -> Self {
        let base = u32::try_from(base).expect("no key has four billion points");
        Self { limbs: [a, b, c, d, 0], base, negative }
    }

    fn bits(&self) -> usize {
        let top = self.limbs.iter().rposition(|limb| *limb != 0).unwrap_or(0);
        top * 64 + 64 - self.limbs[top].leading_zeros() as usize
    }

    fn bit(&self, index: usize) -> bool {
        self.limbs[index / 64] >> (index % 64) & 1 == 1
    }

    fn add(&mut self, other: &[u64; 5]) {
        let mut carry = 0u128;
        for (limb, addend) in self.limbs.iter_mut().zip(other) {
            let sum = u128::from(*limb) + u128::from(*addend) + carry;
            *limb = sum as u64;
            carry = sum >> 64;
        }
    }

    /// `width` bits from `start`.
    fn slice(&self, start: usize, width: usize) -> u64 {
        let (limb, shift) = (start / 64, start % 64);
        let mut value = self.limbs.get(limb).map_or(0, |low| low >> shift);
        if shift > 0 {
            value |= self.limbs.get(limb + 1).map_or(0, |high| high << (64 - shift));
        }
        value & ((1u64 << width) - 1)
    }
}

fn sum_terms<P: Curve>(bases: &[Affine<P>], mut terms: Vec<Term>) -> Projective<P> {
    if terms.len() <= FEW {
        return few(bases, &terms);
    }
    let mut lengths = [0usize; 257];
    for term in &terms {
        lengths[term.bits()] += 1;
    }
    let windows = Windows::choose(&lengths);
    let offset = windows.offset();
    terms.par_iter_mut().for_each(|term| term.add(&offset));
    // A sum of few windows is split by its terms too, so that no core waits.
    let parts = if windows.count < rayon::current_num_threads() && terms.len() > LOT {
        rayon::current_num_threads()
    } else {
        1
    };
    let part = terms.len().div_ceil(parts);
    let totals: Vec<Projective<P>> = (0..windows.count * parts)
        .into_par_iter()
        .map(|job| {
            let terms = terms.chunks(part).nth(job % parts).unwrap_or_default();
            window_sum(bases, terms, &windows, job / parts)
        })
        .collect();
    totals.chunks(parts).rev().fold(Projective::zero(), |mut total, window| {
        for _ in 0..windows.width {
            total.double_in_place();
        }
        window.iter().fold(total, |total, part| total + part)
    })
}

/// Joint doubling and adding.
fn few<P: Curve>(bases: &[Affine<P>], terms: &[Term]) -> Projective<P> {
    let bits = terms.iter().map(Term::bits).max().unwrap_or(0);
    let mut total = Projective::zero();
    for bit in (0..bits).rev() {
        total.double_in_place();
        for term in terms.iter().filter(|term| term.bit(bit)) {
            let base = bases[term.base as usize];
            if term.negative {
                total -= base;
            } else {
                total += base;
            }
        }
    }
    total
}

/// How scalars are cut into signed digits from `−2^{width−1}` to `2^{width−1}`.
///
/// To every scalar the same offset is added, which has `2^{width−1}` in each window; a digit is then
/// what stands in its window less that, with no carry from window to window.
struct Windows {
    width: usize,
    count: usize,
}

impl Windows {
    /// The cheapest width for scalars of these lengths in bits.
    fn choose(lengths: &[usize; 257]) -> Self {
        let longest = lengths.iter().rposition(|count| *count != 0).unwrap_or(0);
        let cost = |width: &usize| {
            let digits: usize =
                lengths.iter().enumerate().map(|(bits, count)| count * (bits / width + 1)).sum();
            // Every bucket is walked through twice.
            digits + (longest / width + 1) * (2 << (width - 1))
        };
        let width = (2..=WIDEST).min_by_key(cost).unwrap_or(WIDEST);
        // The topmost digit takes the offset's carry, so the longest scalar leaves it a bit.
        Self { width, count: longest / width + 1 }
    }

    fn offset(&self) -> [u64; 5] {
        let mut offset = [0u64; 5];
        for window in 0..self.count {
            let bit = window * self.width + self.width - 1;
            offset[bit / 64] |= 1 << (bit % 64);
        }
        offset
    }

    fn digit(&self, term: &Term, window: usize) -> i64 {
        // A carry out of the topmost window stands in one bit more.
        let width = if window + 1 == self.count { self.width + 1 } else { self.width };
        term.slice(window * self.width, width) as i64 - (1 << (self.width - 1))
    }
}

/// The sum of one window, `Σ digit·base`.
fn window_sum<P: Curve>(
    bases: &[Affine<P>],
    terms: &[Term],
    windows: &Windows,
    window: usize,
) -> Projective<P> {
    // Counting sort of the bases by bucket.
    let mut starts = vec![0u32; (1 << (windows.width - 1)) + 2];
    let digits: Vec<i32> = terms
        .iter()
        .map(|term| {
            let digit = windows.digit(term, window);
            if digit != 0 {
                starts[digit.unsigned_abs() as usize] += 1;
            }
            (if term.negative { -digit } else { digit }) as i32
        })
        .collect();
    let mut total = 0;
    let mut highest = 0;
    for (bucket, start) in starts.iter_mut().enumerate() {
        if *start != 0 {
            highest = bucket;
        }
        let count = *start;
        *start = total;
        total += count;
    }
    let mut sorted = vec![(0u32, false); total as usize];
    for (term, digit) in terms.iter().zip(&digits) {
        if *digit != 0 {
            let place = &mut starts[digit.unsigned_abs() as usize];
            sorted[*place as usize] = (term.base, *digit < 0);
            *place += 1;
        }
    }
    if highest == 0 {
        return Projective::zero();
    }
    // Each start has moved to its bucket's end: bucket b is `starts[b − 1]..starts[b]`.
    let mut adder = Adder::default();
    let mut buckets = vec![Affine::<P>::identity(); highest];
    let mut points: Vec<Affine<P>> = Vec::with_capacity(LOT);
    let mut ranges: Vec<(usize, u32, u32)> = Vec::new();
    for bucket in 1..=highest {
        let (start, end) = (starts[bucket - 1] as usize, starts[bucket] as usize);
        if start == end {
            continue;
        }
        ranges.push((bucket - 1, points.len() as u32, (end - start) as u32));
        points.extend(sorted[start..end].iter().map(|(base, negative)| {
            let base = bases[*base as usize];
            if *negative { -base } else { base }
        }));
        if points.len() >= LOT || bucket == highest {
            adder.fold(&mut points, &mut ranges, &mut buckets);
        }
    }
    adder.weighted(buckets)
}

#[cfg(test)]
#[path = "msm_tests.rs"]
mod tests;
