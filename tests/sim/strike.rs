//! Faults begin and end.

use oxkeeper::types::Zxid;

use crate::council::Council;
use crate::fault::{Fault, Order, What, Who};
use crate::member::{Job, Service};
use crate::plan::Time;
use crate::scene::Event;
use crate::world::{Next, World};

impl World {
    pub fn strike(&mut self, number: usize) {
        if self.healed {
            return;
        }
        let Fault { length, what, .. } = self.plan.faults[number];
        self.log(0, || {
            format!("=== fault: {what:?}, for {} ms", length / 1000)
        });
        match what {
            What::Crash { who, power } => {
                let member = self.who(who);
                self.crash_for(member, power, length);
            }
            What::CrashAtDisk { who, nth } => {
                let member = self.who(who);
                self.members[member].disk_fuse = Some(nth);
                self.members[member].fuse_down = length;
            }
            What::CrashAtEffect { who, nth } => {
                let member = self.who(who);
                self.members[member].effect_fuse = Some(nth);
                self.members[member].fuse_down = length;
            }
            What::CrashDuring { order } => self.trap = Some((order, length)),
            What::CrashAll { power } => {
                for member in 0..self.members.len() {
                    self.crash_for(member, power, length);
                }
            }
            What::Pause { who } => {
                let member = self.who(who);
                self.members[member].paused_until = self.scene.now + length;
            }
            What::SlowDisk { who } => {
                let member = self.who(who);
                self.members[member].slow_until = self.scene.now + length;
            }
            What::Snapshot { who } => {
                let member = self.who(who);
                let has_one = self.scene.states[member].last >= Zxid::ZERO;
                if self.members[member].is_up() && has_one {
                    self.take_snapshot(member, None);
                }
            }
            What::Wipe { who } => {
                let member = self.who(who);
                self.wipe(member, length);
            }
            What::Change(wish) => self.wish(wish),
            What::CrashNearChange { after } => self.change_trap = Some((after, length)),
            What::Cut { a, b } => self.cut_between(a, b),
            other => self.strike_network(other, length),
        }
    }

    fn strike_network(&mut self, what: What, length: Time) {
        let members = self.members.len();
        let all = (0..members).flat_map(|a| (0..members).map(move |b| (a, b)));
        let ways: Vec<(usize, usize)> = match what {
            What::Partition { side } => {
                let inside = |member: usize| side & (1 << member) != 0;
                all.filter(|(a, b)| inside(*a) != inside(*b)).collect()
            }
            What::Isolate { who } => {
                let alone = self.who(who);
                all.filter(|(a, b)| (*a == alone) != (*b == alone))
                    .collect()
            }
            What::OneWay { from, to } => vec![(from, to)],
            What::Split { a, b } => vec![(a, b), (b, a)],
            other => unreachable!("{other:?} is no matter of the network"),
        };
        for (from, to) in &ways {
            self.wires.block(*from, *to);
        }
        self.after(length, Next::Unblock(ways));
    }

    pub fn unblock(&mut self, ways: &[(usize, usize)]) {
        if self.healed {
            return;
        }
        for (from, to) in ways {
            self.wires.unblock(*from, *to);
        }
        self.release();
    }

    /// What was held up goes on.
    fn release(&mut self) {
        let members = self.members.len();
        for from in 0..members {
            for to in 0..members {
                if !self.wires.is_blocked(from, to) {
                    self.release_ballots(from, to);
                }
            }
        }
        let conns: Vec<u64> = self.wires.conns.keys().copied().collect();
        for conn in conns {
            self.arm(conn, true);
            self.arm(conn, false);
        }
    }

    /// A member ends, and starts again after a while.
    fn crash_for(&mut self, member: usize, power: bool, length: Time) {
        self.crash(member, power);
        let life = self.members[member].life;
        self.after(length, Next::Start { member, life });
    }

    /// A disk is replaced by an empty one. Whoever has a say must not come back as if there never had been anything,
    /// and those that are left must be able to decide.
    fn wipe(&mut self, member: usize, length: Time) {
        let disks = &self.scene.disks;
        let left = |other: usize| other != member && !disks[other].is_blank();
        let charters = disks
            .iter()
            .flat_map(|disk| disk.next.iter().chain([&disk.committed]));
        let councils: Vec<Council> = charters.map(|charter| charter.council).collect();
        let votes = councils.iter().any(|council| council.votes(member));
        let decide = councils.iter().all(|council| council.is_quorum(left));
        if votes && (self.plan.timing.autocreate || !decide) {
            return;
        }
        self.crash_for(member, true, length);
        self.scene.disks[member].wipe();
        self.sights.add("disk lost", 1);
        self.see(member, &Event::Wiped);
    }

    fn cut_between(&mut self, a: usize, b: usize) {
        if a != b {
            self.break_pair(a, b);
        }
        let between = |x: usize, y: usize| (x == a && y == b) || (x == b && y == a);
        let conns = self.wires.conns.iter();
        let cut: Vec<u64> = conns
            .filter(|(_, conn)| between(conn.learner.member, conn.leader.member))
            .map(|(conn, _)| *conn)
            .collect();
        for conn in cut {
            self.cut(conn);
        }
    }

    /// Whom a fault means just now.
    pub fn who(&self, who: Who) -> usize {
        let members = self.members.len();
        let epoch = |member: &usize| match self.scene.services[*member] {
            Service::Leader(epoch) => epoch,
            _ => self.scene.disks[*member].current_epoch - 1,
        };
        let leader = || (0..members).max_by_key(epoch).unwrap_or_default();
        match who {
            Who::Member(member) => member,
            Who::Leader => leader(),
            Who::Follower(behind) => (leader() + 1 + behind) % members,
        }
    }

    /// Counts a step of a member's disk.
    pub fn burn_disk_fuse(&mut self, member: usize) {
        if let Some(left) = self.members[member].disk_fuse {
            self.members[member].disk_fuse = Some(left - 1);
            if left == 1 {
                self.blow(member);
            }
        }
    }

    /// An order begins: perhaps it is the one that somebody waits for.
    pub fn spring_trap(&mut self, member: usize) {
        let order = match self.members[member].busy {
            Some(Job::AcceptedEpoch(..)) => Order::AcceptedEpoch,
            Some(Job::CurrentEpoch(..)) => Order::CurrentEpoch,
            Some(Job::Truncate(..)) => Order::Truncate,
            Some(Job::Install(..)) => Order::Install,
            Some(Job::Flush(_) | Job::Append(..)) | None => return,
        };
        if let Some((_, length)) = self.trap.take_if(|(wanted, _)| *wanted == order) {
            self.crash_for(member, true, length);
        }
    }

    /// Counts an effect of a member's machine.
    pub fn burn_effect_fuse(&mut self, member: usize) {
        if let Some(left) = self.members[member].effect_fuse {
            self.members[member].effect_fuse = Some(left - 1);
            if left == 1 {
                self.blow(member);
            }
        }
    }

    fn blow(&mut self, member: usize) {
        let down = self.members[member].fuse_down;
        let power = self.chance.faults.chance(500);
        self.crash_for(member, power, down);
    }

    /// The end of all faults: everybody is there, everybody can talk with everybody, disks are fast.
    pub fn heal(&mut self) {
        self.log(0, || "=== all faults end".to_owned());
        self.healed = true;
        self.wires.clear();
        self.trap = None;
        self.change_trap = None;
        for member in 0..self.members.len() {
            let it = &mut self.members[member];
            it.paused_until = 0;
            it.slow_until = 0;
            it.disk_fuse = None;
            it.effect_fuse = None;
            let life = it.life;
            self.start(member, life);
        }
        self.release();
    }
}
