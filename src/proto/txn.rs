//! Transactions: header, body, digest trailer. The bytes that are logged are the bytes that are proposed.

use std::borrow::Cow;

use jute::{DecodeError, DecodeErrorKind, Field, Reader, Writer};

use crate::proto::shared::Acl;
use crate::types::OpCode;

jute::record! {
    /// What every transaction begins with; 32 bytes.
    pub struct TxnHeader {
        /// The session that asked, 0 for the server itself.
        pub client_id: i64,
        /// The request's xid.
        pub cxid: i32,
        /// The transaction's number.
        pub zxid: i64,
        /// The leader's wall clock, ms since the Unix epoch.
        pub time: i64,
        /// [`OpCode`].
        pub kind: i32,
    }
}

jute::record! {
    /// The digest of the tree once the transaction is applied; 12 bytes.
    pub struct TxnDigest {
        /// Version of the algorithm, 2.
        pub version: i32,
        /// The digest.
        pub tree_digest: i64,
    }
}

jute::record! {
    /// A new session.
    pub struct CreateSessionTxn {
        /// Negotiated timeout, ms.
        pub timeout_ms: i32,
    }
}

jute::record! {
    /// The end of a session and of these nodes.
    pub struct CloseSessionTxn<'a> {
        /// The session's ephemeral nodes.
        pub paths: Option<Vec<Cow<'a, str>>>,
    }
}

jute::record! {
    /// create, create2.
    pub struct CreateTxn<'a> {
        /// Final path.
        pub path: Cow<'a, str>,
        /// Payload.
        pub data: Option<&'a [u8]>,
        /// Access list.
        pub acl: Option<Vec<Acl<'a>>>,
        /// Whether it goes with the session.
        pub ephemeral: bool,
        /// The parent's stored cversion afterwards; -1 for one more than now.
        pub parent_cversion: i32,
    }
}

jute::record! {
    /// createContainer.
    pub struct CreateContainerTxn<'a> {
        /// Final path.
        pub path: Cow<'a, str>,
        /// Payload.
        pub data: Option<&'a [u8]>,
        /// Access list.
        pub acl: Option<Vec<Acl<'a>>>,
        /// The parent's stored cversion afterwards.
        pub parent_cversion: i32,
    }
}

jute::record! {
    /// createTTL.
    pub struct CreateTtlTxn<'a> {
        /// Final path.
        pub path: Cow<'a, str>,
        /// Payload.
        pub data: Option<&'a [u8]>,
        /// Access list.
        pub acl: Option<Vec<Acl<'a>>>,
        /// The parent's stored cversion afterwards.
        pub parent_cversion: i32,
        /// Time to live, ms.
        pub ttl: i64,
    }
}

jute::record! {
    /// delete, deleteContainer.
    pub struct DeleteTxn<'a> {
        /// The node.
        pub path: Cow<'a, str>,
    }
}

jute::record! {
    /// setData, reconfig.
    pub struct SetDataTxn<'a> {
        /// The node.
        pub path: Cow<'a, str>,
        /// Payload.
        pub data: Option<&'a [u8]>,
        /// The resulting version.
        pub version: i32,
    }
}

jute::record! {
    /// setACL.
    pub struct SetAclTxn<'a> {
        /// The node.
        pub path: Cow<'a, str>,
        /// Access list.
        pub acl: Option<Vec<Acl<'a>>>,
        /// The resulting ACL version.
        pub version: i32,
    }
}

jute::record! {
    /// check; inside a multi only.
    pub struct CheckVersionTxn<'a> {
        /// The node.
        pub path: Cow<'a, str>,
        /// The version after an imagined change.
        pub version: i32,
    }
}

jute::record! {
    /// A refused request.
    pub struct ErrorTxn {
        /// [`ErrorCode`](crate::types::ErrorCode).
        pub err: i32,
    }
}

jute::record! {
    /// An element of a multi, its record still encoded.
    struct RawTxn<'a> {
        kind: i32,
        data: Option<&'a [u8]>,
    }
}

/// The body of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Txn<'a> {
    /// A new session.
    CreateSession(CreateSessionTxn),
    /// The end of a session; writers before 3.6 left the list out.
    CloseSession(Option<CloseSessionTxn<'a>>),
    /// create or create2: they differ in what the client is answered.
    Create(OpCode, CreateTxn<'a>),
    /// createContainer.
    CreateContainer(CreateContainerTxn<'a>),
    /// createTTL.
    CreateTtl(CreateTtlTxn<'a>),
    /// delete or deleteContainer.
    Delete(OpCode, DeleteTxn<'a>),
    /// setData or reconfig.
    SetData(OpCode, SetDataTxn<'a>),
    /// setACL.
    SetAcl(SetAclTxn<'a>),
    /// check; inside a multi only.
    Check(CheckVersionTxn<'a>),
    /// All or nothing.
    Multi(Vec<Txn<'a>>),
    /// A refused request.
    Error(ErrorTxn),
}

impl<'a> Txn<'a> {
    /// The transaction's type.
    pub fn op(&self) -> OpCode {
        match self {
            Txn::CreateSession(_) => OpCode::CreateSession,
            Txn::CloseSession(_) => OpCode::CloseSession,
            Txn::Create(op, _) | Txn::Delete(op, _) | Txn::SetData(op, _) => *op,
            Txn::CreateContainer(_) => OpCode::CreateContainer,
            Txn::CreateTtl(_) => OpCode::CreateTtl,
            Txn::SetAcl(_) => OpCode::SetAcl,
            Txn::Check(_) => OpCode::Check,
            Txn::Multi(_) => OpCode::Multi,
            Txn::Error(_) => OpCode::Error,
        }
    }

    /// Appends the body, without header and digest.
    pub fn append(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        match self {
            Txn::CreateSession(txn) => txn.write(&mut writer),
            Txn::CloseSession(None) => {}
            Txn::CloseSession(Some(txn)) => txn.write(&mut writer),
            Txn::Create(_, txn) => txn.write(&mut writer),
            Txn::CreateContainer(txn) => txn.write(&mut writer),
            Txn::CreateTtl(txn) => txn.write(&mut writer),
            Txn::Delete(_, txn) => txn.write(&mut writer),
            Txn::SetData(_, txn) => txn.write(&mut writer),
            Txn::SetAcl(txn) => txn.write(&mut writer),
            Txn::Check(txn) => txn.write(&mut writer),
            Txn::Error(txn) => txn.write(&mut writer),
            Txn::Multi(txns) => append_multi(txns, out),
        }
    }

    fn read(op: OpCode, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(match op {
            OpCode::CreateSession => Txn::CreateSession(Field::read(reader)?),
            OpCode::CloseSession => Txn::CloseSession(read_close_session(reader)),
            OpCode::Create => Txn::Create(op, read_create(reader)?),
            OpCode::Create2 => Txn::Create(op, Field::read(reader)?),
            OpCode::CreateContainer => Txn::CreateContainer(Field::read(reader)?),
            OpCode::CreateTtl => Txn::CreateTtl(Field::read(reader)?),
            OpCode::Delete | OpCode::DeleteContainer => Txn::Delete(op, Field::read(reader)?),
            OpCode::SetData | OpCode::Reconfig => Txn::SetData(op, Field::read(reader)?),
            OpCode::SetAcl => Txn::SetAcl(Field::read(reader)?),
            OpCode::Multi => Txn::Multi(read_multi(reader)?),
            OpCode::Error => Txn::Error(Field::read(reader)?),
            _ => return Err(reader.error(DecodeErrorKind::UnknownValue(op.code()))),
        })
    }
}

fn append_multi(txns: &[Txn<'_>], out: &mut Vec<u8>) {
    Writer::new(out).count(Some(txns.len()));
    for txn in txns {
        let mut writer = Writer::new(out);
        writer.int(txn.op().code());
        writer.int(0);
        let start = out.len();
        txn.append(out);
        let length = i32::try_from(out.len() - start).expect("a sub-transaction fits in a frame");
        out[start - 4..start].copy_from_slice(&length.to_be_bytes());
    }
}

/// Releases before 3.4 wrote creates without the parent's cversion.
// apache 3.9.5: server/util/SerializeUtils.java deserializeTxn
fn read_create<'a>(reader: &mut Reader<'a>) -> Result<CreateTxn<'a>, DecodeError> {
    let mut whole = reader.clone();
    if let Ok(txn) = CreateTxn::read(&mut whole) {
        *reader = whole;
        return Ok(txn);
    }
    Ok(CreateTxn {
        path: Field::read(reader)?,
        data: Field::read(reader)?,
        acl: Field::read(reader)?,
        ephemeral: Field::read(reader)?,
        parent_cversion: -1,
    })
}

/// The list is absent in logs from before 3.6 and with `closeSessionTxn.enabled=false`; in the latter
/// case the digest follows directly, and two empty paths would have its length: no path is empty.
fn read_close_session<'a>(reader: &mut Reader<'a>) -> Option<CloseSessionTxn<'a>> {
    let mut ahead = reader.clone();
    let txn = CloseSessionTxn::read(&mut ahead).ok()?;
    if txn.paths.iter().flatten().any(|path| path.is_empty()) {
        return None;
    }
    *reader = ahead;
    Some(txn)
}

fn read_multi<'a>(reader: &mut Reader<'a>) -> Result<Vec<Txn<'a>>, DecodeError> {
    let mut txns = Vec::new();
    for _ in 0..reader.count()?.unwrap_or(0) {
        let unreadable = reader.error(DecodeErrorKind::Null);
        let RawTxn { kind, data } = Field::read(reader)?;
        let op =
            OpCode::from_code(kind).ok_or(reader.error(DecodeErrorKind::UnknownValue(kind)))?;
        let mut body = Reader::new(data.ok_or(unreadable)?).joining_surrogates();
        txns.push(match op {
            OpCode::Check => Txn::Check(Field::read(&mut body)?),
            OpCode::Multi | OpCode::CreateSession | OpCode::CloseSession => {
                return Err(reader.error(DecodeErrorKind::UnknownValue(kind)));
            }
            _ => Txn::read(op, &mut body)?,
        });
    }
    Ok(txns)
}

/// A transaction as it stands in a log record or a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedTxn<'a> {
    /// Who, when, which.
    pub header: TxnHeader,
    /// What.
    pub txn: Txn<'a>,
    /// The tree's digest afterwards; absent for errors and before 3.6.
    pub digest: Option<TxnDigest>,
}

impl<'a> LoggedTxn<'a> {
    /// Decodes a log record's body.
    ///
    /// # Errors
    /// When the type is unknown or the bytes are not its record.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes).joining_surrogates();
        let header = TxnHeader::read(&mut reader)?;
        let op = OpCode::from_code(header.kind)
            .ok_or(reader.error(DecodeErrorKind::UnknownValue(header.kind)))?;
        let txn = Txn::read(op, &mut reader)?;
        let digest = if reader.left() == 0 {
            None
        } else {
            Some(Field::read(&mut reader)?)
        };
        Ok(LoggedTxn {
            header,
            txn,
            digest,
        })
    }

    /// Appends a log record's body.
    pub fn append(&self, out: &mut Vec<u8>) {
        self.header.write(&mut Writer::new(out));
        self.txn.append(out);
        if let Some(digest) = &self.digest {
            digest.write(&mut Writer::new(out));
        }
    }
}
