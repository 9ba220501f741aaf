//! Additions in affine coordinates that share one inversion. Depends on arkworks' curves only.

use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ff::{AdditiveGroup, Field, Zero};

use super::{Coordinate, Curve};

/// Adds points in affine coordinates, many at a time.
pub(super) struct Adder<P: Curve> {
    /// `(i, j)`: point `j` is to be added to point `i`.
    jobs: Vec<(u32, u32)>,
    denominators: Vec<P::BaseField>,
    products: Vec<P::BaseField>,
}

impl<P: Curve> Default for Adder<P> {
    fn default() -> Self {
        Self { jobs: Vec::new(), denominators: Vec::new(), products: Vec::new() }
    }
}

impl<P: Curve> Adder<P> {
    /// Adds up the points of each range, and moves the sums to their buckets.
    pub fn fold(
        &mut self,
        points: &mut Vec<Affine<P>>,
        ranges: &mut Vec<(usize, u32, u32)>,
        buckets: &mut [Affine<P>],
    ) {
        loop {
            for (_, start, length) in ranges.iter_mut() {
                let kept = length.div_ceil(2);
                self.jobs.extend((kept..*length).map(|i| (*start + i - kept, *start + i)));
                *length = kept;
            }
            if self.jobs.is_empty() {
                break;
            }
            self.run(points);
        }
        for (bucket, start, _) in ranges.drain(..) {
            buckets[bucket] = points[start as usize];
        }
        points.clear();
    }

    /// `Σ (i + 1)·bucket_i`. Segments of the buckets are summed side by side, and then joined.
    pub fn weighted(&mut self, mut points: Vec<Affine<P>>) -> Projective<P> {
        let count = points.len();
        let doublings = (count.checked_ilog2().unwrap_or(0) / 2).saturating_sub(1);
        let length = 1usize << doublings;
        let segments = count.div_ceil(length);
        points.resize(segments * length, Affine::identity());
        // Behind the buckets: every segment's sum so far, and every segment's sum of those.
        let (sum, weighted) = (segments * length, segments * length + segments);
        points.resize(weighted + segments, Affine::identity());
        for step in (0..=length).rev() {
            // What is read as a summand is only written by a later job of the round.
            for segment in 0..segments {
                if step < length {
                    self.jobs.push(((weighted + segment) as u32, (sum + segment) as u32));
                }
            }
            if let Some(bucket) = step.checked_sub(1) {
                for segment in 0..segments {
                    let bucket = segment * length + bucket;
                    self.jobs.push(((sum + segment) as u32, bucket as u32));
                }
            }
            self.run(&mut points);
        }
        // Σ segment·(its sum), times the length of a segment.
        let (mut running, mut total) = (Projective::zero(), Projective::zero());
        for point in points[sum + 1..weighted].iter().rev() {
            running += point;
            total += running;
        }
        for _ in 0..doublings {
            total.double_in_place();
        }
        points[weighted..].iter().fold(total, |total, point| total + point)
    }

    /// Does all jobs with one inversion. A point may be written once, and read before that.
    fn run(&mut self, points: &mut [Affine<P>]) {
        let mut product = P::BaseField::ONE;
        for (i, j) in &self.jobs {
            let (p, q) = (&points[*i as usize], &points[*j as usize]);
            let denominator = denominator(p, q).unwrap_or(P::BaseField::ONE);
            self.products.push(product);
            product = product.times(&denominator);
            self.denominators.push(denominator);
        }
        let mut inverse = product.inverse().expect("no denominator is zero");
        for (product, denominator) in self.products.iter_mut().zip(&self.denominators).rev() {
            *product = product.times(&inverse);
            inverse = inverse.times(denominator);
        }
        for ((i, j), inverse) in self.jobs.iter().zip(&self.products) {
            let q = points[*j as usize];
            let p = &mut points[*i as usize];
            add(p, &q, inverse);
        }
        self.jobs.clear();
        self.denominators.clear();
        self.products.clear();
    }
}

/// The denominator of the slope from `p` to `q`, if their sum has a slope.
fn denominator<P: Curve>(p: &Affine<P>, q: &Affine<P>) -> Option<P::BaseField> {
    if p.is_zero() || q.is_zero() {
        return None;
    }
    let difference = q.x - p.x;
    if !difference.is_zero() {
        return Some(difference);
    }
    (p.y == q.y && !p.y.is_zero()).then(|| p.y.double())
}

/// `p += q`, given the inverse of [`denominator`].
fn add<P: Curve>(p: &mut Affine<P>, q: &Affine<P>, inverse: &P::BaseField) {
    if q.is_zero() {
        return;
    }
    if p.is_zero() {
        *p = *q;
        return;
    }
    let slope = if p.x != q.x {
        q.y - p.y
    } else if p.y == q.y && !p.y.is_zero() {
        let square = p.x.squared();
        square.double() + square + P::COEFF_A
    } else {
        *p = Affine::identity();
        return;
    };
    let slope = slope.times(inverse);
    let x = slope.squared() - p.x - q.x;
    p.y = slope.times(&(p.x - x)) - p.y;
    p.x = x;
}
