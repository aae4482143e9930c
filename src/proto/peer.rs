//! The packets of the quorum port (2888): what a leader and its learners tell each other. Packets, not
//! decisions. Upstream: `QuorumPacket`, `LearnerInfo`, the constants of `Leader`.

#[cfg(test)]
mod golden;
mod packet;
#[cfg(test)]
mod tests;
mod to_leader;
mod to_learner;

pub use packet::{PacketError, PacketReader};

use std::sync::Arc;

use bytes::Bytes;

use crate::types::{Id, ServerId, SessionId, Zxid};

/// The protocol version spoken since ZooKeeper 3.4.
pub const PROTOCOL_VERSION: i32 = 0x1_0000;

/// Who a learner is (`LearnerInfo`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LearnerInfo {
    /// Its id; `None` when an old learner sent no data: the leader invents a negative one.
    pub id: Option<ServerId>,
    /// What it speaks; 1 when it did not say.
    pub protocol: i32,
    /// Version of its committed membership; 0 when it did not say.
    pub config_version: i64,
}

/// A write that a learner forwards for one of its clients (`REQUEST`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forwarded {
    /// The client's session.
    pub session: SessionId,
    /// The client's number for it.
    pub cxid: i32,
    /// Operation code as sent.
    pub op: i32,
    /// The request's record, as the client sent it.
    pub body: Bytes,
    /// The connection's identities; empty also when none were sent. Shared with the connection.
    pub who: Arc<[Id]>,
}

/// From a learner to its leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToLeader {
    /// `FOLLOWERINFO`, `OBSERVERINFO`: the first packet.
    Info {
        /// Whether it came as `OBSERVERINFO`.
        observer: bool,
        /// The last epoch it has accepted.
        accepted_epoch: i64,
        /// Who.
        info: LearnerInfo,
    },
    /// `ACKEPOCH`.
    AckEpoch {
        /// The last transaction in its log or snapshot.
        last_zxid: Zxid,
        /// Its current epoch; `None` when it had accepted the offered epoch before (-1 on the wire).
        current_epoch: Option<i64>,
    },
    /// `ACK`: of a transaction, or of an epoch (counter 0).
    Ack(Zxid),
    /// `PING`, the reply: which sessions it has heard of since the last one, and their timeouts in ms.
    Ping {
        /// As in the leader's ping.
        zxid: Zxid,
        /// Sessions and timeouts.
        touched: Vec<(SessionId, i32)>,
    },
    /// `REQUEST`.
    Request(Forwarded),
    /// `REVALIDATE`: may this client take up its session here?
    Revalidate {
        /// The session.
        session: SessionId,
        /// Its timeout, ms.
        timeout_ms: i32,
    },
}

/// From a leader (or a follower that serves observers) to a learner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToLearner {
    /// `LEADERINFO`: the new epoch.
    LeaderInfo {
        /// The epoch.
        epoch: i64,
        /// What the leader speaks.
        protocol: i32,
    },
    /// `DIFF`: only missing transactions follow.
    Diff(Zxid),
    /// `TRUNC`: forget everything after this transaction.
    Trunc(Zxid),
    /// `SNAP`: a whole tree follows on the stream, raw.
    Snap(Zxid),
    /// `NEWLEADER`: synchronised, ready to be led.
    NewLeader {
        /// The epoch, as a zxid with counter 0.
        zxid: Zxid,
        /// Text of the leader's last seen membership.
        config: Option<Bytes>,
    },
    /// `UPTODATE`: serve clients.
    UpToDate,
    /// `PROPOSAL`.
    Proposal {
        /// Its number.
        zxid: Zxid,
        /// Header, record and digest: the body of the log record.
        body: Bytes,
    },
    /// `COMMIT`.
    Commit(Zxid),
    /// `INFORM`: a committed transaction, for observers.
    Inform {
        /// Its number.
        zxid: Zxid,
        /// The body of the log record.
        body: Bytes,
    },
    /// `COMMITANDACTIVATE`: commit of a new membership.
    CommitAndActivate {
        /// Its number.
        zxid: Zxid,
        /// Who leads from now on.
        leader: ServerId,
    },
    /// `INFORMANDACTIVATE`: the same for observers.
    InformAndActivate {
        /// Its number.
        zxid: Zxid,
        /// Who leads from now on.
        leader: ServerId,
        /// The body of the log record.
        body: Bytes,
    },
    /// `PING`.
    Ping(Zxid),
    /// `REVALIDATE`, the reply.
    Revalidate {
        /// The session.
        session: SessionId,
        /// Whether the client may take it up.
        valid: bool,
    },
    /// `SYNC`: the learner's oldest sync has been passed by everything committed before.
    Sync,
}
