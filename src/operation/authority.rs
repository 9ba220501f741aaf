//! What the registrars do together: admit, suspend and take down. Where several must sign, the transaction
//! travels between them as a file until it has all signatures.

use std::path::Path;

use galen_market::action::trade::TakeDownListing;
use galen_market::action::{Action, Admission, Admit, Suspend};
use galen_market::codec::Text;
use galen_market::id::{AccountId, Digest};
use galen_market::listing::ListingId;
use galen_market::role::Role;
use galen_market::transaction::{MAX_TRANSACTION_BYTES, Transaction, verify_signature};
use serde::{Deserialize, Serialize};

use crate::error::{Exit, Failure};
use crate::session::{Draft, Session, account_of, sign};
use crate::wallet::derive::AccountKey;
use crate::wallet::file;

const FORMAT: &str = "galen-transaction/1";
/// How long before the ledger's latest expiry a shared transaction ends.
const MARGIN_MS: u64 = 60_000;

/// Admits a party.
///
/// # Errors
/// A name or address that is too long or holds control characters.
pub fn admit(
    account: AccountId,
    admission: Admission,
    name: &str,
    url: &str,
    evidence: Digest,
) -> Result<Action, Failure> {
    let text = |what: &str, text: &str| {
        Text::new(text).map_err(|error| Failure::usage(format!("the {what}: {error}")))
    };
    Ok(Action::Admit(Admit {
        account,
        admission,
        name: text("name", name)?,
        url: text("address", url)?,
        evidence,
    }))
}

/// Suspends a party.
pub fn suspend(account: AccountId, role: Role, evidence: Digest) -> Action {
    Action::Suspend(Suspend { account, role, evidence })
}

/// Takes a listing down.
///
/// # Errors
/// A reason that is too long or holds control characters.
pub fn take_down(id: &ListingId, reason: &str, evidence: Digest) -> Result<Action, Failure> {
    let reason =
        Text::new(reason).map_err(|error| Failure::usage(format!("the reason: {error}")))?;
    let ListingId { institution, package } = *id;
    Ok(Action::TakeDownListing(TakeDownListing { institution, package, reason, evidence }))
}

/// A transaction that waits for signatures, as a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedTransaction {
    format: String,
    /// What is signed, for people to read. The bytes below are what counts.
    actions: Vec<Action>,
    /// Who signed and who is still to sign.
    signatures: Vec<SignatureState>,
    /// Canonical bytes, in hexadecimal digits.
    transaction: String,
}

/// Whether an account has signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignatureState {
    /// The account.
    pub account: AccountId,
    /// Whether it has.
    pub signed: bool,
}

/// The signatures that a transaction has and lacks.
pub fn signatures(transaction: &Transaction) -> Vec<SignatureState> {
    let hash = transaction.signing_hash();
    transaction
        .authorization
        .accounts
        .iter()
        .map(|slot| SignatureState {
            account: slot.account,
            signed: verify_signature(&slot.account, &hash, &slot.signature).is_ok(),
        })
        .collect()
}

/// Whether every place is signed.
pub fn is_complete(transaction: &Transaction) -> bool {
    signatures(transaction).iter().all(|state| state.signed)
}

/// The registrars who will sign: those named, or this one and as many others as are needed, in the
/// order of the ledger's list.
///
/// # Errors
/// When this key is no registrar's, or somebody who is named is none.
pub fn signers(
    session: &Session,
    key: &AccountKey,
    named: &[AccountId],
) -> Result<Vec<AccountId>, Failure> {
    let registrars = &session.genesis().registrars;
    let own = account_of(key);
    if let Some(stranger) =
        std::iter::once(&own).chain(named).find(|account| !registrars.accounts.contains(account))
    {
        return Err(Failure::new(
            Exit::Key,
            "registrar.unknown",
            format!("{stranger} is not a registrar of this ledger"),
        )
        .remedy("use the wallet of a registrar; `galen registrar list` names them"));
    }
    let mut signers = vec![own];
    if named.is_empty() {
        let others = registrars.accounts.iter().filter(|account| **account != own);
        signers.extend(others.take((registrars.threshold as usize).saturating_sub(1)));
    } else {
        signers.extend(named.iter().filter(|account| **account != own));
    }
    Ok(signers)
}

/// A transaction of the registrars with this one's signature, good for as long as the ledger allows.
///
/// # Errors
/// As [`Session::unsigned`].
pub fn propose(
    session: &Session,
    key: &AccountKey,
    signers: &[AccountId],
    action: Action,
) -> Result<Transaction, Failure> {
    let mut transaction = session.unsigned(&Draft::new(vec![action], Vec::new()), signers)?;
    if signers.len() > 1 {
        let status = session.status()?;
        let window = session.parameters().max_expiry_ms;
        transaction.expiry_ms =
            status.time_ms.saturating_add(window.saturating_sub(MARGIN_MS.min(window / 2)));
    }
    sign(&mut transaction, key);
    Ok(transaction)
}

/// Adds this registrar's signature.
///
/// # Errors
/// When the transaction has no place for it.
pub fn add_signature(transaction: &mut Transaction, key: &AccountKey) -> Result<(), Failure> {
    if sign(transaction, key) {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Key,
        "registrar.no_place",
        format!("{} is not asked to sign this", account_of(key)),
    )
    .remedy("the one who proposes names the signers with --signer; ask for a new file"))
}

/// Writes a transaction for others to sign.
///
/// # Errors
/// When the file exists (unless `replace`) or cannot be written.
pub fn write(path: &Path, transaction: &Transaction, replace: bool) -> Result<(), Failure> {
    let shared = SharedTransaction {
        format: FORMAT.to_owned(),
        actions: transaction.actions.to_vec(),
        signatures: signatures(transaction),
        transaction: hex::encode(transaction.encode()),
    };
    let bytes = serde_json::to_vec_pretty(&shared)
        .map_err(|error| Failure::new(Exit::Failure, "registrar.file", error.to_string()))?;
    let written = if replace { file::replace(path, &bytes) } else { file::create(path, &bytes) };
    written.map_err(|error| Failure::file(path, &error))
}

/// Reads a transaction that others signed. What it says it does is taken from its bytes.
///
/// # Errors
/// When the file is not one, or is for another ledger.
pub fn read(path: &Path, session: &Session) -> Result<Transaction, Failure> {
    let limit = (MAX_TRANSACTION_BYTES as u64).saturating_mul(8);
    let bytes = file::read_bounded(path, limit).map_err(|error| Failure::file(path, &error))?;
    let bad = |what: String| {
        Failure::input(path, what).remedy("ask the one who proposed it for the file again")
    };
    let shared: SharedTransaction =
        serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
    if shared.format != FORMAT {
        return Err(bad(format!("is not a {FORMAT}")));
    }
    let bytes = hex::decode(&shared.transaction).map_err(|error| bad(error.to_string()))?;
    let transaction = Transaction::decode(&bytes).map_err(|error| bad(error.to_string()))?;
    if transaction.chain != session.chain() {
        return Err(bad("is for another ledger".to_owned()));
    }
    if transaction.actions[..] != shared.actions[..] {
        return Err(bad("says that it does something else than it does".to_owned()));
    }
    Ok(transaction)
}
