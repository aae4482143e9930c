//! Which test of a read comes first, and whether its watch is left.

use crate::ops::test_desk::{Desk, ME, create, rules, set_acl, world};
use crate::ops::{Reading, serve};
use crate::proto;
use crate::proto::request;
use crate::proto::request::{AddWatchRequest, PathRequest, WatchableRequest, WatcherTypeRequest};
use crate::types::{ConnId, ErrorCode, OpCode, Zxid};
use crate::watch::{WatcherType, Watches};

const CONN: ConnId = ConnId(4);

struct Reads {
    desk: Desk,
    watches: Watches,
}

/// `/open`, and `/hidden` that nobody may read.
fn reads() -> Reads {
    let mut desk = Desk::new();
    desk.done(create("/open", 0, &world(31)));
    desk.done(create("/hidden", 0, &world(31)));
    desk.done(set_acl("/hidden", &world(4), -1));
    Reads {
        desk,
        watches: Watches::new(1),
    }
}

impl Reads {
    /// Serves a request with this body; the code of its reply.
    fn ask(&mut self, op: OpCode, body: &[u8]) -> i32 {
        let rules = rules();
        let mut reading = Reading {
            rules: &rules,
            tree: &self.desk.tree,
            zxid: Zxid(77),
            session: ME,
            conn: CONN,
            who: &[],
            watches: &mut self.watches,
        };
        let mut out = Vec::new();
        let mut body = request::reader(body, 1 << 20);
        serve(&mut reading, 5, op, &mut body, &mut out);
        let last = last_frame(&out);
        assert_eq!(
            last[4..12],
            77_i64.to_be_bytes(),
            "the last transaction applied"
        );
        i32::from_be_bytes(last[12..16].try_into().unwrap())
    }

    fn watchable(&mut self, op: OpCode, path: Option<&str>) -> i32 {
        let mut body = Vec::new();
        let path = path.map(Into::into);
        proto::append(&WatchableRequest { path, watch: true }, &mut body);
        self.ask(op, &body)
    }

    fn has(&self, path: &str) -> bool {
        self.watches.contains(CONN, path, WatcherType::Any)
    }
}

/// Events may stand before the reply.
fn last_frame(mut bytes: &[u8]) -> &[u8] {
    loop {
        let (payload, rest) = proto::frame::split(bytes, 1 << 20).unwrap().unwrap();
        if rest.is_empty() {
            return payload;
        }
        bytes = rest;
    }
}

#[test]
fn reads_in_the_order_of_their_tests() {
    use OpCode::{Exists, GetChildren, GetChildren2, GetData};
    let ok = ErrorCode::Ok;
    for (op, path, code, watched) in [
        (Exists, None, ErrorCode::MarshallingError, false),
        (Exists, Some("/x\0"), ErrorCode::BadArguments, false),
        (Exists, Some("/hidden"), ErrorCode::NoAuth, false),
        (Exists, Some("/x"), ErrorCode::NoNode, true),
        (Exists, Some("/open"), ok, true),
        (GetData, None, ErrorCode::MarshallingError, false),
        (GetData, Some("/x"), ErrorCode::NoNode, false),
        (GetData, Some("/hidden"), ErrorCode::NoAuth, false),
        (GetData, Some("/open"), ok, true),
        (GetChildren, Some("/x"), ErrorCode::NoNode, false),
        (GetChildren, Some("/hidden"), ErrorCode::NoAuth, false),
        (GetChildren, Some("/open"), ok, true),
        (GetChildren2, None, ErrorCode::MarshallingError, false),
        (GetChildren2, Some("/open"), ok, true),
    ] {
        let mut reads = reads();
        assert_eq!(reads.watchable(op, path), code.code(), "{op:?} {path:?}");
        assert_eq!(
            reads.has(path.unwrap_or_default()),
            watched,
            "{op:?} {path:?}"
        );
    }
}

#[test]
fn getacl_wants_read_or_admin() {
    let mut reads = reads();
    let mut ask = |path: &str| {
        let mut body = Vec::new();
        let path = Some(path.into());
        proto::append(&PathRequest { path }, &mut body);
        reads.ask(OpCode::GetAcl, &body)
    };
    assert_eq!(ask("/open"), 0);
    assert_eq!(ask("/hidden"), ErrorCode::NoAuth.code());
    assert_eq!(ask("/x"), ErrorCode::NoNode.code());
}

#[test]
fn watch_requests_have_modes_and_types() {
    let mut reads = reads();
    for (mode, code) in [(-1, -5), (0, 0), (1, 0), (2, -5)] {
        let mut body = Vec::new();
        let path = Some("/nowhere".into());
        proto::append(&AddWatchRequest { path, mode }, &mut body);
        assert_eq!(reads.ask(OpCode::AddWatch, &body), code, "mode {mode}");
    }
    let mut typed = |op: OpCode, kind: i32| {
        let mut body = Vec::new();
        let path = Some("/nowhere".into());
        proto::append(&WatcherTypeRequest { path, kind }, &mut body);
        reads.ask(op, &body)
    };
    for (kind, code) in [
        (0, -5),
        (1, -121),
        (2, -121),
        (3, 0),
        (4, 0),
        (5, 0),
        (6, -5),
    ] {
        assert_eq!(typed(OpCode::CheckWatches, kind), code, "type {kind}");
    }
    assert_eq!(typed(OpCode::RemoveWatches, 4), 0);
    assert_eq!(typed(OpCode::RemoveWatches, 4), -121);
    assert_eq!(
        typed(OpCode::RemoveWatches, 3),
        0,
        "the recursive one was left"
    );
    assert!(!reads.has("/nowhere"));
}

#[test]
fn what_cannot_be_decoded_is_answered_and_that_is_all() {
    for op in [
        OpCode::GetData,
        OpCode::SetWatches,
        OpCode::MultiRead,
        OpCode::AddWatch,
    ] {
        let mut reads = reads();
        assert_eq!(reads.ask(op, &[0, 0, 0, 9]), -5, "{op:?}");
        assert!(reads.watches.is_empty());
    }
}

#[test]
fn a_bad_element_of_set_watches_comes_after_the_good_ones() {
    let mut reads = reads();
    let mut body = 0_i64.to_be_bytes().to_vec();
    // One data watch, then a null list of exists watches.
    body.extend([0, 0, 0, 1, 0, 0, 0, 2]);
    body.extend(*b"/x");
    body.extend([0xff; 4]);
    body.extend([0; 4]);
    assert_eq!(reads.ask(OpCode::SetWatches, &body), -5);
    assert!(
        !reads.has("/x"),
        "it was told at once that the node is gone"
    );
}
