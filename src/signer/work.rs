//! What takes long: proving and requesting, fetching, opening. Each runs on a thread of its own, at most
//! one for a deal, and tells how far it is. Depends on the purchase's operations; signs only what an
//! order says or what a person asked for on a deal's page.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use galen_dataset::output::{Format, Output};
use galen_dataset::pack::Progress;

use super::orders::Order;
use super::{Signer, lock};
use crate::error::{Exit, Failure};
use crate::mirror::{Patience, Watch};
use crate::operation::purchase::{self, DealStore, Purchase};
use crate::operation::{self, prepare, receive};
use crate::session::Session;
use crate::wallet::{Role, Wallet};

/// Most works that are remembered; the oldest that ended goes.
const MOST: usize = 256;
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

/// How a work is.
#[derive(Clone, Debug)]
pub(super) enum State {
    /// It goes on: at what, and how far.
    Going { what: String, done: u64, total: u64 },
    /// It is done; a request knows its deal then.
    Done { what: String, deal: Option<u32> },
    /// It failed.
    Failed { code: String, message: String, remedy: String },
}

/// Works by name.
#[derive(Default)]
pub(super) struct Works {
    states: BTreeMap<Name, State>,
}

impl Works {
    pub fn state(&self, name: &Name) -> Option<State> {
        self.states.get(name).cloned()
    }

    fn is_going(&self, name: &Name) -> bool {
        matches!(self.states.get(name), Some(State::Going { .. }))
    }
}

/// A work, told from its thread.
struct Work {
    signer: Arc<Signer>,
    name: Name,
}

impl Work {
    fn tell(&self, state: State) {
        lock(&self.signer.works).states.insert(self.name.clone(), state);
    }

    fn at(&self, what: &str, done: u64, total: u64) {
        self.tell(State::Going { what: what.to_owned(), done, total });
    }
}

impl Watch for Work {
    fn progress(&self, done: u64, total: u64) {
        self.at("fetching and checking the encrypted package", done, total);
    }

    fn left(&self, mirror: &str, why: &str) {
        tracing::warn!(mirror, why, "a mirror was left");
    }
}

/// Starts a work, unless the same is going on.
fn start(
    signer: &Arc<Signer>,
    name: Name,
    run: impl FnOnce(&mut Work) -> Result<State, Failure> + Send + 'static,
) -> Result<(), Failure> {
    let mut works = lock(&signer.works);
    if works.is_going(&name) {
        return Err(Failure::new(Exit::Failure, "wallet.busy", "this is being done already")
            .remedy("wait until it has ended"));
    }
    if works.states.len() >= MOST {
        let ended = works.states.iter().find(|(_, state)| !matches!(state, State::Going { .. }));
        let ended = ended.map(|(name, _)| name.clone()).ok_or_else(|| {
            Failure::new(Exit::Failure, "wallet.busy", "too much is being done at once")
                .remedy("wait until something has ended")
        })?;
        works.states.remove(&ended);
    }
    let going = State::Going { what: "beginning".to_owned(), done: 0, total: 0 };
    works.states.insert(name.clone(), going);
    drop(works);
    let mut work = Work { signer: signer.clone(), name };
    std::thread::spawn(move || {
        // A page that waits for ever is the worst end.
        let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&mut work)));
        let state = match ran {
            Ok(Ok(state)) => state,
            Ok(Err(failure)) => State::Failed {
                code: failure.code().to_owned(),
                message: failure.to_string(),
                remedy: failure.advice().unwrap_or_default().to_owned(),
            },
            Err(_) => State::Failed {
                code: "wallet.failed".to_owned(),
                message: "this failed by a fault of the program".to_owned(),
                remedy: "look at the deal's state, and use the command line".to_owned(),
            },
        };
        work.tell(state);
    });
    Ok(())
}

/// Waits until nothing is being done.
pub(super) async fn wait_for_all(signer: &Signer) {
    let going = || lock(&signer.works).states.values().any(|s| matches!(s, State::Going { .. }));
    while going() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Signs and sends the request of an order, then fetches the package and says that it is here.
pub(super) fn request(
    signer: &Arc<Signer>,
    name: String,
    order: Order,
    wallet: Arc<Wallet>,
) -> Result<(), Failure> {
    let (home, node) = (signer.plan.home.clone(), signer.plan.node.clone());
    start(signer, Name::Order(name), move |work| {
        work.at("proving that your credential is good, not whose it is", 0, 0);
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
        // The deal is busy before anybody is sent to its page.
        let order = std::mem::replace(&mut work.name, Name::Deal(index));
        work.at("beginning", 0, 0);
        let requested = State::Done { what: "requested".to_owned(), deal: Some(index) };
        lock(&work.signer.works).states.insert(order, requested);
        fetch_and_say(work, &session, &wallet, &store, index)
    })
}

/// Fetches the package of a deal and says that it is here.
pub(super) fn proceed(
    signer: &Arc<Signer>,
    index: u32,
    wallet: Arc<Wallet>,
) -> Result<(), Failure> {
    let (home, node) = (signer.plan.home.clone(), signer.plan.node.clone());
    start(signer, Name::Deal(index), move |work| {
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
        let what = "requested; the package is fetched when the institution has agreed".to_owned();
        return Ok(State::Done { what, deal: Some(index) });
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
    work.at("saying that the package is here and checked", 0, 0);
    purchase::ready(session, wallet, &record, None)?;
    let what =
        "the package is here and checked; the institution has to deliver the key now".to_owned();
    Ok(State::Done { what, deal: Some(index) })
}

/// Where a deal's dataset is opened.
pub(super) fn opened_folder(signer: &Signer, index: u32) -> PathBuf {
    signer.plan.home.join("datasets").join(index.to_string())
}

/// Opens a delivered dataset into a folder below the home directory.
pub(super) fn open(signer: &Arc<Signer>, index: u32, wallet: Arc<Wallet>) -> Result<(), Failure> {
    let (home, node) = (signer.plan.home.clone(), signer.plan.node.clone());
    let target = opened_folder(signer, index);
    start(signer, Name::Deal(index), move |work| {
        let session = Session::connect(&node, false)?;
        let store = DealStore::of(&home);
        let record = store.find(&index.to_string())?;
        let folder = record.folder.clone();
        let folder =
            folder.unwrap_or_else(|| store.downloads().join(record.listing.package.to_string()));
        let sources = receive::Sources { patience: Patience::of(STALL), ..Default::default() };
        let (folder, _) = receive::fetch(&session, &record.listing, &folder, &sources, work)?;
        let above = prepare::above(&target);
        std::fs::create_dir_all(&above).map_err(|error| Failure::file(&above, &error))?;
        let prover = operation::prover()?;
        let report =
            |at: Progress| work.at("decrypting, and checking every commitment", at.done, at.total);
        // A text that a spreadsheet would compute is made harmless: people open these files by hand.
        let output = Output { format: Format::Csv, recipients: Vec::new() };
        receive::decrypt(
            &session,
            &wallet,
            &record,
            &prover,
            &folder,
            (&target, &output),
            &report,
        )?;
        Ok(State::Done { what: format!("opened in {}", target.display()), deal: Some(index) })
    })
}
