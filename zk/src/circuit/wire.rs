//! Values inside a circuit: a linear combination of variables together with what it evaluates to.
//!
//! Additions cost nothing, and a product defines exactly one variable. So a circuit written with
//! wires is a list of definitions and a few checks, which is what makes every single constraint
//! testable. Depends on arkworks' relations only.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use ark_relations::gr1cs::{ConstraintSystemRef, LinearCombination, SynthesisError, Variable};

/// A linear combination and its value.
#[derive(Clone, Debug)]
pub struct Wire {
    lc: LinearCombination<Fr>,
    value: Fr,
}

impl Wire {
    /// A constant; costs nothing.
    #[must_use]
    pub fn constant(value: Fr) -> Self {
        let lc = if value == Fr::ZERO {
            LinearCombination::zero()
        } else {
            LinearCombination(vec![(value, Variable::One)])
        };
        Self { lc, value }
    }

    /// A new public input.
    ///
    /// # Errors
    /// When the constraint system refuses the allocation.
    pub fn input(cs: &ConstraintSystemRef<Fr>, value: Fr) -> Result<Self, SynthesisError> {
        Ok(Self::variable(cs.new_input_variable(|| Ok(value))?, value))
    }

    /// A new private value, bound by nothing yet.
    ///
    /// # Errors
    /// When the constraint system refuses the allocation.
    pub fn witness(cs: &ConstraintSystemRef<Fr>, value: Fr) -> Result<Self, SynthesisError> {
        Ok(Self::variable(cs.new_witness_variable(|| Ok(value))?, value))
    }

    /// A new private bit: one constraint.
    ///
    /// # Errors
    /// When the constraint system refuses the allocation.
    pub fn bit(cs: &ConstraintSystemRef<Fr>, value: bool) -> Result<Self, SynthesisError> {
        let bit = Self::witness(cs, Fr::from(value))?;
        enforce_product(cs, &bit, &bit, &bit)?;
        Ok(bit)
    }

    fn variable(variable: Variable, value: Fr) -> Self {
        Self { lc: LinearCombination(vec![(Fr::ONE, variable)]), value }
    }

    /// What the wire evaluates to under the assignment in use.
    #[must_use]
    pub fn value(&self) -> Fr {
        self.value
    }

    /// The linear combination itself.
    pub fn linear(&self) -> &LinearCombination<Fr> {
        &self.lc
    }

    fn is_constant(&self) -> bool {
        self.lc.iter().all(|(_, variable)| variable.is_one())
    }

    /// Sum.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self { lc: &self.lc + &other.lc, value: self.value + other.value }
    }

    /// Difference.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        Self { lc: &self.lc - &other.lc, value: self.value - other.value }
    }

    /// Sum with a constant.
    #[must_use]
    pub fn plus_constant(&self, constant: Fr) -> Self {
        self.plus(&Self::constant(constant))
    }

    /// Product with a constant.
    #[must_use]
    pub fn scaled(&self, factor: Fr) -> Self {
        if factor == Fr::ZERO {
            return Self::constant(Fr::ZERO);
        }
        Self { lc: &self.lc * factor, value: self.value * factor }
    }

    /// `Σ factor·wire`.
    #[must_use]
    pub fn combination<'a>(terms: impl IntoIterator<Item = (Fr, &'a Self)>) -> Self {
        let mut lc = Vec::new();
        let mut value = Fr::ZERO;
        for (factor, wire) in terms {
            lc.extend(wire.lc.iter().map(|(c, variable)| (*c * factor, *variable)));
            value += wire.value * factor;
        }
        let mut lc = LinearCombination(lc);
        lc.compactify();
        lc.retain(|(c, _)| *c != Fr::ZERO);
        Self { lc, value }
    }

    /// `Σ 2^i·bit_i`: an integer below `2^bits`, as long as the bits are bits and `2^bits` is
    /// below the field's order.
    #[must_use]
    pub fn from_bits(bits: &[Self]) -> Self {
        let mut power = Fr::ONE;
        let mut terms = Vec::with_capacity(bits.len());
        for bit in bits {
            terms.push((power, bit));
            power.double_in_place();
        }
        Self::combination(terms)
    }

    /// Product: one constraint, none if a factor is constant.
    ///
    /// # Errors
    /// When the constraint system refuses an allocation.
    pub fn times(
        &self,
        cs: &ConstraintSystemRef<Fr>,
        other: &Self,
    ) -> Result<Self, SynthesisError> {
        if self.is_constant() {
            return Ok(other.scaled(self.value));
        }
        if other.is_constant() {
            return Ok(self.scaled(other.value));
        }
        let product = Self::witness(cs, self.value * other.value)?;
        enforce_product(cs, self, other, &product)?;
        Ok(product)
    }

    /// The same value as a variable of its own: one constraint.
    ///
    /// # Errors
    /// When the constraint system refuses an allocation.
    pub fn flatten(&self, cs: &ConstraintSystemRef<Fr>) -> Result<Self, SynthesisError> {
        if self.is_constant() {
            return Ok(self.clone());
        }
        let flat = Self::witness(cs, self.value)?;
        enforce_equal(cs, self, &flat)?;
        Ok(flat)
    }

    /// The quotient `self / divisor`: one constraint. Where the divisor is 0 the quotient is free,
    /// so the caller shows that it never is.
    ///
    /// # Errors
    /// When the constraint system refuses an allocation.
    pub fn over(
        &self,
        cs: &ConstraintSystemRef<Fr>,
        divisor: &Self,
    ) -> Result<Self, SynthesisError> {
        let quotient = self.value * divisor.value.inverse().unwrap_or(Fr::ZERO);
        let quotient = Self::witness(cs, quotient)?;
        enforce_product(cs, &quotient, divisor, self)?;
        Ok(quotient)
    }
}

/// `a·b = c`.
///
/// # Errors
/// When the constraint system refuses the constraint.
pub fn enforce_product(
    cs: &ConstraintSystemRef<Fr>,
    a: &Wire,
    b: &Wire,
    c: &Wire,
) -> Result<(), SynthesisError> {
    cs.enforce_r1cs_constraint(|| a.lc.clone(), || b.lc.clone(), || c.lc.clone())
}

/// `a = b`.
///
/// # Errors
/// When the constraint system refuses the constraint.
pub fn enforce_equal(
    cs: &ConstraintSystemRef<Fr>,
    a: &Wire,
    b: &Wire,
) -> Result<(), SynthesisError> {
    enforce_product(cs, a, &Wire::constant(Fr::ONE), b)
}

/// The value is one of those listed: the product of the differences is 0. With a switch that is 0
/// nothing is demanded.
///
/// # Errors
/// For an empty list, and when the constraint system refuses an allocation.
pub fn enforce_one_of(
    cs: &ConstraintSystemRef<Fr>,
    value: &Wire,
    list: &[Wire],
    switch: Option<&Wire>,
) -> Result<(), SynthesisError> {
    let mut product = switch.cloned().unwrap_or_else(|| Wire::constant(Fr::ONE));
    let Some((last, rest)) = list.split_last() else {
        return Err(SynthesisError::Unsatisfiable);
    };
    for item in rest {
        product = product.times(cs, &value.minus(item))?;
    }
    enforce_product(cs, &product, &value.minus(last), &Wire::constant(Fr::ZERO))
}

/// `Σ 2^i·bit_i` of the values of bits, which may be no bits.
#[must_use]
pub fn number_of_bits(bits: &[Fr]) -> Fr {
    bits.iter().rev().fold(Fr::ZERO, |number, bit| number.double() + bit)
}

/// The little-endian bits of an unsigned integer as new private bits.
///
/// # Errors
/// When the constraint system refuses an allocation.
pub fn allocate_bits(
    cs: &ConstraintSystemRef<Fr>,
    value: u64,
    bits: u32,
) -> Result<Vec<Wire>, SynthesisError> {
    (0..bits).map(|i| Wire::bit(cs, value.checked_shr(i).unwrap_or(0) & 1 == 1)).collect()
}
