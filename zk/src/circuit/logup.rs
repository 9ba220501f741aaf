//! Sums of fractions and evaluations at the challenge: the gadgets that the table circuits share.
//!
//! Two multisets are equal exactly if `Σ 1/(X − a_i)` and `Σ 1/(X − b_j)` are the same rational
//! function, and a multiset lies in a table of distinct entries exactly if some multiplicities make
//! `Σ 1/(X − a_i) = Σ m_j/(X − entry_j)`, as long as there are fewer items than the field has
//! elements (Haböck, "Multivariate lookups based on logarithmic derivatives",
//! <https://eprint.iacr.org/2022/1530>). Circuits compare the two sides at the challenge `ζ`.
//! **Whatever stands in a sum or in an evaluation, numerators too, is public or committed**, so that it
//! was fixed before `ζ` was drawn; quotients and partial sums alone are free. Where `ζ` equals an item
//! the quotient is undetermined: a random challenge does so with negligible probability.
//!
//! In every row the free value stands in the first matrix and `ζ` in the second, which keeps values of
//! full size out of the second except for the items themselves. Depends on arkworks' relations only.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field, batch_inversion};
use ark_relations::gr1cs::{ConstraintSystemRef, LinearCombination, SynthesisError, Variable};

/// A linear combination of variables.
pub type Linear = LinearCombination<Fr>;

/// `Σ factor·variable`, every variable once.
pub fn linear(terms: impl IntoIterator<Item = (Fr, Variable)>) -> Linear {
    let mut sum = LinearCombination(terms.into_iter().collect());
    sum.compactify();
    sum.retain(|(factor, _)| *factor != Fr::ZERO);
    sum
}

/// A variable alone.
pub fn single(variable: Variable) -> Linear {
    LinearCombination(vec![(Fr::ONE, variable)])
}

/// A constant.
pub fn constant(value: impl Into<Fr>) -> Linear {
    linear([(value.into(), Variable::One)])
}

/// `numerator / (ζ − item)` of every fraction, in order; zero where `ζ` is the item, which satisfies
/// no constraint.
#[must_use]
pub fn quotients(zeta: Fr, fractions: impl IntoIterator<Item = (Fr, Fr)>) -> Vec<Fr> {
    let (numerators, mut inverses): (Vec<Fr>, Vec<Fr>) =
        fractions.into_iter().map(|(numerator, item)| (numerator, zeta - item)).unzip();
    batch_inversion(&mut inverses);
    for (inverse, numerator) in inverses.iter_mut().zip(&numerators) {
        if *numerator != Fr::ONE {
            *inverse *= numerator;
        }
    }
    inverses
}

/// One row a fraction `(numerator, item)`: `quotient·(ζ − item) = numerator`. Allocates the quotients,
/// whose values are those of [`quotients`], and returns them.
///
/// # Errors
/// When a quotient is missing, or the constraint system refuses an allocation.
pub fn fractions(
    cs: &ConstraintSystemRef<Fr>,
    zeta: Variable,
    fractions: impl IntoIterator<Item = (Linear, Linear)>,
    values: &[Fr],
) -> Result<Vec<Variable>, SynthesisError> {
    let mut values = values.iter();
    fractions
        .into_iter()
        .map(|(numerator, item)| {
            let value = values.next().copied();
            let quotient =
                cs.new_witness_variable(|| value.ok_or(SynthesisError::AssignmentMissing))?;
            let negated = item.iter().map(|(factor, variable)| (-*factor, *variable));
            let denominator = linear(negated.chain([(Fr::ONE, zeta)]));
            cs.enforce_r1cs_constraint(|| single(quotient), || denominator, || numerator)?;
            Ok(quotient)
        })
        .collect()
}

/// One row: the sum of the left quotients is that of the right ones.
///
/// # Errors
/// When the constraint system refuses the constraint.
pub fn equal_sums(
    cs: &ConstraintSystemRef<Fr>,
    left: &[Variable],
    right: &[Variable],
) -> Result<(), SynthesisError> {
    let signed = |sign: Fr, side: &[Variable]| -> Vec<(Fr, Variable)> {
        side.iter().map(|variable| (sign, *variable)).collect()
    };
    let difference = linear(signed(Fr::ONE, left).into_iter().chain(signed(-Fr::ONE, right)));
    cs.enforce_r1cs_constraint(|| difference, || single(Variable::One), LinearCombination::new)
}

/// The value at `zeta` of the polynomial with these coefficients, constant first, and its partial sums
/// `h_1..h_{m−1}`, where `h_i = a_i + a_{i+1}·ζ + … + a_m·ζ^{m−i}`.
#[must_use]
pub fn partial_sums(zeta: Fr, coefficients: &[Fr]) -> (Fr, Vec<Fr>) {
    let mut sum = Fr::ZERO;
    let mut sums: Vec<Fr> = coefficients
        .iter()
        .rev()
        .map(|coefficient| {
            sum = sum * zeta + coefficient;
            sum
        })
        .collect();
    // The first is the last coefficient itself, the last the value: neither is a variable.
    let value = sums.pop().unwrap_or_default();
    sums.reverse();
    sums.pop();
    (value, sums)
}

/// `value` is that of the polynomial with these coefficients `a_0..a_m` at `ζ`: m rows
/// `ζ·h_{i+1} = h_i − a_i` from `h_0 = value` to `h_m = a_m`. Allocates the partial sums, which are
/// those of [`partial_sums`]. There are at least two coefficients.
///
/// # Errors
/// When a partial sum is missing, or the constraint system refuses an allocation.
pub fn horner(
    cs: &ConstraintSystemRef<Fr>,
    zeta: Variable,
    value: Variable,
    coefficients: &[Linear],
    partial: &[Fr],
) -> Result<(), SynthesisError> {
    let Some((last, rest)) = coefficients.split_last() else {
        return Err(SynthesisError::AssignmentMissing);
    };
    let mut this = value;
    for (index, coefficient) in rest.iter().enumerate() {
        let terms = coefficient.iter().map(|(factor, variable)| (-*factor, *variable));
        let right = linear(terms.chain([(Fr::ONE, this)]));
        let next = if index + 1 == rest.len() {
            last.clone()
        } else {
            let value = partial.get(index).copied();
            this = cs.new_witness_variable(|| value.ok_or(SynthesisError::AssignmentMissing))?;
            single(this)
        };
        cs.enforce_r1cs_constraint(|| next, || single(zeta), || right)?;
    }
    Ok(())
}

/// `ζ^from + … + ζ^{to−1}`: what a constant in these rows adds to an evaluation at `ζ`.
#[must_use]
pub fn geometric(zeta: Fr, from: usize, to: usize) -> Fr {
    let power = |exponent: usize| zeta.pow([exponent as u64]);
    match (zeta - Fr::ONE).inverse() {
        Some(inverse) => (power(to.max(from)) - power(from)) * inverse,
        None => Fr::from(to.saturating_sub(from) as u64),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ark_relations::gr1cs::ConstraintSystem;

    use super::*;

    const ZETA: u64 = 0x1234_5678_9abc_def1;

    fn numbers(values: &[u64]) -> Vec<Fr> {
        values.iter().map(|value| Fr::from(*value)).collect()
    }

    /// Whether items lie in a table with these multiplicities, as a circuit sees it.
    fn looked_up(items: &[Fr], table: &[u64], multiplicities: &[u64]) -> bool {
        let cs = ConstraintSystem::<Fr>::new_ref();
        let zeta = Fr::from(ZETA);
        let challenge = cs.new_input_variable(|| Ok(zeta)).unwrap();
        let committed: Vec<Variable> =
            items.iter().map(|item| cs.new_input_variable(|| Ok(*item)).unwrap()).collect();
        let counts: Vec<Variable> = multiplicities
            .iter()
            .map(|count| cs.new_input_variable(|| Ok(Fr::from(*count))).unwrap())
            .collect();
        let inverses = quotients(zeta, items.iter().map(|item| (Fr::ONE, *item)));
        let entries = quotients(zeta, numbers(multiplicities).into_iter().zip(numbers(table)));
        let left = committed.iter().map(|item| (constant(Fr::ONE), single(*item)));
        let left = fractions(&cs, challenge, left, &inverses).unwrap();
        let right = counts.iter().zip(table).map(|(m, entry)| (single(*m), constant(*entry)));
        let right = fractions(&cs, challenge, right, &entries).unwrap();
        equal_sums(&cs, &left, &right).unwrap();
        cs.is_satisfied().unwrap()
    }

    #[test]
    fn a_lookup_holds_with_the_exact_multiplicities_only() {
        assert!(looked_up(&numbers(&[0, 2, 2]), &[0, 1, 2], &[1, 0, 2]));
        assert!(!looked_up(&numbers(&[0, 2, 2]), &[0, 1, 2], &[2, 0, 1]));
        assert!(!looked_up(&numbers(&[0, 2, 3]), &[0, 1, 2], &[1, 0, 2]));
        // One and minus one do not cancel.
        assert!(!looked_up(&[Fr::ONE, -Fr::ONE], &[0, 1], &[2, 0]));
    }

    /// Constraints, and whether they hold.
    fn evaluated(coefficients: &[Fr], claim: Fr) -> (usize, bool) {
        let cs = ConstraintSystem::<Fr>::new_ref();
        let zeta = Fr::from(ZETA);
        let challenge = cs.new_input_variable(|| Ok(zeta)).unwrap();
        let value = cs.new_input_variable(|| Ok(claim)).unwrap();
        let terms: Vec<Linear> = coefficients
            .iter()
            .map(|term| single(cs.new_input_variable(|| Ok(*term)).unwrap()))
            .collect();
        let (_, partial) = partial_sums(zeta, coefficients);
        horner(&cs, challenge, value, &terms, &partial).unwrap();
        (cs.num_constraints(), cs.is_satisfied().unwrap())
    }

    #[test]
    fn an_evaluation_is_that_of_the_coefficients() {
        let zeta = Fr::from(ZETA);
        for terms in [vec![3, 4], vec![3, 0, 9], vec![1, 2, 3, 4, 5, 6]] {
            let coefficients = numbers(&terms);
            let value = crate::commitment::evaluate(&coefficients, zeta);
            assert_eq!(partial_sums(zeta, &coefficients).0, value);
            assert_eq!(evaluated(&coefficients, value), (terms.len() - 1, true));
            assert!(!evaluated(&coefficients, value + Fr::ONE).1);
        }
    }

    #[test]
    fn a_quotient_of_an_item_that_is_the_challenge_satisfies_nothing() {
        let zeta = Fr::from(ZETA);
        assert_eq!(quotients(zeta, [(Fr::ONE, zeta)]), [Fr::ZERO]);
        assert!(!looked_up(&[zeta], &[ZETA], &[1]));
    }

    #[test]
    fn constants_in_a_range_of_rows_add_a_geometric_sum() {
        for zeta in [Fr::ZERO, Fr::ONE, Fr::from(ZETA)] {
            for (from, to) in [(0, 0), (0, 1), (0, 9), (4, 9), (9, 9), (9, 4)] {
                let sum: Fr = (from..to).map(|r| zeta.pow([r as u64])).sum();
                assert_eq!(geometric(zeta, from, to), sum, "{zeta} {from} {to}");
            }
        }
    }
}
