//! The envelope of every packet, and how packets are cut off a stream: they follow each other without a length in
//! front, so where one ends is only known once its fields have been measured.

use bytes::{Bytes, BytesMut};
use jute::{DecodeError, DecodeErrorKind, Reader, Writer};
use thiserror::Error;

use crate::proto::peer::{ToLeader, ToLearner};
use crate::types::{Id, Zxid};

/// Type, zxid, and the length of the data.
const HEAD_BYTES: usize = 16;
/// Where the length of the data stands.
const DATA_AT: usize = 12;

/// What is wrong with bytes on the quorum port.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PacketError {
    /// A length that no field can have. The stream cannot be read any further.
    #[error(
        "Unreasonable length = {length} in a packet of type {kind}: jute.maxbuffer and jute.maxbuffer.extrasize allow {limit}"
    )]
    Length {
        /// Type of the packet.
        kind: i32,
        /// The length read.
        length: i32,
        /// The longest allowed, in bytes.
        limit: usize,
    },
    /// A list of identities that does not end. The stream cannot be read any further.
    #[error("the identities of a packet of type {kind} take more than {limit} bytes")]
    Identities {
        /// Type of the packet.
        kind: i32,
        /// The most allowed, in bytes.
        limit: usize,
    },
    /// A whole packet, but its data does not suit its type.
    #[error("the data of {name} cannot be read: {error}")]
    Data {
        /// Apache's name of the type.
        name: &'static str,
        /// Why.
        error: DecodeError,
    },
    /// A whole packet of a type that this side of the connection does not expect. It has been skipped; Apache's servers
    /// note it and go on.
    #[error("unexpected packet of type {kind} ({})", name(*.kind))]
    Unexpected {
        /// The type.
        kind: i32,
    },
}

/// Apache's numbers.
pub(super) mod kind {
    pub(crate) const REQUEST: i32 = 1;
    pub(crate) const PROPOSAL: i32 = 2;
    pub(crate) const ACK: i32 = 3;
    pub(crate) const COMMIT: i32 = 4;
    pub(crate) const PING: i32 = 5;
    pub(crate) const REVALIDATE: i32 = 6;
    pub(crate) const SYNC: i32 = 7;
    pub(crate) const INFORM: i32 = 8;
    pub(crate) const COMMIT_AND_ACTIVATE: i32 = 9;
    pub(crate) const NEW_LEADER: i32 = 10;
    pub(crate) const FOLLOWER_INFO: i32 = 11;
    pub(crate) const UP_TO_DATE: i32 = 12;
    pub(crate) const DIFF: i32 = 13;
    pub(crate) const TRUNC: i32 = 14;
    pub(crate) const SNAP: i32 = 15;
    pub(crate) const OBSERVER_INFO: i32 = 16;
    pub(crate) const LEADER_INFO: i32 = 17;
    pub(crate) const ACK_EPOCH: i32 = 18;
    pub(crate) const INFORM_AND_ACTIVATE: i32 = 19;
}

/// Apache's names; `UNKNOWN` for other numbers.
// apache 3.9.5: server/quorum/LearnerHandler.java packetToString
fn name(kind: i32) -> &'static str {
    const NAMES: [&str; 19] = [
        "REQUEST",
        "PROPOSAL",
        "ACK",
        "COMMIT",
        "PING",
        "REVALIDATE",
        "SYNC",
        "INFORM",
        "COMMITANDACTIVATE",
        "NEWLEADER",
        "FOLLOWERINFO",
        "UPTODATE",
        "DIFF",
        "TRUNC",
        "SNAP",
        "OBSERVERINFO",
        "LEADERINFO",
        "ACKEPOCH",
        "INFORMANDACTIVATE",
    ];
    let at = usize::try_from(kind)
        .ok()
        .and_then(|kind| kind.checked_sub(1));
    at.and_then(|at| NAMES.get(at)).unwrap_or(&"UNKNOWN")
}

/// A whole packet, its data not yet understood (`QuorumPacket`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) kind: i32,
    pub(super) zxid: Zxid,
    pub(super) data: Option<Bytes>,
    /// Empty also when it was null.
    pub(super) who: Vec<Id>,
}

impl Packet {
    /// The data, of which `read` takes what it needs from the front. Null counts as no bytes: Apache's servers drop the
    /// connection over both, with different exceptions.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&mut Reader<'_>) -> Result<T, DecodeError>,
    ) -> Result<T, PacketError> {
        let mut reader = Reader::new(self.data.as_deref().unwrap_or_default());
        read(&mut reader).map_err(|error| self.bad_data(error))
    }

    /// The data behind its first `skip` bytes, which must have been read; must not be null.
    pub(super) fn body(&self, skip: usize) -> Result<Bytes, PacketError> {
        let null = DecodeError {
            offset: DATA_AT,
            kind: DecodeErrorKind::Null,
        };
        let data = self.data.as_ref().ok_or_else(|| self.bad_data(null))?;
        Ok(data.slice(skip..))
    }

    pub(super) fn unexpected(&self) -> PacketError {
        PacketError::Unexpected { kind: self.kind }
    }

    fn bad_data(&self, error: DecodeError) -> PacketError {
        PacketError::Data {
            name: name(self.kind),
            error,
        }
    }
}

/// Cuts packets off the front of what a connection has received.
///
/// A packet that is not complete costs a look at two lengths, however often it is looked at; nothing is allocated for
/// what a length claims. Bodies are slices of the buffer.
#[derive(Debug, Clone)]
pub struct PacketReader {
    field_bytes_max: usize,
    /// How far the identities of an incomplete packet have been measured.
    identities: Option<Identities>,
}

#[derive(Debug, Clone, Copy)]
struct Identities {
    start: usize,
    /// Where the next text begins.
    at: usize,
    texts_left: usize,
}

impl PacketReader {
    /// `field_bytes_max` is the longest data or text allowed: `jute.maxbuffer` and `jute.maxbuffer.extrasize` together.
    pub fn new(field_bytes_max: usize) -> Self {
        PacketReader {
            field_bytes_max,
            identities: None,
        }
    }

    /// The next packet of a learner; `None` while it is not complete. What is in `input` must stay there until then.
    ///
    /// # Errors
    /// See [`PacketError`]: what of it ends the stream.
    pub fn next_to_leader(
        &mut self,
        input: &mut BytesMut,
    ) -> Result<Option<ToLeader>, PacketError> {
        let packet = self.next(input)?;
        packet.map(ToLeader::from_packet).transpose()
    }

    /// The next packet of a leader; `None` while it is not complete. Behind [`ToLearner::Snap`] the stream holds a
    /// snapshot, not a packet. What is in `input` must stay there until then.
    ///
    /// # Errors
    /// See [`PacketError`]: what of it ends the stream.
    pub fn next_to_learner(
        &mut self,
        input: &mut BytesMut,
    ) -> Result<Option<ToLearner>, PacketError> {
        let packet = self.next(input)?;
        packet.map(ToLearner::from_packet).transpose()
    }

    fn next(&mut self, input: &mut BytesMut) -> Result<Option<Packet>, PacketError> {
        let Some(length) = self.measure(input)? else {
            return Ok(None);
        };
        self.identities = None;
        let packet = input.split_to(length).freeze();
        Ok(Some(open(&packet)))
    }

    /// Length of the packet at the front, in bytes, if all of it is there.
    fn measure(&mut self, input: &[u8]) -> Result<Option<usize>, PacketError> {
        let mut identities = match self.identities {
            Some(identities) => identities,
            None => match self.identities_of(input)? {
                Some(identities) => identities,
                None => return Ok(None),
            },
        };
        while identities.texts_left > 0 {
            let end = self.field_end(input, identities.at)?;
            let Some(end) = end.filter(|end| *end <= input.len()) else {
                break;
            };
            identities.at = end;
            identities.texts_left -= 1;
            if end - identities.start > self.field_bytes_max {
                return Err(PacketError::Identities {
                    kind: int_at(input, 0).unwrap_or_default(),
                    limit: self.field_bytes_max,
                });
            }
        }
        self.identities = Some(identities);
        Ok((identities.texts_left == 0).then_some(identities.at))
    }

    /// Where the identities of the packet at the front begin, if everything before them is there.
    fn identities_of(&self, input: &[u8]) -> Result<Option<Identities>, PacketError> {
        let Some(count_at) = self.field_end(input, DATA_AT)? else {
            return Ok(None);
        };
        let start = count_at + 4;
        Ok(int_at(input, count_at).map(|count| Identities {
            start,
            at: start,
            // Java takes every negative count for none.
            texts_left: usize::try_from(count).map_or(0, |count| 2 * count),
        }))
    }

    /// Where the field whose length stands at `at` ends, if its length is there; its bytes may not be.
    fn field_end(&self, input: &[u8], at: usize) -> Result<Option<usize>, PacketError> {
        let Some(length) = int_at(input, at) else {
            return Ok(None);
        };
        let start = at + 4;
        if length == -1 {
            return Ok(Some(start));
        }
        match usize::try_from(length) {
            Ok(bytes) if bytes <= self.field_bytes_max => Ok(Some(start + bytes)),
            _ => Err(PacketError::Length {
                kind: int_at(input, 0).unwrap_or_default(),
                length,
                limit: self.field_bytes_max,
            }),
        }
    }
}

fn int_at(input: &[u8], at: usize) -> Option<i32> {
    let bytes = input.get(at..)?.first_chunk()?;
    Some(i32::from_be_bytes(*bytes))
}

/// The fields of a packet that has been measured.
fn open(packet: &Bytes) -> Packet {
    let mut reader = Reader::new(packet).joining_surrogates();
    let fields = (|| {
        let (kind, zxid) = (reader.int()?, reader.long()?);
        let data = reader.buffer()?.map(|data| packet.slice_ref(data));
        let count = reader.count()?.unwrap_or(0);
        let who = (0..count).map(|_| identity(&mut reader));
        Ok::<_, DecodeError>(Packet {
            kind,
            zxid: Zxid(zxid),
            data,
            who: who.collect::<Result<_, _>>()?,
        })
    })();
    fields.expect("a packet is opened once all its fields have been measured")
}

fn identity(reader: &mut Reader<'_>) -> Result<Id, DecodeError> {
    let mut text = || Ok(reader.string()?.unwrap_or_default().into_owned());
    Ok(Id {
        scheme: text()?,
        id: text()?,
    })
}

/// Appends a packet. `data` appends its data, whose length is found out afterwards.
pub(super) fn append(
    out: &mut Vec<u8>,
    kind: i32,
    zxid: Zxid,
    data: impl FnOnce(&mut Writer<'_>),
    who: Option<&[Id]>,
) {
    let start = out.len() + HEAD_BYTES;
    let mut writer = Writer::new(out);
    writer.int(kind);
    writer.long(zxid.0);
    writer.int(0);
    data(&mut writer);
    let length = i32::try_from(writer.position() - start)
        .expect("a packet's data is shorter than 2 GiB")
        .to_be_bytes();
    out[start - length.len()..start].copy_from_slice(&length);
    append_who(out, who);
}

/// Appends a packet whose data is null.
pub(super) fn append_bare(out: &mut Vec<u8>, kind: i32, zxid: Zxid) {
    let mut writer = Writer::new(out);
    writer.int(kind);
    writer.long(zxid.0);
    writer.buffer(None);
    append_who(out, None);
}

fn append_who(out: &mut Vec<u8>, who: Option<&[Id]>) {
    let mut writer = Writer::new(out);
    writer.count(who.map(<[Id]>::len));
    for Id { scheme, id } in who.unwrap_or_default() {
        writer.string(Some(scheme));
        writer.string(Some(id));
    }
}
