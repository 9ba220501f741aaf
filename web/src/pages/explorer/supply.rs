//! The money of the ledger: how much of each asset was made and destroyed, and in what kinds of purses
//! the rest lies. Every purse is public, so that whoever reads the state adds up the same.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use askama::Template;
use galen_chain::store::Snapshot;
use galen_market::amount::Asset;
use galen_market::codec::decode_exact;
use galen_market::payment::{DealPurse, Purse};
use galen_market::state::StateError;
use galen_market::state_key;

use super::super::frame::{Frame, Reader};
use crate::App;
use crate::lang::{Words, grouped};
use crate::reply::ApiError;

/// Purses that are added up; with more of them the page says so.
const MAX_PURSES: usize = 100_000;

/// Kinds of purses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Accounts,
    Escrow,
    Allowances,
    Subscriptions,
    Standing,
    Bonds,
    HeldBonds,
    Deposits,
    Stake,
    Unbonding,
    Fees,
}

impl Kind {
    fn of(purse: &Purse) -> Self {
        match purse {
            Purse::Account(_) => Self::Accounts,
            Purse::Bond(_) => Self::Bonds,
            Purse::Deal(_, DealPurse::Price) => Self::Escrow,
            Purse::Deal(_, DealPurse::Allowance) => Self::Allowances,
            Purse::Deal(_, DealPurse::Bond) => Self::HeldBonds,
            Purse::Subscription(_) => Self::Subscriptions,
            Purse::Deposit(..) => Self::Deposits,
            Purse::Fees => Self::Fees,
            Purse::Stake(_) => Self::Stake,
            Purse::Unbonding(_) => Self::Unbonding,
            Purse::Standing(_) => Self::Standing,
        }
    }

    fn name(self, t: &Words) -> &'static str {
        match self {
            Self::Accounts => t.purse_accounts,
            Self::Escrow => t.purse_escrow,
            Self::Allowances => t.purse_allowances,
            Self::Subscriptions => t.purse_subscriptions,
            Self::Standing => t.purse_standing,
            Self::Bonds => t.purse_bonds,
            Self::HeldBonds => t.purse_held_bonds,
            Self::Deposits => t.purse_deposits,
            Self::Stake => t.purse_stake,
            Self::Unbonding => t.purse_unbonding,
            Self::Fees => t.purse_fees,
        }
    }
}

/// For each asset and kind of purse, how much lies there and in how many purses; nothing if there are
/// too many purses to add up.
type Sums = Option<BTreeMap<Asset, BTreeMap<Kind, (u128, u64)>>>;

/// The sums of the last height that somebody asked about.
#[derive(Default)]
pub(crate) struct Purses(Mutex<Option<(u64, Arc<Sums>)>>);

impl Purses {
    fn sums(&self, state: &Snapshot) -> Result<Arc<Sums>, ApiError> {
        // Held while they are added up: who asks meanwhile waits for the same sums.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((height, sums)) = &*kept
            && *height == state.height()
        {
            return Ok(sums.clone());
        }
        let sums = Arc::new(add_up(state)?);
        *kept = Some((state.height(), sums.clone()));
        Ok(sums)
    }
}

fn add_up(state: &Snapshot) -> Result<Sums, ApiError> {
    let mut sums: BTreeMap<Asset, BTreeMap<Kind, (u128, u64)>> = BTreeMap::new();
    let mut after: Option<Vec<u8>> = None;
    let mut looked = 0;
    loop {
        let balances = state_key::balances();
        let page = state_key::scan(state, &balances, after.as_deref(), galen_api::MAX_PAGE)?;
        looked += page.len();
        if looked > MAX_PURSES {
            return Ok(None);
        }
        for (rest, amount) in &page {
            let (purse, asset): (Purse, Asset) =
                decode_exact(rest).map_err(|error| StateError(error.to_string()))?;
            let sum = sums.entry(asset).or_default().entry(Kind::of(&purse)).or_default();
            sum.0 = sum.0.saturating_add(amount.units().into());
            sum.1 = sum.1.saturating_add(1);
        }
        match page.into_iter().next_back() {
            Some((rest, _)) => after = Some(rest),
            None => return Ok(Some(sums)),
        }
    }
}

/// An amount of an asset for people.
pub(super) fn amount(state: &Snapshot, asset: &Asset, units: u128) -> Result<String, ApiError> {
    let decimals = match asset {
        Asset::Currency(currency) => {
            let info = state_key::read(state, &state_key::currency(currency))?;
            info.map_or(0, |info| u32::from(info.decimals))
        }
        Asset::Stake => 0,
    };
    let one = 10u128.saturating_pow(decimals);
    let whole = grouped(u64::try_from(units / one).unwrap_or(u64::MAX));
    Ok(match decimals {
        0 => format!("{whole} {asset}"),
        _ => format!("{whole}.{:0width$} {asset}", units % one, width = decimals as usize),
    })
}

fn supplies(state: &Snapshot) -> Result<Vec<(Asset, galen_market::payment::Supply)>, ApiError> {
    let found = state_key::scan(state, &state_key::supplies(), None, galen_api::MAX_PAGE)?;
    let each = found.into_iter().map(|(rest, supply)| {
        let asset = decode_exact(&rest).map_err(|error| StateError(error.to_string()))?;
        Ok((asset, supply))
    });
    each.collect()
}

/// Each asset, and how much of it there is.
pub(super) fn outstanding(state: &Snapshot) -> Result<Vec<(String, String)>, ApiError> {
    let each = supplies(state)?.into_iter().map(|(asset, supply)| {
        Ok((asset.to_string(), amount(state, &asset, supply.outstanding())?))
    });
    each.collect()
}

#[derive(Template)]
#[template(path = "supply.html")]
pub(super) struct SupplyPage {
    f: Frame,
    assets: Vec<AssetRow>,
    /// Whether the purses were added up.
    counted: bool,
    proof: Option<String>,
    script: String,
}

struct AssetRow {
    name: String,
    minted: String,
    burned: String,
    outstanding: String,
    purses: Vec<(&'static str, u64, String)>,
    /// Whether the purses hold exactly what there is.
    whole: bool,
}

pub(super) fn page(app: &App, state: &Snapshot, reader: &Reader) -> Result<SupplyPage, ApiError> {
    let f = Frame::new(app, state, reader, "explorer");
    let sums = app.purses.sums(state)?;
    let mut assets = Vec::new();
    let mut keys = Vec::new();
    for (asset, supply) in supplies(state)? {
        let kinds = sums.as_ref().as_ref().and_then(|sums| sums.get(&asset));
        let mut purses = Vec::new();
        let mut sum = 0u128;
        for (kind, (units, count)) in kinds.into_iter().flatten() {
            sum = sum.saturating_add(*units);
            purses.push((kind.name(f.t), *count, amount(state, &asset, *units)?));
        }
        keys.push(state_key::supply(&asset).as_bytes().to_vec());
        assets.push(AssetRow {
            name: asset.to_string(),
            minted: amount(state, &asset, supply.minted)?,
            burned: amount(state, &asset, supply.burned)?,
            outstanding: amount(state, &asset, supply.outstanding())?,
            purses,
            whole: sum == supply.outstanding(),
        });
    }
    Ok(SupplyPage {
        assets,
        counted: sums.is_some(),
        proof: super::proof(state, keys.iter().map(Vec::as_slice)),
        script: crate::assets::live(),
        f,
    })
}
