//! Why a role ends. What happens then is for `ending` to say.

/// A role is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// This server looks for a leader again.
    Over(String),
    /// Going on would lose data: the process ends.
    Fatal {
        /// The exit code.
        code: i32,
        /// Why.
        why: String,
    },
}

/// What a role's step comes to: it goes on, or it ends.
pub(crate) type Turn = Result<(), End>;

/// The role is over.
pub(crate) fn over(why: impl Into<String>) -> Turn {
    Err(End::Over(why.into()))
}

/// The process is over.
pub(crate) fn fatal(code: i32, why: impl Into<String>) -> Turn {
    let why = why.into();
    Err(End::Fatal { code, why })
}

/// Exit code: a commit out of order (`UNMATCHED_TXN_COMMIT`).
pub(crate) const UNMATCHED_COMMIT: i32 = 12;
/// Exit code: a leader asked for something that cannot be done (`QUORUM_PACKET_ERROR`).
pub(crate) const BAD_SYNC: i32 = 13;
