//! The end of a role: everything that was logged becomes part of the state that the next election is about,
//! committed or not. Upstream: `ZooKeeperServer.shutdown`, `Learner.shutdown`, `ZKDatabase.fastForwardDataBase`.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::consensus::Effect;
use crate::consensus::own::Own;
use crate::types::Zxid;

/// A role that has ended while storage is still at work.
#[derive(Debug)]
pub(crate) struct Ending {
    /// Logged, and not applied yet.
    tail: VecDeque<(Zxid, Bytes)>,
    /// The own pipeline holds it.
    led: bool,
}

impl Ending {
    /// After a leader.
    pub(crate) fn of_leader(tail: VecDeque<(Zxid, Bytes)>) -> Self {
        Ending { tail, led: true }
    }

    /// After a learner.
    pub(crate) fn of_learner(tail: VecDeque<(Zxid, Bytes)>) -> Self {
        Ending { tail, led: false }
    }

    /// The own pipeline had numbered another one in the same breath.
    pub(crate) fn on_proposed(&mut self, own: &mut Own, zxid: Zxid, body: Bytes) {
        assert!(self.led, "{zxid} is numbered by a leader");
        own.appended(zxid);
        self.tail.push_back((zxid, body));
    }

    /// Applies the tail if storage is done. Returns whether it is over.
    pub(crate) fn go_on(&mut self, own: &mut Own, out: &mut Vec<Effect>) -> bool {
        if !own.settled() {
            return false;
        }
        let last = self.tail.back().map(|(zxid, _)| *zxid);
        for (zxid, body) in self.tail.drain(..) {
            match self.led {
                true => own.apply(zxid, body),
                false => own.deliver(zxid, body, out),
            }
        }
        out.extend(last.filter(|_| self.led).map(Effect::Commit));
        true
    }
}
