//! The page of a block: what it holds, what happened, and who signed it.

use askama::Template;
use galen_api::story::instant;
use galen_chain::store::Snapshot;
use galen_market::transaction::Transaction;

use super::{EventRow, MAX_EVENTS};
use crate::App;
use crate::lang::fill;
use crate::pages::frame::{Frame, Reader};
use crate::read;
use crate::reply::ApiError;

#[derive(Template)]
#[template(path = "block.html")]
pub(super) struct BlockPage {
    f: Frame,
    height: u64,
    last: bool,
    id: String,
    time: String,
    state_root: String,
    proposer: String,
    /// How much stake signed it, in a sentence.
    signed: Option<String>,
    signers: Vec<String>,
    transactions: Vec<TransactionRow>,
    events: Vec<EventRow>,
}

struct TransactionRow {
    id: String,
    actions: String,
}

pub(super) fn page(
    app: &App,
    state: &Snapshot,
    reader: &Reader,
    height: u64,
) -> Result<BlockPage, ApiError> {
    let view = read::block(app, height)?;
    let stored = app.node.block(height)?.ok_or_else(|| ApiError::not_found("such block"))?;
    let mut transactions = Vec::with_capacity(stored.block.transactions.len());
    for bytes in &stored.block.transactions {
        let transaction = Transaction::decode(bytes)?;
        let actions = super::transaction::names(&transaction).join(", ");
        transactions.push(TransactionRow { id: transaction.id().to_string(), actions });
    }
    let f = Frame::new(app, state, reader, "explorer");
    let light = app.node.light_block(height)?;
    let signed = light.as_ref().map(|light| {
        let (certificate, set) = (&light.certificate, &light.validators);
        let signed = certificate.signatures.iter().filter_map(|one| set.power_of(&one.validator));
        let signed = signed.fold(0u64, u64::saturating_add);
        let rounds = u64::from(certificate.round).saturating_add(1);
        fill(f.t.signed_by, &[&f.number(signed), &f.number(set.power()), &rounds])
    });
    let signers = light.iter().flat_map(|light| light.certificate.signatures.iter());
    let signers = signers.map(|one| one.validator.to_string()).collect();
    let events = (0u32..).zip(view.events.iter().take(MAX_EVENTS));
    let events = events.map(|(index, event)| EventRow::new(reader.lang, event, (height, index)));
    Ok(BlockPage {
        last: height >= state.height(),
        height,
        id: view.id.to_string(),
        time: instant(view.time_ms),
        state_root: view.state_root.to_string(),
        proposer: view.proposer.to_string(),
        signed,
        signers,
        transactions,
        events: events.collect(),
        f,
    })
}
