//! What a client was told has happened stays happened, and nothing happens that no client asked for, or twice.

use std::collections::{BTreeMap, BTreeSet};

use oxkeeper::consensus::Effect;
use oxkeeper::types::Zxid;

use crate::history::{Entry, History, Payload};
use crate::laws::{Judgement, Law};
use crate::member::Service;
use crate::say;
use crate::scene::{Event, Scene};

#[derive(Debug, Default)]
pub struct AnsweredSurvives {
    asked: BTreeSet<Payload>,
    acknowledged: BTreeMap<Payload, Zxid>,
    committed: BTreeMap<Payload, Zxid>,
}

impl AnsweredSurvives {
    fn commit(&mut self, entry: &Entry) -> Judgement {
        if !self.asked.contains(&entry.payload) {
            return Err(format!("applies {entry:?}, which nobody asked for"));
        }
        let first = *self.committed.entry(entry.payload).or_insert(entry.zxid);
        if first == entry.zxid {
            return Ok(());
        }
        Err(format!(
            "applies {entry:?}, which was {} already",
            say::zxid(first)
        ))
    }

    /// All that was acknowledged in epochs before this one is in this history.
    fn has_all(&self, state: &History, epoch: i64) -> Judgement {
        let of_before = self
            .acknowledged
            .iter()
            .filter(|(_, zxid)| zxid.epoch() < epoch);
        let mut lost = of_before.filter(|(payload, zxid)| {
            let found = state.find(**zxid);
            found.is_none_or(|entry| entry.payload != **payload)
        });
        lost.next().map_or(Ok(()), |(payload, zxid)| {
            Err(format!(
                "lacks {payload:?}, which was acknowledged as {}",
                say::zxid(*zxid)
            ))
        })
    }

    fn all_have_all(&self, scene: &Scene) -> Judgement {
        let services = scene.services.iter();
        let serving = || {
            let all = scene.states.iter().zip(services.clone());
            all.filter(|(_, service)| **service != Service::Nothing)
        };
        serving().try_for_each(|(state, _)| self.has_all(state, i64::MAX))?;
        let mut entries = serving().flat_map(|(state, _)| &state.entries);
        entries.try_for_each(|entry| match self.committed.get(&entry.payload) {
            Some(zxid) if *zxid == entry.zxid => Ok(()),
            known => Err(format!("{entry:?} is known as {known:?}")),
        })
    }
}

impl Law for AnsweredSurvives {
    fn name(&self) -> &'static str {
        "what was answered survives"
    }

    fn see(&mut self, scene: &Scene, member: usize, event: &Event<'_>) -> Judgement {
        match event {
            Event::Asked(payload) => {
                self.asked.insert(*payload);
                Ok(())
            }
            Event::Acknowledged { payload, zxid } => {
                self.acknowledged.insert(*payload, *zxid);
                Ok(())
            }
            Event::Applied {
                entry,
                serving: true,
            } => self.commit(entry),
            Event::Effect(Effect::Lead { epoch }) => {
                let state = &scene.states[member];
                state
                    .entries
                    .iter()
                    .try_for_each(|entry| self.commit(entry))?;
                self.has_all(state, epoch.epoch())
            }
            Event::Settled => self.all_have_all(scene),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::tests::{history, scene};

    #[test]
    fn a_lost_write_a_phantom_and_a_repetition_are_noticed() {
        let mut law = AnsweredSurvives::default();
        let mut scene = scene();
        scene.services[0] = Service::Leader(1);
        let entry = history(&[1]).entries[0];
        let Entry { payload, zxid, .. } = entry;
        let applied = Event::Applied {
            entry,
            serving: true,
        };
        assert!(law.see(&scene, 0, &applied).is_err(), "a phantom");
        law.see(&scene, 0, &Event::Asked(payload))
            .expect("a request");
        assert_eq!(law.see(&scene, 0, &applied), Ok(()));
        let again = Entry {
            zxid: Zxid(2),
            ..entry
        };
        assert!(
            law.see(
                &scene,
                0,
                &Event::Applied {
                    entry: again,
                    serving: true
                }
            )
            .is_err()
        );
        assert_eq!(law.see(&scene, 0, &Event::Settled), Ok(()));
        law.see(&scene, 0, &Event::Acknowledged { payload, zxid })
            .expect("an answer");
        assert!(
            law.see(&scene, 0, &Event::Settled).is_err(),
            "nobody has it"
        );
    }
}
