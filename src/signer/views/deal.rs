//! The page of a deal, and the one that opens its dataset in the browser. Depends on the deal's records and on
//! what the node says of it.

use askama::Template;
use galen_market::deal::Stage;

use crate::config::DEFAULT_NODE;
use crate::error::Failure;
use crate::loopback::{Frame, State, ended, money, span};
use crate::operation::purchase::DealStore;
use crate::signer::words::Words;
use crate::signer::work::{Name, opened_folder};
use crate::signer::{Signer, browser};

#[derive(Template)]
#[template(path = "deal.html")]
pub(in crate::signer) struct DealPage {
    frame: Frame,
    t: &'static Words,
    index: u32,
    deal: String,
    package: String,
    price: String,
    stage: &'static str,
    steps: Vec<(&'static str, bool, bool)>,
    next: &'static str,
    left: Option<String>,
    ended: Option<String>,
    licence: Option<&'static str>,
    state: Option<State>,
    may_proceed: bool,
    may_open: bool,
    opened: Option<String>,
    /// Whether the browser may open it too: it is here, was paid for, and is small.
    in_browser: bool,
    /// It is here and was paid for, and is too large for that.
    large: bool,
    command: String,
}

#[derive(Template)]
#[template(path = "opening.html")]
pub(in crate::signer) struct OpeningPage {
    frame: Frame,
    t: &'static Words,
    index: u32,
    command: String,
}

/// Where a delivered dataset is opened in the browser.
pub(in crate::signer) fn opening(
    signer: &Signer,
    frame: Frame,
    index: u32,
) -> Result<OpeningPage, Failure> {
    DealStore::of(&signer.desk.plan.home).find(&index.to_string())?;
    let t = Words::of(frame.lang);
    Ok(OpeningPage { frame, t, index, command: command(signer, index) })
}

/// What opens a dataset on the command line.
fn command(signer: &Signer, index: u32) -> String {
    let node = match signer.desk.plan.node.as_str() {
        DEFAULT_NODE => String::new(),
        node => format!(" --node {node}"),
    };
    format!("galen deal decrypt {index} --out dataset{node}")
}

/// Where a deal stands.
pub(in crate::signer) fn deal(
    signer: &Signer,
    mut frame: Frame,
    index: u32,
) -> Result<DealPage, Failure> {
    let lang = frame.lang;
    let t = Words::of(lang);
    let session = signer.session()?;
    let store = DealStore::of(&signer.desk.plan.home);
    let record = store.find(&index.to_string())?;
    let view = session.client().deal(&record.deal)?;
    let stage = view.deal.stage;
    let state = signer.works.state(&Name::Deal(index));
    let going = state.as_ref().is_some_and(State::is_going);
    let reached = |at: Stage| match stage {
        Stage::Terminated => false,
        stage => stage >= at,
    };
    let steps = [
        (t.requested, Stage::Requested),
        (t.agreed, Stage::Agreed),
        (t.package_here, Stage::Ready),
        (t.delivered, Stage::Verified),
        (t.paid, Stage::Finalized),
    ];
    let (name, next) = match stage {
        Stage::Requested => (t.under_review, t.next_review),
        Stage::Agreed => (t.agreed, t.next_fetch),
        Stage::Ready => (t.waiting, t.next_key),
        Stage::Verified => (t.delivered, t.next_open),
        Stage::Finalized => (t.finished, t.next_paid),
        Stage::Terminated => (t.ended, t.next_refunded),
    };
    let folder = opened_folder(signer, index);
    let opened = folder.exists().then(|| folder.display().to_string());
    let delivered = matches!(stage, Stage::Verified | Stage::Finalized);
    let bytes = if delivered { browser::opened_bytes(&store, &record) } else { None };
    let settled = matches!(stage, Stage::Finalized | Stage::Terminated);
    frame.again = if going {
        2
    } else if settled {
        0
    } else {
        5
    };
    Ok(DealPage {
        frame,
        t,
        index,
        deal: record.deal.to_string(),
        package: record.listing.package.to_string(),
        price: money(&session, &record.price)?,
        stage: name,
        steps: steps.map(|(name, at)| (name, reached(at), stage == at)).to_vec(),
        next,
        left: view.remaining_ms.map(|ms| span(lang, ms)),
        ended: view.deal.termination.as_ref().map(|why| ended(lang, why)),
        licence: view
            .licence
            .as_ref()
            .map(|licence| if licence.revoked_ms.is_some() { t.revoked } else { t.yours }),
        may_proceed: stage == Stage::Agreed && !going,
        may_open: delivered && !going && opened.is_none(),
        opened,
        in_browser: bytes.is_some_and(browser::is_small),
        large: bytes.is_some_and(|bytes| !browser::is_small(bytes)),
        // What was done before the key came is no news any more.
        state: state.filter(|state| !delivered || !matches!(state, State::Done { .. })),
        command: command(signer, index),
    })
}
