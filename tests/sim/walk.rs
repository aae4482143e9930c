//! Snapshots are written while the state goes on: a walk begins at one transaction and shows something of later ones.
//! Here are walks to a member's own disk, and walks that are streamed to a learner.

use oxkeeper::consensus::{Input, Outcome, Task};
use oxkeeper::proto::peer::ToLearner;
use oxkeeper::types::LinkId;

use crate::history::History;
use crate::mutant::Mutant;
use crate::plan::MS;
use crate::scene::Event;
use crate::wires::Item;
use crate::world::{Next, World};

/// In how many pieces a snapshot travels, at most.
const PARTS_MAX: usize = 6;

/// A walk to the own disk.
#[derive(Debug)]
pub struct Walk {
    /// The state in which it began.
    from: History,
    /// Who waits for it.
    task: Option<Task>,
}

/// A walk to a learner.
#[derive(Debug)]
pub struct Stream {
    /// The state in which it began; `None` before it has.
    from: Option<History>,
    task: Task,
    /// How many pieces there are still to be sent.
    parts: usize,
    /// What was sent to the learner meanwhile.
    held: Vec<Item>,
}

impl World {
    /// The housekeeper begins to write a snapshot of what is applied now.
    pub fn take_snapshot(&mut self, member: usize, task: Option<Task>) {
        let number = self.fresh();
        let from = self.scene.states[member].clone();
        let it = &mut self.members[member];
        let life = it.life;
        it.walks.insert(number, Walk { from, task });
        let wait = self.chance.disk.between(2, 20) * self.disk_time(member) + MS;
        self.after(
            wait,
            Next::SnapshotTaken {
                member,
                life,
                number,
            },
        );
    }

    pub fn snapshot_taken(&mut self, member: usize, number: u64) {
        let Some(Walk { from, task }) = self.members[member].walks.remove(&number) else {
            return;
        };
        let written = self.written_down(member, from);
        self.sights.fuzz(&written, "fuzzy snapshot on disk");
        self.scene.disks[member].add_snapshot(written);
        if self.chance.disk.chance(500) {
            let committed = self.laws.committed_last();
            self.scene.disks[member].purge(committed);
        }
        self.see(member, &Event::Stored);
        self.burn_disk_fuse(member);
        if let Some(task) = task {
            self.feed(member, Input::Done(task, Outcome::Saved));
        }
    }

    /// What a walk has written that ends now.
    fn written_down(&self, member: usize, from: History) -> History {
        let now = &self.scene.states[member];
        let mut written = from.written_until(now);
        if self.is_mutant(Mutant::SnapshotStampedTooHigh) {
            written.last = now.last;
        }
        written
    }

    /// What is applied from now on may be forgotten again, or the state is replaced: no snapshot may show it.
    pub fn break_walks(&mut self, member: usize) {
        if !self.is_mutant(Mutant::WalksGoOn) {
            self.members[member].walks.clear();
        }
    }

    /// A snapshot is to be sent to a learner. What is sent to it from now on waits behind it.
    pub fn stream_snapshot(&mut self, member: usize, link: LinkId, task: Task) {
        if !self.members[member].links.contains(&link.0) {
            return;
        }
        let stream = Stream {
            from: None,
            task,
            parts: self.chance.network.below(PARTS_MAX) + 1,
            held: Vec::new(),
        };
        self.members[member].streams.insert(link.0, stream);
        // It begins when the turn is over; a little more may be applied by then.
        if self.chance.network.chance(500) {
            self.stream_slice(member, link.0);
        } else {
            self.next_slice(member, link.0);
        }
    }

    fn next_slice(&mut self, member: usize, conn: u64) {
        let wait = self.delay();
        let life = self.members[member].life;
        self.after(wait, Next::Slice { member, life, conn });
    }

    /// The next piece of a snapshot leaves.
    pub fn stream_slice(&mut self, member: usize, conn: u64) {
        let Some(mut stream) = self.members[member].streams.remove(&conn) else {
            return;
        };
        if stream.from.is_none() {
            let state = self.snapshot_of(member);
            self.transmit(conn, true, Item::ToLearner(ToLearner::Snap(state.last)));
            stream.from = Some(state);
        }
        stream.parts -= 1;
        if stream.parts > 0 {
            self.transmit(conn, true, Item::Part);
            self.members[member].streams.insert(conn, stream);
            return self.next_slice(member, conn);
        }
        let Stream {
            from, task, held, ..
        } = stream;
        let from = from.expect("the first slice has begun it");
        let at = from.last;
        let sent = from.written_until(&self.scene.states[member]);
        self.sights.fuzz(&sent, "fuzzy snapshot sent");
        self.transmit(conn, true, Item::Whole(Box::new(sent)));
        for item in held {
            self.transmit(conn, true, item);
        }
        self.task_done(member, LinkId(conn), task, Outcome::At(at));
    }

    fn snapshot_of(&self, member: usize) -> History {
        let mut state = self.scene.states[member].clone();
        if self.is_mutant(Mutant::StaleSnapshot) && state.entries.len() > 1 {
            state.entries.pop();
        }
        state
    }

    /// An item for a learner: behind its snapshot if there is one on its way.
    pub fn transmit_behind(&mut self, member: usize, conn: u64, item: Item) {
        let loses = self.is_mutant(Mutant::LoseWhatWaits);
        match self.members[member].streams.get_mut(&conn) {
            Some(_) if loses && matches!(item, Item::ToLearner(ToLearner::Proposal { .. })) => {}
            Some(stream) => stream.held.push(item),
            None => self.transmit(conn, true, item),
        }
    }
}
