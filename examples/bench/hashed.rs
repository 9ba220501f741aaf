//! The peer of `KAnonymity`: the same statement about columns that are hashed in circuit.
//!
//! Public: k, and one Poseidon hash of all cells. Private: the cells, six of eight bits in a row.
//! Each bit is a constraint; the cells of five rows, 240 bits, make up one field element, eleven of
//! which go into a hash together with the hash before. A row's cells are one number, and the rule
//! about classes is that of `KAnonymity`: two constraints a row. This is what a prover without
//! committed inputs does, with the widest hash and the densest packing that the field allows.

use ark_bn254::Fr;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use galen_zk::circuit::wire::{Wire, allocate_bits, enforce_equal, enforce_product};
use galen_zk::hash::{MAX_INPUTS, poseidon, poseidon_wire};
use galen_zk::statement::{CircuitId, Statement, Unsatisfied};

/// Columns of a row.
pub const COLUMNS: usize = 6;
const CELL_BITS: u32 = 8;
/// Rows in a field element: as many as fit.
const PACKED_ROWS: usize = 5;

/// The statement about so many rows.
pub struct Hashed {
    /// Rows of the block.
    pub rows: usize,
}

/// What both sides know.
#[derive(Clone)]
pub struct HashedPublic {
    k: u32,
    digest: Fr,
}

/// The cells, row by row.
pub type Rows = Vec<[u8; COLUMNS]>;

fn chain(elements: &[Fr]) -> Fr {
    elements.chunks(MAX_INPUTS - 1).fold(Fr::from(0u64), |digest, part| {
        let mut inputs = vec![digest];
        inputs.extend(part);
        inputs.resize(MAX_INPUTS, Fr::from(0u64));
        poseidon(&inputs)
    })
}

fn number(row: &[u8; COLUMNS]) -> u64 {
    row.iter().rev().fold(0, |number, cell| number << CELL_BITS | u64::from(*cell))
}

fn packed(rows: &Rows) -> Vec<Fr> {
    let shift = Fr::from(1u64 << (CELL_BITS * COLUMNS as u32));
    let pack = |rows: &[[u8; COLUMNS]]| {
        rows.iter().rev().fold(Fr::from(0u64), |sum, row| sum * shift + Fr::from(number(row)))
    };
    rows.chunks(PACKED_ROWS).map(pack).collect()
}

impl Hashed {
    /// Classes of a dozen rows, the last of at least as many.
    pub fn statement(&self, k: u32) -> (HashedPublic, Rows) {
        let last = (self.rows / 12).saturating_sub(1);
        let class = |row: usize| (row / 12).min(last) as u64 * 0x0107_0305_0b0d;
        let rows: Rows = (0..self.rows)
            .map(|row| std::array::from_fn(|c| class(row).to_le_bytes()[c]))
            .collect();
        (HashedPublic { k, digest: chain(&packed(&rows)) }, rows)
    }
}

impl Statement for Hashed {
    type Public = HashedPublic;
    type Witness = Rows;

    fn circuit(&self) -> CircuitId {
        CircuitId("bench/k-anonymity-hashed")
    }

    fn inputs(&self, public: &HashedPublic) -> Vec<Fr> {
        vec![Fr::from(public.k), public.digest]
    }

    fn check(&self, public: &HashedPublic, rows: &Rows) -> Result<(), Unsatisfied> {
        if rows.len() != self.rows || chain(&packed(rows)) != public.digest {
            return Err(Unsatisfied("the rows are not those of the hash".into()));
        }
        if rows.chunk_by(|a, b| a == b).any(|class| class.len() < public.k as usize) {
            return Err(Unsatisfied("a class is smaller than k".into()));
        }
        Ok(())
    }

    fn synthesize(
        &self,
        cs: ConstraintSystemRef<Fr>,
        public: &HashedPublic,
        rows: &Rows,
    ) -> Result<(), SynthesisError> {
        let one = Fr::from(1u64);
        let k = Wire::input(&cs, Fr::from(public.k))?;
        let digest = Wire::input(&cs, public.digest)?;
        let mut numbers = Vec::with_capacity(rows.len());
        let mut elements = Vec::new();
        for part in rows.chunks(PACKED_ROWS) {
            let mut bits = Vec::new();
            for row in part {
                let of_row = allocate_bits(&cs, number(row), CELL_BITS * COLUMNS as u32)?;
                numbers.push(Wire::from_bits(&of_row));
                bits.extend(of_row);
            }
            elements.push(Wire::from_bits(&bits));
        }
        let mut hash = Wire::constant(Fr::from(0u64));
        for part in elements.chunks(MAX_INPUTS - 1) {
            let mut inputs = vec![hash];
            inputs.extend_from_slice(part);
            inputs.resize(MAX_INPUTS, Wire::constant(Fr::from(0u64)));
            hash = poseidon_wire(&cs, &inputs)?;
        }
        enforce_equal(&cs, &hash, &digest)?;

        // Counters that end at k − 1 in every class, and begin at zero in the first.
        let mut counters = Vec::with_capacity(rows.len());
        for class in rows.chunk_by(|a, b| a == b) {
            let idle = class.len().saturating_sub(public.k as usize);
            counters.extend((0..class.len()).map(|row| row.saturating_sub(idle) as u64));
        }
        let least = k.plus_constant(-one);
        let mut before = Wire::constant(Fr::from(0u64));
        for row in 1..rows.len() {
            let counter = if row + 1 == rows.len() {
                least.clone()
            } else {
                Wire::witness(&cs, Fr::from(counters[row]))?
            };
            let zero = Wire::constant(Fr::from(0u64));
            let step = counter.minus(&before).plus_constant(-one);
            enforce_product(&cs, &counter, &step, &zero)?;
            let change = numbers[row].minus(&numbers[row - 1]);
            let end = before.minus(&counter).minus(&least);
            enforce_product(&cs, &change, &end, &zero)?;
            before = counter;
        }
        Ok(())
    }

    fn example(&self) -> (HashedPublic, Rows) {
        self.statement(11)
    }
}
