//! "A credential of an accepted issuer allows this", without saying whose.
//!
//! Statement: the prover knows a secret, attributes `a_1..a_8`, a path, `j` and `r` such that
//! - the leaf `Poseidon(CRED, Poseidon(HOLDER, secret), a_1..a_8)` lies under one of the roots;
//! - `day < expiry`: a credential that expires today is refused;
//! - every required purpose is among the approved ones; both are integers below 2^32;
//! - the country is one of those named, if any is;
//! - every disclosed value is the attribute, and an undisclosed one shows as 0;
//! - `nullifier = Poseidon(NULL, secret, scope, j)` with `j < j_limit`;
//! - `R = r·G` and `c = Poseidon(HOLDER, secret) + Poseidon(OPENER, S.x, S.y, message)` where
//!   `S = r·opener`.
//!
//! Order of the public inputs: 16 roots; opener (x, y); day; purposes; 1 if countries are
//! restricted, else 0; 32 country codes (the last one repeated, or 0); for each attribute but the
//! ethics approval 1 or 0 and the value or 0; scope; j_limit; nullifier; message; R (x, y); c.
//! The opener and R are points of the prime subgroup and not the identity, as
//! [`crate::point::JubPoint`] sees to. Depends on [`crate::hash`], [`crate::merkle`], [`super::edwards`].

#[cfg(any(test, feature = "testing"))]
mod exposed;
mod types;

use ark_bn254::Fr;
use ark_ec::AffineRepr;
use ark_ed_on_bn254::EdwardsAffine;
use ark_ff::{AdditiveGroup, Field, PrimeField};
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};

pub use types::{
    ATTRIBUTES, Attributes, COUNTRIES, Countries, Country, CredentialPublic, CredentialRequest,
    CredentialWitness, Disclosed, Opening, ROOTS, leaf,
};
use types::{DISCLOSABLE, leaf_of_values, pad};

use super::edwards::{
    JubScalar, PointWire, SCALAR_BITS, enforce_same_point, fits, scalar_bits, times_affine,
    times_generator, times_point,
};
use super::wire::{Wire, allocate_bits, enforce_equal, enforce_one_of, enforce_product};
use crate::field::Scalar;
use crate::hash::{domain, holder, poseidon, poseidon_wire};
use crate::merkle::{DEPTH, LeafTree, Path, root_of, root_of_wire};
use crate::point::JubPoint;
use crate::statement::{CircuitId, Statement, Unsatisfied};

/// The circuit. Every size but the full one is for tests, and speaks of the first few roots and
/// countries only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Credential {
    depth: u32,
    roots: usize,
    countries: usize,
    /// Bits of the purposes.
    purpose_bits: u32,
    /// Bits of the days that a credential may still be good for.
    day_bits: u32,
    /// Bits of `j` and of what `j` leaves to the limit.
    use_bits: u32,
    scalar_bits: u32,
}

impl Default for Credential {
    fn default() -> Self {
        Self {
            depth: DEPTH,
            roots: ROOTS,
            countries: COUNTRIES,
            purpose_bits: 32,
            day_bits: 32,
            use_bits: 16,
            scalar_bits: SCALAR_BITS,
        }
    }
}

/// Codes of the named countries, the last one repeated; zeros if none is named.
fn country_codes(public: &CredentialPublic) -> [Fr; COUNTRIES] {
    let mut codes = [Fr::ZERO; COUNTRIES];
    let list = public.request.countries.list();
    if let Some(last) = list.last() {
        for (i, code) in codes.iter_mut().enumerate() {
            *code = list.get(i).unwrap_or(last).value();
        }
    }
    codes
}

fn refuse(text: &str) -> Result<(), Unsatisfied> {
    Err(Unsatisfied(text.into()))
}

impl Statement for Credential {
    type Public = CredentialPublic;
    type Witness = CredentialWitness;

    fn circuit(&self) -> CircuitId {
        if *self == Self::default() {
            CircuitId("credential/1")
        } else {
            CircuitId("credential/1/unregistered")
        }
    }

    fn inputs(&self, public: &CredentialPublic) -> Vec<Fr> {
        let request = &public.request;
        let opener = request.opener.affine();
        let ephemeral = public.opening.ephemeral.affine();
        let mut inputs: Vec<Fr> = request.roots.iter().map(|root| root.0).collect();
        inputs.extend([opener.x, opener.y, Fr::from(request.day), Fr::from(request.purposes)]);
        inputs.push(Fr::from(!request.countries.list().is_empty()));
        inputs.extend(country_codes(public));
        for value in request.disclosed.values() {
            inputs.extend([Fr::from(value.is_some()), value.unwrap_or(Fr::ZERO)]);
        }
        inputs.extend([request.scope.0, Fr::from(request.j_limit), public.nullifier.0]);
        inputs.extend([request.message.0, ephemeral.x, ephemeral.y, public.opening.ciphertext.0]);
        inputs
    }

    fn check(
        &self,
        public: &CredentialPublic,
        witness: &CredentialWitness,
    ) -> Result<(), Unsatisfied> {
        if !fits(&witness.randomness, self.scalar_bits) {
            return refuse("the encryption's scalar is too long");
        }
        let meant = Meant {
            secret: witness.secret.0,
            attributes: witness.attributes.values(),
            path: witness.path.clone(),
            j: Fr::from(witness.j),
            randomness: witness.randomness,
        };
        self.rules(&self.inputs(public), &meant)
    }

    fn synthesize(
        &self,
        cs: ConstraintSystemRef<Fr>,
        public: &CredentialPublic,
        witness: &CredentialWitness,
    ) -> Result<(), SynthesisError> {
        if witness.path.siblings.len() != self.depth as usize {
            return Err(SynthesisError::Unsatisfiable);
        }
        let inputs = PublicWires::allocate(&cs, public)?;
        let private = PrivateWires::allocate(self, &cs, public, witness)?;

        let constant = Wire::constant;
        let secret = &private.secret;
        let holder = poseidon_wire(&cs, &[constant(domain::HOLDER), secret.clone()])?;
        let attributes = private.attributes(&cs, &inputs)?;
        let mut leaf = vec![constant(domain::CRED), holder.clone()];
        leaf.extend_from_slice(&attributes);
        let leaf = poseidon_wire(&cs, &leaf)?;
        let root = root_of_wire(&cs, &leaf, &private.index, &private.siblings)?;
        enforce_one_of(&cs, &root, &inputs.roots[..self.roots], None)?;

        let allowed = &inputs.countries[..self.countries];
        enforce_one_of(&cs, &attributes[2], allowed, Some(&inputs.restricted))?;
        for ((shown, value), position) in inputs.disclosed.iter().zip(DISCLOSABLE) {
            enforce_product(&cs, shown, &attributes[position], value)?;
        }

        // j and j_limit − 1 − j are both non-negative and far below the field's order.
        let j = Wire::from_bits(&private.j);
        let left = Wire::from_bits(&private.left);
        enforce_equal(&cs, &j.plus(&left).plus_constant(Fr::ONE), &inputs.j_limit)?;
        let tag = constant(domain::NULL);
        let found = poseidon_wire(&cs, &[tag, secret.clone(), inputs.scope, j])?;
        enforce_equal(&cs, &found, &inputs.nullifier)?;

        let ephemeral = times_generator(&cs, &private.randomness)?;
        enforce_same_point(&cs, &ephemeral, &inputs.ephemeral)?;
        let shared = times_point(&cs, &private.randomness, &inputs.opener)?;
        let tag = constant(domain::OPENER);
        let pad = poseidon_wire(&cs, &[tag, shared.x, shared.y, inputs.message])?;
        enforce_equal(&cs, &holder.plus(&pad), &inputs.ciphertext)
    }

    fn example(&self) -> (CredentialPublic, CredentialWitness) {
        let attributes = Attributes {
            role: 2,
            institution: Scalar::from(31_337),
            country: Country::new("NL").expect("two capital letters"),
            purposes: 0b0111,
            approval: Scalar::from(20_240_117),
            expiry: 20_010,
            spare: [Scalar::from(5), Scalar::from(6)],
        };
        let secret = Scalar::from(424_242);
        let leaves = [Fr::from(11), leaf(holder(secret.0), &attributes), Fr::from(13)];
        let tree = LeafTree::with_depth(self.depth, &leaves).expect("three leaves fit");
        let mut roots = [0u64; ROOTS].map(Scalar::from);
        for (i, root) in (900u64..).zip(roots.iter_mut()) {
            *root = Scalar::from(i);
        }
        roots[self.roots - 1] = Scalar(tree.root());
        let countries = ["BE", "NL"].iter().filter_map(|text| Country::new(text)).collect();
        let request = CredentialRequest {
            roots,
            opener: JubPoint::generator()
                .times(&JubScalar::from(777_777u64))
                .expect("a small scalar other than 0"),
            day: 20_000,
            purposes: 0b0101,
            countries: Countries::new(countries).expect("two countries"),
            disclosed: Disclosed { role: Some(2), ..Disclosed::default() },
            scope: Scalar::from(99),
            j_limit: 3,
            message: Scalar::from(123_456),
        };
        let randomness = if self.scalar_bits == SCALAR_BITS {
            // Long and of mixed bits.
            -JubScalar::from(1_234_567_891_011u64)
        } else {
            JubScalar::from((1u64 << self.scalar_bits.min(32)) - 3)
        };
        let path = tree.path(1).expect("within the tree");
        let witness = CredentialWitness { secret, attributes, path, j: 1, randomness };
        let public = CredentialPublic::answer(request, &witness).expect("the randomness is not 0");
        (public, witness)
    }
}

/// What the private values of a proof mean; the circuit's bits read as numbers.
struct Meant {
    secret: Fr,
    attributes: [Fr; ATTRIBUTES],
    path: Path,
    j: Fr,
    randomness: JubScalar,
}

/// The integer below 2^64 that a field element stands for.
fn integer(value: Fr) -> Option<u64> {
    match value.into_bigint().0 {
        [low, 0, 0, 0] => Some(low),
        _ => None,
    }
}

impl Credential {
    /// The meaning, over public inputs as the verifying key has them.
    fn rules(&self, inputs: &[Fr], meant: &Meant) -> Result<(), Unsatisfied> {
        let Some((roots, rest)) = inputs.split_at_checked(ROOTS) else {
            return refuse("too few public inputs");
        };
        let Some(([opener_x, opener_y, day, purposes, restricted], rest)) =
            rest.split_first_chunk()
        else {
            return refuse("too few public inputs");
        };
        let Some((countries, rest)) = rest.split_at_checked(COUNTRIES) else {
            return refuse("too few public inputs");
        };
        let Some((disclosed, rest)) = rest.split_at_checked(2 * DISCLOSABLE.len()) else {
            return refuse("too few public inputs");
        };
        let [scope, j_limit, public_nullifier, message, x, y, ciphertext] = rest else {
            return refuse("not the right number of public inputs");
        };
        let attributes = &meant.attributes;

        if meant.path.siblings.len() != self.depth as usize || meant.path.index >> self.depth != 0 {
            return refuse("the path is not one of this tree's depth");
        }
        let holder = holder(meant.secret);
        let root = root_of(leaf_of_values(holder, attributes), &meant.path);
        if !roots[..self.roots].contains(&root) {
            return refuse("the credential is not under an accepted root: revoked or out of date");
        }
        match (integer(attributes[5]), integer(*day)) {
            (Some(expiry), Some(day)) if day < expiry => {
                if (expiry - day - 1) >> self.day_bits != 0 {
                    return refuse("the expiry is too far away");
                }
            }
            _ => return refuse("the credential has expired"),
        }
        match (integer(attributes[3]), integer(*purposes)) {
            (Some(approved), Some(required)) if (approved | required) >> self.purpose_bits == 0 => {
                if approved & required != required {
                    return refuse("the credential does not cover the purpose");
                }
            }
            _ => return refuse("a purpose beyond the known bits"),
        }
        if *restricted != Fr::ZERO && !countries[..self.countries].contains(&attributes[2]) {
            return refuse("the holder's country is not among those allowed");
        }
        for (pair, position) in disclosed.chunks_exact(2).zip(DISCLOSABLE) {
            if pair[0] * attributes[position] != pair[1] {
                return refuse("a disclosed value is not the credential's");
            }
        }
        match (integer(meant.j), integer(*j_limit)) {
            (Some(j), Some(limit)) if j < limit && (limit - 1) >> self.use_bits == 0 => {}
            _ => return refuse("all uses of the credential in this scope are spent"),
        }
        if poseidon(&[domain::NULL, meant.secret, *scope, meant.j]) != *public_nullifier {
            return refuse("the nullifier is not the secret's in this scope");
        }
        let ephemeral = times_affine(&EdwardsAffine::generator(), &meant.randomness);
        let opener = EdwardsAffine::new_unchecked(*opener_x, *opener_y);
        let shared = times_affine(&opener, &meant.randomness);
        if ephemeral != (*x, *y) || holder + pad(shared, *message) != *ciphertext {
            return refuse("the holder's name is not encrypted to the opener");
        }
        Ok(())
    }
}

/// The public inputs in their order.
struct PublicWires {
    roots: Vec<Wire>,
    opener: PointWire,
    day: Wire,
    purposes: Wire,
    restricted: Wire,
    countries: Vec<Wire>,
    disclosed: Vec<(Wire, Wire)>,
    scope: Wire,
    j_limit: Wire,
    nullifier: Wire,
    message: Wire,
    ephemeral: PointWire,
    ciphertext: Wire,
}

impl PublicWires {
    fn allocate(
        cs: &ConstraintSystemRef<Fr>,
        public: &CredentialPublic,
    ) -> Result<Self, SynthesisError> {
        let request = &public.request;
        let input = |value| Wire::input(cs, value);
        Ok(Self {
            roots: request.roots.iter().map(|root| input(root.0)).collect::<Result<_, _>>()?,
            opener: PointWire::input(cs, request.opener.affine())?,
            day: input(Fr::from(request.day))?,
            purposes: input(Fr::from(request.purposes))?,
            restricted: input(Fr::from(!request.countries.list().is_empty()))?,
            countries: country_codes(public)
                .iter()
                .map(|code| input(*code))
                .collect::<Result<_, _>>()?,
            disclosed: request
                .disclosed
                .values()
                .iter()
                .map(|value| {
                    Ok((input(Fr::from(value.is_some()))?, input(value.unwrap_or(Fr::ZERO))?))
                })
                .collect::<Result<_, SynthesisError>>()?,
            scope: input(request.scope.0)?,
            j_limit: input(Fr::from(request.j_limit))?,
            nullifier: input(public.nullifier.0)?,
            message: input(request.message.0)?,
            ephemeral: PointWire::input(cs, public.opening.ephemeral.affine())?,
            ciphertext: input(public.opening.ciphertext.0)?,
        })
    }
}

/// The private values in their order, before everything that follows from them.
struct PrivateWires {
    secret: Wire,
    j: Vec<Wire>,
    /// `j_limit − 1 − j`.
    left: Vec<Wire>,
    approved: Vec<Wire>,
    required: Vec<Wire>,
    /// `expiry − day − 1`.
    days: Vec<Wire>,
    /// Attributes that are not written in bits: role, institution, country, approval, spare.
    plain: Vec<Wire>,
    index: Vec<Wire>,
    siblings: Vec<Wire>,
    randomness: Vec<Wire>,
}

/// Positions in the leaf of [`PrivateWires::plain`].
const PLAIN: [usize; ATTRIBUTES - 2] = [0, 1, 2, 4, 6, 7];

impl PrivateWires {
    fn allocate(
        circuit: &Credential,
        cs: &ConstraintSystemRef<Fr>,
        public: &CredentialPublic,
        witness: &CredentialWitness,
    ) -> Result<Self, SynthesisError> {
        let request = &public.request;
        let attributes = &witness.attributes;
        let values = attributes.values();
        let j = u64::from(witness.j);
        // Negative differences wrap, lose their upper bits, and fail the constraints.
        let left = u64::from(request.j_limit).wrapping_sub(1).wrapping_sub(j);
        let days = u64::from(attributes.expiry).wrapping_sub(request.day.into()).wrapping_sub(1);
        let bits = |value, length| allocate_bits(cs, value, length);
        let witnesses = |values: &[Fr]| {
            values.iter().map(|value| Wire::witness(cs, *value)).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            secret: Wire::witness(cs, witness.secret.0)?,
            j: bits(j, circuit.use_bits)?,
            left: bits(left, circuit.use_bits)?,
            approved: bits(attributes.purposes.into(), circuit.purpose_bits)?,
            required: bits(request.purposes.into(), circuit.purpose_bits)?,
            days: bits(days, circuit.day_bits)?,
            plain: witnesses(&PLAIN.map(|position| values[position]))?,
            index: bits(witness.path.index, circuit.depth)?,
            siblings: witnesses(&witness.path.siblings)?,
            randomness: scalar_bits(cs, &witness.randomness, circuit.scalar_bits)?,
        })
    }

    /// Attributes as the leaf has them. Purposes and expiry are sums of bits from the start, so that
    /// nothing but an integer in range can be in the leaf.
    fn attributes(
        &self,
        cs: &ConstraintSystemRef<Fr>,
        inputs: &PublicWires,
    ) -> Result<[Wire; ATTRIBUTES], SynthesisError> {
        for (approved, required) in self.approved.iter().zip(&self.required) {
            enforce_product(cs, approved, required, required)?;
        }
        enforce_equal(cs, &Wire::from_bits(&self.required), &inputs.purposes)?;

        let mut attributes: [Wire; ATTRIBUTES] = std::array::from_fn(|_| Wire::constant(Fr::ZERO));
        for (wire, position) in self.plain.iter().zip(PLAIN) {
            attributes[position] = wire.clone();
        }
        attributes[3] = Wire::from_bits(&self.approved);
        attributes[5] = Wire::from_bits(&self.days).plus(&inputs.day).plus_constant(Fr::ONE);
        Ok(attributes)
    }
}

#[cfg(test)]
mod tests;
