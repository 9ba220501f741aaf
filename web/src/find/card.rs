//! What a list says of a dataset, and the words by which it is found: from what the ledger holds and what
//! the institution declares. Pure.

use galen_api::{ListingSummary, TableSummary};
use galen_market::layout::{Layout, Values};
use galen_market::listing::ListingId;

use super::mondo;
use super::query::{Bound, Facet};

/// Letters of a description on a card.
const ABOUT: usize = 280;
const DAY_MS: u64 = 86_400_000;

/// A price with the decimal digits of its currency.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Price {
    pub units: u64,
    pub decimals: u8,
    pub currency: String,
}

impl Price {
    /// Whole units, rounded up.
    pub(super) fn whole(&self) -> u64 {
        10u64
            .checked_pow(u32::from(self.decimals))
            .map_or(u64::from(self.units > 0), |unit| self.units.div_ceil(unit))
    }
}

/// What a list says of a dataset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Card {
    pub id: ListingId,
    /// Declared; empty if nothing is.
    pub title: String,
    /// The beginning of the description.
    pub about: String,
    pub institution: String,
    pub rows: u64,
    pub columns: usize,
    pub tables: usize,
    pub files: u64,
    /// The least k of all tables, if all are proven.
    pub k: Option<u32>,
    /// The greatest l of any column, if it is proven.
    pub l: Option<u32>,
    pub price: Option<Price>,
    /// Whether there are other prices above it.
    pub several: bool,
    pub since_ms: u64,
    pub open: bool,
    pub superseded: bool,
    /// The values of each facet.
    pub facets: [Vec<String>; Facet::ALL.len()],
}

impl Card {
    /// The values of a facet.
    pub fn of(&self, facet: Facet) -> &[String] {
        &self.facets[facet.at()]
    }

    pub(super) fn meets(&self, bound: Bound, value: u64, now_ms: u64) -> bool {
        match bound {
            Bound::Rows => self.rows >= value,
            Bound::K => self.k.is_some_and(|k| u64::from(k) >= value),
            Bound::L => self.l.is_some_and(|l| u64::from(l) >= value),
            Bound::Price => self.price.as_ref().is_some_and(|price| price.whole() <= value),
            Bound::Days => self.since_ms >= now_ms.saturating_sub(value.saturating_mul(DAY_MS)),
        }
    }
}

/// What is searched, and how much a word of it matters.
pub(super) fn texts(summary: &ListingSummary) -> Vec<(u16, String)> {
    let said = summary.declared.clone().unwrap_or_default();
    let mut texts = vec![
        (8, said.title),
        (1, said.description),
        (5, said.keywords.join(" ")),
        (3, summary.institution_name.clone()),
        (2, said.countries.join(" ")),
    ];
    for disease in diseases(summary) {
        texts.push((5, mondo::names(&disease).join(" ")));
        texts.push((5, disease));
    }
    for table in &summary.tables {
        texts.push((3, table.name.clone()));
        texts.push((4, table.columns.join(" ")));
    }
    texts
}

/// Declared on the ledger or in the manifest.
fn diseases(summary: &ListingSummary) -> Vec<String> {
    let ledger = summary.offer.declared.diseases.iter().map(ToString::to_string);
    let said = summary.declared.iter().flat_map(|said| said.diseases.iter().cloned());
    let mut all: Vec<String> = ledger.chain(said).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn kinds(summary: &ListingSummary, layout: Option<&Layout>) -> Vec<String> {
    let has = |wanted: fn(&Values) -> bool| {
        let mut columns =
            layout.iter().flat_map(|layout| layout.tables()).flat_map(|table| &table.columns);
        columns.any(|column| wanted(&column.values))
    };
    let charts = layout
        .iter()
        .flat_map(|layout| layout.tables())
        .any(|table| table.columns.iter().any(|column| !column.edges.is_empty()));
    let kinds = [
        ("table", !summary.tables.is_empty()),
        ("file", summary.files > 0),
        ("chart", charts && summary.tables.iter().all(|table| table.proven)),
        ("number", has(|values| matches!(values, Values::Number { .. }))),
        ("date", has(|values| matches!(values, Values::Date { .. }))),
        ("code", has(|values| matches!(values, Values::Code { .. }))),
    ];
    kinds.into_iter().filter(|kind| kind.1).map(|kind| kind.0.to_owned()).collect()
}

/// The card of a listing.
pub(super) fn card(
    summary: &ListingSummary,
    layout: Option<&Layout>,
    price: Option<Price>,
) -> Card {
    let said = summary.declared.clone().unwrap_or_default();
    let about = if said.description.chars().count() > ABOUT {
        said.description.chars().take(ABOUT).chain(['…']).collect()
    } else {
        said.description
    };
    let proven = |table: &&TableSummary| table.proven;
    let all_proven = summary.tables.iter().all(|table| table.proven);
    let k = summary.tables.iter().map(|table| table.k).min().filter(|_| all_proven);
    let l = summary.tables.iter().filter(proven).flat_map(|table| &table.diversity);
    let tiers = &summary.offer.tiers;
    let mut facets: [Vec<String>; Facet::ALL.len()] = Default::default();
    facets[Facet::Disease.at()] = diseases(summary);
    facets[Facet::Kind.at()] = kinds(summary, layout);
    facets[Facet::Column.at()] =
        summary.tables.iter().flat_map(|table| table.columns.iter().cloned()).collect();
    facets[Facet::Country.at()] = said.countries;
    facets[Facet::Terms.at()] =
        summary.offer.terms.clauses.iter().map(|clause| clause.code.short()).collect();
    facets[Facet::Institution.at()] = vec![summary.listing.id.institution.to_string()];
    facets[Facet::Currency.at()] = price.iter().map(|price| price.currency.clone()).collect();
    for values in &mut facets {
        values.sort_unstable();
        values.dedup();
    }
    Card {
        id: summary.listing.id,
        title: said.title,
        about,
        institution: summary.institution_name.clone(),
        rows: summary.tables.iter().fold(0u64, |sum, table| sum.saturating_add(table.rows)),
        columns: summary.tables.iter().map(|table| table.columns.len()).sum(),
        tables: summary.tables.len(),
        files: summary.files,
        k,
        l: l.map(|claim| claim.l).max(),
        several: tiers.len() > 1 || tiers.iter().any(|tier| tier.seats.most > tier.seats.included),
        price,
        since_ms: summary.listing.live_since_ms.unwrap_or(0),
        open: summary.open,
        superseded: summary.listing.superseded_by.is_some(),
        facets,
    }
}
