//! What takes long: proving and requesting, fetching, opening. Each runs on a thread of its own, at most
//! one for a deal, and tells how far it is. Depends on the purchase's operations; signs only what an
//! order says or what a person asked for on a deal's page.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use galen_dataset::output::{Format, Output};
use galen_dataset::pack::Progress;

use super::orders::Order;
use super::words::said;
use super::{Signer, browser};
use crate::error::{Exit, Failure};
use crate::loopback::{self, Said, State};
use crate::mirror::{Patience, Watch};
use crate::operation::purchase::{self, DealStore, Purchase};
use crate::operation::{self, prepare, receive};
use crate::session::Session;
use crate::wallet::{Role, Wallet};

/// How long a mirror may send nothing.
const STALL: Duration = Duration::from_secs(20);

/// Which work.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Name {
    /// The request of an order.
    Order(String),
    /// What is done in a deal, by its index.
    Deal(u32),
}

/// A work, told from its thread.
type Work = loopback::Work<Name>;

impl Watch for Work {
    fn progress(&self, done: u64, total: u64) {
        self.at(said(|t| t.fetching, &[]), done, total);
    }

    fn left(&self, mirror: &str, why: &str) {
        tracing::warn!(mirror, why, "a mirror was left");
    }
}

/// Something is done in a deal, which has a page.
fn done(what: Said, index: u32) -> State {
    State::Done { what, page: Some(format!("/deals/{index}")) }
}

/// Signs and sends the request of an order, then fetches the package and says that it is here.
pub(super) fn request(
    signer: &Arc<Signer>,
    name: String,
    order: Order,
    wallet: Arc<Wallet>,
) -> Result<(), Failure> {
    let (home, node) = (signer.desk.plan.home.clone(), signer.desk.plan.node.clone());
    signer.works.start(Name::Order(name), move |work| {
        work.at(said(|t| t.proving, &[]), 0, 0);
        let session = Session::connect(&node, false)?;
        let prover = operation::prover()?;
        let payer = wallet.account(Role::Researcher, order.account);
        let purchase = Purchase {
            listing: order.listing,
            purpose: order.purpose,
            tier: Some(&order.tier),
            seats: Some(order.seats),
            agreement: order.agreement,
            payer: &payer,
            credential: &order.credential,
            ready: false,
        };
        let store = DealStore::of(&home);
        let (record, _) = purchase::request(&session, &wallet, &store, &prover, &purchase)?;
        let index = record.index;
        work.rename(Name::Deal(index), done(said(|t| t.requested, &[]), index));
        fetch_and_say(work, &session, &wallet, &store, index)
    })
}

/// Fetches the package of a deal and says that it is here.
pub(super) fn proceed(
    signer: &Arc<Signer>,
    index: u32,
    wallet: Arc<Wallet>,
) -> Result<(), Failure> {
    let (home, node) = (signer.desk.plan.home.clone(), signer.desk.plan.node.clone());
    signer.works.start(Name::Deal(index), move |work| {
        let session = Session::connect(&node, false)?;
        fetch_and_say(work, &session, &wallet, &DealStore::of(&home), index)
    })
}

fn fetch_and_say(
    work: &Work,
    session: &Session,
    wallet: &Wallet,
    store: &DealStore,
    index: u32,
) -> Result<State, Failure> {
    let mut record = store.find(&index.to_string())?;
    let view = session.client().deal(&record.deal)?;
    if view.deal.stage != galen_market::deal::Stage::Agreed {
        // Under review, or further: there is nothing to say yet, or any more.
        return Ok(done(said(|t| t.requested_wait, &[]), index));
    }
    if purchase::asks_again(session, &record)? {
        return Err(Failure::new(
            Exit::Failure,
            "wallet.standing",
            "this deal came of a standing request, and its licence is signed now",
        )
        .remedy(format!(
            "use `galen deal fetch {index}` and `galen deal ready {index}`, which show it"
        )));
    }
    let target = store.downloads().join(record.listing.package.to_string());
    let above = prepare::above(&target);
    std::fs::create_dir_all(&above).map_err(|error| Failure::file(&above, &error))?;
    let sources = receive::Sources { patience: Patience::of(STALL), ..receive::Sources::default() };
    receive::fetch(session, &record.listing, &target, &sources, work)?;
    record.folder = Some(std::fs::canonicalize(&target).map_err(|e| Failure::file(&target, &e))?);
    store.update(&record)?;
    work.at(said(|t| t.saying_here, &[]), 0, 0);
    purchase::ready(session, wallet, &record, None)?;
    Ok(done(said(|t| t.here_checked, &[]), index))
}

/// Where a deal's dataset is opened.
pub(super) fn opened_folder(signer: &Signer, index: u32) -> PathBuf {
    signer.desk.plan.home.join("datasets").join(index.to_string())
}

/// Opens a delivered dataset into a folder below the home directory.
pub(super) fn open(signer: &Arc<Signer>, index: u32, wallet: Arc<Wallet>) -> Result<(), Failure> {
    let (home, node) = (signer.desk.plan.home.clone(), signer.desk.plan.node.clone());
    let target = opened_folder(signer, index);
    signer.works.start(Name::Deal(index), move |work| {
        let session = Session::connect(&node, false)?;
        let store = DealStore::of(&home);
        let record = store.find(&index.to_string())?;
        let folder = browser::folder(&store, &record);
        let sources = receive::Sources { patience: Patience::of(STALL), ..Default::default() };
        let (folder, _) = receive::fetch(&session, &record.listing, &folder, &sources, work)?;
        let above = prepare::above(&target);
        std::fs::create_dir_all(&above).map_err(|error| Failure::file(&above, &error))?;
        let prover = operation::prover()?;
        let report = |at: Progress| work.at(said(|t| t.decrypting, &[]), at.done, at.total);
        // A text that a spreadsheet would compute is made harmless: people open these files by hand.
        let output = Output { format: Format::Csv, ..Output::default() };
        receive::decrypt(
            &session,
            &wallet,
            &record,
            &prover,
            &folder,
            (&target, &output),
            &report,
        )?;
        Ok(done(said(|t| t.opened_in, &[&target.display()]), index))
    })
}
