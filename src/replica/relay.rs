//! What a follower does for the clients of the observers that it serves: it passes on what they want of the leader,
//! and hands back what the leader answers, in the order asked.

use std::collections::{BTreeMap, VecDeque};

use crate::consensus::Effect;
use crate::pipeline::Item;
use crate::proto::peer::{Forwarded, ToLeader, ToLearner};
use crate::replica::Replica;
use crate::types::{LinkId, OpCode, SessionId};

/// What a learner has asked its leader, for its own clients and for those of its observers.
#[derive(Debug, Default)]
pub(super) struct Relay {
    /// Syncs, oldest first; `None`: a client of this server.
    syncs: VecDeque<Option<LinkId>>,
    /// Whether sessions may be taken up, oldest first; an observer's with the timeout in ms.
    sessions: VecDeque<(SessionId, Option<(LinkId, i32)>)>,
    /// What observers have heard of since the leader was last told, and timeouts in ms.
    touched: BTreeMap<SessionId, i32>,
}

impl Relay {
    /// A client of this server has asked for a sync.
    pub(super) fn own_sync(&mut self) {
        self.syncs.push_back(None);
    }

    /// A client of this server wants to take up a session.
    pub(super) fn own_session(&mut self, session: SessionId) {
        self.sessions.push_back((session, None));
    }

    /// The session that the leader has an answer for; who asked, unless it was this server.
    fn answered(&mut self, session: SessionId) -> Option<(LinkId, i32)> {
        let mut asked = self.sessions.iter();
        let at = asked.position(|(asked, _)| *asked == session)?;
        self.sessions.remove(at)?.1
    }

    /// The leader is told of these now.
    pub(super) fn take_touched(&mut self) -> impl Iterator<Item = (SessionId, i32)> {
        std::mem::take(&mut self.touched).into_iter()
    }

    /// Nobody will be answered any more.
    pub(super) fn clear(&mut self) {
        *self = Relay::default();
    }
}

impl Replica {
    /// An observer's client wants this of the leader. The observer has looked at it as this server looks at what its
    /// own clients want, and waits for what comes of it.
    // apache 3.9.5: server/quorum/FollowerZooKeeperServer.java processObserverRequest
    pub(super) fn pass_on(&mut self, link: LinkId, request: Forwarded) {
        if OpCode::from_code(request.op) == Some(OpCode::Sync) {
            self.relay.syncs.push_back(Some(link));
        }
        let request = ToLeader::Request(request);
        self.mail.push(Effect::ToLeader(request));
    }

    /// An observer asks whether a client may take up its session there.
    // apache 3.9.5: server/quorum/ObserverMaster.java revalidateSession
    pub(super) fn ask_for(&mut self, link: LinkId, session: SessionId, timeout_ms: i32) {
        self.relay
            .sessions
            .push_back((session, Some((link, timeout_ms))));
        self.mail.push(Effect::ToLeader(ToLeader::Revalidate {
            session,
            timeout_ms,
        }));
    }

    /// An observer has heard of these sessions: the leader hears of it with the next ping.
    pub(super) fn heard_by_observer(&mut self, sessions: Vec<(SessionId, i32)>) {
        self.relay.touched.extend(sessions);
    }

    /// The leader's answer to the oldest sync. What was committed before it has been sent to everybody.
    // apache 3.9.5: server/quorum/FollowerZooKeeperServer.java sync
    pub(super) fn synced(&mut self) {
        match self.relay.syncs.pop_front() {
            Some(None) => self.open.items.push_back(Item::Synced),
            Some(Some(link)) => self.mail.push(Effect::Send(link, ToLearner::Sync)),
            None => tracing::warn!("The leader answers a sync that nobody waits for"),
        }
    }

    /// The leader's answer whether a session may be taken up.
    // apache 3.9.5: server/quorum/ObserverMaster.java revalidateLearnerSession
    pub(super) fn revalidated(&mut self, session: SessionId, valid: bool) {
        let Some((link, timeout_ms)) = self.relay.answered(session) else {
            return self.resumed(session, valid);
        };
        if valid {
            self.relay.touched.insert(session, timeout_ms);
        }
        let answer = ToLearner::Revalidate { session, valid };
        self.mail.push(Effect::Send(link, answer));
    }
}
