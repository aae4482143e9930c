//! What clients ask: mostly sensible requests on few paths, so that they meet, and now and then any bytes.

use arbitrary::{Result, Unstructured};
use jute::{Record, Text, to_vec};
use oxkeeper::proto::request::{
    AddWatchRequest, CheckVersionRequest, CreateRequest, CreateTtlRequest, DeleteRequest,
    PathRequest, SetAclRequest, SetDataRequest, SetWatches, WatchableRequest, WatcherTypeRequest,
};
use oxkeeper::proto::shared::{Acl, Id};
use oxkeeper::types::OpCode;

const PATHS: &[&str] = &[
    "/a",
    "/a/b",
    "/a/b/c",
    "/d",
    "/a/e",
    "/f",
    "/",
    "/zookeeper/quota/a/zookeeper_limits",
    "/zookeeper/quota/a",
    "/zookeeper",
    "/a//b",
    "",
    "/a0000000000",
];

const OPS: &[OpCode] = &[
    OpCode::Create,
    OpCode::Create2,
    OpCode::CreateContainer,
    OpCode::CreateTtl,
    OpCode::Delete,
    OpCode::SetData,
    OpCode::SetAcl,
    OpCode::Multi,
    OpCode::Check,
    OpCode::Exists,
    OpCode::GetData,
    OpCode::GetChildren,
    OpCode::GetChildren2,
    OpCode::GetAcl,
    OpCode::GetAllChildrenNumber,
    OpCode::GetEphemerals,
    OpCode::Sync,
    OpCode::MultiRead,
    OpCode::Ping,
    OpCode::WhoAmI,
    OpCode::SetWatches,
    OpCode::SetWatches2,
    OpCode::AddWatch,
    OpCode::CheckWatches,
    OpCode::RemoveWatches,
    OpCode::Reconfig,
    OpCode::DeleteContainer,
    OpCode::CloseSession,
];

/// One request: its operation and encoded body.
pub fn draw(dice: &mut Unstructured<'_>) -> Result<(OpCode, Vec<u8>)> {
    let op = *dice.choose(OPS)?;
    if !op.is_client_request() || dice.ratio(1, 16)? {
        let length = dice.int_in_range(0..=40)?;
        let op = if op.is_client_request() {
            op
        } else {
            OpCode::Create
        };
        return Ok((op, dice.bytes(length.min(dice.len()))?.to_vec()));
    }
    Ok((op, body(op, dice)?))
}

fn path<'a>(dice: &mut Unstructured<'_>) -> Result<Text<'a>> {
    Ok(if dice.ratio(1, 64)? {
        None
    } else {
        Some((*dice.choose(PATHS)?).into())
    })
}

fn version(dice: &mut Unstructured<'_>) -> Result<i32> {
    dice.int_in_range(-1..=2)
}

fn data<'a>(dice: &mut Unstructured<'_>) -> Result<Option<&'a [u8]>> {
    let choices: &[Option<&[u8]>] = &[
        Some(b"x"),
        Some(b""),
        None,
        Some(b"count=2,bytes=3"),
        Some(b"bytesHardLimit=1"),
    ];
    Ok(*dice.choose(choices)?)
}

fn acl<'a>(dice: &mut Unstructured<'_>) -> Result<Option<Vec<Acl<'a>>>> {
    let schemes = [
        ("world", "anyone"),
        ("digest", "u:h"),
        ("ip", "127.0.0.1"),
        ("auth", ""),
        ("nobody", "knows"),
    ];
    let count = *dice.choose(&[1, 1, 1, 2, 0])?;
    let list: Result<Vec<Acl<'a>>> = (0..count)
        .map(|_| {
            let (scheme, id) = *dice.choose(&schemes)?;
            let id = Id {
                scheme: Some(scheme.into()),
                id: Some(id.into()),
            };
            Ok(Acl {
                perms: *dice.choose(&[31, 31, 31, 1, 0, 16])?,
                id,
            })
        })
        .collect();
    Ok(if dice.ratio(1, 32)? {
        None
    } else {
        Some(list?)
    })
}

fn encoded<'a>(record: &impl Record<'a>) -> Vec<u8> {
    to_vec(record)
}

fn body(op: OpCode, dice: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    Ok(match op {
        OpCode::Create | OpCode::Create2 | OpCode::CreateContainer => {
            let flags = if op == OpCode::CreateContainer {
                4
            } else {
                dice.int_in_range(0..=4)?
            };
            encoded(&CreateRequest {
                path: path(dice)?,
                data: data(dice)?,
                acl: acl(dice)?,
                flags,
            })
        }
        OpCode::CreateTtl => encoded(&CreateTtlRequest {
            path: path(dice)?,
            data: data(dice)?,
            acl: acl(dice)?,
            flags: dice.int_in_range(4..=6)?,
            ttl: *dice.choose(&[1, 1000, 0, -1, i64::MAX])?,
        }),
        OpCode::Delete => encoded(&DeleteRequest {
            path: path(dice)?,
            version: version(dice)?,
        }),
        OpCode::SetData => encoded(&SetDataRequest {
            path: path(dice)?,
            data: data(dice)?,
            version: version(dice)?,
        }),
        OpCode::SetAcl => encoded(&SetAclRequest {
            path: path(dice)?,
            acl: acl(dice)?,
            version: version(dice)?,
        }),
        OpCode::Check => encoded(&CheckVersionRequest {
            path: path(dice)?,
            version: version(dice)?,
        }),
        OpCode::Multi => multi(
            &[
                OpCode::Create,
                OpCode::Delete,
                OpCode::SetData,
                OpCode::Check,
            ],
            dice,
        )?,
        OpCode::MultiRead => multi(&[OpCode::GetData, OpCode::GetChildren], dice)?,
        _ => return watching_body(op, dice),
    })
}

/// Reads, and what is about watches.
fn watching_body(op: OpCode, dice: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    Ok(match op {
        OpCode::Exists | OpCode::GetData | OpCode::GetChildren | OpCode::GetChildren2 => {
            encoded(&WatchableRequest {
                path: path(dice)?,
                watch: dice.arbitrary()?,
            })
        }
        OpCode::AddWatch => encoded(&AddWatchRequest {
            path: path(dice)?,
            mode: dice.int_in_range(0..=2)?,
        }),
        OpCode::CheckWatches | OpCode::RemoveWatches => encoded(&WatcherTypeRequest {
            path: path(dice)?,
            kind: dice.int_in_range(0..=6)?,
        }),
        OpCode::SetWatches => encoded(&SetWatches {
            relative_zxid: dice.int_in_range(0..=50)?,
            data: Some(vec![path(dice)?]),
            exist: Some(vec![path(dice)?]),
            child: Some(vec![path(dice)?]),
        }),
        _ => encoded(&PathRequest { path: path(dice)? }),
    })
}

/// Elements, each with a header; then the header that ends them.
fn multi(ops: &[OpCode], dice: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    for _ in 0..dice.int_in_range(0..=4)? {
        let op = *dice.choose(ops)?;
        header(op.code(), 0, &mut out);
        out.extend(body(op, dice)?);
    }
    header(-1, 1, &mut out);
    Ok(out)
}

fn header(op: i32, done: u8, out: &mut Vec<u8>) {
    out.extend(op.to_be_bytes());
    out.push(done);
    out.extend((-1_i32).to_be_bytes());
}
