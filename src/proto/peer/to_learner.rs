//! What leaders send: bytes of it, and back.

use crate::proto::peer::ToLearner;
use crate::proto::peer::packet::{Packet, PacketError, append, append_bare, kind};
use crate::types::{ServerId, SessionId, Zxid};

/// Where zxids have no meaning, but for SYNC.
const NO_ZXID: Zxid = Zxid(-1);
/// The designated leader in front of a transaction.
const LEADER_BYTES: usize = 8;

impl ToLearner {
    /// Appends the packet to what will be sent.
    ///
    /// # Panics
    /// When its data is 2 GiB or longer.
    pub fn append(&self, out: &mut Vec<u8>) {
        match self {
            ToLearner::LeaderInfo { epoch, protocol } => append(
                out,
                kind::LEADER_INFO,
                Zxid(epoch << 32),
                |w| w.int(*protocol),
                None,
            ),
            ToLearner::Diff(zxid) => append_bare(out, kind::DIFF, *zxid),
            ToLearner::Trunc(zxid) => append_bare(out, kind::TRUNC, *zxid),
            ToLearner::Snap(zxid) => append_bare(out, kind::SNAP, *zxid),
            ToLearner::NewLeader { zxid, config } => match config {
                None => append_bare(out, kind::NEW_LEADER, *zxid),
                Some(text) => append(out, kind::NEW_LEADER, *zxid, |w| w.raw(text), None),
            },
            ToLearner::UpToDate => append_bare(out, kind::UP_TO_DATE, NO_ZXID),
            ToLearner::Proposal { zxid, body } => ToLearner::append_proposal(*zxid, body, out),
            ToLearner::Commit(zxid) => append_bare(out, kind::COMMIT, *zxid),
            ToLearner::Inform { zxid, body } => {
                append(out, kind::INFORM, *zxid, |w| w.raw(body), None);
            }
            ToLearner::CommitAndActivate { zxid, leader } => {
                append_activation(out, kind::COMMIT_AND_ACTIVATE, *zxid, *leader, &[]);
            }
            ToLearner::InformAndActivate { zxid, leader, body } => {
                append_activation(out, kind::INFORM_AND_ACTIVATE, *zxid, *leader, body);
            }
            ToLearner::Ping(zxid) => append_bare(out, kind::PING, *zxid),
            ToLearner::Revalidate { session, valid } => append(
                out,
                kind::REVALIDATE,
                NO_ZXID,
                |w| {
                    w.long(session.0);
                    w.bool(*valid);
                },
                None,
            ),
            ToLearner::Sync => append_bare(out, kind::SYNC, Zxid::ZERO),
        }
    }

    /// Appends a [`ToLearner::Proposal`] whose body need not be kept.
    ///
    /// # Panics
    /// When the body is 2 GiB or longer.
    pub fn append_proposal(zxid: Zxid, body: &[u8], out: &mut Vec<u8>) {
        append(out, kind::PROPOSAL, zxid, |w| w.raw(body), None);
    }

    pub(super) fn from_packet(packet: Packet) -> Result<Self, PacketError> {
        let zxid = packet.zxid;
        Ok(match packet.kind {
            kind::LEADER_INFO => ToLearner::LeaderInfo {
                epoch: zxid.epoch(),
                protocol: packet.read(|r| r.int())?,
            },
            kind::DIFF => ToLearner::Diff(zxid),
            kind::TRUNC => ToLearner::Trunc(zxid),
            kind::SNAP => ToLearner::Snap(zxid),
            kind::NEW_LEADER => ToLearner::NewLeader {
                zxid,
                // One byte is no text either, says Apache's learner.
                // apache 3.9.5: server/quorum/Learner.java syncWithLeader
                config: packet.data.filter(|text| text.len() > 1),
            },
            kind::UP_TO_DATE => ToLearner::UpToDate,
            kind::PROPOSAL => ToLearner::Proposal {
                zxid,
                body: packet.body(0)?,
            },
            kind::COMMIT => ToLearner::Commit(zxid),
            kind::INFORM => ToLearner::Inform {
                zxid,
                body: packet.body(0)?,
            },
            kind::COMMIT_AND_ACTIVATE => ToLearner::CommitAndActivate {
                zxid,
                leader: ServerId(packet.read(|r| r.long())?),
            },
            kind::INFORM_AND_ACTIVATE => ToLearner::InformAndActivate {
                zxid,
                leader: ServerId(packet.read(|r| r.long())?),
                body: packet.body(LEADER_BYTES)?,
            },
            kind::PING => ToLearner::Ping(zxid),
            kind::REVALIDATE => {
                let (session, valid) = packet.read(|r| Ok((r.long()?, r.bool()?)))?;
                ToLearner::Revalidate {
                    session: SessionId(session),
                    valid,
                }
            }
            kind::SYNC => ToLearner::Sync,
            _ => return Err(packet.unexpected()),
        })
    }
}

fn append_activation(out: &mut Vec<u8>, kind: i32, zxid: Zxid, leader: ServerId, body: &[u8]) {
    append(
        out,
        kind,
        zxid,
        |w| {
            w.long(leader.0);
            w.raw(body);
        },
        None,
    );
}
