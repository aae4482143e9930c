//! Reads: request and tree in, reply out. They see what has been applied, never what is in flight.

use std::borrow::Cow;

use crate::auth;
use crate::ops::Rules;
use crate::ops::watch;
use crate::proto;
use crate::proto::multi;
use crate::proto::multi::{MultiOp, MultiRequest};
use crate::proto::reply;
use crate::proto::reply::{
    AclResponse, ClientInfo, DataResponse, NumberResponse, PathResponse, ReplyHeader,
};
use crate::proto::request;
use crate::proto::request::{PathRequest, Request, WatchableRequest};
use crate::proto::shared;
use crate::proto::shared::Stat as StatRecord;
use crate::tree::{NodeRef, Tree};
use crate::types::{ConnId, ErrorCode, Id, OpCode, Perms, SessionId, Xid, Zxid};
use crate::watch::{Mode, Table, Watches};

/// Where watches are kept. A desk may be locked on first use.
pub trait WatchDesk {
    /// The watches, to look at and to change.
    fn desk(&mut self) -> &mut Watches;
}

impl WatchDesk for Watches {
    fn desk(&mut self) -> &mut Watches {
        self
    }
}

/// Everything a read is served from.
pub struct Reading<'r> {
    /// The settings.
    pub rules: &'r Rules,
    /// The tree.
    pub tree: &'r Tree,
    /// The last transaction in it.
    pub zxid: Zxid,
    /// Who asks.
    pub session: SessionId,
    /// Through which connection.
    pub conn: ConnId,
    /// With which identities.
    pub who: &'r [Id],
    /// Where watches are kept.
    pub watches: &'r mut dyn WatchDesk,
}

/// Serves one read: appends events it causes at once, then its reply. `body` is what follows the
/// request's header.
pub fn serve(
    reading: &mut Reading<'_>,
    xid: i32,
    op: OpCode,
    body: &mut request::RequestReader<'_>,
    out: &mut Vec<u8>,
) {
    let result = match Request::decode(op, body) {
        Ok(request) => dispatch(reading, xid, request, out),
        Err(_) => Err(ErrorCode::MarshallingError),
    };
    if let Err(code) = result {
        refuse(reading, xid, code, out);
    }
}

/// Appends a header-only reply with this code.
fn refuse(reading: &Reading<'_>, xid: i32, code: ErrorCode, out: &mut Vec<u8>) {
    reply::append_header(
        &ReplyHeader {
            xid,
            zxid: reading.zxid.0,
            err: code.code(),
        },
        out,
    );
}

type Served = Result<(), ErrorCode>;

fn dispatch(
    reading: &mut Reading<'_>,
    xid: i32,
    request: Request<'_>,
    out: &mut Vec<u8>,
) -> Served {
    match request {
        Request::GetData(read) => get_data(reading, xid, &read, out),
        Request::Exists(read) => exists(reading, xid, &read, out),
        Request::GetChildren(read) => get_children(reading, xid, &read, false, out),
        Request::GetChildren2(read) => get_children(reading, xid, &read, true, out),
        Request::GetAcl(read) => get_acl(reading, xid, &read, out),
        Request::GetAllChildrenNumber(read) => get_all_children_number(reading, xid, &read, out),
        Request::GetEphemerals(read) => {
            get_ephemerals(reading, xid, &read, out);
            Ok(())
        }
        Request::Sync(read) => {
            reply::append_reply(xid, reading.zxid.0, &PathResponse { path: read.path }, out);
            Ok(())
        }
        Request::MultiRead(ops) => {
            multi_read(reading, xid, &ops, out);
            Ok(())
        }
        Request::Ping => {
            refuse(reading, Xid::PING.0, ErrorCode::Ok, out);
            Ok(())
        }
        Request::WhoAmI => {
            who_am_i(reading, xid, out);
            Ok(())
        }
        Request::SetWatches(set) => watch::set_watches(reading, xid, &set, out),
        Request::AddWatch(add) => watch::add_watch(reading, xid, &add, out),
        Request::CheckWatches(check) => watch::check_watches(reading, xid, &check, out),
        Request::RemoveWatches(remove) => watch::remove_watches(reading, xid, &remove, out),
        Request::CloseSession
        | Request::Create(..)
        | Request::CreateTtl(_)
        | Request::Delete(_)
        | Request::DeleteContainer(_)
        | Request::Multi(_)
        | Request::Reconfig(_)
        | Request::SetAcl(_)
        | Request::SetData(_) => unreachable!("writes are judged, not served"),
    }
}

fn permits(reading: &Reading<'_>, node: &NodeRef<'_>, wanted: Perms) -> bool {
    node.is_open_acl() || auth::allows(&reading.rules.auth, node.acl(), reading.who, wanted)
}

/// The node at `path`, if it exists and may be read.
fn readable<'r>(reading: &Reading<'r>, path: Option<&str>) -> Result<NodeRef<'r>, ErrorCode> {
    let tree: &'r Tree = reading.tree;
    let node = tree
        .find(path.ok_or(ErrorCode::MarshallingError)?)
        .ok_or(ErrorCode::NoNode)?;
    if permits(reading, &node, Perms::READ) {
        Ok(node)
    } else {
        Err(ErrorCode::NoAuth)
    }
}

fn leave_watch(reading: &mut Reading<'_>, path: &str, table: Table) {
    reading
        .watches
        .desk()
        .add(reading.conn, path, table, Mode::Standard);
}

fn get_data(
    reading: &mut Reading<'_>,
    xid: i32,
    read: &WatchableRequest<'_>,
    out: &mut Vec<u8>,
) -> Served {
    let node = readable(reading, read.path.as_deref())?;
    let response = DataResponse {
        data: node.data(),
        stat: node.stat().into(),
    };
    if read.watch {
        leave_watch(
            reading,
            read.path.as_deref().unwrap_or_default(),
            Table::Data,
        );
    }
    reply::append_reply(xid, reading.zxid.0, &response, out);
    Ok(())
}

fn exists(
    reading: &mut Reading<'_>,
    xid: i32,
    read: &WatchableRequest<'_>,
    out: &mut Vec<u8>,
) -> Served {
    let path = read.path.as_deref().ok_or(ErrorCode::MarshallingError)?;
    if path.contains('\0') {
        return Err(ErrorCode::BadArguments);
    }
    let node = reading.tree.find(path);
    if node.is_some_and(|node| !permits(reading, &node, Perms::READ)) {
        return Err(ErrorCode::NoAuth);
    }
    if read.watch {
        leave_watch(reading, path, Table::Data);
    }
    let stat = StatRecord::from(node.ok_or(ErrorCode::NoNode)?.stat());
    reply::append_reply(xid, reading.zxid.0, &stat, out);
    Ok(())
}

fn get_children(
    reading: &mut Reading<'_>,
    xid: i32,
    read: &WatchableRequest<'_>,
    with_stat: bool,
    out: &mut Vec<u8>,
) -> Served {
    let node = readable(reading, read.path.as_deref())?;
    if read.watch {
        leave_watch(
            reading,
            read.path.as_deref().unwrap_or_default(),
            Table::Child,
        );
    }
    let frame = reply::open(xid, reading.zxid.0, out);
    reply::append_strings(node.child_count(), node.children(), out);
    if with_stat {
        proto::append(&StatRecord::from(node.stat()), out);
    }
    frame.close(out);
    Ok(())
}

fn get_acl(reading: &Reading<'_>, xid: i32, read: &PathRequest<'_>, out: &mut Vec<u8>) -> Served {
    let path = read.path.as_deref().ok_or(ErrorCode::MarshallingError)?;
    let node = reading.tree.find(path).ok_or(ErrorCode::NoNode)?;
    if !permits(reading, &node, Perms::READ.or(Perms::ADMIN)) {
        return Err(ErrorCode::NoAuth);
    }
    let shown = if permits(reading, &node, Perms::ADMIN) {
        Cow::Borrowed(node.acl())
    } else {
        Cow::Owned(auth::mask_digests(node.acl()))
    };
    let acl = Some(shared::acl_records(&shown));
    reply::append_reply(
        xid,
        reading.zxid.0,
        &AclResponse {
            acl,
            stat: node.stat().into(),
        },
        out,
    );
    Ok(())
}

fn get_all_children_number(
    reading: &Reading<'_>,
    xid: i32,
    read: &PathRequest<'_>,
    out: &mut Vec<u8>,
) -> Served {
    readable(reading, read.path.as_deref())?;
    let path = read.path.as_deref().unwrap_or_default();
    let count = reading
        .tree
        .descendant_count(path)
        .ok_or(ErrorCode::NoNode)?;
    // Under its second name the root is its own descendant.
    // apache 3.9.5: server/DataTree.java getAllChildrenNumber
    let count = count + usize::from(path.is_empty());
    let total = i32::try_from(count).unwrap_or(i32::MAX);
    reply::append_reply(xid, reading.zxid.0, &NumberResponse { total }, out);
    Ok(())
}

/// A null, blank or `/` prefix means all; otherwise a plain string test, not one by components.
fn get_ephemerals(reading: &Reading<'_>, xid: i32, read: &PathRequest<'_>, out: &mut Vec<u8>) {
    let prefix = read.path.as_deref().unwrap_or_default();
    let all = prefix.trim().is_empty() || prefix == "/";
    let paths = reading.tree.ephemerals_of(reading.session);
    let paths = paths
        .filter(|path| all || path.starts_with(prefix))
        .collect::<Vec<_>>();
    let frame = reply::open(xid, reading.zxid.0, out);
    reply::append_strings(paths.len(), paths.iter().map(String::as_str), out);
    frame.close(out);
}

fn who_am_i(reading: &Reading<'_>, xid: i32, out: &mut Vec<u8>) {
    let info = auth::in_java_order(reading.who)
        .into_iter()
        .map(|id| ClientInfo {
            scheme: Cow::Borrowed(id.scheme.as_str()),
            user: Cow::Owned(auth::user_name(&reading.rules.auth, id)),
        });
    reply::append_reply(xid, reading.zxid.0, &Some(info.collect::<Vec<_>>()), out);
}

/// An element that cannot be served at all (a write, a null path) fails the request, yet with a body:
/// the elements before it.
fn multi_read(reading: &Reading<'_>, xid: i32, ops: &MultiRequest<'_>, out: &mut Vec<u8>) {
    let (mut body, mut err) = (Vec::new(), ErrorCode::Ok);
    for op in ops {
        match multi_read_element(reading, op, &mut body) {
            Ok(()) => {}
            Err(ErrorCode::MarshallingError) => {
                err = ErrorCode::MarshallingError;
                break;
            }
            Err(code) => multi::append_error(code.code(), &mut body),
        }
    }
    multi::append_end(&mut body);
    let header = ReplyHeader {
        xid,
        zxid: reading.zxid.0,
        err: err.code(),
    };
    reply::append_with_raw_body(&header, &body, out);
}

fn multi_read_element(reading: &Reading<'_>, op: &MultiOp<'_>, out: &mut Vec<u8>) -> Served {
    match op {
        MultiOp::GetData(read) => {
            let node = readable(reading, read.path.as_deref())?;
            multi::append_data(
                &DataResponse {
                    data: node.data(),
                    stat: node.stat().into(),
                },
                out,
            );
        }
        MultiOp::GetChildren(read) => {
            let node = readable(reading, read.path.as_deref())?;
            multi::append_children_header(out);
            reply::append_strings(node.child_count(), node.children(), out);
        }
        _ => return Err(ErrorCode::MarshallingError),
    }
    Ok(())
}
