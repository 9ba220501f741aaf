//! What must hold after every block, checked by reading the whole state. For tests, simulation and
//! audits; nothing here decides anything.

use std::collections::BTreeMap;

use crate::amount::Asset;
use crate::codec::decode_exact;
use crate::payment::Purse;
use crate::state::{StateError, StateRead};
use crate::state_key;

/// An invariant that does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Which one: "I1" and so on.
    pub invariant: &'static str,
    /// What was found.
    pub what: String,
}

/// Checks everything that one state can show: that the purses of every asset add up to its supply
/// (I1), that nothing wrapped (I2), that stake lies only where stake may lie, that validators have
/// stake, and what holds of deals and licences (I6 to I9). That nullifiers are accepted once (I5) and
/// that replay gives the same state (I3, I4) shows only over several blocks; the simulation keeps
/// track of it.
///
/// # Errors
/// When the state fails.
pub fn violations(state: &dyn StateRead) -> Result<Vec<Violation>, StateError> {
    let mut found = money(state)?;
    found.extend(validators(state)?);
    found.extend(crate::deal::audit(state)?);
    found.extend(crate::wanted::audit(state)?);
    Ok(found)
}

fn money(state: &dyn StateRead) -> Result<Vec<Violation>, StateError> {
    let mut found = Vec::new();
    let mut sums: BTreeMap<Asset, u128> = BTreeMap::new();
    for (rest, amount) in state_key::scan_all(state, &state_key::balances())? {
        let (purse, asset): (Purse, Asset) =
            decode_exact(&rest).map_err(|error| StateError(format!("a balance's key: {error}")))?;
        let sum = sums.entry(asset.clone()).or_default();
        // At most 2^64 keys of at most 2^64 each fit.
        *sum = sum.saturating_add(u128::from(amount.units()));
        let stake_purse = matches!(purse, Purse::Stake(_) | Purse::Unbonding(_));
        let free = matches!(purse, Purse::Account(_));
        if (asset == Asset::Stake) != stake_purse && !free {
            found.push(Violation { invariant: "I1", what: format!("{purse} holds {asset}") });
        }
        if amount.is_zero() {
            found
                .push(Violation { invariant: "I2", what: format!("{purse} keeps an empty entry") });
        }
    }
    for (rest, supply) in state_key::scan_all(state, &state_key::supplies())? {
        let asset: Asset =
            decode_exact(&rest).map_err(|error| StateError(format!("a supply's key: {error}")))?;
        let sum = sums.remove(&asset).unwrap_or_default();
        if supply.minted < supply.burned || supply.outstanding() > u128::from(u64::MAX) {
            found.push(Violation {
                invariant: "I2",
                what: format!("supply of {asset}: {supply:?}"),
            });
        }
        if sum != supply.outstanding() {
            let what = format!("purses hold {sum} {asset}, supply is {}", supply.outstanding());
            found.push(Violation { invariant: "I1", what });
        }
    }
    for (asset, sum) in sums {
        let what = format!("purses hold {sum} {asset}, which nobody made");
        found.push(Violation { invariant: "I1", what });
    }
    Ok(found)
}

fn validators(state: &dyn StateRead) -> Result<Vec<Violation>, StateError> {
    let all = crate::identity::validator::validators(state)?;
    let mut found: Vec<Violation> = all
        .iter()
        .filter(|info| info.power == 0)
        .map(|info| Violation {
            invariant: "I1",
            what: format!("{} votes without stake", info.account),
        })
        .collect();
    if all.is_empty() {
        found.push(Violation { invariant: "I1", what: "there is no validator".to_owned() });
    }
    Ok(found)
}
