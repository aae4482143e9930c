//! Which requests take a number, what is logged for them, and who is answered nothing.

use super::*;
use crate::auth::AuthRules;
use crate::proto::request;
use crate::session::Sessions;
use crate::storage::format::scan::{LogScanner, Step};
use crate::storage::format::txn_log::append_header;
use crate::tree::{Tree, TreeOptions};
use crate::types::OwnerRules;

const ME: SessionId = SessionId(3);

struct Bench {
    state: State,
    rules: Rules,
    prep: Prep,
    log: Vec<u8>,
}

fn bench() -> Bench {
    let owners = OwnerRules::default();
    let mut state = State {
        tree: Tree::new(TreeOptions {
            digest: true,
            owner_rules: owners,
            hash_seed: 1,
        }),
        sessions: Sessions::new(1000),
        last_zxid: Zxid(40),
    };
    state.sessions.open(ME, 4000, Millis(0));
    let rules = Rules {
        auth: AuthRules::default(),
        owners,
        enforce_quota: false,
        reconfig_enabled: false,
        close_session_lists_paths: true,
        field_bytes_max: 1000,
    };
    let prep = Prep::new(&state, 1, true);
    Bench {
        state,
        rules,
        prep,
        log: Vec::new(),
    }
}

impl Bench {
    fn ask(&mut self, session: SessionId, op: OpCode, body: &[u8]) -> Prepared {
        let incoming = Incoming {
            session,
            xid: 8,
            op,
            body: request::reader(body, self.rules.field_bytes_max),
            who: &[],
        };
        let log = &mut self.log;
        self.prep
            .request(&self.state, &self.rules, incoming, Millis(9), log)
    }

    /// Zxid, type, and whether there is a digest, of each record.
    fn logged(&self) -> Vec<(i64, i32, bool)> {
        let mut file = Vec::new();
        append_header(&mut file);
        file.extend_from_slice(&self.log);
        let mut scanner = LogScanner::new(&file[..], 1 << 20);
        let mut seen = Vec::new();
        while let Step::Record(record) = scanner.step().unwrap() {
            let logged = LoggedTxn::decode(record.body).unwrap();
            assert_eq!(logged.header.time, 9, "the wall clock stamps it");
            seen.push((record.zxid.0, logged.header.kind, logged.digest.is_some()));
        }
        seen
    }
}

/// `delete /missing`.
fn delete() -> Vec<u8> {
    let mut body = 8_i32.to_be_bytes().to_vec();
    body.extend(*b"/missing");
    body.extend((-1_i32).to_be_bytes());
    body
}

#[test]
fn refusals_take_a_number_and_leave_an_error_without_digest() {
    let mut bench = bench();
    assert_eq!(
        bench.ask(ME, OpCode::Delete, &delete()),
        Prepared::Logged(Zxid(41))
    );
    assert_eq!(bench.logged(), [(41, OpCode::Error.code(), false)]);
    assert_eq!(bench.prep.last_zxid(), Zxid(41));
}

#[test]
fn undecodable_requests_take_none_but_for_multi() {
    let mut bench = bench();
    let refused = Prepared::Refused(ErrorCode::MarshallingError);
    for op in [
        OpCode::Create,
        OpCode::Delete,
        OpCode::SetData,
        OpCode::SetAcl,
    ] {
        assert_eq!(bench.ask(ME, op, &[1, 2, 3]), refused, "{op:?}");
    }
    assert_eq!(
        bench.ask(ME, OpCode::Multi, &[1, 2, 3]),
        Prepared::Logged(Zxid(41))
    );
    assert_eq!(bench.logged(), [(41, OpCode::Error.code(), false)]);
}

#[test]
fn unknown_and_closing_sessions_are_not_answered() {
    let mut bench = bench();
    let stranger = SessionId(4);
    assert_eq!(
        bench.ask(stranger, OpCode::Delete, &delete()),
        Prepared::Dropped
    );
    assert_eq!(
        bench.ask(ME, OpCode::CloseSession, &[]),
        Prepared::Logged(Zxid(41))
    );
    assert!(bench.prep.is_closing(ME));
    assert_eq!(bench.ask(ME, OpCode::Delete, &delete()), Prepared::Dropped);
    let expired =
        bench
            .prep
            .expire_session(&bench.state, &bench.rules, ME, Millis(9), &mut bench.log);
    assert_eq!(expired, None, "its end is in flight");
    bench.prep.landed(Zxid(41), Some(ME));
    assert!(!bench.prep.is_closing(ME));
    assert_eq!(bench.logged(), [(41, OpCode::CloseSession.code(), true)]);
}

#[test]
fn the_servers_own_transactions_are_numbered_like_all() {
    let mut bench = bench();
    let log = &mut bench.log;
    let opened = bench.prep.open_session(SessionId(5), 4000, Millis(9), log);
    assert_eq!(opened, Prepared::Logged(Zxid(41)));
    let (state, rules) = (&bench.state, &bench.rules);
    assert!(
        !bench.prep.reap(state, rules, "/missing", Millis(9), log),
        "no trace"
    );
    let expired = bench.prep.expire_session(state, rules, ME, Millis(9), log);
    assert_eq!(expired, Some(Prepared::Logged(Zxid(42))));
    let kinds = [OpCode::CreateSession, OpCode::CloseSession].map(OpCode::code);
    assert_eq!(bench.logged(), [(41, kinds[0], true), (42, kinds[1], true)]);
}
