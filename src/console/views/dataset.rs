//! The page of a package: what is proven, what becomes public, how it is sold, and what can be done next.

use askama::Template;
use galen_dataset::package::PackageFolder;
use galen_market::id::PackageId;
use galen_market::layout::{Layout, Table};
use galen_market::listing::{Standing, TableClaims};
use galen_web::lang::{Lang, sentences};

use super::missing;
use super::public::{self, Fact};
use crate::console::Console;
use crate::console::words::{Words, said};
use crate::console::work::Name;
use crate::error::Failure;
use crate::loopback::{Frame, State, Wrong, money};
use crate::operation::listing::{self, Plan};
use crate::operation::store::PackageRecord;
use crate::session::Session;
use crate::wallet::Wallet;

#[derive(Template)]
#[template(path = "console_dataset.html")]
pub(in crate::console) struct Dataset {
    frame: Frame,
    t: &'static Words,
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
    facts: Vec<Fact>,
    /// Manifest and offer, whole.
    documents: String,
    clauses: Vec<String>,
    tiers: Vec<String>,
    licence: String,
    /// Names what would be signed.
    shown: Option<String>,
    blocks: usize,
    missing: usize,
    /// What the draft would cost now.
    fee: Option<String>,
    /// Why the ledger would refuse it now, and what to do.
    refusal: Option<Wrong>,
    deals: Vec<(String, String, String)>,
    may_prove: bool,
    may_publish: bool,
    may_withdraw: bool,
    forgeable: bool,
    state: Option<State>,
}

pub(in crate::console) fn dataset(
    console: &Console,
    mut frame: Frame,
    id: PackageId,
    wallet: &Wallet,
) -> Result<Dataset, Failure> {
    let lang = frame.lang;
    let t = Words::of(lang);
    let session = console.session()?;
    let own = console.store().record(&id)?;
    let folder = PackageFolder::read(&own.folder)?;
    let state = console.works.state(&Name::Package(id));
    let going = state.as_ref().is_some_and(State::is_going);
    let view = listing::find(&session, &own.listing())?;
    let plan = Plan::with(&session, &own, view.clone());
    let record = plan.as_ref().map_or_else(|_| own, Plan::public);
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
            Ok((deal.id.to_string(), said::stage(lang, deal.stage), money(&session, &deal.price)?))
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let layout = folder.layout();
    let (mut proven, mut charts) = (Vec::new(), Vec::new());
    for (table, claims) in layout.tables().iter().zip(&record.claims) {
        proven.push(sentences::k_anonymity(lang, table, claims));
        proven.extend(sentences::diversity(lang, table, claims));
        for (said, chart) in charts_of(lang, layout, table, claims) {
            proven.push(said);
            charts.push(chart);
        }
    }
    let shown = match &plan {
        Ok(plan) if may_publish => Some(plan.digest(&folder)?.to_string()),
        _ => None,
    };
    let (fee, refusal) = match (&plan, may_publish && listed.is_none()) {
        (_, false) => (None, None),
        (Err(failure), true) => (None, Some(Wrong::from(failure))),
        (Ok(_), true) => match tried(console, &folder, &record, wallet)? {
            Tried::Taken(fee) => (fee, None),
            Tried::Refused(why) => (None, Some(why)),
        },
    };
    frame.again = u32::from(going);
    let offer = &record.offer;
    Ok(Dataset {
        frame,
        t,
        id: id.to_string(),
        title: folder.manifest().title.clone(),
        description: folder.manifest().description.clone(),
        standing: listed.map(|listing| said::standing(t, listing)),
        live: matches!(listed.map(|it| it.standing), Some(Standing::Live)),
        closed: listed
            .and_then(|it| it.closing.as_ref())
            .map(|closing| closing.reason.as_str().to_owned()),
        address: listed.map(|it| {
            let node = console.desk.plan.node.trim_end_matches('/');
            format!("{node}/datasets/{}/{}", it.id.institution, it.id.package)
        }),
        proven,
        charts,
        facts: public::facts(lang, &folder, &record, plan.as_ref().ok()),
        documents: public::documents(&folder, &record)?,
        clauses: offer.terms.clauses.iter().map(|it| sentences::clause(lang, it)).collect(),
        tiers: offer
            .tiers
            .iter()
            .map(|tier| public::tier(t, &session, tier))
            .collect::<Result<_, Failure>>()?,
        licence: console.store().licence(&offer.terms.licence_text)?,
        shown,
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

/// Bins with their rows, by the column of a chart.
type Bins = (String, Vec<(String, u64)>);

/// What each chart proves, and its bins.
fn charts_of(
    lang: Lang,
    layout: &Layout,
    table: &Table,
    claims: &TableClaims,
) -> Vec<(String, Bins)> {
    let english = galen_api::words::charts(layout, table, claims);
    let placed = claims.charts.iter().filter_map(|chart| {
        let column = table.columns.get(chart.column as usize)?;
        Some((column, chart))
    });
    let each = placed.zip(english).map(|((column, chart), english)| {
        let mut bins = sentences::bins(lang, layout, column, chart);
        bins.push((Words::of(lang).bin_missing.to_owned(), chart.totals.missing));
        let said = sentences::chart(lang, layout, column, chart, &english.sentence);
        (said, (column.name.clone(), bins))
    });
    each.collect()
}

/// What the node says of a draft that it tried.
enum Tried {
    /// It would be taken, for this fee.
    Taken(Option<String>),
    /// It would be refused.
    Refused(Wrong),
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
        Err(failure) => Ok(Tried::Refused(Wrong::from(&failure))),
    }
}
