//! Money and stake under long random sequences of actions: the simulation checks the invariants after
//! every block, and at the end the whole ledger is replayed.

#![allow(clippy::unwrap_used, missing_docs)]

use galen_market::action::{Action, Bond, Burn, Mint, ReleaseStake, Transfer, Unbond};
use galen_market::amount::{Amount, Asset};
use galen_market::codec::Bounded;
use galen_market::error::TxError;
use galen_market::fee::FeeRates;
use galen_market::genesis::GenesisStake;
use galen_market::id::ConsensusKey;
use galen_market::payment::Purse;
use galen_market::state_key;
use galen_market::testing::{Signing, Simulation, Wallet, eur, euros};
use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

fn stake(sim: &Simulation, purse: Purse) -> u64 {
    sim.read(&state_key::balance(&purse, &Asset::Stake)).unwrap_or_default().units()
}

#[test]
fn random_money_actions_keep_the_invariants() {
    for seed in 0..4 {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let names = ["ann", "bob", "cid", "dan"];
        let wallets: Vec<Wallet> = names.iter().map(|name| Wallet::new(name)).collect();
        let mut sim = Simulation::with(|genesis| {
            genesis.currencies[0].fees =
                FeeRates { per_kib: Amount::new(3), per_unit: Amount::new(1) };
            genesis.parameters.unbonding_ms = 5_000;
            genesis.parameters.min_stake = Amount::new(10);
            for wallet in &wallets {
                genesis.stake.push(GenesisStake { account: wallet.id(), amount: Amount::new(100) });
            }
        });
        let gateway = sim.gateway.clone();
        let mut all = wallets.clone();
        all.push(gateway.clone());
        // So that nobody lacks fees, the gateway first; and making 2^64 − 1 more always overflows.
        for wallet in all.iter().rev() {
            let mint = Mint { gateway: gateway.id(), to: wallet.id(), money: euros(2_000) };
            sim.act(vec![Action::Mint(mint)], &[&gateway]).unwrap();
        }
        let (mut done, mut refused) = (0, 0);
        for _ in 0..150 {
            let from = all[rng.gen_range(0..all.len())].clone();
            let to = all[rng.gen_range(0..all.len())].clone();
            let amount = match rng.gen_range(0..8) {
                0 => u64::MAX,
                1 => 0,
                _ => rng.gen_range(1..200),
            };
            let units = Amount::new(amount);
            let action = match rng.gen_range(0..7) {
                0 | 1 => {
                    Action::Mint(Mint { gateway: gateway.id(), to: to.id(), money: euros(amount) })
                }
                2 => Action::Burn(Burn { gateway: gateway.id(), money: euros(amount) }),
                3 => Action::Bond(Bond {
                    validator: from.id(),
                    consensus_key: ConsensusKey(
                        Wallet::new(&format!("vote {}", from.name())).id().0,
                    ),
                    amount: units,
                }),
                4 => Action::Unbond(Unbond { validator: from.id(), amount: units }),
                5 => Action::ReleaseStake(ReleaseStake { validator: from.id() }),
                _ => {
                    let asset =
                        if rng.gen_bool(0.3) { Asset::Stake } else { Asset::Currency(eur()) };
                    Action::Transfer(Transfer {
                        from: from.id(),
                        to: to.id(),
                        asset,
                        amount: units,
                    })
                }
            };
            let signer = match &action {
                Action::Mint(_) | Action::Burn(_) => &gateway,
                _ => &from,
            };
            let before = sim.state.clone();
            match sim.act(vec![action], &[signer]) {
                Ok(_) => done += 1,
                Err(_) => {
                    refused += 1;
                    assert!(sim.state == before, "a refused transaction changes nothing");
                }
            }
        }
        assert!(done > 20 && refused > 20, "{done} done, {refused} refused");
        sim.replay();
    }
}

#[test]
fn stake_leaves_after_the_unbonding_time() {
    let (ann, second) = (Wallet::new("ann"), Wallet::new("second vote"));
    let mut sim = Simulation::with(|genesis| {
        genesis.parameters.unbonding_ms = 10_000;
        genesis.parameters.min_stake = Amount::new(50);
        genesis.stake.push(GenesisStake { account: ann.id(), amount: Amount::new(100) });
    });
    let consensus_key = ConsensusKey(second.id().0);
    let bond = |amount, consensus_key| {
        let amount = Amount::new(amount);
        vec![Action::Bond(Bond { validator: Wallet::new("ann").id(), consensus_key, amount })]
    };
    let low = sim.act(bond(49, consensus_key), &[&ann]);
    assert_eq!(low, Err(TxError::StakeTooLow { min: Amount::new(50) }));
    let taken = ConsensusKey(Wallet::new("consensus").id().0);
    assert_eq!(sim.act(bond(60, taken), &[&ann]), Err(TxError::ConsensusKeyTaken));
    sim.act(bond(60, consensus_key), &[&ann]).unwrap();
    assert_eq!(sim.act(bond(10, taken), &[&ann]), Err(TxError::ConsensusKeyRequired));
    let validators = sim.ledger.validators(&sim.state).unwrap();
    let powers: Vec<u64> = validators.iter().map(|info| info.power).collect();
    assert_eq!(powers.iter().sum::<u64>(), 1_060);

    let unbond = |amount| {
        vec![Action::Unbond(Unbond {
            validator: Wallet::new("ann").id(),
            amount: Amount::new(amount),
        })]
    };
    assert_eq!(sim.act(unbond(20), &[&ann]), Err(TxError::StakeTooLow { min: Amount::new(50) }));
    sim.act(unbond(60), &[&ann]).unwrap();
    assert_eq!(sim.ledger.validators(&sim.state).unwrap().len(), 1);
    let release = vec![Action::ReleaseStake(ReleaseStake { validator: ann.id() })];
    assert_eq!(sim.act(release.clone(), &[&ann]), Err(TxError::NothingUnbonded));
    assert_eq!(stake(&sim, Purse::Unbonding(ann.id())), 60);
    sim.advance(10_000);
    sim.act(release, &[&ann]).unwrap();
    assert_eq!(stake(&sim, Purse::Account(ann.id())), 100);

    let last = Action::Unbond(Unbond { validator: sim.validator.id(), amount: Amount::new(1_000) });
    let validator = sim.validator.clone();
    assert_eq!(sim.act(vec![last], &[&validator]), Err(TxError::LastValidator));
}

#[test]
fn up_time_stands_still_with_the_ledger() {
    let mut sim = Simulation::default();
    sim.advance(30_000);
    assert_eq!(sim.uptime_ms(), 30_000);
    sim.stall(86_400_000);
    assert_eq!(sim.uptime_ms(), 30_000 + sim.genesis.parameters.max_idle_ms);
    sim.replay();
}

#[test]
fn blocks_follow_one_another() {
    use galen_market::ledger::{BlockContext, BlockError};
    let mut sim = Simulation::default();
    sim.block(&[]).unwrap();
    let same_time = BlockContext { height: 2, time_ms: sim.head.time_ms };
    let refused = sim.ledger.execute_block(&sim.state, &same_time, &[]).unwrap_err();
    assert_eq!(refused, BlockError::Time { parent: sim.head.time_ms, got: sim.head.time_ms });
    let gap = BlockContext { height: 3, time_ms: sim.head.time_ms + 1 };
    let refused = sim.ledger.execute_block(&sim.state, &gap, &[]).unwrap_err();
    assert_eq!(refused, BlockError::Height { expected: 2, got: 3 });
    let next = BlockContext { height: 2, time_ms: sim.head.time_ms + 1 };
    sim.ledger.execute_block(&sim.state, &next, &[]).unwrap();
}

#[test]
fn a_genesis_that_contradicts_itself_is_refused() {
    let good = Simulation::default().genesis;
    let refuse = |change: &dyn Fn(&mut galen_market::genesis::Genesis)| {
        let mut genesis = good.clone();
        change(&mut genesis);
        assert_ne!(genesis.chain_id(), good.chain_id());
        genesis.changes().unwrap_err().code()
    };
    assert_eq!(refuse(&|genesis| genesis.registrars.threshold = 4), "bad_genesis");
    assert_eq!(refuse(&|genesis| genesis.registrars.threshold = 0), "bad_genesis");
    assert_eq!(refuse(&|genesis| genesis.validators.clear()), "bad_genesis");
    assert_eq!(refuse(&|genesis| genesis.parameters.max_idle_ms = 0), "bad_genesis");
    assert_eq!(
        refuse(&|genesis| genesis.stake.push(GenesisStake {
            account: genesis.validators[0].account,
            amount: Amount::new(u64::MAX)
        })),
        "amount_out_of_range"
    );
    let text = serde_json::to_string(&good).unwrap();
    let back: galen_market::genesis::Genesis = serde_json::from_str(&text).unwrap();
    assert_eq!(back.chain_id(), good.chain_id());
    good.changes().unwrap();
}

#[test]
fn blocks_are_bounded_and_keep_room_for_deliveries() {
    use galen_market::ledger::BlockError;
    // The least that a genesis may say: three quarters of it hold the largest transaction.
    let max = galen_market::fee::MAX_TRANSACTION_UNITS * 4 / 3 + 1;
    let mut sim = Simulation::with(|genesis| genesis.parameters.max_block_units = max);
    let ann = sim.funded("ann", 1_000);
    let bob = Wallet::new("bob");
    let move_one = Action::Transfer(Transfer {
        from: ann.id(),
        to: bob.id(),
        asset: Asset::Currency(eur()),
        amount: Amount::new(1),
    });
    // A sponsor and sixteen transfers: eighteen units each.
    let sponsor = Wallet::new("sponsor");
    let mut many = Vec::new();
    let count = max / 18 + 1;
    for nonce in 0..count {
        let signers = [&sponsor, &ann];
        let mut transaction = sim.sign(vec![move_one.clone(); 16], &signers);
        let slots = transaction.authorization.accounts.iter().cloned();
        let slots = slots.map(|mut slot| {
            slot.nonce = nonce;
            slot
        });
        transaction.authorization.accounts = Bounded::new(slots.collect()).unwrap();
        let signing = Signing { accounts: signers.to_vec(), ..Signing::default() };
        sim.resign(&mut transaction, &signing);
        many.push(sim.check(&transaction).unwrap());
    }
    let refused = sim.block(&many).unwrap_err();
    assert_eq!(refused, BlockError::TooCostly { units: count * 18, max });
    // Ann's money is enough for sixty-two of them; candidates may come in any order.
    many.reverse();
    let chosen = sim.ledger.propose(&sim.state, &sim.next(1000), &many, 1 << 22).unwrap();
    assert!(!chosen.is_empty());
    // A small block leaves half of itself to deliveries.
    let bytes = many[0].bytes().len() as u64;
    many.sort_by_key(|checked| checked.transaction().authorization.accounts[0].nonce);
    let small = sim.ledger.propose(&sim.state, &sim.next(1000), &many, 8 * bytes).unwrap();
    assert_eq!(small.len(), 4);
    sim.block(&small).unwrap();
    assert_eq!(sim.balance(&bob), 64);
}
