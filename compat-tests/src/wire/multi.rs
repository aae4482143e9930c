//! multi and multiRead: the element framing, both ways.

use crate::wire::decode::Decoder;
use crate::wire::encode::Encoder;
use crate::wire::op;
use crate::wire::reply::Reply;
use crate::wire::reply::Stat;

/// One element of a multi's reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Type 1: the path of a created node.
    Created(String),
    /// Type 15: path and Stat of a created node.
    Created2(String, Stat),
    /// Type 2.
    Deleted,
    /// Type 5.
    DataSet(Stat),
    /// Type 13.
    Checked,
    /// Type 4.
    Data(Option<Vec<u8>>, Stat),
    /// Type 8, names sorted.
    Children(Vec<String>),
    /// Type -1.
    Error(i32),
}

/// A multi request from its elements: (operation code, body).
#[must_use]
pub fn request(elements: &[(i32, Vec<u8>)]) -> Vec<u8> {
    let body = elements
        .iter()
        .fold(Encoder::new(), |encoder, (kind, body)| {
            header(encoder, *kind, false, -1).raw(body)
        });
    header(body, -1, true, -1).done()
}

/// One MultiHeader.
#[must_use]
pub fn header(encoder: Encoder, kind: i32, done: bool, err: i32) -> Encoder {
    encoder.int(kind).boolean(done).int(err)
}

/// All elements of a multi's reply, whatever its header says; the terminator must be the last thing in the body.
///
/// # Panics
/// When the body is not a well-formed MultiResponse.
#[must_use]
#[track_caller]
pub fn outcomes(reply: &Reply) -> Vec<Outcome> {
    let mut decoder = Decoder::new(&reply.body);
    let mut seen = Vec::new();
    loop {
        let (kind, done, err) = (decoder.int(), decoder.boolean(), decoder.int());
        if done {
            assert_eq!((kind, err), (-1, -1), "the terminator is -1, done, -1");
            decoder.end();
            return seen;
        }
        seen.push(outcome(&mut decoder, kind, err));
    }
}

#[track_caller]
fn outcome(decoder: &mut Decoder<'_>, kind: i32, err: i32) -> Outcome {
    if kind == op::ERROR {
        assert_eq!(
            decoder.int(),
            err,
            "header and body of an error entry agree"
        );
        return Outcome::Error(err);
    }
    assert_eq!(err, 0, "only an error entry carries an error");
    match kind {
        op::CREATE => Outcome::Created(decoder.text()),
        op::CREATE2 => Outcome::Created2(decoder.text(), Stat::read(decoder)),
        op::DELETE => Outcome::Deleted,
        op::SET_DATA => Outcome::DataSet(Stat::read(decoder)),
        op::CHECK => Outcome::Checked,
        op::GET_DATA => Outcome::Data(decoder.buffer(), Stat::read(decoder)),
        op::GET_CHILDREN => {
            let mut names = decoder.vector(Decoder::text);
            names.sort();
            Outcome::Children(names)
        }
        other => unreachable!("no result of a multi has type {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::encode::hex;
    use crate::wire::request;

    #[test]
    fn request_is_the_published_example() {
        let elements = [
            (op::CHECK, request::path_version("/a", 0)),
            (op::DELETE, request::path_version("/a", -1)),
        ];
        let expected = "0000000d 00 ffffffff 00000002 2f61 00000000 00000002 00 ffffffff 00000002 2f61 ffffffff ffffffff 01 ffffffff";
        assert_eq!(super::request(&elements), hex(expected));
    }

    #[test]
    fn error_entries_and_terminator_differ_by_the_done_byte() {
        let body =
            hex("ffffffff 00 ffffff99 ffffff99 ffffffff 00 fffffffe fffffffe ffffffff 01 ffffffff");
        let reply = Reply {
            xid: 5,
            zxid: 6,
            err: 0,
            body,
        };
        assert_eq!(outcomes(&reply), [Outcome::Error(-103), Outcome::Error(-2)]);
    }
}
