//! The institution's agent: watches the deals of one institution, proves and delivers keys, and never
//! does it twice or too late.
//!
//! An envelope that can be read by others but is not executed in time would give the data away and
//! the money back. So an agent
//! - delivers only a deal that is ready, and only with [`MARGIN_MS`] of up-time left;
//! - sends only through a node that has the newest block it knows of, and whose ledger moves;
//! - makes one envelope a deal: it is on the disk, synced, before it is sent, and only those bytes
//!   are ever sent again;
//! - runs once for a home directory.
//!
//! It signs only what its [`policy`] allows; what it does not allow is left for a person, who is called
//! by a [`webhook`]. No policy reaches past the rules above. Many deals are served at a time, each by one
//! thread.
//!
//! Depends on the session and the wallet. [`decide`] is the whole judgement of time, as a pure function.

mod day;
pub mod policy;
pub mod webhook;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use galen_api::{DealView, Status, TransactionState};
use galen_market::action::Action;
use galen_market::action::trade::{Deliver, ReviewDeal};
use galen_market::codec::Bytes;
use galen_market::deal::{Deal, Stage};
use galen_market::fee::FeePayer;
use galen_market::id::{AccountId, DealId};
use galen_market::identity::presentation::DAY_MS;
use galen_market::transaction::Transaction;
use galen_zk::circuit::key_envelope::{KeyEnvelope, seal};
use galen_zk::keys::Prover;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};

use self::day::Today;
use self::policy::{Need, Policy, Rule, Verdict};
use self::webhook::{Call, Caller, HookKey, Told, event};
use crate::error::{Exit, Failure};
use crate::operation::store::PackageStore;
use crate::session::{Draft, FINAL_TIMEOUT, Session, account_of};
use crate::wallet::derive::AccountKey;
use crate::wallet::{Wallet, file};

/// Up-time that must be left before a deal's deadline, in milliseconds, unless the ledger's own time
/// for deliveries is so short that a quarter of it is less.
pub const MARGIN_MS: u64 = 30_000;
/// How far the node's clock may be ahead of its newest block, beyond a heartbeat, in milliseconds.
const STALE_MS: u64 = 15_000;
const MAX_ENVELOPE_BYTES: u64 = 1 << 16;

/// What an agent did about one deal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "did", rename_all = "snake_case")]
pub enum Deed {
    /// Sent the envelope, for the first time or again.
    Delivered {
        /// The deal.
        deal: DealId,
        /// Whether the envelope had been made before.
        again: bool,
    },
    /// Left it alone.
    Held {
        /// The deal.
        deal: DealId,
        /// Why.
        why: Hold,
    },
    /// Reviewed the request by a rule of the policy.
    Reviewed {
        /// The deal.
        deal: DealId,
        /// Whether it was accepted.
        accepted: bool,
    },
    /// Left it for a person.
    Waits {
        /// The deal.
        deal: DealId,
        /// Why.
        need: Need,
    },
    /// Could not deliver it; it is tried again.
    Failed {
        /// The deal.
        deal: DealId,
        /// Why.
        error: String,
    },
}

/// Why a ready deal is not delivered now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// The buyer is not ready, or the deal is over.
    NotReady,
    /// Less than the margin is left: the buyer is refunded and compensated.
    TooLate,
    /// The node is behind, stopped, or hears from no ledger that moves.
    NodeBehind,
}

/// The up-time that a delivery must leave before its deadline.
#[must_use]
pub fn margin_ms(deliver_ms: u64) -> u64 {
    MARGIN_MS.min(deliver_ms / 4)
}

/// Whether a deal may be delivered now through this node.
///
/// # Errors
/// Why not.
pub fn decide(
    deal: &DealView,
    status: &Status,
    max_idle_ms: u64,
    deliver_ms: u64,
) -> Result<(), Hold> {
    if deal.deal.stage != Stage::Ready {
        return Err(Hold::NotReady);
    }
    let behind = status.network_height > status.height;
    let stale =
        status.clock_ms.saturating_sub(status.time_ms) > max_idle_ms.saturating_add(STALE_MS);
    if !status.fresh || behind || stale || status.stopped.is_some() {
        return Err(Hold::NodeBehind);
    }
    // Up-time goes on between blocks, though the state does not show it yet.
    let idle = status.clock_ms.saturating_sub(status.time_ms).min(max_idle_ms);
    let now = status.uptime_ms.max(deal.uptime_ms).saturating_add(idle);
    let left = deal.deal.deadline_ms.unwrap_or(0).saturating_sub(now);
    if left <= margin_ms(deliver_ms) { Err(Hold::TooLate) } else { Ok(()) }
}

/// An agent of one institution.
pub struct Agent<'a> {
    session: &'a Session,
    wallet: &'a Wallet,
    prover: &'a Prover,
    key: &'a AccountKey,
    institution: AccountId,
    packages: PackageStore,
    envelopes: PathBuf,
    notified: PathBuf,
    policy: Policy,
    today: Today,
    caller: Option<Caller>,
    called: Mutex<BTreeSet<String>>,
    _lock: File,
}

impl<'a> Agent<'a> {
    /// Takes the lock of a home directory.
    ///
    /// # Errors
    /// When another agent runs there, the directory cannot be written, or the webhook has no key.
    pub fn new(
        session: &'a Session,
        wallet: &'a Wallet,
        prover: &'a Prover,
        key: &'a AccountKey,
        home: &Path,
        policy: Policy,
    ) -> Result<Self, Failure> {
        let root = home.join("agent");
        let (envelopes, notified) = (root.join("envelopes"), root.join("notified"));
        for folder in [&envelopes, &notified] {
            file::private_directory(folder).map_err(|error| Failure::file(folder, &error))?;
        }
        let path = root.join("lock");
        let lock = File::create(&path).map_err(|error| Failure::file(&path, &error))?;
        lock.try_lock().map_err(|_| {
            Failure::new(
                Exit::Failure,
                "agent.running",
                format!("{}: another agent runs here", path.display()),
            )
            .remedy("stop it first; two agents could make two envelopes for one deal")
        })?;
        let caller = match &policy.webhook {
            None => None,
            Some(hook) => {
                let key = match &hook.key_file {
                    Some(path) => HookKey::read(path)?,
                    None => HookKey::from(wallet),
                };
                Some(Caller::start(hook, key))
            }
        };
        Ok(Self {
            session,
            wallet,
            prover,
            key,
            institution: account_of(key),
            packages: PackageStore::of(home),
            today: Today::open(&root)?,
            envelopes,
            notified,
            policy,
            caller,
            called: Mutex::default(),
            _lock: lock,
        })
    }

    /// Looks at every ready deal and every request for review once.
    ///
    /// # Errors
    /// When the node cannot be asked. What concerns one deal only is a [`Deed::Failed`].
    pub fn step(&self) -> Result<Vec<Deed>, Failure> {
        let client = self.session.client();
        let ready = client.deals_of_institution(&self.institution, Stage::Ready)?;
        let mut deeds = self.all(&ready, &|deal| self.serve(deal));
        // Reviews are signed by one account, whose nonces are in order.
        let requested = client.deals_of_institution(&self.institution, Stage::Requested)?;
        for deal in &requested {
            deeds.push(self.review(deal).unwrap_or_else(|error| failed(deal.id, &error)));
        }
        for (deal, deed) in ready.iter().chain(&requested).zip(&deeds) {
            let need = match deed {
                Deed::Waits { need, .. } => *need,
                Deed::Held { why: Hold::TooLate, .. } => Need::TooLate,
                Deed::Failed { .. } => Need::Failed,
                _ => continue,
            };
            // A node that cannot be asked about a deal is no reason to call a person: the next look
            // finds it again.
            let _ = self.call(deal, need);
        }
        Ok(deeds)
    }

    /// Serves deals, each by one thread, so many at a time as the policy says.
    fn all(
        &self,
        deals: &[Deal],
        serve: &(dyn Fn(&Deal) -> Result<Deed, Failure> + Sync),
    ) -> Vec<Deed> {
        let next = AtomicUsize::new(0);
        let deeds = Mutex::new(vec![None; deals.len()]);
        let work = || {
            while let Some((at, deal)) = {
                let at = next.fetch_add(1, Ordering::Relaxed);
                deals.get(at).map(|deal| (at, deal))
            } {
                let deed = serve(deal).unwrap_or_else(|error| failed(deal.id, &error));
                if let Some(slot) = deeds.lock().unwrap_or_else(PoisonError::into_inner).get_mut(at)
                {
                    *slot = Some(deed);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..self.policy.concurrency.min(deals.len()) {
                scope.spawn(work);
            }
        });
        deeds.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().flatten().collect()
    }

    /// Steps until `stop` says so, telling what was done.
    ///
    /// # Errors
    /// Never for a node that cannot be reached: that is told, and tried again.
    pub fn run(
        &self,
        every: Duration,
        stop: &dyn Fn() -> bool,
        tell: &dyn Fn(Result<&Deed, &Failure>),
    ) -> Result<(), Failure> {
        let mut last: Vec<Deed> = Vec::new();
        while !stop() {
            match self.step() {
                Ok(deeds) => {
                    for deed in deeds.iter().filter(|deed| !last.contains(deed)) {
                        tell(Ok(deed));
                    }
                    last = deeds;
                }
                Err(failure) => tell(Err(&failure)),
            }
            for failure in self.heard()? {
                tell(Err(&failure));
            }
            std::thread::sleep(every);
        }
        Ok(())
    }

    /// Delivers the key of one deal, if it may be delivered now.
    ///
    /// # Errors
    /// When the node cannot be asked, and as [`Agent::envelope`].
    pub fn serve(&self, deal: &Deal) -> Result<Deed, Failure> {
        if let Err(why) = self.may_deliver(&deal.id)? {
            return Ok(Deed::Held { deal: deal.id, why });
        }
        let (transaction, again) = match self.envelope(deal)? {
            Ok(envelope) => envelope,
            Err(need) => return Ok(Deed::Waits { deal: deal.id, need }),
        };
        // Making the proof took time.
        if let Err(why) = self.may_deliver(&deal.id)? {
            return Ok(Deed::Held { deal: deal.id, why });
        }
        let bytes = transaction.encode();
        let submitted = self.session.client().submit(&bytes)?;
        if let TransactionState::Dropped { reason } = submitted.state {
            return Ok(Deed::Failed { deal: deal.id, error: reason });
        }
        Ok(Deed::Delivered { deal: deal.id, again })
    }

    /// The one envelope of a deal, and whether it had been made before; or why the policy makes none. It
    /// is on the disk, synced, when this returns. One that was made is good whatever the policy says by
    /// now: it may have been sent.
    ///
    /// # Errors
    /// When the package's key is not here, or the envelope cannot be proven or kept.
    pub fn envelope(&self, deal: &Deal) -> Result<Result<(Transaction, bool), Need>, Failure> {
        if let Some(transaction) = self.made(&deal.id)? {
            return Ok(Ok((transaction, true)));
        }
        if let Err(need) = self.policy.delivers(deal) {
            return Ok(Err(need));
        }
        let day = self.session.status()?.clock_ms / DAY_MS;
        if let Err(need) = self.today.take(&self.policy, day, deal.id, deal.listing.package)? {
            return Ok(Err(need));
        }
        Ok(Ok((self.make(deal)?, false)))
    }

    /// Reviews a request, if a rule of the policy does.
    fn review(&self, deal: &Deal) -> Result<Deed, Failure> {
        let Rule { decide, reason, .. } = match self.policy.reviews(deal) {
            Ok(rule) => rule,
            Err(need) => return Ok(Deed::Waits { deal: deal.id, need }),
        };
        let accept = *decide == Verdict::Accept;
        let action = ReviewDeal {
            institution: self.institution,
            deal: deal.id,
            accept,
            reason: reason.clone(),
        };
        self.session.transact(vec![Action::ReviewDeal(action)], &[self.key])?;
        Ok(Deed::Reviewed { deal: deal.id, accepted: accept })
    }

    /// Waits until the envelopes that were sent are final, and the calls that wait were tried.
    ///
    /// # Errors
    /// When one was given up, or nothing is decided in time.
    pub fn wait(&self, deeds: &[Deed]) -> Result<(), Failure> {
        for deed in deeds {
            if let Deed::Delivered { deal, .. } = deed
                && let Some(transaction) = self.made(deal)?
            {
                self.session.client().wait_final(&transaction.id(), FINAL_TIMEOUT)?;
            }
        }
        Ok(())
    }

    /// Calls a person about a deal, once for each need: what was taken by the receiver is remembered on
    /// the disk, what could not be told is told again after a restart.
    fn call(&self, deal: &Deal, need: Need) -> Result<(), Failure> {
        let Some(caller) = &self.caller else { return Ok(()) };
        let event = event(&deal.id, need);
        let mut called = self.called.lock().unwrap_or_else(PoisonError::into_inner);
        if called.contains(&event) || self.notified.join(&event).is_file() {
            return Ok(());
        }
        let view = self.session.client().deal(&deal.id)?;
        let remedy = match need {
            Need::Review => format!("galen deal review {}", deal.id),
            Need::Package | Need::Price | Need::Limit => {
                "change the policy, if the deal is to be delivered; it is looked at again".to_owned()
            }
            Need::Failed => "look at the agent's messages".to_owned(),
            Need::TooLate => {
                "find out why; the listings take no requests until the institution signs that it is back: galen dataset resume".to_owned()
            }
        };
        let call = Call {
            event: event.clone(),
            need,
            words: need.words().to_owned(),
            chain: self.session.chain(),
            institution: self.institution,
            deal: deal.id,
            package: deal.listing.package,
            price: deal.price.clone(),
            remaining_ms: view.remaining_ms,
            remedy,
        };
        // A full queue is asked again at the next look.
        if caller.call(call) {
            called.insert(event);
        }
        Ok(())
    }

    /// Remembers the calls that were taken, and gives those that were not.
    fn heard(&self) -> Result<Vec<Failure>, Failure> {
        self.remember(self.caller.as_ref().map(Caller::told).unwrap_or_default())
    }

    fn remember(&self, told: Vec<Told>) -> Result<Vec<Failure>, Failure> {
        let mut failures = Vec::new();
        for told in told {
            match told {
                Told::Yes(event) => {
                    let path = self.notified.join(&event);
                    file::replace(&path, b"").map_err(|error| Failure::file(&path, &error))?;
                }
                Told::No { event, why } => failures.push(
                    Failure::new(Exit::Failure, "agent.webhook", format!("{event}: {why}"))
                        .remedy("look at the receiver; the call is made again after a restart"),
                ),
            }
        }
        Ok(failures)
    }

    /// Ends the calls, and says which were not taken.
    ///
    /// # Errors
    /// When it cannot be written down which were.
    pub fn finish(mut self) -> Result<Vec<Failure>, Failure> {
        let told = self.caller.take().map(Caller::finish).unwrap_or_default();
        self.remember(told)
    }

    fn may_deliver(&self, deal: &DealId) -> Result<Result<(), Hold>, Failure> {
        let status = self.session.status()?;
        let view = self.session.client().deal(deal)?;
        let parameters = self.session.parameters();
        Ok(decide(&view, &status, parameters.max_idle_ms, parameters.deliver_ms))
    }

    fn path(&self, deal: &DealId) -> PathBuf {
        self.envelopes.join(deal.to_string())
    }

    /// The envelope that was made before, if there is one.
    fn made(&self, deal: &DealId) -> Result<Option<Transaction>, Failure> {
        let path = self.path(deal);
        let bytes = match file::read_bounded(&path, MAX_ENVELOPE_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::file(&path, &error)),
        };
        let transaction = Transaction::decode(&bytes).map_err(|error| {
            Failure::input(&path, error).remedy("bring the file back from a backup")
        })?;
        let ours = matches!(transaction.actions.first(), Some(Action::Deliver(deliver)) if deliver.deal == *deal);
        if ours {
            Ok(Some(transaction))
        } else {
            Err(Failure::input(&path, "is the envelope of another deal"))
        }
    }

    fn make(&self, deal: &Deal) -> Result<Transaction, Failure> {
        let secret = self.packages.secret(self.wallet, &deal.listing.package)?;
        let (public, witness) =
            seal(secret.key.scalar(), &deal.delivery_key, Deal::scalar(&deal.id), &mut OsRng);
        let unproven = |what: String| Failure::new(Exit::RefusedProof, "agent.envelope", what);
        let proof = self
            .prover
            .prove(&KeyEnvelope::default(), &public, &witness, &mut OsRng)
            .map_err(|error| unproven(error.to_string()))?;
        let proof = borsh::to_vec(&proof).map_err(|error| unproven(error.to_string()))?;
        let action = Action::Deliver(Deliver {
            deal: deal.id,
            ephemeral: public.ephemeral,
            ciphertext: public.ciphertext,
            proof: Bytes::new(proof).map_err(|_| unproven("the proof is too long".to_owned()))?,
        });
        let draft = Draft::new(vec![action], Vec::new())
            .paid_by(FeePayer::Deal(deal.id), deal.price.currency.clone())
            .without_expiry();
        let transaction = self.session.build(&draft)?;
        let path = self.path(&deal.id);
        file::create(&path, &transaction.encode()).map_err(|error| Failure::file(&path, &error))?;
        Ok(transaction)
    }

    /// Forgets the envelopes and the calls of deals that are over.
    ///
    /// # Errors
    /// When the directory or the node cannot be read.
    pub fn tidy(&self) -> Result<usize, Failure> {
        let mut removed = 0;
        for folder in [&self.envelopes, &self.notified] {
            let unreadable = |error: std::io::Error| Failure::file(folder, &error);
            for entry in fs::read_dir(folder).map_err(unreadable)? {
                let path = entry.map_err(unreadable)?.path();
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                // An envelope is named by its deal, a call by its deal and what it was about.
                let name = name.split_once('-').map_or(name, |(deal, _)| deal);
                let Ok(deal) = name.parse::<DealId>() else { continue };
                if self.session.client().deal(&deal)?.deal.stage.is_final() {
                    fs::remove_file(&path).map_err(|error| Failure::file(&path, &error))?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }
}

fn failed(deal: DealId, error: &Failure) -> Deed {
    let advice = error.advice().map(|advice| format!(" ({advice})")).unwrap_or_default();
    Deed::Failed { deal, error: format!("{error}{advice}") }
}

#[cfg(test)]
mod tests;
