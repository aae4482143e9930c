//! addWatch, checkWatches, removeWatches, setWatches.

use crate::ops::read::Reading;
use crate::proto::Text;
use crate::proto::event;
use crate::proto::reply;
use crate::proto::reply::{ErrorResponse, ReplyHeader};
use crate::proto::request::{AddWatchRequest, SetWatches2, WatcherTypeRequest};
use crate::tree::NodeRef;
use crate::types::{ErrorCode, EventType};
use crate::watch::{Mode, Table, WatcherType};

/// The zxid of events that answer a setWatches: they belong to no transaction.
const NO_TXN: i64 = -1;

/// Apache registers a watch on a null path like any other. No node can have this path either.
const NULL_PATH: &str = "\0";

fn ok(reading: &Reading<'_>, xid: i32, out: &mut Vec<u8>) {
    reply::append_header(
        &ReplyHeader {
            xid,
            zxid: reading.zxid.0,
            err: 0,
        },
        out,
    );
}

/// Adds a persistent watch. The node need not exist, be readable, or have a valid path.
pub(super) fn add_watch(
    reading: &mut Reading<'_>,
    xid: i32,
    add: &AddWatchRequest<'_>,
    out: &mut Vec<u8>,
) -> Result<(), ErrorCode> {
    let path = add.path.as_deref().unwrap_or(NULL_PATH);
    match add.mode {
        0 => persistent(reading, path),
        1 => recursive(reading, path),
        _ => return Err(ErrorCode::MarshallingError),
    }
    reply::append_reply(xid, reading.zxid.0, &ErrorResponse { err: 0 }, out);
    Ok(())
}

fn persistent(reading: &mut Reading<'_>, path: &str) {
    let conn = reading.conn;
    let watches = reading.watches.desk();
    watches.add(conn, path, Table::Data, Mode::Persistent);
    watches.add(conn, path, Table::Child, Mode::Persistent);
}

fn recursive(reading: &mut Reading<'_>, path: &str) {
    let conn = reading.conn;
    reading
        .watches
        .desk()
        .add(conn, path, Table::Data, Mode::Recursive);
}

fn watcher_type(request: &WatcherTypeRequest<'_>) -> Result<WatcherType, ErrorCode> {
    WatcherType::from_code(request.kind).ok_or(ErrorCode::MarshallingError)
}

/// Whether such a watch is registered.
pub(super) fn check_watches(
    reading: &mut Reading<'_>,
    xid: i32,
    check: &WatcherTypeRequest<'_>,
    out: &mut Vec<u8>,
) -> Result<(), ErrorCode> {
    let kind = watcher_type(check)?;
    let path = check.path.as_deref().unwrap_or(NULL_PATH);
    if !reading.watches.desk().contains(reading.conn, path, kind) {
        return Err(ErrorCode::NoWatcher);
    }
    ok(reading, xid, out);
    Ok(())
}

/// Removes watches; no event tells of it.
pub(super) fn remove_watches(
    reading: &mut Reading<'_>,
    xid: i32,
    remove: &WatcherTypeRequest<'_>,
    out: &mut Vec<u8>,
) -> Result<(), ErrorCode> {
    let kind = watcher_type(remove)?;
    let path = remove.path.as_deref().unwrap_or(NULL_PATH);
    if !reading.watches.desk().remove(reading.conn, path, kind) {
        return Err(ErrorCode::NoWatcher);
    }
    ok(reading, xid, out);
    Ok(())
}

/// Registers a reconnected client's watches, and answers with the events it missed.
// apache 3.9.5: server/DataTree.java setWatches
pub(super) fn set_watches(
    reading: &mut Reading<'_>,
    xid: i32,
    set: &SetWatches2<'_>,
    out: &mut Vec<u8>,
) -> Result<(), ErrorCode> {
    let seen = set.base.relative_zxid;
    for path in paths(set.base.data.as_ref())? {
        let path = path?;
        let missed = changed_since(reading.tree.find(path), |node| {
            node.persisted().mzxid > seen
        });
        settle(
            reading,
            path,
            missed.map_event(EventType::NodeDataChanged),
            Table::Data,
            out,
        );
    }
    for path in paths(set.base.exist.as_ref())? {
        let path = path?;
        let event = reading.tree.find(path).map(|_| EventType::NodeCreated);
        settle(reading, path, event, Table::Data, out);
    }
    for path in paths(set.base.child.as_ref())? {
        let path = path?;
        let missed = changed_since(reading.tree.find(path), |node| {
            node.persisted().pzxid > seen
        });
        settle(
            reading,
            path,
            missed.map_event(EventType::NodeChildrenChanged),
            Table::Child,
            out,
        );
    }
    for path in listed(set.persistent.as_ref())? {
        persistent(reading, path.as_deref().unwrap_or(NULL_PATH));
    }
    for path in listed(set.recursive.as_ref())? {
        recursive(reading, path.as_deref().unwrap_or(NULL_PATH));
    }
    ok(reading, xid, out);
    Ok(())
}

type Paths<'p> = dyn Iterator<Item = Result<&'p str, ErrorCode>> + 'p;

/// The paths of a list. What stands before a null is still processed, as Apache does.
fn paths<'p>(list: Option<&'p Vec<Text<'_>>>) -> Result<Box<Paths<'p>>, ErrorCode> {
    Ok(Box::new(listed(list)?.iter().map(|path| {
        path.as_deref().ok_or(ErrorCode::MarshallingError)
    })))
}

/// A list that may hold nulls but is none itself.
fn listed<'p, 'a>(list: Option<&'p Vec<Text<'a>>>) -> Result<&'p [Text<'a>], ErrorCode> {
    list.map(Vec::as_slice).ok_or(ErrorCode::MarshallingError)
}

/// What a client missed about a node.
enum Missed {
    Nothing,
    Change,
    Deletion,
}

fn changed_since(node: Option<NodeRef<'_>>, newer: impl Fn(&NodeRef<'_>) -> bool) -> Missed {
    match node {
        None => Missed::Deletion,
        Some(node) if newer(&node) => Missed::Change,
        Some(_) => Missed::Nothing,
    }
}

impl Missed {
    fn map_event(self, change: EventType) -> Option<EventType> {
        match self {
            Missed::Nothing => None,
            Missed::Change => Some(change),
            Missed::Deletion => Some(EventType::NodeDeleted),
        }
    }
}

/// An event now, or a watch for later.
fn settle(
    reading: &mut Reading<'_>,
    path: &str,
    event: Option<EventType>,
    table: Table,
    out: &mut Vec<u8>,
) {
    match event {
        Some(event) => event::append_event(NO_TXN, event, path, out),
        None => {
            let conn = reading.conn;
            reading
                .watches
                .desk()
                .add(conn, path, table, Mode::Standard);
        }
    }
}
