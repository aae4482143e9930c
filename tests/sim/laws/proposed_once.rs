//! Z-4, Z-7: a number stands for one transaction for ever. Its leader proposes it once, behind the one before, and
//! nobody applies while serving what no leader has proposed.

use std::collections::BTreeMap;

use bytes::Bytes;
use oxkeeper::consensus::Effect;
use oxkeeper::proto::peer::ToLearner;
use oxkeeper::types::Zxid;

use crate::history::Payload;
use crate::laws::{Judgement, Law};
use crate::say;
use crate::scene::{Event, Scene};

#[derive(Debug, Default)]
pub struct ProposedOnce {
    proposed: BTreeMap<Zxid, Payload>,
}

impl ProposedOnce {
    fn number(&mut self, scene: &Scene, zxid: Zxid, payload: Payload) -> Judgement {
        if !(1..=scene.counter_max).contains(&zxid.counter()) {
            return Err(format!(
                "numbers {}, and {} is the last of an epoch",
                say::zxid(zxid),
                scene.counter_max
            ));
        }
        let last = self
            .proposed
            .range(..zxid)
            .next_back()
            .map(|(last, _)| *last);
        let follows = zxid.counter() == 1 || last.is_some_and(|last| last.next() == zxid);
        if !follows {
            return Err(format!(
                "numbers {} behind {:?}",
                say::zxid(zxid),
                last.map(say::zxid)
            ));
        }
        match self.proposed.insert(zxid, payload) {
            None => Ok(()),
            Some(other) => Err(format!(
                "{} is {payload:?} now and was {other:?}",
                say::zxid(zxid)
            )),
        }
    }

    fn repeat(&self, zxid: Zxid, body: &Bytes) -> Judgement {
        match self.proposed.get(&zxid) {
            Some(known) if *known == Payload::of(body) => Ok(()),
            known => Err(format!(
                "sends {:?} as {}, which is {known:?}",
                Payload::of(body),
                say::zxid(zxid)
            )),
        }
    }
}

impl Law for ProposedOnce {
    fn name(&self) -> &'static str {
        "a number is given once"
    }

    fn see(&mut self, scene: &Scene, _: usize, event: &Event<'_>) -> Judgement {
        match event {
            Event::Numbered { zxid, payload } => self.number(scene, *zxid, *payload),
            Event::Effect(
                Effect::Send(
                    _,
                    ToLearner::Proposal { zxid, body } | ToLearner::Inform { zxid, body },
                )
                | Effect::Append { zxid, body }
                | Effect::Deliver { zxid, body },
            ) => self.repeat(*zxid, body),
            Event::Applied {
                entry,
                serving: true,
            } => self.repeat(entry.zxid, &entry.payload.body(entry.zxid)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::tests::{body, scene};

    #[test]
    fn a_number_cannot_change_its_meaning() {
        let scene = scene();
        let mut law = ProposedOnce::default();
        let mut see = |event: &Event<'_>| law.see(&scene, 0, event);
        let numbered = |zxid, number| Event::Numbered {
            zxid: Zxid(zxid),
            payload: Payload::write(0, number),
        };
        assert_eq!(see(&numbered(1, 7)), Ok(()));
        assert!(see(&numbered(3, 8)).is_err(), "a hole");
        assert!(see(&numbered(1, 8)).is_err(), "twice");
        let beyond = numbered(scene.counter_max + 1, 8);
        assert!(see(&beyond).is_err(), "the epoch has no more");
        let append = |number| Effect::Append {
            zxid: Zxid(2),
            body: body(number),
        };
        assert!(see(&Event::Effect(&append(9))).is_err(), "never proposed");
        assert_eq!(see(&numbered(2, 9)), Ok(()));
        assert_eq!(see(&Event::Effect(&append(9))), Ok(()));
        assert!(see(&Event::Effect(&append(8))).is_err(), "something else");
    }
}
