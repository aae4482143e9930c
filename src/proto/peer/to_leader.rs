//! What learners send: bytes of it, and back.

use jute::{DecodeError, Reader, Writer};

use crate::proto::peer::packet::{Packet, PacketError, append, append_bare, kind};
use crate::proto::peer::{Forwarded, LearnerInfo, ToLeader};
use crate::types::{ServerId, SessionId, Zxid};

/// Where zxids have no meaning.
const NO_ZXID: Zxid = Zxid(-1);
/// Session, cxid and operation of a forwarded request.
const REQUEST_HEAD_BYTES: usize = 16;
/// A session and its timeout.
const TOUCHED_BYTES: usize = 12;

impl ToLeader {
    /// Appends the packet to what will be sent.
    ///
    /// # Panics
    /// When its data is 2 GiB or longer.
    pub fn append(&self, out: &mut Vec<u8>) {
        match self {
            ToLeader::Info {
                observer,
                accepted_epoch,
                info,
            } => {
                let kind = match observer {
                    true => kind::OBSERVER_INFO,
                    false => kind::FOLLOWER_INFO,
                };
                append_info(out, kind, Zxid(accepted_epoch << 32), info);
            }
            ToLeader::AckEpoch {
                last_zxid,
                current_epoch,
            } => {
                let epoch = current_epoch.unwrap_or(-1).to_be_bytes();
                // Only the low half has room.
                append(
                    out,
                    kind::ACK_EPOCH,
                    *last_zxid,
                    |w| w.raw(&epoch[4..]),
                    None,
                );
            }
            ToLeader::Ack(zxid) => append_bare(out, kind::ACK, *zxid),
            // The data must not be null, even without sessions: Apache's leader would stumble over it.
            ToLeader::Ping { zxid, touched } => append(
                out,
                kind::PING,
                *zxid,
                |w| touched.iter().for_each(|touched| touch(w, touched)),
                None,
            ),
            // Nor may the identities be: Apache's leader could not judge the request.
            ToLeader::Request(request) => append(
                out,
                kind::REQUEST,
                NO_ZXID,
                |w| request.write(w),
                Some(&request.who),
            ),
            ToLeader::Revalidate {
                session,
                timeout_ms,
            } => append(
                out,
                kind::REVALIDATE,
                NO_ZXID,
                |w| touch(w, &(*session, *timeout_ms)),
                None,
            ),
        }
    }

    pub(super) fn from_packet(packet: Packet) -> Result<Self, PacketError> {
        let zxid = packet.zxid;
        Ok(match packet.kind {
            kind::FOLLOWER_INFO | kind::OBSERVER_INFO => ToLeader::Info {
                observer: packet.kind == kind::OBSERVER_INFO,
                accepted_epoch: zxid.epoch(),
                info: info(&packet)?,
            },
            kind::ACK_EPOCH => ToLeader::AckEpoch {
                last_zxid: zxid,
                current_epoch: Some(i64::from(packet.read(|r| r.int())?))
                    .filter(|epoch| *epoch != -1),
            },
            kind::ACK => ToLeader::Ack(zxid),
            kind::PING => ToLeader::Ping {
                zxid,
                touched: packet.read(all_touched)?,
            },
            kind::REQUEST => ToLeader::Request(forwarded(packet)?),
            kind::REVALIDATE => {
                let (session, timeout_ms) = packet.read(touched)?;
                ToLeader::Revalidate {
                    session,
                    timeout_ms,
                }
            }
            _ => return Err(packet.unexpected()),
        })
    }
}

impl Forwarded {
    fn write(&self, writer: &mut Writer<'_>) {
        writer.long(self.session.0);
        writer.int(self.cxid);
        writer.int(self.op);
        writer.raw(&self.body);
    }
}

fn forwarded(packet: Packet) -> Result<Forwarded, PacketError> {
    let (session, cxid, op) = packet.read(|r| Ok((r.long()?, r.int()?, r.int()?)))?;
    Ok(Forwarded {
        session: SessionId(session),
        cxid,
        op,
        body: packet.body(REQUEST_HEAD_BYTES)?,
        who: packet.who.into(),
    })
}

fn append_info(out: &mut Vec<u8>, kind: i32, zxid: Zxid, info: &LearnerInfo) {
    match info.id {
        None => append_bare(out, kind, zxid),
        Some(id) => append(
            out,
            kind,
            zxid,
            |w| {
                w.long(id.0);
                w.int(info.protocol);
                w.long(info.config_version);
            },
            None,
        ),
    }
}

/// What is there of it: older learners send less.
// apache 3.9.5: server/quorum/LearnerHandler.java run
fn info(packet: &Packet) -> Result<LearnerInfo, PacketError> {
    let present = packet.data.as_ref().map(bytes::Bytes::len);
    packet.read(|reader| {
        let id = match present {
            None => None,
            Some(0..8) => Some(0),
            Some(_) => Some(reader.long()?),
        };
        let protocol = match reader.left() {
            0..4 => 1,
            _ => reader.int()?,
        };
        let config_version = match reader.left() {
            0..8 => 0,
            _ => reader.long()?,
        };
        Ok(LearnerInfo {
            id: id.map(ServerId),
            protocol,
            config_version,
        })
    })
}

fn touch(writer: &mut Writer<'_>, (session, timeout_ms): &(SessionId, i32)) {
    writer.long(session.0);
    writer.int(*timeout_ms);
}

fn touched(reader: &mut Reader<'_>) -> Result<(SessionId, i32), DecodeError> {
    Ok((SessionId(reader.long()?), reader.int()?))
}

fn all_touched(reader: &mut Reader<'_>) -> Result<Vec<(SessionId, i32)>, DecodeError> {
    let mut all = Vec::with_capacity(reader.left() / TOUCHED_BYTES);
    while reader.left() > 0 {
        all.push(touched(reader)?);
    }
    Ok(all)
}
