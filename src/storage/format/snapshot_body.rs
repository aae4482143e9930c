//! What a snapshot file and the snapshot that a leader sends have in common: sessions, access lists and
//! nodes, to bytes and back. What stands before and behind them is `snapshot`'s and `snap_stream`'s.

use std::borrow::Cow;

use jute::{DecodeError, Field, Reader};

use crate::proto;
use crate::proto::disk::{NodeRecord, SessionRecord};
use crate::proto::shared::{self, acl_records};
use crate::types::{Acl, NodeStat, SessionId};

/// Where the list of nodes ends.
pub const END_PATH: &str = "/";

/// Receives a snapshot's records in order.
pub trait SnapshotVisitor {
    /// A session and its timeout in milliseconds.
    fn session(&mut self, id: SessionId, timeout_ms: i32);

    /// The ACL list with this number.
    fn acl_list(&mut self, number: i64, list: &[shared::Acl<'_>]);

    /// A node; the root (path empty) comes first. The number -1 stands for world:anyone, all permissions.
    ///
    /// # Errors
    /// What makes the node impossible, for example a missing parent. The snapshot is then not used.
    fn node(&mut self, node: &NodeRecord<'_>) -> Result<(), String>;
}

/// The part of a snapshot that is written next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Sessions,
    AclLists,
    Nodes,
    Done,
}

/// Appends records to a buffer, and sees to their order.
#[derive(Debug)]
pub(crate) struct BodyEncoder {
    pub(crate) out: Vec<u8>,
    next: Part,
}

impl BodyEncoder {
    /// Records are appended to `out`.
    pub(crate) fn new(out: Vec<u8>) -> Self {
        let next = Part::Sessions;
        BodyEncoder { out, next }
    }

    pub(crate) fn sessions(&mut self, sessions: &[(SessionId, i32)]) {
        self.advance(Part::Sessions, Part::AclLists);
        self.count(sessions.len());
        for (id, timeout_ms) in sessions {
            let record = SessionRecord {
                id: id.0,
                timeout_ms: *timeout_ms,
            };
            proto::append(&record, &mut self.out);
        }
    }

    pub(crate) fn acl_lists(&mut self, lists: &[(i64, &[Acl])]) {
        self.advance(Part::AclLists, Part::Nodes);
        self.count(lists.len());
        for (number, list) in lists {
            proto::append(number, &mut self.out);
            proto::append(&Some(acl_records(list)), &mut self.out);
        }
    }

    #[inline]
    pub(crate) fn node(&mut self, path: &str, data: Option<&[u8]>, acl: i64, stat: NodeStat) {
        assert_eq!(self.next, Part::Nodes, "nodes follow the ACL lists");
        assert_ne!(path, END_PATH, "the root's path in a snapshot is empty");
        let record = NodeRecord {
            path: Cow::Borrowed(path),
            data,
            acl,
            stat: stat.into(),
        };
        proto::append(&record, &mut self.out);
    }

    /// Ends the nodes.
    pub(crate) fn end(&mut self) {
        self.advance(Part::Nodes, Part::Done);
        proto::append(&Cow::Borrowed(END_PATH), &mut self.out);
    }

    pub(crate) fn is_done(&self) -> bool {
        self.next == Part::Done
    }

    fn advance(&mut self, from: Part, to: Part) {
        assert_eq!(self.next, from, "the parts of a snapshot come in order");
        self.next = to;
    }

    fn count(&mut self, count: usize) {
        let count = i32::try_from(count).expect("a table has fewer than 2^31 entries");
        proto::append(&count, &mut self.out);
    }
}

/// What is read next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaited {
    SessionCount,
    Session { left: i32 },
    AclCount,
    AclList { left: i32 },
    Node,
    Nothing,
}

/// Takes records apart, one at a time.
#[derive(Debug)]
pub(crate) struct BodyDecoder {
    awaited: Awaited,
    nodes: u64,
}

/// How reading one record ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The visitor has it.
    Record,
    /// A number of entries below zero.
    Negative(i32),
    /// The visitor refused a node.
    Refused(String),
}

impl BodyDecoder {
    pub(crate) fn new() -> Self {
        BodyDecoder {
            awaited: Awaited::SessionCount,
            nodes: 0,
        }
    }

    /// What comes next, for error messages.
    pub(crate) fn what(&self) -> &'static str {
        match self.awaited {
            Awaited::SessionCount => "sessions",
            Awaited::Session { .. } => "session",
            Awaited::AclCount => "ACL lists",
            Awaited::AclList { .. } => "ACL list",
            Awaited::Node | Awaited::Nothing => "node",
        }
    }

    /// Whether the end of the nodes was read.
    pub(crate) fn is_done(&self) -> bool {
        self.awaited == Awaited::Nothing
    }

    /// Nodes so far.
    pub(crate) fn nodes(&self) -> u64 {
        self.nodes
    }

    /// Reads one record. An error changes nothing and tells the visitor nothing, so that the same record
    /// can be read again when more bytes of it have come.
    #[inline]
    pub(crate) fn read(
        &mut self,
        reader: &mut Reader<'_>,
        visitor: &mut (impl SnapshotVisitor + ?Sized),
    ) -> Result<Taken, DecodeError> {
        self.awaited = match self.awaited {
            Awaited::Node | Awaited::Nothing => return self.read_node(reader, visitor),
            Awaited::SessionCount => match reader.int()? {
                count @ ..0 => return Ok(Taken::Negative(count)),
                left => Awaited::sessions(left),
            },
            Awaited::AclCount => match reader.int()? {
                count @ ..0 => return Ok(Taken::Negative(count)),
                left => Awaited::acl_lists(left),
            },
            Awaited::Session { left } => {
                let session: SessionRecord = Field::read(reader)?;
                visitor.session(SessionId(session.id), session.timeout_ms);
                Awaited::sessions(left - 1)
            }
            Awaited::AclList { left } => {
                let number = reader.long()?;
                let list: Option<Vec<shared::Acl<'_>>> = Field::read(reader)?;
                visitor.acl_list(number, &list.unwrap_or_default());
                Awaited::acl_lists(left - 1)
            }
        };
        Ok(Taken::Record)
    }

    #[inline]
    fn read_node(
        &mut self,
        reader: &mut Reader<'_>,
        visitor: &mut (impl SnapshotVisitor + ?Sized),
    ) -> Result<Taken, DecodeError> {
        let path: Cow<'_, str> = Field::read(reader)?;
        if path == END_PATH {
            self.awaited = Awaited::Nothing;
            return Ok(Taken::Record);
        }
        let node = NodeRecord {
            path,
            data: Field::read(reader)?,
            acl: Field::read(reader)?,
            stat: Field::read(reader)?,
        };
        self.nodes += 1;
        Ok(visitor
            .node(&node)
            .map_or_else(Taken::Refused, |()| Taken::Record))
    }
}

impl Awaited {
    fn sessions(left: i32) -> Self {
        match left {
            0 => Awaited::AclCount,
            left => Awaited::Session { left },
        }
    }

    fn acl_lists(left: i32) -> Self {
        match left {
            0 => Awaited::Node,
            left => Awaited::AclList { left },
        }
    }
}
