//! The first state of a ledger and what is fixed for its life: the network, registrars, currencies,
//! first validators, the opener's key and the parameters. Its hash is the chain id.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use galen_zk::point::JubPoint;
use serde::{Deserialize, Serialize};

use crate::action::Admission;
use crate::amount::{Amount, Asset, Currency};
use crate::codec::Text;
use crate::error::TxError;
use crate::fee::FeeRates;
use crate::id::{AccountId, ChainId, ConsensusKey, Digest, Hasher};
use crate::identity::validator::ValidatorRecord;
use crate::identity::{Party, Standing};
use crate::payment::{Purse, Supply};
use crate::state::{Changes, MemoryState, Overlay};
use crate::state_key;

/// Which proving parameters count.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Debug,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Parameters from a public seed: anyone can forge proofs. For trying out.
    Development,
    /// Parameters from a ceremony.
    Production,
}

/// The numbers of the protocol. Times are in milliseconds.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// The most time between two blocks that counts as up-time; a quiet ledger makes a block at
    /// least this often.
    pub max_idle_ms: u64,
    /// The least up-time between two batches of revocations.
    pub revoke_epoch_ms: u64,
    /// Up-time for which a superseded root of credentials is still accepted.
    pub root_window_ms: u64,
    /// Block time for which stake is not free after it stopped voting.
    pub unbonding_ms: u64,
    /// The least stake of a validator.
    pub min_stake: Amount,
    /// The most due deadlines that one block runs.
    pub due_max: u32,
    /// The furthest expiry of a transaction after the time of the block.
    pub max_expiry_ms: u64,
    /// How often one credential may request one package.
    pub requests_per_credential: u16,
    /// The most bytes of the transactions of a block.
    pub max_block_bytes: u64,
    /// The part of a block that is kept for deliveries and disputes, in bytes.
    pub reserved_block_bytes: u64,
    /// The most verification units of the transactions of a block, a quarter of which is kept for
    /// deliveries and disputes.
    pub max_block_units: u64,
    /// The least k that a table may be listed with.
    pub k_min: u32,
    /// Up-time after which an unproven draft is forgotten.
    pub draft_ms: u64,
    /// What a draft locks for every 1024 bytes of its layout, in minor units of its price's currency.
    pub draft_deposit_per_kib: Amount,
    /// The longest time for which an institution may review requests, as up-time.
    pub max_review_ms: u64,
    /// Up-time in which a buyer fetches the ciphertext of a package...
    pub ready_ms: u64,
    /// ... and so much more for every segment ...
    pub ready_per_segment_ms: u64,
    /// ... but no more than this.
    pub ready_max_ms: u64,
    /// Up-time in which an institution delivers the key once the buyer is ready.
    pub deliver_ms: u64,
    /// Up-time in which a buyer disputes.
    pub dispute_ms: u64,
    /// Up-time of a month of a subscription.
    pub month_ms: u64,
    /// Compensation for a failed deal, in ten-thousandths of its price ...
    pub compensation_basis_points: u16,
    /// ... but no more than this, in minor units.
    pub compensation_max: Amount,
    /// The longest up-time of a standing request.
    pub standing_max_ms: u64,
    /// The most pairs of a listing and a standing request that one block looks at.
    pub match_max: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        const SECOND: u64 = 1000;
        const MINUTE: u64 = 60 * SECOND;
        const DAY: u64 = 24 * 60 * MINUTE;
        Self {
            max_idle_ms: MINUTE,
            revoke_epoch_ms: 10 * MINUTE,
            root_window_ms: 60 * MINUTE,
            unbonding_ms: 21 * DAY,
            min_stake: Amount::new(1),
            due_max: 256,
            max_expiry_ms: DAY,
            requests_per_credential: 8,
            max_block_bytes: 4 * 1024 * 1024,
            reserved_block_bytes: 1024 * 1024,
            // About two seconds on one core.
            max_block_units: 20_000,
            k_min: 2,
            draft_ms: 7 * DAY,
            draft_deposit_per_kib: Amount::new(10),
            max_review_ms: 30 * DAY,
            ready_ms: DAY,
            ready_per_segment_ms: 100,
            ready_max_ms: 30 * DAY,
            deliver_ms: DAY,
            dispute_ms: 3 * DAY,
            month_ms: 365 * DAY / 12,
            compensation_basis_points: 1_000,
            compensation_max: Amount::new(1_000_000),
            standing_max_ms: 180 * DAY,
            match_max: 64,
        }
    }
}

/// A currency of the ledger.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct CurrencyInfo {
    /// Decimal digits of a minor unit: 2 for cents.
    pub decimals: u8,
    /// What fees cost in it.
    pub fees: FeeRates,
}

/// The registrars.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Registrars {
    /// How many must sign.
    pub threshold: u32,
    /// Who they are.
    pub accounts: Vec<AccountId>,
}

/// The time of the last block.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct Clock {
    /// Its height; 0 for genesis.
    pub height: u64,
    /// Its time, in milliseconds since 1970.
    pub time_ms: u64,
    /// Up-time so far: the sum of the times between blocks, each at most `max_idle_ms`.
    pub uptime_ms: u64,
}

/// A currency and its first gateway.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct GenesisCurrency {
    /// Its name.
    pub currency: Currency,
    /// Decimal digits of a minor unit.
    pub decimals: u8,
    /// What fees cost in it.
    pub fees: FeeRates,
    /// Its gateway.
    pub gateway: AccountId,
    /// The gateway's name, for people.
    pub gateway_name: Text<200>,
}

/// A validator of the first block.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct GenesisValidator {
    /// Its account.
    pub account: AccountId,
    /// The key of its votes.
    pub consensus_key: ConsensusKey,
    /// Its stake.
    pub stake: Amount,
}

/// Free stake of an account.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct GenesisStake {
    /// The account.
    pub account: AccountId,
    /// How much.
    pub amount: Amount,
}

/// Everything that a ledger starts from.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// Name of the ledger.
    pub name: Text<100>,
    /// Development or production.
    pub network: Network,
    /// Hash of the proving parameters, as the verifier of this network states it.
    pub proving_parameters: Digest,
    /// Time of genesis, in milliseconds since 1970.
    pub time_ms: u64,
    /// The registrars.
    pub registrars: Registrars,
    /// The currencies.
    pub currencies: Vec<GenesisCurrency>,
    /// The first validators.
    pub validators: Vec<GenesisValidator>,
    /// Stake beside the validators'.
    #[serde(default)]
    pub stake: Vec<GenesisStake>,
    /// The key to which a credential's holder is encrypted, for opening after proven misuse.
    pub opener: JubPoint,
    /// The parameters.
    #[serde(default)]
    pub parameters: Parameters,
}

impl Parameters {
    /// Up-time that a delivery must leave before its deadline to be shown to other nodes: ten seconds,
    /// or a quarter of the time for deliveries where that is less. Who could read a delivery that
    /// comes too late would have the data for nothing.
    #[must_use]
    pub fn delivery_margin_ms(&self) -> u64 {
        (self.deliver_ms / 4).min(10_000)
    }
}

impl Genesis {
    /// The hash that names this ledger.
    #[must_use]
    pub fn chain_id(&self) -> [u8; 32] {
        Hasher::new("galen/genesis").value(self).digest().0
    }

    /// The chain id as a typed id.
    #[must_use]
    pub fn chain(&self) -> ChainId {
        ChainId(self.chain_id())
    }

    /// Checks the genesis against itself.
    ///
    /// # Errors
    /// [`TxError::BadGenesis`] with what contradicts what.
    pub fn check(&self) -> Result<(), TxError> {
        let bad = |what: &str| Err(TxError::BadGenesis { what: what.to_owned() });
        let registrars: BTreeSet<_> = self.registrars.accounts.iter().collect();
        if registrars.len() != self.registrars.accounts.len() {
            return bad("a registrar is named twice");
        }
        if self.registrars.threshold == 0 || self.registrars.threshold as usize > registrars.len() {
            return bad("the registrars' threshold is zero or above their number");
        }
        if self.registrars.threshold as usize > crate::transaction::MAX_SIGNATURES {
            return bad("more registrars must sign than a transaction has room for");
        }
        let currencies: BTreeSet<_> = self.currencies.iter().map(|info| &info.currency).collect();
        if currencies.len() != self.currencies.len() || currencies.is_empty() {
            return bad("there is no currency, or one is named twice");
        }
        let gateways: BTreeSet<_> = self.currencies.iter().map(|info| info.gateway).collect();
        if gateways.len() != self.currencies.len() {
            return bad("one account is the gateway of two currencies");
        }
        let accounts: BTreeSet<_> = self.validators.iter().map(|info| info.account).collect();
        let keys: BTreeSet<_> = self.validators.iter().map(|info| info.consensus_key).collect();
        if accounts.len() != self.validators.len() || keys.len() != self.validators.len() {
            return bad("a validator or a consensus key is named twice");
        }
        if self.validators.is_empty() {
            return bad("there is no validator");
        }
        if self
            .validators
            .iter()
            .any(|info| info.stake < self.parameters.min_stake || info.stake.is_zero())
        {
            return bad("a validator has less than the least stake");
        }
        let p = &self.parameters;
        if p.max_idle_ms == 0
            || p.revoke_epoch_ms == 0
            || p.due_max == 0
            || p.requests_per_credential == 0
        {
            return bad(
                "max_idle_ms, revoke_epoch_ms, due_max and requests_per_credential must be positive",
            );
        }
        if p.max_block_bytes < crate::transaction::MAX_TRANSACTION_BYTES as u64 {
            return bad("max_block_bytes is below the size of the largest transaction");
        }
        // A quarter is kept for deliveries and disputes.
        if p.max_block_units - p.max_block_units / 4 < crate::fee::MAX_TRANSACTION_UNITS {
            return bad("max_block_units leaves no room for the largest transaction");
        }
        if p.reserved_block_bytes > p.max_block_bytes {
            return bad("reserved_block_bytes is above max_block_bytes");
        }
        let times =
            [p.draft_ms, p.ready_ms, p.ready_max_ms, p.deliver_ms, p.dispute_ms, p.month_ms];
        if p.k_min == 0 || times.contains(&0) {
            return bad(
                "k_min, draft_ms, ready_ms, ready_max_ms, deliver_ms, dispute_ms and month_ms must be positive",
            );
        }
        if p.compensation_basis_points > crate::listing::BASIS_POINTS {
            return bad("compensation_basis_points is above the whole price");
        }
        Ok(())
    }

    /// The state at height 0, as one batch of changes to an empty state.
    ///
    /// # Errors
    /// [`TxError::BadGenesis`], or an overflow of all stake together.
    pub fn changes(&self) -> Result<Changes, TxError> {
        self.check()?;
        let empty = MemoryState::default();
        let mut state = Overlay::new(&empty);
        state_key::write(&mut state, &state_key::parameters(), &self.parameters);
        state_key::write(&mut state, &state_key::registrars(), &self.registrars);
        let clock = Clock { height: 0, time_ms: self.time_ms, uptime_ms: 0 };
        state_key::write(&mut state, &state_key::clock(), &clock);

        let evidence = Hasher::new("galen/genesis-evidence").value(self).digest();
        for info in &self.currencies {
            let details = CurrencyInfo { decimals: info.decimals, fees: info.fees };
            state_key::write(&mut state, &state_key::currency(&info.currency), &details);
            let asset = Asset::Currency(info.currency.clone());
            state_key::write(&mut state, &state_key::supply(&asset), &Supply::default());
            let admission = Admission::Gateway(info.currency.clone());
            let party = gateway(admission, info.gateway_name.clone(), evidence);
            let key = state_key::party(party.admission.role(), &info.gateway);
            state_key::write(&mut state, &key, &party);
        }

        let mut total = Amount::ZERO;
        for info in &self.validators {
            total = total.checked_add(info.stake)?;
            let key = state_key::balance(&Purse::Stake(info.account), &Asset::Stake);
            state_key::write(&mut state, &key, &info.stake);
            let record = ValidatorRecord { consensus_key: info.consensus_key };
            state_key::write(&mut state, &state_key::validator(&info.account), &record);
            state_key::write(
                &mut state,
                &state_key::consensus_key(&info.consensus_key),
                &info.account,
            );
        }
        let mut free = std::collections::BTreeMap::new();
        for info in &self.stake {
            total = total.checked_add(info.amount)?;
            let sum: &mut Amount = free.entry(info.account).or_default();
            *sum = sum.checked_add(info.amount)?;
        }
        for (account, amount) in free {
            let key = state_key::balance(&Purse::Account(account), &Asset::Stake);
            state_key::write(&mut state, &key, &amount);
        }
        let supply = Supply { minted: u128::from(total.units()), burned: 0 };
        state_key::write(&mut state, &state_key::supply(&Asset::Stake), &supply);
        Ok(state.into_changes())
    }
}

fn gateway(admission: Admission, name: Text<200>, evidence: Digest) -> Party {
    Party {
        admission,
        name,
        url: Text::default(),
        standing: Standing::Active,
        evidence,
        since_height: 0,
    }
}
