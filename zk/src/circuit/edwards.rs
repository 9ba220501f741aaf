//! The curve over BN254's scalar field (Baby Jubjub: `x² + y² = 1 + d·x²y²`, d not a square) in
//! circuit: addition, doubling, and multiplication of a fixed and of a variable point.
//!
//! The addition law is complete (Bernstein and Lange, "Faster addition and doubling on elliptic
//! curves", 2007): on points of the curve no denominator is 0, so every quotient is unique. Points
//! that enter from outside must be on the curve; verifiers decode them as
//! [`crate::point::JubPoint`]s, which says so and puts them into the subgroup of prime order. A
//! scalar is its bits: any bits stand for the scalar that they are congruent to, so a second
//! decomposition of one scalar changes no result.

use ark_bn254::Fr;
use ark_ec::{AdditiveGroup, CurveGroup, PrimeGroup, twisted_edwards::TECurveConfig};
use ark_ed_on_bn254::{EdwardsAffine, EdwardsConfig, EdwardsProjective};
use ark_ff::{BigInteger, Field, PrimeField};
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};

use super::wire::{Wire, enforce_product};

/// Scalars of the curve's prime subgroup.
pub type JubScalar = ark_ed_on_bn254::Fr;

/// Bits of a scalar: the subgroup's order is a little above 2^250.
pub const SCALAR_BITS: u32 = 251;

/// A point inside a circuit.
#[derive(Clone, Debug)]
pub struct PointWire {
    /// Abscissa.
    pub x: Wire,
    /// Ordinate.
    pub y: Wire,
}

impl PointWire {
    /// A fixed point; costs nothing.
    #[must_use]
    pub fn constant(point: &EdwardsAffine) -> Self {
        Self { x: Wire::constant(point.x), y: Wire::constant(point.y) }
    }

    /// A point as two public inputs. The verifier has checked that it is on the curve.
    ///
    /// # Errors
    /// When the constraint system refuses an allocation.
    pub fn input(
        cs: &ConstraintSystemRef<Fr>,
        point: &EdwardsAffine,
    ) -> Result<Self, SynthesisError> {
        Ok(Self { x: Wire::input(cs, point.x)?, y: Wire::input(cs, point.y)? })
    }

    /// Sum: seven constraints.
    ///
    /// # Errors
    /// When the constraint system refuses an allocation.
    pub fn plus(&self, cs: &ConstraintSystemRef<Fr>, other: &Self) -> Result<Self, SynthesisError> {
        // x₃ = (x₁y₂ + y₁x₂) / (1 + d·x₁x₂y₁y₂),  y₃ = (y₁y₂ − x₁x₂) / (1 − d·x₁x₂y₁y₂)
        let a = self.x.times(cs, &other.y)?;
        let b = self.y.times(cs, &other.x)?;
        let cross = self.x.plus(&self.y).times(cs, &other.y.minus(&other.x))?;
        let product = a.times(cs, &b)?.scaled(EdwardsConfig::COEFF_D);
        let one = Wire::constant(Fr::ONE);
        let x = a.plus(&b).over(cs, &one.plus(&product))?;
        // (x₁ + y₁)(y₂ − x₂) = a − b + (y₁y₂ − x₁x₂)
        let y = cross.minus(&a).plus(&b).over(cs, &one.minus(&product))?;
        Ok(Self { x, y })
    }

    /// Twice the point: five constraints. The point must be on the curve, where
    /// `1 + d·x²y² = x² + y²`.
    ///
    /// # Errors
    /// When the constraint system refuses an allocation.
    pub fn doubled(&self, cs: &ConstraintSystemRef<Fr>) -> Result<Self, SynthesisError> {
        let xy = self.x.times(cs, &self.y)?;
        let xx = self.x.times(cs, &self.x)?;
        let yy = self.y.times(cs, &self.y)?;
        let sum = xx.plus(&yy);
        let x = xy.plus(&xy).over(cs, &sum)?;
        let y = yy.minus(&xx).over(cs, &Wire::constant(Fr::from(2)).minus(&sum))?;
        Ok(Self { x, y })
    }

    /// `other` if the bit is set, else `self`: two constraints.
    fn or(
        &self,
        cs: &ConstraintSystemRef<Fr>,
        bit: &Wire,
        other: &Self,
    ) -> Result<Self, SynthesisError> {
        Ok(Self {
            x: self.x.plus(&bit.times(cs, &other.x.minus(&self.x))?),
            y: self.y.plus(&bit.times(cs, &other.y.minus(&self.y))?),
        })
    }
}

/// Bits of `scalar`, least significant first, as private bits. A scalar that needs more than `bits`
/// of them loses the rest.
///
/// # Errors
/// When the constraint system refuses an allocation.
pub fn scalar_bits(
    cs: &ConstraintSystemRef<Fr>,
    scalar: &JubScalar,
    bits: u32,
) -> Result<Vec<Wire>, SynthesisError> {
    let value = scalar.into_bigint();
    (0..bits as usize).map(|i| Wire::bit(cs, value.get_bit(i))).collect()
}

/// Whether a scalar has at most so many bits.
#[must_use]
pub fn fits(scalar: &JubScalar, bits: u32) -> bool {
    scalar.into_bigint().num_bits() <= bits
}

/// The coordinates of a multiple, outside a circuit.
#[must_use]
pub fn times_affine(point: &EdwardsAffine, scalar: &JubScalar) -> (Fr, Fr) {
    let product = (*point * *scalar).into_affine();
    (product.x, product.y)
}

/// The scalar with these bits, least significant first; none unless each is 0 or 1. Longer than the
/// subgroup's order, it stands for what it is congruent to.
#[must_use]
pub fn scalar_of_bits(bits: &[Fr]) -> Option<JubScalar> {
    let mut scalar = JubScalar::ZERO;
    for bit in bits.iter().rev() {
        scalar.double_in_place();
        if *bit == Fr::ONE {
            scalar += JubScalar::ONE;
        } else if *bit != Fr::ZERO {
            return None;
        }
    }
    Some(scalar)
}

/// `Σ bits·2^i·G` for the subgroup's generator: windows of three bits, nine constraints each.
///
/// # Errors
/// When the constraint system refuses an allocation.
pub fn times_generator(
    cs: &ConstraintSystemRef<Fr>,
    bits: &[Wire],
) -> Result<PointWire, SynthesisError> {
    let mut base = EdwardsProjective::generator();
    let mut sum: Option<PointWire> = None;
    for window in bits.chunks(3) {
        let multiples: Vec<EdwardsAffine> =
            std::iter::successors(Some(EdwardsProjective::ZERO), |multiple| Some(*multiple + base))
                .take(1 << window.len())
                .map(|point| point.into_affine())
                .collect();
        let term = lookup(cs, window, &multiples)?;
        sum = Some(match sum {
            None => term,
            Some(sum) => sum.plus(cs, &term)?,
        });
        for _ in window {
            base.double_in_place();
        }
    }
    Ok(sum.unwrap_or_else(|| PointWire::constant(&EdwardsAffine::zero())))
}

/// The point of a table of constants that the bits name, least significant first.
fn lookup(
    cs: &ConstraintSystemRef<Fr>,
    bits: &[Wire],
    table: &[EdwardsAffine],
) -> Result<PointWire, SynthesisError> {
    let one = Wire::constant(Fr::ONE);
    // Products of the bits above the lowest: every function of those is linear in them.
    let (low, monomials) = match bits {
        [low] => (low, vec![one]),
        [low, b] => (low, vec![one, b.clone()]),
        [low, b, c] => (low, vec![one, b.clone(), c.clone(), b.times(cs, c)?]),
        _ => return Err(SynthesisError::Unsatisfiable),
    };
    let coordinate = |pick: fn(&EdwardsAffine) -> Fr| {
        let even: Vec<Fr> = table.iter().step_by(2).map(pick).collect();
        let odd: Vec<Fr> = table.iter().skip(1).step_by(2).map(pick).collect();
        let step: Vec<Fr> = odd.iter().zip(&even).map(|(o, e)| *o - e).collect();
        let even = Wire::combination(coefficients(&even).into_iter().zip(&monomials));
        let step = Wire::combination(coefficients(&step).into_iter().zip(&monomials));
        Ok::<_, SynthesisError>(even.plus(&low.times(cs, &step)?))
    };
    Ok(PointWire { x: coordinate(|p| p.x)?, y: coordinate(|p| p.y)? })
}

/// Coefficients of the multilinear polynomial with these values on the bits of the position.
fn coefficients(values: &[Fr]) -> Vec<Fr> {
    let mut c = values.to_vec();
    let mut step = 1;
    while step < c.len() {
        for i in (0..c.len()).filter(|i| i & step != 0) {
            let lower = c[i - step];
            c[i] -= lower;
        }
        step *= 2;
    }
    c
}

/// `Σ bits·2^i·P` for a point of the curve: windows of two bits, 22 constraints each.
///
/// # Errors
/// When the constraint system refuses an allocation.
pub fn times_point(
    cs: &ConstraintSystemRef<Fr>,
    bits: &[Wire],
    point: &PointWire,
) -> Result<PointWire, SynthesisError> {
    let double = point.doubled(cs)?;
    let triple = double.plus(cs, point)?;
    let identity = PointWire::constant(&EdwardsAffine::zero());
    let mut sum: Option<PointWire> = None;
    for window in bits.chunks(2).rev() {
        let term = match window {
            [low] => identity.or(cs, low, point)?,
            [low, high] => {
                let without = identity.or(cs, low, point)?;
                let with = double.or(cs, low, &triple)?;
                without.or(cs, high, &with)?
            }
            _ => return Err(SynthesisError::Unsatisfiable),
        };
        sum = Some(match sum {
            None => term,
            Some(sum) => sum.doubled(cs)?.doubled(cs)?.plus(cs, &term)?,
        });
    }
    Ok(sum.unwrap_or(identity))
}

/// Both coordinates equal.
///
/// # Errors
/// When the constraint system refuses a constraint.
pub fn enforce_same_point(
    cs: &ConstraintSystemRef<Fr>,
    a: &PointWire,
    b: &PointWire,
) -> Result<(), SynthesisError> {
    let one = Wire::constant(Fr::ONE);
    enforce_product(cs, &a.x, &one, &b.x)?;
    enforce_product(cs, &a.y, &one, &b.y)
}
