//! Columns to prove, and the steps of a proof that a bundle would take.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use ark_bn254::Fr;
use galen_zk::circuit::column::Chart;
use galen_zk::circuit::column_small::{ColumnSmall, ColumnSmallWitness};
use galen_zk::circuit::column_wide::{ColumnWide, ColumnWideWitness};
use galen_zk::commitment::{BLINDERS, Column, evaluate};
use galen_zk::committed::Commitment;
use galen_zk::field::hash_to_scalar;
use galen_zk::keys::Prover;
use galen_zk::statement::Statement;
use galen_zk::summary::Summary;

/// A prover with the keys that people use.
pub fn prover() -> Prover {
    let directory = std::env::var_os("GALEN_PARAMS")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/galen/params")));
    Prover::development(directory.unwrap()).unwrap()
}

/// Everything about one column.
pub struct Case<S: Statement> {
    pub statement: S,
    pub chart: Chart,
    pub cells: Vec<u64>,
    pub summary: Summary,
    pub blinders: [Fr; 3],
    pub witness: S::Witness,
    known: fn(&S, &Chart, usize, Fr, Fr, Fr, Fr) -> S::Public,
    rows: usize,
}

fn filler() -> Fr {
    hash_to_scalar("test/padding", &[b"commitments of the block"])
}

fn column_blinders() -> [Fr; BLINDERS] {
    std::array::from_fn(|j| hash_to_scalar("test/blinder", &[&[j as u8]]))
}

impl<S: Statement> Case<S> {
    /// What a verifier knows who is told that the commitment of the summary is to these numbers.
    pub fn public(&self, zeta: Fr, summary: &[Fr]) -> S::Public {
        let column = Column { cells: &self.cells, blinders: column_blinders() };
        let values = (evaluate(&column.coefficients(self.rows), zeta), evaluate(summary, zeta));
        let active = self.cells.len();
        (self.known)(&self.statement, &self.chart, active, filler(), zeta, values.0, values.1)
    }
}

fn blinders() -> [Fr; 3] {
    std::array::from_fn(|j| hash_to_scalar("test/summary", &[&[j as u8]]))
}

/// Cells from 0 to `highest` in bins of almost equal width.
pub fn small_case(statement: ColumnSmall, active: usize, highest: u64) -> Case<ColumnSmall> {
    let width = highest.div_ceil(32);
    let starts = (0..).map(|bin| 1 + bin * width).take_while(|start| *start <= highest);
    let chart = Chart::new(1, starts.chain([highest + 1]).collect()).unwrap();
    let cells: Vec<u64> = (0..active as u64).map(|row| row * 7_919 % (highest + 1)).collect();
    let witness = ColumnSmallWitness::new(
        &statement,
        &chart,
        &cells,
        &column_blinders(),
        filler(),
        blinders(),
        Fr::from(9u64),
    )
    .unwrap();
    Case {
        statement,
        summary: chart.summary(&cells).unwrap(),
        chart,
        cells,
        blinders: blinders(),
        witness,
        known: |statement, chart, active, filler, zeta, column, summary| {
            statement.public(chart, active, filler, zeta, column, summary).unwrap()
        },
        rows: statement.rows,
    }
}

/// Cells over a grid of `grid` cells, with the widest step but one.
pub fn wide_case(statement: ColumnWide, active: usize, grid: u64) -> Case<ColumnWide> {
    let step = statement.steps as u64 - 1;
    let width = grid.div_ceil(32);
    let starts = (0..).map(|bin| bin * width).take_while(|start| *start < grid);
    let edges = starts.chain([grid]).map(|start| 1 + start * step).collect();
    let chart = Chart::new(step, edges).unwrap();
    let cells: Vec<u64> =
        (0..active as u64).map(|row| row * 10_000_019 % (chart.highest() + 1)).collect();
    let witness = ColumnWideWitness::new(
        &statement,
        &chart,
        &cells,
        &column_blinders(),
        filler(),
        blinders(),
        Fr::from(9u64),
    )
    .unwrap();
    Case {
        statement,
        summary: chart.summary(&cells).unwrap(),
        chart,
        cells,
        blinders: blinders(),
        witness,
        known: |statement, chart, active, filler, zeta, column, summary| {
            statement.public(chart, active, filler, zeta, column, summary).unwrap()
        },
        rows: statement.rows,
    }
}

/// A challenge that depends on the commitment.
pub fn challenge(commitment: &Commitment) -> Fr {
    hash_to_scalar("test/challenge", &[&borsh::to_vec(commitment).unwrap()])
}
