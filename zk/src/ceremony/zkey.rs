//! Phase 2: a proving key in the public `.zkey` format, taken over only if every point in it is the
//! one that the circuit and the powers of tau determine.
//!
//! Each list of points is compared in one random combination with what the circuit's constraints and
//! the powers say it must be, up to δ, which is the one thing that phase 2 adds. So a key of another
//! circuit, of other powers, or with a single point replaced is refused here, whoever made it. Who
//! contributed to δ, and that each contributor knew its part, is read from the file's history
//! ([`super::history`]), which must start from the key that circuit and powers alone determine
//! ([`super::initial`]).
//!
//! Committed inputs are public inputs to the public tools, so `IC` holds their bases: `γABC_j` with
//! `γ = 1`. Source of the format: <https://github.com/iden3/snarkjs>, `zkey_utils` and `zkey_new`.

use std::io::{Read, Seek, Write};

use ark_bn254::{Bn254, Fq, Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{AffineRepr, VariableBaseMSM};
use ark_ff::{AdditiveGroup, Field, One};
use ark_poly::{EvaluationDomain, GeneralEvaluationDomain};
use ark_relations::gr1cs::Matrix;
use rand::{CryptoRng, RngCore};

use super::CeremonyError;
use super::container::{
    self, Container, NUMBER, POINT_1, POINT_2, bytes_1, bytes_2, coefficient, coefficient_bytes,
    malformed, modulus, point_1, point_2,
};
use super::history::{History, HistoryError};
use super::initial;
use super::phase1::{Powers, PowersFile, factors, shifted};
use super::r1cs::Constraints;

pub(super) const PROTOCOL: u32 = 1;
pub(super) const HEADER: u32 = 2;
pub(super) const BASES: u32 = 3;
pub(super) const COEFFICIENTS: u32 = 4;
pub(super) const A: u32 = 5;
pub(super) const B_1: u32 = 6;
pub(super) const B_2: u32 = 7;
pub(super) const PRIVATE: u32 = 8;
pub(super) const QUOTIENT: u32 = 9;
pub(super) const HISTORY: u32 = 10;

/// First bytes of a key.
pub const MAGIC: &[u8; 4] = b"zkey";
/// The format's version.
pub(super) const VERSION: u32 = 1;

/// The protocol's number in the file's first section.
pub(super) const GROTH16: u32 = 1;
/// Bytes of an entry of the coefficients: matrix, row, variable, value.
pub(super) const ENTRY: usize = 12 + NUMBER;

/// A key as it was read, before its points were compared with the circuit.
struct Key {
    stock: ark_groth16::ProvingKey<Bn254>,
}

/// Reads the key of a circuit and checks all of it, with its history.
///
/// # Errors
/// [`CeremonyError::Format`] for bytes that are no key, [`CeremonyError::Key`] for one of another
/// circuit, of other powers, without a contribution, or with a wrong point,
/// [`CeremonyError::History`] for contributions that do not lead to it; and what
/// [`PowersFile::powers`] returns.
pub fn import<K, P, G>(
    key: K,
    file: &mut PowersFile<P>,
    circuit: &Constraints,
    rng: &mut G,
) -> Result<(ark_groth16::ProvingKey<Bn254>, History), CeremonyError>
where
    K: Read + Seek,
    P: Read + Seek,
    G: RngCore + CryptoRng,
{
    let domain = circuit.domain().ok_or(CeremonyError::Key("the circuit is too large"))?;
    let mut container = Container::open(key, MAGIC, VERSION)?;
    let key = Key::read(&mut container, circuit, &domain)?;
    same_matrices(&mut container, circuit)?;
    let powers = file.powers(domain.size(), rng)?;
    key.check(circuit, &domain, &powers, rng)?;
    let history = History::read(&mut container)?;
    // The history starts from the key before any contribution: the same points, but for those that δ
    // divides.
    let lagrange = file.lagrange(&domain, &powers, rng)?;
    let first = initial::with_points(circuit, &key.stock, &lagrange);
    if initial::hash(&first, &powers, domain.size())? != *history.circuit() {
        return Err(HistoryError::Circuit.into());
    }
    history.check(&key.stock.delta_g1)?;
    Ok((key.stock, history))
}

/// Writes a key for circom's reduction as the public tools read it, without a history of contributions:
/// they prove with it, and can say nothing of where it came from.
///
/// # Errors
/// When the writer fails, or the key is not one of the circuit for that reduction.
pub fn export(
    key: &ark_groth16::ProvingKey<Bn254>,
    circuit: &Constraints,
    writer: &mut impl Write,
) -> Result<(), CeremonyError> {
    // The hash of the circuit, 64 bytes, and the number of contributions.
    write(key, circuit, vec![0; 68], writer)
}

/// Writes a key with the bytes of its history.
pub(super) fn write(
    key: &ark_groth16::ProvingKey<Bn254>,
    circuit: &Constraints,
    history: Vec<u8>,
    writer: &mut impl Write,
) -> Result<(), CeremonyError> {
    let too_large = || CeremonyError::Key("the circuit is too large");
    let size = circuit.domain().ok_or_else(too_large)?.size();
    let (variables, instance) = (circuit.variables(), circuit.instance());
    if key.a_query.len() != variables
        || key.vk.gamma_abc_g1.len() != instance
        || key.h_query.len() != size
    {
        return Err(CeremonyError::Key("it is for another circuit or reduction"));
    }
    let number = |value: usize| u32::try_from(value).map_err(|_| too_large());
    let header = Header {
        sizes: [number(variables)?, number(instance.saturating_sub(1))?, number(size)?],
        alpha_1: key.vk.alpha_g1,
        beta_1: key.beta_g1,
        beta_2: key.vk.beta_g2,
        gamma_2: key.vk.gamma_g2,
        delta_1: key.delta_g1,
        delta_2: key.vk.delta_g2,
    };
    let entries = entries(circuit)?;
    let mut coefficients = Vec::with_capacity(entries.len().saturating_mul(ENTRY) + 4);
    coefficients.extend(number(entries.len())?.to_le_bytes());
    for (matrix, row, variable, value) in entries {
        coefficients.extend([matrix, row, variable].iter().flat_map(|n| n.to_le_bytes()));
        coefficients.extend(coefficient_bytes(&value));
    }
    let first = |points: &[G1Affine]| points.iter().flat_map(bytes_1).collect::<Vec<u8>>();
    let sections = [
        (PROTOCOL, GROTH16.to_le_bytes().to_vec()),
        (HEADER, header.bytes()),
        (COEFFICIENTS, coefficients),
        (BASES, first(&key.vk.gamma_abc_g1)),
        (QUOTIENT, first(&key.h_query)),
        (PRIVATE, first(&key.l_query)),
        (A, first(&key.a_query)),
        (B_1, first(&key.b_g1_query)),
        (B_2, key.b_g2_query.iter().flat_map(bytes_2).collect()),
        (HISTORY, history),
    ];
    Ok(container::write(writer, MAGIC, VERSION, &sections)?)
}

/// The first two sections: sizes, and the points that belong to no variable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Header {
    /// Variables, public inputs, domain.
    pub sizes: [u32; 3],
    pub alpha_1: G1Affine,
    pub beta_1: G1Affine,
    pub beta_2: G2Affine,
    pub gamma_2: G2Affine,
    pub delta_1: G1Affine,
    pub delta_2: G2Affine,
}

impl Header {
    pub(super) fn read<R: Read + Seek>(file: &mut Container<R>) -> Result<Self, CeremonyError> {
        if file.whole(PROTOCOL, 4)? != GROTH16.to_le_bytes() {
            return Err(malformed("a key of another proof system").into());
        }
        let header = file.whole(HEADER, 1 << 10)?;
        let moduli = [modulus::<Fq>(), modulus::<Fr>()].concat();
        let rest =
            header.strip_prefix(moduli.as_slice()).ok_or(malformed("a key for another curve"))?;
        let (sizes, mut points) =
            rest.split_at_checked(12).ok_or(malformed("the header is cut short"))?;
        if points.len() != 3 * POINT_1 + 3 * POINT_2 {
            return Err(malformed("the header is of another length").into());
        }
        let mut stated = [0u32; 3];
        for (number, bytes) in stated.iter_mut().zip(sizes.chunks_exact(4)) {
            *number = bytes.first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        }
        let mut next = |length: usize| {
            let (point, others) = points.split_at(length);
            points = others;
            point
        };
        Ok(Self {
            sizes: stated,
            alpha_1: point_1(next(POINT_1))?,
            beta_1: point_1(next(POINT_1))?,
            beta_2: point_2(next(POINT_2))?,
            gamma_2: point_2(next(POINT_2))?,
            delta_1: point_1(next(POINT_1))?,
            delta_2: point_2(next(POINT_2))?,
        })
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = [modulus::<Fq>(), modulus::<Fr>()].concat();
        bytes.extend(self.sizes.iter().flat_map(|size| size.to_le_bytes()));
        bytes.extend(bytes_1(&self.alpha_1));
        bytes.extend(bytes_1(&self.beta_1));
        bytes.extend(bytes_2(&self.beta_2));
        bytes.extend(bytes_2(&self.gamma_2));
        bytes.extend(bytes_1(&self.delta_1));
        bytes.extend(bytes_2(&self.delta_2));
        bytes
    }
}

impl Key {
    fn read<R: Read + Seek>(
        file: &mut Container<R>,
        circuit: &Constraints,
        domain: &GeneralEvaluationDomain<Fr>,
    ) -> Result<Self, CeremonyError> {
        let header = Header::read(file)?;
        let (variables, instance) = (circuit.variables(), circuit.instance());
        let expected = [variables, instance.saturating_sub(1), domain.size()];
        if header.sizes.map(|size| size as usize) != expected {
            return Err(CeremonyError::Key("variables, inputs or domain differ"));
        }

        let private = variables.saturating_sub(instance);
        for (section, items, size) in [
            (BASES, instance, POINT_1),
            (A, variables, POINT_1),
            (B_1, variables, POINT_1),
            (B_2, variables, POINT_2),
            (PRIVATE, private, POINT_1),
            (QUOTIENT, domain.size(), POINT_1),
        ] {
            file.expect(section, items as u64, size)?;
        }
        let stock = ark_groth16::ProvingKey {
            vk: ark_groth16::VerifyingKey {
                alpha_g1: header.alpha_1,
                beta_g2: header.beta_2,
                gamma_g2: header.gamma_2,
                delta_g2: header.delta_2,
                gamma_abc_g1: file.points_1(BASES, instance)?,
            },
            beta_g1: header.beta_1,
            delta_g1: header.delta_1,
            a_query: file.points_1(A, variables)?,
            b_g1_query: file.points_1(B_1, variables)?,
            b_g2_query: file.points_2(B_2, variables)?,
            h_query: file.points_1(QUOTIENT, domain.size())?,
            l_query: file.points_1(PRIVATE, private)?,
        };
        Ok(Self { stock })
    }

    /// Compares every point with what circuit and powers say it must be.
    fn check<G: RngCore + CryptoRng>(
        &self,
        circuit: &Constraints,
        domain: &GeneralEvaluationDomain<Fr>,
        powers: &Powers,
        rng: &mut G,
    ) -> Result<(), CeremonyError> {
        let refuse = |what| Err(CeremonyError::Key(what));
        let key = &self.stock;
        let one_2 = G2Affine::generator();
        let delta = key.vk.delta_g2;
        if key.vk.gamma_g2 != one_2 {
            return refuse("gamma is not one");
        }
        if key.delta_g1.is_zero() || delta.is_zero() || delta == one_2 {
            return refuse("nobody contributed to it");
        }
        let delta_1 = G1Projective::from(key.delta_g1);
        if !shifted(delta_1, G1Projective::from(G1Affine::generator()), &delta) {
            return refuse("delta differs between the groups");
        }
        if powers.alpha_tau.first() != Some(&key.vk.alpha_g1)
            || powers.beta_tau.first() != Some(&key.beta_g1)
            || powers.beta_2 != key.vk.beta_g2
        {
            return refuse("alpha or beta are of other powers of tau");
        }

        let factors = factors(circuit.variables(), rng);
        let (public, private) = factors
            .split_at_checked(circuit.instance())
            .ok_or(CeremonyError::Key("more inputs than variables"))?;
        let of = |points: &[G1Affine], values: &[Fr]| G1Projective::msm_unchecked(points, values);
        // One consistency row for each instance variable, in the first matrix.
        let [mut a, b, _] = circuit.matrices().map(|matrix| rows(matrix, &factors));
        a.extend(public);
        let (first, second) = (coefficients(domain, a), coefficients(domain, b));
        if of(&key.a_query, &factors) != of(&powers.tau_1, &first) {
            return refuse("a point of A is wrong");
        }
        if of(&key.b_g1_query, &factors) != of(&powers.tau_1, &second) {
            return refuse("a point of B in the first group is wrong");
        }
        if G2Projective::msm_unchecked(&key.b_g2_query, &factors)
            != G2Projective::msm_unchecked(&powers.tau_2, &second)
        {
            return refuse("a point of B in the second group is wrong");
        }

        // β·A + α·B + C of the instance, and of the rest, which is divided by δ.
        let zeros = |count: usize| std::iter::repeat_n(Fr::ZERO, count);
        let only_public: Vec<Fr> = public.iter().copied().chain(zeros(private.len())).collect();
        let only_private: Vec<Fr> = zeros(public.len()).chain(private.iter().copied()).collect();
        let combined = |factors: &[Fr], own_rows: &[Fr]| {
            let [mut a, b, c] = circuit.matrices().map(|matrix| rows(matrix, factors));
            a.extend(own_rows);
            of(&powers.beta_tau, &coefficients(domain, a))
                + of(&powers.alpha_tau, &coefficients(domain, b))
                + of(&powers.tau_1, &coefficients(domain, c))
        };
        let bases = of(&key.vk.gamma_abc_g1, public);
        if bases != combined(&only_public, public) {
            return refuse("a base of the inputs is wrong");
        }
        let rest = of(&key.l_query, private);
        if !shifted(combined(&only_private, &[]), rest, &delta) {
            return refuse("a point of the private variables is wrong");
        }
        self.check_quotient(domain, powers, rng)
    }

    /// The odd Lagrange polynomials of the doubled domain, divided by δ.
    fn check_quotient<G: RngCore + CryptoRng>(
        &self,
        domain: &GeneralEvaluationDomain<Fr>,
        powers: &Powers,
        rng: &mut G,
    ) -> Result<(), CeremonyError> {
        let too_large = CeremonyError::Key("the circuit is too large");
        let size = domain.size();
        let double =
            size.checked_mul(2).and_then(GeneralEvaluationDomain::<Fr>::new).ok_or(too_large)?;
        let factors = factors(size, rng);
        let spread = factors.iter().flat_map(|factor| [Fr::ZERO, *factor]).collect();
        // Where the file of powers ends at 2^(p+1) − 2, so do the sums: A·B − C has no higher degree.
        let monomials = coefficients(&double, spread);
        let expected = G1Projective::msm_unchecked(&powers.tau_1, &monomials);
        let found = G1Projective::msm_unchecked(&self.stock.h_query, &factors);
        if !shifted(expected, found, &self.stock.vk.delta_g2) {
            return Err(CeremonyError::Key("a point of the quotient is wrong"));
        }
        Ok(())
    }
}

/// A matrix times a vector.
fn rows(matrix: &Matrix<Fr>, values: &[Fr]) -> Vec<Fr> {
    let term = |(factor, wire): &(Fr, usize)| {
        let value = values.get(*wire).copied().unwrap_or_default();
        if factor.is_one() { value } else { value * factor }
    };
    matrix.iter().map(|terms| terms.iter().map(term).sum()).collect()
}

/// Coefficients of the polynomial with these values at the domain's points, zero at the rest.
fn coefficients(domain: &GeneralEvaluationDomain<Fr>, mut values: Vec<Fr>) -> Vec<Fr> {
    domain.ifft_in_place(&mut values);
    values
}

/// The matrices as a file holds them, the first with its consistency rows: matrix, row, variable,
/// value; row by row, in each the terms of A before those of B, in the order of variables.
///
/// # Errors
/// [`CeremonyError::Key`] if the circuit is too large for the format.
pub(super) fn entries(circuit: &Constraints) -> Result<Vec<(u32, u32, u32, Fr)>, CeremonyError> {
    let number = |value: usize| {
        u32::try_from(value).map_err(|_| CeremonyError::Key("the circuit is too large"))
    };
    let [a, b, _] = circuit.matrices();
    let mut entries = Vec::new();
    for (row, (a, b)) in a.iter().zip(b).enumerate() {
        for (which, terms) in [(0, a), (1, b)] {
            let mut terms: Vec<&(Fr, usize)> = terms.iter().collect();
            terms.sort_unstable_by_key(|(_, wire)| *wire);
            for (factor, wire) in terms {
                entries.push((which, number(row)?, number(*wire)?, *factor));
            }
        }
    }
    for input in 0..circuit.instance() {
        let row = circuit.len().saturating_add(input);
        entries.push((0, number(row)?, number(input)?, Fr::ONE));
    }
    Ok(entries)
}

/// Compares the matrices that the file holds with the circuit's.
fn same_matrices<R: Read + Seek>(
    file: &mut Container<R>,
    circuit: &Constraints,
) -> Result<(), CeremonyError> {
    let other = || CeremonyError::Key("it is for other constraints");
    let mut expected = entries(circuit)?;
    let length = expected.len().saturating_mul(ENTRY).saturating_add(4);
    let bytes = file.whole(COEFFICIENTS, length)?;
    let count = bytes.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes) as usize);
    if count != Some(expected.len()) || bytes.len() != length {
        return Err(other());
    }
    let mut found = Vec::with_capacity(expected.len());
    for entry in bytes.get(4..).unwrap_or_default().chunks_exact(ENTRY) {
        let (place, value) = entry.split_at(12);
        let mut numbers = place
            .chunks_exact(4)
            .filter_map(|bytes| bytes.first_chunk::<4>())
            .map(|bytes| u32::from_le_bytes(*bytes));
        let mut next = || numbers.next().unwrap_or(u32::MAX);
        found.push((next(), next(), next(), coefficient(value)?));
    }
    let place = |entry: &(u32, u32, u32, Fr)| (entry.0, entry.1, entry.2);
    expected.sort_unstable_by_key(place);
    found.sort_unstable_by_key(place);
    if expected == found { Ok(()) } else { Err(other()) }
}
