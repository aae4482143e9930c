//! A leader on the desk: server 3, its followers 1 and 2, and the observer 4. A link has the number of its server.

use bytes::Bytes;

use crate::consensus::testing::membership;
use crate::consensus::tests::desk::{Desk, body, done, proposal, saved, settings, z};
use crate::consensus::{Effect, Input, Outcome, Phase, Saved, Settings, Task};
use crate::proto::peer::{ToLeader, ToLearner};
use crate::types::{LinkId, ServerId, Zxid};

pub(super) const ME: ServerId = ServerId(3);

pub(super) fn note() -> Effect {
    Effect::Note(String::new())
}

pub(super) fn send(link: u64, packet: ToLearner) -> Effect {
    Effect::Send(LinkId(link), packet)
}

pub(super) fn offer(link: u64, epoch: i64) -> Effect {
    let protocol = 0x1_0000;
    send(link, ToLearner::LeaderInfo { epoch, protocol })
}

pub(super) fn new_leader(link: u64, epoch: i64) -> Effect {
    let text = membership(&[1, 2, 3], &[4]).to_text();
    let zxid = z(epoch, 0);
    let config = Some(Bytes::from(text));
    send(link, ToLearner::NewLeader { zxid, config })
}

pub(super) fn hang_up(link: u64) -> [Effect; 2] {
    [note(), Effect::HangUp(LinkId(link))]
}

pub(super) fn log() -> Vec<Zxid> {
    (1..=4).map(|counter| z(6, counter)).collect()
}

/// Elected, with epochs 6 and four transactions.
pub(super) fn elected(settings: Settings, saved: Saved) -> Desk {
    let vote = (saved.current_epoch, saved.last_zxid);
    let mut desk = Desk::new(settings, saved);
    let want = [Effect::Phase(Phase::Discovery(ME)), Effect::Listen];
    assert_eq!(desk.elect_self(vote), want);
    desk
}

pub(super) fn fresh() -> Desk {
    elected(settings(3), saved((6, 6), &log()))
}

/// Epoch 7 is durable, and offered to follower 1.
pub(super) fn offered(mut desk: Desk) -> Desk {
    assert_eq!(
        desk.connect(1, false, 6),
        [Effect::SaveAcceptedEpoch(7, Task(1))]
    );
    assert_eq!(desk.take(done(1, Outcome::Saved)), [offer(1, 7)]);
    desk
}

/// Follower 1 is synchronised, the epoch is durable: the broadcast begins.
pub(super) fn leading() -> Desk {
    let mut desk = offered(fresh());
    desk.promise(1, z(6, 4), Some(6));
    desk.take(done(2, Outcome::Saved));
    desk.learner(1, ToLeader::Ack(z(7, 0)));
    assert_eq!(desk.peer.status().phase, Phase::Leading);
    desk
}

/// Another learner comes, with the whole log, and is taken in.
pub(super) fn join(desk: &mut Desk, id: i64, observer: bool) {
    let link = u64::try_from(id).unwrap();
    assert_eq!(desk.connect(id, observer, 6), [offer(link, 7)]);
    desk.promise(link, desk.peer.status().delivered, Some(6));
    let said = desk.learner(link, ToLeader::Ack(z(7, 0)));
    assert_eq!(said, [send(link, ToLearner::UpToDate)]);
}

pub(super) fn propose(desk: &mut Desk, counter: i64) -> Vec<Effect> {
    let zxid = z(7, counter);
    let body = body();
    desk.take(Input::Proposed { zxid, body })
}

pub(super) fn catch_up(link: u64, zxids: &[Zxid]) -> Vec<Effect> {
    let pair = |zxid: &Zxid| {
        [
            send(link, proposal(*zxid)),
            send(link, ToLearner::Commit(*zxid)),
        ]
    };
    zxids.iter().flat_map(pair).collect()
}
