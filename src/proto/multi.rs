//! The element framing of multi and multiRead, both directions.
//!
//! Apache turns each element into an `Op` while it decodes, and some combinations of type and flags
//! change meaning or fail on the way; that normalisation is part of the wire's contract and happens here.

use std::borrow::Cow;

use jute::{DecodeError, DecodeErrorKind, Field, Reader, Writer};

use crate::proto::reply::{Create2Response, DataResponse, ErrorResponse, PathResponse};
use crate::proto::request::{
    CheckVersionRequest, CreateRequest, CreateTtlRequest, DeleteRequest, SetDataRequest,
    WatchableRequest,
};
use crate::proto::shared::Stat;
use crate::types::CreateMode;
use crate::types::OpCode;

jute::record! {
    /// Precedes every element; the last one stands alone.
    pub struct MultiHeader {
        /// Operation; -1 for an error and for the end.
        pub op: i32,
        /// Whether this is the end.
        pub done: bool,
        /// Error of the element, -1 in requests and at the end.
        pub err: i32,
    }
}

/// One element of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MultiOp<'a> {
    /// A create of any kind but TTL. The operation decides the type of the result.
    Create(OpCode, CreateRequest<'a>),
    /// A node with a time to live.
    CreateTtl(CreateTtlRequest<'a>),
    /// delete.
    Delete(DeleteRequest<'a>),
    /// setData.
    SetData(SetDataRequest<'a>),
    /// check.
    Check(CheckVersionRequest<'a>),
    /// getData.
    GetData(WatchableRequest<'a>),
    /// getChildren.
    GetChildren(WatchableRequest<'a>),
}

impl MultiOp<'_> {
    fn is_read(&self) -> bool {
        matches!(self, MultiOp::GetData(_) | MultiOp::GetChildren(_))
    }

    fn path_is_null(&self) -> bool {
        match self {
            MultiOp::Create(_, create) => create.path.is_none(),
            MultiOp::CreateTtl(create) => create.path.is_none(),
            MultiOp::Delete(delete) => delete.path.is_none(),
            MultiOp::SetData(set) => set.path.is_none(),
            MultiOp::Check(check) => check.path.is_none(),
            MultiOp::GetData(read) | MultiOp::GetChildren(read) => read.path.is_none(),
        }
    }
}

/// The elements, all writes or all reads.
pub type MultiRequest<'a> = Vec<MultiOp<'a>>;

/// Decodes the elements of a multi, up to the end mark.
///
/// # Errors
/// As [`decode_elements`], and when a write is of a null path.
pub fn decode_multi<'a>(reader: &mut Reader<'a>) -> Result<MultiRequest<'a>, DecodeError> {
    let ops = decode_elements(reader)?;
    if ops.iter().any(|op| op.path_is_null() && !op.is_read()) {
        return Err(reader.error(DecodeErrorKind::Null));
    }
    Ok(ops)
}

/// Decodes the elements of a multiRead, up to the end mark.
///
/// # Errors
/// When an element is not a record of its type, mixes reads with writes, or combines type and flags in a way that
/// Apache refuses while decoding.
pub fn decode_elements<'a>(reader: &mut Reader<'a>) -> Result<MultiRequest<'a>, DecodeError> {
    let mut ops: MultiRequest<'a> = Vec::new();
    loop {
        let header = MultiHeader::read(reader)?;
        if header.done {
            return Ok(ops);
        }
        let op = decode_element(header.op, reader)?;
        if ops
            .first()
            .is_some_and(|first| first.is_read() != op.is_read())
        {
            return Err(reader.error(DecodeErrorKind::UnknownValue(header.op)));
        }
        ops.push(op);
    }
}

fn decode_element<'a>(code: i32, reader: &mut Reader<'a>) -> Result<MultiOp<'a>, DecodeError> {
    let unknown = reader.error(DecodeErrorKind::UnknownValue(code));
    Ok(match OpCode::from_code(code).ok_or(unknown)? {
        op @ (OpCode::Create | OpCode::Create2 | OpCode::CreateContainer) => {
            normal_create(op, Field::read(reader)?, reader)?
        }
        OpCode::CreateTtl => normal_create_ttl(Field::read(reader)?),
        OpCode::Delete => MultiOp::Delete(Field::read(reader)?),
        OpCode::SetData => MultiOp::SetData(Field::read(reader)?),
        OpCode::Check => MultiOp::Check(Field::read(reader)?),
        OpCode::GetData => MultiOp::GetData(Field::read(reader)?),
        OpCode::GetChildren => MultiOp::GetChildren(Field::read(reader)?),
        _ => return Err(unknown),
    })
}

// apache 3.9.5: Op.java Create, CreateOptions.java newBuilder
fn normal_create<'a>(
    op: OpCode,
    create: CreateRequest<'a>,
    reader: &Reader<'a>,
) -> Result<MultiOp<'a>, DecodeError> {
    let bad_flags = || reader.error(DecodeErrorKind::UnknownValue(create.flags));
    let mode = CreateMode::from_flag(create.flags).ok_or_else(bad_flags)?;
    if mode.is_ttl() {
        return Err(bad_flags());
    }
    if create.acl.is_none() {
        return Err(reader.error(DecodeErrorKind::Null));
    }
    let op = if mode == CreateMode::Container {
        OpCode::CreateContainer
    } else {
        op
    };
    Ok(MultiOp::Create(op, create))
}

fn normal_create_ttl(create: CreateTtlRequest<'_>) -> MultiOp<'_> {
    let op = match CreateMode::from_flag(create.flags) {
        None => return MultiOp::CreateTtl(create),
        Some(mode) if mode.is_ttl() => return MultiOp::CreateTtl(create),
        Some(CreateMode::Container) => OpCode::CreateContainer,
        Some(_) => OpCode::Create,
    };
    let CreateTtlRequest {
        path,
        data,
        acl,
        flags,
        ttl: _,
    } = create;
    MultiOp::Create(
        op,
        CreateRequest {
            path,
            data,
            acl,
            flags,
        },
    )
}

fn header(op: OpCode, err: i32, out: &mut Vec<u8>) {
    MultiHeader {
        op: op.code(),
        done: false,
        err,
    }
    .write(&mut Writer::new(out));
}

/// Appends a result without a body: delete, check.
pub fn append_plain(op: OpCode, out: &mut Vec<u8>) {
    header(op, 0, out);
}

/// Appends the result of a create that answers its path alone.
pub fn append_created(path: &str, out: &mut Vec<u8>) {
    header(OpCode::Create, 0, out);
    PathResponse {
        path: Some(Cow::Borrowed(path)),
    }
    .write(&mut Writer::new(out));
}

/// Appends the result of the other creates.
pub fn append_created2(path: &str, stat: Stat, out: &mut Vec<u8>) {
    header(OpCode::Create2, 0, out);
    Create2Response {
        path: Some(Cow::Borrowed(path)),
        stat,
    }
    .write(&mut Writer::new(out));
}

/// Appends the result of a setData.
pub fn append_set_data(stat: &Stat, out: &mut Vec<u8>) {
    header(OpCode::SetData, 0, out);
    stat.write(&mut Writer::new(out));
}

/// Appends the result of a getData.
pub fn append_data(response: &DataResponse<'_>, out: &mut Vec<u8>) {
    header(OpCode::GetData, 0, out);
    response.write(&mut Writer::new(out));
}

/// Starts the result of a getChildren; the vector of names must follow.
pub fn append_children_header(out: &mut Vec<u8>) {
    header(OpCode::GetChildren, 0, out);
}

/// Appends a failed element.
pub fn append_error(err: i32, out: &mut Vec<u8>) {
    header(OpCode::Error, err, out);
    ErrorResponse { err }.write(&mut Writer::new(out));
}

/// Appends the end mark.
pub fn append_end(out: &mut Vec<u8>) {
    MultiHeader {
        op: OpCode::Error.code(),
        done: true,
        err: -1,
    }
    .write(&mut Writer::new(out));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::shared::Acl;

    fn element(op: i32, body: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        MultiHeader {
            op,
            done: false,
            err: -1,
        }
        .write(&mut Writer::new(&mut out));
        body(&mut out);
        append_end(&mut out);
        out
    }

    fn create(op: i32, flags: i32, acl: Option<Vec<Acl<'_>>>) -> Result<OpCode, ()> {
        let bytes = element(op, |out| {
            CreateRequest {
                path: Some("/a".into()),
                data: None,
                acl: acl.clone(),
                flags,
            }
            .write(&mut Writer::new(out));
        });
        match decode_multi(&mut Reader::new(&bytes))
            .map_err(drop)?
            .remove(0)
        {
            MultiOp::Create(op, _) => Ok(op),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn creates_are_normalised_as_apache_does() {
        for (op, flags, want) in [
            (1, 0, Ok(OpCode::Create)),
            (1, 4, Ok(OpCode::CreateContainer)),
            (15, 4, Ok(OpCode::CreateContainer)),
            (15, 2, Ok(OpCode::Create2)),
            (19, 0, Ok(OpCode::CreateContainer)),
            (1, 5, Err(())),
            (1, 99, Err(())),
        ] {
            assert_eq!(create(op, flags, Some(Vec::new())), want, "{op} {flags}");
        }
        assert_eq!(create(1, 0, None), Err(()));
    }

    #[test]
    fn an_empty_list_is_valid_and_foreign_elements_are_not() {
        let mut end = Vec::new();
        append_end(&mut end);
        assert_eq!(decode_multi(&mut Reader::new(&end)), Ok(Vec::new()));
        let set_acl = element(7, |_| {});
        assert!(decode_multi(&mut Reader::new(&set_acl)).is_err());
    }
}
