//! Everything of a package that is public, or becomes so, beside what is proven: in rows of a name and its
//! words, and as the very documents. Depends on the portal's sentences.

use galen_dataset::manifest::{Deidentification, Manifest};
use galen_dataset::package::PackageFolder;
use galen_market::layout::{Column, Dictionary, Layout, Role, Table, Values};
use galen_market::listing::{Payee, Tier};
use galen_web::lang::{Lang, fill};

use crate::console::words::Words;
use crate::error::{Exit, Failure};
use crate::loopback::words::one;
use crate::loopback::{amount, money, span};
use crate::operation::listing::Plan;
use crate::operation::store::PackageRecord;
use crate::session::Session;

/// Columns that are named in words; all of them are in the document.
const COLUMNS: usize = 200;
/// Entries of a public dictionary that are named in words.
const ENTRIES: usize = 12;

/// A name and its words; not shown if there are none.
pub(super) type Fact = (&'static str, String);

/// What everybody will see beside what is proven.
pub(super) fn facts(
    lang: Lang,
    folder: &PackageFolder,
    record: &PackageRecord,
    plan: Option<&Plan>,
) -> Vec<Fact> {
    let t = Words::of(lang);
    let (manifest, layout, offer) = (folder.manifest(), folder.layout(), &record.offer);
    let rows: u64 = layout.tables().iter().map(Table::rows).sum();
    let declared = |has: fn(&Manifest) -> &[String]| has(manifest).join(", ");
    let mut facts = vec![
        (t.institution, record.institution.to_string()),
        (t.rows, rows.to_string()),
        (t.columns_ranges, columns(t, layout)),
        (t.segments, fill(t.segments_bytes, &[&layout.segments(), &folder.offsets().total()])),
        (t.short_name, manifest.name.clone()),
        (t.version, manifest.version.clone()),
        (t.keywords, declared(|it| &it.keywords)),
        (t.countries, declared(|it| &it.countries)),
        (t.diseases, declared(|it| &it.diseases)),
        (t.citation, manifest.citation.clone()),
        (t.licence, manifest.licence.name.clone()),
    ];
    for resource in &manifest.resources {
        facts.extend(resource.deidentification.iter().flat_map(|done| deidentified(t, done)));
    }
    let shares = offer.shares.iter().map(|share| match share.payee {
        Payee::Account(account) => share_of(t, share.basis_points, &account),
        Payee::Listing(listing) => share_of(t, share.basis_points, &listing),
    });
    let owed = plan.map_or(&[][..], Plan::owed).iter().filter(|owed| owed.basis_points > 0);
    let owed = owed.map(|owed| share_of(t, owed.basis_points, &owed.listing));
    let parents = record.lineage.parents.iter().map(ToString::to_string);
    let locations = offer.locations.iter().map(|at| at.as_str().to_owned());
    facts.extend([
        (t.shares, list(shares)),
        (t.royalties_owed, list(owed)),
        (t.royalty, points(offer.royalty)),
        (t.supersedes, record.lineage.supersedes.map(|it| it.to_string()).unwrap_or_default()),
        (t.derived_from, list(parents)),
        (
            t.reviews,
            match (offer.terms.review_ms, offer.terms.review_all) {
                (None, _) => t.no_review.to_owned(),
                (Some(ms), true) => one(t.review_every, span(lang, ms)),
                (Some(ms), false) => one(t.review_clauses, span(lang, ms)),
            },
        ),
        (t.most_licences, offer.max_licences.map_or(t.any_number.to_owned(), |n| n.to_string())),
        (t.most_waiting, offer.max_undelivered.to_string()),
        (t.locations, list(locations)),
    ]);
    facts
}

fn list(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

/// Ten-thousandths as per cent.
fn points(basis_points: u16) -> String {
    format!("{}\u{a0}%", galen_api::words::amount(u64::from(basis_points), 2))
}

fn share_of(t: &Words, basis_points: u16, payee: &dyn std::fmt::Display) -> String {
    fill(t.share_of, &[&points(basis_points), payee])
}

/// Columns with role, kind and range.
fn columns(t: &Words, layout: &Layout) -> String {
    let all: Vec<&Column> = layout.tables().iter().flat_map(|table| &table.columns).collect();
    let named = list(all.iter().take(COLUMNS).map(|column| {
        let role = match column.role {
            Role::QuasiIdentifier => t.quasi,
            Role::Sensitive => t.sensitive,
            Role::Insensitive => t.insensitive,
        };
        fill(t.column_is, &[&column.name, &role, &values(t, layout, column)])
    }));
    match all.len().saturating_sub(COLUMNS) {
        0 => named,
        more => fill(t.more_columns, &[&named, &more]),
    }
}

fn values(t: &Words, layout: &Layout, column: &Column) -> String {
    let bounds = |what: &str, low: i64, high: i64| {
        let value = |at| galen_api::words::value(column, at);
        fill(t.from_to, &[&what, &value(low), &value(high)])
    };
    let dictionary = match &column.values {
        Values::Number { scale: 0, range } => return bounds(t.whole_number, range.low, range.high),
        Values::Number { scale, range } => {
            return bounds(&one(t.decimal_number, scale), range.low, range.high);
        }
        Values::Date { range } => return bounds(t.date, range.low, range.high),
        Values::Code { dictionary } => layout.dictionaries().get(*dictionary as usize),
    };
    match dictionary {
        Some(Dictionary::Public { entries }) => {
            let shown = list(entries.iter().take(ENTRIES).map(|entry| format!("“{entry}”")));
            fill(t.public_codes, &[&entries.len(), &shown])
        }
        other => one(t.hidden_codes, other.map_or(0, Dictionary::entries)),
    }
}

/// The numbers of what was done so that nobody is recognised.
fn deidentified(t: &Words, done: &Deidentification) -> [Fact; 3] {
    let rows = &done.rows;
    let by_column = |of: &mut dyn Iterator<Item = (&String, String)>| {
        list(of.map(|(column, number)| format!("{column} {number}")))
    };
    let loss = format!("{:.1}\u{a0}%", f64::from(done.loss_per_million) / 10_000.0);
    let counts: [&dyn std::fmt::Display; 6] = [
        &rows.source,
        &rows.other_rows_of_persons,
        &rows.suppressed,
        &rows.packed,
        &loss,
        &done.dropped_columns,
    ];
    [
        (t.deidentified, format!("{}; k = {}; {}", done.method, done.k, done.persons)),
        (t.deidentified_numbers, fill(t.deidentified_counts, &counts)),
        (
            t.deidentified_columns,
            list(
                [
                    (t.levels, by_column(&mut numbers(&done.generalisation))),
                    ("l", by_column(&mut numbers(&done.diversity))),
                    (
                        t.cells_emptied,
                        by_column(&mut done.cells_emptied.iter().map(|(c, n)| (c, n.to_string()))),
                    ),
                ]
                .into_iter()
                .filter(|(_, said)| !said.is_empty())
                .map(|(what, said)| format!("{what}: {said}")),
            ),
        ),
    ]
}

fn numbers(
    of: &std::collections::BTreeMap<String, u32>,
) -> impl Iterator<Item = (&String, String)> {
    of.iter().map(|(column, number)| (column, number.to_string()))
}

/// A way in which it is sold.
pub(super) fn tier(t: &Words, session: &Session, tier: &Tier) -> Result<String, Failure> {
    let price = money(session, &tier.price)?;
    let mut said = vec![fill(t.tier_of, &[&tier.name, &price, &tier.licence_months])];
    if tier.seats.most > 1 {
        let extra = amount(session, tier.seats.extra, &tier.price.currency)?;
        said.push(fill(t.tier_seats, &[&tier.seats.included, &tier.seats.most, &extra]));
    }
    if !tier.purposes.is_empty() {
        said.push(one(t.tier_purposes, list(tier.purposes.iter().map(ToString::to_string))));
    }
    if tier.subscription.is_some() {
        said.push(t.tier_versions.to_owned());
    }
    Ok(said.join("; "))
}

/// Manifest and offer, whole.
pub(super) fn documents(folder: &PackageFolder, record: &PackageRecord) -> Result<String, Failure> {
    let public = serde_json::json!({
        "manifest": folder.manifest(),
        "offer": record.offer,
        "lineage": record.lineage,
    });
    serde_json::to_string_pretty(&public)
        .map_err(|error| Failure::new(Exit::Failure, "package.public", error.to_string()))
}
