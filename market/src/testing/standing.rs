//! What a buyer with a standing request sends.

use super::{Buyer, Researcher, Signing, Simulation, Wallet, euros};
use crate::action::Action;
use crate::action::trade::{CancelStanding, PostStanding, Ready};
use crate::codec::Bounded;
use crate::error::TxError;
use crate::fee::FeePayer;
use crate::id::{DealId, Hasher, StandingId};
use crate::ledger::Receipt;
use crate::payment::{Funding, Refund};
use crate::state_key;
use crate::terms::{Purpose, PurposeKind};
use crate::transaction::Transaction;
use crate::wanted::{StandingRequest, Wanted, period};

impl Simulation {
    /// A standing request for a day of any package of any institution, for research of any kind, at most
    /// for a price; paid by an account and refunded to it.
    ///
    /// # Panics
    /// When the ledger has no currency of tests.
    #[must_use]
    pub fn wanting(&self, funder: &Wallet, buyer: &Buyer, max_price: u64) -> PostStanding {
        let fees = self.genesis.currencies.first().expect("the currency of tests").fees;
        PostStanding {
            period: period(self.head.time_ms),
            wanted: Wanted::default(),
            institutions: Bounded::default(),
            purpose: Purpose::new(PurposeKind::General, None),
            seats: 1,
            max_price: euros(max_price),
            allowance: fees.standing_allowance().expect("small fees"),
            for_ms: 24 * 60 * 60 * 1000,
            funding: Funding::Account(funder.id()),
            refund: Refund::Account(funder.id()),
            delivery_key: buyer.delivery_key,
            auth_key: buyer.auth.id(),
        }
    }

    /// Posts a standing request with a researcher's credential, and gives its name.
    ///
    /// # Errors
    /// The first rule that is broken.
    ///
    /// # Panics
    /// When the credential cannot be proven.
    pub fn post(
        &mut self,
        post: PostStanding,
        funder: &Wallet,
        researcher: &Researcher,
        j: u16,
    ) -> Result<StandingId, TxError> {
        let signing = Signing {
            accounts: vec![funder],
            credential: Some((researcher, j)),
            ..Signing::default()
        };
        let transaction = self.sign_with(vec![Action::PostStanding(post)], &signing);
        self.submit(&transaction)?;
        Ok(standing_of(&transaction))
    }

    /// The transaction that says that the buyer of a matched deal is ready, at the deal's expense.
    ///
    /// # Panics
    /// When the credential cannot be proven.
    #[must_use]
    pub fn accredited(
        &mut self,
        deal: DealId,
        buyer: &Buyer,
        researcher: &Researcher,
        j: u16,
    ) -> Transaction {
        let signing = Signing {
            payer: Some(FeePayer::Deal(deal)),
            deal_key: Some(&buyer.auth),
            credential: Some((researcher, j)),
            ..Signing::default()
        };
        self.sign_with(vec![Action::Ready(Ready { deal })], &signing)
    }

    /// Takes a standing request back at its own expense.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn cancel(&mut self, standing: StandingId, key: &Wallet) -> Result<Receipt, TxError> {
        let signing = Signing {
            payer: Some(FeePayer::Standing(standing)),
            deal_key: Some(key),
            ..Signing::default()
        };
        let cancel = Action::CancelStanding(CancelStanding { standing });
        let transaction = self.sign_with(vec![cancel], &signing);
        self.submit(&transaction)
    }

    /// A standing request.
    ///
    /// # Panics
    /// When there is none of this id.
    #[must_use]
    pub fn standing(&self, id: StandingId) -> StandingRequest {
        self.read(&state_key::standing(&id)).expect("the standing request is there")
    }
}

/// The standing request that a transaction posts.
///
/// # Panics
/// When the transaction shows no credential.
#[must_use]
pub fn standing_of(post: &Transaction) -> StandingId {
    let shown = post.authorization.credential.as_ref().expect("a credential is shown");
    StandingId(Hasher::new("galen/standing").value(&shown.nullifier).digest().0)
}
