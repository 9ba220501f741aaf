//! Credential trees: one Poseidon tree an issuer, every node in the state, every leaf public.
//!
//! Inserting supersedes the root, and a superseded root is still accepted for a window of up-time, so
//! that proofs in flight survive. Revoking sets leaves to zero and refuses all older roots at once;
//! so that an issuer cannot void proofs in flight at will, what it marks is revoked only when the next
//! epoch of up-time begins, all of it together.

use borsh::{BorshDeserialize, BorshSerialize};
use galen_zk::field::{Fr, Scalar};
use galen_zk::merkle::{CAPACITY, EMPTY_LEAF, NodeStore, SetLeafError, empty_root, set_leaf};
use serde::{Deserialize, Serialize};

use crate::action::{InsertCredentials, RevokeCredentials};
use crate::context::Context;
use crate::error::TxError;
use crate::event::Event;
use crate::id::AccountId;
use crate::role::Role;
use crate::state::{StateError, StateRead};
use crate::state_key;

/// The most leaves that an issuer marks for revocation in one epoch.
pub const MAX_REVOCATIONS: u32 = 256;

/// Revocations after which a block leaves the rest to the next block.
const REVOCATIONS_A_BLOCK: usize = 256;

/// What the state keeps of a tree beside its nodes and roots.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct IssuerTree {
    /// The current root.
    pub root: Scalar,
    /// The next free place; places are never used again.
    pub next: u64,
    /// Live leaves.
    pub live: u64,
    /// How often leaves were revoked: roots of an earlier generation are refused.
    pub generation: u64,
    /// Number of the next root.
    pub sequence: u64,
    /// The epoch of the last mark.
    pub marked_epoch: u64,
    /// Marks in that epoch.
    pub marked: u32,
}

impl Default for IssuerTree {
    fn default() -> Self {
        Self {
            root: Scalar(empty_root()),
            next: 0,
            live: 0,
            generation: 0,
            sequence: 0,
            marked_epoch: 0,
            marked: 0,
        }
    }
}

/// What is known of a root.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct RootRecord {
    /// The tree's generation when it was the root.
    pub generation: u64,
    /// Its number.
    pub sequence: u64,
    /// Up-time at which another root took its place.
    pub superseded_at_ms: Option<u64>,
}

/// The nodes of one issuer's tree.
struct Nodes<'c, 's> {
    ctx: &'c mut Context<'s>,
    issuer: AccountId,
}

fn level_byte(level: u32) -> u8 {
    u8::try_from(level).expect("a credential tree has 20 levels")
}

impl NodeStore for Nodes<'_, '_> {
    type Error = StateError;

    fn node(&self, level: u32, index: u64) -> Result<Option<Fr>, StateError> {
        let key = state_key::tree_node(&self.issuer, level_byte(level), index);
        Ok(self.ctx.get(&key)?.map(|node| node.0))
    }

    fn set_node(&mut self, level: u32, index: u64, value: Fr) -> Result<(), StateError> {
        let key = state_key::tree_node(&self.issuer, level_byte(level), index);
        self.ctx.put(&key, &Scalar(value));
        Ok(())
    }
}

fn set(ctx: &mut Context<'_>, issuer: AccountId, index: u64, leaf: Fr) -> Result<Scalar, TxError> {
    set_leaf(&mut Nodes { ctx, issuer }, index, leaf).map(Scalar).map_err(|error| match error {
        SetLeafError::OutOfRange(_) => TxError::TreeFull,
        SetLeafError::Store(error) => TxError::State(error),
    })
}

impl InsertCredentials {
    pub(crate) fn check(&self) -> Result<(), TxError> {
        if self.leaves.is_empty() {
            return Err(TxError::NoLeaves);
        }
        if self.leaves.iter().any(|leaf| leaf.0 == EMPTY_LEAF) {
            return Err(TxError::ZeroLeaf);
        }
        Ok(())
    }

    pub(crate) fn execute(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        let issuer = self.issuer;
        let mut tree = ctx.get(&state_key::issuer_tree(&issuer))?.unwrap_or_default();
        let first = tree.next;
        let mut root = tree.root;
        for leaf in &self.leaves {
            let known = state_key::leaf_index(&issuer, leaf);
            if ctx.get(&known)?.is_some() {
                return Err(TxError::DuplicateLeaf { leaf: *leaf });
            }
            if tree.next >= CAPACITY {
                return Err(TxError::TreeFull);
            }
            root = set(ctx, issuer, tree.next, leaf.0)?;
            ctx.put(&known, &tree.next);
            tree.next += 1;
            tree.live += 1;
        }
        replace_root(ctx, &issuer, &mut tree, root)?;
        ctx.put(&state_key::issuer_tree(&issuer), &tree);
        let count = u32::try_from(self.leaves.len()).unwrap_or(u32::MAX);
        ctx.emit(Event::CredentialsInserted { issuer, first, count, root });
        Ok(())
    }
}

impl RevokeCredentials {
    pub(crate) fn check(&self) -> Result<(), TxError> {
        if self.places.is_empty() { Err(TxError::NoLeaves) } else { Ok(()) }
    }

    pub(crate) fn execute(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        let issuer = self.issuer;
        let mut tree = ctx.get(&state_key::issuer_tree(&issuer))?.unwrap_or_default();
        let epoch = ctx.uptime_ms() / ctx.parameters().revoke_epoch_ms;
        if tree.marked_epoch != epoch {
            tree.marked_epoch = epoch;
            tree.marked = 0;
        }
        for index in &self.places {
            let leaf = ctx.get(&state_key::tree_node(&issuer, 0, *index))?;
            if leaf.is_none_or(|leaf| leaf.0 == EMPTY_LEAF) {
                return Err(TxError::NoSuchLeaf { index: *index });
            }
            let mark = state_key::revocation_mark(&issuer, *index);
            if ctx.get(&mark)?.is_some() {
                return Err(TxError::AlreadyRevoked { index: *index });
            }
            if tree.marked >= MAX_REVOCATIONS {
                return Err(TxError::TooManyRevocations { max: MAX_REVOCATIONS });
            }
            tree.marked += 1;
            ctx.put(&mark, &epoch);
            ctx.put(&state_key::revocation(epoch, &issuer, *index), &());
        }
        ctx.put(&state_key::issuer_tree(&issuer), &tree);
        ctx.emit(Event::RevocationMarked { issuer, places: self.places.to_vec() });
        Ok(())
    }
}

/// Revokes what was marked in earlier epochs, issuer by issuer.
///
/// # Errors
/// When the state fails.
pub(crate) fn run_revocations(ctx: &mut Context<'_>) -> Result<(), TxError> {
    let now = ctx.uptime_ms() / ctx.parameters().revoke_epoch_ms;
    let mut done = 0;
    while done < REVOCATIONS_A_BLOCK {
        let Some((rest, ())) = ctx.scan(&state_key::revocations(), None, 1)?.pop() else { break };
        let epoch = u64::from_be_bytes(state_key::part(&rest, 0)?);
        if epoch >= now {
            break;
        }
        let issuer = AccountId(state_key::part(&rest, 8)?);
        let batch = state_key::revocations_of(epoch, &issuer);
        let mut tree = ctx.get(&state_key::issuer_tree(&issuer))?.unwrap_or_default();
        let mut root = tree.root;
        let mut count = 0;
        for (rest, ()) in ctx.scan(&batch, None, MAX_REVOCATIONS as usize)? {
            let index = u64::from_be_bytes(state_key::part(&rest, 0)?);
            if let Some(leaf) = ctx.get(&state_key::tree_node(&issuer, 0, index))? {
                ctx.delete(&state_key::leaf_index(&issuer, &leaf));
            }
            root = set(ctx, issuer, index, EMPTY_LEAF)?;
            ctx.delete(&state_key::revocation(epoch, &issuer, index));
            ctx.delete(&state_key::revocation_mark(&issuer, index));
            tree.live = tree.live.saturating_sub(1);
            count += 1;
            done += 1;
        }
        tree.generation += 1;
        replace_root(ctx, &issuer, &mut tree, root)?;
        ctx.put(&state_key::issuer_tree(&issuer), &tree);
        ctx.emit(Event::CredentialsRevoked { issuer, count, root });
    }
    Ok(())
}

/// Up-time at which the oldest mark takes effect.
///
/// # Errors
/// When the state fails.
pub(crate) fn next_revocation(
    state: &dyn StateRead,
    epoch_ms: u64,
) -> Result<Option<u64>, StateError> {
    let first = state_key::scan(state, &state_key::revocations(), None, 1)?.pop();
    first
        .map(|(rest, ())| {
            let epoch = u64::from_be_bytes(state_key::part(&rest, 0)?);
            Ok(epoch.saturating_add(1).saturating_mul(epoch_ms))
        })
        .transpose()
}

/// Makes `root` the current one and forgets a few roots that no proof can use any more.
fn replace_root(
    ctx: &mut Context<'_>,
    issuer: &AccountId,
    tree: &mut IssuerTree,
    root: Scalar,
) -> Result<(), TxError> {
    let now = ctx.uptime_ms();
    let old = state_key::root(issuer, &tree.root);
    if let Some(mut record) = ctx.get(&old)? {
        record.superseded_at_ms = Some(now);
        ctx.put(&old, &record);
    }
    let record =
        RootRecord { generation: tree.generation, sequence: tree.sequence, superseded_at_ms: None };
    ctx.put(&state_key::root(issuer, &root), &record);
    ctx.put(&state_key::root_order(issuer, tree.sequence), &root);
    tree.root = root;
    tree.sequence += 1;

    // Two go for each that comes, so the list never outgrows the window for long.
    for (rest, root) in ctx.scan(&state_key::roots(issuer), None, 2)? {
        let sequence = u64::from_be_bytes(state_key::part(&rest, 0)?);
        let key = state_key::root(issuer, &root);
        match ctx.get(&key)? {
            Some(record) if record.sequence == sequence => {
                if usable(&record, tree, now, ctx.parameters().root_window_ms) {
                    break;
                }
                ctx.delete(&key);
            }
            // The same root came again later and is listed under its new number.
            _ => {}
        }
        ctx.delete(&state_key::root_order(issuer, sequence));
    }
    Ok(())
}

fn usable(record: &RootRecord, tree: &IssuerTree, now: u64, window: u64) -> bool {
    record.generation == tree.generation
        && record.superseded_at_ms.is_none_or(|at| now <= at.saturating_add(window))
}

/// That a root is the current one of an active issuer, or was superseded by an insertion lately.
///
/// # Errors
/// [`TxError::NotActive`] or [`TxError::UnknownRoot`].
pub(crate) fn require_root(
    ctx: &Context<'_>,
    issuer: &AccountId,
    root: &Scalar,
) -> Result<(), TxError> {
    ctx.active(Role::Issuer, issuer)?;
    let tree = ctx.get(&state_key::issuer_tree(issuer))?;
    let record = ctx.get(&state_key::root(issuer, root))?;
    let window = ctx.parameters().root_window_ms;
    match (tree, record) {
        (Some(tree), Some(record)) if usable(&record, &tree, ctx.uptime_ms(), window) => Ok(()),
        _ => Err(TxError::UnknownRoot { issuer: *issuer }),
    }
}

/// The whole leaf list of an issuer in order of the places; a revoked leaf is zero. For snapshots.
///
/// # Errors
/// When the state fails.
pub fn leaf_list(state: &dyn StateRead, issuer: &AccountId) -> Result<Vec<Scalar>, StateError> {
    let all = state_key::scan_all(state, &state_key::leaves(issuer))?;
    Ok(all.into_iter().map(|(_, leaf)| leaf).collect())
}
