//! Full-domain generalisation: which level for each quasi-identifier loses least.
//!
//! A node of the lattice is one level a column. Rows in classes below k, or below l in a sensitive
//! column, are suppressed; a node is feasible if they are no more than the limit. Going up, classes
//! only merge, and gain rows and values, so suppression never grows: what is infeasible makes every node below it infeasible. A cell's own loss only grows
//! upwards and a suppressed row costs 1, so the loss before suppression bounds a node's loss from
//! below. Nodes are tried in the order of that bound until it passes the best loss found, which
//! makes the result the least over the whole lattice; along the way chains towards the top are
//! halved to rule out many nodes at once (as in Kohlmayer et al., "Flash: efficient, stable and
//! optimal k-anonymity", 2012). A lattice too large for that is descended greedily from its top.

use crate::hierarchy::Hierarchy;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Above this many nodes the search is greedy.
pub(super) const EXACT_NODES: usize = 500_000;

/// A hash for keys that are already well spread numbers.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }
    fn write_u64(&mut self, key: u64) {
        let mixed = (self.0 ^ key).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 29);
    }
}

type KeyMap = HashMap<u64, u32, BuildHasherDefault<Spread>>;

/// One quasi-identifier in the search.
pub(super) struct Attribute<'a> {
    /// Dictionary code of each row.
    pub codes: Vec<u32>,
    pub hierarchy: &'a Hierarchy,
    /// Weight of its loss, above zero.
    pub weight: f64,
    /// First and last level allowed.
    pub levels: (usize, usize),
}

/// A column that every class must be diverse in.
pub(super) struct Sensitive {
    /// Its name.
    pub name: String,
    /// The value of each row, 0 if missing, 1..=`distinct` else.
    pub values: Vec<u32>,
    /// Different present values.
    pub distinct: usize,
    /// How many of them every class must have.
    pub l: u64,
}

/// Most bits that are spent on marking which values a class has; beyond that pairs are sorted.
const MARKED_BITS: usize = 1 << 26;

/// What is searched.
pub(super) struct Problem<'a> {
    pub rows: usize,
    pub attributes: Vec<Attribute<'a>>,
    /// Person of each row, when k counts persons.
    pub persons: Option<Vec<u32>>,
    /// Columns that every class must be diverse in.
    pub diverse: Vec<Sensitive>,
    /// Rows of a full row block.
    pub block_rows: u64,
    pub k: u64,
    /// The most rows that may be suppressed.
    pub limit: usize,
}

/// A node and what it costs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub levels: Vec<usize>,
    pub loss: f64,
    pub suppressed: usize,
    /// The least over the lattice, and not only over what the greedy descent saw.
    pub least: bool,
    /// Nodes whose classes were counted.
    pub evaluated: usize,
}

/// The classes of the rows at a node, as numbers from 0.
pub(super) struct Classes {
    pub of_row: Vec<u32>,
    pub sizes: Vec<u64>,
    /// Distinct persons, or rows if k counts rows.
    pub counted: Vec<u64>,
}

impl Problem<'_> {
    /// The classes at a node.
    pub fn classes(&self, levels: &[usize]) -> Classes {
        let mut keys = vec![0u64; self.rows];
        let mut cardinality = 1u64;
        for (attribute, level) in self.attributes.iter().zip(levels) {
            let level = &attribute.hierarchy.levels[*level];
            let groups = level.labels.len().max(1) as u64;
            if cardinality.checked_mul(groups).is_none() {
                cardinality = number(&mut keys).max(1);
            }
            cardinality = cardinality.saturating_mul(groups);
            for (key, code) in keys.iter_mut().zip(&attribute.codes) {
                *key = *key * groups + u64::from(level.group[*code as usize]);
            }
        }
        let small = cardinality <= (4 * self.rows as u64).max(1 << 16);
        let count = if small { cardinality } else { number(&mut keys) };
        let mut sizes = vec![0u64; usize::try_from(count).unwrap_or(0)];
        // Rows are limited to a u32, and so are classes.
        let of_row: Vec<u32> = keys.iter().map(|k| u32::try_from(*k).unwrap_or(u32::MAX)).collect();
        for class in &of_row {
            sizes[*class as usize] += 1;
        }
        let counted = match &self.persons {
            None => sizes.clone(),
            Some(persons) => {
                let mut pairs: Vec<(u32, u32)> =
                    of_row.iter().copied().zip(persons.iter().copied()).collect();
                pairs.sort_unstable();
                pairs.dedup();
                let mut counted = vec![0u64; sizes.len()];
                for (class, _) in pairs {
                    counted[class as usize] += 1;
                }
                counted
            }
        };
        Classes { of_row, sizes, counted }
    }

    /// Different present values of a column in each class.
    pub fn distinct(&self, classes: &Classes, column: &Sensitive) -> Vec<u64> {
        let mut distinct = vec![0u64; classes.sizes.len()];
        let pairs = classes.of_row.iter().zip(&column.values).filter(|(_, value)| **value != 0);
        let bits = classes.sizes.len().checked_mul(column.distinct);
        if let Some(bits) = bits.filter(|bits| *bits <= MARKED_BITS) {
            let mut marked = vec![0u64; bits / 64 + 1];
            for (class, value) in pairs {
                let bit = *class as usize * column.distinct + (*value as usize - 1);
                let word = &mut marked[bit / 64];
                let mask = 1u64 << (bit % 64);
                distinct[*class as usize] += u64::from(*word & mask == 0);
                *word |= mask;
            }
        } else {
            let mut pairs: Vec<(u32, u32)> = pairs.map(|(c, v)| (*c, *v)).collect();
            pairs.sort_unstable();
            pairs.dedup();
            for (class, _) in pairs {
                distinct[class as usize] += 1;
            }
        }
        distinct
    }

    /// Whether each class has k, and l in every column that must be diverse.
    pub fn standing(&self, classes: &Classes) -> Vec<bool> {
        let mut stands: Vec<bool> = classes.counted.iter().map(|c| *c >= self.k).collect();
        for column in &self.diverse {
            let distinct = self.distinct(classes, column);
            for (stand, distinct) in stands.iter_mut().zip(distinct) {
                *stand &= distinct >= column.l;
            }
            self.large_classes(classes, column, &mut stands);
        }
        stands
    }

    /// A class larger than a block is cut, and each of its `t` parts needs l different values: that
    /// can be had only if `Σ min(rows of a value, t)` over its values is at least `t·l`.
    fn large_classes(&self, classes: &Classes, column: &Sensitive, stands: &mut [bool]) {
        if classes.sizes.iter().all(|size| *size <= self.block_rows) {
            return;
        }
        let mut counts: HashMap<(u32, u32), u64> = HashMap::new();
        for (class, value) in classes.of_row.iter().zip(&column.values) {
            if *value != 0 && classes.sizes[*class as usize] > self.block_rows {
                *counts.entry((*class, *value)).or_insert(0) += 1;
            }
        }
        let parts = |class: usize| classes.sizes[class].div_ceil(self.block_rows.max(1));
        let mut usable = vec![0u64; stands.len()];
        for ((class, _), count) in counts {
            usable[class as usize] += count.min(parts(class as usize));
        }
        for (class, stand) in stands.iter_mut().enumerate() {
            if classes.sizes[class] > self.block_rows {
                *stand &= usable[class] >= parts(class).saturating_mul(column.l);
            }
        }
    }

    /// Rows of the classes that do not stand.
    fn fallen(&self, classes: &Classes, stands: &[bool]) -> usize {
        let fallen: u64 =
            classes.sizes.iter().zip(stands).filter(|(_, stand)| !**stand).map(|(s, _)| *s).sum();
        usize::try_from(fallen).unwrap_or(usize::MAX)
    }

    /// Loss and suppressed rows at a node; no loss if too many rows would go.
    pub fn evaluate(&self, levels: &[usize]) -> (usize, Option<f64>) {
        let classes = self.classes(levels);
        // k alone is counted quickly, and most nodes fail by it.
        let enough: Vec<bool> = classes.counted.iter().map(|c| *c >= self.k).collect();
        let mut suppressed = self.fallen(&classes, &enough);
        let too_many = |rows: usize| rows > self.limit || rows >= self.rows;
        if too_many(suppressed) {
            return (suppressed, None);
        }
        let stands = if self.diverse.is_empty() { enough } else { self.standing(&classes) };
        suppressed = self.fallen(&classes, &stands);
        if too_many(suppressed) {
            return (suppressed, None);
        }
        let small = |class: u32| !stands[class as usize];
        let mut loss = 0.0;
        for (attribute, level) in self.attributes.iter().zip(levels) {
            let level = &attribute.hierarchy.levels[*level];
            let mut sum = 0.0;
            for (code, class) in attribute.codes.iter().zip(&classes.of_row) {
                let own = level.loss[level.group[*code as usize] as usize];
                sum += if small(*class) { 1.0 } else { own };
            }
            loss += attribute.weight * sum;
        }
        (suppressed, Some(loss / self.whole()))
    }

    fn whole(&self) -> f64 {
        let weights: f64 = self.attributes.iter().map(|a| a.weight).sum();
        weights * self.rows as f64
    }

    /// The node of least loss, or nothing if none is feasible.
    pub fn search(&self) -> Option<Found> {
        let sizes: Vec<usize> =
            self.attributes.iter().map(|a| a.levels.1 - a.levels.0 + 1).collect();
        let nodes = sizes.iter().try_fold(1usize, |n, s| n.checked_mul(*s));
        match nodes {
            Some(nodes) if nodes <= EXACT_NODES => self.exact(&sizes, nodes),
            _ => self.greedy(),
        }
    }

    /// Loss of each level of each attribute before suppression, weighted, as a share.
    fn bounds(&self) -> Vec<Vec<f64>> {
        let whole = self.whole();
        self.attributes
            .iter()
            .map(|a| {
                (a.levels.0..=a.levels.1)
                    .map(|l| {
                        let level = &a.hierarchy.levels[l];
                        let sum: f64 = a
                            .codes
                            .iter()
                            .map(|c| level.loss[level.group[*c as usize] as usize])
                            .sum();
                        a.weight * sum / whole
                    })
                    .collect()
            })
            .collect()
    }

    fn exact(&self, sizes: &[usize], nodes: usize) -> Option<Found> {
        let costs = self.bounds();
        let mut lattice = Lattice::new(sizes, nodes);
        let bound: Vec<f64> = (0..nodes)
            .map(|n| (0..sizes.len()).map(|a| costs[a][lattice.digit(n, a)]).sum())
            .collect();
        let mut order: Vec<usize> = (0..nodes).collect();
        order.sort_by(|a, b| bound[*a].total_cmp(&bound[*b]).then(a.cmp(b)));
        let mut best: Option<(f64, usize, usize)> = None;
        let mut evaluated = 0;
        for start in order {
            // Rounding may put a bound a hair above the loss it bounds.
            if best.is_some_and(|(loss, ..)| bound[start] > loss + 1e-9) {
                break;
            }
            if lattice.state[start] != State::Unknown {
                continue;
            }
            let chain = lattice.chain(start, &bound);
            let (mut low, mut high) = (0, chain.len());
            while low < high {
                let middle = (low + high) / 2;
                let node = chain[middle];
                let feasible = match lattice.state[node] {
                    State::Feasible => true,
                    State::Infeasible => false,
                    State::Unknown => {
                        evaluated += 1;
                        let (suppressed, loss) = self.evaluate(&self.levels(&lattice, node));
                        if let Some(loss) = loss {
                            lattice.state[node] = State::Feasible;
                            let better = best.is_none_or(|(l, n, _)| {
                                loss < l - 1e-12 || (loss <= l + 1e-12 && node < n)
                            });
                            if better {
                                best = Some((loss, node, suppressed));
                            }
                        }
                        loss.is_some()
                    }
                };
                if feasible {
                    high = middle;
                } else {
                    lattice.rule_out(node);
                    low = middle + 1;
                }
            }
        }
        best.map(|(loss, node, suppressed)| Found {
            levels: self.levels(&lattice, node),
            loss,
            suppressed,
            least: true,
            evaluated,
        })
    }

    fn levels(&self, lattice: &Lattice, node: usize) -> Vec<usize> {
        let at =
            |(a, attribute): (usize, &Attribute<'_>)| attribute.levels.0 + lattice.digit(node, a);
        self.attributes.iter().enumerate().map(at).collect()
    }

    /// Descends from the top, each time by the one step that loses least.
    pub fn greedy(&self) -> Option<Found> {
        let mut levels: Vec<usize> = self.attributes.iter().map(|a| a.levels.1).collect();
        let (mut suppressed, loss) = self.evaluate(&levels);
        let mut loss = loss?;
        let mut evaluated = 1;
        loop {
            let mut best: Option<(f64, usize, usize)> = None;
            for a in 0..levels.len() {
                if levels[a] == self.attributes[a].levels.0 {
                    continue;
                }
                levels[a] -= 1;
                let (gone, cost) = self.evaluate(&levels);
                levels[a] += 1;
                evaluated += 1;
                if let Some(cost) = cost
                    && cost < best.map_or(loss, |(c, ..)| c)
                {
                    best = Some((cost, a, gone));
                }
            }
            let Some((cost, a, gone)) = best else { break };
            levels[a] -= 1;
            (loss, suppressed) = (cost, gone);
        }
        Some(Found { levels, loss, suppressed, least: false, evaluated })
    }
}

/// Numbers distinct keys from 0 in order of appearance; returns how many there are.
fn number(keys: &mut [u64]) -> u64 {
    let mut known = KeyMap::with_capacity_and_hasher(keys.len() / 4, Default::default());
    for key in keys.iter_mut() {
        let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        *key = u64::from(*known.entry(*key).or_insert(next));
    }
    known.len() as u64
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Unknown,
    Feasible,
    Infeasible,
}

/// Nodes as mixed-radix numbers.
struct Lattice {
    sizes: Vec<usize>,
    steps: Vec<usize>,
    state: Vec<State>,
}

impl Lattice {
    fn new(sizes: &[usize], nodes: usize) -> Lattice {
        let mut step = 1;
        let mut steps = Vec::new();
        for size in sizes {
            steps.push(step);
            step *= size;
        }
        Lattice { sizes: sizes.to_vec(), steps, state: vec![State::Unknown; nodes] }
    }

    fn digit(&self, node: usize, attribute: usize) -> usize {
        node / self.steps[attribute] % self.sizes[attribute]
    }

    /// From a node upwards, always by the step of least bound, while what it reaches is not known
    /// to be infeasible.
    fn chain(&self, start: usize, bound: &[f64]) -> Vec<usize> {
        let mut chain = vec![start];
        let mut node = start;
        loop {
            let up = (0..self.sizes.len())
                .filter(|a| self.digit(node, *a) + 1 < self.sizes[*a])
                .map(|a| node + self.steps[a])
                .filter(|n| self.state[*n] != State::Infeasible)
                .min_by(|a, b| bound[*a].total_cmp(&bound[*b]).then(a.cmp(b)));
            match up {
                Some(next) => {
                    chain.push(next);
                    node = next;
                }
                None => return chain,
            }
        }
    }

    /// Marks a node and all below it infeasible.
    fn rule_out(&mut self, node: usize) {
        let mut stack = vec![node];
        while let Some(node) = stack.pop() {
            if self.state[node] == State::Infeasible {
                continue;
            }
            self.state[node] = State::Infeasible;
            for a in 0..self.sizes.len() {
                if self.digit(node, a) > 0 {
                    stack.push(node - self.steps[a]);
                }
            }
        }
    }
}
