//! Phase 1: powers of tau in the public `.ptau` format, and the column commitments' reference string
//! taken from them.
//!
//! What is read is checked: points by their curve and group, and by pairings that they are the powers
//! of one τ, times α and β, in both groups. Who contributed is for the public tools to say
//! (`snarkjs powersoftau verify`); that check needs the file's history, this one only its points.
//! Source of the format: <https://github.com/iden3/snarkjs>, `powersoftau_utils`.

use std::io::{Read, Seek};

use ark_bn254::{Bn254, Fq, Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::pairing::Pairing;
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::Zero;
use ark_poly::{EvaluationDomain, GeneralEvaluationDomain};
use rand::{CryptoRng, Rng, RngCore};

use super::CeremonyError;
use super::container::{Container, POINT_1, POINT_2, malformed, modulus};
use crate::commitment::Srs;

const HEADER: u32 = 1;
const TAU_1: u32 = 2;
const TAU_2: u32 = 3;
const ALPHA_TAU: u32 = 4;
const BETA_TAU: u32 = 5;
const BETA_2: u32 = 6;
/// Prepared sections begin here: what [`TAU_1`] to [`BETA_TAU`] hold, as values at the points of
/// every domain up to the largest.
const PREPARED: u32 = 10;

/// Largest exponent: the scalar field has no larger domain.
const MAX_POWER: u32 = 28;

/// A file of powers of tau.
#[derive(Debug)]
pub struct PowersFile<R> {
    file: Container<R>,
    power: u32,
}

/// The powers that a circuit of some size needs, checked.
#[derive(Clone, Debug)]
pub struct Powers {
    /// `[τ^i]₁`: twice the domain, or one less where the file ends there.
    pub tau_1: Vec<G1Affine>,
    /// `[τ^i]₂` for the domain.
    pub tau_2: Vec<G2Affine>,
    /// `[α·τ^i]₁` for the domain.
    pub alpha_tau: Vec<G1Affine>,
    /// `[β·τ^i]₁` for the domain.
    pub beta_tau: Vec<G1Affine>,
    /// `[β]₂`.
    pub beta_2: G2Affine,
}

/// The same secrets as [`Powers`], in the form that constraints are multiplied with: for each point
/// `ω^i` of the domain, the polynomial that is one there and zero at the others.
#[derive(Clone, Debug)]
pub struct Lagrange {
    /// `[L_i(τ)]₁`.
    pub tau_1: Vec<G1Affine>,
    /// `[α·L_i(τ)]₁`.
    pub alpha_tau: Vec<G1Affine>,
    /// `[β·L_i(τ)]₁`.
    pub beta_tau: Vec<G1Affine>,
}

impl<R: Read + Seek> PowersFile<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`CeremonyError::Format`] for another kind of file, another curve, or sections of other
    /// lengths than the header says.
    pub fn open(reader: R) -> Result<Self, CeremonyError> {
        let mut file = Container::open(reader, b"ptau", 1)?;
        let header = file.whole(HEADER, 64)?;
        let rest = header
            .strip_prefix(modulus::<Fq>().as_slice())
            .ok_or(malformed("the powers are for another curve"))?;
        let power = rest
            .first_chunk::<4>()
            .map(|bytes| u32::from_le_bytes(*bytes))
            .filter(|power| (1..=MAX_POWER).contains(power))
            .ok_or(malformed("the header has no exponent from 1 to 28"))?;
        let size = 1u64 << power;
        file.expect(TAU_1, 2 * size - 1, POINT_1)?;
        file.expect(TAU_2, size, POINT_2)?;
        file.expect(ALPHA_TAU, size, POINT_1)?;
        file.expect(BETA_TAU, size, POINT_1)?;
        file.expect(BETA_2, 1, POINT_2)?;
        Ok(Self { file, power })
    }

    /// Logarithm of the largest domain.
    #[must_use]
    pub fn power(&self) -> u32 {
        self.power
    }

    /// Reads and checks what a circuit with a domain of `size` needs. `rng` draws the factors of the
    /// checks: whoever knows them beforehand could pass wrong points.
    ///
    /// # Errors
    /// [`CeremonyError::TooFew`], or [`CeremonyError::Powers`] if they are no powers of one secret.
    pub fn powers<G: RngCore + CryptoRng>(
        &mut self,
        size: usize,
        rng: &mut G,
    ) -> Result<Powers, CeremonyError> {
        let needed = size.next_power_of_two().trailing_zeros().max(1);
        if needed > self.power {
            return Err(CeremonyError::TooFew { needed, power: self.power });
        }
        let size = 1usize << needed;
        let twice = if needed == self.power { 2 * size - 1 } else { 2 * size };
        let [beta_2] = <[G2Affine; 1]>::try_from(self.file.points_2(BETA_2, 1)?)
            .map_err(|_| malformed("a section is too short"))?;
        let powers = Powers {
            tau_1: self.file.points_1(TAU_1, twice)?,
            tau_2: self.file.points_2(TAU_2, size)?,
            alpha_tau: self.file.points_1(ALPHA_TAU, size)?,
            beta_tau: self.file.points_1(BETA_TAU, size)?,
            beta_2,
        };
        powers.check(rng)?;
        Ok(powers)
    }

    /// The powers over a domain. They are read where the file is prepared for phase 2, and compared with
    /// `powers`; else they are computed, which takes minutes for a large domain.
    ///
    /// # Errors
    /// [`CeremonyError::Powers`] if the file was prepared from other powers.
    pub fn lagrange<G: RngCore + CryptoRng>(
        &mut self,
        domain: &GeneralEvaluationDomain<Fr>,
        powers: &Powers,
        rng: &mut G,
    ) -> Result<Lagrange, CeremonyError> {
        let mut values = |section, points: &[G1Affine]| {
            let points = points.get(..domain.size()).unwrap_or(points);
            self.values_1(section, domain, points, rng)
        };
        Ok(Lagrange {
            tau_1: values(TAU_1, &powers.tau_1)?,
            alpha_tau: values(ALPHA_TAU, &powers.alpha_tau)?,
            beta_tau: values(BETA_TAU, &powers.beta_tau)?,
        })
    }

    /// `[L_i(τ)]₂` over a domain.
    ///
    /// # Errors
    /// As [`PowersFile::lagrange`].
    pub fn lagrange_2<G: RngCore + CryptoRng>(
        &mut self,
        domain: &GeneralEvaluationDomain<Fr>,
        powers: &Powers,
        rng: &mut G,
    ) -> Result<Vec<G2Affine>, CeremonyError> {
        let size = domain.size();
        if !self.is_prepared(TAU_2) {
            return Ok(values_at(domain, &powers.tau_2));
        }
        let points = self.file.some_points_2(PREPARED + TAU_2, size.saturating_sub(1), size)?;
        same_values(domain, &powers.tau_2, &points, rng)?;
        Ok(points)
    }

    /// The odd ones of `[L_i(τ)]₁` over the doubled domain: what the quotient is multiplied with.
    ///
    /// # Errors
    /// As [`PowersFile::lagrange`].
    pub fn lagrange_odd<G: RngCore + CryptoRng>(
        &mut self,
        double: &GeneralEvaluationDomain<Fr>,
        powers: &Powers,
        rng: &mut G,
    ) -> Result<Vec<G1Affine>, CeremonyError> {
        let all = self.values_1(TAU_1, double, &powers.tau_1, rng)?;
        Ok(all.into_iter().skip(1).step_by(2).collect())
    }

    fn values_1<G: RngCore + CryptoRng>(
        &mut self,
        section: u32,
        domain: &GeneralEvaluationDomain<Fr>,
        powers: &[G1Affine],
        rng: &mut G,
    ) -> Result<Vec<G1Affine>, CeremonyError> {
        let size = domain.size();
        if !self.is_prepared(section) {
            return Ok(values_at(domain, powers));
        }
        // Domains of 1, 2, 4, … points stand one after another.
        let points = self.file.some_points_1(PREPARED + section, size.saturating_sub(1), size)?;
        same_values(domain, powers, &points, rng)?;
        Ok(points)
    }

    fn is_prepared(&self, section: u32) -> bool {
        self.file.size(PREPARED + section).is_ok()
    }

    /// The reference string of column commitments: `count` powers and `[τ]₂`.
    ///
    /// # Errors
    /// As [`PowersFile::powers`].
    pub fn reference_string<G: RngCore + CryptoRng>(
        &mut self,
        count: usize,
        rng: &mut G,
    ) -> Result<(Srs, G2Affine), CeremonyError> {
        // The powers of the first group go up to twice the domain.
        let powers = self.powers(count.div_ceil(2).max(2), rng)?;
        let tau = *powers.tau_2.get(1).ok_or(malformed("a section is too short"))?;
        let mut points = powers.tau_1;
        if points.len() < count {
            let (needed, power) = (self.power.saturating_add(1), self.power);
            return Err(CeremonyError::TooFew { needed, power });
        }
        points.truncate(count);
        Ok((Srs::new(points), tau))
    }
}

/// The points whose combination by the values of a polynomial is that of `powers` by its coefficients.
fn values_at<A: AffineRepr<ScalarField = Fr>>(
    domain: &GeneralEvaluationDomain<Fr>,
    powers: &[A],
) -> Vec<A> {
    let mut points: Vec<A::Group> = powers.iter().map(|point| point.into_group()).collect();
    domain.ifft_in_place(&mut points);
    A::Group::normalize_batch(&points)
}

fn same_values<A: AffineRepr<ScalarField = Fr>, G: RngCore + CryptoRng>(
    domain: &GeneralEvaluationDomain<Fr>,
    powers: &[A],
    points: &[A],
    rng: &mut G,
) -> Result<(), CeremonyError>
where
    A::Group: VariableBaseMSM<MulBase = A>,
{
    let values = factors(points.len(), rng);
    let found = A::Group::msm_unchecked(points, &values);
    if found == A::Group::msm_unchecked(powers, &domain.ifft(&values)) {
        return Ok(());
    }
    Err(CeremonyError::Powers("the file was prepared for phase 2 from other powers"))
}

/// Factors of a random combination: 128 bits, so that a wrong point passes with probability 2^−128.
pub(super) fn factors<G: RngCore + CryptoRng>(count: usize, rng: &mut G) -> Vec<Fr> {
    (0..count).map(|_| Fr::from(rng.r#gen::<u128>())).collect()
}

/// Whether `e(left, [1]₂) = e(right, point)`.
pub(super) fn shifted(left: G1Projective, right: G1Projective, point: &G2Affine) -> bool {
    let pairs = [left.into_affine(), (-right).into_affine()];
    Bn254::multi_pairing(pairs, [G2Affine::generator(), *point]).is_zero()
}

/// Whether every point is `τ` times the one before it, for the `τ` of `[τ]₂`.
pub(crate) fn is_geometric<G: RngCore + CryptoRng>(
    points: &[G1Affine],
    tau: &G2Affine,
    rng: &mut G,
) -> bool {
    let factors = factors(points.len().saturating_sub(1), rng);
    let after = points.get(1..).unwrap_or_default();
    let before = points.get(..factors.len()).unwrap_or_default();
    let sum = |points: &[G1Affine]| G1Projective::msm_unchecked(points, &factors);
    shifted(sum(after), sum(before), tau)
}

impl Powers {
    fn check<G: RngCore + CryptoRng>(&self, rng: &mut G) -> Result<(), CeremonyError> {
        let refuse = |what| Err(CeremonyError::Powers(what));
        let (one_1, one_2) = (G1Affine::generator(), G2Affine::generator());
        let ([first_1, tau_1, ..], [first_2, tau_2, ..]) =
            (self.tau_1.as_slice(), self.tau_2.as_slice())
        else {
            return refuse("too few of them");
        };
        let (Some(alpha), Some(beta)) = (self.alpha_tau.first(), self.beta_tau.first()) else {
            return refuse("too few of them");
        };
        if *first_1 != one_1 || *first_2 != one_2 {
            return refuse("they do not begin with the generators");
        }
        if tau_2.is_zero() || *tau_2 == one_2 || alpha.is_zero() || beta.is_zero() {
            return refuse("a secret is zero or one");
        }
        if !is_geometric(&self.tau_1, tau_2, rng) {
            return refuse("the powers of the first group are not those of one secret");
        }
        let factors = factors(self.tau_2.len().saturating_sub(1), rng);
        let sum = |points: &[G2Affine]| G2Projective::msm_unchecked(points, &factors).into_affine();
        let after = sum(self.tau_2.get(1..).unwrap_or_default());
        let before = sum(self.tau_2.get(..factors.len()).unwrap_or_default());
        if !Bn254::multi_pairing([one_1, -*tau_1], [after, before]).is_zero() {
            return refuse("the powers of the second group are not those of the same secret");
        }
        for points in [&self.alpha_tau, &self.beta_tau] {
            if !is_geometric(points, tau_2, rng) {
                return refuse("multiples of the powers are not those of the same secret");
            }
        }
        if !shifted(G1Projective::from(*beta), G1Projective::from(one_1), &self.beta_2) {
            return refuse("beta differs between the groups");
        }
        Ok(())
    }
}
