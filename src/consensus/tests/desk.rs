//! One peer on a desk: inputs in, effects out, compared word by word. Ballots it sends are left out.

use std::sync::Arc;

use bytes::Bytes;

use crate::consensus::testing::membership;
use crate::consensus::{Effect, Input, Outcome, Peer, Saved, Settings, Task};
use crate::proto::ballot::{Ballot, PeerState};
use crate::proto::peer::{LearnerInfo, ToLeader, ToLearner};
use crate::types::{LinkId, Millis, ServerId, Zxid};

/// The peer and its clock.
pub(super) struct Desk {
    pub(super) peer: Peer,
    pub(super) now: Millis,
}

/// A zxid out of epoch and counter.
pub(super) fn z(epoch: i64, counter: i64) -> Zxid {
    Zxid(epoch << 32 | counter)
}

/// The body of a transaction.
pub(super) fn body() -> Bytes {
    Bytes::from_static(b"body")
}

pub(super) fn proposal(zxid: Zxid) -> ToLearner {
    let body = body();
    ToLearner::Proposal { zxid, body }
}

pub(super) fn append(zxid: Zxid) -> Effect {
    let body = body();
    Effect::Append { zxid, body }
}

pub(super) fn deliver(zxid: Zxid) -> Effect {
    let body = body();
    Effect::Deliver { zxid, body }
}

pub(super) fn ack(zxid: Zxid) -> Effect {
    Effect::ToLeader(ToLeader::Ack(zxid))
}

pub(super) fn done(task: u64, outcome: Outcome) -> Input {
    Input::Done(Task(task), outcome)
}

/// What a server had on its disk: epochs and a log of one transaction per zxid.
pub(super) fn saved((accepted, current): (i64, i64), log: &[Zxid]) -> Saved {
    Saved {
        accepted_epoch: accepted,
        current_epoch: current,
        last_zxid: log.last().copied().unwrap_or(Zxid::ZERO),
        recent: log.iter().map(|zxid| (*zxid, body())).collect(),
    }
}

/// Three voters, one observer; a tick of 100 ms, 10 and 5 of them.
pub(super) fn settings(id: i64) -> Settings {
    let mut settings = Settings::new(ServerId(id), Arc::new(membership(&[1, 2, 3], &[4])));
    settings.tick_ms = 100;
    settings
}

impl Desk {
    pub(super) fn new(settings: Settings, saved: Saved) -> Self {
        let mut desk = Desk {
            peer: Peer::new(settings, saved, Millis(0)),
            now: Millis(0),
        };
        desk.take(Input::Tick);
        desk
    }

    /// One step. Remarks are shortened away: their words are nobody's contract.
    pub(super) fn take(&mut self, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        self.peer.step(self.now, input, &mut out);
        out.retain(|effect| !matches!(effect, Effect::SendBallot { .. }));
        for effect in &mut out {
            if let Effect::Note(words) = effect {
                words.clear();
            }
        }
        out
    }

    /// Time passes in steps of 10 ms.
    pub(super) fn wait(&mut self, ms: i64) -> Vec<Effect> {
        let mut out = Vec::new();
        for _ in 0..ms / 10 {
            self.now = self.now.plus(10);
            if self.now >= self.peer.next_tick() {
                out.extend(self.take(Input::Tick));
            }
        }
        out
    }

    pub(super) fn ballot(
        &mut self,
        from: i64,
        state: PeerState,
        leader: i64,
        (epoch, zxid): (i64, Zxid),
    ) -> Vec<Effect> {
        let ballot = Ballot {
            state,
            leader: ServerId(leader),
            zxid,
            round: 1,
            epoch,
            version: 2,
            config: None,
        };
        let from = ServerId(from);
        self.take(Input::Ballot { from, ballot })
    }

    /// Server 3 leads; this one learns from it. Returns what it asks for.
    pub(super) fn elect_other(&mut self) -> Vec<Effect> {
        let vote = (0, Zxid::ZERO);
        self.ballot(2, PeerState::Following, 3, vote);
        self.ballot(3, PeerState::Leading, 3, vote)
    }

    /// This server, the third, leads with this epoch and zxid. Returns what it asks for.
    pub(super) fn elect_self(&mut self, vote: (i64, Zxid)) -> Vec<Effect> {
        self.ballot(1, PeerState::Looking, 3, vote);
        self.ballot(2, PeerState::Looking, 3, vote);
        self.wait(200)
    }

    pub(super) fn leader(&mut self, packet: ToLearner) -> Vec<Effect> {
        self.take(Input::FromLeader(packet))
    }

    pub(super) fn learner(&mut self, link: u64, packet: ToLeader) -> Vec<Effect> {
        self.take(Input::FromLearner(LinkId(link), packet))
    }

    /// A learner connects and introduces itself; its link has the number of its server.
    pub(super) fn connect(&mut self, id: i64, observer: bool, accepted_epoch: i64) -> Vec<Effect> {
        let link = u64::try_from(id).unwrap();
        self.take(Input::LearnerUp(LinkId(link)));
        let info = LearnerInfo {
            id: Some(ServerId(id)),
            protocol: 0x1_0000,
            config_version: 0,
        };
        self.learner(
            link,
            ToLeader::Info {
                observer,
                accepted_epoch,
                info,
            },
        )
    }

    /// A learner promises.
    pub(super) fn promise(
        &mut self,
        link: u64,
        last_zxid: Zxid,
        current: Option<i64>,
    ) -> Vec<Effect> {
        let current_epoch = current;
        self.learner(
            link,
            ToLeader::AckEpoch {
                last_zxid,
                current_epoch,
            },
        )
    }
}
