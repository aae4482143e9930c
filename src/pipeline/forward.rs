//! A learner's requests on their way to the leader and back: per session a queue in the order asked.
//! At its head is always one that the leader has to answer; everything behind it waits.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::sync::Arc;

use bytes::Bytes;
use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::pipeline::Asker;
use crate::types::{ErrorCode, Id, OpCode, SessionId};

/// Queues kept for reuse when their session has nothing pending.
const SPARE_QUEUES_MAX: usize = 1024;

/// A request that has not been answered.
#[derive(Debug)]
pub enum Pending {
    /// At the leader: its transaction answers it, found by session and number. A session being opened
    /// has number 0.
    Write {
        /// Who is answered.
        asker: Asker,
    },
    /// A local session on its way to being known to all: its transaction, number 0, answers nobody.
    Upgrade,
    /// A sync, at the leader too, which answers syncs in the order they were sent.
    Sync {
        /// The request.
        read: Read,
        /// Whether the leader has answered.
        is_done: bool,
    },
    /// A read behind one of those.
    Read(Read),
    /// Refused here, behind one of those.
    Refusal {
        /// Who is answered.
        asker: Asker,
        /// What.
        code: ErrorCode,
    },
    /// The end of a local session, behind one of those.
    Close {
        /// Who is answered.
        asker: Asker,
    },
}

/// A request that is served from the applied tree once its turn has come.
#[derive(Debug)]
pub struct Read {
    /// Who is answered.
    pub asker: Asker,
    /// What.
    pub op: OpCode,
    /// The request's body.
    pub body: Bytes,
    /// The connection's identities when the request was read.
    pub who: Arc<[Id]>,
}

impl Pending {
    fn asker(&self) -> Option<Asker> {
        match self {
            Pending::Write { asker }
            | Pending::Refusal { asker, .. }
            | Pending::Close { asker } => Some(*asker),
            Pending::Sync { read, .. } | Pending::Read(read) => Some(read.asker),
            Pending::Upgrade => None,
        }
    }

    /// Whether the leader still has to answer.
    fn waits(&self) -> bool {
        match self {
            Pending::Write { .. } | Pending::Upgrade => true,
            Pending::Sync { is_done, .. } => !is_done,
            Pending::Read(_) | Pending::Refusal { .. } | Pending::Close { .. } => false,
        }
    }
}

#[derive(Debug)]
struct Queue {
    session: SessionId,
    pending: VecDeque<Pending>,
}

/// What a learner waits for.
// apache 3.9.5: server/quorum/CommitProcessor.java pendingRequests, FollowerZooKeeperServer.java pendingSyncs
#[derive(Debug)]
pub struct Forward {
    hasher: FixedState,
    queues: HashTable<Queue>,
    spare: Vec<VecDeque<Pending>>,
    /// Whose syncs are at the leader, oldest first.
    syncs: VecDeque<SessionId>,
}

impl Forward {
    /// Nothing is pending. `seed` randomises hashing.
    pub fn new(seed: u64) -> Self {
        Forward {
            hasher: FixedState::with_seed(seed),
            queues: HashTable::new(),
            spare: Vec::new(),
            syncs: VecDeque::new(),
        }
    }

    fn queue(&mut self, session: SessionId) -> Option<&mut Queue> {
        let same = |queue: &Queue| queue.session == session;
        self.queues.find_mut(self.hasher.hash_one(session), same)
    }

    /// Whether the leader owes this session an answer, so that whatever it asks now must wait.
    pub fn is_busy(&self, session: SessionId) -> bool {
        let same = |queue: &Queue| queue.session == session;
        self.queues
            .find(self.hasher.hash_one(session), same)
            .is_some()
    }

    /// Adds a request behind all others of its session.
    pub fn push(&mut self, session: SessionId, pending: Pending) {
        if matches!(pending, Pending::Sync { .. }) {
            self.syncs.push_back(session);
        }
        let hasher = &self.hasher;
        let entry = self.queues.entry(
            hasher.hash_one(session),
            |queue| queue.session == session,
            |queue| hasher.hash_one(queue.session),
        );
        let spare = &mut self.spare;
        let queue = entry.or_insert_with(|| {
            assert!(
                pending.waits(),
                "only what the leader answers makes others wait"
            );
            Queue {
                session,
                pending: spare.pop().unwrap_or_default(),
            }
        });
        queue.into_mut().pending.push_back(pending);
    }

    /// A transaction is being applied. If it was asked for here, and is the first that its session waits
    /// for, says who asked, if anybody; whatever waited behind it is then to be taken with
    /// [`next`](Self::next).
    pub fn settle(&mut self, session: SessionId, cxid: i32) -> Option<Option<Asker>> {
        let queue = &mut self.queue(session)?.pending;
        let asker = match queue.front()? {
            Pending::Write { asker } if asker.xid == cxid => Some(*asker),
            Pending::Upgrade if cxid == 0 => None,
            _ => return None,
        };
        queue.pop_front();
        Some(asker)
    }

    /// The leader has answered the oldest sync: whose it was; `None` when there was none. What can go on
    /// is then to be taken with [`next`](Self::next).
    pub fn synced(&mut self) -> Option<SessionId> {
        let session = self.syncs.pop_front()?;
        let queue = self.queue(session).into_iter();
        let sync = queue
            .flat_map(|queue| &mut queue.pending)
            .find_map(|pending| match pending {
                Pending::Sync { is_done, .. } if !*is_done => Some(is_done),
                _ => None,
            });
        // It is not there when its session has ended.
        if let Some(is_done) = sync {
            *is_done = true;
        }
        Some(session)
    }

    /// A session has ended: nothing that it still waits for is answered. Who that is.
    pub fn end(&mut self, session: SessionId) -> impl Iterator<Item = Asker> + use<> {
        let same = |queue: &Queue| queue.session == session;
        let hash = self.hasher.hash_one(session);
        let queue = self.queues.find_entry(hash, same).ok();
        let pending = queue.map(|queue| queue.remove().0.pending);
        let pending = pending.into_iter().flatten();
        pending.filter_map(|pending| pending.asker())
    }

    /// Takes the session's next request if it need not wait any longer.
    pub fn next(&mut self, session: SessionId) -> Option<Pending> {
        let same = |queue: &Queue| queue.session == session;
        let hash = self.hasher.hash_one(session);
        let mut entry = self.queues.find_entry(hash, same).ok()?;
        let pending = &mut entry.get_mut().pending;
        match pending.front() {
            Some(head) if head.waits() => None,
            Some(_) => pending.pop_front(),
            None => {
                let (queue, _) = entry.remove();
                if self.spare.len() < SPARE_QUEUES_MAX {
                    self.spare.push(queue.pending);
                }
                None
            }
        }
    }

    /// Forgets everything, telling who will not be answered, in no particular order.
    pub fn abandon(&mut self, mut dropped: impl FnMut(Asker)) {
        self.syncs.clear();
        for queue in self.queues.drain() {
            let askers = queue.pending.iter().filter_map(Pending::asker);
            askers.for_each(&mut dropped);
        }
    }

    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }
}

#[cfg(test)]
mod tests;
