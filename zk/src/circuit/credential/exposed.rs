//! The circuit laid open to the harness that attacks its constraints.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};

use super::types::DISCLOSABLE;
use super::{
    ATTRIBUTES, COUNTRIES, Country, Credential, CredentialPublic, CredentialWitness, Disclosed,
    Meant, PLAIN, ROOTS,
};
use crate::circuit::edwards::{JubScalar, scalar_of_bits};
use crate::circuit::wire::number_of_bits;
use crate::field::Scalar;
use crate::merkle::Path;
use crate::statement::{Statement, Unsatisfied};
use crate::testing::{Attack, Exposed, Position, System};

impl Credential {
    /// A circuit of the same code that the harness gets through in seconds.
    #[must_use]
    pub fn small() -> Self {
        Self {
            depth: 2,
            roots: 3,
            countries: 3,
            purpose_bits: 4,
            day_bits: 5,
            use_bits: 3,
            scalar_bits: 8,
        }
    }

    /// Lengths of the groups of private variables, in their order.
    fn groups(&self) -> [usize; 10] {
        let uses = self.use_bits as usize;
        let purposes = self.purpose_bits as usize;
        let depth = self.depth as usize;
        [
            1,
            uses,
            uses,
            purposes,
            purposes,
            self.day_bits as usize,
            PLAIN.len(),
            depth,
            depth,
            self.scalar_bits as usize,
        ]
    }

    /// Where a group starts.
    fn group(&self, number: usize) -> usize {
        self.groups()[..number].iter().sum()
    }
}

const J: usize = 1;
const LEFT: usize = 2;
const APPROVED: usize = 3;
const REQUIRED: usize = 4;
const DAYS: usize = 5;
const PLAINS: usize = 6;
const INDEX: usize = 7;
const SIBLINGS: usize = 8;
const RANDOMNESS: usize = 9;

/// Positions of instance variables.
const DAY: Position = 1 + ROOTS + 2;
const PURPOSES: Position = DAY + 1;
const CODES: Position = PURPOSES + 2;
const SHOWN: Position = CODES + COUNTRIES;
const SCOPE: Position = SHOWN + 2 * DISCLOSABLE.len();
const J_LIMIT: Position = SCOPE + 1;

fn bit(number: u64, i: usize) -> Fr {
    Fr::from(number >> i & 1)
}

impl Exposed for Credential {
    fn private(&self) -> usize {
        self.groups().iter().sum()
    }

    fn supplied(&self) -> Vec<Position> {
        // All but roots, disclosed values, nullifier, R and c: those are what a prover claims.
        let shown = (0..DISCLOSABLE.len()).map(|i| SHOWN + 2 * i);
        (ROOTS + 1..SHOWN).chain(shown).chain([SCOPE, J_LIMIT, J_LIMIT + 2]).collect()
    }

    fn claim(&self, instance: &[Fr], private: &[Fr]) -> Result<(), Unsatisfied> {
        let group = |number| &private[self.group(number)..][..self.groups()[number]];
        let mut attributes = [Fr::ZERO; ATTRIBUTES];
        for (value, position) in group(PLAINS).iter().zip(PLAIN) {
            attributes[position] = *value;
        }
        attributes[3] = number_of_bits(group(APPROVED));
        attributes[5] = instance[DAY - 1] + Fr::ONE + number_of_bits(group(DAYS));
        let mut index = 0;
        for (i, bit) in group(INDEX).iter().enumerate() {
            if *bit == Fr::ONE {
                index |= 1 << i;
            } else if *bit != Fr::ZERO {
                return Err(Unsatisfied("a side of the path is neither left nor right".into()));
            }
        }
        let randomness = scalar_of_bits(group(RANDOMNESS))
            .ok_or_else(|| Unsatisfied("the encryption's scalar is not one".into()))?;
        let meant = Meant {
            secret: private[0],
            attributes,
            path: Path { index, siblings: group(SIBLINGS).to_vec() },
            j: number_of_bits(group(J)),
            randomness,
        };
        self.rules(instance, &meant)
    }

    fn honest(&self) -> Vec<(CredentialPublic, CredentialWitness)> {
        let (public, witness) = self.example();
        // The same credential asked for its other purpose bits, and to show everything; windows of
        // the scalar's bits of every kind between the two.
        let attributes = &witness.attributes;
        let mut others = witness.clone();
        others.randomness = JubScalar::from(0b0101_0110u64);
        let mut request = public.request.clone();
        request.purposes = attributes.purposes & !request.purposes;
        request.disclosed = Disclosed {
            role: Some(attributes.role),
            institution: Some(attributes.institution),
            country: Some(attributes.country),
            purposes: Some(attributes.purposes),
            expiry: Some(attributes.expiry),
            spare: attributes.spare.map(Some),
        };
        let other = CredentialPublic::answer(request, &others).expect("randomness is not 0");
        // Approved for everything, asked for everything, not yet for anything.
        let all = (1u32 << self.purpose_bits) - 1;
        let widest = [0, all].map(|purposes| {
            let mut witness = witness.clone();
            witness.attributes.purposes = all;
            let (mut request, holder) = (public.request.clone(), witness.secret.0);
            let leaf = super::leaf(crate::hash::holder(holder), &witness.attributes);
            request.roots[self.roots - 1] = Scalar(crate::merkle::root_of(leaf, &witness.path));
            request.purposes = purposes;
            let public = CredentialPublic::answer(request, &witness).expect("not 0");
            (public, witness)
        });
        let mut honest = vec![(public, witness), (other, others)];
        honest.extend(widest);
        honest
    }

    fn attacks(&self, system: &System) -> Vec<Attack> {
        let at = |group: usize, i: usize| system.private(self.group(group) + i);
        let bits = |group: usize, number: u64| {
            (0..self.groups()[group]).map(move |i| (at(group, i), bit(number, i)))
        };
        // A number written with one digit that is no bit.
        let digit = |group: usize, i: usize, number: Fr| {
            let mut digits: Vec<_> = bits(group, 0).collect();
            digits[i].1 = number / Fr::from(1u64 << i);
            digits
        };
        let mut attacks = Vec::new();

        // j = −1, and j = j_limit with −1 left: one use too many.
        let limit = 3;
        for i in 0..self.use_bits as usize {
            let minus_one = -Fr::ONE;
            attacks
                .push(Attack::forcing(digit(J, i, minus_one).into_iter().chain(bits(LEFT, limit))));
            attacks.push(Attack::forcing(bits(J, limit).chain(digit(LEFT, i, minus_one))));
        }
        attacks.push(Attack::forcing(bits(J, limit).chain(bits(LEFT, 0))));

        // All purposes demanded, only one approved: the demand written with one digit.
        let all = (1u64 << self.purpose_bits) - 1;
        for i in 0..self.purpose_bits as usize {
            let demand = (PURPOSES, Fr::from(all));
            let one_approved = bits(APPROVED, 1 << i);
            let written = digit(REQUIRED, i, Fr::from(all));
            attacks.push(Attack::forcing(one_approved.chain(written).chain([demand])));
            // One purpose demanded and not approved.
            let demand = (PURPOSES, Fr::from(1u64 << i));
            let none = bits(APPROVED, 0).chain(bits(REQUIRED, 1 << i));
            attacks.push(Attack::forcing(none.chain([demand])));
        }
        attacks.push(Attack::forcing(
            bits(APPROVED, 0).chain(bits(REQUIRED, 0)).chain([(PURPOSES, Fr::from(all))]),
        ));

        // A root, or a country, that is not listed: one factor of the product set to 0.
        let stranger = Country::new("XX").expect("two letters").value();
        let country = (at(PLAINS, 2), stranger);
        attacks.push(Attack::forcing([country]));
        let last_root = ROOTS.min(self.roots);
        for row in 0..system.constraints() {
            let Some(factor) = system.defined_by(row) else { continue };
            let variables = system.variables(row);
            if variables.iter().any(|v| (1..=last_root).contains(v)) {
                let other_root = (last_root, Fr::from(12_345));
                attacks.push(Attack::forcing([(factor, Fr::ZERO), other_root]));
            }
            if variables.iter().any(|v| (CODES..SHOWN).contains(v)) {
                attacks.push(Attack::forcing([(factor, Fr::ZERO), country]));
            }
        }
        attacks
    }
}
