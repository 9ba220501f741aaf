//! The page of a package: what is proven, what becomes public, how it is sold, and what can be done next.

use askama::Template;
use galen_api::words;
use galen_dataset::package::PackageFolder;
use galen_market::id::PackageId;
use galen_market::listing::Standing;

use super::{missing, standing};
use crate::console::Console;
use crate::console::work::Name;
use crate::error::Failure;
use crate::loopback::{Frame, State, money};
use crate::operation::listing;
use crate::operation::store::PackageRecord;
use crate::session::Session;
use crate::wallet::Wallet;

/// Columns that are named.
const COLUMNS: usize = 200;

#[derive(Template)]
#[template(path = "console_dataset.html")]
pub(in crate::console) struct Dataset {
    frame: Frame,
    id: String,
    title: String,
    description: String,
    standing: Option<String>,
    live: bool,
    closed: Option<String>,
    /// The dataset's page at the node.
    address: Option<String>,
    proven: Vec<String>,
    charts: Vec<(String, Vec<(String, u64)>)>,
    facts: Vec<(&'static str, String)>,
    clauses: Vec<String>,
    tiers: Vec<String>,
    licence: String,
    blocks: usize,
    missing: usize,
    /// What the draft would cost now.
    fee: Option<String>,
    /// Why the ledger would refuse it now, and what to do.
    refusal: Option<(String, String)>,
    deals: Vec<(String, String, String)>,
    may_prove: bool,
    may_publish: bool,
    may_withdraw: bool,
    forgeable: bool,
    state: Option<State>,
}

pub(in crate::console) fn dataset(
    console: &Console,
    id: PackageId,
    wallet: &Wallet,
) -> Result<Dataset, Failure> {
    let session = console.session()?;
    let record = console.store().record(&id)?;
    let folder = PackageFolder::read(&record.folder)?;
    let state = console.works.state(&Name::Package(id));
    let going = state.as_ref().is_some_and(State::is_going);
    let view = listing::find(&session, &record.listing())?;
    let listed = view.as_ref().map(|view| &view.summary.listing);
    let missing = missing(&folder);
    let waiting = matches!(listed.map(|it| it.standing), None | Some(Standing::Draft { .. }));
    let may_publish = missing == 0 && waiting && !going;
    let deals = match listed {
        Some(listing) => session.client().deals_of_listing(&listing.id)?,
        None => Vec::new(),
    };
    let deals = deals
        .iter()
        .map(|deal| {
            Ok((deal.id.to_string(), deal.stage.to_string(), money(&session, &deal.price)?))
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let tables = || folder.layout().tables().iter().zip(&record.claims);
    let charts = tables().flat_map(|(table, claims)| words::charts(folder.layout(), table, claims));
    let (fee, refusal) = match may_publish && listed.is_none() {
        true => match tried(console, &folder, &record, wallet)? {
            Tried::Taken(fee) => (fee, None),
            Tried::Refused(why, remedy) => (None, Some((why, remedy))),
        },
        false => (None, None),
    };
    let mut frame = Frame::new(console, true);
    frame.again = u32::from(going);
    let offer = &record.offer;
    Ok(Dataset {
        frame,
        id: id.to_string(),
        title: folder.manifest().title.clone(),
        description: folder.manifest().description.clone(),
        standing: listed.map(standing),
        live: matches!(listed.map(|it| it.standing), Some(Standing::Live)),
        closed: listed
            .and_then(|it| it.closing.as_ref())
            .map(|closing| closing.reason.as_str().to_owned()),
        address: listed.map(|it| {
            let node = console.desk.plan.node.trim_end_matches('/');
            format!("{node}/datasets/{}/{}", it.id.institution, it.id.package)
        }),
        proven: tables()
            .flat_map(|(table, claims)| words::proven(folder.layout(), table, claims))
            .collect(),
        charts: charts
            .map(|chart| {
                let missing = [("missing".to_owned(), chart.missing)];
                (chart.column, chart.bins.into_iter().chain(missing).collect())
            })
            .collect(),
        facts: facts(&folder, &record),
        clauses: offer.terms.clauses.iter().map(galen_market::terms::Clause::words).collect(),
        tiers: offer
            .tiers
            .iter()
            .map(|tier| {
                let price = money(&session, &tier.price)?;
                Ok(format!("{}: {price}, a licence of {} months", tier.name, tier.licence_months))
            })
            .collect::<Result<_, Failure>>()?,
        licence: console.store().licence(&offer.terms.licence_text)?,
        blocks: folder.layout().blocks().count(),
        missing,
        fee,
        refusal,
        deals,
        may_prove: missing > 0 && !going,
        may_publish,
        may_withdraw: matches!(
            listed.map(|it| it.standing),
            Some(Standing::Live | Standing::Draft { .. })
        ) && !going,
        forgeable: session.is_forgeable(),
        state,
    })
}

/// What everybody will see beside what is proven.
fn facts(folder: &PackageFolder, record: &PackageRecord) -> Vec<(&'static str, String)> {
    let manifest = folder.manifest();
    let layout = folder.layout();
    let mut columns: Vec<&str> = layout
        .tables()
        .iter()
        .flat_map(|table| &table.columns)
        .map(|column| column.name.as_str())
        .collect();
    let more = columns.len().saturating_sub(COLUMNS);
    columns.truncate(COLUMNS);
    let mut columns = columns.join(", ");
    if more > 0 {
        columns.push_str(&format!(" and {more} more"));
    }
    let rows: u64 = layout.tables().iter().map(galen_market::layout::Table::rows).sum();
    vec![
        ("Institution", record.institution.to_string()),
        ("Rows", rows.to_string()),
        ("Columns, with their kinds and ranges", columns),
        (
            "Encrypted segments",
            format!("{}, {} bytes", layout.segments(), folder.offsets().total()),
        ),
        ("Short name", manifest.name.clone()),
        ("Keywords", manifest.keywords.join(", ")),
        ("Countries", manifest.countries.join(", ")),
        ("Diseases", manifest.diseases.join(", ")),
        ("How to cite", manifest.citation.clone()),
        ("Licence", manifest.licence.name.clone()),
    ]
}

/// What the node says of a draft that it tried.
enum Tried {
    /// It would be taken, for this fee.
    Taken(Option<String>),
    /// It would be refused: why, and what to do.
    Refused(String, String),
}

/// Has the node try the draft, so that a person learns of a missing bond before anything is sent.
fn tried(
    console: &Console,
    folder: &PackageFolder,
    record: &PackageRecord,
    wallet: &Wallet,
) -> Result<Tried, Failure> {
    let key = record.key(wallet)?;
    let session = Session::connect(&console.desk.plan.node, true)?;
    match session.transact(vec![listing::draft(folder, record)?], &[&key]) {
        Ok(done) => {
            let fee = done.receipt.map(|receipt| money(&session, &receipt.fee)).transpose()?;
            Ok(Tried::Taken(fee))
        }
        Err(failure) => {
            let remedy = failure.advice().unwrap_or_default().to_owned();
            Ok(Tried::Refused(failure.to_string(), remedy))
        }
    }
}
