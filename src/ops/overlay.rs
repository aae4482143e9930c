//! The tree as it will be once all writes in flight have landed (Apache's `outstandingChanges`).
//!
//! Writes are judged against this view, one after another, long before they are applied. An entry
//! stands for a path as the newest write in flight leaves it; it goes when that write is applied. The
//! digest of the whole future tree is carried along, because transactions are logged with it.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::tree::digest::node_digest;
use crate::tree::{NodeRef, Tree};
use crate::types::{Acl, NodeStat, Zxid};

/// A node as writes in flight leave it.
#[derive(Debug, Clone)]
pub struct PendingNode {
    /// Metadata, with the stored cversion.
    pub stat: NodeStat,
    /// Number of children.
    pub children: usize,
    /// Takes no children for as long as it is in flight, whoever owns it.
    pub seems_ephemeral: bool,
    acl: PendingAcl,
    data: PendingData,
    digest: i64,
}

#[derive(Debug, Clone)]
enum PendingAcl {
    /// As the node in the tree has it: no write in flight changes it.
    Stored,
    List(Arc<[Acl]>),
}

#[derive(Debug, Clone)]
enum PendingData {
    /// As the node in the tree has it.
    Stored,
    Bytes(Option<Arc<[u8]>>),
}

impl PendingNode {
    /// A node that a write in flight creates.
    pub fn new(stat: NodeStat, acl: &[Acl], data: Option<&[u8]>) -> Self {
        PendingNode {
            stat,
            children: 0,
            seems_ephemeral: false,
            acl: PendingAcl::List(acl.into()),
            data: PendingData::Bytes(data.map(Into::into)),
            digest: 0,
        }
    }

    /// The same node with other data.
    #[must_use]
    pub fn with_data(mut self, data: Option<&[u8]>) -> Self {
        self.data = PendingData::Bytes(data.map(Into::into));
        self
    }

    /// The same node with another access list.
    #[must_use]
    pub fn with_acl(mut self, acl: &[Acl]) -> Self {
        self.acl = PendingAcl::List(acl.into());
        self
    }
}

/// A path's future: looked up once, read many times.
#[derive(Debug)]
pub struct View<'v> {
    pending: Option<&'v PendingNode>,
    stored: Option<NodeRef<'v>>,
}

impl<'v> View<'v> {
    fn stored(&self) -> NodeRef<'v> {
        self.stored
            .expect("an entry that points into the tree has its node there")
    }

    /// Metadata, with the stored cversion.
    pub fn stat(&self) -> NodeStat {
        self.pending
            .map_or_else(|| self.stored().persisted(), |node| node.stat)
    }

    /// Number of children.
    pub fn children(&self) -> usize {
        self.pending
            .map_or_else(|| self.stored().child_count(), |node| node.children)
    }

    /// Whether a write in flight makes it look ephemeral although it is not.
    pub fn seems_ephemeral(&self) -> bool {
        self.pending.is_some_and(|node| node.seems_ephemeral)
    }

    /// The access list.
    pub fn acl(&self) -> &'v [Acl] {
        match self.pending.map(|node| &node.acl) {
            Some(PendingAcl::List(list)) => list,
            Some(PendingAcl::Stored) | None => self.stored().acl(),
        }
    }

    /// The payload.
    pub fn data(&self) -> Option<&'v [u8]> {
        match self.pending.map(|node| &node.data) {
            Some(PendingData::Bytes(data)) => data.as_deref(),
            Some(PendingData::Stored) | None => self.stored().data(),
        }
    }

    /// A copy to change and [`Overlay::put`] back.
    pub fn to_pending(&self) -> PendingNode {
        self.pending.cloned().unwrap_or_else(|| PendingNode {
            stat: self.stat(),
            children: self.children(),
            seems_ephemeral: false,
            acl: PendingAcl::Stored,
            data: PendingData::Stored,
            digest: 0,
        })
    }
}

#[derive(Debug)]
struct Entry {
    path: Box<str>,
    hash: u64,
    /// The newest write in flight that touches the path.
    zxid: Zxid,
    /// `None`: deleted.
    node: Option<PendingNode>,
}

#[derive(Debug)]
struct Undo {
    slot: u32,
    /// The entry's former zxid and node; `None` when the entry is new.
    before: Option<(Zxid, Option<PendingNode>)>,
}

/// A point to return to when a multi fails.
#[derive(Debug)]
#[must_use]
pub struct Savepoint {
    queue_len: usize,
    digest: i64,
}

/// The changes of all writes in flight.
#[derive(Debug)]
pub struct Overlay {
    hasher: FixedState,
    digests: bool,
    slots: Vec<Option<Entry>>,
    free: Vec<u32>,
    by_path: HashTable<u32>,
    /// Which write touched which entry, oldest first.
    queue: VecDeque<(Zxid, u32)>,
    journal: Option<Vec<Undo>>,
    digest: i64,
}

impl Overlay {
    /// No writes in flight over a tree with this digest. `digests` off saves computing them.
    pub fn new(seed: u64, digests: bool, tree_digest: i64) -> Self {
        Overlay {
            hasher: FixedState::with_seed(seed),
            digests,
            slots: Vec::new(),
            free: Vec::new(),
            by_path: HashTable::new(),
            queue: VecDeque::new(),
            journal: None,
            digest: tree_digest,
        }
    }

    /// Forgets all writes in flight; the tree has this digest.
    pub fn clear(&mut self, tree_digest: i64) {
        self.slots.clear();
        self.free.clear();
        self.by_path.clear();
        self.queue.clear();
        self.journal = None;
        self.digest = tree_digest;
    }

    /// Digest of the tree once everything in flight has landed.
    pub fn digest(&self) -> i64 {
        self.digest
    }

    fn slot_of(&self, path: &str, hash: u64) -> Option<u32> {
        self.by_path
            .find(hash, |slot| &*self.entry(*slot).path == path)
            .copied()
    }

    fn entry(&self, slot: u32) -> &Entry {
        self.slots[slot as usize]
            .as_ref()
            .expect("the index points at live entries only")
    }

    /// The node at `path` as it will be; `None` when there will be none.
    pub fn get<'v>(&'v self, tree: &'v Tree, path: &str) -> Option<View<'v>> {
        if self.by_path.is_empty() {
            return tree.find(path).map(|node| View {
                pending: None,
                stored: Some(node),
            });
        }
        match self.slot_of(path, self.hasher.hash_one(path)) {
            Some(slot) => {
                let node = self.entry(slot).node.as_ref()?;
                Some(View {
                    pending: Some(node),
                    stored: tree.find(path),
                })
            }
            None => tree.find(path).map(|node| View {
                pending: None,
                stored: Some(node),
            }),
        }
    }

    /// Records that write `zxid` leaves `path` as `node`, or deleted.
    pub fn put(&mut self, tree: &Tree, path: &str, zxid: Zxid, node: Option<PendingNode>) {
        let hash = self.hasher.hash_one(path);
        let slot = self.slot_of(path, hash);
        let node = self.account_digest(tree, path, slot, node);
        let slot = match slot {
            Some(slot) => {
                let entry = self.slots[slot as usize].as_mut().expect("looked up above");
                let before = (entry.zxid, std::mem::replace(&mut entry.node, node));
                entry.zxid = zxid;
                self.remember(slot, Some(before));
                slot
            }
            None => {
                let slot = self.insert(Entry {
                    path: path.into(),
                    hash,
                    zxid,
                    node,
                });
                self.remember(slot, None);
                slot
            }
        };
        self.queue.push_back((zxid, slot));
    }

    fn remember(&mut self, slot: u32, before: Option<(Zxid, Option<PendingNode>)>) {
        if let Some(journal) = &mut self.journal {
            journal.push(Undo { slot, before });
        }
    }

    /// Moves the future digest by the difference that this change makes.
    fn account_digest(
        &mut self,
        tree: &Tree,
        path: &str,
        slot: Option<u32>,
        node: Option<PendingNode>,
    ) -> Option<PendingNode> {
        if !self.digests {
            return node;
        }
        let stored = tree.find(path);
        let old = match slot {
            Some(slot) => self.entry(slot).node.as_ref().map_or(0, |node| node.digest),
            None => stored.map_or(0, |node| node_digest(path, node.data(), &node.persisted())),
        };
        let new = node.map(|mut node| {
            let view = View {
                pending: Some(&node),
                stored,
            };
            node.digest = node_digest(path, view.data(), &node.stat);
            node
        });
        let added = new.as_ref().map_or(0, |node| node.digest);
        self.digest = self.digest.wrapping_sub(old).wrapping_add(added);
        new
    }

    fn insert(&mut self, entry: Entry) -> u32 {
        let hash = entry.hash;
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(entry);
                slot
            }
            None => {
                self.slots.push(Some(entry));
                u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 changes in flight")
            }
        };
        let slots = &self.slots;
        self.by_path.insert_unique(hash, slot, |slot| {
            slots[*slot as usize]
                .as_ref()
                .expect("the index points at live entries only")
                .hash
        });
        slot
    }

    fn remove(&mut self, slot: u32) {
        let entry = self.slots[slot as usize].take().expect("removed once");
        let found = self.by_path.find_entry(entry.hash, |other| *other == slot);
        found.expect("every entry is indexed").remove();
        self.free.push(slot);
    }

    /// Starts a multi: what follows can be taken back as a whole.
    pub fn savepoint(&mut self) -> Savepoint {
        assert!(self.journal.is_none(), "multis do not nest");
        self.journal = Some(Vec::new());
        Savepoint {
            queue_len: self.queue.len(),
            digest: self.digest,
        }
    }

    /// Keeps everything since the savepoint.
    pub fn keep(&mut self, _point: Savepoint) {
        self.journal = None;
    }

    /// Takes back everything since the savepoint, sequence numbers included.
    pub fn roll_back(&mut self, point: Savepoint) {
        let journal = self.journal.take().expect("a savepoint starts a journal");
        for undo in journal.into_iter().rev() {
            match undo.before {
                Some((zxid, node)) => {
                    let entry = self.slots[undo.slot as usize].as_mut();
                    let entry = entry.expect("entries live as long as their journal");
                    (entry.zxid, entry.node) = (zxid, node);
                }
                None => self.remove(undo.slot),
            }
        }
        self.queue.truncate(point.queue_len);
        self.digest = point.digest;
    }

    /// Write `zxid` has been applied: what only it stood for is now in the tree.
    pub fn landed(&mut self, zxid: Zxid) {
        while let Some((first, slot)) = self.queue.front().copied() {
            if first > zxid {
                break;
            }
            self.queue.pop_front();
            let newest = self.slots[slot as usize]
                .as_ref()
                .is_some_and(|entry| entry.zxid == first);
            if newest {
                self.remove(slot);
            }
        }
    }

    /// Every path that a write in flight touches, with what it will be; in no particular order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, Option<&PendingNode>)> {
        self.slots
            .iter()
            .flatten()
            .map(|entry| (&*entry.path, entry.node.as_ref()))
    }

    /// Whether nothing is in flight.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}
