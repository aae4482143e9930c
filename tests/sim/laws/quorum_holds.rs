//! E-9, D-5: whoever serves applies what a quorum of the voters has on disk, with all that comes before it.

use crate::laws::{Judgement, Law};
use crate::scene::{Event, Scene};

#[derive(Debug)]
pub struct QuorumHolds;

impl Law for QuorumHolds {
    fn name(&self) -> &'static str {
        "committed is durable on a quorum"
    }

    fn see(&mut self, scene: &Scene, _: usize, event: &Event<'_>) -> Judgement {
        let Event::Applied {
            entry,
            serving: true,
        } = event
        else {
            return Ok(());
        };
        if scene
            .shape
            .is_quorum(|voter| scene.disks[voter].holds(entry))
        {
            return Ok(());
        }
        let holders: Vec<usize> = (0..scene.disks.len())
            .filter(|it| scene.disks[*it].holds(entry))
            .collect();
        Err(format!(
            "{entry:?} is committed and durable on members {holders:?} only"
        ))
    }
}

#[cfg(test)]
mod tests {
    use oxkeeper::types::Zxid;

    use super::*;
    use crate::laws::tests::{history, scene};

    #[test]
    fn one_of_three_is_not_enough_and_a_tail_in_memory_does_not_count() {
        let mut scene = scene();
        let entry = history(&[1]).entries[0];
        let see = |scene: &Scene| {
            QuorumHolds.see(
                scene,
                0,
                &Event::Applied {
                    entry,
                    serving: true,
                },
            )
        };
        for disk in &mut scene.disks {
            disk.append(Zxid(1), entry.payload);
        }
        scene.disks[0].flushed(1);
        assert!(see(&scene).is_err());
        scene.disks[2].flushed(1);
        assert_eq!(see(&scene), Ok(()));
    }
}
