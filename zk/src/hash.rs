//! Poseidon over BN254's scalar field with circomlib's parameters, native and in circuit, and every
//! hash of the protocol that a circuit computes.
//!
//! The parameters (x^5, 8 full rounds, constants of the reference script) are those of
//! `light_poseidon::parameters::bn254_x5`; the permutation is that of Grassi et al., "Poseidon",
//! USENIX Security 2021, and the output is the first element of the state, as circomlib has it.
//! Each hash with a meaning of its own starts with a constant of [`domain`]. Depends on
//! [`crate::circuit::wire`] only.

use std::sync::OnceLock;

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use light_poseidon::parameters::bn254_x5::get_poseidon_parameters;

use crate::circuit::wire::Wire;

/// Most inputs that one hash takes.
pub const MAX_INPUTS: usize = 12;

/// First inputs that keep hashes of different meaning apart.
///
/// Two hashes of one arity never share a constant; nodes of a tree are the only hash of two inputs
/// that are both free (see [`crate::merkle`]).
pub mod domain {
    use ark_bn254::Fr;
    use ark_ff::MontFp;

    /// Commitment to a master key.
    pub const KEY: Fr = MontFp!("1001");
    /// Key of one segment.
    pub const SEGMENT: Fr = MontFp!("1002");
    /// Blinder of a segment's column commitment.
    pub const BLIND: Fr = MontFp!("1003");
    /// Leaf of an issuer's tree.
    pub const CRED: Fr = MontFp!("1004");
    /// Holder's public name, from its secret.
    pub const HOLDER: Fr = MontFp!("1005");
    /// Nullifier of a credential in a scope.
    pub const NULL: Fr = MontFp!("1006");
    /// Pad over the master key in a delivery.
    pub const ENVELOPE: Fr = MontFp!("1007");
    /// Pad over the holder's name for the opener.
    pub const OPENER: Fr = MontFp!("1008");
    /// Inner node of a tree.
    pub const NODE: Fr = MontFp!("1009");
    /// Note of the shielded pool.
    pub const NOTE: Fr = MontFp!("1010");
    /// Nullifier of a note.
    pub const NOTE_NULL: Fr = MontFp!("1011");
}

/// Round constants and matrix of one width.
struct Parameters {
    width: usize,
    full_rounds: usize,
    partial_rounds: usize,
    /// `width` constants a round.
    constants: Vec<Fr>,
    /// Row-major, `width` by `width`.
    matrix: Vec<Fr>,
}

fn parameters(inputs: usize) -> &'static Parameters {
    static CACHE: [OnceLock<Parameters>; MAX_INPUTS] = [const { OnceLock::new() }; MAX_INPUTS];
    assert!((1..=MAX_INPUTS).contains(&inputs), "Poseidon takes 1 to 12 inputs, not {inputs}");
    CACHE[inputs - 1].get_or_init(|| {
        let width = u8::try_from(inputs + 1).expect("at most 13");
        let found = get_poseidon_parameters::<Fr>(width).expect("every width up to 13 exists");
        Parameters {
            width: found.width,
            full_rounds: found.full_rounds,
            partial_rounds: found.partial_rounds,
            constants: found.ark,
            matrix: found.mds.concat(),
        }
    })
}

fn fifth_power(value: Fr) -> Fr {
    value.square().square() * value
}

/// Poseidon of 1 to 12 field elements, as `circomlib/poseidon.circom` computes it.
///
/// # Panics
/// With no input or more than [`MAX_INPUTS`]: the arity is never foreign data.
#[must_use]
pub fn poseidon(inputs: &[Fr]) -> Fr {
    let p = parameters(inputs.len());
    let mut state = [Fr::ZERO; MAX_INPUTS + 1];
    state[1..p.width].copy_from_slice(inputs);
    let mut next = [Fr::ZERO; MAX_INPUTS + 1];
    let half = p.full_rounds / 2;
    let rounds = p.full_rounds + p.partial_rounds;
    for round in 0..rounds {
        for (cell, constant) in state.iter_mut().zip(&p.constants[round * p.width..]).take(p.width)
        {
            *cell += constant;
        }
        if round < half || round >= half + p.partial_rounds {
            for cell in &mut state[..p.width] {
                *cell = fifth_power(*cell);
            }
        } else {
            state[0] = fifth_power(state[0]);
        }
        // The output is the first element: the last matrix product needs one row only.
        let rows = if round + 1 == rounds { 1 } else { p.width };
        for (cell, row) in next.iter_mut().zip(p.matrix.chunks_exact(p.width)).take(rows) {
            *cell = row.iter().zip(&state).map(|(m, s)| *m * s).sum();
        }
        state = next;
    }
    state[0]
}

/// Partial rounds after which the state's linear combinations become variables again; without it
/// they grow by a term a round.
const FLATTEN_EVERY: usize = 16;

/// The constraints of [`poseidon`]: three a power, less where a value is constant, and one for each
/// flattened element of the state. Every constraint defines one new variable.
///
/// # Errors
/// When the constraint system refuses an allocation.
///
/// # Panics
/// With no input or more than [`MAX_INPUTS`].
pub fn poseidon_wire(
    cs: &ConstraintSystemRef<Fr>,
    inputs: &[Wire],
) -> Result<Wire, SynthesisError> {
    let p = parameters(inputs.len());
    let mut state = Vec::with_capacity(p.width);
    state.push(Wire::constant(Fr::ZERO));
    state.extend_from_slice(inputs);
    let half = p.full_rounds / 2;
    let rounds = p.full_rounds + p.partial_rounds;
    for round in 0..rounds {
        for (cell, constant) in state.iter_mut().zip(&p.constants[round * p.width..]) {
            *cell = cell.plus_constant(*constant);
        }
        let full = round < half || round >= half + p.partial_rounds;
        let powers = if full { p.width } else { 1 };
        for cell in state.iter_mut().take(powers) {
            let square = cell.times(cs, cell)?;
            let fourth = square.times(cs, &square)?;
            *cell = fourth.times(cs, cell)?;
        }
        if !full && (round - half) % FLATTEN_EVERY == FLATTEN_EVERY - 1 {
            for cell in state.iter_mut().skip(1) {
                *cell = cell.flatten(cs)?;
            }
        }
        let rows = if round + 1 == rounds { 1 } else { p.width };
        state = p
            .matrix
            .chunks_exact(p.width)
            .take(rows)
            .map(|row| Wire::combination(row.iter().copied().zip(&state)))
            .collect();
    }
    Ok(state.swap_remove(0))
}

/// `K`: the public commitment to a master key.
#[must_use]
pub fn key_commitment(key: Fr) -> Fr {
    poseidon(&[domain::KEY, key])
}

/// `k_i`: the key of segment `index` under the master key.
#[must_use]
pub fn segment_key(key: Fr, index: u64) -> Fr {
    poseidon(&[domain::SEGMENT, key, Fr::from(index)])
}

/// `b_j`: blinder `j` of the column commitment of the segment with this key.
#[must_use]
pub fn blinder(segment_key: Fr, j: u64) -> Fr {
    poseidon(&[domain::BLIND, segment_key, Fr::from(j)])
}

/// A person's name on the ledger: hides the secret, the same in every credential.
#[must_use]
pub fn holder(secret: Fr) -> Fr {
    poseidon(&[domain::HOLDER, secret])
}

/// Appears once for each use `j` of a secret in a scope; tells nothing about either.
#[must_use]
pub fn nullifier(secret: Fr, scope: Fr, j: u64) -> Fr {
    poseidon(&[domain::NULL, secret, scope, Fr::from(j)])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ark_ff::{MontFp, UniformRand};
    use ark_relations::gr1cs::ConstraintSystem;
    use light_poseidon::{Poseidon, PoseidonHasher};
    use rand::SeedableRng;

    fn numbers(n: u64) -> Vec<Fr> {
        (1..=n).map(Fr::from).collect()
    }

    #[test]
    fn circomlib_vectors() {
        // circomlibjs, test/poseidon.js, and go-iden3-crypto, poseidon/poseidon_test.go.
        let cases: [(Vec<Fr>, Fr); 7] = [
            (
                numbers(1),
                MontFp!(
                    "18586133768512220936620570745912940619677854269274689475585506675881198879027"
                ),
            ),
            (
                numbers(2),
                MontFp!(
                    "7853200120776062878684798364095072458815029376092732009249414926327459813530"
                ),
            ),
            (
                numbers(4),
                MontFp!(
                    "18821383157269793795438455681495246036402687001665670618754263018637548127333"
                ),
            ),
            (
                numbers(5),
                MontFp!(
                    "6183221330272524995739186171720101788151706631170188140075976616310159254464"
                ),
            ),
            (
                numbers(6),
                MontFp!(
                    "20400040500897583745843009878988256314335038853985262692600694741116813247201"
                ),
            ),
            (
                vec![Fr::from(1), Fr::from(2), Fr::ZERO, Fr::ZERO, Fr::ZERO],
                MontFp!(
                    "1018317224307729531995786483840663576608797660851238720571059489595066344487"
                ),
            ),
            (
                vec![Fr::from(3), Fr::from(4), Fr::ZERO, Fr::ZERO, Fr::ZERO],
                MontFp!(
                    "5811595552068139067952687508729883632420015185677766880877743348592482390548"
                ),
            ),
        ];
        for (inputs, expected) in cases {
            assert_eq!(poseidon(&inputs), expected, "{} inputs", inputs.len());
        }
    }

    #[test]
    fn equals_the_reference_and_the_circuit() {
        let rng = &mut rand_chacha::ChaCha20Rng::seed_from_u64(1);
        for n in 1..=MAX_INPUTS {
            let inputs: Vec<Fr> = (0..n).map(|_| Fr::rand(rng)).collect();
            let expected = Poseidon::<Fr>::new_circom(n).unwrap().hash(&inputs).unwrap();
            assert_eq!(poseidon(&inputs), expected, "{n} inputs");

            let cs = ConstraintSystem::<Fr>::new_ref();
            let mut wires = Vec::new();
            for value in &inputs {
                wires.push(Wire::witness(&cs, *value).unwrap());
            }
            let out = poseidon_wire(&cs, &wires).unwrap();
            assert_eq!(out.value(), expected);
            assert!(cs.is_satisfied().unwrap());
            // Every constraint defines one variable; the inputs are free.
            assert_eq!(cs.num_constraints() + n, cs.num_witness_variables());
        }
    }

    #[test]
    fn constraints_of_the_widths_in_use() {
        let counts: Vec<usize> = [2, 3, 4, 10]
            .map(|n| {
                let cs = ConstraintSystem::<Fr>::new_ref();
                let wires: Vec<Wire> =
                    numbers(n).iter().map(|v| Wire::witness(&cs, *v).unwrap()).collect();
                poseidon_wire(&cs, &wires).unwrap();
                cs.num_constraints()
            })
            .to_vec();
        assert_eq!(counts, [246, 270, 309, 499]);
    }

    #[test]
    fn domains_differ() {
        let key = Fr::from(7);
        let all = [
            key_commitment(key),
            holder(key),
            segment_key(key, 0),
            blinder(key, 0),
            segment_key(key, 1),
        ];
        for (i, a) in all.iter().enumerate() {
            for b in &all[i + 1..] {
                assert_ne!(a, b);
            }
        }
    }
}
