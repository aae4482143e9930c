//! What a leader knows of one learner's connection. What a learner wants of the leader's inside is handed on here; nothing is sent.

use crate::consensus::{Effect, Task};
use crate::proto::peer::ToLeader;
use crate::types::{LinkId, Millis, ServerId, Zxid};

/// One learner's connection.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) link: LinkId,
    /// Its server; not known before it has introduced itself.
    pub(crate) id: Option<ServerId>,
    pub(crate) observer: bool,
    pub(crate) stage: Stage,
    /// How it is being synchronised; until it acknowledges `NEWLEADER`.
    pub(crate) mode: Option<Mode>,
    /// A snapshot is being sent; what follows waits behind it.
    pub(crate) streaming: Option<Task>,
    /// Its voice in the broadcast: a number below 128.
    pub(crate) voice: Option<u32>,
    /// Whether proposals, or informs, are sent to it.
    pub(crate) forwarding: bool,
    /// Until which tick it counts as alive.
    pub(crate) alive_until: i64,
    /// When it was last heard of.
    pub(crate) heard: Millis,
    lag: Lag,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Connected.
    Connected,
    /// It has introduced itself.
    Introduced,
    /// The epoch was offered to it.
    Offered,
    /// It has promised; here is the end of its history.
    Promised(Zxid),
    /// The log is being read for it.
    ReadingLog {
        /// Says when it is sent.
        task: Task,
        /// How far it is sent.
        upto: Zxid,
        /// Whether something was sent before.
        begun: bool,
    },
    /// `NEWLEADER` is sent.
    Told,
    /// It has acknowledged that.
    Ready,
    /// `UPTODATE` is sent.
    Serving,
}

/// How a learner is synchronised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// With transactions.
    Transactions,
    /// With a snapshot.
    Snapshot,
}

/// Hands in what a learner that serves says for its clients; a packet that is nothing of the kind comes back.
pub(crate) fn hand_in(
    link: LinkId,
    packet: ToLeader,
    out: &mut Vec<Effect>,
) -> Result<(), ToLeader> {
    match packet {
        ToLeader::Ping { touched, .. } if touched.is_empty() => {}
        ToLeader::Ping { touched, .. } => {
            let sessions = touched;
            out.push(Effect::Touched { link, sessions });
        }
        ToLeader::Request(request) => out.push(Effect::Request(link, request)),
        ToLeader::Revalidate {
            session,
            timeout_ms,
        } => out.push(Effect::Revalidate {
            link,
            session,
            timeout_ms,
        }),
        packet @ (ToLeader::Ack(_) | ToLeader::Info { .. } | ToLeader::AckEpoch { .. }) => {
            return Err(packet);
        }
    }
    Ok(())
}

impl Link {
    pub(crate) fn new(link: LinkId, now: Millis, alive_until: i64) -> Self {
        Link {
            link,
            id: None,
            observer: false,
            stage: Stage::Connected,
            mode: None,
            streaming: None,
            voice: None,
            forwarding: false,
            alive_until,
            heard: now,
            lag: Lag::default(),
        }
    }

    /// Whether it has acknowledged `NEWLEADER`.
    pub(crate) fn synchronised(&self) -> bool {
        matches!(self.stage, Stage::Ready | Stage::Serving)
    }

    /// Whether the next word is the learner's.
    fn awaited(&self) -> bool {
        match self.stage {
            Stage::Connected | Stage::Offered | Stage::Serving => true,
            Stage::Told => self.streaming.is_none(),
            Stage::Introduced | Stage::Promised(_) | Stage::ReadingLog { .. } | Stage::Ready => {
                false
            }
        }
    }

    /// Whether it has been silent for too long.
    pub(crate) fn lost(&self, now: Millis, init_ms: i64, sync_ms: i64) -> bool {
        let silence = match self.stage {
            Stage::Serving => sync_ms,
            _ => init_ms,
        };
        self.awaited() && now >= self.heard.plus(silence)
    }

    /// A proposal was sent to it.
    pub(crate) fn on_sent(&mut self, zxid: Zxid, now: Millis) {
        if self.synchronised() {
            self.lag.on_sent(zxid, now);
        }
    }

    /// It has acknowledged a transaction.
    pub(crate) fn on_ack(&mut self, zxid: Zxid) {
        self.lag.on_ack(zxid);
    }

    /// Whether it has acknowledged everything it should have by now.
    pub(crate) fn keeps_up(&self, now: Millis, sync_ms: i64) -> bool {
        self.lag
            .since()
            .is_none_or(|since| now < since.plus(sync_ms))
    }
}

/// The oldest proposal that is not acknowledged, nearly: two are followed at a time.
// apache 3.9.5: server/quorum/LearnerHandler.java SyncLimitCheck
#[derive(Debug, Default)]
struct Lag {
    current: Option<(Zxid, Millis)>,
    latest: Option<(Zxid, Millis)>,
}

impl Lag {
    fn on_sent(&mut self, zxid: Zxid, now: Millis) {
        match self.current {
            None => self.current = Some((zxid, now)),
            Some(_) => self.latest = Some((zxid, now)),
        }
    }

    fn on_ack(&mut self, zxid: Zxid) {
        if self.current.is_some_and(|(current, _)| current == zxid) {
            self.current = self.latest.take();
        }
    }

    fn since(&self) -> Option<Millis> {
        self.current.map(|(_, since)| since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(stage: Stage) -> Link {
        Link {
            stage,
            ..Link::new(LinkId(1), Millis(0), 9)
        }
    }

    #[test]
    fn a_learner_is_lost_only_while_it_is_its_turn() {
        for (stage, lost_at) in [
            (Stage::Connected, Some(100)),
            (Stage::Offered, Some(100)),
            (Stage::Told, Some(100)),
            (Stage::Serving, Some(50)),
            (Stage::Introduced, None),
            (Stage::Ready, None),
        ] {
            let link = link(stage);
            let lost = (0..=1000).find(|at| link.lost(Millis(*at), 100, 50));
            assert_eq!(lost, lost_at, "{stage:?}");
        }
    }

    #[test]
    fn a_learner_that_is_being_sent_a_snapshot_may_be_silent() {
        let mut link = link(Stage::Told);
        link.streaming = Some(Task(1));
        assert!(!link.lost(Millis(1000), 100, 50));
    }

    #[test]
    fn two_proposals_are_followed() {
        let mut link = link(Stage::Serving);
        assert!(link.keeps_up(Millis(1000), 100));
        for (zxid, at) in [(1, 10), (2, 20), (3, 30)] {
            link.on_sent(Zxid(zxid), Millis(at));
        }
        assert!(link.keeps_up(Millis(109), 100) && !link.keeps_up(Millis(110), 100));
        link.on_ack(Zxid(1));
        assert!(link.keeps_up(Millis(129), 100) && !link.keeps_up(Millis(130), 100));
        link.on_ack(Zxid(2));
        assert!(
            !link.keeps_up(Millis(130), 100),
            "the second one was not followed"
        );
        link.on_ack(Zxid(3));
        assert!(link.keeps_up(Millis(1000), 100));
    }

    #[test]
    fn what_was_sent_before_newleader_was_acknowledged_is_not_followed() {
        let mut link = link(Stage::Told);
        link.on_sent(Zxid(1), Millis(0));
        assert!(link.keeps_up(Millis(1000), 100));
    }
}
