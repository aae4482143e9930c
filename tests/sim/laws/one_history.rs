//! Z-3, Z-5, Z-6, Z-7, Z-8, Z-9, E-9, D-6: there is one order of committed transactions. Whoever serves has applied a
//! part of it from its beginning on, and a new leader has all that was committed in epochs before its own.

use oxkeeper::consensus::Effect;
use oxkeeper::types::Zxid;

use crate::history::{Entry, History};
use crate::laws::{Judgement, Law};
use crate::member::Service;
use crate::say;
use crate::scene::{Event, Scene};

#[derive(Debug, Default)]
pub struct OneHistory {
    order: History,
}

impl OneHistory {
    pub fn order(&self) -> &[Entry] {
        &self.order.entries
    }

    /// A transaction is committed: it has its place in the order, or is the next.
    fn commit(&mut self, entry: &Entry) -> Judgement {
        if let Some(known) = self.order.find(entry.zxid) {
            return if known.fold == entry.fold {
                Ok(())
            } else {
                Err(format!(
                    "{entry:?} is committed where others committed {known:?}"
                ))
            };
        }
        let last = self.order.entries.last();
        if last.map_or(0, |last| last.fold) != entry.before {
            return Err(format!("{entry:?} does not follow {last:?}"));
        }
        let previous = last.map_or(Zxid::ZERO, |last| last.zxid);
        let follows = entry.zxid == previous.next() || entry.zxid.counter() == 1;
        if entry.zxid <= previous || !follows {
            return Err(format!(
                "{} is committed after {}",
                say::zxid(entry.zxid),
                say::zxid(previous)
            ));
        }
        self.order.push(entry.zxid, entry.payload);
        Ok(())
    }

    /// A leader of this epoch comes into office: all that it has is committed, and it has all that was.
    fn lead(&mut self, epoch: i64, state: &History) -> Judgement {
        let of_before = self
            .order
            .entries
            .partition_point(|entry| entry.zxid.epoch() < epoch);
        if of_before > state.entries.len() {
            let lost = self.order.entries[state.entries.len()];
            return Err(format!(
                "leads epoch {epoch} without {lost:?}, which is committed"
            ));
        }
        state
            .entries
            .iter()
            .try_for_each(|entry| self.commit(entry))
    }

    fn serve(&self, state: &History) -> Judgement {
        let last = state.entries.last();
        let agrees = last.is_none_or(|last| {
            self.order
                .find(last.zxid)
                .is_some_and(|it| it.fold == last.fold)
        });
        if agrees {
            Ok(())
        } else {
            Err(format!("serves with {last:?}, which is not committed"))
        }
    }
}

impl Law for OneHistory {
    fn name(&self) -> &'static str {
        "one history"
    }

    fn see(&mut self, scene: &Scene, member: usize, event: &Event<'_>) -> Judgement {
        let state = &scene.states[member];
        match event {
            Event::Applied {
                entry,
                serving: true,
            } => self.commit(entry),
            Event::Effect(Effect::Lead { epoch }) => self.lead(epoch.epoch(), state),
            Event::Effect(Effect::Follow { .. }) => self.serve(state),
            Event::Read { .. } if scene.services[member] != Service::Nothing => self.serve(state),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::tests::{history, scene};

    fn applied(of: &History) -> Event<'static> {
        Event::Applied {
            entry: *of.entries.last().expect("not empty"),
            serving: true,
        }
    }

    #[test]
    fn others_do_not_commit_something_else_or_leave_holes() {
        let mut law = OneHistory::default();
        let scene = scene();
        for upto in 1..=3 {
            assert_eq!(
                law.see(&scene, 0, &applied(&history(&[1, 2, 3][..upto]))),
                Ok(())
            );
        }
        assert_eq!(law.see(&scene, 1, &applied(&history(&[1]))), Ok(()));
        assert!(
            law.see(&scene, 1, &applied(&history(&[1, 9]))).is_err(),
            "another one"
        );
        assert!(
            law.see(&scene, 1, &applied(&history(&[1, 2, 3, 4, 5])))
                .is_err(),
            "a hole"
        );
        assert!(
            law.see(&scene, 1, &applied(&history(&[1, 2, 9, 4])))
                .is_err(),
            "another past"
        );
    }

    #[test]
    fn a_leader_without_a_committed_transaction_is_noticed() {
        let mut law = OneHistory::default();
        let mut scene = scene();
        law.see(&scene, 0, &applied(&history(&[1])))
            .expect("the first");
        let lead = Effect::Lead {
            epoch: Zxid(9 << 32),
        };
        assert!(law.see(&scene, 1, &Event::Effect(&lead)).is_err());
        scene.states[1] = history(&[1]);
        assert_eq!(law.see(&scene, 1, &Event::Effect(&lead)), Ok(()));
    }

    #[test]
    fn nobody_serves_what_is_not_committed() {
        let mut law = OneHistory::default();
        let mut scene = scene();
        scene.states[1] = history(&[1]);
        scene.services[1] = Service::Learner(0);
        let read = Event::Read {
            client: 0,
            zxid: Zxid(1),
            sync: None,
        };
        assert!(law.see(&scene, 1, &read).is_err());
    }
}
