//! Lines of listings that descend from each other, and what their published totals may differ by.
//!
//! Two charts of nearly the same rows subtract to the chart of the rows in which they differ. So the
//! totals of a draft are compared with those of every listing and draft of its lines, also of drafts
//! that were given up: what was published stays published. A line is named by its first listing;
//! an institution's listings join its own lines, and are only compared with those of others, so that
//! nobody can stand in another institution's way.

use std::collections::BTreeSet;

use galen_zk::summary::Summary;

use super::*;
use crate::id::Hasher;
use crate::layout::{Column, Values};

/// Most listings of other institutions, or of other lines, that a listing names as its parents.
pub const MAX_PARENTS: usize = 3;
/// Most lines that a listing belongs to.
pub const MAX_LINES: usize = 4;
/// Most listings from which a listing descends, by versions and by derivation.
pub const MAX_ANCESTORS: usize = 256;
/// Most listings of a line.
pub const MAX_LINE_LISTINGS: usize = 64;

/// Where a package comes from, as its institution says.
#[derive(
    Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(default)]
pub struct Lineage {
    /// The package of the same institution that this one is a later version of.
    pub supersedes: Option<PackageId>,
    /// The listings that this one was derived from.
    pub parents: Bounded<ListingId, MAX_PARENTS>,
    /// What was done to the parents to make it; there if there are parents, and not otherwise.
    pub step: Text<500>,
}

impl Lineage {
    /// The rules that need no state.
    ///
    /// # Errors
    /// [`TxError::BadLineage`].
    pub fn check(&self) -> Result<(), TxError> {
        let bad = |what| Err(TxError::BadLineage { what });
        if self.parents.is_empty() != self.step.as_str().trim().is_empty() {
            return bad("parents and the step between belong together");
        }
        let repeated = (0usize..)
            .zip(&self.parents)
            .any(|(at, parent)| self.parents.iter().take(at).any(|earlier| earlier == parent));
        if repeated { bad("a parent is named twice") } else { Ok(()) }
    }

    /// What a listing with this lineage descends from directly.
    fn links(&self, id: &ListingId) -> Vec<ListingId> {
        let superseded =
            self.supersedes.map(|package| ListingId { institution: id.institution, package });
        superseded.into_iter().chain(self.parents.iter().copied()).collect()
    }
}

/// What a draft published of its tables. Kept for ever, also when the draft is given up.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Published {
    /// The lines that it belongs to, named by their first listings; ascending.
    lines: Vec<ListingId>,
    tables: Vec<PublishedTable>,
}

#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
struct PublishedTable {
    name: Digest,
    /// The greatest that was stated.
    k: u32,
    /// Also those of earlier drafts of the package: a column may stand here more than once.
    charts: Vec<PublishedChart>,
}

#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
struct PublishedChart {
    /// Hash of the column's name.
    column: Digest,
    /// Hash of what a cell means and where the bins begin.
    meaning: Digest,
    totals: Summary,
}

fn named(name: &str) -> Digest {
    Hasher::new("galen/published-name").part(name.as_bytes()).digest()
}

/// Bounds may differ between two versions; what a cell means and what a bin counts may not.
fn meaning(column: &Column) -> Digest {
    let hash = Hasher::new("galen/published-meaning");
    let hash = match &column.values {
        Values::Number { scale, range } => hash.part(b"number").value(&(*scale, range.offset)),
        Values::Date { range } => hash.part(b"date").value(&range.offset),
        Values::Code { .. } => hash.part(b"code"),
    };
    hash.value(&column.edges).digest()
}

impl Published {
    fn new(lines: Vec<ListingId>, layout: &Layout, claims: &[TableClaims]) -> Self {
        let charts = |table: &crate::layout::Table, claims: &TableClaims| {
            let column = |chart: &Chart| table.columns.get(chart.column as usize);
            let charts = claims.charts.iter().filter_map(|chart| Some((column(chart)?, chart)));
            charts
                .map(|(column, chart)| PublishedChart {
                    column: named(&column.name),
                    meaning: meaning(column),
                    totals: chart.totals.clone(),
                })
                .collect()
        };
        let tables = layout.tables().iter().zip(claims).map(|(table, claims)| PublishedTable {
            name: named(&table.name),
            k: claims.k,
            charts: charts(table, claims),
        });
        Self { tables: tables.collect(), lines }
    }

    /// Keeps what an earlier draft of the same package published: giving a draft up takes nothing
    /// back, and totals that the next draft leaves out or states otherwise can still be subtracted.
    fn keep(&mut self, before: Self) -> Result<(), ClaimError> {
        // One package has one layout, and so the same tables in the same order.
        for (table, before) in self.tables.iter_mut().zip(before.tables) {
            table.k = table.k.max(before.k);
            let others = before.charts.into_iter().filter(|chart| !table.charts.contains(chart));
            let others: Vec<PublishedChart> = others.collect();
            table.charts.extend(others);
        }
        match self.tables.iter().map(|table| table.charts.len()).sum::<usize>() {
            charts if charts > MAX_CHARTS => Err(ClaimError::TooManyCharts { charts }),
            _ => Ok(()),
        }
    }

    /// The first column, as table and column of this one, whose totals are too close to those of
    /// another, and why. A table is compared with the one of the same name, or the only one with the
    /// only one; a column with that of the same name.
    fn conflict(&self, other: &Self) -> Option<(Digest, &'static str)> {
        let alone = self.tables.len() == 1 && other.tables.len() == 1;
        for mine in &self.tables {
            for theirs in other.tables.iter().filter(|table| alone || table.name == mine.name) {
                let k = u64::from(mine.k.max(theirs.k));
                for chart in &mine.charts {
                    let mut same = theirs.charts.iter().filter(|c| c.column == chart.column);
                    if let Some(what) = same.find_map(|other| chart.conflict(other, k)) {
                        return Some((chart.column, what));
                    }
                }
            }
        }
        None
    }
}

impl PublishedChart {
    fn conflict(&self, other: &Self, k: u64) -> Option<&'static str> {
        if self.meaning != other.meaning {
            return Some("the bins begin elsewhere or cells mean something else");
        }
        let (a, b) = (&self.totals, &other.totals);
        let far = |a: u64, b: u64| a == b || a.abs_diff(b) >= k;
        if !far(a.count, b.count) || !far(a.missing, b.missing) {
            return Some("the number of values or of missing ones differs by fewer than k rows");
        }
        if !a.bins.iter().zip(&b.bins).all(|(a, b)| far(*a, *b)) {
            return Some("a bin differs by fewer than k rows");
        }
        if a.count == b.count && (a.sum, a.sum_squares) != (b.sum, b.sum_squares) {
            return Some("sums differ although the number of values does not");
        }
        None
    }
}

impl Context<'_> {
    /// Publishes the totals of a draft, unless they are too close to others of its lines.
    pub(super) fn publish(
        &mut self,
        id: &ListingId,
        lineage: &Lineage,
        layout: &Layout,
        claims: &[TableClaims],
    ) -> Result<(), TxError> {
        let links = lineage.links(id);
        self.require_no_cycle(id, links.clone())?;
        let mut lines: Vec<ListingId> = Vec::new();
        for link in links {
            let unknown = TxError::UnknownListing { listing: link };
            let published = self.get(&state_key::published(&link))?.ok_or(unknown)?;
            lines.extend(published.lines);
        }
        // A draft that was given up does not leave its lines.
        let before = self.get(&state_key::published(id))?;
        lines.extend(before.iter().flat_map(|before| before.lines.iter().copied()));
        lines.sort_unstable();
        lines.dedup();
        let compared = lines.clone();
        if !lines.iter().any(|line| line.institution == id.institution) {
            lines.push(*id);
            lines.sort_unstable();
        }
        if lines.len() > MAX_LINES {
            return Err(TxError::TooManyLines { lines: lines.len() });
        }
        let mut published = Published::new(lines, layout, claims);
        if let Some(before) = before {
            published.keep(before)?;
        }
        // Nothing shown, nothing to subtract: to read a whole line is work.
        let shown = published.tables.iter().any(|table| !table.charts.is_empty());
        for line in compared.iter().filter(|_| shown) {
            let listings = state_key::line_listings(line);
            for (rest, ()) in self.scan(&listings, None, MAX_LINE_LISTINGS)? {
                let other = ListingId {
                    institution: line.institution,
                    package: PackageId(state_key::part(&rest, 0)?),
                };
                if other == *id {
                    continue;
                }
                let Some(theirs) = self.get(&state_key::published(&other))? else { continue };
                if let Some((column, what)) = published.conflict(&theirs) {
                    let column = column_name(layout, column);
                    return Err(TxError::TotalsTooClose { listing: other, column, what });
                }
            }
        }
        for line in published.lines.iter().filter(|line| line.institution == id.institution) {
            let listings = state_key::line_listings(line);
            let key = state_key::line_listing(line, &id.package);
            if self.get(&key)?.is_none() {
                if self.scan(&listings, None, MAX_LINE_LISTINGS)?.len() >= MAX_LINE_LISTINGS {
                    return Err(TxError::LineFull { line: *line });
                }
                self.put(&key, &());
            }
        }
        self.put(&state_key::published(id), &published);
        Ok(())
    }
}

impl Context<'_> {
    /// Nothing descends from itself. What a listing descends from changes only when it is drafted, so
    /// to look up from every draft is enough; a draft that was given up is found by its name.
    fn require_no_cycle(&self, id: &ListingId, mut next: Vec<ListingId>) -> Result<(), TxError> {
        let mut seen: BTreeSet<ListingId> = BTreeSet::new();
        while let Some(link) = next.pop() {
            if link == *id {
                return Err(TxError::LineageCycle);
            }
            if !seen.insert(link) {
                continue;
            }
            if seen.len() > MAX_ANCESTORS {
                return Err(TxError::TooManyAncestors { max: MAX_ANCESTORS });
            }
            if let Some(listing) = self.get(&state_key::listing(&link))? {
                next.extend(listing.lineage.links(&link));
            }
        }
        Ok(())
    }
}

fn column_name(layout: &Layout, hash: Digest) -> String {
    let mut columns = layout.tables().iter().flat_map(|table| &table.columns);
    columns.find(|column| named(&column.name) == hash).map(|c| c.name.clone()).unwrap_or_default()
}
