//! The pages, from what is in memory, in the home directory, and at the node. Everything that comes from
//! elsewhere is escaped by the templates. Depends on the operations; only [`bond`] signs.

mod chart;
mod columns;
mod dataset;
mod deals;
pub(super) mod describe;
mod money;
mod risk;

use askama::Template;
use galen_dataset::package::PackageFolder;
use galen_market::listing::{Listing, Standing};

pub(super) use columns::columns;
pub(super) use dataset::dataset;
pub(super) use deals::{deal, deals};
pub(super) use money::{bond, money_page, statement_of};
pub(super) use risk::risk;

use super::Console;
use super::work::Name;
use crate::error::Failure;
use crate::loopback::{Frame, State, lock};
use crate::operation::listing;

/// A share in percent.
fn percent(share: f64) -> String {
    format!("{:.1}\u{a0}%", share * 100.0)
}

#[derive(Template)]
#[template(path = "console_home.html")]
pub(super) struct Home {
    frame: Frame,
    ledger: String,
    forgeable: bool,
    /// Code, file, and what comes next of tables on their way.
    tables: Vec<(String, String, &'static str)>,
    packages: Vec<PackageRow>,
}

struct PackageRow {
    id: String,
    title: String,
    rows: u64,
    standing: String,
    sold: u32,
}

pub(super) fn home(console: &Console) -> Result<Home, Failure> {
    let session = console.session()?;
    let tables = lock(&console.offerings)
        .iter()
        .map(|(code, it)| {
            let next = match (&it.compared, it.chosen, console.is_going(code)) {
                (.., true) => "being worked on",
                (None, ..) => "columns",
                (_, false, _) => "risk against loss",
                _ => "description and proofs",
            };
            (code.clone(), it.file.clone(), next)
        })
        .collect();
    let mut packages = Vec::new();
    for record in console.store().all()? {
        let folder = PackageFolder::read(&record.folder);
        let (title, rows) = match &folder {
            Ok(folder) => (
                folder.manifest().title.clone(),
                folder.layout().tables().iter().map(galen_market::layout::Table::rows).sum::<u64>(),
            ),
            Err(_) => ("(its folder is not there)".to_owned(), 0),
        };
        let view = listing::find(&session, &record.listing())?;
        let listed = view.as_ref().map(|view| &view.summary.listing);
        packages.push(PackageRow {
            id: record.package.to_string(),
            title,
            rows,
            standing: match (listed, &folder) {
                (Some(listing), _) => standing(listing),
                (None, Ok(folder)) if missing(folder) > 0 => "not proven yet".to_owned(),
                (None, Ok(_)) => "proven, not published".to_owned(),
                (None, Err(_)) => "not here".to_owned(),
            },
            sold: listed.map_or(0, |listing| listing.licences),
        });
    }
    Ok(Home {
        frame: Frame::new(console, true),
        ledger: session.genesis().name.to_string(),
        forgeable: session.is_forgeable(),
        tables,
        packages,
    })
}

impl Console {
    fn is_going(&self, code: &str) -> bool {
        let state = self.works.state(&Name::Offer(code.to_owned()));
        state.as_ref().is_some_and(State::is_going)
    }
}

/// Row blocks of a package without a bundle.
fn missing(folder: &PackageFolder) -> usize {
    let blocks = folder.layout().blocks();
    blocks.filter(|(table, block)| !folder.proof_path(*table, *block).is_file()).count()
}

/// Where a listing stands.
fn standing(listing: &Listing) -> String {
    match listing.standing {
        Standing::Draft { proven, .. } => format!("draft, {proven} of {} proven", listing.blocks),
        Standing::Live if listing.superseded_by.is_some() => {
            "live, a newer version is listed".to_owned()
        }
        Standing::Live => "live".to_owned(),
        Standing::Withdrawn => "withdrawn".to_owned(),
        Standing::TakenDown => "taken down by the registrars".to_owned(),
        Standing::Refunded { .. } => "refunded: not what was listed".to_owned(),
    }
}

#[derive(Template)]
#[template(path = "offer.html")]
pub(super) struct Offer {
    frame: Frame,
}

pub(super) fn offer(console: &Console) -> Offer {
    Offer { frame: Frame::new(console, true) }
}

#[derive(Template)]
#[template(path = "working.html")]
pub(super) struct Working {
    pub frame: Frame,
    pub code: String,
    /// The file, if the table is in memory.
    pub kept: Option<String>,
    pub state: State,
}

#[derive(Template)]
#[template(path = "prepare.html")]
pub(super) struct Prepare {
    frame: Frame,
    code: String,
    file: String,
    title: String,
    k: u64,
    l: Option<u64>,
    rows: u64,
    chosen: bool,
    described: bool,
    packed: Option<String>,
    state: Option<State>,
}

pub(super) fn prepare(
    console: &Console,
    code: &str,
    state: Option<State>,
) -> Result<Prepare, Failure> {
    let frame = Frame::new(console, true);
    // What ended well before this is no news here.
    let state = state.filter(|state| matches!(state, State::Failed { .. }));
    console.with(code, |it| {
        Ok(Prepare {
            frame,
            code: code.to_owned(),
            file: it.file.clone(),
            title: it.words.get("title").to_owned(),
            k: it.settings.k,
            l: it.settings.default_diversity,
            rows: it.inspection.rows,
            chosen: it.chosen,
            described: it.words.has("title"),
            packed: it.packed.map(|id| id.to_string()),
            state,
        })
    })
}
