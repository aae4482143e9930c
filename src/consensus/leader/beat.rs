//! A leader's heartbeat: pings, learners that are lost or fall behind, and whether a quorum is still there.
//! Upstream: the main loop of `Leader.lead`.

use crate::consensus::Effect;
use crate::consensus::end::{Turn, over};
use crate::consensus::leader::{Leader, Stage};
use crate::consensus::link::Link;
use crate::consensus::own::Own;
use crate::proto::peer::ToLearner;
use crate::types::{LinkId, Millis};

/// Two beats make a tick.
#[derive(Debug)]
pub(crate) struct Beat {
    next: Millis,
    /// Ticks of the broadcast.
    tick: i64,
    /// Whether the next beat is a tick.
    second: bool,
}

impl Beat {
    pub(crate) fn new(own: &Own) -> Self {
        Beat {
            next: own.now.plus(half(own)),
            tick: 0,
            second: false,
        }
    }

    /// The broadcast begins.
    pub(crate) fn start(&mut self, own: &Own) {
        *self = Beat::new(own);
    }

    pub(crate) fn next(&self) -> Millis {
        self.next
    }

    /// Until when a learner that has just connected counts as alive.
    pub(crate) fn first_deadline(&self, own: &Own) -> i64 {
        self.tick + own.settings.init_limit + own.settings.sync_limit
    }

    /// Until when a learner counts as alive that was heard of now.
    pub(crate) fn next_deadline(&self, own: &Own) -> i64 {
        self.tick + own.settings.sync_limit
    }

    /// Whether a learner counts as alive.
    pub(crate) fn alive(&self, link: &Link) -> bool {
        self.tick <= link.alive_until
    }

    /// Whether it is time for a beat, and if so whether it is a tick.
    fn due(&mut self, own: &Own, leading: bool) -> Option<bool> {
        if own.now < self.next {
            return None;
        }
        // Counted from now: after a long pause beats do not come in a burst.
        self.next = own.now.plus(half(own));
        let tick = self.second && leading;
        self.tick += i64::from(tick);
        self.second = !self.second && leading;
        Some(tick)
    }
}

fn half(own: &Own) -> i64 {
    (own.settings.tick_ms / 2).max(1)
}

impl Leader {
    /// Beats if it is time.
    pub(crate) fn on_beat(&mut self, own: &mut Own, out: &mut Vec<Effect>) -> Turn {
        let leading = self.stage == Stage::Leading;
        let Some(tick) = self.beat.due(own, leading) else {
            return Ok(());
        };
        for (link, why) in self.lost(own) {
            self.hang_up(own, link, why, out);
        }
        if self.leaves.is_some_and(|at| own.now >= at) {
            return over("the membership has moved or removed this server");
        }
        if tick && !own.quorums().reached(self.alive(own)) {
            own.heed_oracle(self.is_alone());
            if !own.quorums().reached(self.alive(own)) {
                return over("not enough learners are left");
            }
            self.heed(own, out);
        }
        if leading {
            self.ping(out);
        }
        Ok(())
    }

    fn lost(&self, own: &Own) -> Vec<(LinkId, &'static str)> {
        let (init_ms, sync_ms) = (own.settings.init_ms(), own.settings.sync_ms());
        let reason = |link: &Link| match link {
            link if link.lost(own.now, init_ms, sync_ms) => Some("silent for too long"),
            link if !link.keeps_up(own.now, sync_ms) => Some("too slow to acknowledge"),
            _ => None,
        };
        let links = self.links.iter();
        links
            .filter_map(|link| Some((link.link, reason(link)?)))
            .collect()
    }

    fn ping(&self, out: &mut Vec<Effect>) {
        let Some(proposed) = self.proposed() else {
            return;
        };
        for link in self.links.iter().filter(|link| link.forwarding) {
            out.push(Effect::Send(link.link, ToLearner::Ping(proposed)));
        }
    }
}
