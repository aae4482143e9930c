//! The request throttle: who may enter the pipeline, who waits in front of it, who is turned away.
//! Everything keeps its place: a client's later request never overtakes an earlier one that waits.

use std::collections::{BTreeMap, VecDeque};

use crate::config::RequestThrottle;
use crate::replica::admit::NewSession;
use crate::replica::submission::Submission;
use crate::types::{ConnId, Millis, OpCode, SessionId};

/// How long a connection is remembered after one of its requests was dropped: longer than any of its
/// other requests can be on their way here.
const DROPPED_KEPT_MS: i64 = 60_000;

/// What the gate has to know of connections. Only asked when the throttle is on.
pub trait Door {
    /// Whether the connection has ended or is about to.
    fn is_gone(&mut self, conn: ConnId) -> bool;
    /// The session timeout in force on a connection, ms; `None` when it is gone or has no session yet.
    fn timeout_ms(&mut self, conn: ConnId) -> Option<i32>;
    /// One of its requests was dropped: the connection must end, unanswered.
    fn cut(&mut self, conn: ConnId);
    /// Another server has taken over this session: its connection here must end, unanswered, when its client asks
    /// for anything more.
    fn leave(&mut self, session: SessionId);
}

/// Who stands at the gate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visitor {
    pub(super) conn: ConnId,
    pub(super) op: OpCode,
    /// When the request was read.
    pub(super) since: Millis,
}

/// What becomes of a visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Enter,
    /// Enters, but is refused as throttled.
    Refuse,
    /// Vanishes, and everything behind it on the same connection.
    Drop,
    /// Nobody enters now.
    Wait,
}

/// In front of the pipeline.
#[derive(Debug)]
pub(super) enum Waiting {
    /// Requests of a connection, from this byte of their frames on.
    Requests(Submission, usize),
    /// A new session, and when it was asked for.
    Session(NewSession, Millis),
}

/// The gate.
// apache 3.9.5: server/RequestThrottler.java run, server/Request.java isStale, mustDrop
#[derive(Debug)]
pub(super) struct Gate {
    settings: RequestThrottle,
    queue: VecDeque<Waiting>,
    /// Let in and not finished.
    inside: usize,
    /// Connections of dropped requests, and when.
    dropped: BTreeMap<ConnId, Millis>,
    /// For good.
    closed: bool,
    /// As long as nobody is served.
    retired: bool,
}

impl Gate {
    pub(super) fn new(settings: RequestThrottle) -> Self {
        Gate {
            settings,
            queue: VecDeque::new(),
            inside: 0,
            dropped: BTreeMap::new(),
            closed: false,
            retired: false,
        }
    }

    /// A role has ended: whoever comes is dropped until [`Gate::open`]. Returns who waited.
    pub(super) fn retire(&mut self) -> VecDeque<Waiting> {
        self.retired = true;
        std::mem::take(&mut self.queue)
    }

    /// Whoever of the role that has ended could be answered was: nobody is inside any more.
    pub(super) fn clear(&mut self) {
        self.inside = 0;
    }

    /// A role begins.
    pub(super) fn open(&mut self) {
        self.retired = false;
    }

    pub(super) fn push(&mut self, waiting: Waiting) {
        self.queue.push_back(waiting);
    }

    /// What was taken out goes back to the head of the queue.
    pub(super) fn put_back(&mut self, waiting: Waiting) {
        self.queue.push_front(waiting);
    }

    pub(super) fn pop(&mut self) -> Option<Waiting> {
        self.queue.pop_front()
    }

    /// Whether anything waits.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether the head of the queue could enter now.
    pub(super) fn has_room(&self) -> bool {
        self.settings
            .max_requests
            .is_none_or(|max| self.inside < usize::try_from(max).unwrap_or(usize::MAX))
    }

    /// From now on everything is dropped.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// Longest time to wait before looking again, ms.
    pub(super) fn stall_ms(&self) -> u32 {
        self.settings.stall_time_ms
    }

    pub(super) fn entered(&mut self) {
        self.inside += 1;
    }

    /// So many that had entered are finished.
    pub(super) fn left(&mut self, count: usize) {
        assert!(
            count <= self.inside,
            "{count} requests finished of {} in process",
            self.inside
        );
        self.inside -= count;
    }

    /// What becomes of the next visitor.
    pub(super) fn judge(&mut self, visitor: Visitor, now: Millis, door: &mut dyn Door) -> Verdict {
        if self.closed || self.retired {
            return self.drop(visitor.conn, now, door);
        }
        if !self.dropped.is_empty() && self.dropped.contains_key(&visitor.conn) {
            return Verdict::Drop;
        }
        if self.settings.max_requests.is_some() {
            if self.settings.drop_stale && self.is_stale(visitor, now, door) {
                return self.drop(visitor.conn, now, door);
            }
            if !self.has_room() {
                return Verdict::Wait;
            }
        }
        match self.settings.throttled_op_wait_time_ms {
            Some(limit_ms)
                if is_throttlable(visitor.op) && age(visitor, now) > i64::from(limit_ms) =>
            {
                Verdict::Refuse
            }
            _ => Verdict::Enter,
        }
    }

    fn drop(&mut self, conn: ConnId, now: Millis, door: &mut dyn Door) -> Verdict {
        self.dropped.retain(|_, at| now.0 - at.0 <= DROPPED_KEPT_MS);
        self.dropped.insert(conn, now);
        door.cut(conn);
        Verdict::Drop
    }

    /// The end of a session must come through, however late.
    fn is_stale(&self, visitor: Visitor, now: Millis, door: &mut dyn Door) -> bool {
        if visitor.op == OpCode::CloseSession {
            return false;
        }
        if self.settings.stale_connection_check && door.is_gone(visitor.conn) {
            return true;
        }
        self.settings.stale_latency_check
            && door
                .timeout_ms(visitor.conn)
                .is_some_and(|timeout_ms| age(visitor, now) > i64::from(timeout_ms))
    }
}

fn age(visitor: Visitor, now: Millis) -> i64 {
    now.0.saturating_sub(visitor.since.0)
}

// apache 3.9.5: server/Request.java isThrottlable
fn is_throttlable(op: OpCode) -> bool {
    !matches!(
        op,
        OpCode::Ping | OpCode::CreateSession | OpCode::CloseSession
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Doors {
        gone: Vec<u64>,
        cut: Vec<u64>,
    }

    impl Door for Doors {
        fn is_gone(&mut self, conn: ConnId) -> bool {
            self.gone.contains(&conn.0)
        }
        fn timeout_ms(&mut self, _: ConnId) -> Option<i32> {
            Some(4000)
        }
        fn cut(&mut self, conn: ConnId) {
            self.cut.push(conn.0);
        }
        fn leave(&mut self, session: SessionId) {
            unreachable!("{session} is nothing to a gate")
        }
    }

    fn off() -> RequestThrottle {
        RequestThrottle {
            max_requests: None,
            stall_time_ms: 100,
            drop_stale: true,
            stale_latency_check: false,
            stale_connection_check: true,
            shutdown_timeout_ms: 10_000,
            throttled_op_wait_time_ms: None,
        }
    }

    fn visitor(conn: u64, op: OpCode) -> Visitor {
        Visitor {
            conn: ConnId(conn),
            op,
            since: Millis(0),
        }
    }

    #[test]
    fn without_a_limit_everybody_enters_even_when_gone() {
        let mut gate = Gate::new(off());
        let mut doors = Doors {
            gone: vec![1],
            ..Doors::default()
        };
        for _ in 0..3 {
            let verdict = gate.judge(visitor(1, OpCode::SetData), Millis(99_999), &mut doors);
            assert_eq!(verdict, Verdict::Enter);
            gate.entered();
        }
    }

    #[test]
    fn as_many_as_the_limit_are_inside() {
        let mut gate = Gate::new(RequestThrottle {
            max_requests: Some(2),
            ..off()
        });
        let mut doors = Doors::default();
        for expected in [Verdict::Enter, Verdict::Enter] {
            assert_eq!(
                gate.judge(visitor(1, OpCode::Sync), Millis(0), &mut doors),
                expected
            );
            gate.entered();
        }
        assert_eq!(
            gate.judge(visitor(1, OpCode::Sync), Millis(0), &mut doors),
            Verdict::Wait
        );
        gate.left(1);
        assert_eq!(
            gate.judge(visitor(1, OpCode::Sync), Millis(0), &mut doors),
            Verdict::Enter
        );
    }

    #[test]
    fn a_stale_request_takes_everything_behind_it_along() {
        let limited = RequestThrottle {
            max_requests: Some(9),
            ..off()
        };
        let mut gate = Gate::new(limited);
        let mut doors = Doors {
            gone: vec![1],
            ..Doors::default()
        };
        let mut judge = |visitor, doors: &mut Doors| gate.judge(visitor, Millis(0), doors);
        assert_eq!(
            judge(visitor(1, OpCode::CloseSession), &mut doors),
            Verdict::Enter
        );
        assert_eq!(
            judge(visitor(1, OpCode::SetData), &mut doors),
            Verdict::Drop
        );
        doors.gone.clear();
        assert_eq!(
            judge(visitor(1, OpCode::SetData), &mut doors),
            Verdict::Drop
        );
        assert_eq!(
            judge(visitor(1, OpCode::CloseSession), &mut doors),
            Verdict::Drop
        );
        assert_eq!(
            judge(visitor(2, OpCode::SetData), &mut doors),
            Verdict::Enter
        );
        assert_eq!(doors.cut, [1], "the connection is cut once");
    }

    #[test]
    fn older_than_the_session_timeout_is_stale_when_asked_for() {
        let settings = RequestThrottle {
            max_requests: Some(9),
            ..off()
        };
        for (check, at, expected) in [
            (false, 5000, Verdict::Enter),
            (true, 4000, Verdict::Enter),
            (true, 4001, Verdict::Drop),
        ] {
            let settings = RequestThrottle {
                stale_latency_check: check,
                ..settings.clone()
            };
            let verdict = Gate::new(settings).judge(
                visitor(1, OpCode::Sync),
                Millis(at),
                &mut Doors::default(),
            );
            assert_eq!(verdict, expected, "{check} {at}");
        }
    }

    #[test]
    fn who_waited_too_long_is_refused_but_for_pings_and_sessions() {
        let mut gate = Gate::new(RequestThrottle {
            throttled_op_wait_time_ms: Some(10),
            ..off()
        });
        let mut judge = |op, at| gate.judge(visitor(1, op), Millis(at), &mut Doors::default());
        assert_eq!(judge(OpCode::SetData, 10), Verdict::Enter);
        for (op, expected) in [
            (OpCode::SetData, Verdict::Refuse),
            (OpCode::GetData, Verdict::Refuse),
            (OpCode::Ping, Verdict::Enter),
            (OpCode::CreateSession, Verdict::Enter),
            (OpCode::CloseSession, Verdict::Enter),
        ] {
            assert_eq!(judge(op, 11), expected, "{op:?}");
        }
    }

    #[test]
    fn a_closed_gate_drops_everything() {
        let mut gate = Gate::new(off());
        gate.close();
        let mut doors = Doors::default();
        assert_eq!(
            gate.judge(visitor(1, OpCode::SetData), Millis(0), &mut doors),
            Verdict::Drop
        );
        assert_eq!(doors.cut, [1]);
    }
}
