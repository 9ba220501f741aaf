//! The proofs about one row block: one challenge, and every column opened once.
//!
//! All statements commit to their inputs first; the challenge `ζ` is drawn from every commitment
//! together with the place that the bundle is for; then every statement is proven at that `ζ`, and the
//! columns that statements use are opened at it in one batch. A bundle made for one block, package or
//! institution therefore fits no other.
//!
//! Every bundle that is published reveals one evaluation of each column it opens. A column's eight
//! blinders bear seven: whoever accepts bundles refuses the eighth for a block, and whoever makes them
//! counts attempts. Depends on [`crate::committed`], [`crate::commitment`] and the table circuits.

mod wire;

use ark_bn254::{Fr, G1Affine};
use ark_ff::{AdditiveGroup, Field, UniformRand};
use borsh::{BorshDeserialize, BorshSerialize};
use rand::{CryptoRng, RngCore};

use crate::circuit::k_anonymity::{
    BLOCK_ROWS, K_ANONYMITY, K_ANONYMITY_SMALL, KAnonymity, KAnonymityPublic, KAnonymityWitness,
    SMALL_BLOCK_ROWS,
};
use crate::commitment::{BLINDERS, Column, batching_factor, evaluate, opens};
use crate::committed::{self, Commitment};
use crate::field::{Scalar, hash_to_scalar, scalar_bytes};
use crate::keys::{Prover, Step, Verifier};
use crate::point::G1Point;
use crate::proof::{ProofError, ProveError};
use crate::statement::{CircuitId, Statement, Unsatisfied};

use wire::MAX_NAME;
pub use wire::{
    Bundle, BundleProof, Evaluation, MAX_AUXILIARY, MAX_BUNDLE_BYTES, MAX_COLUMNS, MAX_INPUTS,
    MAX_PROOFS,
};

/// The place that a bundle is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct BundleContext {
    /// Package id.
    pub package: [u8; 32],
    /// The listing institution's account.
    pub institution: [u8; 32],
    /// Table within the package, from zero.
    pub table: u32,
    /// Row block within the table, from zero.
    pub block: u32,
}

/// What is claimed of a row block. All of it comes from the layout and the leaves of the package,
/// nothing from the bundle.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockClaims {
    /// Commitments of *every* column of the block, in layout order.
    pub commitments: Vec<G1Point>,
    /// Rows of the block, padding included: [`BLOCK_ROWS`] or [`SMALL_BLOCK_ROWS`].
    pub block_rows: u32,
    /// Active rows.
    pub rows: u32,
    /// Quasi-identifiers: indices into `commitments`, strictly ascending.
    pub quasi_identifiers: Vec<u32>,
    /// Least size of a class.
    pub k: u32,
}

impl BlockClaims {
    /// Refuses what no proof could make true, and returns the statement.
    fn statement(&self) -> Result<KAnonymity, ProofError> {
        let rows = self.block_rows as usize;
        if rows != BLOCK_ROWS && rows != SMALL_BLOCK_ROWS {
            return Err(ProofError::Claim("no such block size"));
        }
        if self.commitments.len() > MAX_COLUMNS {
            return Err(ProofError::Claim("too many columns"));
        }
        if self.k == 0 || self.k >= 1 << 16 {
            return Err(ProofError::Claim("k must be between 1 and 65,535"));
        }
        let Some(padding) = self.block_rows.checked_sub(self.rows) else {
            return Err(ProofError::Claim("more rows than the block holds"));
        };
        if self.rows < self.k {
            return Err(ProofError::Claim("fewer rows than k"));
        }
        if padding != 0 && padding < self.k {
            return Err(ProofError::Claim("padding shorter than k"));
        }
        if self.quasi_identifiers.is_empty() {
            return Err(ProofError::Claim("no quasi-identifier"));
        }
        if !self.quasi_identifiers.is_sorted_by(|a, b| a < b) {
            return Err(ProofError::Claim("quasi-identifiers out of order"));
        }
        if self.quasi_identifiers.iter().any(|c| *c as usize >= self.commitments.len()) {
            return Err(ProofError::Claim("no such column"));
        }
        Ok(KAnonymity { rows })
    }
}

/// What combines the columns of a block: drawn from every commitment, and from the block's place.
struct Mix {
    rho: Fr,
    padding: Fr,
}

impl Mix {
    fn new(context: &BundleContext, claims: &BlockClaims) -> Self {
        let mut parts = place(context);
        parts.push(claims.block_rows.to_le_bytes().to_vec());
        parts.push(claims.rows.to_le_bytes().to_vec());
        parts.extend(claims.commitments.iter().map(|point| point.to_bytes().to_vec()));
        let rho = hash("galen/columns/1", &parts);
        // Depends on every commitment through ρ: no cell could have been chosen to equal it.
        let padding = hash("galen/padding/1", &[scalar_bytes(&rho).to_vec(), b"pad".to_vec()]);
        Self { rho, padding }
    }

    /// `ρ^{c+1}` of a column.
    fn factor(&self, column: u32) -> Fr {
        self.rho.pow([u64::from(column) + 1])
    }

    /// The verifier's `Y = (1 − ζ)·y + t·(ζ^n − ζ^N)`.
    fn target(&self, claims: &BlockClaims, zeta: Fr, combined: Fr) -> Fr {
        let power = |exponent: u32| zeta.pow([u64::from(exponent)]);
        (Fr::ONE - zeta) * combined + self.padding * (power(claims.rows) - power(claims.block_rows))
    }
}

fn hash(tag: &str, parts: &[Vec<u8>]) -> Fr {
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    hash_to_scalar(tag, &parts)
}

fn place(context: &BundleContext) -> Vec<Vec<u8>> {
    vec![
        context.package.to_vec(),
        context.institution.to_vec(),
        context.table.to_le_bytes().to_vec(),
        context.block.to_le_bytes().to_vec(),
    ]
}

/// What the challenge depends on, for one statement.
struct Committed<'a> {
    circuit: &'a str,
    key: [u8; 32],
    inputs: &'a [Scalar],
    commitment: &'a Commitment,
    auxiliary: &'a [G1Point],
}

/// `ζ`: drawn after everything that a statement speaks of is fixed.
fn challenge(context: &BundleContext, mix: &Mix, statements: &[Committed<'_>]) -> Fr {
    let mut parts = place(context);
    parts.push(scalar_bytes(&mix.rho).to_vec());
    for statement in statements {
        parts.push(statement.circuit.as_bytes().to_vec());
        parts.push(statement.key.to_vec());
        parts.push(statement.inputs.iter().flat_map(Scalar::to_bytes).collect());
        parts.push(statement.commitment.values.to_bytes().to_vec());
        parts.push(statement.commitment.knowledge.to_bytes().to_vec());
        parts.push(statement.auxiliary.iter().flat_map(G1Point::to_bytes).collect());
    }
    hash("galen/challenge/1", &parts)
}

/// Makes the bundle of a row block; see [`Prover::prove_bundle`].
pub(crate) fn prove_bundle<R: RngCore + CryptoRng>(
    prover: &Prover,
    context: &BundleContext,
    claims: &BlockClaims,
    columns: &[Column<'_>],
    rng: &mut R,
    progress: &dyn Fn(Step),
) -> Result<Bundle, ProveError> {
    let statement = claims.statement()?;
    if columns.len() != claims.quasi_identifiers.len() {
        return Err(ProofError::Columns.into());
    }
    if columns.iter().any(|column| column.cells.len() != claims.rows as usize) {
        return Err(Unsatisfied("a column has another number of rows".into()).into());
    }
    progress(Step::Key);
    let key = prover.key(statement.circuit())?;
    let verifying = prover.verifier().key(statement.circuit())?;
    let powers = prover.powers()?;

    progress(Step::Commitment);
    let mix = Mix::new(context, claims);
    let polynomials: Vec<Vec<Fr>> =
        columns.iter().map(|column| column.coefficients(statement.rows)).collect();
    let witness = combine(&mix, claims, statement, &polynomials, Fr::rand(rng));
    let commitment = committed::commit(&statement, &key, &witness)?;
    let inputs = vec![Scalar::from(u64::from(claims.k))];
    let circuit = statement.circuit().0;
    let zeta = challenge(
        context,
        &mix,
        &[Committed {
            circuit,
            key: verifying.hash(),
            inputs: &inputs,
            commitment: &commitment,
            auxiliary: &[],
        }],
    );

    progress(Step::Proof);
    let values: Vec<Fr> = polynomials.iter().map(|p| evaluate(p, zeta)).collect();
    let public = KAnonymityPublic {
        k: claims.k,
        zeta,
        y: mix.target(claims, zeta, combined(&mix, claims, &values)),
    };
    let proof = committed::prove(&statement, &key, &public, &witness.at(zeta), rng)?;

    progress(Step::Openings);
    let opening = powers.open(zeta, &polynomials, batching_factor(&zeta, &values))?;
    let evaluations = claims
        .quasi_identifiers
        .iter()
        .zip(&values)
        .map(|(column, value)| Evaluation { column: *column, value: Scalar(*value) })
        .collect();
    let bundle = Bundle {
        proofs: vec![BundleProof {
            circuit: circuit.to_owned(),
            inputs,
            commitment,
            auxiliary: Vec::new(),
            proof,
        }],
        evaluations,
        opening,
    };
    // Refuses columns that changed since they were committed, before anything is sent.
    progress(Step::Check);
    verify_bundle(prover.verifier(), context, claims, &bundle)?;
    Ok(bundle)
}

/// The combined column, padding filled in, as the circuit's witness.
fn combine(
    mix: &Mix,
    claims: &BlockClaims,
    statement: KAnonymity,
    polynomials: &[Vec<Fr>],
    mask: Fr,
) -> KAnonymityWitness {
    let mut sum = vec![Fr::ZERO; statement.rows + BLINDERS];
    for (column, polynomial) in claims.quasi_identifiers.iter().zip(polynomials) {
        let factor = mix.factor(*column);
        for (total, coefficient) in sum.iter_mut().zip(polynomial) {
            if *coefficient != Fr::ZERO {
                *total += factor * coefficient;
            }
        }
    }
    let (values, last) = sum.split_at_mut(statement.rows);
    for padding in values.iter_mut().skip(claims.rows as usize) {
        *padding += mix.padding;
    }
    let mut blinders = [Fr::ZERO; BLINDERS];
    blinders.copy_from_slice(last);
    KAnonymityWitness::new(values, &blinders, mask, claims.k)
}

/// `Σ ρ^{c+1}·y_c`.
fn combined(mix: &Mix, claims: &BlockClaims, values: &[Fr]) -> Fr {
    claims
        .quasi_identifiers
        .iter()
        .zip(values)
        .map(|(column, value)| mix.factor(*column) * value)
        .sum()
}

/// The registered circuit of that name, among those a bundle may hold.
fn table_circuit(name: &str) -> Result<CircuitId, ProofError> {
    [K_ANONYMITY, K_ANONYMITY_SMALL]
        .into_iter()
        .find(|circuit| circuit.0 == name)
        .ok_or_else(|| ProofError::UnknownCircuit(name.chars().take(MAX_NAME).collect()))
}

/// Verifies the bundle of a row block.
///
/// # Errors
/// The first check that fails, cheapest first: [`ProofError::Claim`] for a claim outside its bounds,
/// [`ProofError::UnknownCircuit`], [`ProofError::Proofs`] unless there is exactly one proof of
/// k-anonymity at the block's size, [`ProofError::Inputs`] if it is for another `k`,
/// [`ProofError::Columns`] unless exactly the quasi-identifiers are opened, then
/// [`ProofError::Opening`], [`ProofError::Knowledge`] and [`ProofError::Invalid`].
pub fn verify_bundle(
    verifier: &Verifier,
    context: &BundleContext,
    claims: &BlockClaims,
    bundle: &Bundle,
) -> Result<(), ProofError> {
    let statement = claims.statement()?;
    for proof in &bundle.proofs {
        table_circuit(&proof.circuit)?;
    }
    let [entry] = bundle.proofs.as_slice() else {
        return Err(ProofError::Proofs);
    };
    if entry.circuit != statement.circuit().0 || !entry.auxiliary.is_empty() {
        return Err(ProofError::Proofs);
    }
    if entry.inputs != [Scalar::from(u64::from(claims.k))] {
        return Err(ProofError::Inputs);
    }
    if !bundle.evaluations.iter().map(|e| e.column).eq(claims.quasi_identifiers.iter().copied()) {
        return Err(ProofError::Columns);
    }
    let key = verifier.key(statement.circuit())?;
    let mix = Mix::new(context, claims);
    let zeta = challenge(
        context,
        &mix,
        &[Committed {
            circuit: &entry.circuit,
            key: key.hash(),
            inputs: &entry.inputs,
            commitment: &entry.commitment,
            auxiliary: &entry.auxiliary,
        }],
    );
    let mut openings: Vec<(G1Affine, Fr)> = Vec::with_capacity(bundle.evaluations.len());
    for evaluation in &bundle.evaluations {
        let commitment =
            claims.commitments.get(evaluation.column as usize).ok_or(ProofError::Columns)?;
        openings.push((*commitment.affine(), evaluation.value.0));
    }
    if !opens(verifier.tau().affine(), zeta, &openings, &bundle.opening) {
        return Err(ProofError::Opening);
    }
    let values: Vec<Fr> = bundle.evaluations.iter().map(|e| e.value.0).collect();
    let public = KAnonymityPublic {
        k: claims.k,
        zeta,
        y: mix.target(claims, zeta, combined(&mix, claims, &values)),
    };
    committed::verify(&statement, key, &public, &entry.commitment, &entry.proof)
}
