//! The election port: one connection for each pair, made when somebody has something to say. It breaks at will;
//! then ballots on their way are lost or come late, and a fresh connection begins with the last ballot once more.

use oxkeeper::consensus::Input;
use oxkeeper::proto::ballot::Ballot;

use crate::ensemble;
use crate::world::{Next, World};

impl World {
    pub fn send_ballot(&mut self, from: usize, to: usize, ballot: Ballot) {
        self.wires.wire(from, to).last = Some(ballot.clone());
        let cuts = self.plan.weather.ballot_cuts;
        if !self.healed && self.chance.network.chance(cuts) {
            self.break_pair(from, to);
        } else if self.wires.pair(from, to).up {
            self.fly(from, to, ballot);
        } else {
            self.connect_pair(from, to);
        }
    }

    fn connect_pair(&mut self, a: usize, b: usize) {
        let both = self.members[a].is_up() && self.members[b].is_up();
        if !both || !self.wires.can_connect(a, b) {
            return;
        }
        let pair = self.wires.pair(a, b);
        pair.up = true;
        pair.generation += 1;
        for (from, to) in [(a, b), (b, a)] {
            if let Some(ballot) = self.wires.wire(from, to).last.clone() {
                self.fly(from, to, ballot);
            }
        }
    }

    fn fly(&mut self, from: usize, to: usize, ballot: Ballot) {
        let delay = self.delay();
        let now = self.scene.now;
        let generation = self.wires.pair(from, to).generation;
        let wire = self.wires.wire(from, to);
        wire.front = wire.front.max(now + delay);
        let wait = wire.front - now;
        self.after(
            wait,
            Next::Ballot {
                from,
                to,
                generation,
                ballot,
            },
        );
    }

    pub fn ballot_arrives(&mut self, from: usize, to: usize, generation: u32, ballot: Ballot) {
        let old = self.wires.pair(from, to).generation != generation;
        if !self.members[to].is_up() || (old && self.chance.network.chance(500)) {
            return;
        }
        if self.wires.is_blocked(from, to) {
            if !old {
                self.wires.wire(from, to).held.push((generation, ballot));
            }
            return;
        }
        let wait = self.members[to].paused_until - self.scene.now;
        if wait > 0 {
            return self.after(
                wait,
                Next::Ballot {
                    from,
                    to,
                    generation,
                    ballot,
                },
            );
        }
        let ballot = self.counterfeit(to, ballot);
        self.feed(
            to,
            Input::Ballot {
                from: ensemble::id(from),
                ballot,
            },
        );
    }

    /// The connection of a pair breaks.
    pub fn break_pair(&mut self, a: usize, b: usize) {
        let pair = self.wires.pair(a, b);
        pair.up = false;
        pair.generation += 1;
        self.wires.wire(a, b).held.clear();
        self.wires.wire(b, a).held.clear();
    }

    /// A process has ended or begun: nothing that it had to say is left.
    pub fn forget_pairs(&mut self, member: usize) {
        for other in 0..self.members.len() {
            if other != member {
                self.break_pair(member, other);
                self.wires.wire(member, other).last = None;
            }
        }
    }

    /// What was held up on its way arrives after all.
    pub fn release_ballots(&mut self, from: usize, to: usize) {
        for (generation, ballot) in std::mem::take(&mut self.wires.wire(from, to).held) {
            let wait = self.delay();
            self.after(
                wait,
                Next::Ballot {
                    from,
                    to,
                    generation,
                    ballot,
                },
            );
        }
    }
}
