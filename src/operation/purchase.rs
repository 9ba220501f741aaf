//! Buying: a request that shows a credential, and what the buyer keeps of it.
//!
//! Kept below the home directory is `deals/<index>.json`, public data only: every secret of a deal
//! derives from the wallet's seed and the deal's index. The record is on the disk before the request
//! is sent, so that no key to which a dataset could be encrypted is ever lost or used twice.

use std::fs;
use std::path::{Path, PathBuf};

use galen_api::ListingView;
use galen_market::action::Action;
use galen_market::action::trade::{Ready, RequestDeal};
use galen_market::amount::{Amount, Money};
use galen_market::codec::{Bounded, Bytes};
use galen_market::fee::FeePayer;
use galen_market::id::{DealId, Digest, Hasher};
use galen_market::identity::Standing;
use galen_market::identity::presentation::{
    DAY_MS, IssuerRoot, Presentation, message_scalar, request_scope,
};
use galen_market::listing::ListingId;
use galen_market::payment::{Funding, Refund};
use galen_market::terms::Purpose;
use galen_market::transaction::Transaction;
use galen_zk::circuit::credential::{
    Credential, CredentialPublic, CredentialRequest, CredentialWitness, Disclosed, ROOTS, leaf,
};
use galen_zk::field::Scalar;
use galen_zk::hash::holder;
use galen_zk::keys::Prover;
use galen_zk::merkle::LeafTree;
use galen_zk::point::JubPoint;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};

use super::credential::{Credential as HeldCredential, HOLDER_INDEX};
use super::eligibility;
use super::tier::{self, Chosen};
use crate::error::{Exit, Failure};
use crate::session::{Done, Draft, Session, account_of};
use crate::wallet::derive::AccountKey;
use crate::wallet::{Wallet, file};

const MAX_RECORD_BYTES: u64 = 1 << 16;

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
        self.root.join(format!("{index}.json"))
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
                .and_then(|name| name.to_str()?.strip_suffix(".json")?.parse::<u32>().ok());
            let Some(index) = index else { continue };
            let bytes = file::read_bounded(&path, MAX_RECORD_BYTES)
                .map_err(|error| Failure::file(&path, &error))?;
            let record: DealRecord = serde_json::from_slice(&bytes).map_err(|error| {
                Failure::input(&path, error).remedy("bring the file back from a backup")
            })?;
            if record.index != index {
                return Err(Failure::input(&path, "is the record of another deal"));
            }
            records.push(record);
        }
        records.sort_unstable_by_key(|record| record.index);
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
        file::private_directory(&self.root).map_err(|error| Failure::file(&self.root, &error))?;
        let path = self.path(record.index);
        let bytes = serde_json::to_vec_pretty(record)
            .map_err(|error| Failure::new(Exit::Failure, "deal.record", error.to_string()))?;
        file::replace(&path, &bytes).map_err(|error| Failure::file(&path, &error))
    }

    pub(crate) fn next_index(&self) -> Result<u32, Failure> {
        let last = self.all()?.last().map(|record| record.index);
        last.map_or(Some(0), |index| index.checked_add(1)).ok_or_else(|| {
            Failure::new(Exit::Failure, "deal.index", "this wallet has no deal left to number")
        })
    }
}

impl DealStore {
    /// Keeps a record, durably, before something is sent that opens the deal. If the ledger refuses it,
    /// the record goes; if its fate is unknown, it stays, as it may still come into a block.
    ///
    /// # Errors
    /// When the record cannot be written, and what sending returns.
    pub(crate) fn while_sent<T>(
        &self,
        session: &Session,
        record: &DealRecord,
        send: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if session.is_dry_run() {
            return send();
        }
        self.update(record)?;
        send().inspect_err(|failure| {
            if failure.exit() != Exit::Unreachable {
                // A record that stays by mistake names a deal that is not there, and harms nobody.
                let _ = fs::remove_file(self.path(record.index));
            }
        })
    }
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
    /// Hash of the licence's text that the buyer accepts.
    pub licence: Digest,
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
    store.require_recovered()?;
    let listing = session.client().listing(&purchase.listing)?;
    let offer = &listing.summary.offer;
    if offer.terms.licence_text != purchase.licence {
        return Err(Failure::new(
            Exit::RefusedPurchase,
            "purchase.licence",
            "the offer has another licence by now than the one that was accepted",
        )
        .remedy("repeat the command, and read the new licence"));
    }
    let Chosen { tier, seats, price } =
        tier::choose(offer, &purchase.purpose, purchase.tier, purchase.seats)?;
    let index = store.next_index()?;
    let keys = wallet.deal(index);
    let delivery_key = JubPoint::generator()
        .times(&keys.delivery)
        .map_err(|_| Failure::new(Exit::Key, "key.deal", "the deal's key is not usable"))?;
    let action = Action::RequestDeal(RequestDeal {
        institution: purchase.listing.institution,
        package: purchase.listing.package,
        version: listing.summary.listing.version,
        terms: tier.agreement(&offer.terms),
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
        let done = store.while_sent(session, &record, || session.finish(&transaction))?;
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
    /// Tries with one use of the credential after the other until one is unused: an earlier request,
    /// perhaps from another machine, may have taken some.
    pub(crate) fn each_use<T>(
        &self,
        listing: &ListingView,
        purpose: &Purpose,
        mut attempt: impl FnMut(&Shown<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let last = self.session.parameters().requests_per_credential.saturating_sub(1);
        let mut j = 0;
        loop {
            match attempt(&Shown { buyer: self, listing, purpose, j }) {
                Err(failure) if failure.code() == "ledger.nullifier_used" && j < last => j += 1,
                done => return done,
            }
        }
    }
}

/// One attempt to show a credential.
pub(crate) struct Shown<'a> {
    buyer: &'a Buyer<'a>,
    listing: &'a ListingView,
    purpose: &'a Purpose,
    j: u16,
}

impl Shown<'_> {
    /// The credential, shown for the action of a transaction whose message is complete.
    pub(crate) fn present(&self, transaction: &Transaction) -> Result<Presentation, Failure> {
        let held = self.buyer.credential;
        let secret = Scalar(*self.buyer.wallet.credential(HOLDER_INDEX));
        let day = u32::try_from(self.buyer.session.status()?.time_ms / DAY_MS).unwrap_or(u32::MAX);
        let terms = &self.listing.summary.offer.terms;
        eligibility::require(terms, self.purpose, &held.attributes, day)?;
        let required = terms.required(self.purpose);
        let disclosed = Disclosed {
            institution: required.institution.then_some(held.attributes.institution),
            ..Disclosed::default()
        };
        let own = leaf(holder(secret.0), &held.attributes);
        let (root, leaves) = self.buyer.session.client().leaves(&held.issuer)?;
        let place = leaves.iter().position(|leaf| leaf.0 == own).ok_or_else(|| {
            Failure::new(
                Exit::RefusedPurchase,
                "credential.not_listed",
                format!(
                    "the issuer {} lists no such credential: it was revoked, or never inserted",
                    held.issuer
                ),
            )
            .remedy("ask the issuer, or use another credential")
        })?;
        let leaves: Vec<_> = leaves.iter().map(|leaf| leaf.0).collect();
        let tree = LeafTree::from_leaves(&leaves).filter(|tree| tree.root() == root.0).ok_or_else(
            || {
                Failure::new(
                    Exit::Failure,
                    "node.answer",
                    "the issuer's leaves do not give its root",
                )
            },
        )?;
        let path = tree.path(place as u64).ok_or_else(|| {
            Failure::new(Exit::Failure, "node.answer", "the issuer's list is too long")
        })?;
        let roots = self.roots(IssuerRoot { issuer: held.issuer, root })?;
        let scope = request_scope(
            self.buyer.session.chain(),
            &self.listing.summary.listing.id.institution,
            &self.listing.summary.listing.id.package,
        );
        let last = roots.last().map_or(root, |named| named.root);
        let mut list = [last; ROOTS];
        for (place, named) in list.iter_mut().zip(&roots) {
            *place = named.root;
        }
        let request = CredentialRequest {
            roots: list,
            opener: self.buyer.session.genesis().opener,
            day,
            purposes: required.purposes,
            countries: required.countries.clone(),
            disclosed,
            scope,
            j_limit: self.buyer.session.parameters().requests_per_credential,
            message: message_scalar(&transaction.message()),
        };
        let witness = CredentialWitness {
            secret,
            attributes: held.attributes,
            path,
            j: self.j,
            randomness: ark_ff::UniformRand::rand(&mut OsRng),
        };
        let refused = |what: String| {
            Failure::new(Exit::RefusedProof, "credential.unproven", what)
                .remedy("check that the credential is yours and covers what you ask for")
        };
        let public = CredentialPublic::answer(request, &witness)
            .map_err(|error| refused(error.to_string()))?;
        let proof = self
            .prover
            .prove(&Credential::default(), &public, &witness, &mut OsRng)
            .map_err(|error| refused(error.to_string()))?;
        let bytes = borsh::to_vec(&proof).map_err(|error| refused(error.to_string()))?;
        Ok(Presentation {
            roots,
            day,
            purposes: required.purposes,
            countries: required.countries,
            disclosed,
            j_limit: public.request.j_limit,
            nullifier: public.nullifier,
            opening: public.opening,
            proof: Bytes::new(bytes).map_err(|_| refused("the proof is too long".to_owned()))?,
        })
    }

    /// The own issuer's root among those of up to fifteen others, in an order that tells nothing: the
    /// more issuers are offered, the less the proof says about its holder.
    fn roots(&self, own: IssuerRoot) -> Result<Bounded<IssuerRoot, ROOTS>, Failure> {
        let others = self.buyer.session.client().issuers()?;
        let mut roots: Vec<_> = others
            .iter()
            .filter(|issuer| {
                issuer.account != own.issuer
                    && issuer.tree.live > 0
                    && issuer.party.standing == Standing::Active
            })
            .map(|issuer| IssuerRoot { issuer: issuer.account, root: issuer.tree.root })
            .take(ROOTS - 1)
            .collect();
        roots.push(own);
        roots.sort_unstable_by_key(|named| named.issuer);
        Bounded::new(roots)
            .map_err(|_| Failure::new(Exit::Failure, "credential.roots", "too many issuers"))
    }
}

/// Says that the buyer holds every ciphertext and waits for the key. The deal's own allowance pays.
///
/// # Errors
/// What the ledger refuses.
pub fn ready(session: &Session, wallet: &Wallet, record: &DealRecord) -> Result<Done, Failure> {
    let keys = wallet.deal(record.index);
    session.run(
        &Draft::new(vec![Action::Ready(Ready { deal: record.deal })], Vec::new())
            .paid_by(FeePayer::Deal(record.deal), record.price.currency.clone())
            .with_deal_key(&keys.authorisation),
    )
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
            index: store.next_index().unwrap(),
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
        assert_eq!(store.next_index().unwrap(), 1);
        record.folder = Some("/somewhere".into());
        store.update(&record).unwrap();
        assert_eq!(store.find("0").unwrap(), record);
        assert_eq!(store.find("abababab").unwrap(), record);
        assert_eq!(store.find("abab").unwrap_err().exit(), Exit::Usage);
        fs::write(home.path().join("deals/1.json"), b"{").unwrap();
        assert_eq!(store.all().unwrap_err().exit(), Exit::Input);
    }
}
