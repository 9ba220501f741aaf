//! Shows that every constraint of a circuit is needed. For tests only.
//!
//! A constraint is *killed* by an assignment that satisfies every other one and whose statement the
//! plain check refuses, with public values other than the honest ones: without that constraint,
//! somebody could prove a falsehood. Public values that a verifier would supply itself (a day, a
//! limit) keep the type that it supplies them in.
//!
//! A circuit is mostly definitions: constraints that each determine one new variable. Dropping one
//! frees its variable; a different value for it is carried through the later definitions, and what
//! the public outputs then say is false. Checks proper (bits, sums that must meet a public value)
//! are attacked one variable at a time, or by an attack that the circuit's author writes down.
//! Depends on [`crate::statement`] only.

mod assignment;
mod column;
mod k_anonymity;
mod l_diversity;
mod powers;

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field, UniformRand};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use crate::statement::{Statement, Unsatisfied};

pub use assignment::{Assignment, broken};
pub use powers::powers_file;

/// Positions of variables: 0 is the constant, then instance variables, then witness variables.
pub type Position = usize;

/// A statement whose assignments can be read back.
pub trait Exposed: Statement {
    /// How many of the first witness variables are the prover's to choose; the rest follow from them.
    fn private(&self) -> usize;

    /// Instance variables, counted from 1, that a verifier supplies and no solver may move.
    fn supplied(&self) -> Vec<Position>;

    /// What the plain check says of an assignment: of its instance variables without the constant,
    /// and of its private variables.
    ///
    /// # Errors
    /// The first rule that does not hold.
    fn claim(&self, instance: &[Fr], private: &[Fr]) -> Result<(), Unsatisfied>;

    /// Honest statements to start from. Each constraint needs one from which it can be attacked.
    fn honest(&self) -> Vec<(Self::Public, Self::Witness)>;

    /// Attacks by hand, for a system that holds the honest assignment.
    fn attacks(&self, system: &System) -> Vec<Attack>;
}

/// Values forced on variables; definitions are solved anew around them.
#[derive(Clone, Debug, Default)]
pub struct Attack {
    /// Forced values. The definition of a forced variable is not solved.
    pub forced: Vec<(Position, Fr)>,
    /// A constraint left out of solving altogether.
    pub dropped: Option<usize>,
}

impl Attack {
    /// Forces some variables.
    #[must_use]
    pub fn forcing(forced: impl IntoIterator<Item = (Position, Fr)>) -> Self {
        Self { forced: forced.into_iter().collect(), dropped: None }
    }
}

struct Row {
    sides: [Vec<(Fr, Position)>; 3],
    /// Every variable of the row, once, without the constant.
    variables: Vec<Position>,
}

/// A constraint system with one satisfying assignment, and which constraint defines which variable.
pub struct System {
    rows: Vec<Row>,
    /// Rows in which a variable stands.
    places: Vec<Vec<usize>>,
    /// The honest assignment.
    values: Vec<Fr>,
    /// Instance variables, the constant included.
    instance: usize,
    private: usize,
    /// The variable that a row defines.
    defines: Vec<Option<Position>>,
}

fn evaluate(side: &[(Fr, Position)], values: &[Fr]) -> Fr {
    side.iter().map(|(c, at)| if *c == Fr::ONE { values[*at] } else { *c * values[*at] }).sum()
}

fn coefficient(side: &[(Fr, Position)], variable: Position) -> Fr {
    side.iter().filter(|(_, at)| *at == variable).map(|(c, _)| *c).sum()
}

impl Row {
    fn holds(&self, values: &[Fr]) -> bool {
        let [a, b, c] = &self.sides;
        evaluate(a, values) * evaluate(b, values) == evaluate(c, values)
    }

    /// Not in both factors.
    fn is_linear_in(&self, variable: Position) -> bool {
        let [a, b, _] = &self.sides;
        coefficient(a, variable) == Fr::ZERO || coefficient(b, variable) == Fr::ZERO
    }

    /// The one value of a variable that satisfies the row; none if every value or no value does.
    fn solve(&self, variable: Position, values: &mut [Fr]) -> Option<Fr> {
        let [a, b, c] = &self.sides;
        let [a1, b1, c1] = self.sides.each_ref().map(|side| coefficient(side, variable));
        values[variable] = Fr::ZERO;
        let [a0, b0, c0] = [evaluate(a, values), evaluate(b, values), evaluate(c, values)];
        // (a0 + a1·v)(b0 + b1·v) = c0 + c1·v with a1·b1 = 0
        (a1 * b0 + a0 * b1 - c1).inverse().map(|inverse| (c0 - a0 * b0) * inverse)
    }
}

impl System {
    /// Writes a statement out. Panics if the assignment does not satisfy it, or if the instance is
    /// not what the statement says it is.
    ///
    /// # Panics
    /// See above: this is a test.
    #[must_use]
    pub fn new<S: Exposed>(statement: &S, public: &S::Public, witness: &S::Witness) -> Self {
        let Assignment { rows, values, instance } = Assignment::new(statement, public, witness);
        assert!(rows.iter().all(|row| row.holds(&values)), "the honest assignment fails");
        let mut expected = vec![Fr::ONE];
        expected.extend(statement.inputs(public));
        expected.extend(statement.committed(witness));
        assert_eq!(values[..instance], expected, "instance variables in the order of the inputs");
        let mut places = vec![Vec::new(); values.len()];
        for (number, row) in rows.iter().enumerate() {
            for variable in &row.variables {
                places[*variable].push(number);
            }
        }
        let private = statement.private();
        let defines = definitions(&rows, &places, instance, private, &statement.supplied());
        Self { rows, places, values, instance, private, defines }
    }

    /// Constraints.
    #[must_use]
    pub fn constraints(&self) -> usize {
        self.rows.len()
    }

    /// The honest value of a variable.
    #[must_use]
    pub fn value(&self, at: Position) -> Fr {
        self.values[at]
    }

    /// Where private variable `i` stands.
    #[must_use]
    pub fn private(&self, i: usize) -> Position {
        self.instance + i
    }

    /// The variables of a constraint.
    #[must_use]
    pub fn variables(&self, row: usize) -> &[Position] {
        &self.rows[row].variables
    }

    /// The variable that a constraint defines, if it is a definition.
    #[must_use]
    pub fn defined_by(&self, row: usize) -> Option<Position> {
        self.defines[row]
    }

    /// The constraints in which a variable stands.
    #[must_use]
    pub fn rows_of(&self, variable: Position) -> &[usize] {
        &self.places[variable]
    }

    /// Constraints that one changed variable breaks, all others honest.
    #[must_use]
    pub fn broken_by(&self, variable: Position, value: Fr) -> usize {
        let mut values = self.values.clone();
        values[variable] = value;
        self.places[variable].iter().filter(|row| !self.rows[**row].holds(&values)).count()
    }

    /// Carries an attack through the definitions: each constraint with one unknown variable gives
    /// its value. What stays unknown keeps its honest value.
    fn carry(&self, attack: &Attack) -> Vec<Fr> {
        let mut values = self.values.clone();
        let mut unknown = vec![false; values.len()];
        for variable in self.defines.iter().flatten() {
            unknown[*variable] = true;
        }
        for (variable, value) in &attack.forced {
            unknown[*variable] = false;
            values[*variable] = *value;
        }
        let mut open: Vec<usize> = self
            .rows
            .iter()
            .map(|row| row.variables.iter().filter(|variable| unknown[**variable]).count())
            .collect();
        let mut queue: Vec<usize> = (0..self.rows.len()).filter(|row| open[*row] == 1).collect();
        // Constraints as written come first, so that values flow from inputs to outputs.
        queue.reverse();
        while let Some(number) = queue.pop() {
            let row = &self.rows[number];
            if attack.dropped == Some(number) {
                continue;
            }
            let Some(variable) = row.variables.iter().copied().find(|v| unknown[*v]) else {
                continue;
            };
            if !row.is_linear_in(variable) {
                continue;
            }
            if self.defines[number] != Some(variable) && attack.dropped.is_none() {
                // Backwards only where an attack asks for it by dropping a constraint.
                continue;
            }
            let old = values[variable];
            values[variable] = row.solve(variable, &mut values).unwrap_or(old);
            unknown[variable] = false;
            for place in &self.places[variable] {
                open[*place] -= 1;
                if open[*place] == 1 {
                    queue.push(*place);
                }
            }
        }
        values
    }

    /// The one constraint that an assignment breaks.
    fn broken(&self, values: &[Fr]) -> Option<usize> {
        let mut broken = (0..self.rows.len()).filter(|row| !self.rows[*row].holds(values));
        match (broken.next(), broken.next()) {
            (Some(row), None) => Some(row),
            _ => None,
        }
    }

    /// The constraint that an attack kills.
    fn killed<S: Exposed>(&self, statement: &S, attack: &Attack) -> Option<usize> {
        let values = self.carry(attack);
        let row = self.broken(&values)?;
        let instance = &values[1..self.instance];
        let private = &values[self.instance..self.instance + self.private];
        // With honest public values the statement is true, whatever this assignment holds.
        let lies = instance != &self.values[1..self.instance];
        (lies && statement.claim(instance, private).is_err()).then_some(row)
    }
}

/// For each row the variable that it defines: the latest witness variable that no earlier row
/// mentions and that the prover cannot choose, else an instance variable left to be defined.
fn definitions(
    rows: &[Row],
    places: &[Vec<usize>],
    instance: usize,
    private: usize,
    supplied: &[Position],
) -> Vec<Option<Position>> {
    let mut taken = vec![false; places.len()];
    rows.iter()
        .enumerate()
        .map(|(number, row)| {
            let linear = |at: &&Position| row.is_linear_in(**at) && !taken[**at];
            let found = row
                .variables
                .iter()
                .rev()
                .filter(linear)
                .find(|at| **at >= instance + private && places[**at][0] == number)
                .or_else(|| {
                    row.variables
                        .iter()
                        .filter(linear)
                        .find(|at| **at < instance && !supplied.contains(*at))
                })
                .copied();
            if let Some(at) = found {
                taken[at] = true;
            }
            found
        })
        .collect()
}

/// The outcome for one circuit.
#[derive(Clone, Debug)]
pub struct Report {
    /// Constraints.
    pub total: usize,
    /// Shown to be needed.
    pub killed: usize,
    /// Constraints that nothing killed.
    pub survivors: Vec<usize>,
}

/// Attacks every constraint of a circuit.
#[must_use]
pub fn attack_all<S: Exposed>(statement: &S) -> Report {
    let systems: Vec<System> = statement
        .honest()
        .iter()
        .map(|(public, witness)| System::new(statement, public, witness))
        .collect();
    let total = systems[0].constraints();
    let mut killed = vec![false; total];
    for system in &systems {
        assert_eq!(system.constraints(), total, "the shape depends on the witness");
        for attack in statement.attacks(system) {
            if let Some(row) = system.killed(statement, &attack) {
                killed[row] = true;
            }
        }
        let rng = &mut ChaCha20Rng::seed_from_u64(7);
        for (row, killed) in killed.iter_mut().enumerate() {
            if !*killed {
                *killed = single_variable_attacks(system, row, rng)
                    .iter()
                    .any(|attack| system.killed(statement, attack) == Some(row));
            }
        }
    }
    let survivors: Vec<usize> = (0..total).filter(|row| !killed[*row]).collect();
    Report { total, killed: total - survivors.len(), survivors }
}

/// A definition: other values for its variable. A check: for each of its witness variables.
fn single_variable_attacks(system: &System, row: usize, rng: &mut ChaCha20Rng) -> Vec<Attack> {
    let targets: Vec<Position> = match system.defined_by(row) {
        Some(variable) => vec![variable],
        None => system.variables(row).iter().copied().filter(|at| *at >= system.instance).collect(),
    };
    let mut attacks = Vec::new();
    for variable in targets {
        let honest = system.value(variable);
        for value in [Fr::rand(rng), -honest, Fr::ZERO, Fr::ONE] {
            if value != honest {
                attacks.push(Attack::forcing([(variable, value)]));
            }
        }
    }
    attacks
}

/// Fails unless every witness variable of the honest assignments, changed alone, breaks something.
///
/// # Panics
/// Naming the variable that may be changed freely.
pub fn assert_every_variable_bound<S: Exposed>(statement: &S) {
    let rng = &mut ChaCha20Rng::seed_from_u64(8);
    for (public, witness) in statement.honest() {
        let system = System::new(statement, &public, &witness);
        for variable in system.instance..system.values.len() {
            for value in [system.value(variable) + Fr::ONE, Fr::rand(rng)] {
                assert!(
                    system.broken_by(variable, value) > 0,
                    "witness variable {} is bound by nothing",
                    variable - system.instance
                );
            }
        }
    }
}
