//! A client never sees time go back, and after a sync it sees all that was acknowledged before it asked.
//!
//! A leader that has been replaced and does not know it yet still answers syncs, here as in Apache's server. So what was
//! acknowledged in epochs after its own is left out.

use std::collections::BTreeMap;

use oxkeeper::types::Zxid;

use crate::laws::{Judgement, Law};
use crate::say;
use crate::scene::{Event, Scene};

#[derive(Debug, Default)]
pub struct SessionOrder {
    seen: BTreeMap<usize, Zxid>,
    /// The last transaction that was acknowledged to anybody, by epoch.
    acknowledged: BTreeMap<i64, Zxid>,
    /// What that was when a sync was sent.
    syncs: BTreeMap<(usize, i32), BTreeMap<i64, Zxid>>,
}

impl SessionOrder {
    fn read(&mut self, client: usize, zxid: Zxid) -> Judgement {
        let seen = self.seen.entry(client).or_default();
        if zxid < *seen {
            return Err(format!(
                "client {client} reads at {} and has seen {}",
                say::zxid(zxid),
                say::zxid(*seen)
            ));
        }
        *seen = zxid;
        Ok(())
    }

    fn synced(&mut self, of: (usize, i32), zxid: Zxid, epoch: i64) -> Judgement {
        let before = self.syncs.remove(&of).unwrap_or_default();
        let floor = before
            .range(..=epoch)
            .next_back()
            .map_or(Zxid::ZERO, |(_, zxid)| *zxid);
        if zxid >= floor {
            return Ok(());
        }
        Err(format!(
            "client {} reads at {} after a sync; {} was acknowledged before",
            of.0,
            say::zxid(zxid),
            say::zxid(floor)
        ))
    }
}

impl Law for SessionOrder {
    fn name(&self) -> &'static str {
        "a session sees time go on"
    }

    fn see(&mut self, scene: &Scene, member: usize, event: &Event<'_>) -> Judgement {
        match event {
            Event::Acknowledged { payload, zxid } => {
                let last = self.acknowledged.entry(zxid.epoch()).or_default();
                *last = (*last).max(*zxid);
                self.read(payload.client, *zxid)
            }
            Event::SyncAsked { client, number } => {
                self.syncs
                    .insert((*client, *number), self.acknowledged.clone());
                Ok(())
            }
            Event::Read { client, zxid, sync } => {
                if let Some(number) = sync {
                    self.synced((*client, *number), *zxid, scene.disks[member].current_epoch)?;
                }
                self.read(*client, *zxid)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Payload;
    use crate::laws::tests::scene;

    #[test]
    fn reads_behind_what_was_seen_or_synced_are_noticed() {
        let mut law = SessionOrder::default();
        let mut scene = scene();
        scene.disks[0].current_epoch = 1;
        let zxid = |counter: i64| Zxid((1 << 32) + counter);
        let payload = Payload::write(1, 1);
        let mut see = |event: &Event<'_>| law.see(&scene, 0, event);
        assert_eq!(
            see(&Event::Acknowledged {
                payload,
                zxid: zxid(5)
            }),
            Ok(())
        );
        assert_eq!(
            see(&Event::Read {
                client: 2,
                zxid: zxid(4),
                sync: None
            }),
            Ok(())
        );
        assert!(
            see(&Event::Read {
                client: 1,
                zxid: zxid(4),
                sync: None
            })
            .is_err()
        );
        see(&Event::SyncAsked {
            client: 2,
            number: 2,
        })
        .expect("a request");
        assert!(
            see(&Event::Read {
                client: 2,
                zxid: zxid(4),
                sync: Some(2)
            })
            .is_err()
        );
    }
}
