//! Packets as Apache's servers send them, byte for byte.

use bytes::{Bytes, BytesMut};

use crate::proto::peer::{
    Forwarded, LearnerInfo, PROTOCOL_VERSION, PacketReader, ToLeader, ToLearner,
};
use crate::types::{Id, ServerId, SessionId, Zxid};

/// The bytes of hexadecimal digits; blanks are for the reader.
pub(super) fn bytes_of(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let pair = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).expect("digits");
        u8::from_str_radix(text, 16).expect("digits")
    };
    digits.chunks(2).map(pair).collect()
}

const SESSION: SessionId = SessionId(0x0100_001b_04f4_0000);
const TXN: &str = "0100001b04f40000 00000009 0000000600000001 0000018bcfe56800 00000005 \
                   00000002 2f61 00000002 6869 00000001 00000002 1122334455667788";

fn golden_of_learners() -> Vec<(&'static str, ToLeader)> {
    let zxid = Zxid(0x6_0000_0001);
    let ping = |touched| ToLeader::Ping { zxid, touched };
    let info = LearnerInfo {
        id: Some(ServerId(3)),
        protocol: PROTOCOL_VERSION,
        config_version: 0x1_0000_0000,
    };
    let ack_epoch = |current_epoch| ToLeader::AckEpoch {
        last_zxid: Zxid(0x5_0000_0007),
        current_epoch,
    };
    vec![
        (
            "0000000b 0000000500000000 00000014 0000000000000003 00010000 0000000100000000 ffffffff",
            ToLeader::Info {
                observer: false,
                accepted_epoch: 5,
                info,
            },
        ),
        (
            "00000010 0000000500000000 00000014 0000000000000003 00010000 0000000100000000 ffffffff",
            ToLeader::Info {
                observer: true,
                accepted_epoch: 5,
                info,
            },
        ),
        (
            "00000012 0000000500000007 00000004 00000005 ffffffff",
            ack_epoch(Some(5)),
        ),
        (
            "00000012 0000000500000007 00000004 ffffffff ffffffff",
            ack_epoch(None),
        ),
        (
            "00000003 0000000600000000 ffffffff ffffffff",
            ToLeader::Ack(Zxid(0x6_0000_0000)),
        ),
        ("00000005 0000000600000001 00000000 ffffffff", ping(vec![])),
        (
            "00000005 0000000600000001 0000000c 0100001b04f40000 00002710 ffffffff",
            ping(vec![(SESSION, 10_000)]),
        ),
        (
            "00000006 ffffffffffffffff 0000000c 0100001b04f40000 00002710 ffffffff",
            ToLeader::Revalidate {
                session: SESSION,
                timeout_ms: 10_000,
            },
        ),
        (
            "00000001 ffffffffffffffff 00000020 0100001b04f40000 00000009 00000005 \
             00000002 2f61 00000002 6869 ffffffff 00000001 00000002 6970 00000009 3132372e302e302e31",
            ToLeader::Request(Forwarded {
                session: SESSION,
                cxid: 9,
                op: 5,
                body: bytes_of("00000002 2f61 00000002 6869 ffffffff").into(),
                who: vec![Id {
                    scheme: "ip".to_owned(),
                    id: "127.0.0.1".to_owned(),
                }]
                .into(),
            }),
        ),
    ]
}

fn golden_of_leaders() -> Vec<(String, ToLearner)> {
    let zxid = Zxid(0x6_0000_0001);
    let second = Zxid(0x6_0000_0002);
    let body = || Bytes::from(bytes_of(TXN));
    let bare = |kind, zxid| format!("{kind} {zxid} ffffffff ffffffff");
    let leader = ServerId(2);
    let new_leader = |config: Option<&'static str>| ToLearner::NewLeader {
        zxid: Zxid(0x6_0000_0000),
        config: config.map(Bytes::from),
    };
    vec![
        (
            "00000011 0000000600000000 00000004 00010000 ffffffff".to_owned(),
            ToLearner::LeaderInfo {
                epoch: 6,
                protocol: PROTOCOL_VERSION,
            },
        ),
        (
            bare("0000000d", "0000000500000007"),
            ToLearner::Diff(Zxid(0x5_0000_0007)),
        ),
        (bare("0000000e", "0000000600000001"), ToLearner::Trunc(zxid)),
        (bare("0000000f", "0000000600000001"), ToLearner::Snap(zxid)),
        (
            format!("00000002 0000000600000001 0000003c {TXN} ffffffff"),
            ToLearner::Proposal { zxid, body: body() },
        ),
        (
            format!("00000008 0000000600000001 0000003c {TXN} ffffffff"),
            ToLearner::Inform { zxid, body: body() },
        ),
        (
            bare("00000004", "0000000600000001"),
            ToLearner::Commit(zxid),
        ),
        (bare("0000000c", "ffffffffffffffff"), ToLearner::UpToDate),
        (bare("00000005", "0000000600000001"), ToLearner::Ping(zxid)),
        (bare("00000007", "0000000000000000"), ToLearner::Sync),
        (
            "00000009 0000000600000002 00000008 0000000000000002 ffffffff".to_owned(),
            ToLearner::CommitAndActivate {
                zxid: second,
                leader,
            },
        ),
        (
            format!("00000013 0000000600000002 00000044 0000000000000002 {TXN} ffffffff"),
            ToLearner::InformAndActivate {
                zxid: second,
                leader,
                body: body(),
            },
        ),
        (
            "00000006 ffffffffffffffff 00000009 0100001b04f40000 01 ffffffff".to_owned(),
            ToLearner::Revalidate {
                session: SESSION,
                valid: true,
            },
        ),
        (
            "0000000a 0000000600000000 00000009 76657273696f6e3d30 ffffffff".to_owned(),
            new_leader(Some("version=0")),
        ),
        (bare("0000000a", "0000000600000000"), new_leader(None)),
    ]
}

#[test]
fn packets_are_apaches_byte_for_byte() {
    for (hex, packet) in golden_of_learners() {
        let mut out = b"before".to_vec();
        packet.append(&mut out);
        assert_eq!(out[6..], bytes_of(hex), "{packet:?}");
        let mut input = BytesMut::from(&out[6..]);
        let read = PacketReader::new(100).next_to_leader(&mut input);
        assert_eq!(read, Ok(Some(packet)));
    }
    for (hex, packet) in golden_of_leaders() {
        let mut out = b"before".to_vec();
        packet.append(&mut out);
        assert_eq!(out[6..], bytes_of(&hex), "{packet:?}");
        let mut input = BytesMut::from(&out[6..]);
        let read = PacketReader::new(100).next_to_learner(&mut input);
        assert_eq!(read, Ok(Some(packet)));
    }
}
