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

mod challenge;
mod claims;
mod statements;
mod wire;

use ark_bn254::Fr;
use ark_ff::UniformRand;
use borsh::{BorshDeserialize, BorshSerialize};
use rand::{CryptoRng, RngCore};

use crate::batch::Item;
use crate::circuit::column_small::{COLUMN_SMALL, COLUMN_SMALL_1016};
use crate::circuit::column_wide::{COLUMN_WIDE, COLUMN_WIDE_1016};
use crate::circuit::k_anonymity::{K_ANONYMITY, K_ANONYMITY_SMALL};
use crate::circuit::l_diversity::{
    L_DIVERSITY_ANY, L_DIVERSITY_ANY_SMALL, L_DIVERSITY_TAIL, L_DIVERSITY_TAIL_SMALL,
};
use crate::commitment::{Column, batching_factor, evaluate};
use crate::field::Scalar;
use crate::keys::{Prover, Step, Verifier};
use crate::point::G1Point;
use crate::proof::{ProofError, ProveError};
use crate::statement::{CircuitId, Unsatisfied};
use crate::summary::{SUMMARY_BLINDERS, Summary};

use challenge::{Committed, Mix, challenge};
use statements::{Columns, Opened};
use wire::MAX_NAME;

pub use crate::circuit::column::Chart;
pub use crate::circuit::l_diversity::Order;
pub use claims::{BlockClaims, ColumnClaim, DiversityClaim, Form};
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

/// A bundle, and what its maker keeps of it.
#[derive(Clone, Debug)]
pub struct ProvenBundle {
    /// What is sent.
    pub bundle: Bundle,
    /// The block's share of the chart of every claimed column, in the order of the claims. Secret: of
    /// all blocks' shares, the sums of summaries and of blinders are published, and nothing else.
    pub shares: Vec<Share>,
}

/// A block's share of a chart, and the blinders of the commitment to it.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Share {
    /// The numbers.
    pub summary: Summary,
    /// The blinders, drawn for this bundle alone.
    pub blinders: [Scalar; SUMMARY_BLINDERS],
}

/// Makes the bundle of a row block; see [`Prover::prove_bundle`].
pub(crate) fn prove_bundle<R: RngCore + CryptoRng>(
    prover: &Prover,
    context: &BundleContext,
    claims: &BlockClaims,
    columns: &[Column<'_>],
    rng: &mut R,
    progress: &dyn Fn(Step),
) -> Result<ProvenBundle, ProveError> {
    let (parts, expected) = (claims.parts()?, claims.expected()?);
    let opened = claims.opened();
    if columns.len() != opened.len() {
        return Err(ProofError::Columns.into());
    }
    if columns.iter().any(|column| column.cells.len() != claims.rows as usize) {
        return Err(Unsatisfied("a column has another number of rows".into()).into());
    }
    progress(Step::Key);
    let keys = expected.iter().map(|one| prover.key(one.circuit)).collect::<Result<Vec<_>, _>>()?;
    let powers = prover.powers()?;

    progress(Step::Commitment);
    let mix = Mix::new(context, claims);
    let rows = claims.block_rows as usize;
    let known = Columns::new(&mix, claims, columns);
    let shares = shares(claims, &known, rng)?;
    let mut witnesses = Vec::with_capacity(parts.len());
    let mut commitments = Vec::with_capacity(parts.len());
    for (part, key) in parts.iter().zip(&keys) {
        let witness = part.witness(claims, &mix, &known, &shares, rng)?;
        let auxiliary = part.share(&shares).map(|share| share.commit(prover.verifier()));
        let auxiliary: Vec<G1Point> = auxiliary.transpose()?.into_iter().collect();
        commitments.push((part.commit(&witness, key)?, auxiliary));
        witnesses.push(witness);
    }
    let mut statements = Vec::with_capacity(expected.len());
    for (one, (commitment, auxiliary)) in expected.iter().zip(&commitments) {
        let key = prover.verifier().key(one.circuit)?.hash();
        let (circuit, inputs) = (one.circuit.0, one.inputs.as_slice());
        statements.push(Committed { circuit, key, inputs, commitment, auxiliary });
    }
    let zeta = challenge(context, &mix, &statements);
    drop(statements);

    // The columns, then the shares of charts: one batch of openings.
    let polynomials: Vec<Vec<Fr>> = columns
        .iter()
        .map(|column| column.coefficients(rows))
        .chain(shares.iter().map(Share::coefficients))
        .collect();
    let values: Vec<Fr> = polynomials.iter().map(|p| evaluate(p, zeta)).collect();
    let (of_columns, of_shares) = values.split_at(opened.len());
    let evaluations: Vec<Evaluation> = opened
        .iter()
        .zip(of_columns)
        .map(|(column, value)| Evaluation { column: *column, value: Scalar(*value) })
        .collect();
    let auxiliary: Vec<Scalar> = of_shares.iter().copied().map(Scalar).collect();
    let at = Opened { zeta, evaluations: &evaluations, shares: &auxiliary };
    let mut proofs = Vec::with_capacity(expected.len());
    let all = parts.iter().zip(expected).zip(commitments).zip(witnesses).zip(&keys);
    for ((((part, one), (commitment, auxiliary)), witness), key) in all {
        progress(Step::Proof);
        let proof = part.prove(witness, claims, &mix, &at, key, rng)?;
        let (circuit, inputs) = (one.circuit.0.to_owned(), one.inputs);
        proofs.push(BundleProof { circuit, inputs, commitment, auxiliary, proof });
    }

    progress(Step::Openings);
    let opening = powers.open(zeta, &polynomials, batching_factor(&zeta, &values))?;
    let bundle = Bundle { proofs, evaluations, auxiliary, opening };
    // Refuses columns that changed since they were committed, before anything is sent.
    progress(Step::Check);
    verify_bundle(prover.verifier(), context, claims, &bundle)?;
    Ok(ProvenBundle { bundle, shares })
}

/// The block's share of every claimed column's chart, under new blinders.
fn shares<R: RngCore + CryptoRng>(
    claims: &BlockClaims,
    columns: &Columns<'_>,
    rng: &mut R,
) -> Result<Vec<Share>, ProveError> {
    let share = |claim: &ColumnClaim| {
        let summary = claim
            .chart
            .summary(columns.get(claim.column)?.cells)
            .map_err(|error| Unsatisfied(format!("column {}: {error}", claim.column)))?;
        Ok(Share { summary, blinders: std::array::from_fn(|_| Scalar(Fr::rand(rng))) })
    };
    claims.columns.iter().map(share).collect()
}

impl Share {
    pub(self) fn blinders(&self) -> [Fr; SUMMARY_BLINDERS] {
        self.blinders.map(|blinder| blinder.0)
    }

    fn coefficients(&self) -> Vec<Fr> {
        self.summary.coefficients(&self.blinders())
    }

    fn commit(&self, verifier: &Verifier) -> Result<G1Point, ProveError> {
        verifier
            .summary_powers()
            .commit_summary(&self.summary, &self.blinders())
            .map_err(|_| ProveError::Shape("the commitment to a summary is degenerate"))
    }
}

/// The circuits that a bundle may hold.
const TABLE_CIRCUITS: [CircuitId; 10] = [
    K_ANONYMITY,
    K_ANONYMITY_SMALL,
    L_DIVERSITY_TAIL,
    L_DIVERSITY_TAIL_SMALL,
    L_DIVERSITY_ANY,
    L_DIVERSITY_ANY_SMALL,
    COLUMN_SMALL,
    COLUMN_SMALL_1016,
    COLUMN_WIDE,
    COLUMN_WIDE_1016,
];

/// The registered circuit of that name, among those a bundle may hold.
fn table_circuit(name: &str) -> Result<CircuitId, ProofError> {
    TABLE_CIRCUITS
        .into_iter()
        .find(|circuit| circuit.0 == name)
        .ok_or_else(|| ProofError::UnknownCircuit(name.chars().take(MAX_NAME).collect()))
}

/// Verifies the bundle of a row block, and returns the commitments to the block's share of every
/// claimed column's chart, in the order of the claims.
///
/// # Errors
/// The first check that fails, cheapest first: [`ProofError::Claim`] for a claim outside its bounds,
/// [`ProofError::UnknownCircuit`], [`ProofError::Proofs`] unless there is exactly one proof of every
/// claim at the block's size, in order, [`ProofError::Inputs`] if one is for other numbers,
/// [`ProofError::Columns`] unless exactly the columns of the claims are opened, then
/// [`ProofError::Opening`], [`ProofError::Knowledge`] and [`ProofError::Invalid`].
pub fn verify_bundle(
    verifier: &Verifier,
    context: &BundleContext,
    claims: &BlockClaims,
    bundle: &Bundle,
) -> Result<Vec<G1Point>, ProofError> {
    let (items, shares) = bundle_items(verifier, context, claims, bundle)?;
    let mut batch = verifier.batch();
    items.into_iter().for_each(|item| batch.push(item));
    batch.verify_all()?;
    Ok(shares)
}

/// All of [`verify_bundle`] but the pairings: these are returned, first the opening and then the
/// proofs in order, to be verified together with others. The commitments count for nothing before.
///
/// # Errors
/// As [`verify_bundle`], up to [`ProofError::Columns`].
pub fn bundle_items<'k>(
    verifier: &'k Verifier,
    context: &BundleContext,
    claims: &BlockClaims,
    bundle: &Bundle,
) -> Result<(Vec<Item<'k>>, Vec<G1Point>), ProofError> {
    let expected = claims.expected()?;
    for proof in &bundle.proofs {
        table_circuit(&proof.circuit)?;
    }
    if bundle.proofs.len() != expected.len() {
        return Err(ProofError::Proofs);
    }
    let mut statements = Vec::with_capacity(expected.len());
    let mut keys = Vec::with_capacity(expected.len());
    let mut summaries = Vec::with_capacity(bundle.auxiliary.len());
    for (one, proof) in expected.iter().zip(&bundle.proofs) {
        if proof.circuit != one.circuit.0 || proof.auxiliary.len() != one.auxiliary {
            return Err(ProofError::Proofs);
        }
        if proof.inputs != one.inputs {
            return Err(ProofError::Inputs);
        }
        let key = verifier.key(one.circuit)?;
        statements.push(Committed {
            circuit: &proof.circuit,
            key: key.hash(),
            inputs: &proof.inputs,
            commitment: &proof.commitment,
            auxiliary: &proof.auxiliary,
        });
        keys.push(key);
        summaries.extend(proof.auxiliary.iter().copied());
    }
    let columns = bundle.evaluations.iter().map(|one| one.column);
    if !columns.eq(claims.opened()) || bundle.auxiliary.len() != summaries.len() {
        return Err(ProofError::Columns);
    }
    let mix = Mix::new(context, claims);
    let zeta = challenge(context, &mix, &statements);
    let mut openings: Vec<(G1Point, Fr)> = Vec::with_capacity(bundle.evaluations.len());
    for evaluation in &bundle.evaluations {
        let commitment =
            claims.commitments.get(evaluation.column as usize).ok_or(ProofError::Columns)?;
        openings.push((*commitment, evaluation.value.0));
    }
    openings.extend(summaries.iter().zip(&bundle.auxiliary).map(|(share, y)| (*share, y.0)));
    let mut items = Vec::with_capacity(expected.len().saturating_add(1));
    items.push(Item::Opening { zeta, claims: openings, witness: bundle.opening });
    let (evaluations, shares) = (&bundle.evaluations, &bundle.auxiliary);
    let opened = Opened { zeta, evaluations, shares };
    for ((part, proof), key) in claims.parts()?.into_iter().zip(&bundle.proofs).zip(keys) {
        let inputs = part.inputs(claims, &mix, &opened)?;
        let (commitment, proof) = (proof.commitment, proof.proof);
        items.push(Item::Committed { key, inputs, commitment, proof });
    }
    Ok((items, summaries))
}
