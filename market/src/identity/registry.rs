//! Institutions, issuers and gateways: admitted and suspended by the registrars. An institution also
//! keeps a bond.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::action::{Admission, Admit, DepositBond, Suspend, WithdrawBond};
use crate::codec::Text;
use crate::context::Context;
use crate::error::TxError;
use crate::event::Event;
use crate::id::{AccountId, Digest};
use crate::payment::Purse;
use crate::payment::account::positive;
use crate::role::Role;
use crate::state_key;

/// Whether a party may act.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It may.
    Active,
    /// It may not, until it is admitted again.
    Suspended,
}

/// A registered party in one role.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Party {
    /// What it was admitted as.
    pub admission: Admission,
    /// Its name, for people.
    pub name: Text<200>,
    /// Where people find it.
    pub url: Text<200>,
    /// Whether it may act.
    pub standing: Standing,
    /// Hash of the evidence for the last admission or suspension.
    pub evidence: Digest,
    /// Height of the block of the last admission or suspension.
    pub since_height: u64,
}

impl Context<'_> {
    /// A party that is active in a role.
    ///
    /// # Errors
    /// [`TxError::NotActive`].
    pub fn active(&self, role: Role, account: &AccountId) -> Result<Party, TxError> {
        self.get(&state_key::party(role, account))?
            .filter(|party| party.standing == Standing::Active)
            .ok_or(TxError::NotActive { role, account: *account })
    }

    /// An active institution.
    ///
    /// # Errors
    /// [`TxError::NotActive`].
    pub fn institution(&self, account: &AccountId) -> Result<Party, TxError> {
        self.active(Role::Institution, account)
    }
}

impl Admit {
    pub(crate) fn check(&self) -> Result<(), TxError> {
        if self.name.as_str().trim().is_empty() { Err(TxError::EmptyName) } else { Ok(()) }
    }

    pub(crate) fn execute(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        let role = self.admission.role();
        if let Admission::Gateway(currency) = &self.admission {
            ctx.currency(currency)?;
        }
        let key = state_key::party(role, &self.account);
        let known = match ctx.get(&key)? {
            Some(party) if party.standing == Standing::Active => {
                return Err(TxError::AlreadyAdmitted { role });
            }
            before => before.is_some(),
        };
        let party = Party {
            admission: self.admission.clone(),
            name: self.name.clone(),
            url: self.url.clone(),
            standing: Standing::Active,
            evidence: self.evidence,
            since_height: ctx.height(),
        };
        ctx.put(&key, &party);
        ctx.emit(Event::Admitted { account: self.account, role, evidence: self.evidence });
        match (role, known) {
            (Role::Institution, true) => crate::wanted::institution_returns(ctx, &self.account),
            _ => Ok(()),
        }
    }
}

impl Suspend {
    pub(crate) fn execute(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        let Self { account, role, evidence } = *self;
        let key = state_key::party(role, &account);
        let mut party = ctx.get(&key)?.ok_or(TxError::UnknownParty { role })?;
        if party.standing == Standing::Suspended {
            return Err(TxError::AlreadySuspended);
        }
        party.standing = Standing::Suspended;
        party.evidence = evidence;
        party.since_height = ctx.height();
        ctx.put(&key, &party);
        ctx.emit(Event::Suspended { account, role, evidence });
        Ok(())
    }
}

impl DepositBond {
    pub(crate) fn check(&self) -> Result<(), TxError> {
        positive(self.money.amount)
    }

    pub(crate) fn execute(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        let Self { institution, money } = self.clone();
        let (from, to) = (Purse::Account(institution), Purse::Bond(institution));
        ctx.transfer(&from, &to, &money.asset(), money.amount)
    }
}

impl WithdrawBond {
    pub(crate) fn check(&self) -> Result<(), TxError> {
        positive(self.money.amount)
    }

    pub(crate) fn execute(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        let Self { institution, money } = self.clone();
        let (from, to) = (Purse::Bond(institution), Purse::Account(institution));
        ctx.transfer(&from, &to, &money.asset(), money.amount)
    }
}
