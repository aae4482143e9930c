//! Ways to be wrong, each of which the laws must notice. The machine itself is left alone: what it is told, what it
//! asks for, or what becomes of that, is falsified on its way.

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// Records count as durable as soon as they are appended.
    AckBeforeFsync,
    /// Epochs and truncations count as done as soon as they are asked for.
    DoneTooEarly,
    /// A crash loses a record in the middle of what was not flushed, and keeps what is behind it.
    TornMiddle,
    /// Flushes return, but nothing is on disk.
    FlushNothing,
    /// The accepted epoch is reported saved, and is not.
    ForgetAcceptedEpoch,
    /// The current epoch is reported saved, and is not.
    ForgetCurrentEpoch,
    /// The current epoch is on disk as soon as NEWLEADER arrives, before what it promises.
    CurrentEpochTooEarly,
    /// A truncation is reported done, and is not.
    SkipTruncation,
    /// A received snapshot replaces the state, but not what is on disk.
    InstallInMemory,
    /// A snapshot lacks the last transaction that its number promises.
    StaleSnapshot,
    /// The leader takes every proposal for acknowledged by whoever it was sent to.
    ForgedAcks,
    /// The leader takes every NEWLEADER for acknowledged.
    ForgedEpochAcks,
    /// An epoch that was accepted before is acknowledged again as if it were new.
    RepeatedEpochAck,
    /// Proposals get lost on a connection that goes on.
    LoseProposal,
    /// Commits get lost on a connection that goes on.
    LoseCommit,
    /// A learner applies what is proposed, and does not wait for the commit.
    DeliverProposals,
    /// A commit is applied twice.
    ApplyTwice,
    /// Writes are answered when they are proposed.
    AnswerTooEarly,
    /// A member goes on serving when its role has ended.
    ServeRetired,
    /// Clients are let in by members that are behind what they have seen.
    SessionsGoBack,
    /// Histories are compared nowhere: elections go by ids, and a learner that is ahead of its leader hides it.
    HistoriesIgnored,
    /// Of five voters or more, only the first three count.
    SmallQuorum,
    /// Snapshots that are being written go on when the history they show may be given up.
    WalksGoOn,
    /// A snapshot on disk is numbered by when its walk ended.
    SnapshotStampedTooHigh,
    /// What is proposed while a snapshot is sent does not reach the learner.
    LoseWhatWaits,
    /// A server that has lost everything votes as if there had been nothing.
    TrustEmptiness,
    /// At the end of an epoch's numbers its leader goes on.
    RollOverIgnored,
    /// At the end of an epoch's numbers its pipeline begins anew.
    RollOverWraps,
    /// A membership that is proposed is not kept.
    ForgetLastSeen,
    /// A membership is committed as soon as the old voters have it.
    OldQuorumOnly,
    /// A membership is committed as soon as the new voters have it.
    NewQuorumOnly,
    /// A membership is committed as soon as anybody has it.
    ActivateEarly,
}

/// All of them.
pub const ALL: &[Mutant] = &[
    Mutant::AckBeforeFsync,
    Mutant::DoneTooEarly,
    Mutant::TornMiddle,
    Mutant::FlushNothing,
    Mutant::ForgetAcceptedEpoch,
    Mutant::ForgetCurrentEpoch,
    Mutant::CurrentEpochTooEarly,
    Mutant::SkipTruncation,
    Mutant::InstallInMemory,
    Mutant::StaleSnapshot,
    Mutant::ForgedAcks,
    Mutant::ForgedEpochAcks,
    Mutant::RepeatedEpochAck,
    Mutant::LoseProposal,
    Mutant::LoseCommit,
    Mutant::DeliverProposals,
    Mutant::ApplyTwice,
    Mutant::AnswerTooEarly,
    Mutant::ServeRetired,
    Mutant::SessionsGoBack,
    Mutant::HistoriesIgnored,
    Mutant::SmallQuorum,
    Mutant::WalksGoOn,
    Mutant::SnapshotStampedTooHigh,
    Mutant::LoseWhatWaits,
    Mutant::TrustEmptiness,
    Mutant::RollOverIgnored,
    Mutant::RollOverWraps,
    Mutant::ForgetLastSeen,
    Mutant::OldQuorumOnly,
    Mutant::NewQuorumOnly,
    Mutant::ActivateEarly,
];
