//! A chain of headers with certificates, made by keys that the test knows.

use ed25519_consensus::SigningKey;
use galen_light::{
    BlockId, Certificate, CommitSignature, Header, LightBlock, Validator, ValidatorSet,
    precommit_message,
};
use galen_market::amount::Amount;
use galen_market::codec::Bounded;
use galen_market::genesis::{Genesis, GenesisValidator};
use galen_market::id::{AccountId, ConsensusKey, Signature};
use galen_market::testing::{GENESIS_MS, Simulation};

pub const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Validators by number and power.
pub type Members = Vec<(u8, u64)>;

pub fn secret(number: u8) -> SigningKey {
    SigningKey::from([number; 32])
}

pub fn key(number: u8) -> ConsensusKey {
    ConsensusKey(secret(number).verification_key().to_bytes())
}

pub fn set(members: &[(u8, u64)]) -> ValidatorSet {
    let validators =
        members.iter().map(|(number, power)| Validator { key: key(*number), power: *power });
    ValidatorSet::new(validators).unwrap()
}

pub fn genesis(members: &[(u8, u64)]) -> Genesis {
    let mut genesis = Simulation::default().genesis;
    genesis.validators = members
        .iter()
        .map(|(number, power)| GenesisValidator {
            account: AccountId([*number; 32]),
            consensus_key: key(*number),
            stake: Amount::new(*power),
        })
        .collect();
    genesis
}

pub fn signature(header: &Header, round: u32, number: u8) -> CommitSignature {
    let message =
        precommit_message(&header.chain_id, header.height, round, &header.id(), &key(number));
    let signature = Signature(secret(number).sign(&message).to_bytes());
    CommitSignature { validator: key(number), signature }
}

pub fn certificate(header: &Header, round: u32, signers: &[u8]) -> Certificate {
    let signatures = signers.iter().map(|number| signature(header, round, *number)).collect();
    Certificate { round, signatures: Bounded::new(signatures).unwrap() }
}

/// A chain whose validators are those of `schedule` from a height on; all of them sign.
pub struct Chain {
    pub genesis: Genesis,
    pub blocks: Vec<LightBlock>,
    schedule: Vec<(u64, Members)>,
}

impl Chain {
    pub fn new(schedule: &[(u64, Members)], blocks: u64) -> Self {
        let schedule = schedule.to_vec();
        let genesis = genesis(&schedule[0].1);
        let mut chain = Self { genesis, blocks: Vec::new(), schedule };
        (0..blocks).for_each(|_| chain.extend([1; 32]));
        chain
    }

    pub fn members(&self, height: u64) -> &[(u8, u64)] {
        &self.schedule.iter().rev().find(|(from, _)| *from <= height).unwrap().1
    }

    /// One more block, after which the state has this root.
    pub fn extend(&mut self, state_root: [u8; 32]) {
        let height = self.blocks.len() as u64 + 1;
        let chain_id = self.genesis.chain_id();
        let header = Header {
            chain_id,
            height,
            time_ms: GENESIS_MS + height * 1000,
            parent: self.blocks.last().map_or(BlockId(chain_id), |block| block.header.id()),
            proposer: key(1).0,
            transactions: [2; 32],
            events: [0; 32],
            state_root,
            validators: set(self.members(height)).hash(),
            next_validators: set(self.members(height + 1)).hash(),
        };
        let signers: Vec<u8> = self.members(height).iter().map(|(number, _)| *number).collect();
        let certificate = certificate(&header, 0, &signers);
        let validators = set(self.members(height));
        self.blocks.push(LightBlock { header, certificate, validators });
    }

    pub fn block(&self, height: u64) -> LightBlock {
        self.blocks[usize::try_from(height).unwrap() - 1].clone()
    }

    /// A moment after the last block.
    pub fn now_ms(&self) -> u64 {
        self.blocks.last().unwrap().header.time_ms + 1
    }
}
