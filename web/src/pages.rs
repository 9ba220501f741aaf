//! Pages for people: a list of datasets and a page a dataset. Rendered here, readable without a
//! script; every text from elsewhere is escaped. What a page says is proven, the ledger has
//! verified; everything else is called declared.

mod records;
mod requests;
mod wanted;

use std::sync::Arc;

use askama::Template;
use galen_api::words::{self, ChartWords};
use galen_api::{ListingFilter, ListingSummary, ListingView, Page};
use galen_chain::store::Snapshot;
use galen_market::amount::Money;
use galen_market::id::AccountId;
use galen_market::layout::{Column, Layout, Role, Values};
use galen_market::listing::{Listing, ListingId, Seats, Standing, SubscriptionTerms};
use galen_market::state_key;
use galen_market::terms::{Clause, PurposeKind};
use serde::Deserialize;
use warp::http::{HeaderValue, Method, StatusCode, header};
use warp::reply::Response;

use crate::reply::{self, ApiError};
use crate::request::Request;
use crate::routes::blocking;
use crate::{App, read};

const STYLE: &str = include_str!("../templates/style.css");
const PAGE: usize = 50;

/// Answers a request for a page.
pub(crate) async fn answer(
    app: &Arc<App>,
    request: &mut Request,
    path: &[&str],
) -> Result<Response, ApiError> {
    if !matches!(request.method, Method::GET | Method::HEAD) {
        let text = "pages are for reading";
        return Err(ApiError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            galen_api::codes::METHOD_NOT_ALLOWED,
            text,
        ));
    }
    match path {
        [""] => {
            let form: Form = request.query()?;
            let list = blocking(app, move |app, state| list(app, state, form)).await?;
            html(StatusCode::OK, &list)
        }
        ["datasets", institution, package] => {
            let id = read::listing_id(institution, package)?;
            let dataset = blocking(app, move |app, state| {
                dataset(app, state, &read::listing(app, state, &id)?)
            })
            .await?;
            html(StatusCode::OK, &dataset)
        }
        ["institutions", institution, "requests"] => {
            let institution: AccountId = crate::request::parsed(institution, "institution")?;
            let page =
                blocking(app, move |app, state| requests::page(app, state, institution)).await?;
            html(StatusCode::OK, &page)
        }
        ["wanted"] => {
            let paging: read::Paging = request.query()?;
            let page = blocking(app, move |app, state| wanted::page(app, state, &paging)).await?;
            html(StatusCode::OK, &page)
        }
        ["assets", name] => crate::assets::answer(name),
        ["style.css"] => {
            let mut response =
                reply::bytes(StatusCode::OK, "text/css; charset=utf-8", STYLE.into());
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
            Ok(response)
        }
        _ => Err(ApiError::not_found("such page")),
    }
}

/// The page of an error.
pub(crate) fn error(error: &ApiError) -> Response {
    let page = Failed { status: error.status().to_string(), message: error.message().to_owned() };
    html(error.status(), &page).unwrap_or_else(|error| error.response())
}

fn html(status: StatusCode, page: &impl Template) -> Result<Response, ApiError> {
    let text = page.render().map_err(|error| {
        tracing::error!(%error, "a page cannot be written");
        ApiError::unavailable("the page cannot be written")
    })?;
    Ok(reply::bytes(status, "text/html; charset=utf-8", text.into_bytes()))
}

#[derive(Template)]
#[template(path = "error.html")]
struct Failed {
    status: String,
    message: String,
}

/// What the search form sends; empty fields are no condition.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Form {
    text: String,
    column: String,
    disease: String,
    k_min: String,
    rows_min: String,
    after: String,
}

#[derive(Template)]
#[template(path = "list.html")]
struct List {
    ledger: String,
    forgeable: bool,
    form: Form,
    rows: Vec<Row>,
    next: Option<String>,
    height: u64,
}

struct Row {
    link: String,
    title: String,
    institution: String,
    rows: u64,
    columns: usize,
    k: String,
    price: String,
    terms: String,
    open: bool,
}

fn list(app: &App, state: &Snapshot, form: Form) -> Result<List, ApiError> {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let number = |text: &str, what: &str| {
        (!text.is_empty()).then(|| crate::request::parsed::<u64>(text, what)).transpose()
    };
    let filter = ListingFilter {
        text: text(&form.text),
        column: text(&form.column),
        disease: text(&form.disease),
        k_min: number(&form.k_min, "k")?.map(|k| u32::try_from(k).unwrap_or(u32::MAX)),
        rows_min: number(&form.rows_min, "rows")?,
        after: text(&form.after),
        limit: Some(PAGE),
        ..ListingFilter::default()
    };
    let Page { items, next } = read::listings(app, state, &filter)?;
    let rows = items.iter().map(|summary| row(state, summary)).collect::<Result<_, ApiError>>()?;
    let next = next.map(|after| {
        let pairs = [
            ("text", &form.text),
            ("column", &form.column),
            ("disease", &form.disease),
            ("k_min", &form.k_min),
            ("rows_min", &form.rows_min),
            ("after", &after),
        ];
        serde_urlencoded::to_string(pairs).unwrap_or_default()
    });
    Ok(List {
        ledger: app.genesis().name.to_string(),
        forgeable: app.forgeable,
        form,
        rows,
        next,
        height: state.height(),
    })
}

fn row(state: &Snapshot, summary: &ListingSummary) -> Result<Row, ApiError> {
    let id = &summary.listing.id;
    let k: Vec<String> = summary.tables.iter().map(|table| table.k.to_string()).collect();
    Ok(Row {
        link: link(id),
        title: title(summary),
        institution: summary.institution_name.clone(),
        rows: summary.tables.iter().fold(0u64, |sum, table| sum.saturating_add(table.rows)),
        columns: summary.tables.iter().map(|table| table.columns.len()).sum(),
        k: if k.is_empty() { "–".to_owned() } else { k.join(", ") },
        price: from_price(state, summary)?,
        terms: summary.offer.terms.clauses.iter().map(clause).collect::<Vec<_>>().join("; "),
        open: summary.open,
    })
}

fn title(summary: &ListingSummary) -> String {
    match &summary.declared {
        Some(declared) if !declared.title.is_empty() => declared.title.clone(),
        _ => format!("Package {}", &summary.listing.id.package.to_string()[..12]),
    }
}

/// An amount with the decimal digits of its currency.
fn money(state: &Snapshot, money: &Money) -> Result<String, ApiError> {
    let info = state_key::read(state, &state_key::currency(&money.currency))?;
    let decimals = usize::from(info.map_or(0, |info| info.decimals));
    Ok(format!("{} {}", decimal(money.amount.units(), decimals), money.currency))
}

/// The least price, and whether there are others.
fn from_price(state: &Snapshot, summary: &ListingSummary) -> Result<String, ApiError> {
    let Some(least) = summary.offer.least_price() else { return Ok("–".to_owned()) };
    let least = money(state, &least)?;
    let tiers = &summary.offer.tiers;
    let several = tiers.len() > 1 || tiers.iter().any(|tier| tier.seats.most > tier.seats.included);
    Ok(if several { format!("from {least}") } else { least })
}

fn decimal(units: u64, decimals: usize) -> String {
    if decimals == 0 {
        return units.to_string();
    }
    let digits = format!("{units:0>width$}", width = decimals.saturating_add(1));
    let (whole, part) = digits.split_at(digits.len().saturating_sub(decimals));
    format!("{whole}.{part}")
}

fn clause(clause: &Clause) -> String {
    format!("{} ({})", clause.words(), clause.code)
}

#[derive(Template)]
#[template(path = "dataset.html")]
struct Dataset {
    ledger: String,
    forgeable: bool,
    title: String,
    institution_name: String,
    institution: String,
    package: String,
    standing: &'static str,
    open: bool,
    live: bool,
    declared: Option<galen_api::Description>,
    tables: Vec<Table>,
    files: Vec<File>,
    price: String,
    clauses: Vec<String>,
    tiers: Vec<TierRow>,
    newer: Option<String>,
    older: Option<String>,
    parents: Vec<Parent>,
    step: String,
    royalty: String,
    closing: Option<String>,
    evidence: Option<String>,
    licences: Option<String>,
    review: &'static str,
    version: u32,
    licence_text: String,
    root: String,
    key: String,
    manifest: String,
    segments: u64,
    served: Vec<&'static str>,
    history: Vec<records::HistoryRow>,
    earlier: bool,
    relatives: Vec<records::RelativeRow>,
    height: u64,
    state_root: String,
    /// Croissant, safe between script tags.
    croissant: Option<String>,
}

struct Parent {
    link: String,
    package: String,
    royalty: String,
}

struct TierRow {
    name: String,
    purposes: String,
    price: String,
    licence_months: u32,
    seats: String,
    subscription: String,
    agreement: String,
}

struct Table {
    name: String,
    rows: u64,
    blocks: usize,
    proven: bool,
    k_sentence: String,
    diversity: Vec<String>,
    charts: Vec<ChartWords>,
    persons: &'static str,
    columns: Vec<ColumnRow>,
}

struct ColumnRow {
    name: String,
    role: &'static str,
    values: String,
}

struct File {
    name: String,
    bytes: u64,
}

fn dataset(app: &App, state: &Snapshot, view: &ListingView) -> Result<Dataset, ApiError> {
    let ListingView { summary, layout, served, .. } = view;
    let listing = &summary.listing;
    let terms = &summary.offer.terms;
    let declared = summary.declared.as_ref();
    let described = summary.tables.iter().zip(layout.tables()).zip(&view.claims);
    let said = |at: usize| declared.and_then(|declared| declared.persons.get(at));
    let tables = described.enumerate().map(|(at, ((short, table), claims))| Table {
        k_sentence: words::k_anonymity(table, claims),
        diversity: words::diversity(table, claims),
        charts: words::charts(layout, table, claims),
        name: short.name.clone(),
        rows: short.rows,
        blocks: table.active.len(),
        proven: short.proven,
        persons: persons(said(at).map_or("", String::as_str)),
        columns: table.columns.iter().map(|column| column_row(layout, column)).collect(),
    });
    let (history, earlier) = records::history(app, state, &listing.id)?;
    let standing = match listing.standing {
        Standing::Draft { .. } => "draft: not all row blocks are proven yet",
        Standing::Live => "live",
        Standing::Withdrawn => "withdrawn: it takes no new requests",
        Standing::TakenDown => "taken down by the registrars",
        Standing::Refunded { .. } => {
            "refunded: a dispute showed that the package is not what was listed"
        }
    };
    Ok(Dataset {
        ledger: app.genesis().name.to_string(),
        forgeable: app.forgeable,
        title: title(summary),
        institution_name: summary.institution_name.clone(),
        institution: listing.id.institution.to_string(),
        package: listing.id.package.to_string(),
        standing,
        open: summary.open,
        live: listing.standing == Standing::Live,
        declared: summary.declared.clone(),
        tables: tables.collect(),
        files: layout
            .files()
            .iter()
            .map(|file| File { name: file.name.clone(), bytes: file.bytes })
            .collect(),
        price: from_price(state, summary)?,
        clauses: terms.clauses.iter().map(clause).collect(),
        tiers: tier_rows(state, summary)?,
        newer: listing.superseded_by.map(|package| link(&ListingId { package, ..listing.id })),
        older: listing.lineage.supersedes.map(|package| link(&ListingId { package, ..listing.id })),
        parents: parents(listing),
        step: listing.lineage.step.to_string(),
        royalty: percent(summary.offer.royalty),
        closing: listing.closing.as_ref().map(|closing| closing.reason.to_string()),
        evidence: listing.closing.as_ref().and_then(|closing| Some(closing.evidence?.to_string())),
        licences: summary.offer.max_licences.map(|most| format!("{} of {most}", listing.licences)),
        review: match (terms.review_ms.is_some(), terms.review_all) {
            (false, _) => "decided by the ledger at once",
            (true, true) => "reviewed by the institution",
            (true, false) => "reviewed by the institution where a clause says so",
        },
        version: listing.version,
        licence_text: terms.licence_text.to_string(),
        root: listing.root.to_string(),
        key: listing.key.to_string(),
        manifest: listing.manifest.to_string(),
        segments: listing.segments,
        served: served.iter().map(|part| part.name()).collect(),
        history,
        earlier,
        relatives: records::relatives(app, state, &listing.id)?,
        height: state.height(),
        state_root: hex::encode(state.state_root()),
        croissant: crate::standards::embedded(app, view)?,
    })
}

fn link(id: &ListingId) -> String {
    format!("/datasets/{}/{}", id.institution, id.package)
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
        points => format!("{} %", decimal(u64::from(points), 2)),
    }
}

fn tier_rows(state: &Snapshot, summary: &ListingSummary) -> Result<Vec<TierRow>, ApiError> {
    let offered = summary.offer.tiers.iter().zip(&summary.agreements);
    let rows = offered.map(|(tier, agreement)| {
        let in_tier =
            |amount| money(state, &Money { currency: tier.price.currency.clone(), amount });
        let Seats { included, extra, most } = tier.seats;
        Ok(TierRow {
            name: tier.name.to_string(),
            purposes: tier.purposes.iter().map(purpose).collect::<Vec<_>>().join(", "),
            price: money(state, &tier.price)?,
            licence_months: tier.licence_months,
            seats: if most == included {
                included.to_string()
            } else {
                format!("{included}; up to {most} for {} each", in_tier(extra)?)
            },
            subscription: match tier.subscription {
                Some(SubscriptionTerms { months, price }) => {
                    format!("{} for {months} months", in_tier(price)?)
                }
                None => "not included".to_owned(),
            },
            agreement: agreement.to_string(),
        })
    });
    rows.collect()
}

fn purpose(kind: &PurposeKind) -> &'static str {
    match kind {
        PurposeKind::General => "general research",
        PurposeKind::Health => "health research",
        PurposeKind::Disease => "research into diseases",
        PurposeKind::Ancestry => "research on population origins or ancestry",
        PurposeKind::ClinicalCare => "clinical care",
    }
}

/// What may be said of persons, whatever the manifest's words are.
fn persons(declared: &str) -> &'static str {
    match declared {
        "one row a person" => "One row a person: declared by the institution, not proven.",
        "k distinct persons in every class" => {
            "At least k distinct persons in every such group: declared by the institution, not proven."
        }
        _ => "This speaks of rows, not of persons.",
    }
}

fn column_row(layout: &Layout, column: &Column) -> ColumnRow {
    let values = match &column.values {
        Values::Number { range, .. } => format!(
            "numbers from {} to {}",
            words::value(column, range.low),
            words::value(column, range.high)
        ),
        Values::Date { range } => format!(
            "days from {} to {}",
            words::value(column, range.low),
            words::value(column, range.high)
        ),
        Values::Code { dictionary } => {
            let entries =
                layout.dictionaries().get(*dictionary as usize).map_or(0, |found| found.entries());
            match entries {
                1 => "one code only".to_owned(),
                _ => format!("one of {entries} codes"),
            }
        }
    };
    let role = match column.role {
        Role::QuasiIdentifier => "quasi-identifier",
        Role::Sensitive => "sensitive",
        Role::Insensitive => "insensitive",
    };
    ColumnRow { name: column.name.clone(), role, values }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_their_decimals() {
        assert_eq!(decimal(12_345, 2), "123.45");
        assert_eq!(decimal(5, 2), "0.05");
        assert_eq!(decimal(7, 0), "7");
        assert_eq!(words::decimal(-5, 1), "-0.5");
    }

    #[test]
    fn words_of_a_manifest_never_become_a_claim() {
        assert!(persons("one row a person").ends_with("not proven."));
        assert_eq!(persons("every person proven!"), "This speaks of rows, not of persons.");
    }
}
