//! The two circuits of columns laid open to the harness.
//!
//! Everything in them is committed but the values of definitions, so an attack is another witness with
//! evaluations that fit it, and a constraint left out.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};

use super::{Attack, Exposed, Position, System};
use crate::circuit::column::integer;
use crate::circuit::column_small::{ColumnSmall, ColumnSmallPublic, ColumnSmallWitness};
use crate::circuit::column_wide::{ColumnWide, ColumnWidePublic, ColumnWideWitness};
use crate::commitment::{BLINDERS, evaluate};
use crate::statement::{Statement, Unsatisfied};
use crate::summary::{BINS, SUMMARY_BLINDERS};

/// Forces every instance variable.
fn instance<S: Statement>(
    statement: &S,
    public: &S::Public,
    witness: &S::Witness,
) -> Vec<(Position, Fr)> {
    let values = statement.inputs(public).into_iter().chain(statement.committed(witness));
    (1..).zip(values).collect()
}

/// Takes values off the front.
fn take(values: &mut &[Fr], length: usize) -> Vec<Fr> {
    let (front, rest) = values.split_at(length);
    *values = rest;
    front.to_vec()
}

fn blinders(values: &mut &[Fr]) -> [Fr; SUMMARY_BLINDERS] {
    take(values, SUMMARY_BLINDERS).try_into().expect("as many as were taken")
}

/// The terms of a summary, bins and blinders last.
fn evaluation(head: [Fr; 4], bins: &[Fr], blinders: &[Fr; SUMMARY_BLINDERS], zeta: Fr) -> Fr {
    let terms: Vec<Fr> = head.iter().chain(bins).chain(blinders).copied().collect();
    evaluate(&terms, zeta)
}

/// Cells in each bin by entries' counts and labels, the first entry left out.
fn bins(counts: &[Fr], labels: &[Fr]) -> Vec<Fr> {
    let mut bins = vec![Fr::ZERO; BINS];
    for (count, label) in counts.iter().skip(1).zip(labels) {
        if let Some(bin) = (1..=BINS).find(|bin| Fr::from(*bin as u64) == *label) {
            bins[bin - 1] += count;
        }
    }
    bins
}

/// The count of a table's entry, if it has one.
fn slot(counts: &mut [Fr], entry: Option<u64>) -> Option<&mut Fr> {
    counts.get_mut(usize::try_from(entry?).ok()?)
}

/// An attack for every constraint: each witness, with that constraint left out and with none.
fn everywhere<S: Exposed>(
    statement: &S,
    system: &System,
    lies: &[(S::Public, S::Witness)],
) -> Vec<Attack> {
    lies.iter()
        .flat_map(|(public, witness)| {
            let forced = instance(statement, public, witness);
            (0..system.constraints())
                .map(Some)
                .chain([None])
                .map(move |dropped| Attack { forced: forced.clone(), dropped })
        })
        .collect()
}

impl ColumnSmallWitness {
    /// Public values that fit a witness, true or not: as far as the circuit can see.
    #[must_use]
    pub fn fitting(&self, honest: &ColumnSmallPublic) -> ColumnSmallPublic {
        let zeta = honest.zeta;
        let sum = |factor: fn(u64) -> Fr| -> Fr {
            (0..).zip(&self.counts).map(|(code, count)| factor(code) * count).sum()
        };
        let head = [
            sum(|code| Fr::from(u64::from(code > 0))),
            self.counts[0],
            sum(Fr::from),
            sum(|code| Fr::from(code).square()),
        ];
        ColumnSmallPublic {
            column: evaluate(&self.values, zeta),
            labels: evaluate(&self.labels, zeta),
            summary: evaluation(head, &self.bins, &self.blinders, zeta),
            ..*honest
        }
    }
}

impl Exposed for ColumnSmall {
    fn private(&self) -> usize {
        0
    }

    fn supplied(&self) -> Vec<Position> {
        let (public, witness) = self.example();
        (1..=self.inputs(&public).len() + self.committed(&witness).len()).collect()
    }

    fn claim(&self, instance: &[Fr], _private: &[Fr]) -> Result<(), Unsatisfied> {
        let mut values = instance;
        let public = take(&mut values, 6);
        let public = ColumnSmallPublic {
            padding: integer(public[0])
                .ok_or_else(|| Unsatisfied("padding out of range".into()))?,
            filler: public[1],
            zeta: public[2],
            column: public[3],
            labels: public[4],
            summary: public[5],
        };
        let witness = ColumnSmallWitness {
            values: take(&mut values, self.rows + BLINDERS),
            counts: take(&mut values, self.codes),
            labels: take(&mut values, self.codes - 1),
            bins: take(&mut values, BINS),
            blinders: blinders(&mut values),
            mask: Fr::ZERO,
        };
        self.check(&public, &witness)
    }

    fn honest(&self) -> Vec<(ColumnSmallPublic, ColumnSmallWitness)> {
        vec![self.example()]
    }

    fn attacks(&self, system: &System) -> Vec<Attack> {
        let (public, honest) = self.example();
        let mut lies = Vec::new();
        let mut lie = |witness: ColumnSmallWitness| {
            lies.push((witness.fitting(&public), witness));
        };
        // C1: a cell that is no code, in every row; nothing counts it.
        for row in 0..self.rows {
            let mut witness = honest.clone();
            witness.values[row] = -Fr::ONE;
            lie(witness);
        }
        // C3: a cell moved from one bin into another.
        let mut witness = honest.clone();
        witness.bins[0] -= Fr::ONE;
        witness.bins[1] += Fr::ONE;
        lie(witness);
        // C2, C4, H: another evaluation.
        let wrong = |change: fn(&mut ColumnSmallPublic)| {
            let mut public = public;
            change(&mut public);
            (public, honest.clone())
        };
        lies.push(wrong(|public| public.labels += Fr::ONE));
        lies.push(wrong(|public| public.summary += Fr::ONE));
        lies.push(wrong(|public| public.column += Fr::ONE));
        everywhere(self, system, &lies)
    }
}

impl ColumnWideWitness {
    /// Public values that fit a witness, true or not: as far as the circuit can see.
    #[must_use]
    pub fn fitting(&self, honest: &ColumnWidePublic) -> ColumnWidePublic {
        let zeta = honest.zeta;
        let cells = &self.values[..self.low.len()];
        let present = cells.iter().sum::<Fr>() - self.low.iter().chain(&self.high).sum::<Fr>();
        let head = [
            present,
            Fr::from(cells.len() as u64) - present,
            cells.iter().sum(),
            cells.iter().map(Field::square).sum(),
        ];
        ColumnWidePublic {
            column: evaluate(&self.values, zeta),
            labels: evaluate(&self.labels, zeta),
            summary: evaluation(head, &self.bins, &self.blinders, zeta),
            ..*honest
        }
    }

    /// Puts a row's parts in place of others, and counts them where a table has them; bins follow.
    pub fn replace(&mut self, row: usize, step: u64, [value, low, high]: [i64; 3]) {
        let scalar = |value: i64| {
            let size = Fr::from(value.unsigned_abs());
            if value < 0 { -size } else { size }
        };
        let old = [self.low[row], self.high[row]];
        let new = [scalar(low), scalar(high)];
        for ([low, high], change) in [(old, -Fr::ONE), (new, Fr::ONE)] {
            for item in [low, Fr::from(step) - Fr::ONE - low] {
                if let Some(count) = slot(&mut self.low_counts, integer(item)) {
                    *count += change;
                }
            }
            let multiple = integer(high).filter(|high| high % step == 0).map(|high| high / step);
            if let Some(count) = slot(&mut self.high_counts, multiple) {
                *count += change;
            }
        }
        self.values[row] = scalar(value);
        [self.low[row], self.high[row]] = new;
        self.count();
    }

    /// Bins as the circuit wants them for these counts and labels.
    pub fn count(&mut self) {
        let rows = self.low.len();
        let present =
            self.values[..rows].iter().sum::<Fr>() - self.low.iter().chain(&self.high).sum::<Fr>();
        self.bins = bins(&self.high_counts, &self.labels);
        self.bins[0] += self.high_counts[0] - (Fr::from(rows as u64) - present);
    }
}

impl Exposed for ColumnWide {
    fn private(&self) -> usize {
        0
    }

    fn supplied(&self) -> Vec<Position> {
        let (public, witness) = self.example();
        (1..=self.inputs(&public).len() + self.committed(&witness).len()).collect()
    }

    fn claim(&self, instance: &[Fr], _private: &[Fr]) -> Result<(), Unsatisfied> {
        let number = |value| integer(value).ok_or_else(|| Unsatisfied("out of range".into()));
        let mut values = instance;
        let public = take(&mut values, 7);
        let public = ColumnWidePublic {
            step: number(public[0])?,
            padding: number(public[1])?,
            filler: public[2],
            zeta: public[3],
            column: public[4],
            labels: public[5],
            summary: public[6],
        };
        let witness = ColumnWideWitness {
            values: take(&mut values, self.rows + BLINDERS),
            low: take(&mut values, self.rows),
            high: take(&mut values, self.rows),
            low_counts: take(&mut values, self.steps),
            high_counts: take(&mut values, self.grid),
            labels: take(&mut values, self.grid - 1),
            bins: take(&mut values, BINS),
            blinders: blinders(&mut values),
            mask: Fr::ZERO,
        };
        self.check(&public, &witness)
    }

    fn honest(&self) -> Vec<(ColumnWidePublic, ColumnWideWitness)> {
        vec![self.example()]
    }

    fn attacks(&self, system: &System) -> Vec<Attack> {
        let (public, honest) = self.example();
        let step = public.step as i64;
        let mut lies = Vec::new();
        for row in 0..self.rows {
            // Cell, w and W of a row that are not what they seem:
            for parts in [
                // W1: present twice.
                [2, 0, 0],
                // W2: missing, with a value.
                [1, 1, 0],
                // W4: missing, counted as present.
                [0, -1, 0],
                // W4 from above: in the wrong cell of the grid.
                [1 + step, step, 0],
                // W5: missing, counted as present.
                [0, 0, -1],
            ] {
                // In a padding row, padding goes to the first row instead.
                let mut witness = honest.clone();
                for list in [&mut witness.values, &mut witness.low, &mut witness.high] {
                    list.swap(0, row);
                }
                witness.replace(row, public.step, parts);
                lies.push((witness.fitting(&public), witness));
            }
        }
        // C3: a cell moved from one bin into another.
        let mut witness = honest.clone();
        witness.bins[0] -= Fr::ONE;
        witness.bins[1] += Fr::ONE;
        lies.push((witness.fitting(&public), witness));
        // W3, C2, C4, H: another evaluation.
        let zeta = public.zeta;
        lies.push((
            ColumnWidePublic { summary: public.summary + zeta.pow([3]), ..public },
            honest.clone(),
        ));
        lies.push((ColumnWidePublic { labels: public.labels + Fr::ONE, ..public }, honest.clone()));
        lies.push((ColumnWidePublic { column: public.column + Fr::ONE, ..public }, honest));
        everywhere(self, system, &lies)
    }
}
