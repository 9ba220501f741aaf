#![allow(clippy::unwrap_used)]

use galen_market::amount::{Amount, Money};
use galen_market::codec::{Bounded, Text};
use galen_market::deal::Origin;
use galen_market::genesis::Network;
use galen_market::id::{ChainId, ConsensusKey, Digest, PackageId};
use galen_market::listing::ListingId;
use galen_market::payment::Refund;
use galen_market::terms::{Decision, Outcome, Purpose, PurposeKind};
use galen_zk::point::JubPoint;

use super::*;

const DELIVER_MS: u64 = 3_600_000;
const IDLE_MS: u64 = 60_000;

/// A ready deal of a hundred cents for health research.
pub(super) fn a_deal() -> Deal {
    let account = AccountId([1; 32]);
    Deal {
        id: DealId([2; 32]),
        origin: Origin::Request,
        listing: ListingId { institution: account, package: PackageId([3; 32]) },
        version: 1,
        tier: Text::new("standard").unwrap(),
        seats: 1,
        terms: Digest([4; 32]),
        price: Money { currency: "EUR".parse().unwrap(), amount: Amount::new(100) },
        purpose: Purpose::new(PurposeKind::Health, None),
        decision: Decision { outcome: Outcome::Allowed, reasons: Bounded::default() },
        refund: Refund::Account(account),
        delivery_key: JubPoint::generator(),
        auth_key: account,
        ready: true,
        stage: Stage::Ready,
        deadline_ms: Some(0),
        requested_ms: 0,
        bond: Amount::ZERO,
        envelope: None,
        termination: None,
    }
}

fn deal(stage: Stage, deadline_ms: u64) -> DealView {
    DealView {
        deal: Deal { stage, deadline_ms: Some(deadline_ms), ..a_deal() },
        uptime_ms: 0,
        remaining_ms: None,
        allowance: Amount::ZERO,
        licence: None,
    }
}

fn status() -> Status {
    Status {
        version: String::new(),
        name: String::new(),
        chain_id: ChainId([0; 32]),
        network: Network::Development,
        forgeable_parameters: true,
        height: 10,
        time_ms: 1_000_000,
        uptime_ms: 500_000,
        clock_ms: 1_000_100,
        state_root: Digest([0; 32]),
        consensus_key: ConsensusKey([0; 32]),
        validator: true,
        fresh: true,
        network_height: 10,
        peers: 0,
        pending: 0,
        stopped: None,
    }
}

fn judged(deal: &DealView, status: &Status) -> Result<(), Hold> {
    decide(deal, status, IDLE_MS, DELIVER_MS)
}

#[test]
fn a_ready_deal_with_time_left_is_delivered() {
    assert_eq!(judged(&deal(Stage::Ready, 600_000), &status()), Ok(()));
}

#[test]
fn adversary_28_never_within_the_margin() {
    // 100 ms have passed since the newest block.
    let edge = status().uptime_ms + 100 + MARGIN_MS;
    assert_eq!(judged(&deal(Stage::Ready, edge + 1), &status()), Ok(()));
    assert_eq!(judged(&deal(Stage::Ready, edge), &status()), Err(Hold::TooLate));
    assert_eq!(judged(&deal(Stage::Ready, 0), &status()), Err(Hold::TooLate));
}

#[test]
fn adversary_28a_never_through_a_node_that_is_behind() {
    let deal = deal(Stage::Ready, 10_000_000);
    let behind = |change: &dyn Fn(&mut Status)| {
        let mut status = status();
        change(&mut status);
        judged(&deal, &status)
    };
    assert_eq!(behind(&|_| ()), Ok(()));
    assert_eq!(behind(&|status| status.fresh = false), Err(Hold::NodeBehind));
    assert_eq!(behind(&|status| status.network_height = 11), Err(Hold::NodeBehind));
    assert_eq!(
        behind(&|status| status.stopped = Some("disk full".to_owned())),
        Err(Hold::NodeBehind)
    );
    let edge = status().time_ms + IDLE_MS + STALE_MS;
    assert_eq!(behind(&|status| status.clock_ms = edge), Ok(()));
    assert_eq!(behind(&|status| status.clock_ms = edge + 1), Err(Hold::NodeBehind));
}

#[test]
fn deals_at_other_stages_are_left_alone() {
    for stage in
        [Stage::Requested, Stage::Agreed, Stage::Verified, Stage::Finalized, Stage::Terminated]
    {
        assert_eq!(judged(&deal(stage, 600_000), &status()), Err(Hold::NotReady));
    }
}

#[test]
fn a_short_ledger_has_a_short_margin() {
    assert_eq!(margin_ms(3_600_000), MARGIN_MS);
    assert_eq!(margin_ms(8_000), 2_000);
}
