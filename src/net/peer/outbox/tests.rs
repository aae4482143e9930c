//! The outbox against the dumbest one that could work: a list of pieces, each with whether its stream is open.

use proptest::prelude::*;

use super::*;

fn outbox(bytes_max: usize) -> Outbox {
    Outbox::new(LinkId(1), Arc::default(), bytes_max)
}

#[derive(Debug, Clone)]
enum Op {
    Push(Vec<u8>),
    Open,
    Write(Vec<u8>),
    /// Ends one of the streams that are open.
    End(prop::sample::Index),
    Take,
}

fn ops() -> impl Strategy<Value = Op> {
    let bytes = || prop::collection::vec(any::<u8>(), 1..5);
    prop_oneof![
        4 => bytes().prop_map(Op::Push),
        1 => Just(Op::Open),
        2 => bytes().prop_map(Op::Write),
        1 => any::<prop::sample::Index>().prop_map(Op::End),
        2 => Just(Op::Take),
    ]
}

/// What is sent, in order: bytes of the line, and streams.
#[derive(Debug)]
enum Piece {
    Bytes(Vec<u8>),
    Stream {
        number: u64,
        bytes: Vec<u8>,
        is_over: bool,
    },
}

/// What may be sent by now, from the start.
fn sendable(pieces: &[Piece]) -> Vec<u8> {
    let mut all = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => all.extend_from_slice(bytes),
            Piece::Stream { bytes, is_over, .. } => {
                all.extend_from_slice(bytes);
                if !is_over {
                    break;
                }
            }
        }
    }
    all
}

proptest! {
    #[test]
    fn what_leaves_is_what_was_put_in_in_order(ops in prop::collection::vec(ops(), 0..60)) {
        let outbox = outbox(usize::MAX);
        let (mut pieces, mut sent) = (Vec::new(), Vec::new());
        for op in ops {
            match op {
                Op::Push(bytes) => {
                    outbox.push(&mut bytes.clone());
                    pieces.push(Piece::Bytes(bytes));
                }
                Op::Open => {
                    let number = outbox.open_stream();
                    pieces.push(Piece::Stream { number, bytes: Vec::new(), is_over: false });
                }
                Op::Write(more) => {
                    // Only the first stream that is open does not have to wait.
                    let first = pieces.iter_mut().find_map(|piece| match piece {
                        Piece::Stream { number, bytes, is_over: false } => Some((*number, bytes)),
                        _ => None,
                    });
                    if let Some((number, bytes)) = first {
                        prop_assert_eq!(outbox.write_stream(number, &more), Ok(()));
                        bytes.extend(more);
                    }
                }
                Op::End(which) => {
                    let mut open: Vec<_> = pieces.iter_mut().filter_map(|piece| match piece {
                        Piece::Stream { number, is_over, .. } if !*is_over => Some((*number, is_over)),
                        _ => None,
                    }).collect();
                    if !open.is_empty() {
                        let which = which.index(open.len());
                        outbox.end_stream(open[which].0);
                        *open[which].1 = true;
                    }
                }
                Op::Take => {
                    sent.extend(outbox.take(Vec::new()));
                    prop_assert_eq!(&sent, &sendable(&pieces));
                }
            }
        }
        sent.extend(outbox.take(Vec::new()));
        prop_assert_eq!(sent, sendable(&pieces));
    }
}

#[test]
fn a_peer_that_does_not_read_is_cut_and_everybody_told() {
    let outbox = outbox(10);
    outbox.push(&mut vec![1; 6]);
    let stream = outbox.open_stream();
    outbox.push(&mut vec![2; 4]);
    assert_eq!(outbox.is_cut(), None);
    outbox.push(&mut vec![3; 1]);
    assert_eq!(outbox.is_cut(), Some(Cut::Unread(11)));
    assert_eq!(outbox.write_stream(stream, &[4]), Err(LinkGone));
    outbox.push(&mut vec![5; 1]);
    outbox.cut(Cut::Wanted);
    assert_eq!(outbox.is_cut(), Some(Cut::Unread(11)), "the first reason");
    assert_eq!(outbox.take(Vec::new()), b"", "nothing follows a gap");
}

#[test]
fn a_stream_waits_for_room_and_goes_on() {
    let outbox = Arc::new(outbox(usize::MAX));
    let stream = outbox.open_stream();
    let full = vec![1; limits::LINK_STREAM_BYTES];
    outbox.write_stream(stream, &full).unwrap();
    let writer = Arc::clone(&outbox);
    let writing = std::thread::spawn(move || writer.write_stream(stream, &[2]));
    assert_eq!(outbox.take(Vec::new()), full);
    assert_eq!(writing.join().unwrap(), Ok(()));
    assert_eq!(outbox.take(Vec::new()), [2]);
}

#[test]
fn buffers_are_swapped_not_copied() {
    let outbox = outbox(usize::MAX);
    let mut packets = Vec::with_capacity(1000);
    packets.push(1);
    let address = packets.as_ptr();
    outbox.push(&mut packets);
    let taken = outbox.take(Vec::new());
    assert_eq!(taken.as_ptr(), address);
}
