//! The key of a circuit before any contribution, made from its constraints and the powers of τ, and
//! the hash by which a history of contributions names it.
//!
//! With γ and δ both one, every point is a sum of powers in Lagrange form, so the key is determined
//! byte for byte: the public tools make the same file. Everybody can forge proofs under it; only
//! contributions ([`super::contribute`]) make it safe. Depends on [`super::phase1`] and [`super::r1cs`].
//! Source of the construction: Bowe, Gabizon, Miers, "Scalable Multi-party Computation for zk-SNARK
//! Parameters in the Random Beacon Model", <https://eprint.iacr.org/2017/1050>.

use std::io::{Read, Seek, Write};

use ark_bn254::{Bn254, Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{Field, One};
use ark_poly::{EvaluationDomain, GeneralEvaluationDomain};
use ark_relations::gr1cs::Matrix;
use blake2::{Blake2b512, Digest};
use rand::{CryptoRng, RngCore};
use rayon::prelude::*;

use super::CeremonyError;
use super::drawn::{big_endian_1, big_endian_2};
use super::history::History;
use super::phase1::{Lagrange, Powers, PowersFile};
use super::r1cs::Constraints;
use super::zkey;

type Key = ark_groth16::ProvingKey<Bn254>;

/// Makes the key of a circuit and writes it as a `.zkey` file without contributions. Returns its hash.
///
/// # Errors
/// What [`PowersFile::powers`] and [`PowersFile::lagrange`] return, and when the writer fails.
pub fn write<P: Read + Seek, G: RngCore + CryptoRng>(
    circuit: &Constraints,
    file: &mut PowersFile<P>,
    rng: &mut G,
    writer: &mut impl Write,
) -> Result<[u8; 64], CeremonyError> {
    let too_large = || CeremonyError::Key("the circuit is too large");
    let domain = circuit.domain().ok_or_else(too_large)?;
    let size = domain.size();
    let double = size.checked_mul(2).and_then(GeneralEvaluationDomain::<Fr>::new);
    let double = double.ok_or_else(too_large)?;
    let powers = file.powers(size, rng)?;
    let lagrange = file.lagrange(&domain, &powers, rng)?;
    let second = file.lagrange_2(&domain, &powers, rng)?;

    let mut a = columns(circuit.matrices()[0], circuit.variables());
    own_rows(&mut a, circuit);
    let b = columns(circuit.matrices()[1], circuit.variables());
    let (alpha, beta) = (powers.alpha_tau.first(), powers.beta_tau.first());
    let (Some(alpha), Some(beta)) = (alpha, beta) else {
        return Err(CeremonyError::Powers("too few of them"));
    };
    let key = Key {
        vk: ark_groth16::VerifyingKey {
            alpha_g1: *alpha,
            beta_g2: powers.beta_2,
            gamma_g2: G2Affine::generator(),
            delta_g2: G2Affine::generator(),
            gamma_abc_g1: Vec::new(),
        },
        beta_g1: *beta,
        delta_g1: G1Affine::generator(),
        a_query: sums(&a, &lagrange.tau_1),
        b_g1_query: sums(&b, &lagrange.tau_1),
        b_g2_query: sums(&b, &second),
        h_query: file.lagrange_odd(&double, &powers, rng)?,
        l_query: Vec::new(),
    };
    let key = with_points(circuit, &key, &lagrange);
    let hash = hash(&key, &powers, size)?;

    zkey::write(&key, circuit, History::new(hash).bytes(), writer)?;
    Ok(hash)
}

/// A key with what its history starts from: δ is one, and the points of inputs and private variables
/// are those of the constraints.
pub(super) fn with_points(circuit: &Constraints, key: &Key, lagrange: &Lagrange) -> Key {
    let [mut a, b, c] = circuit.matrices().map(|matrix| columns(matrix, circuit.variables()));
    own_rows(&mut a, circuit);
    let points: Vec<G1Projective> = (0..circuit.variables())
        .into_par_iter()
        .map(|variable| {
            sum(&a[variable], &lagrange.beta_tau)
                + sum(&b[variable], &lagrange.alpha_tau)
                + sum(&c[variable], &lagrange.tau_1)
        })
        .collect();
    let mut points = G1Projective::normalize_batch(&points);
    let private = points.split_off(circuit.instance().min(points.len()));
    let mut key = key.clone();
    key.delta_g1 = G1Affine::generator();
    key.vk.delta_g2 = G2Affine::generator();
    key.vk.gamma_abc_g1 = points;
    key.l_query = private;
    key
}

/// The hash that a history of contributions starts with: of every point of the key, and of the powers
/// that make up the quotient.
pub(super) fn hash(key: &Key, powers: &Powers, size: usize) -> Result<[u8; 64], CeremonyError> {
    let mut hasher = Blake2b512::new();
    hasher.update(big_endian_1(&key.vk.alpha_g1));
    hasher.update(big_endian_1(&key.beta_g1));
    hasher.update(big_endian_2(&key.vk.beta_g2));
    hasher.update(big_endian_2(&key.vk.gamma_g2));
    hasher.update(big_endian_1(&key.delta_g1));
    hasher.update(big_endian_2(&key.vk.delta_g2));
    let list = |hasher: &mut Blake2b512, points: &[G1Affine]| {
        hasher.update((points.len() as u32).to_be_bytes());
        for point in points {
            hasher.update(big_endian_1(point));
        }
    };
    list(&mut hasher, &key.vk.gamma_abc_g1);
    // τ^i·(τ^size − 1): the quotient in monomials.
    let quotient: Option<Vec<G1Projective>> = (0..size.saturating_sub(1))
        .map(|i| Some(*powers.tau_1.get(i.checked_add(size)?)? - powers.tau_1.get(i)?.into_group()))
        .collect();
    let quotient = quotient.ok_or(CeremonyError::Powers("too few of them"))?;
    list(&mut hasher, &G1Projective::normalize_batch(&quotient));
    list(&mut hasher, &key.l_query);
    list(&mut hasher, &key.a_query);
    list(&mut hasher, &key.b_g1_query);
    hasher.update((key.b_g2_query.len() as u32).to_be_bytes());
    for point in &key.b_g2_query {
        hasher.update(big_endian_2(point));
    }
    Ok(hasher.finalize().into())
}

/// A variable's terms: factor and row.
type Terms = Vec<(Fr, usize)>;

/// A matrix by variables.
fn columns(matrix: &Matrix<Fr>, variables: usize) -> Vec<Terms> {
    let mut columns = vec![Terms::new(); variables];
    for (row, terms) in matrix.iter().enumerate() {
        for (factor, variable) in terms {
            if let Some(column) = columns.get_mut(*variable) {
                column.push((*factor, row));
            }
        }
    }
    columns
}

/// A consistency row for each instance variable, after the constraints.
fn own_rows(columns: &mut [Terms], circuit: &Constraints) {
    for (input, column) in columns.iter_mut().enumerate().take(circuit.instance()) {
        column.push((Fr::ONE, circuit.len().saturating_add(input)));
    }
}

fn sum<A: AffineRepr<ScalarField = Fr>>(terms: &[(Fr, usize)], points: &[A]) -> A::Group {
    let mut sum = A::Group::default();
    for (factor, row) in terms {
        let Some(point) = points.get(*row) else { continue };
        if factor.is_one() {
            sum += point;
        } else if (-*factor).is_one() {
            sum -= point;
        } else {
            sum += *point * factor;
        }
    }
    sum
}

fn sums<A: AffineRepr<ScalarField = Fr>>(columns: &[Terms], points: &[A]) -> Vec<A> {
    let sums: Vec<A::Group> = columns.par_iter().map(|terms| sum(terms, points)).collect();
    A::Group::normalize_batch(&sums)
}
