//! Any bytes on the quorum port, from a learner or from a leader. The input arrives whole and in two pieces, to show
//! that it does not matter; what was decoded survives encoding.
#![no_main]

use std::fmt::Debug;

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use oxkeeper::proto::peer::{PacketError, PacketReader, ToLeader, ToLearner};

/// As `jute.maxbuffer` and its extra size, but small, so that the fuzzer meets the limit.
const FIELD_BYTES_MAX: usize = 1024;

type Next<T> = fn(&mut PacketReader, &mut BytesMut) -> Result<Option<T>, PacketError>;

/// Everything that can be decoded of `pieces` as they arrive.
fn decode<T>(pieces: &[&[u8]], limit: usize, next: Next<T>) -> Vec<Result<T, PacketError>> {
    let (mut reader, mut input) = (PacketReader::new(limit), BytesMut::new());
    let mut all = Vec::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        while let Some(packet) = next(&mut reader, &mut input).transpose() {
            let ends = matches!(
                packet,
                Err(PacketError::Length { .. } | PacketError::Identities { .. })
            );
            all.push(packet);
            if ends {
                return all;
            }
        }
    }
    all
}

fn check<T: Debug + PartialEq>(
    bytes: &[u8],
    cut: usize,
    next: Next<T>,
    append: fn(&T, &mut Vec<u8>),
) {
    let at_once = decode(&[bytes], FIELD_BYTES_MAX, next);
    let (first, second) = bytes.split_at(cut.min(bytes.len()));
    assert_eq!(decode(&[first, second], FIELD_BYTES_MAX, next), at_once);

    let packets: Vec<T> = at_once.into_iter().filter_map(Result::ok).collect();
    let mut out = Vec::new();
    packets.iter().for_each(|packet| append(packet, &mut out));
    let again: Result<Vec<T>, _> = decode(&[&out], usize::MAX, next).into_iter().collect();
    assert_eq!(again, Ok(packets));
}

fuzz_target!(|input: &[u8]| {
    let [leads, cut, bytes @ ..] = input else {
        return;
    };
    let cut = usize::from(*cut);
    if leads % 2 == 0 {
        check(bytes, cut, PacketReader::next_to_leader, ToLeader::append);
    } else {
        check(bytes, cut, PacketReader::next_to_learner, ToLearner::append);
    }
});
