//! Tests of the quorum port's packets: round trips, and whatever a peer may send instead.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use crate::proto::peer::golden::bytes_of;
use crate::proto::peer::{Forwarded, LearnerInfo, PacketError, PacketReader, ToLeader, ToLearner};
use crate::types::{Id, ServerId, SessionId, Zxid};

const LIMIT: usize = 1000;

fn to_leader(bytes: &[u8]) -> Result<Option<ToLeader>, PacketError> {
    PacketReader::new(LIMIT).next_to_leader(&mut BytesMut::from(bytes))
}

fn to_learner(bytes: &[u8]) -> Result<Option<ToLearner>, PacketError> {
    PacketReader::new(LIMIT).next_to_learner(&mut BytesMut::from(bytes))
}

/// Packets one after the other, until more bytes are needed, and how many bytes are left then.
fn all<T>(
    input: &mut BytesMut,
    mut next: impl FnMut(&mut BytesMut) -> Result<Option<T>, PacketError>,
) -> Vec<Result<T, PacketError>> {
    let mut all = Vec::new();
    loop {
        match next(input).transpose() {
            None => return all,
            Some(Ok(packet)) => all.push(Ok(packet)),
            Some(Err(error)) => {
                let whole = matches!(
                    error,
                    PacketError::Data { .. } | PacketError::Unexpected { .. }
                );
                all.push(Err(error));
                if !whole {
                    return all;
                }
            }
        }
    }
}

#[test]
fn old_learners_say_less_of_themselves() {
    let info = |data: &str| {
        let packet = to_leader(&bytes_of(&format!(
            "0000000b 0000000500000000 {data} ffffffff"
        )));
        match packet.expect("a good packet").expect("a whole packet") {
            ToLeader::Info { info, .. } => info,
            other => panic!("{other:?}"),
        }
    };
    let wanted = |id, protocol, config_version| LearnerInfo {
        id: Option::map(id, ServerId),
        protocol,
        config_version,
    };
    for (data, want) in [
        ("ffffffff", wanted(None, 1, 0)),
        ("00000000", wanted(Some(0), 1, 0)),
        ("00000008 0000000000000003", wanted(Some(3), 1, 0)),
        (
            "0000000c 0000000000000003 00010000",
            wanted(Some(3), 0x1_0000, 0),
        ),
        (
            "00000013 0000000000000003 00010000 00000001000000",
            wanted(Some(3), 0x1_0000, 0),
        ),
        (
            "00000015 0000000000000003 00010000 0000000000000007 ff",
            wanted(Some(3), 0x1_0000, 7),
        ),
    ] {
        assert_eq!(info(data), want, "{data}");
    }
}

#[test]
fn data_that_does_not_suit_its_type_is_refused() {
    for (hex, name) in [
        ("00000012 0000000000000000 ffffffff ffffffff", "ACKEPOCH"),
        (
            "00000012 0000000000000000 00000003 000000 ffffffff",
            "ACKEPOCH",
        ),
        ("00000001 0000000000000000 ffffffff ffffffff", "REQUEST"),
        ("00000005 0000000000000000 00000001 00 ffffffff", "PING"),
        ("00000006 0000000000000000 00000000 ffffffff", "REVALIDATE"),
    ] {
        let error = to_leader(&bytes_of(hex)).expect_err(hex).to_string();
        assert!(
            error.starts_with(&format!("the data of {name} ")),
            "{error}"
        );
    }
    for (hex, name) in [
        ("00000011 0000000000000000 ffffffff ffffffff", "LEADERINFO"),
        ("00000002 0000000000000000 ffffffff ffffffff", "PROPOSAL"),
        ("00000008 0000000000000000 ffffffff ffffffff", "INFORM"),
        (
            "00000009 0000000000000000 00000000 ffffffff",
            "COMMITANDACTIVATE",
        ),
        (
            "00000013 0000000000000000 00000007 00000000000000 ffffffff",
            "INFORMANDACTIVATE",
        ),
    ] {
        let error = to_learner(&bytes_of(hex)).expect_err(hex).to_string();
        assert!(
            error.starts_with(&format!("the data of {name} ")),
            "{error}"
        );
    }
}

#[test]
fn unexpected_packets_are_named_and_skipped() {
    let mut input = BytesMut::from(
        &bytes_of(
            "00000002 0000000000000000 ffffffff ffffffff \
             00000063 0000000000000000 ffffffff ffffffff \
             00000003 0000000000000001 ffffffff ffffffff",
        )[..],
    );
    let mut reader = PacketReader::new(LIMIT);
    let mut next = || reader.next_to_leader(&mut input);
    let text = |result: Result<_, PacketError>| result.expect_err("unexpected").to_string();
    assert_eq!(text(next()), "unexpected packet of type 2 (PROPOSAL)");
    assert_eq!(text(next()), "unexpected packet of type 99 (UNKNOWN)");
    assert_eq!(next(), Ok(Some(ToLeader::Ack(Zxid(1)))));
}

#[test]
fn lengths_are_refused_before_the_bytes_come() {
    let length = |hex: &str| to_learner(&bytes_of(hex));
    for bad in ["fffffffe", "80000000", "7fffffff", "000003e9"] {
        let error = length(&format!("00000002 0000000000000000 {bad}")).expect_err(bad);
        assert!(
            matches!(error, PacketError::Length { kind: 2, .. }),
            "{error}"
        );
        assert!(
            error.to_string().starts_with("Unreasonable length = "),
            "{error}"
        );
        let error = length(&format!(
            "00000002 0000000000000000 ffffffff 00000001 {bad}"
        ));
        assert!(
            matches!(error, Err(PacketError::Length { .. })),
            "{error:?}"
        );
    }
    assert_eq!(length("00000002 0000000000000000 000003e8"), Ok(None));
}

#[test]
fn identities_without_end_are_refused() {
    let mut input = bytes_of("00000001 0000000000000000 00000000 7fffffff");
    input.resize(input.len() + LIMIT - LIMIT % 4, 0);
    assert_eq!(to_leader(&input), Ok(None));
    input.extend([0; 4]);
    let want = PacketError::Identities {
        kind: 1,
        limit: LIMIT,
    };
    assert_eq!(to_leader(&input), Err(want));
}

#[test]
fn a_negative_count_is_no_identities() {
    let packet = to_leader(&bytes_of("00000003 0000000000000001 ffffffff fffffffe"));
    assert_eq!(packet, Ok(Some(ToLeader::Ack(Zxid(1)))));
}

#[test]
fn bodies_are_slices_of_the_input() {
    let mut out = Vec::new();
    let body = Bytes::from(vec![7; 500]);
    let zxid = Zxid(1);
    ToLearner::Proposal { zxid, body }.append(&mut out);
    let mut input = BytesMut::from(&out[..]);
    let there = input.as_ptr().addr() + 16;
    match PacketReader::new(LIMIT).next_to_learner(&mut input) {
        Ok(Some(ToLearner::Proposal { body, .. })) => assert_eq!(body.as_ptr().addr(), there),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_snapshot_behind_its_packet_is_left_alone() {
    let mut out = Vec::new();
    ToLearner::Snap(Zxid(9)).append(&mut out);
    out.extend(b"\x00\x00\x00\x00 raw");
    let mut input = BytesMut::from(&out[..]);
    let packet = PacketReader::new(LIMIT).next_to_learner(&mut input);
    assert_eq!(packet, Ok(Some(ToLearner::Snap(Zxid(9)))));
    assert_eq!(&input[..], b"\x00\x00\x00\x00 raw");
}

fn bytes() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..60).prop_map(Bytes::from)
}

fn sessions() -> impl Strategy<Value = (SessionId, i32)> {
    (any::<i64>().prop_map(SessionId), any::<i32>())
}

fn learner_packets() -> impl Strategy<Value = ToLeader> {
    let zxid = any::<i64>().prop_map(Zxid);
    let epoch = -1..i64::from(i32::MAX);
    let id = (".{0,9}", ".{0,9}").prop_map(|(scheme, id)| Id { scheme, id });
    prop_oneof![
        (any::<(bool, i64, i32, i64)>(), epoch.clone()).prop_map(
            |((observer, id, protocol, config_version), accepted_epoch)| ToLeader::Info {
                observer,
                accepted_epoch,
                info: LearnerInfo {
                    id: Some(ServerId(id)),
                    protocol,
                    config_version
                },
            }
        ),
        (
            zxid.clone(),
            prop::option::of(epoch.prop_map(|epoch| epoch.max(0)))
        )
            .prop_map(|(last_zxid, current_epoch)| ToLeader::AckEpoch {
                last_zxid,
                current_epoch
            }),
        zxid.clone().prop_map(ToLeader::Ack),
        (zxid, prop::collection::vec(sessions(), 0..5))
            .prop_map(|(zxid, touched)| ToLeader::Ping { zxid, touched }),
        sessions().prop_map(|(session, timeout_ms)| ToLeader::Revalidate {
            session,
            timeout_ms
        }),
        (
            any::<(i64, i32, i32)>(),
            bytes(),
            prop::collection::vec(id, 0..4)
        )
            .prop_map(
                |((session, cxid, op), body, who)| ToLeader::Request(Forwarded {
                    session: SessionId(session),
                    cxid,
                    op,
                    body,
                    who: who.into()
                })
            ),
    ]
}

fn leader_packets() -> impl Strategy<Value = ToLearner> {
    let zxid = || any::<i64>().prop_map(Zxid);
    let leader = || any::<i64>().prop_map(ServerId);
    let text = prop::option::of("[ -~]{2,60}".prop_map(Bytes::from));
    prop_oneof![
        (-1..i64::from(i32::MAX), any::<i32>())
            .prop_map(|(epoch, protocol)| ToLearner::LeaderInfo { epoch, protocol }),
        (0..6usize, zxid()).prop_map(|(which, zxid)| match which {
            0 => ToLearner::Diff(zxid),
            1 => ToLearner::Trunc(zxid),
            2 => ToLearner::Commit(zxid),
            3 => ToLearner::Ping(zxid),
            4 => ToLearner::Snap(zxid),
            _ => ToLearner::UpToDate,
        }),
        Just(ToLearner::Sync),
        (zxid(), text).prop_map(|(zxid, config)| ToLearner::NewLeader { zxid, config }),
        (zxid(), bytes()).prop_map(|(zxid, body)| ToLearner::Proposal { zxid, body }),
        (zxid(), bytes()).prop_map(|(zxid, body)| ToLearner::Inform { zxid, body }),
        (zxid(), leader()).prop_map(|(zxid, leader)| ToLearner::CommitAndActivate { zxid, leader }),
        (zxid(), leader(), bytes()).prop_map(|(zxid, leader, body)| {
            ToLearner::InformAndActivate { zxid, leader, body }
        }),
        any::<(i64, bool)>().prop_map(|(session, valid)| ToLearner::Revalidate {
            session: SessionId(session),
            valid
        }),
    ]
}

/// Feeds `bytes` in pieces of the given sizes, the last one repeated.
fn in_pieces<T>(
    bytes: &[u8],
    sizes: &[usize],
    mut next: impl FnMut(&mut BytesMut) -> Result<Option<T>, PacketError>,
) -> (Vec<Result<T, PacketError>>, usize) {
    let (mut input, mut got, mut rest) = (BytesMut::new(), Vec::new(), bytes);
    let mut sizes = sizes.iter().copied().chain(std::iter::repeat(7));
    while !rest.is_empty() {
        let size = sizes.next().unwrap_or(7).min(rest.len());
        input.extend_from_slice(&rest[..size]);
        rest = &rest[size..];
        got.extend(all(&mut input, &mut next));
        let fatal = |error: &PacketError| {
            matches!(
                error,
                PacketError::Length { .. } | PacketError::Identities { .. }
            )
        };
        if got
            .last()
            .is_some_and(|last| last.as_ref().is_err_and(fatal))
        {
            break;
        }
    }
    (got, input.len())
}

proptest! {
    #[test]
    fn what_learners_send_comes_back(
        packets in prop::collection::vec(learner_packets(), 0..6),
        sizes in prop::collection::vec(1..40usize, 1..20),
    ) {
        let mut out = Vec::new();
        packets.iter().for_each(|packet| packet.append(&mut out));
        let mut reader = PacketReader::new(LIMIT);
        let (got, left) = in_pieces(&out, &sizes, |input| reader.next_to_leader(input));
        let got: Result<Vec<_>, _> = got.into_iter().collect();
        prop_assert_eq!((got, left), (Ok(packets), 0));
    }

    #[test]
    fn what_leaders_send_comes_back(
        packets in prop::collection::vec(leader_packets(), 0..6),
        sizes in prop::collection::vec(1..40usize, 1..20),
    ) {
        let mut out = Vec::new();
        packets.iter().for_each(|packet| packet.append(&mut out));
        let mut reader = PacketReader::new(LIMIT);
        let (got, left) = in_pieces(&out, &sizes, |input| reader.next_to_learner(input));
        let got: Result<Vec<_>, _> = got.into_iter().collect();
        prop_assert_eq!((got, left), (Ok(packets), 0));
    }

    /// Bytes that look like packets at first, so that more than the first length is tried.
    #[test]
    fn it_does_not_matter_how_bytes_arrive(
        packets in prop::collection::vec(learner_packets(), 0..3),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        sizes in prop::collection::vec(1..40usize, 1..20),
    ) {
        let mut bytes = Vec::new();
        packets.iter().for_each(|packet| packet.append(&mut bytes));
        for (at, byte) in changes {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        let mut reader = PacketReader::new(LIMIT);
        let mut whole = BytesMut::from(&bytes[..]);
        let at_once = all(&mut whole, |input| reader.next_to_leader(input));
        let mut reader = PacketReader::new(LIMIT);
        let (in_pieces, _) = in_pieces(&bytes, &sizes, |input| reader.next_to_leader(input));
        prop_assert_eq!(at_once, in_pieces);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, kind in 0..21u8) {
        let typed = [&[0, 0, 0, kind][..], &bytes].concat();
        for bytes in [&bytes, &typed] {
            let _ = to_leader(bytes);
            let _ = to_learner(bytes);
        }
    }
}
