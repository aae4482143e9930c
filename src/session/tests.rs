//! The session table: what it answers, and that its lazy deadlines are those of an eager one.

use std::cell::RefCell;

use proptest::prelude::*;

use super::*;

const TICK: i32 = 3000;

fn untouched(_: SessionId) -> Option<(Millis, i32)> {
    None
}

fn with(timeouts: &[(i64, i32)]) -> Sessions {
    let mut sessions = Sessions::new(TICK);
    for (id, timeout_ms) in timeouts {
        sessions.open(SessionId(*id), *timeout_ms, Millis(0));
    }
    sessions
}

#[test]
fn a_session_lives_through_open_closing_and_closed() {
    let mut sessions = with(&[(7, 6000)]);
    let id = SessionId(7);
    assert!(sessions.is_open(id) && !sessions.is_closing(id));
    assert_eq!(sessions.timeout(id), Some(6000));

    assert!(sessions.mark_closing(id));
    assert!(!sessions.mark_closing(id), "decided once");
    assert!(!sessions.is_open(id) && sessions.is_closing(id));
    assert_eq!((sessions.timeout(id), sessions.len()), (Some(6000), 1));

    assert!(sessions.close(id));
    assert!(!sessions.close(id));
    assert!(!sessions.is_open(id) && !sessions.is_closing(id));
    assert_eq!((sessions.timeout(id), sessions.is_empty()), (None, true));
    assert!(!sessions.mark_closing(id), "unknown");
}

#[test]
fn iteration_is_by_id() {
    let mut sessions = with(&[(9, 1), (-4, 2), (3, 3)]);
    sessions.mark_closing(SessionId(3));
    let all = sessions
        .iter()
        .map(|(id, ms)| (id.0, ms))
        .collect::<Vec<_>>();
    assert_eq!(all, [(-4, 2), (3, 3), (9, 1)]);
}

#[test]
fn the_untouched_expire_at_their_deadline_and_not_before() {
    let mut sessions = with(&[(1, 6000), (2, 6000), (3, 9000)]);
    assert_eq!(sessions.next_deadline(), Some(Millis(9000)));
    assert_eq!(sessions.due(Millis(8999), &untouched), []);
    assert_eq!(
        sessions.due(Millis(9000), &untouched),
        [SessionId(1), SessionId(2)]
    );
    assert!(sessions.is_closing(SessionId(1)) && sessions.is_open(SessionId(3)));
    assert_eq!(sessions.due(Millis(9000), &untouched), [], "reported once");
    assert_eq!(sessions.next_deadline(), Some(Millis(12000)));
}

#[test]
fn the_touched_move_on() {
    let mut sessions = with(&[(1, 6000)]);
    let touch = |_| Some((Millis(5000), 6000));
    assert_eq!(sessions.due(Millis(9000), &touch), []);
    assert_eq!(sessions.next_deadline(), Some(Millis(12000)));
    assert_eq!(sessions.due(Millis(12000), &touch), [SessionId(1)]);
}

#[test]
fn a_touch_whose_time_has_passed_too_does_not_help() {
    let mut sessions = with(&[(1, 6000)]);
    let touch = |_| Some((Millis(5000), 6000));
    assert_eq!(sessions.due(Millis(50_000), &touch), [SessionId(1)]);
}

#[test]
fn the_closing_cannot_be_revived_and_do_not_expire() {
    let mut sessions = with(&[(1, 6000)]);
    let id = SessionId(1);
    sessions.mark_closing(id);
    assert!(!sessions.touch(id, 6000, Millis(1)));
    sessions.open(id, 4000, Millis(1));
    assert!(sessions.is_closing(id), "a second opening changes nothing");
    assert_eq!(sessions.next_deadline(), None);
    assert_eq!(sessions.due(Millis(i64::MAX), &untouched), []);
}

#[test]
fn attaching_again_can_shorten_a_life() {
    let mut sessions = with(&[(1, 40_000)]);
    assert!(sessions.touch(SessionId(1), 4000, Millis(1000)));
    assert_eq!(sessions.next_deadline(), Some(Millis(6000)));
    assert_eq!(
        sessions.timeout(SessionId(1)),
        Some(40_000),
        "the stored timeout is that of the creation"
    );
    assert!(!sessions.touch(SessionId(2), 4000, Millis(1000)), "unknown");
}

#[test]
fn opening_again_restarts_the_full_timeout() {
    let mut sessions = with(&[(1, 6000)]);
    sessions.open(SessionId(1), 9000, Millis(6000));
    assert_eq!(sessions.timeout(SessionId(1)), Some(9000));
    assert_eq!(sessions.next_deadline(), Some(Millis(18_000)));
    assert_eq!(
        sessions.deadline_after(Millis(6000), 9000),
        Millis(18_000),
        "as announced"
    );
}

/// As Java does it: every touch moves the deadline at once.
#[derive(Default)]
struct Eager {
    deadlines: BTreeMap<SessionId, i64>,
}

impl Eager {
    fn touch(&mut self, id: SessionId, timeout_ms: i32, at: i64) {
        let tick = i64::from(TICK);
        let deadline = ((at + i64::from(timeout_ms)) / tick + 1) * tick;
        self.deadlines.insert(id, deadline);
    }

    fn due(&mut self, now: i64) -> Vec<SessionId> {
        let dead = self
            .deadlines
            .extract_if(.., |_, deadline| *deadline <= now);
        dead.map(|(id, _)| id).collect()
    }
}

#[derive(Debug, Clone)]
enum Op {
    Open(SessionId, i32),
    Touch(SessionId),
    Attach(SessionId, i32),
    MarkClosing(SessionId),
    Close(SessionId),
    Pass(i64),
}

fn op() -> impl Strategy<Value = Op> {
    let id = || (1..6_i64).prop_map(SessionId);
    let timeout = || 1..20_000_i32;
    prop_oneof![
        (id(), timeout()).prop_map(|(id, ms)| Op::Open(id, ms)),
        id().prop_map(Op::Touch),
        (id(), timeout()).prop_map(|(id, ms)| Op::Attach(id, ms)),
        id().prop_map(Op::MarkClosing),
        id().prop_map(Op::Close),
        (0..9000_i64).prop_map(Op::Pass),
    ]
}

proptest! {
    #[test]
    fn lazy_deadlines_are_the_eager_ones(ops in prop::collection::vec(op(), 1..80)) {
        let (mut sessions, mut eager, mut now) = (Sessions::new(TICK), Eager::default(), 0);
        // What the connections know: last touch and the timeout in force.
        let touches = RefCell::new(BTreeMap::<SessionId, (Millis, i32)>::new());
        for op in ops {
            match op {
                Op::Open(id, ms) if sessions.timeout(id).is_none() => {
                    sessions.open(id, ms, Millis(now));
                    touches.borrow_mut().insert(id, (Millis(now), ms));
                    eager.touch(id, ms, now);
                }
                Op::Attach(id, ms) => {
                    let could = sessions.touch(id, ms, Millis(now));
                    prop_assert_eq!(could, eager.deadlines.contains_key(&id));
                    if could {
                        touches.borrow_mut().insert(id, (Millis(now), ms));
                        eager.touch(id, ms, now);
                    }
                }
                Op::Touch(id) if sessions.is_open(id) => {
                    let mut touches = touches.borrow_mut();
                    let touch = touches.get_mut(&id).unwrap();
                    touch.0 = Millis(now);
                    eager.touch(id, touch.1, now);
                }
                Op::Open(..) | Op::Touch(_) => {}
                Op::MarkClosing(id) => {
                    let was_open = eager.deadlines.remove(&id).is_some();
                    prop_assert_eq!(sessions.mark_closing(id), was_open);
                }
                Op::Close(id) => {
                    sessions.close(id);
                    eager.deadlines.remove(&id);
                }
                Op::Pass(ms) => {
                    now += ms;
                    let mut dead = sessions.due(Millis(now), &|id| touches.borrow().get(&id).copied());
                    dead.sort_unstable();
                    prop_assert_eq!(dead, eager.due(now));
                }
            }
            let open = sessions.iter().filter(|(id, _)| sessions.is_open(*id));
            prop_assert!(open.map(|(id, _)| id).eq(eager.deadlines.keys().copied()));
            prop_assert!(sessions.next_deadline().map(|at| at.0) <= eager.deadlines.values().min().copied());
        }
    }
}
