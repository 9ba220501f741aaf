//! The l-diversity circuits laid open to the harness.
//!
//! As with k-anonymity the counters are choices, and cells, slacks and view are committed, so the
//! attacks are written down here for a block of any size.

use std::collections::{BTreeMap, BTreeSet};

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};

use super::{Attack, Exposed, Position, System};
use crate::circuit::l_diversity::{LDiversity, LDiversityPublic, LDiversityWitness, Order};
use crate::commitment::BLINDERS;
use crate::statement::{Statement, Unsatisfied};

const L: Position = 1;
const ZETA: Position = 2;
const Y_Q: Position = 3;
const Y_S: Position = 4;
const CLASSES: Position = 5;

/// Where the variables of a block stand.
struct Layout {
    rows: usize,
    any: bool,
    entries: usize,
}

impl Layout {
    fn of(statement: &LDiversity) -> Self {
        Self {
            rows: statement.rows,
            any: statement.order == Order::Any,
            entries: statement.largest_code() as usize,
        }
    }

    fn cell(&self, row: usize) -> Position {
        CLASSES + self.rows + BLINDERS + row
    }

    fn view(&self, row: usize) -> Position {
        self.cell(self.rows + BLINDERS) + row
    }

    /// The slack of a row other than the first.
    fn slack(&self, row: usize) -> Position {
        self.view(if self.any { self.rows } else { 0 }) + row - 1
    }

    /// Just after the mask, the last committed value.
    fn end(&self) -> Position {
        self.slack(self.rows) + self.entries + 1
    }

    /// The inverse of the slack of row `i + 1`, or of the last cell.
    fn lookup(&self, i: usize) -> Position {
        self.end() + self.rows - 2 + i
    }

    fn entry(&self, j: usize) -> Position {
        self.lookup(self.rows) + j
    }

    /// The inverse of a row's fingerprint, or that of the view's.
    fn print(&self, row: usize, of_view: bool) -> Position {
        self.entry(self.entries) + row + if of_view { self.rows } else { 0 }
    }

    /// Forces cells, of the view too.
    fn cells(&self, cells: impl IntoIterator<Item = (usize, Fr)>) -> Vec<(Position, Fr)> {
        cells
            .into_iter()
            .flat_map(|(row, value)| {
                let view = self.any.then(|| (self.view(row), value));
                [(self.cell(row), value)].into_iter().chain(view)
            })
            .collect()
    }

    /// Forces the rows from `row` on to be of another class.
    fn class_from(&self, row: usize, system: &System) -> Vec<(Position, Fr)> {
        let changed = if self.any { row..self.rows } else { row..row + 1 };
        changed.map(|r| (CLASSES + r, system.value(CLASSES + r) + Fr::from(9))).collect()
    }
}

/// The statement in words, of classes wherever their rows are.
fn diverse(l: u32, rows: impl IntoIterator<Item = (Fr, Fr)>) -> Result<(), Unsatisfied> {
    let mut classes: BTreeMap<Fr, BTreeSet<Fr>> = BTreeMap::new();
    for (class, cell) in rows {
        let values = classes.entry(class).or_default();
        if cell != Fr::ZERO {
            values.insert(cell);
        }
    }
    if l == 0 || classes.values().any(|values| values.len() < l as usize) {
        return Err(Unsatisfied("a class is not diverse".into()));
    }
    Ok(())
}

/// A witness of which only `classes` and `cells` count.
fn table(classes: Vec<Fr>, cells: Vec<Fr>) -> LDiversityWitness {
    LDiversityWitness {
        classes,
        cells,
        view: Vec::new(),
        slacks: Vec::new(),
        multiplicities: Vec::new(),
        mask: Fr::ZERO,
        counters: Vec::new(),
        lookups: Vec::new(),
        table: Vec::new(),
        fingerprints: Vec::new(),
        class_sums: Vec::new(),
        cell_sums: Vec::new(),
    }
}

/// The attack that forces these values and has the columns opened accordingly.
fn forging(statement: &LDiversity, system: &System, forced: Vec<(Position, Fr)>) -> Attack {
    let layout = Layout::of(statement);
    let forced: BTreeMap<Position, Fr> = forced.into_iter().collect();
    let values = |from: Position| -> Vec<Fr> {
        (from..from + statement.rows + BLINDERS)
            .map(|at| forced.get(&at).copied().unwrap_or_else(|| system.value(at)))
            .collect()
    };
    let columns = table(values(CLASSES), values(layout.cell(0)));
    let (y_q, y_s) = columns.evaluations(statement, system.value(ZETA));
    Attack::forcing(forced.into_iter().chain([(Y_Q, y_q), (Y_S, y_s)]))
}

impl Exposed for LDiversity {
    fn private(&self) -> usize {
        self.rows - 2
    }

    fn supplied(&self) -> Vec<Position> {
        (L..Layout::of(self).end()).collect()
    }

    fn claim(&self, instance: &[Fr], _private: &[Fr]) -> Result<(), Unsatisfied> {
        let layout = Layout::of(self);
        let l = (0..1 << 16)
            .find(|l| Fr::from(*l) == instance[L - 1])
            .ok_or_else(|| Unsatisfied("l is out of range".into()))?;
        let values = |from: Position| instance[from - 1..][..self.rows + BLINDERS].to_vec();
        let columns = table(values(CLASSES), values(layout.cell(0)));
        if columns.evaluations(self, instance[ZETA - 1]) != (instance[Y_Q - 1], instance[Y_S - 1]) {
            return Err(Unsatisfied("the rows are not those of the opened columns".into()));
        }
        let mut class = Fr::ZERO;
        let classes = columns.classes.iter().map(|value| match self.order {
            Order::Any => *value,
            Order::Tail => {
                class += value;
                class
            }
        });
        diverse(l, classes.zip(columns.cells.iter().copied()).take(self.rows))
    }

    fn honest(&self) -> Vec<(LDiversityPublic, LDiversityWitness)> {
        let rows = self.rows;
        let zeta = self.example().0.zeta;
        let blinders: [Fr; BLINDERS] = std::array::from_fn(|j| Fr::from(77 + j as u64));
        // One class of all rows. All values differ; or there are two of them; or one.
        let falling = (1..=rows as u64).rev().collect();
        let mut two = vec![1; rows];
        two[rows - 2] = 2;
        [(rows, falling), (2, two), (1, vec![1; rows])]
            .into_iter()
            .map(|(l, cells): (usize, Vec<u64>)| {
                let l = u32::try_from(l).expect("a small block");
                let cells: Vec<Fr> = cells.into_iter().map(Fr::from).collect();
                let view = if self.order == Order::Any { cells.clone() } else { Vec::new() };
                let values = [vec![Fr::from(5); rows], blinders.to_vec()].concat();
                let cells = [cells, blinders.to_vec()].concat();
                let witness = LDiversityWitness::assemble(self, l, &values, cells, view, Fr::ONE)
                    .at(self, zeta);
                let (y_q, y_s) = witness.evaluations(self, zeta);
                (LDiversityPublic { l, zeta, y_q, y_s }, witness)
            })
            .collect()
    }

    fn attacks(&self, system: &System) -> Vec<Attack> {
        let rows = self.rows;
        let layout = Layout::of(self);
        let value = |at: Position| system.value(at);
        let forge = |forced: Vec<(Position, Fr)>| forging(self, system, forced);
        let mut attacks = Vec::new();
        // H: another evaluation; the partial sums are carried up to the dropped row from both ends.
        for row in 0..system.constraints() {
            for y in [Y_Q, Y_S] {
                if system.variables(row).contains(&ZETA) {
                    let forced = vec![(y, value(y) + Fr::ONE)];
                    attacks.push(Attack { forced, dropped: Some(row) });
                }
            }
        }
        // L1: one value more demanded than there are rows; the counter jumps.
        for jump in 1..rows {
            let counters = (1..rows - 1).map(|row| {
                let counter = if row < jump { row } else { row + 1 };
                (system.private(row - 1), Fr::from(counter as u64))
            });
            attacks.push(Attack::forcing(counters.chain([(L, Fr::from(rows as u64 + 1))])));
        }
        for row in 1..rows {
            // L2: a class of ones ends without having counted.
            attacks.push(forge(layout.class_from(row, system)));
            // L3: two neighbours are equal, in a class that needs all its values.
            let equal = layout.cells((0..row).map(|r| (r, value(layout.cell(r)) - Fr::ONE)));
            attacks.push(forge(equal.clone()));
            // L4: a class of missing values.
            let missing = layout.cells((0..row).map(|r| (r, Fr::ZERO)));
            attacks.push(forge([missing, layout.class_from(row, system)].concat()));
            // L5 in a row: as for L3, with a slack of minus one, which is looked up as another.
            let lookup = layout.lookup(row - 1);
            let slack = (layout.slack(row), -Fr::ONE);
            attacks.push(forge([equal.clone(), vec![slack, (lookup, value(lookup))]].concat()));
            // The same, looked up as what it is: the sums differ, or an entry makes up for it.
            attacks.push(forge([equal.clone(), vec![slack]].concat()));
            let inverse = (value(ZETA) + Fr::ONE).inverse().expect("a random challenge");
            for entry in (0..layout.entries).map(|j| layout.entry(j)) {
                let made_up = value(entry) + inverse - value(lookup);
                attacks.push(forge([equal.clone(), vec![slack, (entry, made_up)]].concat()));
            }
        }
        // L5 in the last row: its cell is missing.
        let lower = layout.cells((0..rows).map(|r| (r, value(layout.cell(r)) - Fr::ONE)));
        let lookup = layout.lookup(rows - 1);
        attacks.push(forge([lower, vec![(lookup, value(lookup))]].concat()));
        // L6: a cell is not the view's; fingerprints are inverted wrongly on either side, or differ.
        for row in (0..rows).filter(|_| layout.any) {
            let other = value(layout.cell(if row == 0 { 1 } else { 0 }));
            let cell = (layout.cell(row), other);
            let print = layout.print(row, false);
            attacks.push(forge(vec![cell, (print, value(print))]));
            attacks.push(forge(vec![cell]));
            let inverse = (value(ZETA) - value(CLASSES + row) - other).inverse();
            let change = inverse.expect("a random challenge") - value(print);
            let print = layout.print(row, true);
            attacks.push(forge(vec![cell, (print, value(print) + change)]));
        }
        attacks
    }
}
