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
//! Depends on the session and the wallet. [`decide`] is the whole judgement, as a pure function.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use galen_api::{DealView, Status, TransactionState};
use galen_market::action::Action;
use galen_market::action::trade::Deliver;
use galen_market::codec::Bytes;
use galen_market::deal::{Deal, Stage};
use galen_market::fee::FeePayer;
use galen_market::id::{AccountId, DealId};
use galen_market::transaction::Transaction;
use galen_zk::circuit::key_envelope::{KeyEnvelope, seal};
use galen_zk::keys::Prover;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};

use crate::error::{Exit, Failure};
use crate::operation::store::PackageStore;
use crate::session::{Draft, FINAL_TIMEOUT, Session};
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
    institution: AccountId,
    packages: PackageStore,
    envelopes: PathBuf,
    _lock: File,
}

impl<'a> Agent<'a> {
    /// Takes the lock of a home directory.
    ///
    /// # Errors
    /// When another agent runs there, or the directory cannot be written.
    pub fn new(
        session: &'a Session,
        wallet: &'a Wallet,
        prover: &'a Prover,
        institution: AccountId,
        home: &Path,
    ) -> Result<Self, Failure> {
        let root = home.join("agent");
        let envelopes = root.join("envelopes");
        file::private_directory(&envelopes).map_err(|error| Failure::file(&envelopes, &error))?;
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
        Ok(Self {
            session,
            wallet,
            prover,
            institution,
            packages: PackageStore::of(home),
            envelopes,
            _lock: lock,
        })
    }

    /// Looks at every ready deal once.
    ///
    /// # Errors
    /// When the node cannot be asked. What concerns one deal only is a [`Deed::Failed`].
    pub fn step(&self) -> Result<Vec<Deed>, Failure> {
        let deals = self.session.client().deals_of_institution(&self.institution, Stage::Ready)?;
        let mut deeds = Vec::with_capacity(deals.len());
        for deal in deals {
            let id = deal.id;
            deeds.push(self.serve(&deal).unwrap_or_else(|error| {
                let advice =
                    error.advice().map(|advice| format!(" ({advice})")).unwrap_or_default();
                Deed::Failed { deal: id, error: format!("{error}{advice}") }
            }));
        }
        Ok(deeds)
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
            std::thread::sleep(every);
        }
        Ok(())
    }

    fn serve(&self, deal: &Deal) -> Result<Deed, Failure> {
        if let Err(why) = self.may_deliver(&deal.id)? {
            return Ok(Deed::Held { deal: deal.id, why });
        }
        let (transaction, again) = self.envelope(deal)?;
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

    /// The one envelope of a deal, and whether it had been made before. It is on the disk, synced,
    /// when this returns.
    ///
    /// # Errors
    /// When the package's key is not here, or the envelope cannot be proven or kept.
    pub fn envelope(&self, deal: &Deal) -> Result<(Transaction, bool), Failure> {
        match self.made(&deal.id)? {
            Some(transaction) => Ok((transaction, true)),
            None => Ok((self.make(deal)?, false)),
        }
    }

    /// Waits until the envelopes that were sent are final.
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

    /// Forgets the envelopes of deals that are over.
    ///
    /// # Errors
    /// When the directory or the node cannot be read.
    pub fn tidy(&self) -> Result<usize, Failure> {
        let failed = |error: std::io::Error| Failure::file(&self.envelopes, &error);
        let mut removed = 0;
        for entry in fs::read_dir(&self.envelopes).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .and_then(|name| name.parse::<DealId>().ok());
            let Some(deal) = name else { continue };
            if self.session.client().deal(&deal)?.deal.stage.is_final() {
                fs::remove_file(&path).map_err(|error| Failure::file(&path, &error))?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

#[cfg(test)]
mod tests;
