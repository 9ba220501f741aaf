//! Standing requests: what a buyer posts, keeps of it, and learns when the ledger has matched it.
//!
//! Kept is `deals/<index>.standing.json`, public data only, before the request is sent. A match is kept as
//! a deal of the same index, so that every command for deals works on it: its keys are those of the
//! request.

use galen_api::StandingView;
use galen_market::action::Action;
use galen_market::action::trade::{CancelStanding, PostStanding};
use galen_market::amount::Money;
use galen_market::codec::Bounded;
use galen_market::fee::FeePayer;
use galen_market::id::{AccountId, Hasher, StandingId};
use galen_market::identity::presentation::standing_scope;
use galen_market::payment::{Funding, Refund};
use galen_market::terms::{Purpose, Required};
use galen_market::transaction::Transaction;
use galen_market::wanted::{Wanted, period};
use galen_zk::keys::Prover;
use galen_zk::point::JubPoint;
use serde::{Deserialize, Serialize};

use super::credential::{Credential as HeldCredential, purpose_words};
use super::presentation::{Shown, today};
use super::purchase::{DealRecord, DealStore};
use crate::error::{Exit, Failure};
use crate::session::{Done, Draft, Session, account_of};
use crate::wallet::Wallet;
use crate::wallet::derive::AccountKey;

/// What a buyer keeps of a standing request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandingRecord {
    /// Which of the wallet's deals it is: its keys derive from this number.
    pub index: u32,
    /// Its name on the ledger.
    pub standing: StandingId,
    /// What is wanted.
    pub wanted: Wanted,
    /// The highest price.
    pub max_price: Money,
    /// For what.
    pub purpose: Purpose,
}

/// What is wanted, and how it is paid.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    /// What is wanted.
    pub wanted: Wanted,
    /// Whose listings are accepted; any institution's if none is named.
    pub institutions: Vec<AccountId>,
    /// For what.
    pub purpose: Purpose,
    /// For how many named users.
    pub seats: u32,
    /// The highest price.
    pub max_price: Money,
    /// Up-time after which it ends, in milliseconds.
    pub for_ms: u64,
    /// What the credential proves, beside the kind of the purpose.
    pub required: Required,
    /// The account that pays; it signs too.
    pub payer: &'a AccountKey,
    /// The credential.
    pub credential: &'a HeldCredential,
}

/// Posts a standing request. Proves with a fresh use of the credential until one is unused.
///
/// # Errors
/// When the credential does not fit, money is missing, or the ledger refuses.
pub fn post(
    session: &Session,
    wallet: &Wallet,
    store: &DealStore,
    prover: &Prover,
    wish: &Wish<'_>,
) -> Result<(StandingRecord, Done), Failure> {
    let missing = wish.required.purposes & !wish.credential.attributes.purposes;
    if missing != 0 {
        return Err(Failure::new(
            Exit::RefusedPurchase,
            "credential.purpose",
            format!("the credential does not approve: {}", purpose_words(missing)),
        )
        .remedy("ask for another purpose, or ask your issuer to approve this one"));
    }
    if wish.credential.attributes.expiry <= today(session)? {
        return Err(Failure::new(
            Exit::RefusedPurchase,
            "credential.expired",
            "the credential has expired",
        )
        .remedy("ask your issuer to renew it"));
    }
    let number = store.next_number()?;
    let index = number.index;
    let keys = wallet.deal(index);
    let delivery_key = JubPoint::generator()
        .times(&keys.delivery)
        .map_err(|_| Failure::new(Exit::Key, "key.deal", "the request's key is not usable"))?;
    let fees = session.currency(&wish.max_price.currency)?.fees;
    let allowance = fees
        .standing_allowance()
        .map_err(|error| Failure::new(Exit::RefusedByLedger, "ledger.fee", error.to_string()))?;
    let period = period(session.status()?.time_ms);
    let institutions = Bounded::new(wish.institutions.clone())
        .map_err(|error| Failure::usage(format!("institutions: {error}")))?;
    let action = Action::PostStanding(PostStanding {
        period,
        wanted: wish.wanted.clone(),
        institutions,
        purpose: wish.purpose.clone(),
        seats: wish.seats,
        max_price: wish.max_price.clone(),
        allowance,
        for_ms: wish.for_ms,
        funding: Funding::Account(account_of(wish.payer)),
        refund: Refund::Account(account_of(&keys.refund)),
        delivery_key,
        auth_key: account_of(&keys.authorisation),
    });
    let scope = standing_scope(session.chain(), period);
    let shown = Shown {
        session,
        wallet,
        prover,
        credential: wish.credential,
        scope,
        required: &wish.required,
        j: 0,
    };
    shown.each_use(|shown| {
        let present = |transaction: &Transaction| shown.present(transaction);
        let draft = Draft::new(vec![action.clone()], vec![wish.payer])
            .paid_by(FeePayer::Account(account_of(wish.payer)), wish.max_price.currency.clone())
            .showing(&present);
        let transaction = session.build(&draft)?;
        let shown = transaction.authorization.credential.as_ref().ok_or_else(|| {
            Failure::new(Exit::RefusedProof, "credential.missing", "no credential was shown")
        })?;
        let record = StandingRecord {
            index,
            standing: StandingId(Hasher::new("galen/standing").value(&shown.nullifier).digest().0),
            wanted: wish.wanted.clone(),
            max_price: wish.max_price.clone(),
            purpose: wish.purpose.clone(),
        };
        let done =
            store.while_posted(session, &number, &record, || session.finish(&transaction))?;
        Ok((record, done))
    })
}

/// The standing request that a person named by its id, the beginning of it, or its index.
///
/// # Errors
/// When none or more than one fits.
pub fn find(store: &DealStore, named: &str) -> Result<StandingRecord, Failure> {
    let all = store.standings()?;
    let exact = all.iter().find(|record| record.index.to_string() == named);
    let mut fitting = all.iter().filter(|record| record.standing.to_string().starts_with(named));
    match (exact, fitting.next(), fitting.next(), named.len() >= 6) {
        (Some(record), ..) | (None, Some(record), None, true) => Ok(record.clone()),
        _ => Err(Failure::usage(format!("`{named}` is not a standing request of this wallet"))
            .remedy("`galen standing list` shows yours; give an index, an id, or at least six of its first digits")),
    }
}

/// Asks the ledger where a standing request stands, and keeps its deal if it was matched to one.
///
/// # Errors
/// When the node cannot be asked, or the deal cannot be kept.
pub fn follow(
    session: &Session,
    store: &DealStore,
    record: &StandingRecord,
) -> Result<StandingView, Failure> {
    let view = session.client().standing(&record.standing)?;
    let Some(last) = view.standing.matches.last() else { return Ok(view) };
    let known = store.all()?.into_iter().find(|deal| deal.index == record.index);
    if known.is_none_or(|known| known.deal != last.deal) {
        let deal = session.client().deal(&last.deal)?.deal;
        store.update(&DealRecord {
            index: record.index,
            deal: deal.id,
            listing: deal.listing,
            price: deal.price,
            purpose: deal.purpose,
            folder: None,
        })?;
    }
    Ok(view)
}

/// Takes a standing request back. Its own purse pays the fee.
///
/// # Errors
/// What the ledger refuses.
pub fn cancel(
    session: &Session,
    wallet: &Wallet,
    record: &StandingRecord,
) -> Result<Done, Failure> {
    let keys = wallet.deal(record.index);
    let cancel = Action::CancelStanding(CancelStanding { standing: record.standing });
    session.run(
        &Draft::new(vec![cancel], Vec::new())
            .paid_by(FeePayer::Standing(record.standing), record.max_price.currency.clone())
            .with_deal_key(&keys.authorisation),
    )
}
