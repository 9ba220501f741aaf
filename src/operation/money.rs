//! Actions of money: each one line, so that every caller writes them the same way.

use galen_market::action::{Action, Burn, DepositBond, Mint, Transfer, WithdrawBond};
use galen_market::amount::Money;
use galen_market::id::AccountId;

/// A gateway makes money for an account.
pub fn mint(gateway: AccountId, to: AccountId, money: Money) -> Action {
    Action::Mint(Mint { gateway, to, money })
}

/// A gateway destroys money out of its own account.
pub fn burn(gateway: AccountId, money: Money) -> Action {
    Action::Burn(Burn { gateway, money })
}

/// Money moves between accounts.
pub fn transfer(from: AccountId, to: AccountId, money: &Money) -> Action {
    Action::Transfer(Transfer { from, to, asset: money.asset(), amount: money.amount })
}

/// An institution puts money into its bond.
pub fn deposit(institution: AccountId, money: Money) -> Action {
    Action::DepositBond(DepositBond { institution, money })
}

/// An institution takes money out of the free part of its bond.
pub fn withdraw(institution: AccountId, money: Money) -> Action {
    Action::WithdrawBond(WithdrawBond { institution, money })
}
