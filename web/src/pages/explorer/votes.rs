//! The validators, and which of the latest blocks bear their votes. A certificate needs the votes of more
//! than two thirds of the stake and no more, so that a vote that is not in it may have been cast.

use askama::Template;
use galen_chain::store::Snapshot;
use galen_market::id::ConsensusKey;

use super::super::frame::{Frame, Reader};
use crate::App;
use crate::lang::{fill, grouped};
use crate::reply::ApiError;

/// Blocks whose certificates are looked at.
const LOOKED_AT: u64 = 50;

/// A validator, and its votes in the latest blocks.
pub(super) struct Voter {
    pub account: String,
    pub key: String,
    pub stake: String,
    pub share: String,
    /// In how many of the latest blocks' certificates it is, and in how many of them there are.
    pub votes: String,
    pub proposed: u64,
    /// The last block that has its vote.
    pub last: Option<u64>,
}

struct Counted {
    key: [u8; 32],
    votes: u64,
    proposed: u64,
    last: Option<u64>,
}

/// The validators of the state, the strongest first.
pub(super) fn voters(app: &App, state: &Snapshot) -> Result<Vec<Voter>, ApiError> {
    let mut validators = app.rules().validators(state)?;
    validators.sort_by_key(|one| (std::cmp::Reverse(one.power), one.account));
    let mut counted: Vec<Counted> = validators
        .iter()
        .map(|one| Counted { key: one.consensus_key, votes: 0, proposed: 0, last: None })
        .collect();
    let tip = state.height();
    let mut blocks = 0u64;
    for height in (tip.saturating_sub(LOOKED_AT - 1).max(1)..=tip).rev() {
        let Some(light) = app.node.light_block(height)? else { continue };
        blocks += 1;
        for one in &mut counted {
            one.proposed += u64::from(light.header.proposer == one.key);
            let key = ConsensusKey(one.key);
            if light.certificate.signatures.iter().any(|signed| signed.validator == key) {
                one.votes += 1;
                one.last.get_or_insert(height);
            }
        }
    }
    let total = validators.iter().fold(0u64, |sum, one| sum.saturating_add(one.power));
    let rows = validators.iter().zip(counted).map(|(one, counted)| Voter {
        account: one.account.to_string(),
        key: hex::encode(one.consensus_key),
        stake: grouped(one.power),
        share: match total {
            0 => "–".to_owned(),
            total => format!("{:.1} %", 100.0 * one.power as f64 / total as f64),
        },
        votes: format!("{} / {blocks}", counted.votes),
        proposed: counted.proposed,
        last: counted.last,
    });
    Ok(rows.collect())
}

#[derive(Template)]
#[template(path = "validators.html")]
pub(super) struct Validators {
    f: Frame,
    voters: Vec<Voter>,
    caption: String,
    script: String,
}

pub(super) fn page(app: &App, state: &Snapshot, reader: &Reader) -> Result<Validators, ApiError> {
    let f = Frame::new(app, state, reader, "explorer");
    let caption = fill(f.t.votes_note, &[&LOOKED_AT.min(state.height())]);
    Ok(Validators { voters: voters(app, state)?, caption, script: crate::assets::live(), f })
}
