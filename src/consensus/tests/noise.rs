//! Whatever the others say, in whatever order: no peer stops, and no law is broken. Storage does what it is asked.

use proptest::prelude::*;

use crate::consensus::tests::desk::{Desk, body, saved, settings, z};
use crate::consensus::{Effect, Input, Outcome, Task};
use crate::proto::peer::{LearnerInfo, ToLeader, ToLearner};
use crate::types::{LinkId, ServerId, Zxid};

/// Numbers that mean something here, and some that mean nothing anywhere.
fn zxid() -> impl Strategy<Value = Zxid> {
    let near = (6..9i64, 0..5i64).prop_map(|(epoch, counter)| z(epoch, counter));
    let far = prop::sample::select(vec![i64::MIN, -1, 0, z(7, 0xffff_ffff).0, i64::MAX]);
    prop_oneof![9 => near, 1 => far.prop_map(Zxid)]
}

fn epoch() -> impl Strategy<Value = i64> {
    let far = vec![
        -1,
        0,
        i64::from(i32::MAX) - 1,
        i64::from(i32::MAX),
        i64::MAX,
    ];
    prop_oneof![9 => 5..9i64, 1 => prop::sample::select(far)]
}

fn of_a_leader() -> impl Strategy<Value = ToLearner> {
    let leader = ServerId(3);
    prop_oneof![
        2 => (7..9i64).prop_map(|epoch| ToLearner::LeaderInfo { epoch, protocol: 0x1_0000 }),
        2 => zxid().prop_map(ToLearner::Diff),
        1 => zxid().prop_map(ToLearner::Trunc),
        1 => zxid().prop_map(ToLearner::Snap),
        8 => zxid().prop_map(|zxid| ToLearner::Proposal { zxid, body: body() }),
        8 => zxid().prop_map(ToLearner::Commit),
        2 => zxid().prop_map(|zxid| ToLearner::Inform { zxid, body: body() }),
        1 => zxid().prop_map(move |zxid| ToLearner::CommitAndActivate { zxid, leader }),
        3 => (6..9i64).prop_map(|epoch| ToLearner::NewLeader { zxid: z(epoch, 0), config: None }),
        3 => Just(ToLearner::UpToDate),
        1 => zxid().prop_map(ToLearner::Ping),
    ]
}

fn of_a_learner() -> impl Strategy<Value = ToLeader> {
    let info = (1..5i64, epoch(), any::<bool>()).prop_map(|(id, accepted_epoch, observer)| {
        let info = LearnerInfo {
            id: Some(ServerId(id)),
            protocol: 0x1_0000,
            config_version: 0,
        };
        ToLeader::Info {
            observer,
            accepted_epoch,
            info,
        }
    });
    let promise = (zxid(), prop::option::of(epoch())).prop_map(|(last_zxid, current_epoch)| {
        ToLeader::AckEpoch {
            last_zxid,
            current_epoch,
        }
    });
    prop_oneof![4 => info, 4 => promise, 8 => zxid().prop_map(ToLeader::Ack)]
}

#[derive(Debug, Clone)]
enum Noise {
    Leader(ToLearner),
    /// A learner with this link; it connects when the link is new.
    Learner(u64, ToLeader),
    Wait(i64),
    /// The leader's pipeline numbers another one.
    Propose,
    LeaderUp,
}

fn noise(leads: bool) -> impl Strategy<Value = Noise> {
    let learner = (1..6u64, of_a_learner());
    let packet = match leads {
        true => learner
            .prop_map(|(link, packet)| Noise::Learner(link, packet))
            .boxed(),
        false => of_a_leader().prop_map(Noise::Leader).boxed(),
    };
    prop_oneof![
        12 => packet,
        1 => (1..30i64).prop_map(|tens| Noise::Wait(10 * tens)),
        2 => Just(Noise::Propose),
        1 => Just(Noise::LeaderUp),
    ]
}

/// A desk with storage behind it.
struct Room {
    desk: Desk,
    /// What storage will say.
    owed: Vec<Input>,
    leads: Option<Zxid>,
}

impl Room {
    fn feed(&mut self, input: Input) {
        let out = self.desk.take(input);
        self.hear(out);
    }

    fn hear(&mut self, out: Vec<Effect>) {
        for effect in out {
            let done = |task: Task, outcome| Input::Done(task, outcome);
            match effect {
                Effect::SaveAcceptedEpoch(_, task) | Effect::SaveCurrentEpoch(_, task) => {
                    self.owed.push(done(task, Outcome::Saved));
                }
                Effect::Append { zxid, .. } => self.owed.push(Input::Durable(zxid)),
                Effect::Truncate(keep, task) => self.owed.push(done(task, Outcome::At(keep))),
                Effect::StreamLog { task, .. } => self.owed.push(done(task, Outcome::Unavailable)),
                Effect::Lead { epoch } => self.leads = Some(epoch),
                Effect::Retire => self.leads = None,
                _ => {}
            }
        }
    }

    fn make(&mut self, noise: Noise) {
        match noise {
            // A snapshot never comes whole here.
            Noise::Leader(packet) => self.feed(Input::FromLeader(packet)),
            Noise::Learner(link, packet) => {
                if matches!(packet, ToLeader::Info { .. }) {
                    self.feed(Input::LearnerUp(LinkId(link)));
                }
                self.feed(Input::FromLearner(LinkId(link), packet));
            }
            Noise::Wait(ms) => {
                let out = self.desk.wait(ms);
                self.hear(out);
            }
            Noise::Propose => {
                if let Some(last) = self.leads {
                    let zxid = last.next();
                    self.leads = Some(zxid);
                    self.owed.push(Input::Durable(zxid));
                    let body = body();
                    self.feed(Input::Proposed { zxid, body });
                }
            }
            Noise::LeaderUp => {
                let out = self.desk.elect_other();
                self.hear(out);
                self.feed(Input::LeaderUp);
            }
        }
    }

    fn run(mut self, noises: Vec<(Noise, bool)>) {
        for (noise, prompt) in noises {
            self.make(noise);
            while prompt && !self.owed.is_empty() {
                let said = self.owed.remove(0);
                self.feed(said);
            }
        }
    }
}

fn room(id: i64) -> Room {
    let log = [z(6, 1), z(6, 2), z(6, 3)];
    Room {
        desk: Desk::new(settings(id), saved((6, 6), &log)),
        owed: Vec::new(),
        leads: None,
    }
}

proptest! {
    #[test]
    fn a_learner_takes_anything(
        id in prop::sample::select(vec![1i64, 4]),
        noises in prop::collection::vec((noise(false), prop::bool::weighted(0.8)), 1..60),
    ) {
        let mut room = room(id);
        room.make(Noise::LeaderUp);
        room.make(Noise::Leader(ToLearner::LeaderInfo { epoch: 7, protocol: 0x1_0000 }));
        room.run(noises);
    }

    #[test]
    fn a_leader_takes_anything(
        noises in prop::collection::vec((noise(true), prop::bool::weighted(0.8)), 1..80),
    ) {
        let mut room = room(3);
        let out = room.desk.elect_self((6, z(6, 3)));
        room.hear(out);
        room.run(noises);
    }
}
