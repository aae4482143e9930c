//! The log thread and the housekeeper of a member: orders that take time, and what a crash leaves of them.

use oxkeeper::consensus::{Input, Outcome};

use crate::member::Job;
use crate::mutant::Mutant;
use crate::plan::Time;
use crate::scene::Event;
use crate::world::{Next, World};

/// How much slower a slow disk is.
const SLOWNESS: Time = 50;

impl World {
    /// An order to the log thread.
    pub fn order(&mut self, member: usize, job: Job) {
        if matches!(job, Job::Truncate(..) | Job::Install(..)) {
            self.break_walks(member);
        }
        if let Some(input) = self.premature(&job) {
            self.feed_after(0, member, input);
        }
        self.members[member].orders.push_back(job);
        if self.members[member].busy.is_none() {
            self.next_order(member);
        }
    }

    /// What a mutant says of an order before it is carried out.
    fn premature(&self, job: &Job) -> Option<Input> {
        match (self.mutant, job) {
            (Some(Mutant::AckBeforeFsync), Job::Append(zxid, _)) => Some(Input::Durable(*zxid)),
            (
                Some(Mutant::DoneTooEarly),
                Job::AcceptedEpoch(_, task) | Job::CurrentEpoch(_, task),
            ) => Some(Input::Done(*task, Outcome::Saved)),
            (Some(Mutant::DoneTooEarly), Job::Truncate(zxid, task)) => {
                Some(Input::Done(*task, Outcome::At(*zxid)))
            }
            _ => None,
        }
    }

    /// Begins with the next order. Everything that waits to be appended is appended and flushed at once.
    fn next_order(&mut self, member: usize) {
        let it = &mut self.members[member];
        let disk = &mut self.scene.disks[member];
        let mut appended = false;
        while let Some(Job::Append(zxid, payload)) = it.orders.front() {
            disk.append(*zxid, *payload);
            it.orders.pop_front();
            appended = true;
        }
        it.busy = if appended {
            Some(Job::Flush(disk.end()))
        } else {
            it.orders.pop_front()
        };
        if it.busy.is_none() {
            return;
        }
        let life = it.life;
        let wait = self.disk_time(member);
        self.after(wait, Next::Ordered { member, life });
        self.see(member, &Event::Stored);
        self.burn_disk_fuse(member);
        self.spring_trap(member);
    }

    pub fn disk_time(&mut self, member: usize) -> Time {
        let (low, high) = self.plan.weather.disk;
        let time = self.chance.disk.between(low, high);
        if self.members[member].slow_until > self.scene.now {
            time * SLOWNESS
        } else {
            time
        }
    }

    pub fn order_done(&mut self, member: usize) {
        let Some(job) = self.members[member].busy.take() else {
            return;
        };
        self.log(member, || format!("   disk: {}", crate::say::job(&job)));
        // As after so many records in the server.
        let enough = matches!(job, Job::Flush(_)) && self.chance.disk.chance(10);
        // Who writes snapshots is also who cuts back: what it began before is over.
        if matches!(job, Job::Truncate(..) | Job::Install(..)) {
            self.break_walks(member);
        }
        let input = self.finish_job(member, job);
        if enough {
            self.take_snapshot(member, None);
        }
        self.see(member, &Event::Stored);
        self.burn_disk_fuse(member);
        if !self.members[member].is_up() {
            return;
        }
        if self.members[member].busy.is_none() {
            self.next_order(member);
        }
        if let Some(input) = input {
            self.feed(member, input);
        }
    }

    /// An order is done: what it changes, and who is told.
    fn finish_job(&mut self, member: usize, job: Job) -> Option<Input> {
        let disk = &mut self.scene.disks[member];
        let installs = matches!(job, Job::Install(..));
        let (task, outcome) = match job {
            Job::Append(..) => unreachable!("appending is part of a flush"),
            Job::Flush(end) => {
                disk.flushes = self.mutant != Some(Mutant::FlushNothing);
                let early = self.mutant == Some(Mutant::AckBeforeFsync);
                return disk.flushed(end).filter(|_| !early).map(Input::Durable);
            }
            Job::AcceptedEpoch(epoch, task) => {
                if self.mutant != Some(Mutant::ForgetAcceptedEpoch) {
                    disk.accepted_epoch = epoch;
                }
                (task, Outcome::Saved)
            }
            Job::CurrentEpoch(epoch, task) => {
                if self.mutant != Some(Mutant::ForgetCurrentEpoch) {
                    disk.current_epoch = disk.current_epoch.max(epoch);
                }
                (task, Outcome::Saved)
            }
            Job::Truncate(zxid, task) => {
                if self.mutant == Some(Mutant::SkipTruncation) {
                    return Some(Input::Done(task, Outcome::At(zxid)));
                }
                let state = disk.truncate(zxid);
                let at = state.last;
                self.scene.states[member] = state;
                (task, Outcome::At(at))
            }
            Job::Install(state, task) => {
                if self.mutant != Some(Mutant::InstallInMemory) {
                    disk.current_epoch = disk.current_epoch.max(state.last.epoch());
                    disk.install(&state);
                }
                let at = state.last;
                self.scene.states[member] = *state;
                (task, Outcome::At(at))
            }
        };
        let told = self.mutant == Some(Mutant::DoneTooEarly) && !installs;
        (!told).then_some(Input::Done(task, outcome))
    }

    /// What a crash leaves: of the order that was being carried out nothing, a part, or all.
    pub fn crash_disk(&mut self, member: usize) {
        let rng = &mut self.chance.disk;
        let disk = &mut self.scene.disks[member];
        disk.crash(rng, self.mutant == Some(Mutant::TornMiddle));
        let done = rng.below(3);
        let busy = self.members[member].busy.take();
        self.sights.crash(busy.as_ref());
        match busy {
            Some(Job::AcceptedEpoch(epoch, _)) if done > 0 => disk.accepted_epoch = epoch,
            Some(Job::CurrentEpoch(epoch, _)) if done > 0 => {
                disk.current_epoch = disk.current_epoch.max(epoch)
            }
            Some(Job::Truncate(zxid, _)) if done == 2 => drop(disk.truncate(zxid)),
            Some(Job::Truncate(zxid, _)) if done == 1 => disk.truncate_half(zxid, rng),
            Some(Job::Install(state, _)) if done > 0 => {
                disk.current_epoch = disk.current_epoch.max(state.last.epoch());
                if done == 1 {
                    disk.install_half(&state)
                } else {
                    disk.install(&state)
                }
            }
            _ => {}
        }
        self.see(member, &Event::Stored);
    }
}
