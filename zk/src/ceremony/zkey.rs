//! Phase 2: a proving key in the public `.zkey` format, taken over only if every point in it is the
//! one that the circuit and the powers of tau determine; and written out for the tools' own provers.
//!
//! Each list of points is compared in one random combination with what the circuit's constraints and
//! the powers say it must be, up to δ, which is the one thing that phase 2 adds. So a key of another
//! circuit, of other powers, or with a single point replaced is refused here, whoever made it. Who
//! contributed to δ, and that each contributor knew its part, is what `snarkjs zkey verify` checks from
//! the file's history; run it too.
//!
//! Committed inputs are public inputs to the public tools, so `IC` holds their bases: `γABC_j` with
//! `γ = 1`. Source of the format: <https://github.com/iden3/snarkjs>, `zkey_utils` and `zkey_new`.

use std::io::{self, Read, Seek, Write};

use ark_bn254::{Bn254, Fq, Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{AffineRepr, VariableBaseMSM};
use ark_ff::{AdditiveGroup, Field, One};
use ark_poly::{EvaluationDomain, GeneralEvaluationDomain};
use ark_relations::gr1cs::Matrix;
use rand::{CryptoRng, RngCore};

use super::CeremonyError;
use super::container::{
    self, Container, NUMBER, POINT_1, POINT_2, coefficient, coefficient_bytes, malformed, modulus,
    point_1, point_1_bytes, point_2, point_2_bytes,
};
use super::phase1::{Powers, PowersFile, factors, shifted};
use super::r1cs::Constraints;

const PROTOCOL: u32 = 1;
const HEADER: u32 = 2;
const BASES: u32 = 3;
const COEFFICIENTS: u32 = 4;
const A: u32 = 5;
const B_1: u32 = 6;
const B_2: u32 = 7;
const PRIVATE: u32 = 8;
const QUOTIENT: u32 = 9;
const HISTORY: u32 = 10;

/// The protocol's number in the file's first section.
const GROTH16: u32 = 1;
/// Bytes of an entry of the coefficients: matrix, row, variable, value.
const ENTRY: usize = 12 + NUMBER;

/// A key as it was read, before its points were compared with the circuit.
struct Key {
    stock: ark_groth16::ProvingKey<Bn254>,
}

/// Reads the key of a circuit and checks all of it.
///
/// # Errors
/// [`CeremonyError::Format`] for bytes that are no key, [`CeremonyError::Key`] for one of another
/// circuit, of other powers, without a contribution, or with a wrong point; and what
/// [`PowersFile::powers`] returns.
pub fn import<K, P, G>(
    key: K,
    powers: &mut PowersFile<P>,
    circuit: &Constraints,
    rng: &mut G,
) -> Result<ark_groth16::ProvingKey<Bn254>, CeremonyError>
where
    K: Read + Seek,
    P: Read + Seek,
    G: RngCore + CryptoRng,
{
    let domain = circuit.domain().ok_or(CeremonyError::Key("the circuit is too large"))?;
    let mut file = Container::open(key, b"zkey", 1)?;
    let key = Key::read(&mut file, circuit, &domain)?;
    same_matrices(&mut file, circuit)?;
    let powers = powers.powers(domain.size(), rng)?;
    key.check(circuit, &domain, &powers, rng)?;
    Ok(key.stock)
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
) -> io::Result<()> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what);
    let number = |value: usize| {
        u32::try_from(value).map(u32::to_le_bytes).map_err(|_| invalid("too large for the format"))
    };
    let domain = circuit.domain().ok_or_else(|| invalid("the circuit is too large"))?.size();
    let (variables, instance) = (circuit.variables(), circuit.instance());
    if key.a_query.len() != variables
        || key.vk.gamma_abc_g1.len() != instance
        || key.h_query.len() != domain
    {
        return Err(invalid("the key is for another circuit or reduction"));
    }
    let mut header = [modulus::<Fq>(), modulus::<Fr>()].concat();
    for size in [variables, instance.saturating_sub(1), domain] {
        header.extend(number(size)?);
    }
    header.extend(point_1_bytes(&key.vk.alpha_g1));
    header.extend(point_1_bytes(&key.beta_g1));
    header.extend(point_2_bytes(&key.vk.beta_g2));
    header.extend(point_2_bytes(&key.vk.gamma_g2));
    header.extend(point_1_bytes(&key.delta_g1));
    header.extend(point_2_bytes(&key.vk.delta_g2));

    let entries = entries(circuit).ok_or_else(|| invalid("too large for the format"))?;
    let mut coefficients = number(entries.len())?.to_vec();
    for (matrix, row, variable, value) in &entries {
        for number in [matrix, row, variable] {
            coefficients.extend(number.to_le_bytes());
        }
        coefficients.extend(coefficient_bytes(value));
    }
    let first = |points: &[G1Affine]| points.iter().flat_map(point_1_bytes).collect::<Vec<u8>>();
    let sections = [
        (PROTOCOL, GROTH16.to_le_bytes().to_vec()),
        (HEADER, header),
        (BASES, first(&key.vk.gamma_abc_g1)),
        (COEFFICIENTS, coefficients),
        (A, first(&key.a_query)),
        (B_1, first(&key.b_g1_query)),
        (B_2, key.b_g2_query.iter().flat_map(point_2_bytes).collect()),
        (PRIVATE, first(&key.l_query)),
        (QUOTIENT, first(&key.h_query)),
        // The hash of the circuit, 64 bytes, and the number of contributions.
        (HISTORY, vec![0; 68]),
    ];
    container::write(writer, b"zkey", 1, &sections)
}

impl Key {
    fn read<R: Read + Seek>(
        file: &mut Container<R>,
        circuit: &Constraints,
        domain: &GeneralEvaluationDomain<Fr>,
    ) -> Result<Self, CeremonyError> {
        if file.whole(PROTOCOL, 4)? != GROTH16.to_le_bytes() {
            return Err(malformed("a key of another proof system").into());
        }
        let header = file.whole(HEADER, 1 << 10)?;
        let moduli = [modulus::<Fq>(), modulus::<Fr>()].concat();
        let rest =
            header.strip_prefix(moduli.as_slice()).ok_or(malformed("a key for another curve"))?;
        let (sizes, mut points) =
            rest.split_at_checked(12).ok_or(malformed("the header is cut short"))?;
        let (variables, instance) = (circuit.variables(), circuit.instance());
        let expected = [variables, instance.saturating_sub(1), domain.size()];
        let stated: Vec<usize> = sizes
            .chunks_exact(4)
            .filter_map(|bytes| bytes.first_chunk::<4>())
            .map(|bytes| u32::from_le_bytes(*bytes) as usize)
            .collect();
        if stated != expected {
            return Err(CeremonyError::Key("variables, inputs or domain differ"));
        }
        if points.len() != 3 * POINT_1 + 3 * POINT_2 {
            return Err(malformed("the header is of another length").into());
        }
        let mut next = |length: usize| {
            let (point, others) = points.split_at(length);
            points = others;
            point
        };
        let alpha_g1 = point_1(next(POINT_1))?;
        let beta_g1 = point_1(next(POINT_1))?;
        let beta_g2 = point_2(next(POINT_2))?;
        let gamma_g2 = point_2(next(POINT_2))?;
        let delta_g1 = point_1(next(POINT_1))?;
        let delta_g2 = point_2(next(POINT_2))?;

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
                alpha_g1,
                beta_g2,
                gamma_g2,
                delta_g2,
                gamma_abc_g1: file.points_1(BASES, instance)?,
            },
            beta_g1,
            delta_g1,
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

/// The first two matrices as a key holds them, the first with its consistency rows: matrix, row,
/// variable, value. `None` if a number does not fit.
fn entries(circuit: &Constraints) -> Option<Vec<(u32, u32, u32, Fr)>> {
    let [a, b, _] = circuit.matrices();
    let number = |value: usize| u32::try_from(value).ok();
    let mut entries = Vec::new();
    for (which, matrix) in [(0, a), (1, b)] {
        for (row, terms) in matrix.iter().enumerate() {
            for (factor, wire) in terms {
                entries.push((which, number(row)?, number(*wire)?, *factor));
            }
        }
    }
    for input in 0..circuit.instance() {
        let row = circuit.len().saturating_add(input);
        entries.push((0, number(row)?, number(input)?, Fr::ONE));
    }
    Some(entries)
}

/// Compares the matrices that the file holds, the first with its consistency rows, with the circuit's.
fn same_matrices<R: Read + Seek>(
    file: &mut Container<R>,
    circuit: &Constraints,
) -> Result<(), CeremonyError> {
    let other = || CeremonyError::Key("it is for other constraints");
    let mut expected = entries(circuit).ok_or_else(other)?;
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
