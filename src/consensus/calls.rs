//! Whom a learner calls, and how long it pauses before. An observer that followers serve goes from one to the next,
//! in an order of its own: a fleet of observers spreads over them. Whoever is turned away again and again calls less
//! and less often. Upstream: `QuorumPeer.updateObserverMasterList`, `findLearnerMaster`, `Observer`.

use crate::config::Membership;
use crate::consensus::own::Own;
use crate::types::ServerId;

/// The pause after a call that led to nothing, ms; it doubles with each further one in a row.
const FIRST_PAUSE_MS: i64 = 25;
/// The longest such pause, ms; never longer than a tick.
const PAUSE_MS_MAX: i64 = 1_600;

/// The calls of a learner.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    masters: Masters,
    /// The leader of the last call, and how many in a row have led to nothing under that one.
    vain: Option<(ServerId, u32)>,
}

/// An observer's way through the voters.
#[derive(Debug, Default)]
struct Masters {
    /// All voters, in the order in which they are tried.
    order: Vec<ServerId>,
    /// The next one's place.
    next: usize,
    /// Version of the membership they are of.
    version: Option<i64>,
}

/// Whom to call next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Master {
    pub(crate) id: ServerId,
    /// Whether everybody was tried before.
    pub(crate) new_round: bool,
}

impl Masters {
    /// The next one. Never the leader: it serves observers at its quorum port only.
    fn next(&mut self, leader: ServerId) -> Option<Master> {
        let mut new_round = false;
        for _ in 0..=self.order.len() {
            if self.next >= self.order.len() {
                self.next = 0;
                new_round = true;
            }
            let id = *self.order.get(self.next)?;
            self.next += 1;
            if id != leader {
                return Some(Master { id, new_round });
            }
        }
        None
    }
}

impl Own {
    /// The follower to be served by; `None` when this server is served by leaders.
    pub(crate) fn next_master(&mut self, leader: ServerId) -> Option<Master> {
        if !self.settings.observer_masters || !self.observes() {
            return None;
        }
        let version = Some(self.committed.version);
        if self.calls.masters.version != version {
            let (order, next) = (self.shuffled_voters(), 0);
            self.calls.masters = Masters {
                order,
                next,
                version,
            };
        }
        self.calls.masters.next(leader)
    }

    /// How long to pause before a call, ms. It counts as vain until it has succeeded.
    pub(crate) fn pause_before_call(&mut self, leader: ServerId, master: Option<Master>) -> i64 {
        let spreads = master.map_or(self.observes(), |master| master.new_round);
        let spread_ms = match spreads {
            true => self.chance(self.settings.observer_reconnect_ms),
            false => 0,
        };
        let same = self.calls.vain.filter(|(former, _)| *former == leader);
        let vain = same.map_or(0, |(_, vain)| vain);
        self.calls.vain = Some((leader, vain.saturating_add(1)));
        let round = match master {
            Some(_) => self.calls.masters.order.len().max(1),
            None => 1,
        };
        let rounds = vain / u32::try_from(round).unwrap_or(u32::MAX);
        self.pause_after(rounds).max(spread_ms)
    }

    /// A call has led to a role in which clients are served.
    pub(crate) fn call_succeeded(&mut self) {
        self.calls.vain = None;
    }

    /// Half of it is for chance to say: those who were turned away together do not come again together.
    fn pause_after(&mut self, rounds: u32) -> i64 {
        let Some(doublings) = rounds.checked_sub(1) else {
            return 0;
        };
        let most = PAUSE_MS_MAX.min(self.settings.tick_ms);
        let full = (FIRST_PAUSE_MS << doublings.min(16)).min(most);
        full / 2 + self.chance(full / 2 + 1)
    }

    /// Fisher and Yates.
    fn shuffled_voters(&mut self) -> Vec<ServerId> {
        let mut order: Vec<ServerId> = Membership::voters(&self.committed).collect();
        for last in (1..order.len()).rev() {
            let below = i64::try_from(last + 1).unwrap_or(i64::MAX);
            let other = usize::try_from(self.chance(below)).unwrap_or(0);
            order.swap(last, other);
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masters(ids: &[i64]) -> Masters {
        Masters {
            order: ids.iter().copied().map(ServerId).collect(),
            ..Masters::default()
        }
    }

    fn take(masters: &mut Masters, leader: i64, count: usize) -> Vec<(i64, bool)> {
        let next = (0..count).map_while(|_| masters.next(ServerId(leader)));
        next.map(|master| (master.id.0, master.new_round)).collect()
    }

    #[test]
    fn everybody_has_a_turn_but_the_leader() {
        let mut masters = masters(&[2, 3, 1]);
        let turns = take(&mut masters, 3, 5);
        assert_eq!(
            turns,
            [(2, false), (1, false), (2, true), (1, false), (2, true)]
        );
    }

    #[test]
    fn a_leader_alone_serves_no_observers_there() {
        assert_eq!(take(&mut masters(&[1]), 1, 3), []);
        assert_eq!(take(&mut masters(&[]), 1, 3), []);
    }

    #[test]
    fn a_leader_at_the_end_of_the_order_does_not_hide_the_new_round() {
        let mut masters = masters(&[1, 3]);
        assert_eq!(take(&mut masters, 3, 3), [(1, false), (1, true), (1, true)]);
    }
}
