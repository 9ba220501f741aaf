#![allow(clippy::unwrap_used)]

use super::*;
use crate::consensus::types::Announcement;
use arc_malachitebft_app_channel::app::types::core::{
    CommitSignature, PolkaSignature, RoundCertificateType, RoundSignature,
};
use rand::{Rng, SeedableRng, rngs::StdRng};

fn vote() -> SignedMessage<GalenContext, Vote> {
    let vote = Vote {
        kind: VoteType::Precommit,
        height: Height(3),
        round: Round::new(2),
        value: NilOrVal::Val(BlockId([4; 32])),
        address: Address([5; 32]),
    };
    SignedMessage::new(vote, Signature([6; 64]))
}

fn certificate() -> CommitCertificate<GalenContext> {
    CommitCertificate {
        height: Height(3),
        round: Round::new(2),
        value_id: BlockId([4; 32]),
        commit_signatures: vec![CommitSignature::new(Address([5; 32]), Signature([6; 64]))],
    }
}

/// The message survives its bytes; bytes cut, longer or changed never give the same message, and
/// nothing panics.
fn survives<T>(message: &T)
where
    Borsh: Codec<T, Error = CodecError>,
    T: PartialEq + std::fmt::Debug,
{
    let bytes = Borsh.encode(message).unwrap();
    let decode = |bytes: Vec<u8>| <Borsh as Codec<T>>::decode(&Borsh, bytes.into());
    assert_eq!(decode(bytes.to_vec()).as_ref().ok(), Some(message));
    for cut in 0..bytes.len() {
        assert!(decode(bytes[..cut].to_vec()).is_err(), "cut at {cut}");
    }
    assert!(decode([&bytes[..], &[0]].concat()).is_err(), "a trailing byte");
    let mut rng = StdRng::seed_from_u64(1);
    for _ in 0..2000 {
        let mut changed = bytes.to_vec();
        let at = rng.gen_range(0..changed.len());
        changed[at] ^= rng.gen_range(1..=255u8);
        assert_ne!(decode(changed).ok().as_ref(), Some(message), "byte {at}");
    }
    for length in 0..200 {
        let random: Vec<u8> = (0..length).map(|_| rng.r#gen()).collect();
        if let Ok(message) = decode(random.clone()) {
            assert_eq!(Borsh.encode(&message).unwrap(), random, "not canonical");
        }
    }
}

#[test]
fn messages_survive_their_bytes_and_hostile_bytes_do_no_harm() {
    survives(&SignedConsensusMsg::Vote(vote()));
    let proposal = Proposal {
        height: Height(1),
        round: Round::ZERO,
        value: Value(BlockId([1; 32])),
        pol_round: Round::Nil,
        address: Address([2; 32]),
    };
    survives(&SignedConsensusMsg::Proposal(SignedMessage::new(proposal, Signature([3; 64]))));
    survives(&LivenessMsg::Vote(vote()));
    let polka = PolkaCertificate {
        height: Height(3),
        round: Round::Nil,
        value_id: BlockId([4; 32]),
        polka_signatures: vec![PolkaSignature::new(Address([5; 32]), Signature([6; 64]))],
    };
    survives(&polka);
    survives(&LivenessMsg::PolkaCertificate(polka));
    survives(&LivenessMsg::SkipRoundCertificate(RoundCertificate {
        height: Height(3),
        round: Round::new(1),
        cert_type: RoundCertificateType::Skip,
        round_signatures: vec![RoundSignature::new(
            VoteType::Prevote,
            NilOrVal::Nil,
            Address([5; 32]),
            Signature([6; 64]),
        )],
    }));
    let announcement = Announcement {
        height: 1,
        round: 0,
        id: BlockId([1; 32]),
        proposer: Address([2; 32]),
        chunks: 1,
        signature: [3; 64],
    };
    let stream = |content| StreamMessage::new(StreamId::new(vec![1, 2].into()), 7, content);
    survives(&stream(StreamContent::Data(ProposalPart::Announcement(announcement))));
    survives(&stream(StreamContent::Data(ProposalPart::Chunk {
        index: 3,
        bytes: vec![1; 9],
        last: true,
    })));
    survives(&stream(StreamContent::Fin));
    survives(&ValidatorProof::<GalenContext>::new(vec![1; 32], vec![2; 38], Signature([3; 64])));
    survives(&ProposedValue::<GalenContext> {
        height: Height(1),
        round: Round::new(1),
        valid_round: Round::Nil,
        proposer: Address([1; 32]),
        value: Value(BlockId([2; 32])),
        validity: Validity::Valid,
    });
    survives(&certificate());
    survives(&Status::<GalenContext> {
        peer_id: PeerId::from_bytes(&[&[0x12, 0x20][..], &[1; 32]].concat()).unwrap(),
        tip_height: Height(9),
        history_min_height: Height(1),
    });
    survives(&Request::<GalenContext>::ValueRequest(ValueRequest::new(Height(1)..=Height(4))));
    let value = RawDecidedValue::new(vec![1, 2, 3].into(), extended(certificate()));
    let response = Response::ValueResponse(ValueResponse::new(Height(3), vec![value]));
    survives(&response);
    assert_eq!(Borsh.encoded_len(&response).unwrap(), Borsh.encode(&response).unwrap().len());
}

#[test]
fn lists_longer_than_any_set_of_validators_are_refused() {
    let signatures = |n: usize| CommitCertificate {
        commit_signatures: vec![CommitSignature::new(Address([5; 32]), Signature([6; 64])); n],
        ..certificate()
    };
    let decode = |n: usize| decode_certificate(&encode_certificate(&signatures(n)));
    assert!(decode(MAX_VALIDATORS).is_ok());
    assert!(decode(MAX_VALIDATORS + 1).unwrap_err().to_string().contains("too many signatures"));
    let chunk = |n: usize| {
        Borsh.encode(&ProposalPart::Chunk { index: 0, bytes: vec![0; n], last: false }).unwrap()
    };
    let decode = |bytes| <Borsh as Codec<ProposalPart>>::decode(&Borsh, bytes);
    assert!(decode(chunk(crate::consensus::parts::CHUNK_BYTES)).is_ok());
    assert!(decode(chunk(crate::consensus::parts::CHUNK_BYTES + 1)).is_err());
}
