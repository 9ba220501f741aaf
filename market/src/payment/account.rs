//! Transparent accounts: transfers between them, and the gateways that make and destroy money.

use crate::action::{Admission, Burn, Mint, Transfer};
use crate::amount::Amount;
use crate::context::Context;
use crate::error::TxError;
use crate::id::AccountId;
use crate::payment::Purse;
use crate::role::Role;
use crate::state_key;

/// Refuses an amount of zero.
///
/// # Errors
/// [`TxError::ZeroAmount`].
pub(crate) fn positive(amount: Amount) -> Result<(), TxError> {
    if amount.is_zero() { Err(TxError::ZeroAmount) } else { Ok(()) }
}

impl Transfer {
    pub(crate) fn check(&self) -> Result<(), TxError> {
        positive(self.amount)
    }

    pub(crate) fn execute(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        let Self { from, to, asset, amount } = self.clone();
        ctx.transfer(&Purse::Account(from), &Purse::Account(to), &asset, amount)
    }
}

impl Mint {
    pub(crate) fn check(&self) -> Result<(), TxError> {
        positive(self.money.amount)
    }

    pub(crate) fn execute(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        require_gateway(ctx, &self.gateway, &self.money.currency)?;
        ctx.mint(&Purse::Account(self.to), &self.money.asset(), self.money.amount)
    }
}

impl Burn {
    pub(crate) fn check(&self) -> Result<(), TxError> {
        positive(self.money.amount)
    }

    pub(crate) fn execute(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        require_gateway(ctx, &self.gateway, &self.money.currency)?;
        ctx.burn(&Purse::Account(self.gateway), &self.money.asset(), self.money.amount)
    }
}

/// A gateway acts in the one currency for which it was admitted.
fn require_gateway(
    ctx: &Context<'_>,
    gateway: &AccountId,
    currency: &crate::amount::Currency,
) -> Result<(), TxError> {
    ctx.currency(currency)?;
    let party = ctx.get(&state_key::party(Role::Gateway, gateway))?;
    match party.map(|party| party.admission) {
        Some(Admission::Gateway(own)) if own == *currency => Ok(()),
        _ => Err(TxError::WrongGateway { currency: currency.clone() }),
    }
}
