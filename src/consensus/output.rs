//! Everything a peer can ask for. Effects are carried out in order; those of storage are answered by
//! [`Input::Done`](crate::consensus::Input::Done) or [`Input::Durable`](crate::consensus::Input::Durable),
//! and whatever must wait for that is only asked for afterwards.

use std::sync::Arc;

use bytes::Bytes;

use crate::config::Membership;
use crate::consensus::input::Task;
use crate::proto::ballot::Ballot;
use crate::proto::peer::{Forwarded, ToLeader, ToLearner};
use crate::types::{LinkId, ServerId, SessionId, Zxid};

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send a ballot; a later one to the same server replaces one that could not be sent yet.
    SendBallot {
        /// To whom; never oneself.
        to: ServerId,
        /// What.
        ballot: Ballot,
    },

    /// Connect to the leader's quorum port, within so many ms. `LeaderUp` or `LeaderDown` follows.
    DialLeader {
        /// Whom.
        leader: ServerId,
        /// How long it may take, ms.
        within_ms: i64,
    },
    /// Connect to the port at which a follower serves observers, within so many ms: from then on it stands for the
    /// leader. `LeaderUp` or `LeaderDown` follows.
    DialObserverMaster {
        /// Whom.
        master: ServerId,
        /// How long it may take, ms.
        within_ms: i64,
    },
    /// End the connection to the leader; no input of it follows.
    LeaveLeader,
    /// Send to the leader.
    ToLeader(ToLeader),

    /// Accept learners from now on.
    Listen,
    /// Accept observers from now on, at their own port (`observerMasterPort`). They are learners of this follower.
    ListenForObservers,
    /// Accept no more learners, end every learner's connection; no input of them follows.
    Unlisten,
    /// Send to a learner.
    Send(LinkId, ToLearner),
    /// End a learner's connection; no input of it follows.
    HangUp(LinkId),
    /// Send the applied state to a learner: the `SNAP` packet and the raw snapshot. Whatever is sent to
    /// this learner afterwards goes behind it. `Done(task, At(zxid))` follows when all is sent.
    StreamSnapshot(LinkId, Task),
    /// Send transactions from the own log to a learner, as pairs of `PROPOSAL` and `COMMIT`, behind what
    /// was sent to it so far. `Done(task, Streamed(_) | Unavailable)` follows; `Unavailable` only when
    /// nothing at all was sent, not even `DIFF`. Nothing else is sent to this learner meanwhile.
    StreamLog {
        /// To whom.
        link: LinkId,
        /// Send this first: `DIFF` with this transaction.
        diff: Option<Zxid>,
        /// From the transaction behind this one, which must be in the log; or, if its counter is 0, the log must
        /// reach back to a transaction before it.
        after: Zxid,
        /// Up to and including this one.
        upto: Zxid,
        /// Answered by `Done`.
        task: Task,
    },

    /// Make the accepted epoch durable.
    SaveAcceptedEpoch(i64, Task),
    /// Make the current epoch durable.
    SaveCurrentEpoch(i64, Task),
    /// Append a proposal of the leader to the own log. `Durable` follows.
    Append {
        /// Its number.
        zxid: Zxid,
        /// The body of the log record.
        body: Bytes,
    },
    /// Forget everything after this transaction: in the log, in snapshots, in the state.
    /// `Done(task, At(zxid))` follows.
    Truncate(Zxid, Task),
    /// Replace the state by the snapshot that was received and make that durable; every log and every other snapshot
    /// goes, since they may tell another history. `Done(task, At(zxid))` follows. When the epoch of its transaction is above the current epoch, it
    /// becomes the current epoch in the same stroke (`currentEpoch.tmp` before the snapshot is in place, renamed
    /// after it: a start between the two takes the epoch from there).
    Install(Task),
    /// Make a snapshot of the applied state durable; the state as it is at this effect. `Done(task, Saved)`
    /// follows. `Truncate` and `Install` end whatever snapshot is still being taken.
    TakeSnapshot(Task),

    /// Apply a transaction to the state (a learner's way).
    Deliver {
        /// Its number.
        zxid: Zxid,
        /// The body of the log record.
        body: Bytes,
    },
    /// What the own pipeline has numbered up to here is committed: apply it (a leader's way). It comes right
    /// behind what tells learners so, before anything of the next transaction: answers to their syncs go
    /// in between.
    Commit(Zxid),

    /// Number transactions from here on: the own pipeline belongs to the leader of this epoch now.
    Lead {
        /// The epoch, as a zxid with counter 0.
        epoch: Zxid,
    },
    /// Hand clients' writes to the leader; the state is up to date.
    Follow {
        /// Whom.
        leader: ServerId,
        /// Whether as an observer.
        observer: bool,
    },
    /// Serve no clients any more: end their connections. Nothing that is applied from here on may be
    /// answered.
    Retire,

    /// A learner's client wants this.
    Request(LinkId, Forwarded),
    /// A learner asks whether a client may take up its session.
    Revalidate {
        /// Who asks.
        link: LinkId,
        /// The session.
        session: SessionId,
        /// Its timeout, ms.
        timeout_ms: i32,
    },
    /// A learner has heard of these sessions.
    Touched {
        /// Who says so.
        link: LinkId,
        /// Sessions and timeouts in ms.
        sessions: Vec<(SessionId, i32)>,
    },
    /// The leader wants to know which sessions were heard of: send `ToLeader::Ping` with them.
    ReportTouched(Zxid),
    /// The leader's answer to `ToLeader::Revalidate`.
    Revalidated {
        /// The session.
        session: SessionId,
        /// Whether the client may take it up.
        valid: bool,
    },
    /// The leader's answer to the oldest forwarded sync. It stands behind everything delivered so far.
    Synced,

    /// A membership is proposed: keep it (`zoo.cfg.dynamic.next`). When its version is the committed one's, there is
    /// nothing left to keep.
    LastSeen(Arc<Membership>),
    /// A membership is committed: keep it, show it at `/zookeeper/config`, and use its addresses from now on.
    Activate {
        /// The membership.
        membership: Arc<Membership>,
        /// Whether anything but its version is new: then the election transport starts anew, and the client port
        /// moves if it must.
        differs: bool,
    },

    /// What this server knows of itself has changed; for logs, words and metrics.
    Phase(Phase),
    /// A remark for the operator: why a role has ended, or why somebody was cut off.
    Note(String),
    /// Going on would lose data: end the process with this exit code.
    Fatal {
        /// Apache's: 12 commit out of order, 13 synchronisation impossible.
        code: i32,
        /// Why.
        why: String,
    },
}

/// How far a server is (`ServerState` and `ZabState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Electing.
    Looking,
    /// Agreeing on an epoch.
    Discovery(ServerId),
    /// Being synchronised, or synchronising.
    Synchronization(ServerId),
    /// Leading.
    Leading,
    /// Following.
    Following(ServerId),
    /// Observing.
    Observing(ServerId),
}
