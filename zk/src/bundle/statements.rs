//! Each statement of a bundle: its public inputs from what was opened, and its witness from the
//! columns. Depends on the table circuits.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, UniformRand};
use rand::{CryptoRng, RngCore};

use super::challenge::Mix;
use super::{BlockClaims, ColumnClaim, DiversityClaim, Evaluation, Form, Share};
use crate::circuit::column_small::{ColumnSmall, ColumnSmallPublic, ColumnSmallWitness};
use crate::circuit::column_wide::{ColumnWide, ColumnWidePublic, ColumnWideWitness};
use crate::circuit::k_anonymity::{KAnonymity, KAnonymityPublic, KAnonymityWitness};
use crate::circuit::l_diversity::{
    LDiversity, LDiversityOpenings, LDiversityPublic, LDiversityWitness,
};
use crate::commitment::{BLINDERS, Column};
use crate::committed::{self, Commitment};
use crate::field::Scalar;
use crate::proof::{Proof, ProofError, ProveError, ProvingKey};
use crate::statement::{CircuitId, Statement, Unsatisfied};

/// What is known at the challenge: every opened column's value, and those of the shares of charts in
/// the order of the claims.
pub(super) struct Opened<'a> {
    pub zeta: Fr,
    pub evaluations: &'a [Evaluation],
    pub shares: &'a [Scalar],
}

impl Opened<'_> {
    fn column(&self, column: u32) -> Result<Fr, ProofError> {
        let found = self.evaluations.binary_search_by_key(&column, |one| one.column).ok();
        let one = found.and_then(|at| self.evaluations.get(at)).ok_or(ProofError::Columns)?;
        Ok(one.value.0)
    }

    fn share(&self, claim: usize) -> Result<Fr, ProofError> {
        self.shares.get(claim).map(|value| value.0).ok_or(ProofError::Columns)
    }

    /// `Σ ρ^{c+1}·y_c` over the quasi-identifiers.
    fn combined(&self, mix: &Mix, claims: &BlockClaims) -> Result<Fr, ProofError> {
        let mut sum = Fr::ZERO;
        for column in &claims.quasi_identifiers {
            sum += mix.factor(*column) * self.column(*column)?;
        }
        Ok(sum)
    }
}

/// One statement of a bundle, as the claims list them.
#[derive(Clone, Copy)]
pub(super) enum Part<'a> {
    KAnonymity(KAnonymity),
    Diversity(LDiversity, &'a DiversityClaim),
    /// With the claim's place among those of columns.
    Small(ColumnSmall, &'a ColumnClaim, usize),
    Wide(ColumnWide, &'a ColumnClaim, usize),
}

impl<'a> Part<'a> {
    /// The statements of a block's claims in the order of a bundle: k-anonymity, diversity, columns.
    pub fn all(claims: &'a BlockClaims) -> Result<Vec<Self>, ProofError> {
        let rows = claims.block_rows as usize;
        let mut parts = vec![Self::KAnonymity(KAnonymity { rows })];
        for claim in &claims.diversity {
            parts.push(Self::Diversity(LDiversity { rows, order: claim.order }, claim));
        }
        for (place, claim) in claims.columns.iter().enumerate() {
            parts.push(Self::column(claim, place, claims.block_rows)?);
        }
        Ok(parts)
    }

    /// The statement of a claim about a column, which has this place among them.
    pub fn column(
        claim: &'a ColumnClaim,
        place: usize,
        block_rows: u32,
    ) -> Result<Self, ProofError> {
        let rows = block_rows as usize;
        let part = match claim.form {
            Form::Small => ColumnSmall::of_block(rows).map(|s| Self::Small(s, claim, place)),
            Form::Wide => ColumnWide::of_block(rows).map(|s| Self::Wide(s, claim, place)),
        };
        part.ok_or(ProofError::Claim("no such block size"))
    }

    /// Refuses a chart that the statement cannot speak of.
    pub fn check(&self) -> Result<(), ProofError> {
        match self {
            Self::KAnonymity(_) | Self::Diversity(..) => Ok(()),
            Self::Small(statement, claim, _) => statement.labels(&claim.chart).map(drop),
            Self::Wide(statement, claim, _) => statement.labels(&claim.chart).map(drop),
        }
    }

    /// The statement's circuit.
    pub fn circuit(&self) -> CircuitId {
        match self {
            Self::KAnonymity(statement) => statement.circuit(),
            Self::Diversity(statement, _) => statement.circuit(),
            Self::Small(statement, ..) => statement.circuit(),
            Self::Wide(statement, ..) => statement.circuit(),
        }
    }

    /// The public inputs of the statement.
    pub fn inputs(
        &self,
        claims: &BlockClaims,
        mix: &Mix,
        opened: &Opened<'_>,
    ) -> Result<Vec<Fr>, ProofError> {
        Ok(match self {
            Self::KAnonymity(statement) => statement.inputs(&k_anonymity(claims, mix, opened)?),
            Self::Diversity(statement, claim) => {
                statement.inputs(&diversity(statement, claim, claims, mix, opened)?)
            }
            Self::Small(statement, claim, place) => {
                statement.inputs(&small(statement, claim, *place, claims, mix, opened)?)
            }
            Self::Wide(statement, claim, place) => {
                statement.inputs(&wide(statement, claim, *place, claims, mix, opened)?)
            }
        })
    }

    /// What the statement's prover knows before the challenge. `shares` are those of the claims about
    /// columns, in order.
    pub fn witness<R: RngCore + CryptoRng>(
        &self,
        claims: &BlockClaims,
        mix: &Mix,
        columns: &Columns<'_>,
        shares: &[Share],
        rng: &mut R,
    ) -> Result<Witness, ProveError> {
        let mask = Fr::rand(rng);
        let named = |column: u32| {
            move |error: Unsatisfied| Unsatisfied(format!("column {column}: {error}"))
        };
        Ok(match self {
            Self::KAnonymity(statement) => {
                let mut values = columns.combined.clone();
                values.resize(statement.rows, mix.padding);
                let witness = KAnonymityWitness::new(&values, &columns.blinders, mask, claims.k);
                Witness::KAnonymity(witness)
            }
            Self::Diversity(statement, claim) => Witness::Diversity(
                LDiversityWitness::new(
                    statement,
                    claim.l,
                    &columns.combined,
                    &columns.blinders,
                    columns.get(claim.column)?,
                    mix.padding,
                    mask,
                )
                .map_err(named(claim.column))?,
            ),
            Self::Small(statement, claim, place) => {
                let column = columns.get(claim.column)?;
                let blinders = shares.get(*place).ok_or(ProofError::Columns)?.blinders();
                let filler = mix.column_padding(claim.column);
                Witness::Small(
                    ColumnSmallWitness::new(
                        statement,
                        &claim.chart,
                        column.cells,
                        &column.blinders,
                        filler,
                        blinders,
                        mask,
                    )
                    .map_err(named(claim.column))?,
                )
            }
            Self::Wide(statement, claim, place) => {
                let column = columns.get(claim.column)?;
                let blinders = shares.get(*place).ok_or(ProofError::Columns)?.blinders();
                let filler = mix.column_padding(claim.column);
                Witness::Wide(
                    ColumnWideWitness::new(
                        statement,
                        &claim.chart,
                        column.cells,
                        &column.blinders,
                        filler,
                        blinders,
                        mask,
                    )
                    .map_err(named(claim.column))?,
                )
            }
        })
    }

    /// The block's share that the statement speaks of, among those of the claims about columns.
    pub fn share<'s>(&self, shares: &'s [Share]) -> Option<&'s Share> {
        match self {
            Self::KAnonymity(_) | Self::Diversity(..) => None,
            Self::Small(.., place) | Self::Wide(.., place) => shares.get(*place),
        }
    }

    /// First half: commits to everything that must be fixed before the challenge.
    pub fn commit(&self, witness: &Witness, key: &ProvingKey) -> Result<Commitment, ProveError> {
        match (self, witness) {
            (Self::KAnonymity(statement), Witness::KAnonymity(witness)) => {
                committed::commit(statement, key, witness)
            }
            (Self::Diversity(statement, _), Witness::Diversity(witness)) => {
                committed::commit(statement, key, witness)
            }
            (Self::Small(statement, ..), Witness::Small(witness)) => {
                committed::commit(statement, key, witness)
            }
            (Self::Wide(statement, ..), Witness::Wide(witness)) => {
                committed::commit(statement, key, witness)
            }
            _ => Err(ProveError::Shape("the witness is another statement's")),
        }
    }

    /// Second half: the proof.
    pub fn prove<R: RngCore + CryptoRng>(
        &self,
        witness: Witness,
        claims: &BlockClaims,
        mix: &Mix,
        opened: &Opened<'_>,
        key: &ProvingKey,
        rng: &mut R,
    ) -> Result<Proof, ProveError> {
        match (self, witness) {
            (Self::KAnonymity(statement), Witness::KAnonymity(witness)) => {
                let public = k_anonymity(claims, mix, opened)?;
                committed::prove(statement, key, &public, &witness.at(opened.zeta), rng)
            }
            (Self::Diversity(statement, claim), Witness::Diversity(witness)) => {
                let public = diversity(statement, claim, claims, mix, opened)?;
                let witness = witness.at(statement, opened.zeta);
                committed::prove(statement, key, &public, &witness, rng)
            }
            (Self::Small(statement, claim, place), Witness::Small(witness)) => {
                let public = small(statement, claim, *place, claims, mix, opened)?;
                committed::prove(statement, key, &public, &witness, rng)
            }
            (Self::Wide(statement, claim, place), Witness::Wide(witness)) => {
                let public = wide(statement, claim, *place, claims, mix, opened)?;
                committed::prove(statement, key, &public, &witness, rng)
            }
            _ => Err(ProveError::Shape("the witness is another statement's")),
        }
    }
}

/// A statement between its two halves: committed to, and not yet proven.
pub(super) enum Witness {
    KAnonymity(KAnonymityWitness),
    Diversity(LDiversityWitness),
    Small(ColumnSmallWitness),
    Wide(ColumnWideWitness),
}

fn k_anonymity(
    claims: &BlockClaims,
    mix: &Mix,
    opened: &Opened<'_>,
) -> Result<KAnonymityPublic, ProofError> {
    let y = mix.differences(claims, opened.zeta, opened.combined(mix, claims)?);
    Ok(KAnonymityPublic { k: claims.k, zeta: opened.zeta, y })
}

fn diversity(
    statement: &LDiversity,
    claim: &DiversityClaim,
    claims: &BlockClaims,
    mix: &Mix,
    opened: &Opened<'_>,
) -> Result<LDiversityPublic, ProofError> {
    let openings = LDiversityOpenings {
        active: claims.rows as usize,
        padding: mix.padding,
        combined: opened.combined(mix, claims)?,
        sensitive: opened.column(claim.column)?,
    };
    Ok(LDiversityPublic::new(statement, claim.l, opened.zeta, &openings))
}

fn small(
    statement: &ColumnSmall,
    claim: &ColumnClaim,
    place: usize,
    claims: &BlockClaims,
    mix: &Mix,
    opened: &Opened<'_>,
) -> Result<ColumnSmallPublic, ProofError> {
    let filler = mix.column_padding(claim.column);
    let (column, share) = (opened.column(claim.column)?, opened.share(place)?);
    statement.public(&claim.chart, claims.rows as usize, filler, opened.zeta, column, share)
}

fn wide(
    statement: &ColumnWide,
    claim: &ColumnClaim,
    place: usize,
    claims: &BlockClaims,
    mix: &Mix,
    opened: &Opened<'_>,
) -> Result<ColumnWidePublic, ProofError> {
    let filler = mix.column_padding(claim.column);
    let (column, share) = (opened.column(claim.column)?, opened.share(place)?);
    statement.public(&claim.chart, claims.rows as usize, filler, opened.zeta, column, share)
}

/// The opened columns as their owner holds them, and the quasi-identifiers among them combined.
pub(super) struct Columns<'a> {
    columns: Vec<(u32, &'a Column<'a>)>,
    /// Active rows of the combined column.
    combined: Vec<Fr>,
    /// Its blinders.
    blinders: [Fr; BLINDERS],
}

impl<'a> Columns<'a> {
    /// `columns` are those of [`BlockClaims::opened`], in order.
    pub fn new(mix: &Mix, claims: &BlockClaims, columns: &'a [Column<'a>]) -> Self {
        let columns: Vec<(u32, &Column<'_>)> = claims.opened().into_iter().zip(columns).collect();
        let mut combined = vec![Fr::ZERO; claims.rows as usize];
        let mut blinders = [Fr::ZERO; BLINDERS];
        let quasi = |column: &u32| claims.quasi_identifiers.binary_search(column).is_ok();
        for (at, column) in columns.iter().filter(|(at, _)| quasi(at)) {
            let factor = mix.factor(*at);
            for (sum, cell) in combined.iter_mut().zip(column.cells).filter(|(_, c)| **c != 0) {
                *sum += factor * Fr::from(*cell);
            }
            for (sum, blinder) in blinders.iter_mut().zip(&column.blinders) {
                *sum += factor * blinder;
            }
        }
        Self { columns, combined, blinders }
    }

    /// A column.
    pub fn get(&self, column: u32) -> Result<&'a Column<'a>, ProofError> {
        let found = self.columns.binary_search_by_key(&column, |(at, _)| *at).ok();
        found.and_then(|at| self.columns.get(at)).map(|(_, c)| *c).ok_or(ProofError::Columns)
    }
}
