//! Connections of the quorum port, and what happens to them: made, cut, silent. Within one direction nothing
//! overtakes; what the two ends believe about it may differ for long.

use oxkeeper::consensus::Input;
use oxkeeper::proto::peer::{ToLeader, ToLearner};
use oxkeeper::types::LinkId;

use crate::member::Door;
use crate::mutant::Mutant;
use crate::plan::{MS, Time};
use crate::wires::{Conn, Item, Pipe, Side};
use crate::world::{Next, World};

/// How often a learner tries to connect, and how long it waits in between.
const TRIES_MAX: u32 = 5;
const TRY_PAUSE: Time = 100 * MS;

impl World {
    /// How long a packet takes.
    pub fn delay(&mut self) -> Time {
        let weather = self.plan.weather;
        let rng = &mut self.chance.network;
        let delay = rng.between(weather.delay.0, weather.delay.1);
        if !self.healed && rng.chance(weather.spikes) {
            delay * 10
        } else {
            delay
        }
    }

    /// A learner wants to connect to a leader, or to a follower that serves observers.
    pub fn begin_dial(&mut self, member: usize, (leader, door): (usize, Door), within_ms: i64) {
        let dial = self.fresh();
        self.members[member].dialling = Some(dial);
        let until = self.scene.now + within_ms * MS;
        let wait = self.delay();
        self.after(
            wait,
            Next::Dial {
                member,
                dial,
                leader,
                door,
                until,
                tries: 1,
            },
        );
    }

    pub fn dial(
        &mut self,
        member: usize,
        dial: u64,
        (leader, door): (usize, Door),
        until: Time,
        tries: u32,
    ) {
        if self.members[member].dialling != Some(dial) {
            return;
        }
        let now = self.scene.now;
        let again = |tries| Next::Dial {
            member,
            dial,
            leader,
            door,
            until,
            tries,
        };
        if now < until && !self.wires.can_connect(member, leader) {
            return self.after((until - now).min(TRY_PAUSE), again(tries));
        }
        let council = self.scene.disks[member].committed.council;
        let place = council.has(leader).then(|| door.of(council, leader));
        let answers = place.is_some() && self.members[leader].listening == place;
        if now < until && self.members[leader].is_up() && answers {
            return self.connect(member, leader);
        }
        if now < until && tries < TRIES_MAX {
            return self.after(TRY_PAUSE, again(tries + 1));
        }
        self.members[member].dialling = None;
        self.feed(member, Input::LeaderDown);
    }

    fn connect(&mut self, learner: usize, leader: usize) {
        let side = |member: usize, life| Side {
            member,
            life,
            open: true,
        };
        let conn = self.wires.next_conn;
        self.wires.next_conn += 1;
        self.wires.conns.insert(
            conn,
            Conn {
                learner: side(learner, self.members[learner].life),
                leader: side(leader, self.members[leader].life),
                down: Pipe::default(),
                up: Pipe::default(),
            },
        );
        self.members[learner].dialling = None;
        self.members[learner].upstream = Some(conn);
        self.members[leader].links.insert(conn);
        self.feed(leader, Input::LearnerUp(LinkId(conn)));
        self.feed(learner, Input::LeaderUp);
    }

    /// Puts an item on its way.
    pub fn transmit(&mut self, conn: u64, down: bool, item: Item) {
        let delay = self.delay();
        let now = self.scene.now;
        let Some(link) = self.wires.conns.get_mut(&conn) else {
            return;
        };
        let pipe = link.pipe(down);
        pipe.front = pipe.front.max(now + delay);
        pipe.queue.push_back((pipe.front, item));
        self.arm(conn, down);
    }

    /// Sees to it that the first item of a pipe arrives.
    pub fn arm(&mut self, conn: u64, down: bool) {
        let now = self.scene.now;
        let Some(link) = self.wires.conns.get_mut(&conn) else {
            return;
        };
        let pipe = link.pipe(down);
        if let (false, Some((at, _))) = (pipe.armed, pipe.queue.front()) {
            let wait = (*at - now).max(0);
            pipe.armed = true;
            self.after(wait, Next::Packet { conn, down });
        }
    }

    pub fn packet_arrives(&mut self, conn: u64, down: bool) {
        let Some(link) = self.wires.conns.get_mut(&conn) else {
            return;
        };
        link.pipe(down).armed = false;
        let (sender, receiver) = link.ends(down);
        if self.wires.is_blocked(sender.member, receiver.member) {
            return;
        }
        let Some(link) = self.wires.conns.get_mut(&conn) else {
            return;
        };
        let it = &self.members[receiver.member];
        if it.life != receiver.life || !receiver.open || !it.is_up() {
            return self.refuse(conn, down);
        }
        let wait = it.paused_until - self.scene.now;
        if wait > 0 {
            link.pipe(down).armed = true;
            return self.after(wait, Next::Packet { conn, down });
        }
        if let Some((_, item)) = link.pipe(down).queue.pop_front() {
            self.receive(conn, down, receiver.member, item);
        }
        self.arm(conn, down);
    }

    /// Nobody is there to receive this. A host that is alive says so, and then the sender knows.
    fn refuse(&mut self, conn: u64, down: bool) {
        let Some(link) = self.wires.conns.get_mut(&conn) else {
            return;
        };
        link.pipe(down).queue.clear();
        let (sender, receiver) = link.ends(down);
        if sender.open && self.members[receiver.member].is_up() {
            self.transmit(conn, !down, Item::End);
        }
    }

    fn receive(&mut self, conn: u64, down: bool, member: usize, item: Item) {
        let link = LinkId(conn);
        match item {
            Item::ToLeader(packet) => self.feed(member, Input::FromLearner(link, packet)),
            Item::ToLearner(packet) => {
                self.hurry_epoch(member, &packet);
                self.feed(member, Input::FromLeader(packet));
            }
            Item::Part => self.feed(member, Input::LeaderAlive),
            Item::Whole(state) => {
                let zxid = state.last;
                self.members[member].received = Some(state);
                self.feed(member, Input::Snapshot(zxid));
            }
            Item::End => {
                self.close(conn, !down, false);
                let over = if down {
                    Input::LeaderDown
                } else {
                    Input::LearnerDown(link)
                };
                self.feed(member, over);
            }
        }
    }

    /// One end of a connection is closed; `says`: the other end gets to know, once it has received what was sent
    /// before, or a part of that.
    pub fn close(&mut self, conn: u64, leaders_end: bool, says: bool) {
        let Some(link) = self.wires.conns.get_mut(&conn) else {
            return;
        };
        let side = link.receiver(!leaders_end);
        let member = side.member;
        if !std::mem::replace(&mut side.open, false) {
            return;
        }
        let gone = !link.learner.open && !link.leader.open;
        let it = &mut self.members[member];
        if leaders_end {
            it.links.remove(&conn);
            it.streams.remove(&conn);
        } else if it.upstream == Some(conn) {
            it.upstream = None;
        }
        if gone {
            self.wires.conns.remove(&conn);
        } else if says {
            self.lose_tail(conn, leaders_end);
            self.transmit(conn, leaders_end, Item::End);
        }
    }

    /// Some of what was sent last never leaves the host.
    fn lose_tail(&mut self, conn: u64, down: bool) {
        let Some(link) = self.wires.conns.get_mut(&conn) else {
            return;
        };
        let queue = &mut link.pipe(down).queue;
        if self.chance.network.chance(500) {
            let kept = self.chance.network.below(queue.len() + 1);
            queue.truncate(kept);
        }
    }

    /// The network breaks a connection: both ends get to know in their own time.
    pub fn cut(&mut self, conn: u64) {
        for down in [true, false] {
            self.lose_tail(conn, down);
            self.transmit(conn, down, Item::End);
        }
    }

    /// To the leader, if there is a connection.
    pub fn send_to_leader(&mut self, member: usize, packet: ToLeader) {
        if let Some(conn) = self.members[member].upstream {
            self.transmit(conn, false, Item::ToLeader(packet));
        }
    }

    /// To a learner, if it is still connected.
    pub fn send_to_learner(&mut self, member: usize, link: LinkId, packet: ToLearner) {
        if !self.members[member].links.contains(&link.0) {
            return;
        }
        let kind_of_loss = match packet {
            ToLearner::Proposal { .. } => Some(Mutant::LoseProposal),
            ToLearner::Commit(_) => Some(Mutant::LoseCommit),
            _ => None,
        };
        let lost = kind_of_loss.is_some_and(|mutant| self.is_mutant(mutant))
            && self.chance.faults.chance(20);
        if !lost {
            self.transmit_behind(member, link.0, Item::ToLearner(packet));
        }
    }

    /// Ends all connections of a member that has ended or does not listen any more.
    pub fn close_links(&mut self, member: usize, says: bool) {
        for conn in std::mem::take(&mut self.members[member].links) {
            self.close(conn, true, says);
        }
    }

    pub fn close_upstream(&mut self, member: usize, says: bool) {
        self.members[member].dialling = None;
        self.members[member].received = None;
        if let Some(conn) = self.members[member].upstream.take() {
            self.close(conn, false, says);
        }
    }
}
