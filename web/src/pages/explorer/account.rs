//! The page of an account: what it is registered as, and what it holds.

use askama::Template;
use galen_chain::store::Snapshot;
use galen_market::id::AccountId;
use galen_market::identity::Standing;
use galen_market::payment::Purse;
use galen_market::role::Role;
use galen_market::state_key;

use crate::lang::fill;
use crate::pages::frame::{Frame, Reader};
use crate::reply::ApiError;
use crate::{App, read};

#[derive(Template)]
#[template(path = "account.html")]
pub(super) struct AccountPage {
    f: Frame,
    account: String,
    nonce: u64,
    parties: Vec<(String, String, bool)>,
    balances: Vec<String>,
    bond: Vec<String>,
    listed: Option<String>,
    proof: Option<String>,
    script: String,
}

pub(super) fn page(
    app: &App,
    state: &Snapshot,
    reader: &Reader,
    account: AccountId,
) -> Result<AccountPage, ApiError> {
    let view = read::account(state, account)?;
    let f = Frame::new(app, state, reader, "explorer");
    let amounts = |balances: &[galen_api::Balance]| -> Result<Vec<String>, ApiError> {
        let each = balances.iter().map(|balance| {
            super::supply::amount(state, &balance.asset, balance.amount.units().into())
        });
        each.collect()
    };
    let parties = view.parties.iter().map(|view| {
        let active = view.party.standing == Standing::Active;
        (view.role.to_string(), view.party.name.to_string(), active)
    });
    let institution = view.parties.iter().any(|view| view.role == Role::Institution);
    let listed = institution.then(|| fill(f.t.found_many, &[&app.finder.listed_by(&account)]));
    let mut keys = vec![state_key::nonce(&account).as_bytes().to_vec()];
    let roles = view.parties.iter();
    keys.extend(roles.map(|view| state_key::party(view.role, &account).as_bytes().to_vec()));
    let purses = [(Purse::Account(account), &view.balances), (Purse::Bond(account), &view.bond)];
    for (purse, balances) in purses {
        let each = balances.iter().map(|balance| state_key::balance(&purse, &balance.asset));
        keys.extend(each.map(|key| key.as_bytes().to_vec()));
    }
    Ok(AccountPage {
        account: account.to_string(),
        nonce: view.nonce,
        parties: parties.collect(),
        balances: amounts(&view.balances)?,
        bond: amounts(&view.bond)?,
        listed,
        proof: super::proof(state, keys.iter().map(Vec::as_slice)),
        script: crate::assets::live(),
        f,
    })
}
