//! The page of a dataset: what is proven of it, what is declared, what is computed from both, its terms,
//! its past, and how to buy, use, cite and check it.

use askama::Template;
use galen_api::words;
use galen_api::{Description, ListingSummary, ListingView};
use galen_chain::store::Snapshot;
use galen_market::amount::Money;
use galen_market::layout::{Column, Layout, Role, Values};
use galen_market::listing::{
    Chart, Listing, ListingId, Seats, Standing, SubscriptionTerms, TableClaims,
};
use galen_market::state_key;

use super::chart::Drawing;
use super::cite::Citation;
use super::frame::{Frame, Reader};
use super::sample::{self, Sample};
use super::{explorer, link, money, records};
use crate::App;
use crate::find::mondo;
use crate::lang::{Lang, fill, grouped, sentences};
use crate::reply::ApiError;

#[derive(Template)]
#[template(path = "dataset.html")]
pub(super) struct Dataset {
    f: Frame,
    title: String,
    institution_name: String,
    institution: String,
    package: String,
    standing: &'static str,
    open: bool,
    live: bool,
    proven: bool,
    marks: Vec<String>,
    declared: Option<Description>,
    diseases: Vec<String>,
    tables: Vec<Table>,
    files: Vec<File>,
    price: String,
    clauses: Vec<ClauseView>,
    tiers: Vec<TierRow>,
    newer: Option<String>,
    older: Option<String>,
    parents: Vec<Parent>,
    step: String,
    royalty: String,
    closing: Option<String>,
    evidence: Option<String>,
    licences: String,
    review: &'static str,
    version: u32,
    licence_text: String,
    root: String,
    key: String,
    manifest: String,
    segments: u64,
    served: Vec<&'static str>,
    history: records::History,
    relatives: Vec<records::RelativeRow>,
    csv: Option<String>,
    bibtex: String,
    ris: String,
    state_root: String,
    proof: Option<String>,
    /// Croissant, safe between script tags.
    croissant: Option<String>,
}

struct Parent {
    link: String,
    package: String,
    royalty: String,
}

struct ClauseView {
    short: String,
    code: String,
    words: String,
}

struct TierRow {
    name: String,
    purposes: String,
    price: String,
    licence: String,
    seats: String,
    subscription: String,
    agreement: String,
}

struct Table {
    name: String,
    size: String,
    proven: bool,
    k_sentence: String,
    diversity: Vec<String>,
    persons: &'static str,
    columns: Vec<ColumnRow>,
    risk: Risk,
    /// Rows that nobody is in, once the charts that they are drawn from are proven.
    sample: Option<Sample>,
}

/// What follows from k, and what is declared of the making.
struct Risk {
    prosecutor: String,
    marketer: String,
    source: Option<u64>,
    suppressed: Option<u64>,
}

struct ColumnRow {
    name: String,
    role: &'static str,
    values: String,
    chart: Option<ChartView>,
}

struct ChartView {
    sentence: String,
    mean: Option<String>,
    bins: Vec<(String, u64)>,
    missing: u64,
    missing_share: String,
    drawing: Drawing,
}

struct File {
    name: String,
    bytes: u64,
}

/// The page of a listing.
pub(super) fn page(
    app: &App,
    state: &Snapshot,
    reader: &Reader,
    view: &ListingView,
) -> Result<Dataset, ApiError> {
    let ListingView { summary, layout, served, .. } = view;
    let f = Frame::new(app, state, reader, "datasets");
    let (t, lang) = (f.t, f.lang);
    let listing = &summary.listing;
    let terms = &summary.offer.terms;
    let declared = summary.declared.as_ref();
    let title = match declared {
        Some(said) if !said.title.is_empty() => said.title.clone(),
        _ => fill(t.package_n, &[&&listing.id.package.to_string()[..12]]),
    };
    let standing = match listing.standing {
        Standing::Draft { .. } => t.standing_draft,
        Standing::Live => t.standing_live,
        Standing::Withdrawn => t.standing_withdrawn,
        Standing::TakenDown => t.standing_taken_down,
        Standing::Refunded { .. } => t.standing_refunded,
    };
    let proven = !summary.tables.is_empty() && summary.tables.iter().all(|table| table.proven);
    let mut marks = Vec::new();
    if proven {
        marks.extend(
            summary.tables.iter().map(|table| table.k).min().map(|k| fill(t.k_proven, &[&k])),
        );
        let l = summary.tables.iter().flat_map(|table| &table.diversity).map(|claim| claim.l).max();
        marks.extend(l.map(|l| fill(t.l_proven, &[&l])));
    }
    let clauses = terms.clauses.iter().map(|clause| ClauseView {
        short: clause.code.short(),
        code: clause.code.to_string(),
        words: sentences::clause(lang, clause),
    });
    let files = layout.files().iter();
    let citation = Citation::of(summary);
    let csv = layout.tables().first().and_then(|table| csv_file(&table.name));
    Ok(Dataset {
        institution_name: summary.institution_name.clone(),
        institution: listing.id.institution.to_string(),
        package: listing.id.package.to_string(),
        standing,
        open: summary.open,
        live: listing.standing == Standing::Live,
        proven,
        marks,
        declared: summary.declared.clone(),
        diseases: declared
            .map(|said| said.diseases.iter().map(|id| mondo::label(lang, id)).collect())
            .unwrap_or_default(),
        tables: tables(lang, view),
        files: files.map(|file| File { name: file.name.clone(), bytes: file.bytes }).collect(),
        price: from_price(lang, state, summary)?,
        clauses: clauses.collect(),
        tiers: tier_rows(lang, state, summary)?,
        newer: listing.superseded_by.map(|package| link(&ListingId { package, ..listing.id })),
        older: listing.lineage.supersedes.map(|package| link(&ListingId { package, ..listing.id })),
        parents: parents(listing),
        step: listing.lineage.step.to_string(),
        royalty: percent(summary.offer.royalty),
        closing: listing.closing.as_ref().map(|closing| closing.reason.to_string()),
        evidence: listing.closing.as_ref().and_then(|closing| Some(closing.evidence?.to_string())),
        licences: match summary.offer.max_licences {
            Some(most) => fill(t.sold_of, &[&listing.licences, &most]),
            None => listing.licences.to_string(),
        },
        review: match (terms.review_ms.is_some(), terms.review_all) {
            (false, _) => t.review_at_once,
            (true, true) => t.review_always,
            (true, false) => t.review_some,
        },
        version: listing.version,
        licence_text: terms.licence_text.to_string(),
        root: listing.root.to_string(),
        key: listing.key.to_string(),
        manifest: listing.manifest.to_string(),
        segments: listing.segments,
        served: served.iter().map(|part| part.name()).collect(),
        history: records::history(app, state, lang, &listing.id)?,
        relatives: records::relatives(app, state, lang, &listing.id)?,
        csv,
        bibtex: citation.bibtex(),
        ris: citation.ris(),
        state_root: hex::encode(state.state_root()),
        proof: proof(state, listing),
        croissant: crate::standards::embedded(app, view)?,
        title,
        f,
    })
}

/// The proof of what the ledger holds of a listing and of who lists it.
fn proof(state: &Snapshot, listing: &Listing) -> Option<String> {
    let Listing { id, version, .. } = listing;
    let keys = [
        state_key::listing(id).as_bytes().to_vec(),
        state_key::listing_layout(id).as_bytes().to_vec(),
        state_key::listing_claims(id).as_bytes().to_vec(),
        state_key::offer(id, *version).as_bytes().to_vec(),
        state_key::party(galen_market::role::Role::Institution, &id.institution)
            .as_bytes()
            .to_vec(),
        state_key::stop(&id.institution).as_bytes().to_vec(),
    ];
    explorer::proof(state, keys.iter().map(Vec::as_slice))
}

fn tables(lang: Lang, view: &ListingView) -> Vec<Table> {
    let ListingView { summary, layout, manifest, .. } = view;
    let t = lang.words();
    let said = |at: usize| summary.declared.as_ref().and_then(|said| said.persons.get(at));
    let described = summary.tables.iter().zip(layout.tables()).zip(&view.claims);
    let tables = described.enumerate().map(|(at, ((short, table), claims))| {
        let rows = grouped(short.rows);
        let number = u32::try_from(at).ok();
        let report = manifest
            .as_ref()
            .map(|manifest| &manifest["resources"][at]["deidentification"]["rows"]);
        let counted = |name: &str| report.and_then(|rows| rows[name].as_u64());
        Table {
            size: match table.active.len() {
                1 => fill(t.rows_in_block, &[&rows]),
                blocks => fill(t.rows_in_blocks, &[&rows, &blocks]),
            },
            k_sentence: sentences::k_anonymity(lang, table, claims),
            diversity: sentences::diversity(lang, table, claims),
            name: short.name.clone(),
            proven: short.proven,
            persons: persons(lang, said(at).map_or("", String::as_str)),
            columns: columns(lang, layout, table, claims),
            sample: number.filter(|_| short.proven).and_then(|number| {
                sample::of(lang, layout, &summary.listing.id.package, (number, table), claims)
            }),
            risk: Risk {
                prosecutor: share(1, u64::from(claims.k)),
                // A group is as hard to trace as it is large, and none is smaller than k.
                marketer: share(1, u64::from(claims.k)),
                source: counted("source"),
                suppressed: counted("suppressed"),
            },
        }
    });
    tables.collect()
}

/// A share as per cent with one digit, rounded up so that no risk looks smaller than it is.
fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let tenths = (u128::from(part) * 1_000).div_ceil(u128::from(whole));
    format!("{} %", words::amount(u64::try_from(tenths).unwrap_or(u64::MAX), 1))
}

fn columns(
    lang: Lang,
    layout: &Layout,
    table: &galen_market::layout::Table,
    claims: &TableClaims,
) -> Vec<ColumnRow> {
    let said = words::charts(layout, table, claims);
    let of =
        |at: usize| claims.charts.iter().zip(&said).find(|(chart, _)| chart.column as usize == at);
    let rows = table.columns.iter().enumerate().map(|(at, column)| {
        let (role, values) = column_words(lang, layout, column);
        let chart = of(at).map(|(chart, said)| chart_view(lang, layout, column, chart, said));
        ColumnRow { name: column.name.clone(), role, values, chart }
    });
    rows.collect()
}

fn chart_view(
    lang: Lang,
    layout: &Layout,
    column: &Column,
    chart: &Chart,
    said: &words::ChartWords,
) -> ChartView {
    let bins = sentences::bins(lang, layout, column, chart);
    let all = chart.totals.count.saturating_add(chart.totals.missing);
    ChartView {
        sentence: sentences::chart(lang, layout, column, chart, &said.sentence),
        mean: said.mean.clone(),
        drawing: Drawing::new(lang, &column.name, lang.words().chart_alt, &bins),
        bins,
        missing: chart.totals.missing,
        missing_share: share(chart.totals.missing, all),
    }
}

fn column_words(lang: Lang, layout: &Layout, column: &Column) -> (&'static str, String) {
    let t = lang.words();
    let bounds = |pattern: &str, low: i64, high: i64| {
        fill(pattern, &[&words::value(column, low), &words::value(column, high)])
    };
    let values = match &column.values {
        Values::Number { range, .. } => bounds(t.numbers_from_to, range.low, range.high),
        Values::Date { range } => bounds(t.days_from_to, range.low, range.high),
        Values::Code { dictionary } => {
            let entries =
                layout.dictionaries().get(*dictionary as usize).map_or(0, |found| found.entries());
            match entries {
                1 => t.one_code.to_owned(),
                _ => fill(t.one_of_codes, &[&entries]),
            }
        }
    };
    let role = match column.role {
        Role::QuasiIdentifier => t.role_quasi,
        Role::Sensitive => t.role_sensitive,
        Role::Insensitive => t.role_insensitive,
    };
    (role, values)
}

/// What may be said of persons, whatever the manifest's words are.
fn persons(lang: Lang, declared: &str) -> &'static str {
    let t = lang.words();
    match declared {
        "one row a person" => t.persons_row,
        "k distinct persons in every class" => t.persons_class,
        _ => t.persons_none,
    }
}

/// The least price, and whether there are others.
fn from_price(lang: Lang, state: &Snapshot, summary: &ListingSummary) -> Result<String, ApiError> {
    let Some(least) = summary.offer.least_price() else { return Ok("–".to_owned()) };
    let least = money(state, &least)?;
    let tiers = &summary.offer.tiers;
    let several = tiers.len() > 1 || tiers.iter().any(|tier| tier.seats.most > tier.seats.included);
    Ok(if several { fill(lang.words().from_price, &[&least]) } else { least })
}

/// The file of a table in lines that people copy and run, if its name is one that a manifest may give.
/// The ledger takes any text, and a quotation mark in it would end the one around it.
fn csv_file(table: &str) -> Option<String> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    let strict = !table.is_empty() && !table.starts_with('.') && table.bytes().all(allowed);
    strict.then(|| format!("{table}.csv"))
}

fn parents(listing: &Listing) -> Vec<Parent> {
    let parents = listing.lineage.parents.iter().map(|parent| {
        let owed = listing.royalties.iter().find(|royalty| royalty.listing == *parent);
        Parent {
            link: link(parent),
            package: parent.package.to_string(),
            royalty: percent(owed.map_or(0, |royalty| royalty.basis_points)),
        }
    });
    parents.collect()
}

/// Ten-thousandths as per cent; nothing for none.
fn percent(basis_points: u16) -> String {
    match basis_points {
        0 => String::new(),
        points => format!("{} %", words::amount(u64::from(points), 2)),
    }
}

fn tier_rows(
    lang: Lang,
    state: &Snapshot,
    summary: &ListingSummary,
) -> Result<Vec<TierRow>, ApiError> {
    let t = lang.words();
    let offered = summary.offer.tiers.iter().zip(&summary.agreements);
    let rows = offered.map(|(tier, agreement)| {
        let in_tier =
            |amount| money(state, &Money { currency: tier.price.currency.clone(), amount });
        let Seats { included, extra, most } = tier.seats;
        let purposes = tier.purposes.iter().map(|kind| sentences::purpose_kind(lang, *kind));
        Ok(TierRow {
            name: tier.name.to_string(),
            purposes: purposes.collect::<Vec<_>>().join(", "),
            price: money(state, &tier.price)?,
            licence: fill(t.months_n, &[&tier.licence_months]),
            seats: if most == included {
                included.to_string()
            } else {
                fill(t.seats_up_to, &[&included, &most, &in_tier(extra)?])
            },
            subscription: match tier.subscription {
                Some(SubscriptionTerms { months, price }) => {
                    fill(t.subscription_n, &[&in_tier(price)?, &months])
                }
                None => t.not_included.to_owned(),
            },
            agreement: agreement.to_string(),
        })
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_manifest_never_become_a_claim() {
        let english = |declared| persons(Lang::English, declared);
        assert!(english("one row a person").ends_with("not proven."));
        assert_eq!(english("every person proven!"), "This speaks of rows, not of persons.");
        assert!(persons(Lang::Chinese, "one row a person").ends_with("未经证明。"));
    }

    #[test]
    fn adversary_51_a_table_that_is_called_a_program_is_not_copied() {
        assert_eq!(csv_file("ward-b_2.1").as_deref(), Some("ward-b_2.1.csv"));
        for name in [
            "",
            ".bashrc",
            "../x",
            "T",
            "two words",
            "t\"); __import__(\"os\").system(\"id\")#",
            "t'",
            "t\\",
            "t$(id)",
            "t`id`",
            "t{id}",
            "t\nid",
            "t\u{202e}",
        ] {
            assert_eq!(csv_file(name), None, "{name:?}");
        }
    }

    #[test]
    fn no_risk_looks_smaller_than_it_is() {
        assert_eq!(share(1, 11), "9.1 %");
        assert_eq!(share(1, 3), "33.4 %");
        assert_eq!(share(1, 100_000), "0.1 %");
        assert_eq!(share(0, 5), "0.0 %");
        assert_eq!(share(1, 0), "–");
    }
}
