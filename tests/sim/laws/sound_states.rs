//! A snapshot shows something of transactions that it does not have. Whoever serves has them: a fuzzy snapshot and the
//! log behind it make the leader's state.

use oxkeeper::consensus::Effect;

use crate::laws::{Judgement, Law};
use crate::scene::{Event, Scene};

#[derive(Debug)]
pub struct SoundStates;

impl Law for SoundStates {
    fn name(&self) -> &'static str {
        "a snapshot and the log make the state"
    }

    fn see(&mut self, scene: &Scene, member: usize, event: &Event<'_>) -> Judgement {
        let serves = match event {
            Event::Effect(Effect::Lead { .. } | Effect::Follow { .. }) | Event::Read { .. } => true,
            Event::Applied { serving, .. } => *serving,
            _ => false,
        };
        match scene.states[member].fuzz.filter(|_| serves) {
            Some(fuzz) => Err(format!("serves what shows {fuzz:?}, without having it")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::tests::{history, scene};

    #[test]
    fn nobody_reads_half_a_transaction() {
        let mut scene = scene();
        let (sync, client) = (None, 0);
        let zxid = history(&[1]).last;
        let read = Event::Read { client, zxid, sync };
        scene.states[1] = history(&[1]).written_until(&history(&[1, 2]));
        assert!(SoundStates.see(&scene, 1, &read).is_err());
        scene.states[1] = history(&[1, 2]);
        assert_eq!(SoundStates.see(&scene, 1, &read), Ok(()));
    }
}
