//! Any bytes from a client with an open session: frames are split, headers and bodies decoded, as the client port
//! does it. The input is cut in two to show that it does not matter how the bytes arrive.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oxkeeper::proto::frame;
use oxkeeper::proto::request::{self, Request};
use oxkeeper::types::OpCode;

/// As `jute.maxbuffer`, but small, so that the fuzzer meets the limit.
const FRAME_BYTES_MAX: usize = 4096;

/// The payloads of all frames at the front, and the bytes left.
fn split_all(mut input: &[u8]) -> (Vec<&[u8]>, Option<&[u8]>) {
    let mut payloads = Vec::new();
    loop {
        match frame::split(input, FRAME_BYTES_MAX) {
            Ok(Some((payload, rest))) => {
                payloads.push(payload);
                input = rest;
            }
            Ok(None) => return (payloads, Some(input)),
            Err(_) => return (payloads, None),
        }
    }
}

fn decode(payload: &[u8]) {
    let mut reader = request::reader(payload, FRAME_BYTES_MAX);
    let Ok(header) = request::decode_header(&mut reader) else {
        return;
    };
    match OpCode::from_code(header.op) {
        Some(OpCode::Auth) => drop(request::decode_auth(&mut reader)),
        Some(OpCode::Sasl) => drop(request::decode_sasl(&mut reader)),
        Some(op) => drop(Request::decode(op, &mut reader)),
        None => {}
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((cut, bytes)) = input.split_first() else {
        return;
    };
    let (payloads, left) = split_all(bytes);
    payloads.iter().for_each(|payload| decode(payload));

    let (first, second) = bytes.split_at(usize::from(*cut).min(bytes.len()));
    let (mut pieces, rest) = split_all(first);
    if let Some(rest) = rest {
        let joined = [rest, second].concat();
        let (more, end) = split_all(&joined);
        pieces.extend(more);
        assert_eq!(pieces, payloads);
        assert_eq!(end, left);
    } else {
        assert_eq!(left, None, "a bad length stays bad");
    }
});
