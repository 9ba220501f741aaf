//! Polynomials on a power-of-two subgroup of the scalar field: what a Groth16 prover does with them.
//!
//! The two transforms that are needed fit together without any reordering: the inverse one leaves
//! coefficients in bit-reversed order (decimation in frequency), the forward one takes them so
//! (decimation in time). Both halve the range recursively, so that the halves fit a cache and go to
//! cores of their own. Roots are computed once for each size and kept. Depends on arkworks' field and
//! [`crate::product`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, FftField, Field};
use rayon::prelude::*;

use crate::product::Product;

/// Ranges of this many values are transformed by one core, level after level.
const SERIAL: usize = 1 << 10;

/// The halves of longer ranges go to cores of their own.
const SPLIT: usize = 1 << 13;

/// A subgroup of `2^log` roots of unity, and its coset by arkworks' generator.
#[derive(Debug)]
pub struct Domain {
    log: u32,
    /// For each level, of size `2^{k+1}`: the powers of its root, half of them.
    forward: Vec<Vec<Fr>>,
    inverse: Vec<Vec<Fr>>,
    /// `g^i / size`, in bit-reversed order.
    onto_coset: Vec<Fr>,
    /// `g^{−i} / (size·(g^size − 1))`, in bit-reversed order.
    off_coset: Vec<Fr>,
    /// `1 / (size·(g^size − 1))`.
    scale: Fr,
}

impl Domain {
    /// The smallest domain of at least `rows` values; `None` beyond what the field has. Kept for the
    /// life of the program: 128 bytes for each value.
    #[must_use]
    pub fn of(rows: usize) -> Option<Arc<Self>> {
        static DOMAINS: Mutex<BTreeMap<u32, Arc<Domain>>> = Mutex::new(BTreeMap::new());
        let log = rows.checked_next_power_of_two()?.ilog2();
        let mut domains = DOMAINS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(domain) = domains.get(&log) {
            return Some(Arc::clone(domain));
        }
        let domain = Arc::new(Self::new(log)?);
        domains.insert(log, Arc::clone(&domain));
        Some(domain)
    }

    fn new(log: u32) -> Option<Self> {
        let size = 1u64.checked_shl(log)?;
        let root = Fr::get_root_of_unity(size)?;
        let levels = |root: Fr| {
            // The finest level has all powers; every coarser one each second of them.
            let mut roots = powers(root, Fr::ONE, 1 << log.saturating_sub(1));
            let mut levels = Vec::new();
            for _ in 0..log {
                let coarser = roots.iter().copied().step_by(2).collect();
                levels.push(std::mem::replace(&mut roots, coarser));
            }
            levels.reverse();
            levels
        };
        let generator = Fr::GENERATOR;
        let shift = generator.pow([size]) - Fr::ONE;
        let fraction = Fr::from(size).inverse()?;
        let scale = fraction * shift.inverse()?;
        let reversed = |base, first| {
            let mut values = powers(base, first, 1 << log);
            reverse(&mut values, log);
            values
        };
        Some(Self {
            log,
            forward: levels(root),
            inverse: levels(root.inverse()?),
            onto_coset: reversed(generator, fraction),
            off_coset: reversed(generator.inverse()?, scale),
            scale,
        })
    }

    /// Number of values.
    #[must_use]
    pub fn size(&self) -> usize {
        1 << self.log
    }

    /// The coefficients of `h = (a·b − c) / (X^size − 1)`, given the values of `a`, `b` and `c = a·b`
    /// on the domain.
    ///
    /// On the coset, `a·b` has the values of a polynomial of degree below `size`, which is
    /// `c + (g^size − 1)·h`; so `c` itself is never needed there.
    #[must_use]
    pub fn quotient(&self, mut a: Vec<Fr>, mut b: Vec<Fr>, mut c: Vec<Fr>) -> Vec<Fr> {
        let onto_coset = |values: &mut Vec<Fr>| self.shift(values, &self.onto_coset);
        rayon::join(
            || rayon::join(|| onto_coset(&mut a), || onto_coset(&mut b)),
            || {
                c.resize(self.size(), Fr::ZERO);
                self.interpolate(&mut c);
            },
        );
        each(&mut a, &b, |a, b| *a = a.product(b));
        self.interpolate(&mut a);
        each(&mut a, &self.off_coset, |a, factor| *a = a.product(factor));
        each(&mut a, &c, |a, c| *a -= self.scale.product(c));
        reverse(&mut a, self.log);
        a
    }

    /// The values of `a·b − c` at the odd points of the domain of twice the size, given those of `a`,
    /// `b` and `c` on the domain: what circom's keys take instead of [`Domain::quotient`]. `None` if
    /// the field has no such domain.
    #[must_use]
    pub fn odd_values(&self, mut a: Vec<Fr>, mut b: Vec<Fr>, mut c: Vec<Fr>) -> Option<Vec<Fr>> {
        let root = Fr::get_root_of_unity(1u64.checked_shl(self.log + 1)?)?;
        let mut factors = powers(root, Fr::from(self.size() as u64).inverse()?, self.size());
        reverse(&mut factors, self.log);
        [&mut a, &mut b, &mut c].into_par_iter().for_each(|values| self.shift(values, &factors));
        each(&mut a, &b, |a, b| *a = a.product(b));
        each(&mut a, &c, |a, c| *a -= c);
        Some(a)
    }

    /// Values on the domain to values on a coset, by factors in bit-reversed order.
    fn shift(&self, values: &mut Vec<Fr>, factors: &[Fr]) {
        values.resize(self.size(), Fr::ZERO);
        self.interpolate(values);
        each(values, factors, |value, factor| *value = value.product(factor));
        self.evaluate(values);
    }

    /// Values to coefficients times `size`, in bit-reversed order.
    fn interpolate(&self, values: &mut [Fr]) {
        let Some((roots, finer)) = self.levels(values, &self.inverse) else {
            return;
        };
        if values.len() > SERIAL {
            butterflies(values, roots, split);
            halves(values, |half| self.interpolate(half));
        } else {
            for roots in finer.iter().rev() {
                values.chunks_mut(2 * roots.len()).for_each(|part| serial(part, roots, split));
            }
        }
    }

    /// Coefficients in bit-reversed order to values.
    fn evaluate(&self, values: &mut [Fr]) {
        let Some((roots, finer)) = self.levels(values, &self.forward) else {
            return;
        };
        if values.len() > SERIAL {
            halves(values, |half| self.evaluate(half));
            butterflies(values, roots, join);
        } else {
            for roots in finer {
                values.chunks_mut(2 * roots.len()).for_each(|part| serial(part, roots, join));
            }
        }
    }

    /// The roots for a range of this length, and those of all levels up to it.
    fn levels<'a>(
        &self,
        values: &[Fr],
        levels: &'a [Vec<Fr>],
    ) -> Option<(&'a [Fr], &'a [Vec<Fr>])> {
        let log = values.len().checked_ilog2()? as usize;
        let levels = levels.get(..log)?;
        Some((levels.last()?, levels))
    }
}

/// `(x, y) → (x + y, (x − y)·root)`.
fn split(x: &mut Fr, y: &mut Fr, root: Option<&Fr>) {
    let difference = *x - *y;
    *x += &*y;
    *y = root.map_or(difference, |root| difference.product(root));
}

/// `(x, y) → (x + y·root, x − y·root)`.
fn join(x: &mut Fr, y: &mut Fr, root: Option<&Fr>) {
    if let Some(root) = root {
        *y = y.product(root);
    }
    let difference = *x - *y;
    *x += &*y;
    *y = difference;
}

/// Both halves of a range.
fn halves(values: &mut [Fr], transform: impl Fn(&mut [Fr]) + Sync) {
    let together = values.len() > SPLIT;
    let (low, high) = values.split_at_mut(values.len() / 2);
    if together {
        rayon::join(|| transform(low), || transform(high));
    } else {
        transform(low);
        transform(high);
    }
}

/// One level of a range, by one core. The first root is one.
fn serial(values: &mut [Fr], roots: &[Fr], step: impl Fn(&mut Fr, &mut Fr, Option<&Fr>)) {
    let (low, high) = values.split_at_mut(values.len() / 2);
    let mut pairs = low.iter_mut().zip(high);
    if let Some((x, y)) = pairs.next() {
        step(x, y, None);
    }
    for ((x, y), root) in pairs.zip(roots.iter().skip(1)) {
        step(x, y, Some(root));
    }
}

/// One level of a range, by all cores.
fn butterflies(
    values: &mut [Fr],
    roots: &[Fr],
    step: impl Fn(&mut Fr, &mut Fr, Option<&Fr>) + Send + Sync,
) {
    let (low, high) = values.split_at_mut(values.len() / 2);
    low.par_iter_mut()
        .zip(high)
        .zip(roots)
        .with_min_len(SERIAL)
        .for_each(|((x, y), root)| step(x, y, Some(root)));
}

fn each(values: &mut [Fr], others: &[Fr], apply: impl Fn(&mut Fr, &Fr) + Send + Sync) {
    values
        .par_iter_mut()
        .zip(others)
        .with_min_len(SERIAL)
        .for_each(|(value, other)| apply(value, other));
}

/// `first·base^i`.
fn powers(base: Fr, first: Fr, count: usize) -> Vec<Fr> {
    std::iter::successors(Some(first), |power| Some(*power * base)).take(count).collect()
}

fn reverse(values: &mut [Fr], log: u32) {
    for index in 0..values.len() {
        let other = index.reverse_bits().checked_shr(usize::BITS - log).unwrap_or(0);
        if index < other {
            values.swap(index, other);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ark_ff::UniformRand;
    use ark_poly::univariate::DensePolynomial;
    use ark_poly::{DenseUVPolynomial, EvaluationDomain, Polynomial, Radix2EvaluationDomain};
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    #[test]
    fn quotient_times_vanishing_polynomial_is_what_it_should_be() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for log in [0u32, 1, 2, 3, 9, 11, 14] {
            let size = 1usize << log;
            let rows = size - size / 3;
            let domain = Domain::of(rows).unwrap();
            assert_eq!(domain.size(), size);
            let mut column = || -> Vec<Fr> { (0..rows).map(|_| Fr::rand(&mut rng)).collect() };
            let (a, b) = (column(), column());
            let c: Vec<Fr> = a.iter().zip(&b).map(|(a, b)| *a * b).collect();
            let point = Fr::rand(&mut rng);
            let h = domain.quotient(a.clone(), b.clone(), c.clone());
            assert_eq!(h.len(), size);
            let stock = Radix2EvaluationDomain::<Fr>::new(rows).unwrap();
            let value = |coefficients: Vec<Fr>| {
                DensePolynomial::from_coefficients_vec(coefficients).evaluate(&point)
            };
            let at = |values: &[Fr]| value(stock.ifft(values));
            assert_eq!(
                value(h) * stock.evaluate_vanishing_polynomial(point),
                at(&a) * at(&b) - at(&c),
                "2^{log}"
            );
        }
    }

    #[test]
    fn odd_values_are_those_of_the_doubled_domain() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        for size in [2usize, 8, 2048] {
            let domain = Domain::of(size).unwrap();
            let mut column = || -> Vec<Fr> { (0..size).map(|_| Fr::rand(&mut rng)).collect() };
            let [a, b, c] = [column(), column(), column()];
            let stock = Radix2EvaluationDomain::<Fr>::new(size).unwrap();
            let double = Radix2EvaluationDomain::<Fr>::new(2 * size).unwrap();
            let odd = |values: &[Fr]| -> Vec<Fr> {
                double.fft(&stock.ifft(values)).into_iter().skip(1).step_by(2).collect()
            };
            let expected: Vec<Fr> = odd(&a)
                .into_iter()
                .zip(odd(&b))
                .zip(odd(&c))
                .map(|((a, b), c)| a * b - c)
                .collect();
            assert_eq!(domain.odd_values(a, b, c).unwrap(), expected, "{size}");
        }
    }

    #[test]
    fn no_domain_is_larger_than_the_field_allows() {
        assert!(Domain::of(usize::MAX).is_none());
        assert!(Domain::new(29).is_none());
    }
}
