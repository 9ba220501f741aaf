//! The pages, from what is in memory, in the home directory, and at the node. Everything that comes from
//! elsewhere is escaped by the templates. Depends on the operations; nothing here signs.

mod chart;
mod columns;
mod dataset;
mod deals;
pub(super) mod describe;
mod money;
mod public;
mod risk;

use askama::Template;
use galen_dataset::package::PackageFolder;
use galen_web::lang::fill;

pub(super) use columns::columns;
pub(super) use dataset::dataset;
pub(super) use deals::{deal, deals};
pub(super) use money::{money_page, statement_of};
pub(super) use risk::risk;

use super::Console;
use super::words::{Words, said};
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
    t: &'static Words,
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

pub(super) fn home(console: &Console, frame: Frame) -> Result<Home, Failure> {
    let t = Words::of(frame.lang);
    let session = console.session()?;
    let tables = lock(&console.offerings)
        .iter()
        .filter_map(|(code, it)| {
            let it = it.as_ref()?;
            let next = match (&it.compared, it.chosen, console.is_going(code)) {
                (.., true) => t.being_worked_on,
                (None, ..) => t.step_columns,
                (_, false, _) => t.step_risk,
                _ => t.then_description,
            };
            Some((code.clone(), it.file.clone(), next))
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
            Err(_) => (t.no_folder.to_owned(), 0),
        };
        let view = listing::find(&session, &record.listing())?;
        let listed = view.as_ref().map(|view| &view.summary.listing);
        packages.push(PackageRow {
            id: record.package.to_string(),
            title,
            rows,
            standing: match (listed, &folder) {
                (Some(listing), _) => said::standing(t, listing),
                (None, Ok(folder)) if missing(folder) > 0 => t.not_proven.to_owned(),
                (None, Ok(_)) => t.proven_only.to_owned(),
                (None, Err(_)) => t.not_here.to_owned(),
            },
            sold: listed.map_or(0, |listing| listing.licences),
        });
    }
    Ok(Home {
        frame,
        t,
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

#[derive(Template)]
#[template(path = "offer.html")]
pub(super) struct Offer {
    frame: Frame,
    t: &'static Words,
    /// A path as it may be.
    example: &'static str,
}

pub(super) fn offer(frame: Frame) -> Offer {
    Offer { t: Words::of(frame.lang), frame, example: "/data/ward-7.parquet" }
}

#[derive(Template)]
#[template(path = "working.html")]
pub(super) struct Working {
    pub frame: Frame,
    pub t: &'static Words,
    pub code: String,
    /// The file, if the table is in memory.
    pub kept: Option<String>,
    pub state: State,
}

#[derive(Template)]
#[template(path = "prepare.html")]
pub(super) struct Prepare {
    frame: Frame,
    t: &'static Words,
    code: String,
    /// What is about to be done.
    lead: String,
    chosen: bool,
    described: bool,
    packed: Option<String>,
    state: Option<State>,
}

pub(super) fn prepare(
    console: &Console,
    frame: Frame,
    code: &str,
    state: Option<State>,
) -> Result<Prepare, Failure> {
    let t = Words::of(frame.lang);
    // What ended well before this is no news here.
    let state = state.filter(|state| matches!(state, State::Failed(_)));
    console.with(code, |it| {
        let (title, rows, k) = (it.words.get("title"), it.inspection.rows, it.settings.k);
        Ok(Prepare {
            frame,
            t,
            code: code.to_owned(),
            lead: match it.settings.default_diversity {
                Some(l) => fill(t.prepare_lead_l, &[&title, &rows, &it.file, &k, &l]),
                None => fill(t.prepare_lead, &[&title, &rows, &it.file, &k]),
            },
            chosen: it.chosen,
            described: it.words.has("title"),
            packed: it.packed.map(|id| id.to_string()),
            state,
        })
    })
}
