//! An institution's review of requests: which wait, one of its deals, and the decision. Command line and
//! console call the same. Depends on the session; signs one transaction, in [`decide`].

use galen_api::DealView;
use galen_market::action::Action;
use galen_market::action::trade::ReviewDeal;
use galen_market::codec::Text;
use galen_market::deal::{Deal, Stage};
use galen_market::id::{AccountId, DealId};

use crate::error::{Exit, Failure};
use crate::session::{Done, Session, account_of};
use crate::wallet::derive::AccountKey;

/// Most bytes of a reason.
pub const MAX_REASON_BYTES: usize = 500;

/// What an institution says to a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    accept: bool,
    reason: Text<MAX_REASON_BYTES>,
}

impl Verdict {
    /// A decision with its reason, which only a refusal needs; `how` says how a person gives one.
    ///
    /// # Errors
    /// A refusal without a reason, or a reason that is too long.
    pub fn new(accept: bool, reason: &str, how: &str) -> Result<Self, Failure> {
        let reason = Text::new(reason.trim()).map_err(|error| {
            Failure::usage(format!("the reason: {error}"))
                .remedy("shorten it to one line; letters other than those of English take two to four bytes")
        })?;
        if !accept && reason.as_str().is_empty() {
            return Err(Failure::usage("a refusal needs a reason").remedy(how));
        }
        Ok(Self { accept, reason })
    }

    /// Whether the request is accepted.
    pub fn accepts(&self) -> bool {
        self.accept
    }
}

/// The requests that wait for an institution's review.
///
/// # Errors
/// When the node cannot be reached.
pub fn waiting(session: &Session, institution: &AccountId) -> Result<Vec<Deal>, Failure> {
    Ok(session.client().deals_of_institution(institution, Stage::Requested)?)
}

/// The request that a person named, by its id or at least six of its first digits, among those that wait.
///
/// # Errors
/// When nothing or more than one fits.
pub fn named<'a>(waiting: &'a [Deal], named: &str) -> Result<&'a Deal, Failure> {
    let wrong = |what: &str| {
        Failure::usage(format!("`{named}` {what}"))
            .remedy("`galen deal review` lists what waits for a review")
    };
    if let Some(deal) =
        named.parse::<DealId>().ok().and_then(|id| waiting.iter().find(|deal| deal.id == id))
    {
        return Ok(deal);
    }
    if named.len() < 6 {
        return Err(wrong("is too short for a deal's id"));
    }
    let mut fitting = waiting.iter().filter(|deal| deal.id.to_string().starts_with(named));
    match (fitting.next(), fitting.next()) {
        (Some(deal), None) => Ok(deal),
        (Some(_), Some(_)) => Err(wrong("is the beginning of more than one id")),
        (None, _) => Err(wrong("does not wait for a review of yours")),
    }
}

/// A deal of an institution.
///
/// # Errors
/// When there is none of that id, or it is another institution's.
pub fn own(session: &Session, institution: &AccountId, id: &DealId) -> Result<DealView, Failure> {
    let view = session.client().deal(id).map_err(|error| match error.is_not_found() {
        true => Failure::new(Exit::Usage, "not_found", format!("there is no deal {id}"))
            .remedy("look at the list of deals; the node may also be behind"),
        false => error.into(),
    })?;
    if view.deal.listing.institution == *institution {
        return Ok(view);
    }
    Err(Failure::new(
        Exit::Usage,
        "deal.other_institution",
        format!("deal {id} is a deal of another institution than {institution}"),
    )
    .remedy("use the wallet of the institution that listed the dataset, and its --index there"))
}

/// That a deal waits for a review.
///
/// # Errors
/// When it was decided, or ended, before.
pub fn require_waiting(deal: &Deal) -> Result<(), Failure> {
    if deal.stage == Stage::Requested {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Usage,
        "deal.not_waiting",
        format!("deal {} does not wait for a review any more: it is {}", deal.id, deal.stage),
    )
    .remedy("look at the deal as it stands now; a decision cannot be taken back"))
}

/// Signs a decision and waits until it is final.
///
/// # Errors
/// What the ledger refuses, as a request that was decided before.
pub fn decide(
    session: &Session,
    key: &AccountKey,
    deal: DealId,
    verdict: &Verdict,
) -> Result<Done, Failure> {
    let Verdict { accept, reason } = verdict.clone();
    let action = ReviewDeal { institution: account_of(key), deal, accept, reason };
    session.transact(vec![Action::ReviewDeal(action)], &[key])
}
