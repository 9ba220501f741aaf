//! Points of the curve over the field: sums, and that no denominator of a sum is zero on the curve.
//!
//! Suppose that `d·x₁x₂y₁y₂ = ε` with `ε = ±1` for two points of the curve. Then all four coordinates are
//! other than zero, and the solver shows, for both signs `s`,
//! `(x₁ + sε·y₁)² = d·(x₁y₁·(x₂ + s·y₂))²` (Bernstein and Lange 2007, theorem 3.3). For one of the signs
//! `x₂ + s·y₂` is not zero, else `x₂` would be; so `d` would be a square, which the solver shows it is not.

use ark_bn254::Fr;
use ark_ec::AffineRepr;
use ark_ec::twisted_edwards::TECurveConfig;
use ark_ed_on_bn254::{EdwardsAffine, EdwardsConfig};
use ark_ff::{AdditiveGroup, Field};
use ark_relations::gr1cs::ConstraintSystemRef;
use galen_zk::circuit::edwards::{PointWire, times_generator, times_point};
use galen_zk::circuit::wire::{Wire, enforce_product};

use super::gadget::{Gadget, Wanted};

fn point(cs: &ConstraintSystemRef<Fr>, factor: u64) -> PointWire {
    let point: EdwardsAffine =
        (EdwardsAffine::generator() * ark_ed_on_bn254::Fr::from(factor)).into();
    PointWire::input(cs, &point).unwrap()
}

/// `x² + y² − 1 − d·x²y²`, which is zero on the curve: three rows.
fn equation(cs: &ConstraintSystemRef<Fr>, point: &PointWire) -> Wire {
    let xx = point.x.times(cs, &point.x).unwrap();
    let yy = point.y.times(cs, &point.y).unwrap();
    let product = xx.times(cs, &yy).unwrap().scaled(EdwardsConfig::COEFF_D);
    xx.plus(&yy).minus(&product).plus_constant(-Fr::ONE)
}

/// The identity of the module's words, for `ε` and a sign.
fn identity(epsilon: i64, sign: i64) -> Gadget {
    Gadget::shown(&format!("edwards-complete{epsilon:+}{sign:+}"), |cs| {
        let (e, s) = (Fr::from(epsilon), Fr::from(sign));
        // No two points have such a product: these coordinates satisfy the rows, not what is assumed.
        let [x1, y1, x2, y2] = [1u64, 2, 3, 4].map(|v| Wire::input(cs, Fr::from(v)).unwrap());
        let [first, second] = [(&x1, &y1), (&x2, &y2)]
            .map(|(x, y)| equation(cs, &PointWire { x: x.clone(), y: y.clone() }));
        let product = x1.times(cs, &y2).unwrap().times(cs, &y1.times(cs, &x2).unwrap()).unwrap();
        let left = x1.plus(&y1.scaled(s * e));
        let left = left.times(cs, &left).unwrap();
        let right = x1.times(cs, &y1).unwrap().times(cs, &x2.plus(&y2.scaled(s))).unwrap();
        let right = right.times(cs, &right).unwrap().scaled(EdwardsConfig::COEFF_D);
        Wanted {
            zero: vec![first, second, product.scaled(EdwardsConfig::COEFF_D).plus_constant(-e)],
            claims: vec![left.minus(&right)],
            lemma: true,
            ..Wanted::default()
        }
    })
}

pub fn gadgets() -> Vec<Gadget> {
    let mut gadgets = vec![
        Gadget::unique("edwards-sum", &[4, 5], |cs| {
            let (a, b) = (point(cs, 2), point(cs, 3));
            let _ = a.plus(cs, &b).unwrap();
        }),
        Gadget::unique("edwards-double", &[3, 4], |cs| {
            let _ = point(cs, 2).doubled(cs).unwrap();
        }),
        // Six rows of the points' equations; the last two of a sum, and of a double, are quotients.
        Gadget::shown("edwards-sum-on-curve", |cs| {
            let (a, b) = (point(cs, 2), point(cs, 3));
            let zero = vec![equation(cs, &a), equation(cs, &b)];
            let sum = a.plus(cs, &b).unwrap();
            let claims = vec![equation(cs, &sum)];
            Wanted { zero, denominators: vec![10, 11], claims, lemma: true, ..Wanted::default() }
        }),
        Gadget::shown("edwards-double-on-curve", |cs| {
            let a = point(cs, 2);
            let zero = vec![equation(cs, &a)];
            let double = a.doubled(cs).unwrap();
            let claims = vec![equation(cs, &double)];
            Wanted { zero, denominators: vec![6, 7], claims, lemma: true, ..Wanted::default() }
        }),
        // On the curve the denominators of a double are those of the sum of a point and itself.
        Gadget::shown("edwards-double-denominator", |cs| {
            let a = point(cs, 2);
            let xy = a.x.times(cs, &a.y).unwrap();
            let product = xy.times(cs, &xy).unwrap().scaled(EdwardsConfig::COEFF_D);
            let sum = a.x.times(cs, &a.x).unwrap().plus(&a.y.times(cs, &a.y).unwrap());
            Wanted {
                zero: vec![equation(cs, &a)],
                claims: vec![sum.minus(&product).plus_constant(-Fr::ONE)],
                ..Wanted::default()
            }
        }),
        // No number has d as its square: the constraint cannot be satisfied, so one is zero.
        Gadget::unsatisfiable("edwards-d-is-no-square", |cs| {
            let root = Wire::witness(cs, Fr::ZERO).unwrap();
            enforce_product(cs, &root, &root, &Wire::constant(EdwardsConfig::COEFF_D)).unwrap();
        }),
        // Windows of three bits and of two; a sum of two points has two quotients.
        Gadget::steps_of("edwards-times-generator", 2, |cs| {
            let bits = [true, false, true, true, true, false]
                .map(|bit| Wire::input(cs, Fr::from(bit)).unwrap());
            let _ = times_generator(cs, &bits).unwrap();
        }),
        Gadget::steps_of("edwards-times-point", 2 + 2 + 2 * 3, |cs| {
            let bits = [true, false, true, true].map(|bit| Wire::input(cs, Fr::from(bit)).unwrap());
            let _ = times_point(cs, &bits, &point(cs, 5)).unwrap();
        }),
    ];
    for epsilon in [1, -1] {
        gadgets.extend([1, -1].map(|sign| identity(epsilon, sign)));
    }
    gadgets
}
