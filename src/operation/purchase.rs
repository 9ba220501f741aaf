//! Buying: a request that shows a credential, and what the buyer keeps of it.
//!
//! Kept below the home directory is `deals/<index>.json`, public data only: every secret of a deal
//! derives from the wallet's seed and the deal's index. The record is on the disk before the request
//! is sent, so that no key to which a dataset could be encrypted is ever lost or used twice.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use galen_api::ListingView;
use galen_market::action::Action;
use galen_market::action::trade::{Ready, RequestDeal};
use galen_market::amount::{Amount, Money};
use galen_market::deal::{Origin, Termination};
use galen_market::fee::FeePayer;
use galen_market::id::{DealId, Digest, Hasher};
use galen_market::identity::presentation::{ready_scope, request_scope};
use galen_market::listing::ListingId;
use galen_market::payment::{Funding, Refund};
use galen_market::terms::Purpose;
use galen_market::transaction::Transaction;
use galen_zk::keys::Prover;
use galen_zk::point::JubPoint;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::credential::Credential as HeldCredential;
use super::eligibility;
use super::presentation::{Shown, today};
use super::standing::StandingRecord;
use super::tier::{self, Chosen};
use crate::error::{Exit, Failure};
use crate::output::printable;
use crate::session::{Done, Draft, Session, account_of};
use crate::wallet::derive::AccountKey;
use crate::wallet::{Wallet, file};

const MAX_RECORD_BYTES: u64 = 1 << 16;
/// How the names of deals' records end.
const DEAL: &str = ".json";
/// How the names of standing requests' records end.
const STANDING: &str = ".standing.json";
/// Held by whoever takes a number for a deal.
const LOCK_FILE: &str = "lock";

/// What a buyer keeps of a deal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DealRecord {
    /// Which of the wallet's deals it is: its keys derive from this number.
    pub index: u32,
    /// The deal's name on the ledger.
    pub deal: DealId,
    /// What is bought.
    pub listing: ListingId,
    /// The price.
    pub price: Money,
    /// For what.
    pub purpose: Purpose,
    /// Where the package was fetched to and checked, if it was.
    #[serde(default)]
    pub folder: Option<PathBuf>,
}

/// The deals of one home directory.
#[derive(Clone, Debug)]
pub struct DealStore {
    root: PathBuf,
}

impl DealStore {
    /// The deals of a home directory.
    pub fn of(home: &Path) -> Self {
        Self { root: home.join("deals") }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, index: u32) -> PathBuf {
        self.root.join(format!("{index}{DEAL}"))
    }

    pub(crate) fn standing_path(&self, index: u32) -> PathBuf {
        self.root.join(format!("{index}{STANDING}"))
    }

    /// The folder for packages that were fetched for deals.
    pub fn downloads(&self) -> PathBuf {
        self.root.join("packages")
    }

    /// All deals in the order of their indexes.
    ///
    /// # Errors
    /// When the directory cannot be read, or a record is damaged.
    pub fn all(&self) -> Result<Vec<DealRecord>, Failure> {
        self.records(DEAL, |record: &DealRecord| record.index)
    }

    /// All standing requests in the order of their indexes.
    ///
    /// # Errors
    /// When the directory cannot be read, or a record is damaged.
    pub(crate) fn standings(&self) -> Result<Vec<StandingRecord>, Failure> {
        self.records(STANDING, |record: &StandingRecord| record.index)
    }

    fn records<T: DeserializeOwned>(
        &self,
        suffix: &str,
        index_of: impl Fn(&T) -> u32,
    ) -> Result<Vec<T>, Failure> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Failure::file(&self.root, &error)),
        };
        let mut records = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| Failure::file(&self.root, &error))?.path();
            let index = path
                .file_name()
                .and_then(|name| name.to_str()?.strip_suffix(suffix)?.parse::<u32>().ok());
            let Some(index) = index else { continue };
            let bytes = file::read_bounded(&path, MAX_RECORD_BYTES)
                .map_err(|error| Failure::file(&path, &error))?;
            let record: T = serde_json::from_slice(&bytes).map_err(|error| {
                Failure::input(&path, error).remedy("bring the file back from a backup")
            })?;
            if index_of(&record) != index {
                return Err(Failure::input(&path, "is the record of another deal"));
            }
            records.push(record);
        }
        records.sort_unstable_by_key(index_of);
        Ok(records)
    }

    /// The deal that a person named by its id, the beginning of it, or its index.
    ///
    /// # Errors
    /// When none or more than one fits.
    pub fn find(&self, named: &str) -> Result<DealRecord, Failure> {
        let all = self.all()?;
        let exact = all
            .iter()
            .find(|record| record.index.to_string() == named || record.deal.to_string() == named);
        if let Some(record) = exact {
            return Ok(record.clone());
        }
        let mut fitting = all.iter().filter(|record| record.deal.to_string().starts_with(named));
        match (fitting.next(), fitting.next(), named.len() >= 6) {
            (Some(record), None, true) => Ok(record.clone()),
            _ => Err(Failure::usage(format!("`{named}` is not a deal of {}", self.root.display()))
                .remedy("`galen deal list` shows your deals; give an index, an id, or at least six of its first digits")),
        }
    }

    /// Writes a record, synced.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn update(&self, record: &DealRecord) -> Result<(), Failure> {
        self.write(&self.path(record.index), record)
    }

    /// Writes the record of a standing request, synced.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn update_standing(&self, record: &StandingRecord) -> Result<(), Failure> {
        self.write(&self.standing_path(record.index), record)
    }

    fn write(&self, path: &Path, record: &impl Serialize) -> Result<(), Failure> {
        file::private_directory(&self.root).map_err(|error| Failure::file(&self.root, &error))?;
        file::replace(path, &encoded(record)?).map_err(|error| Failure::file(path, &error))
    }

    /// The next number of a deal or a standing request: no key is ever used for two of them. While it
    /// is held, every other purchase of this wallet waits, of this program or another, so that no two
    /// take the same number, or the same nonce of an account.
    ///
    /// # Errors
    /// When the folder cannot be read or locked, or no number is left.
    pub(crate) fn next_number(&self) -> Result<Number, Failure> {
        file::private_directory(&self.root).map_err(|error| Failure::file(&self.root, &error))?;
        let path = self.root.join(LOCK_FILE);
        let lock = file::lock(&path).map_err(|error| Failure::file(&path, &error))?;
        self.require_recovered()?;
        let deal = self.all()?.last().map(|record| record.index);
        let standing = self.standings()?.last().map(|record| record.index);
        let next = deal.max(standing).map_or(Some(0), |index| index.checked_add(1));
        let index = next.ok_or_else(|| {
            Failure::new(Exit::Failure, "deal.index", "this wallet has no deal left to number")
        })?;
        Ok(Number { index, _lock: lock })
    }
}

/// A number that nothing of the wallet has yet. Others wait for theirs while it is there.
#[derive(Debug)]
pub(crate) struct Number {
    /// The number.
    pub index: u32,
    /// Let go of when the number is.
    _lock: File,
}

impl DealStore {
    /// Keeps the record of a deal, durably, before something is sent that opens it.
    ///
    /// # Errors
    /// As [`DealStore::kept_while_sent`].
    pub(crate) fn while_sent<T>(
        &self,
        session: &Session,
        number: &Number,
        record: &DealRecord,
        send: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.kept_while_sent(session, &self.path(number.index), record, send)
    }

    /// Keeps the record of a standing request, durably, before the request is sent.
    ///
    /// # Errors
    /// As [`DealStore::kept_while_sent`].
    pub(crate) fn while_posted<T>(
        &self,
        session: &Session,
        number: &Number,
        record: &StandingRecord,
        send: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.kept_while_sent(session, &self.standing_path(number.index), record, send)
    }

    /// Keeps a new record, durably, before something is sent. If the ledger refuses it, the record goes;
    /// if its fate is unknown, it stays, as it may still come into a block.
    ///
    /// # Errors
    /// When there is a record already or it cannot be written, and what sending returns.
    fn kept_while_sent<T>(
        &self,
        session: &Session,
        path: &Path,
        record: &impl Serialize,
        send: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if session.is_dry_run() {
            return send();
        }
        file::create(path, &encoded(record)?).map_err(|error| Failure::file(path, &error))?;
        send().inspect_err(|failure| {
            if failure.exit() != Exit::Unreachable {
                // A record that stays by mistake names a deal that is not there, and harms nobody.
                let _ = fs::remove_file(path);
            }
        })
    }
}

fn encoded(record: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec_pretty(record)
        .map_err(|error| Failure::new(Exit::Failure, "deal.record", error.to_string()))
}

/// What is to be bought, and how it is paid.
#[derive(Clone, Debug)]
pub struct Purchase<'a> {
    /// From whom, and what.
    pub listing: ListingId,
    /// For what.
    pub purpose: Purpose,
    /// The name of the tier; the only one for the purpose if none is named.
    pub tier: Option<&'a str>,
    /// For how many named users; as many as the tier includes if no number is named.
    pub seats: Option<u32>,
    /// What the buyer saw and accepts: the hash of the terms, the licence's text included, and of the
    /// tier, its price included.
    pub agreement: Digest,
    /// The account that pays; it signs too.
    pub payer: &'a AccountKey,
    /// The credential.
    pub credential: &'a HeldCredential,
    /// Whether the buyer holds every ciphertext already.
    pub ready: bool,
}

/// The fee allowance that a request puts aside: what the ledger asks for at least.
///
/// # Errors
/// When the ledger has no such currency.
pub fn allowance(session: &Session, price: &Money) -> Result<Amount, Failure> {
    session
        .currency(&price.currency)?
        .fees
        .deal_allowance()
        .map_err(|error| Failure::new(Exit::RefusedByLedger, "ledger.fee", error.to_string()))
}

/// Requests a deal. Proves with a fresh use of the credential until one is unused.
///
/// # Errors
/// When the credential does not fit, money is missing, or the ledger refuses.
pub fn request(
    session: &Session,
    wallet: &Wallet,
    store: &DealStore,
    prover: &Prover,
    purchase: &Purchase<'_>,
) -> Result<(DealRecord, Done), Failure> {
    let listing = session.client().listing(&purchase.listing)?;
    let offer = &listing.summary.offer;
    let Chosen { tier, seats, price } =
        tier::choose(offer, &purchase.purpose, purchase.tier, purchase.seats)?;
    let agreement = tier.agreement(&offer.terms);
    if agreement != purchase.agreement {
        return Err(Failure::new(
            Exit::RefusedPurchase,
            "purchase.changed",
            "the offer has other terms, another licence or another price by now than what was accepted",
        )
        .remedy("look at the new offer, and repeat if you accept it"));
    }
    let number = store.next_number()?;
    let index = number.index;
    let keys = wallet.deal(index);
    let delivery_key = JubPoint::generator()
        .times(&keys.delivery)
        .map_err(|_| Failure::new(Exit::Key, "key.deal", "the deal's key is not usable"))?;
    let action = Action::RequestDeal(RequestDeal {
        institution: purchase.listing.institution,
        package: purchase.listing.package,
        version: listing.summary.listing.version,
        terms: agreement,
        tier: tier.name,
        seats,
        price: price.clone(),
        purpose: purchase.purpose.clone(),
        allowance: allowance(session, &price)?,
        funding: Funding::Account(account_of(purchase.payer)),
        refund: Refund::Account(account_of(&keys.refund)),
        delivery_key,
        auth_key: account_of(&keys.authorisation),
        ready: purchase.ready,
    });
    let buyer =
        Buyer { session, wallet, prover, credential: purchase.credential, payer: purchase.payer };
    buyer.each_use(&listing, &purchase.purpose, |shown| {
        let present = |transaction: &Transaction| shown.present(transaction);
        let draft = Draft::new(vec![action.clone()], vec![purchase.payer])
            .paid_by(FeePayer::Account(account_of(purchase.payer)), price.currency.clone())
            .showing(&present);
        let transaction = session.build(&draft)?;
        let nullifier = transaction
            .authorization
            .credential
            .as_ref()
            .map(|shown| shown.nullifier)
            .ok_or_else(|| {
                Failure::new(Exit::RefusedProof, "credential.missing", "no credential was shown")
            })?;
        let record = DealRecord {
            index,
            deal: DealId(Hasher::new("galen/deal").value(&nullifier).digest().0),
            listing: purchase.listing,
            price: price.clone(),
            purpose: purchase.purpose.clone(),
            folder: None,
        };
        let done = store.while_sent(session, &number, &record, || session.finish(&transaction))?;
        Ok((record, done))
    })
}

/// Who shows a credential and pays.
#[derive(Clone, Copy)]
pub struct Buyer<'a> {
    /// The node.
    pub session: &'a Session,
    /// The wallet.
    pub wallet: &'a Wallet,
    /// Proves the credential.
    pub prover: &'a Prover,
    /// The credential.
    pub credential: &'a HeldCredential,
    /// The account that pays; it signs too.
    pub payer: &'a AccountKey,
}

impl Buyer<'_> {
    /// Shows the credential for a purpose to a listing's present terms, with one use after the other
    /// until one is unused.
    pub(crate) fn each_use<T>(
        &self,
        listing: &ListingView,
        purpose: &Purpose,
        attempt: impl FnMut(&Shown<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let (session, credential) = (self.session, self.credential);
        let terms = &listing.summary.offer.terms;
        eligibility::require(terms, purpose, &credential.attributes, today(session)?)?;
        let ListingId { institution, package } = listing.summary.listing.id;
        Shown {
            session,
            wallet: self.wallet,
            prover: self.prover,
            credential,
            scope: request_scope(session.chain(), &institution, &package),
            required: &terms.required(purpose),
            j: 0,
        }
        .each_use(attempt)
    }
}

/// Says that the buyer holds every ciphertext and waits for the key. The deal's own allowance pays. A
/// deal that came of a standing request asks for the credential once more.
///
/// # Errors
/// When the credential is missing or does not fit, or what the ledger refuses.
pub fn ready(
    session: &Session,
    wallet: &Wallet,
    record: &DealRecord,
    accredited: Option<(&Prover, &HeldCredential)>,
) -> Result<Done, Failure> {
    let keys = wallet.deal(record.index);
    let draft = Draft::new(vec![Action::Ready(Ready { deal: record.deal })], Vec::new())
        .paid_by(FeePayer::Deal(record.deal), record.price.currency.clone())
        .with_deal_key(&keys.authorisation);
    let Some((prover, credential)) = accredited else { return session.run(&draft) };
    let listing = session.client().listing(&record.listing)?;
    // The terms that were agreed to may not be the present ones: the ledger decides, this only helps.
    let required = listing.summary.offer.terms.required(&record.purpose);
    let shown = Shown {
        session,
        wallet,
        prover,
        credential,
        scope: ready_scope(session.chain(), &record.deal),
        required: &required,
        j: 0,
    };
    shown.each_use(|shown| {
        let present = |transaction: &Transaction| shown.present(transaction);
        session.run(
            &Draft::new(draft.actions.clone(), Vec::new())
                .paid_by(FeePayer::Deal(record.deal), record.price.currency.clone())
                .with_deal_key(&keys.authorisation)
                .showing(&present),
        )
    })
}

/// Whether a deal asks for the credential again before its buyer is ready.
///
/// # Errors
/// When the node cannot be asked.
pub fn asks_again(session: &Session, record: &DealRecord) -> Result<bool, Failure> {
    let deal = session.client().deal(&record.deal)?.deal;
    Ok(matches!(deal.origin, Origin::Standing { .. }))
}

/// Why a deal was refunded, in words.
pub(crate) fn ended(why: &Termination) -> String {
    use Termination as T;
    match why {
        T::Refused { reason } => {
            format!("the institution refused the request: {}", printable(reason.as_str()))
        }
        T::NotReviewed => "the institution did not review the request in time".to_owned(),
        T::NotReady => "the buyer was not ready in time".to_owned(),
        T::NoSeat => {
            "the institution had no bond, no place or no licence left for the deal".to_owned()
        }
        T::NotDelivered => "the key was not delivered in time".to_owned(),
        T::Disputed { segment, defect } => {
            format!("segment {segment} is not what was listed ({defect:?})")
        }
        T::TermsRefuse => {
            "the terms do not cover the purpose; nothing but the fee was taken".to_owned()
        }
        T::TakenDown => {
            "the registrars took the listing down before the buyer was ready".to_owned()
        }
        T::PackageRefunded => {
            "another buyer's dispute about the same package was upheld".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use galen_market::id::AccountId;

    use super::*;

    #[test]
    fn records_are_kept_and_found() {
        let home = tempfile::tempdir().unwrap();
        let store = DealStore::of(home.path());
        assert_eq!(store.all().unwrap(), []);
        let mut record = DealRecord {
            index: store.next_number().unwrap().index,
            deal: DealId([0xab; 32]),
            listing: ListingId {
                institution: AccountId([1; 32]),
                package: galen_market::id::PackageId([2; 32]),
            },
            price: Money { currency: "EUR".parse().unwrap(), amount: Amount::new(5) },
            purpose: Purpose::new(galen_market::terms::PurposeKind::Health, None),
            folder: None,
        };
        store.update(&record).unwrap();
        assert_eq!(store.next_number().unwrap().index, 1);
        record.folder = Some("/somewhere".into());
        store.update(&record).unwrap();
        assert_eq!(store.find("0").unwrap(), record);
        assert_eq!(store.find("abababab").unwrap(), record);
        assert_eq!(store.find("abab").unwrap_err().exit(), Exit::Usage);
        fs::write(home.path().join("deals/1.json"), b"{").unwrap();
        assert_eq!(store.all().unwrap_err().exit(), Exit::Input);
    }
}
