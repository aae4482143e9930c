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
        self.ask_as((false, false), session, op, body)
    }

    /// The error code of the last record.
    fn refusal(&self) -> i32 {
        let mut file = Vec::new();
        append_header(&mut file);
        file.extend_from_slice(&self.log);
        let mut scanner = LogScanner::new(&file[..], 1 << 20);
        let mut code = 0;
        while let Step::Record(record) = scanner.step().unwrap() {
            code = match LoggedTxn::decode(record.body).unwrap().txn {
                Txn::Error(error) => error.err,
                Txn::Multi(txns) => match &txns[0] {
                    Txn::Error(error) => error.err,
                    _ => 0,
                },
                _ => 0,
            };
        }
        code
    }

    fn ask_as(
        &mut self,
        (is_forwarded, is_moved): (bool, bool),
        session: SessionId,
        op: OpCode,
        body: &[u8],
    ) -> Prepared {
        let incoming = Incoming {
            session,
            xid: 8,
            op,
            body: request::reader(body, self.rules.field_bytes_max),
            who: &[],
            standing: standing(
                self.prep.is_usable(&self.state, session),
                is_forwarded,
                is_moved,
            ),
            is_forwarded,
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

fn standing(is_usable: bool, is_forwarded: bool, is_moved: bool) -> Standing {
    match (is_usable, is_forwarded) {
        (true, _) if is_moved => Standing::Bad(ErrorCode::SessionMoved),
        (true, _) => Standing::Good,
        (false, true) => Standing::Bad(ErrorCode::SessionExpired),
        (false, false) => Standing::Gone,
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
    assert!(!bench.prep.is_usable(&bench.state, ME));
    assert_eq!(bench.ask(ME, OpCode::Delete, &delete()), Prepared::Dropped);
    let expired =
        bench
            .prep
            .expire_session(&bench.state, &bench.rules, ME, Millis(9), &mut bench.log);
    assert_eq!(expired, None, "its end is in flight");
    bench.prep.landed(Zxid(41), None, Some(ME));
    assert!(
        bench.prep.is_usable(&bench.state, ME),
        "nothing is in flight"
    );
    assert_eq!(bench.logged(), [(41, OpCode::CloseSession.code(), true)]);
}

#[test]
fn the_servers_own_transactions_are_numbered_like_all() {
    let mut bench = bench();
    let log = &mut bench.log;
    let opened = bench.prep.open_session(SessionId(5), 4000, Millis(9), log);
    assert_eq!(opened, Prepared::Logged(Zxid(41)));
    let (state, rules) = (&bench.state, &bench.rules);
    let reaped = bench.prep.reap(state, rules, "/missing", Millis(9), log);
    assert_eq!(reaped, None, "no trace");
    let expired = bench.prep.expire_session(state, rules, ME, Millis(9), log);
    assert_eq!(expired, Some(Prepared::Logged(Zxid(42))));
    let kinds = [OpCode::CreateSession, OpCode::CloseSession].map(OpCode::code);
    assert_eq!(bench.logged(), [(41, kinds[0], true), (42, kinds[1], true)]);
}

#[test]
fn a_learner_gets_a_transaction_whatever_becomes_of_its_request() {
    let mut bench = bench();
    let forwarded = (true, false);
    let mut expect = |session, op, body: &[u8], moved, code: ErrorCode| {
        let zxid = bench.prep.last_zxid().next();
        let prepared = bench.ask_as((true, moved), session, op, body);
        assert_eq!(prepared, Prepared::Logged(zxid), "{op:?}");
        assert_eq!(bench.refusal(), code.code(), "{op:?}");
    };
    let stranger = SessionId(4);
    expect(
        ME,
        OpCode::Create,
        &[1, 2],
        false,
        ErrorCode::MarshallingError,
    );
    expect(
        stranger,
        OpCode::Create,
        &[1, 2],
        true,
        ErrorCode::MarshallingError,
    );
    expect(
        stranger,
        OpCode::Delete,
        &delete(),
        false,
        ErrorCode::SessionExpired,
    );
    expect(
        stranger,
        OpCode::Delete,
        &delete(),
        true,
        ErrorCode::SessionExpired,
    );
    expect(ME, OpCode::Delete, &delete(), true, ErrorCode::SessionMoved);
    expect(ME, OpCode::Delete, &delete(), false, ErrorCode::NoNode);
    expect(ME, OpCode::CloseSession, &[], true, ErrorCode::Ok);
    expect(
        ME,
        OpCode::Delete,
        &delete(),
        false,
        ErrorCode::SessionExpired,
    );
    assert_eq!(
        bench.ask_as(forwarded, stranger, OpCode::CloseSession, &[]),
        Prepared::Logged(Zxid(49)),
        "Apache's servers end sessions that nobody knows"
    );
}

#[test]
fn a_multi_of_a_session_that_moved_is_refused_in_its_first_element() {
    let mut bench = bench();
    let mut multi = Vec::new();
    for _ in 0..2 {
        multi.extend(OpCode::Delete.code().to_be_bytes());
        multi.push(0);
        multi.extend((-1_i32).to_be_bytes());
        multi.extend(delete());
    }
    multi.extend((-1_i32).to_be_bytes());
    multi.push(1);
    multi.extend((-1_i32).to_be_bytes());
    let prepared = bench.ask_as((true, true), ME, OpCode::Multi, &multi);
    assert_eq!(prepared, Prepared::Logged(Zxid(41)));
    assert_eq!(bench.refusal(), ErrorCode::SessionMoved.code());
    assert_eq!(bench.logged(), [(41, OpCode::Multi.code(), true)]);
}

#[test]
fn who_opens_a_session_at_a_learner_may_write_at_once() {
    let mut bench = bench();
    let new = SessionId(9);
    let log = &mut bench.log;
    bench.prep.open_early(new, 4000, Millis(9), log);
    bench.ask_as((true, false), new, OpCode::Delete, &delete());
    assert_eq!(bench.refusal(), ErrorCode::NoNode.code());
    bench.prep.landed(Zxid(41), Some(new), None);
    bench.ask_as((true, false), new, OpCode::Delete, &delete());
    assert_eq!(
        bench.refusal(),
        ErrorCode::SessionExpired.code(),
        "the state does not know it"
    );
}

#[test]
fn an_epoch_ends_before_its_last_number() {
    let mut bench = bench();
    bench.state.last_zxid = Zxid(0x5_ffff_fffd);
    bench.prep.restart(&bench.state);
    let logged = Prepared::Logged(Zxid(0x5_ffff_fffe));
    assert_eq!(bench.ask(ME, OpCode::Delete, &delete()), logged);
    assert_eq!(bench.ask(ME, OpCode::Delete, &delete()), Prepared::Dropped);
    assert_eq!(bench.logged().len(), 1);
}
