use galen_light::{
    Anchor, Certificate, CertificateError, LightBlock, LightError, ValidatorSet, extend,
};
use galen_market::codec::Bounded;

use crate::chain::{Chain, DAY_MS, certificate, genesis, key, set, signature};

fn four() -> Vec<(u8, u64)> {
    vec![(1, 10), (2, 10), (3, 10), (4, 10)]
}

fn signed(block: &LightBlock, signers: &[u8]) -> LightBlock {
    LightBlock { certificate: certificate(&block.header, 0, signers), ..block.clone() }
}

#[test]
fn adversary_45a_a_forged_certificate_decides_nothing() {
    let chain = Chain::new(&[(1, four())], 2);
    let block = chain.block(2);
    let check = |block: &LightBlock| block.certificate.verify(&block.header, &block.validators);
    assert_eq!(check(&block), Ok(()));
    assert_eq!(check(&signed(&block, &[4, 2, 1])), Ok(()), "three of four, in any order");

    // Too little stake: two of four, and exactly two thirds of three.
    let (height, total) = (2, 40);
    assert_eq!(
        check(&signed(&block, &[1, 2])),
        Err(CertificateError::TooLittleStake { height, signed: 20, total })
    );
    let thirds = Chain::new(&[(1, vec![(1, 1), (2, 1), (3, 1)])], 1).block(1);
    assert_eq!(
        check(&signed(&thirds, &[1, 2])),
        Err(CertificateError::TooLittleStake { height: 1, signed: 2, total: 3 })
    );
    assert_eq!(check(&signed(&thirds, &[1, 2, 3])), Ok(()));

    // One signer twice.
    let twice = signed(&block, &[1, 2, 1]);
    assert_eq!(check(&twice), Err(CertificateError::Duplicate { height, signer: key(1) }));

    // A stranger's signature.
    let stranger = signed(&block, &[1, 2, 3, 9]);
    assert_eq!(check(&stranger), Err(CertificateError::NotValidator { height, signer: key(9) }));

    // Signatures of another height, round or ledger, or of another block.
    let bad = |signatures: Vec<_>, round| LightBlock {
        certificate: Certificate { round, signatures: Bounded::new(signatures).unwrap() },
        ..block.clone()
    };
    let refused = Err(CertificateError::BadSignature { height, signer: key(1) });
    let other = |change: &dyn Fn(&mut galen_light::Header)| {
        let mut header = block.header.clone();
        change(&mut header);
        bad((1..=4).map(|number| signature(&header, 0, number)).collect(), 0)
    };
    assert_eq!(check(&other(&|_| {})), Ok(()));
    assert_eq!(check(&other(&|header| header.height = 3)), refused);
    assert_eq!(check(&other(&|header| header.chain_id = [7; 32])), refused);
    assert_eq!(check(&other(&|header| header.state_root = [7; 32])), refused);
    let round_one = (1..=4).map(|number| signature(&block.header, 1, number)).collect();
    assert_eq!(check(&bad(round_one, 0)), refused);
    let round_one = (1..=4).map(|number| signature(&block.header, 1, number)).collect();
    assert_eq!(check(&bad(round_one, 1)), Ok(()), "a block may be decided in a later round");

    // A set of the forger's own.
    let own = LightBlock { validators: set(&[(9, 40)]), ..signed(&block, &[9]) };
    assert_eq!(check(&own), Err(CertificateError::OtherValidators { height }));
    // The right validators with other power.
    let heavy = LightBlock {
        validators: set(&[(1, 90), (2, 10), (3, 10), (4, 10)]),
        ..signed(&block, &[1])
    };
    assert_eq!(check(&heavy), Err(CertificateError::OtherValidators { height }));
}

#[test]
fn adversary_45a_a_changed_header_is_not_what_was_signed() {
    let chain = Chain::new(&[(1, four())], 1);
    let block = chain.block(1);
    let anchor = Anchor::genesis(&chain.genesis).unwrap();
    assert!(anchor.follow(std::slice::from_ref(&block), chain.now_ms()).is_ok());
    let changes: [&dyn Fn(&mut galen_light::Header); 6] = [
        &|header| header.time_ms += 1,
        &|header| header.state_root[0] ^= 1,
        &|header| header.events[31] ^= 1,
        &|header| header.transactions[0] ^= 1,
        &|header| header.proposer[0] ^= 1,
        &|header| header.next_validators[0] ^= 1,
    ];
    for change in changes {
        let mut lie = block.clone();
        change(&mut lie.header);
        let refused = anchor.follow(&[lie], chain.now_ms());
        let signer = block.certificate.signatures[0].validator;
        let bad = CertificateError::BadSignature { height: 1, signer };
        assert_eq!(refused, Err(LightError::Certificate(bad)));
    }
}

#[test]
fn a_changed_set_is_followed_step_by_step_or_over_what_stayed() {
    // One of four leaves at 5, another at 9, and at 12 nobody of the first four is left.
    let schedule = [
        (1, four()),
        (5, vec![(1, 10), (2, 10), (3, 10), (5, 10)]),
        (9, vec![(1, 10), (2, 10), (6, 10), (5, 10)]),
        (12, vec![(7, 10), (8, 10), (6, 10), (5, 10)]),
    ];
    let chain = Chain::new(&schedule, 20);
    let (anchor, now_ms) = (Anchor::genesis(&chain.genesis).unwrap(), chain.now_ms());
    let all = anchor.follow(&chain.blocks, now_ms).unwrap();
    assert!(!all.former_validators_could_forge);
    // Within three of the first four: at once. Then nobody who was there at first signs.
    assert!(anchor.follow(&[chain.block(8)], now_ms).is_ok());
    let gap = LightError::Gap { height: 20, trusted: 0, signed: 0, total: 40 };
    assert_eq!(anchor.follow(&[chain.block(20)], now_ms), Err(gap));

    let mut fetched = Vec::new();
    let fetch = |height| {
        fetched.push(height);
        Ok::<_, LightError>(chain.block(height))
    };
    let path = extend(&anchor, chain.block(20), now_ms, fetch).unwrap();
    assert_eq!(path.last(), Some(&chain.block(20)));
    assert!(path.len() < 5, "{fetched:?}");
    assert_eq!(anchor.follow(&path, now_ms).unwrap(), all);

    // A trusted header in the middle needs less of it; one at the end is it; a later one is no use.
    let middle = Anchor::block(&chain.block(13), &chain.genesis).unwrap();
    assert_eq!(middle.follow(&path, now_ms).unwrap().height, 13);
    let end = Anchor::block(&chain.block(20), &chain.genesis).unwrap();
    assert!(end.follow(&path, now_ms).is_ok());
    let early = [chain.block(8)];
    assert_eq!(end.follow(&early, now_ms), Err(LightError::NotCovered { height: 8, trusted: 20 }));
}

#[test]
fn adversary_45c_validators_who_left_vouch_for_nothing_new() {
    let schedule = [(1, four()), (3, vec![(5, 10), (6, 10), (7, 10), (8, 10)])];
    let chain = Chain::new(&schedule, 6);
    let (anchor, now_ms) = (Anchor::genesis(&chain.genesis).unwrap(), chain.now_ms());
    let after = Anchor::block(&chain.block(3), &chain.genesis).unwrap();
    assert!(after.follow(&[chain.block(6)], now_ms).is_ok());
    // The first four make another block 6, with themselves as validators.
    let forger = Chain::new(&[(1, four())], 6);
    assert_eq!(forger.genesis, chain.genesis);
    let lie = forger.block(6);
    let gap = LightError::Gap { height: 6, trusted: 3, signed: 0, total: 40 };
    assert_eq!(after.follow(std::slice::from_ref(&lie), now_ms), Err(gap));
    // The block after a trusted one must be decided by whom that one announced.
    let next = Anchor::block(&chain.block(2), &chain.genesis).unwrap();
    assert!(next.follow(&[chain.block(3)], now_ms).is_ok());
    let mut wrong = forger.block(3);
    wrong.header.parent = chain.block(2).header.id();
    let wrong = signed(&wrong, &[1, 2, 3, 4]);
    assert_eq!(next.follow(&[wrong], now_ms), Err(LightError::NotAnnounced { height: 3 }));
    assert_eq!(next.follow(&[forger.block(3)], now_ms), Err(LightError::Parent { height: 3 }));

    // Whoever trusts the genesis alone believes them, and is told so once their stake may be free.
    let unbonding = chain.genesis.parameters.unbonding_ms;
    let young = anchor.follow(std::slice::from_ref(&lie), anchor.time_ms + unbonding - 1).unwrap();
    assert!(!young.former_validators_could_forge);
    let old = anchor.follow(&[lie], anchor.time_ms + unbonding).unwrap();
    assert!(old.former_validators_could_forge);
    assert!(old.sentence().contains("genesis trust only"), "{}", old.sentence());
    assert_eq!(unbonding, 21 * DAY_MS);
}

#[test]
fn adversary_45c_a_header_out_of_order_is_refused() {
    let chain = Chain::new(&[(1, four())], 4);
    let (anchor, now_ms) = (Anchor::genesis(&chain.genesis).unwrap(), chain.now_ms());
    assert!(anchor.follow(&chain.blocks, now_ms).is_ok());
    let swapped = [chain.block(3), chain.block(2), chain.block(4)];
    assert_eq!(anchor.follow(&swapped, now_ms), Err(LightError::Order { height: 2, trusted: 3 }));
    assert_eq!(anchor.follow(&[], now_ms), Err(LightError::NoBlock));
    let other = Anchor::genesis(&genesis(&[(1, 1)])).unwrap();
    assert_eq!(other.follow(&[chain.block(2)], now_ms), Err(LightError::OtherLedger { height: 2 }));
    let early = chain.block(4).header.time_ms - 11 * 60 * 1000;
    assert!(matches!(
        anchor.follow(&[chain.block(4)], early),
        Err(LightError::Future { height: 4, .. })
    ));
}

#[test]
fn hostile_lists_are_bounded() {
    let set: ValidatorSet = set(&four());
    let text = serde_json::to_string(&set).unwrap();
    assert_eq!(serde_json::from_str::<ValidatorSet>(&text).unwrap(), set);
    let bytes = borsh::to_vec(&set).unwrap();
    assert_eq!(borsh::from_slice::<ValidatorSet>(&bytes).unwrap(), set);
    // One order, each once, nobody without power, no overflow, no endless list.
    let list = |validators: &[(u8, u64)]| {
        let list: Vec<_> = validators
            .iter()
            .map(|(number, power)| serde_json::json!({ "key": key(*number), "power": power }))
            .collect();
        serde_json::from_value::<ValidatorSet>(list.into()).map(|_| ())
    };
    assert!(list(&[(1, 3), (2, 2)]).is_ok());
    for bad in
        [&[][..], &[(2, 2), (1, 3)], &[(1, 2), (1, 2)], &[(1, 3), (2, 0)], &[(1, u64::MAX / 2)]]
    {
        assert!(list(bad).is_err(), "{bad:?}");
    }
    let mut endless = u32::MAX.to_le_bytes().to_vec();
    endless.extend_from_slice(&bytes[4..]);
    assert!(borsh::from_slice::<ValidatorSet>(&endless).is_err());
}
