//! Why no choice of levels gives what is asked: what limits it, and how far it could go.
//!
//! The top of the lattice has the largest classes and so reaches the most.

use super::DeidentifyError;
use super::search::{Classes, Problem};

impl Problem<'_> {
    fn top(&self) -> Classes {
        let top: Vec<usize> = self.attributes.iter().map(|a| a.levels.1).collect();
        self.classes(&top)
    }

    /// The largest k that the top of the lattice gives within the suppression limit.
    pub fn largest_k(&self) -> u64 {
        let classes = self.top();
        self.first_kept(classes.counted.into_iter().zip(classes.sizes), 0)
    }

    /// The count of the first class, ascending, that may not be suppressed when `gone` rows are.
    fn first_kept(&self, classes: impl Iterator<Item = (u64, u64)>, mut gone: u64) -> u64 {
        let mut order: Vec<(u64, u64)> = classes.filter(|(_, size)| *size > 0).collect();
        order.sort_unstable();
        for (counted, size) in order {
            gone += size;
            if gone > self.limit as u64 || gone >= self.rows as u64 {
                return counted;
            }
        }
        0
    }

    /// What cannot be reached: k, the l of one column, or all of them together.
    pub fn why_unreachable(&self, suppression: f64) -> DeidentifyError {
        let k = self.k;
        let largest = self.largest_k();
        if largest < k {
            let counted = if self.persons.is_some() { "persons" } else { "rows" };
            return DeidentifyError::Unreachable { k, largest, counted, suppression };
        }
        let classes = self.top();
        let all = || classes.counted.iter().zip(&classes.sizes);
        let gone: u64 = all().filter(|(counted, _)| **counted < k).map(|(_, size)| *size).sum();
        for column in &self.diverse {
            let distinct = self.distinct(&classes, column);
            let enough = distinct.into_iter().zip(all()).filter(|(_, (c, _))| **c >= k);
            let largest = self.first_kept(enough.map(|(d, (_, size))| (d, *size)), gone);
            if largest < column.l {
                let (column, l) = (column.name.clone(), column.l);
                return DeidentifyError::Diversity { column, l, largest, k, suppression };
            }
        }
        let each = self.diverse.iter().map(|d| format!("l = {} of `{}`", d.l, d.name));
        let wanted = each.collect::<Vec<_>>().join(", ");
        DeidentifyError::Together { k, wanted, suppression }
    }
}
