//! Bringing a learner to where the server is that serves it, a leader or a follower with observers: what it is sent,
//! and what happens when that is through. What it gets from there on is for its server to say. Upstream:
//! `LearnerHandler.syncFollower`, `LearnerSyncThrottler`.

use std::ops::Range;

use bytes::Bytes;

use crate::consensus::catchup::{Gap, Plan, plan};
use crate::consensus::link::{Link, Mode, Stage};
use crate::consensus::own::Own;
use crate::consensus::{Effect, Outcome, Task};
use crate::proto::peer::{LearnerInfo, PROTOCOL_VERSION, ToLearner};
use crate::types::{Millis, ServerId, Zxid};

/// The epochs that can be followed by another one: zxids are signed.
pub(crate) const EPOCHS: Range<i64> = UNTRUSTED_EPOCH..i32::MAX as i64;
/// What a server without data that it trusts has accepted: the epoch of its zxid, -1.
const UNTRUSTED_EPOCH: i64 = -1;

/// How far that has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Step {
    /// Everything applied here is on its way to it: from here on it gets everything as it happens, and first
    /// `NEWLEADER`.
    Level,
    /// The log is being read for it.
    Reading,
    /// It cannot be brought up now: it is to be cut off.
    Failed(&'static str),
}

/// Who a learner is; or why it cannot be served.
// apache 3.9.5: server/quorum/LearnerHandler.java run
pub(crate) fn introduction(
    own: &Own,
    accepted_epoch: i64,
    info: LearnerInfo,
) -> Result<ServerId, String> {
    let known = info.id.filter(|_| info.protocol >= PROTOCOL_VERSION);
    let Some(id) = known else {
        return Err(format!("protocol {:#x} is too old", info.protocol));
    };
    if info.config_version > own.committed.version {
        return Err(format!("server {} has a newer membership", id.0));
    }
    if !EPOCHS.contains(&accepted_epoch) {
        return Err(format!(
            "server {} has accepted epoch {accepted_epoch}",
            id.0
        ));
    }
    Ok(id)
}

/// Offers the epoch to a learner.
pub(crate) fn offer(learner: &mut Link, epoch: i64, now: Millis, out: &mut Vec<Effect>) {
    learner.stage = Stage::Offered;
    learner.heard = now;
    let protocol = PROTOCOL_VERSION;
    let packet = ToLearner::LeaderInfo { epoch, protocol };
    out.push(Effect::Send(learner.link, packet));
}

/// From here on a learner gets everything as it happens.
pub(crate) fn establish(learner: &mut Link, epoch: i64, own: &Own, out: &mut Vec<Effect>) {
    learner.forwarding = true;
    learner.stage = Stage::Told;
    learner.heard = own.now;
    let zxid = Zxid(epoch << 32);
    let config = Some(Bytes::from(own.last_seen.to_text()));
    let packet = ToLearner::NewLeader { zxid, config };
    out.push(Effect::Send(learner.link, packet));
}

/// Begins with a learner that has promised.
pub(crate) fn begin(links: &mut [Link], at: usize, own: &mut Own, out: &mut Vec<Effect>) -> Step {
    let Stage::Promised(learner) = links[at].stage else {
        unreachable!("only who has promised is synchronised");
    };
    let gap = Gap {
        learner,
        last: own.delivered(),
        log_sync: own.settings.log_sync,
        force_snapshot: own.settings.force_snapshot,
    };
    let plan = plan(gap, &own.backlog);
    let mode = match plan {
        Plan::Snapshot => Mode::Snapshot,
        _ => Mode::Transactions,
    };
    if throttled(links, at, own, mode) {
        return Step::Failed("too many are being synchronised");
    }
    links[at].mode = Some(mode);
    let link = links[at].link;
    match plan {
        Plan::Diff { head, after } => {
            out.push(Effect::Send(link, ToLearner::Diff(head)));
            send_backlog(&links[at], own, after, out)
        }
        Plan::Truncate { keep } => {
            out.push(Effect::Send(link, ToLearner::Trunc(keep)));
            send_backlog(&links[at], own, keep, out)
        }
        // The learner's disk may be faster than this server's.
        Plan::Log { head } => match log_end(own).filter(|end| learner < *end) {
            Some(upto) => read_log(links, at, own, (Some(head), learner, upto), out),
            None => send_snapshot(&mut links[at], own, out),
        },
        Plan::Snapshot => send_snapshot(&mut links[at], own, out),
    }
}

/// Whether this learner must come again later. Those that vote never must.
fn throttled(links: &[Link], at: usize, own: &Own, mode: Mode) -> bool {
    let limit = match mode {
        Mode::Snapshot => own.settings.snapshot_syncs_max,
        Mode::Transactions => own.settings.diff_syncs_max,
    };
    let same = |link: &&Link| link.mode == Some(mode);
    links[at].observer && links.iter().filter(same).count() >= limit
}

/// Everything committed behind `after`.
fn send_backlog(learner: &Link, own: &Own, after: Zxid, out: &mut Vec<Effect>) -> Step {
    let link = learner.link;
    for (zxid, body) in own.backlog.behind(after) {
        let (zxid, body) = (*zxid, body.clone());
        out.push(Effect::Send(link, ToLearner::Proposal { zxid, body }));
        out.push(Effect::Send(link, ToLearner::Commit(zxid)));
    }
    Step::Level
}

fn send_snapshot(learner: &mut Link, own: &mut Own, out: &mut Vec<Effect>) -> Step {
    let task = own.task();
    learner.streaming = Some(task);
    out.push(Effect::StreamSnapshot(learner.link, task));
    Step::Level
}

/// Has the log sent to a learner. What is committed meanwhile is kept for it.
fn read_log(
    links: &mut [Link],
    at: usize,
    own: &mut Own,
    (diff, after, upto): (Option<Zxid>, Zxid, Zxid),
    out: &mut Vec<Effect>,
) -> Step {
    assert!(
        upto.counter() != 0,
        "a log ends with a transaction, and {upto} is the begin of an epoch"
    );
    let task = own.task();
    let learner = &mut links[at];
    let begun = diff.is_none();
    learner.stage = Stage::ReadingLog { task, upto, begun };
    out.push(Effect::StreamLog {
        link: learner.link,
        diff,
        after,
        upto,
        task,
    });
    pin(links, own);
    Step::Reading
}

/// The backlog is kept for those that are being sent the log.
pub(crate) fn pin(links: &[Link], own: &mut Own) {
    let reading = links.iter().filter_map(|link| match link.stage {
        Stage::ReadingLog { upto, .. } => Some(upto),
        _ => None,
    });
    own.backlog.pin(reading.min());
}

/// The street has finished sending something. Whose log it was, and how it goes on with that learner.
pub(crate) fn on_streamed(
    links: &mut [Link],
    own: &mut Own,
    (task, outcome): (Task, Outcome),
    out: &mut Vec<Effect>,
) -> Option<(usize, Step)> {
    if let Some(link) = links.iter_mut().find(|link| link.streaming == Some(task)) {
        link.streaming = None;
        link.heard = own.now;
        return None;
    }
    let mut reading = links.iter().enumerate();
    let (at, upto, begun) = reading.find_map(|(at, link)| match link.stage {
        Stage::ReadingLog {
            task: read,
            upto,
            begun,
        } if read == task => Some((at, upto, begun)),
        _ => None,
    })?;
    let step = match outcome {
        Outcome::Streamed(_) if upto >= own.delivered() || own.backlog.reaches(upto) => {
            send_backlog(&links[at], own, upto, out)
        }
        Outcome::Streamed(_) => match log_end(own).filter(|end| upto < *end) {
            Some(end) => read_log(links, at, own, (None, upto, end), out),
            None => Step::Failed("nobody knows where the log it was being sent goes on"),
        },
        _ if begun => Step::Failed("the log it was being sent is gone"),
        _ => {
            links[at].mode = Some(Mode::Snapshot);
            send_snapshot(&mut links[at], own, out)
        }
    };
    Some((at, step))
}

/// The last transaction that the log is known to hold. The begin of an epoch is none: if nothing was committed in it, and
/// memory does not hold what came before, the log may end anywhere.
// apache 3.9.5: server/quorum/LearnerHandler.java syncFollower ("Detected gap")
fn log_end(own: &Own) -> Option<Zxid> {
    match on_disk(own) {
        begin if begin.counter() == 0 => own.backlog.around(begin).0,
        end => Some(end),
    }
}

/// What can be read from the log. What is committed and not there yet is still in the backlog.
fn on_disk(own: &Own) -> Zxid {
    own.delivered().min(own.durable())
}
