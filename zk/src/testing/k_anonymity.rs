//! The k-anonymity circuit laid open to the harness.
//!
//! Its counters are choices, not definitions, so most of its attacks are written down here, for a
//! block of any size: `N` equal rows against a `k` of `N` or `N + 1`.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};

use super::{Attack, Exposed, Position, System};
use crate::circuit::k_anonymity::{KAnonymity, KAnonymityPublic, KAnonymityWitness};
use crate::commitment::BLINDERS;
use crate::statement::{Statement, Unsatisfied};

const K: Position = 1;
const ZETA: Position = 2;
const Y: Position = 3;
const DIFFERENCES: Position = 4;

impl Exposed for KAnonymity {
    fn private(&self) -> usize {
        self.rows - 2
    }

    fn supplied(&self) -> Vec<Position> {
        (K..DIFFERENCES + self.rows + BLINDERS + 1).collect()
    }

    fn claim(&self, instance: &[Fr], private: &[Fr]) -> Result<(), Unsatisfied> {
        let k = (0..1 << 16)
            .find(|k| Fr::from(*k) == instance[K - 1])
            .ok_or_else(|| Unsatisfied("k is out of range".into()))?;
        let public = KAnonymityPublic { k, zeta: instance[ZETA - 1], y: instance[Y - 1] };
        let witness = KAnonymityWitness {
            differences: instance[DIFFERENCES - 1..][..self.rows + BLINDERS].to_vec(),
            mask: Fr::ZERO,
            counters: private.to_vec(),
            horner: Vec::new(),
        };
        self.check(&public, &witness)
    }

    fn honest(&self) -> Vec<(KAnonymityPublic, KAnonymityWitness)> {
        let (public, _) = self.example();
        let blinders = std::array::from_fn(|j| Fr::from(77 + j as u64));
        // One class of all rows, at the largest k that it has.
        let k = u32::try_from(self.rows).expect("a small block");
        let rows = vec![Fr::from(5); self.rows];
        let witness = KAnonymityWitness::new(&rows, &blinders, Fr::ONE, k).at(public.zeta);
        let y = witness.evaluation(public.zeta);
        vec![(KAnonymityPublic { k, zeta: public.zeta, y }, witness), self.example()]
    }

    fn attacks(&self, system: &System) -> Vec<Attack> {
        let rows = self.rows;
        let mut attacks = Vec::new();
        // H: another evaluation; the partial sums are carried up to the dropped row from both ends.
        for row in 0..system.constraints() {
            if system.variables(row).contains(&ZETA) {
                let forced = vec![(Y, system.value(Y) + Fr::ONE)];
                attacks.push(Attack { forced, dropped: Some(row) });
            }
        }
        // K2: equal rows count 0..N−1 for k = N; then one row differs from the one before it.
        for row in 1..rows {
            let mut forced = vec![(DIFFERENCES + row, Fr::from(9))];
            // Keeps the evaluation: the last difference takes the change back, before the blinders.
            let zeta = system.value(ZETA);
            let change =
                Fr::from(9) * (zeta.pow([row as u64]) - zeta.pow([(rows + BLINDERS) as u64]));
            forced.push((Y, system.value(Y) + change));
            attacks.push(Attack::forcing(forced));
        }
        // K1: one row more demanded than there are. The counter jumps to where k − 1 is reached.
        let counter = |row: usize, value: usize| {
            (row > 0 && row + 1 < rows).then(|| (system.private(row - 1), Fr::from(value as u64)))
        };
        for jump in 1..rows {
            let forced = (0..rows)
                .filter_map(|row| counter(row, if row < jump { row } else { row + 1 }))
                .chain([(K, Fr::from(rows as u64 + 1))]);
            attacks.push(Attack::forcing(forced));
        }
        attacks
    }
}
