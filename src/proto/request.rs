//! Requests: the header, every body, and one enum over them. Decoding is not judging.

use jute::{DecodeError, DecodeErrorKind, Field, Reader, Text};

use crate::proto::multi;
use crate::proto::multi::MultiRequest;
use crate::proto::shared::Acl;
use crate::types::OpCode;

jute::record! {
    /// What every request but the first begins with.
    pub struct RequestHeader {
        /// Echoed in the reply.
        pub xid: i32,
        /// Operation.
        pub op: i32,
    }
}

macro_rules! path_records {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident : $type:ty),* })*) => {$(
        jute::record! {
            $(#[$meta])*
            pub struct $name<'a> {
                /// The node.
                pub path: Text<'a>,
                $($(#[$field_meta])* pub $field: $type,)*
            }
        }
    )*};
}

path_records! {
    /// create, create2, createContainer.
    CreateRequest {
        /// Payload; null is kept.
        data: Option<&'a [u8]>,
        /// Access list.
        acl: Option<Vec<Acl<'a>>>,
        /// [`CreateMode`](crate::types::CreateMode) flag.
        flags: i32
    }
    /// createTTL.
    CreateTtlRequest {
        /// Payload.
        data: Option<&'a [u8]>,
        /// Access list.
        acl: Option<Vec<Acl<'a>>>,
        /// Create mode flag.
        flags: i32,
        /// Time to live in ms.
        ttl: i64
    }
    /// delete.
    DeleteRequest {
        /// Expected version, -1 for any.
        version: i32
    }
    /// exists, getData, getChildren, getChildren2.
    WatchableRequest {
        /// Whether to leave a watch.
        watch: bool
    }
    /// setData.
    SetDataRequest {
        /// Payload.
        data: Option<&'a [u8]>,
        /// Expected version, -1 for any.
        version: i32
    }
    /// getACL, getAllChildrenNumber, getEphemerals (a prefix), sync.
    PathRequest {}
    /// setACL.
    SetAclRequest {
        /// Access list.
        acl: Option<Vec<Acl<'a>>>,
        /// Expected ACL version, -1 for any.
        version: i32
    }
    /// check.
    CheckVersionRequest {
        /// Expected version, -1 for any.
        version: i32
    }
    /// addWatch.
    AddWatchRequest {
        /// 0 persistent, 1 persistent recursive.
        mode: i32
    }
    /// checkWatches, removeWatches.
    WatcherTypeRequest {
        /// 1 children, 2 data, 3 any, 4 persistent, 5 persistent recursive.
        kind: i32
    }
}

jute::record! {
    /// deleteContainer: the path's bytes.
    pub struct DeleteContainerRequest<'a> {
        /// The node.
        pub path: Option<&'a [u8]>,
    }
}

jute::record! {
    /// reconfig.
    pub struct ReconfigRequest<'a> {
        /// Servers to add.
        pub joining: Text<'a>,
        /// Servers to remove.
        pub leaving: Text<'a>,
        /// The whole new membership.
        pub members: Text<'a>,
        /// Expected version of the configuration, -1 for any.
        pub config_version: i64,
    }
}

jute::record! {
    /// auth.
    pub struct AuthPacket<'a> {
        /// Ignored.
        pub kind: i32,
        /// Scheme.
        pub scheme: Text<'a>,
        /// Credential.
        pub auth: Option<&'a [u8]>,
    }
}

jute::record! {
    /// sasl.
    pub struct SaslRequest<'a> {
        /// Token; null is an error.
        pub token: Option<&'a [u8]>,
    }
}

jute::record! {
    /// setWatches.
    pub struct SetWatches<'a> {
        /// The last zxid the client saw.
        pub relative_zxid: i64,
        /// Paths with data watches.
        pub data: Option<Vec<Text<'a>>>,
        /// Paths with exists watches.
        pub exist: Option<Vec<Text<'a>>>,
        /// Paths with child watches.
        pub child: Option<Vec<Text<'a>>>,
    }
}

jute::record! {
    /// setWatches2.
    pub struct SetWatches2<'a> {
        /// As setWatches.
        pub base: SetWatches<'a>,
        /// Paths with persistent watches.
        pub persistent: Option<Vec<Text<'a>>>,
        /// Paths with persistent recursive watches.
        pub recursive: Option<Vec<Text<'a>>>,
    }
}

/// A decoded request body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request<'a> {
    /// create, create2 or createContainer.
    Create(OpCode, CreateRequest<'a>),
    /// createTTL.
    CreateTtl(CreateTtlRequest<'a>),
    /// delete.
    Delete(DeleteRequest<'a>),
    /// deleteContainer.
    DeleteContainer(DeleteContainerRequest<'a>),
    /// setData.
    SetData(SetDataRequest<'a>),
    /// setACL.
    SetAcl(SetAclRequest<'a>),
    /// multi.
    Multi(MultiRequest<'a>),
    /// reconfig.
    Reconfig(ReconfigRequest<'a>),
    /// closeSession.
    CloseSession,
    /// exists.
    Exists(WatchableRequest<'a>),
    /// getData.
    GetData(WatchableRequest<'a>),
    /// getChildren.
    GetChildren(WatchableRequest<'a>),
    /// getChildren2.
    GetChildren2(WatchableRequest<'a>),
    /// getACL.
    GetAcl(PathRequest<'a>),
    /// getAllChildrenNumber.
    GetAllChildrenNumber(PathRequest<'a>),
    /// getEphemerals.
    GetEphemerals(PathRequest<'a>),
    /// sync.
    Sync(PathRequest<'a>),
    /// multiRead.
    MultiRead(MultiRequest<'a>),
    /// ping.
    Ping,
    /// whoAmI.
    WhoAmI,
    /// setWatches, setWatches2.
    SetWatches(SetWatches2<'a>),
    /// addWatch.
    AddWatch(AddWatchRequest<'a>),
    /// checkWatches.
    CheckWatches(WatcherTypeRequest<'a>),
    /// removeWatches.
    RemoveWatches(WatcherTypeRequest<'a>),
}

impl<'a> Request<'a> {
    /// Decodes the body that follows a header. Trailing bytes are ignored, as Java does.
    ///
    /// # Errors
    /// When the bytes are not that record, or for an operation that is never a request of its own
    /// (auth and sasl have doors of their own).
    pub fn decode(op: OpCode, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(match op {
            OpCode::Create | OpCode::Create2 | OpCode::CreateContainer => {
                Request::Create(op, Field::read(reader)?)
            }
            OpCode::CreateTtl => Request::CreateTtl(Field::read(reader)?),
            OpCode::Delete => Request::Delete(Field::read(reader)?),
            OpCode::DeleteContainer => Request::DeleteContainer(Field::read(reader)?),
            OpCode::SetData => Request::SetData(Field::read(reader)?),
            OpCode::SetAcl => Request::SetAcl(Field::read(reader)?),
            OpCode::Multi => Request::Multi(multi::decode_multi(reader)?),
            OpCode::MultiRead => Request::MultiRead(multi::decode_elements(reader)?),
            OpCode::Reconfig => Request::Reconfig(Field::read(reader)?),
            OpCode::CloseSession => Request::CloseSession,
            OpCode::Exists => Request::Exists(Field::read(reader)?),
            OpCode::GetData => Request::GetData(Field::read(reader)?),
            OpCode::GetChildren => Request::GetChildren(Field::read(reader)?),
            OpCode::GetChildren2 => Request::GetChildren2(Field::read(reader)?),
            OpCode::GetAcl => Request::GetAcl(Field::read(reader)?),
            OpCode::GetAllChildrenNumber => Request::GetAllChildrenNumber(Field::read(reader)?),
            OpCode::GetEphemerals => Request::GetEphemerals(Field::read(reader)?),
            OpCode::Sync => Request::Sync(Field::read(reader)?),
            OpCode::Ping => Request::Ping,
            OpCode::WhoAmI => Request::WhoAmI,
            OpCode::SetWatches => Request::SetWatches(SetWatches2 {
                base: Field::read(reader)?,
                persistent: Some(Vec::new()),
                recursive: Some(Vec::new()),
            }),
            OpCode::SetWatches2 => Request::SetWatches(Field::read(reader)?),
            OpCode::AddWatch => Request::AddWatch(Field::read(reader)?),
            OpCode::CheckWatches => Request::CheckWatches(Field::read(reader)?),
            OpCode::RemoveWatches => Request::RemoveWatches(Field::read(reader)?),
            OpCode::Auth | OpCode::Check | OpCode::CreateSession | OpCode::Error | OpCode::Sasl => {
                return Err(reader.error(DecodeErrorKind::UnknownValue(op.code())));
            }
        })
    }
}

/// Decodes the header at the start of a frame.
///
/// # Errors
/// When the frame is shorter than 8 bytes.
pub fn decode_header<'a>(reader: &mut Reader<'a>) -> Result<RequestHeader, DecodeError> {
    RequestHeader::read(reader)
}

/// A reader over a frame, refusing fields longer than `field_bytes_max`.
pub fn reader(frame: &[u8], field_bytes_max: usize) -> Reader<'_> {
    Reader::with_limit(frame, field_bytes_max)
}

/// What a request is read from; so that rooms above need not name the codec.
pub type RequestReader<'a> = Reader<'a>;

/// Decodes a credential.
///
/// # Errors
/// When the bytes are not the record.
pub fn decode_auth<'a>(reader: &mut Reader<'a>) -> Result<AuthPacket<'a>, DecodeError> {
    AuthPacket::read(reader)
}

/// Decodes a step of a SASL exchange.
///
/// # Errors
/// When the bytes are not the record.
pub fn decode_sasl<'a>(reader: &mut Reader<'a>) -> Result<SaslRequest<'a>, DecodeError> {
    SaslRequest::read(reader)
}
