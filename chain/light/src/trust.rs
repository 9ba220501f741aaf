//! From something that is trusted to a header: step by step, or over many blocks at once where enough
//! of the validators stayed the same.
//!
//! A step is accepted if the validators that the header names decided it with more than two thirds of
//! their power, and these validators are vouched for: they are the ones that the trusted header
//! announced, or those who signed hold more than a third of the power of the trusted header's own
//! validators, so that one honest one among them did (as in Tendermint's light client). That holds for
//! as long as stake that voted then cannot have left: validators whose stake is free again lose nothing
//! by signing another history. Whether the anchor is younger than that is part of the answer.

use galen_market::genesis::Genesis;
use galen_market::id::ConsensusKey;
use serde::{Deserialize, Serialize};

use crate::certificate::{Certificate, CertificateError};
use crate::header::{BlockId, Header};
use crate::validators::{Validator, ValidatorSet, ValidatorSetError};

/// The most blocks between an anchor and what it vouches for.
pub const MAX_PATH: usize = 256;
/// How far a header may be ahead of the clock of whoever checks it, in milliseconds.
const MAX_AHEAD_MS: u64 = 10 * 60 * 1000;

/// A header with everything that its certificate is checked with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LightBlock {
    /// The header.
    pub header: Header,
    /// Who decided it.
    pub certificate: Certificate,
    /// The validators whom the header names.
    pub validators: ValidatorSet,
}

/// Blocks on the way from an anchor, heights ascending; at most [`MAX_PATH`].
pub type Path = galen_market::codec::Bounded<LightBlock, MAX_PATH>;

/// What is trusted before anything is checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Anchor {
    /// The ledger.
    pub chain_id: [u8; 32],
    /// Height, 0 for a genesis.
    pub height: u64,
    /// Time, in milliseconds since 1970.
    pub time_ms: u64,
    id: BlockId,
    validators: ValidatorSet,
    next_validators: [u8; 32],
    unbonding_ms: u64,
}

/// What the trust in a header rests on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Trust {
    /// Height of the anchor; 0 for a genesis.
    pub height: u64,
    /// Its time, in milliseconds since 1970.
    pub time_ms: u64,
    /// Its age when it was checked, in milliseconds.
    pub age_ms: u64,
    /// For how long stake that voted then was bound at least, in milliseconds.
    pub unbonding_ms: u64,
    /// Whether the anchor is older than that: validators who have left since could have forged
    /// everything after it.
    pub former_validators_could_forge: bool,
}

impl Trust {
    /// In a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let what = match self.height {
            0 => "the genesis".to_owned(),
            height => format!("the trusted header of block {height}"),
        };
        if self.former_validators_could_forge {
            let days = self.unbonding_ms / (24 * 60 * 60 * 1000);
            let only =
                if self.height == 0 { "genesis trust only" } else { "trust in an old header only" };
            format!(
                "{only}: {what} is older than the {days} days for which stake stays bound, and former validators could forge this"
            )
        } else {
            format!(
                "{what}, which is younger than the time for which its validators' stake stays bound"
            )
        }
    }
}

/// Why a header is not vouched for.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LightError {
    /// Of another ledger.
    #[error("block {height} is of another ledger")]
    OtherLedger {
        /// The block's height.
        height: u64,
    },
    /// Not after what was trusted before.
    #[error("block {height} does not come after block {trusted}, in height and time")]
    Order {
        /// The block's height.
        height: u64,
        /// Height of what was trusted before.
        trusted: u64,
    },
    /// Too far in the future.
    #[error("block {height} is {ahead_ms} ms ahead of this machine's clock")]
    Future {
        /// The block's height.
        height: u64,
        /// How far.
        ahead_ms: u64,
    },
    /// Next to a trusted block, and not its child.
    #[error("block {height} does not follow the trusted block before it")]
    Parent {
        /// The block's height.
        height: u64,
    },
    /// The next block is decided by others than were announced.
    #[error("block {height} is decided by other validators than the block before announced")]
    NotAnnounced {
        /// The block's height.
        height: u64,
    },
    /// Too few of the trusted validators signed: blocks in between are needed.
    #[error(
        "block {height}: of the validators of block {trusted} only {signed} of {total} stake signed, and blocks in between are missing"
    )]
    Gap {
        /// The block's height.
        height: u64,
        /// Height of what was trusted before.
        trusted: u64,
        /// Power, in the trusted set, of those who signed.
        signed: u64,
        /// Power of the trusted set.
        total: u64,
    },
    /// The certificate does not decide the block.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The genesis names no usable validators.
    #[error("the genesis: {0}")]
    Genesis(#[from] ValidatorSetError),
    /// The anchor is a later block than what it should vouch for, or another block of this height.
    #[error("block {height} is not after the trusted block {trusted}, and is not that block")]
    NotCovered {
        /// The block's height.
        height: u64,
        /// Height of the anchor.
        trusted: u64,
    },
    /// There is nothing between.
    #[error("no block is given")]
    NoBlock,
    /// More blocks than are looked at.
    #[error("more than {MAX_PATH} blocks are needed between the anchor and block {height}")]
    TooLong {
        /// The block's height.
        height: u64,
    },
}

impl Anchor {
    /// Trust in what the ledger began with.
    ///
    /// # Errors
    /// When the genesis names no usable validators.
    pub fn genesis(genesis: &Genesis) -> Result<Self, LightError> {
        let validators = ValidatorSet::new(genesis.validators.iter().map(|validator| Validator {
            key: ConsensusKey(validator.consensus_key.0),
            power: validator.stake.units(),
        }))?;
        Ok(Self {
            chain_id: genesis.chain_id(),
            height: 0,
            time_ms: genesis.time_ms,
            id: BlockId(genesis.chain_id()),
            next_validators: validators.hash(),
            validators,
            unbonding_ms: genesis.parameters.unbonding_ms,
        })
    }

    /// Trust in a block of the ledger with this genesis.
    ///
    /// # Errors
    /// When the block is not of this ledger, or was not decided by the validators that it names.
    pub fn block(block: &LightBlock, genesis: &Genesis) -> Result<Self, LightError> {
        let header = &block.header;
        if header.chain_id != genesis.chain_id() {
            return Err(LightError::OtherLedger { height: header.height });
        }
        block.certificate.verify(header, &block.validators)?;
        Ok(Self::of(block, genesis.parameters.unbonding_ms))
    }

    fn of(block: &LightBlock, unbonding_ms: u64) -> Self {
        let header = &block.header;
        Self {
            chain_id: header.chain_id,
            height: header.height,
            time_ms: header.time_ms,
            id: header.id(),
            validators: block.validators.clone(),
            next_validators: header.next_validators,
            unbonding_ms,
        }
    }

    /// What is trusted once `block` is: the next step starts there.
    ///
    /// # Errors
    /// When this anchor does not vouch for the block.
    pub fn step(&self, block: &LightBlock, now_ms: u64) -> Result<Self, LightError> {
        let (header, trusted) = (&block.header, self.height);
        let height = header.height;
        if header.chain_id != self.chain_id {
            return Err(LightError::OtherLedger { height });
        }
        if height <= trusted || header.time_ms <= self.time_ms {
            return Err(LightError::Order { height, trusted });
        }
        let ahead_ms = header.time_ms.saturating_sub(now_ms);
        if ahead_ms > MAX_AHEAD_MS {
            return Err(LightError::Future { height, ahead_ms });
        }
        let adjacent = trusted.checked_add(1) == Some(height);
        if adjacent && header.parent != self.id {
            return Err(LightError::Parent { height });
        }
        let announced = header.validators == self.next_validators;
        if adjacent && !announced {
            return Err(LightError::NotAnnounced { height });
        }
        block.certificate.verify(header, &block.validators)?;
        if !announced {
            let signed = block.certificate.power_by(&self.validators);
            let total = self.validators.power();
            if u128::from(signed) * 3 <= u128::from(total) {
                return Err(LightError::Gap { height, trusted, signed, total });
            }
        }
        Ok(Self::of(block, self.unbonding_ms))
    }

    /// Checks that this anchor vouches for the last block of a path. Blocks of the path that are not
    /// after the anchor are not needed.
    ///
    /// # Errors
    /// The first step that fails.
    pub fn follow(&self, path: &[LightBlock], now_ms: u64) -> Result<Trust, LightError> {
        let last = path.last().ok_or(LightError::NoBlock)?;
        let height = last.header.height;
        if path.len() > MAX_PATH {
            return Err(LightError::TooLong { height });
        }
        let same = height == self.height && last.header.id() == self.id;
        if height <= self.height && !same {
            return Err(LightError::NotCovered { height, trusted: self.height });
        }
        let mut at = self.clone();
        for block in path.iter().filter(|block| block.header.height > self.height) {
            at = at.step(block, now_ms)?;
        }
        Ok(self.trust(now_ms))
    }

    /// What trust that starts here is worth at a time, in milliseconds since 1970.
    #[must_use]
    pub fn trust(&self, now_ms: u64) -> Trust {
        let age_ms = now_ms.saturating_sub(self.time_ms);
        Trust {
            height: self.height,
            time_ms: self.time_ms,
            age_ms,
            unbonding_ms: self.unbonding_ms,
            former_validators_could_forge: age_ms >= self.unbonding_ms,
        }
    }
}

/// The shortest path from an anchor to a block that bisection finds, the block last. Blocks in between
/// are fetched only where validators changed too much.
///
/// # Errors
/// What fetching returns, or why no path leads there.
pub fn extend<E: From<LightError>>(
    anchor: &Anchor,
    target: LightBlock,
    now_ms: u64,
    mut fetch: impl FnMut(u64) -> Result<LightBlock, E>,
) -> Result<Vec<LightBlock>, E> {
    let height = target.header.height;
    let (mut at, mut path, mut ahead) = (anchor.clone(), Vec::new(), vec![target]);
    while let Some(block) = ahead.last() {
        match at.step(block, now_ms) {
            Ok(next) => {
                at = next;
                path.extend(ahead.pop());
            }
            Err(LightError::Gap { height: next, trusted, .. }) => {
                let between = trusted + (next - trusted) / 2;
                let block = fetch(between)?;
                if block.header.height != between {
                    return Err(LightError::Order { height: block.header.height, trusted }.into());
                }
                ahead.push(block);
            }
            Err(error) => return Err(error.into()),
        }
        if path.len() + ahead.len() > MAX_PATH {
            return Err(LightError::TooLong { height }.into());
        }
    }
    Ok(path)
}
