//! Inputs and effects in few words, for the trace.

use oxkeeper::config::Membership;
use oxkeeper::consensus::{Effect, Input, Outcome, Saved};
use oxkeeper::proto::ballot::Ballot;
use oxkeeper::proto::peer::{ToLeader, ToLearner};
use oxkeeper::types::Zxid;

use crate::council::Charter;
use crate::ensemble;
use crate::history::Payload;
use crate::member::Job;

/// Epoch and counter.
pub fn zxid(zxid: Zxid) -> String {
    format!("{}:{}", zxid.epoch(), zxid.counter())
}

pub fn saved(saved: &Saved) -> String {
    let Saved {
        accepted_epoch,
        current_epoch,
        last_zxid,
        recent,
    } = saved;
    let last = zxid(*last_zxid);
    format!(
        "{last}, accepted {accepted_epoch}, current {current_epoch}, {} recent",
        recent.len()
    )
}

pub fn input(input: &Input) -> String {
    match input {
        Input::Ballot { from, ballot } => format!("ballot of {}: {}", from.0, vote(ballot)),
        Input::FromLeader(packet) => format!("leader: {}", to_learner(packet)),
        Input::FromLearner(link, packet) => format!("link {}: {}", link.0, to_leader(packet)),
        Input::Snapshot(at) => format!("snapshot {}", zxid(*at)),
        Input::Proposed { zxid: z, body } => format!("proposed {} {}", zxid(*z), written(body)),
        Input::Durable(z) => format!("durable {}", zxid(*z)),
        Input::Done(task, outcome) => format!("done {}: {}", task.0, say_outcome(*outcome)),
        other => format!("{other:?}"),
    }
}

fn say_outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::At(z) => format!("at {}", zxid(z)),
        Outcome::Streamed(z) => format!("streamed {}", zxid(z)),
        other => format!("{other:?}"),
    }
}

pub fn effect(effect: &Effect) -> String {
    match effect {
        Effect::SendBallot { to, ballot } => format!("ballot to {}: {}", to.0, vote(ballot)),
        Effect::ToLeader(packet) => format!("to leader: {}", to_leader(packet)),
        Effect::Send(link, packet) => format!("to link {}: {}", link.0, to_learner(packet)),
        Effect::Append { zxid: z, body } => format!("append {} {}", zxid(*z), written(body)),
        Effect::Deliver { zxid: z, body } => format!("deliver {} {}", zxid(*z), written(body)),
        Effect::Commit(z) => format!("commit {}", zxid(*z)),
        Effect::Truncate(z, task) => format!("truncate {} (task {})", zxid(*z), task.0),
        Effect::StreamLog {
            link,
            diff,
            after,
            upto,
            task,
        } => {
            let diff = diff.map(zxid);
            let (after, upto) = (zxid(*after), zxid(*upto));
            format!(
                "stream log to link {}: diff {diff:?}, {after}..{upto} (task {})",
                link.0, task.0
            )
        }
        Effect::Note(text) => format!("({text})"),
        Effect::LastSeen(membership) => format!("last seen {}", charter(membership)),
        Effect::Activate {
            membership,
            differs,
        } => format!("ACTIVATE {}, differs: {differs}", charter(membership)),
        Effect::Lead { epoch } => format!("LEAD {}", zxid(*epoch)),
        other => format!("{other:?}"),
    }
}

pub fn job(job: &Job) -> String {
    match job {
        Job::Flush(end) => format!("flushed {end} records"),
        Job::AcceptedEpoch(epoch, _) => format!("accepted epoch {epoch}"),
        Job::CurrentEpoch(epoch, _) => format!("current epoch {epoch}"),
        Job::Truncate(z, _) => format!("truncated to {}", zxid(*z)),
        Job::Install(state, _) => format!("installed {}", zxid(state.last)),
        Job::Append(..) => format!("{job:?}"),
    }
}

fn vote(ballot: &Ballot) -> String {
    let Ballot {
        state,
        leader,
        zxid: z,
        round,
        epoch,
        ..
    } = ballot;
    format!(
        "{state:?} votes {} ({} in epoch {epoch}), round {round}",
        leader.0,
        zxid(*z)
    )
}

fn written(body: &bytes::Bytes) -> String {
    payload(Payload::of(body))
}

pub fn payload(payload: Payload) -> String {
    let Payload {
        client,
        number,
        change,
    } = payload;
    match change {
        Some(council) => format!("[change {number}: {council:?}]"),
        None => format!("[client {client} number {number}]"),
    }
}

fn charter(of: &Membership) -> String {
    let Charter { version, council } = ensemble::charter(of);
    format!("version {}: {council:?}", zxid(version))
}

fn to_leader(packet: &ToLeader) -> String {
    match packet {
        ToLeader::AckEpoch {
            last_zxid,
            current_epoch,
        } => {
            format!("ACKEPOCH {}, current {current_epoch:?}", zxid(*last_zxid))
        }
        ToLeader::Ack(z) => format!("ACK {}", zxid(*z)),
        ToLeader::Info {
            observer,
            accepted_epoch,
            ..
        } => {
            format!("INFO accepted {accepted_epoch}, observer {observer}")
        }
        ToLeader::Request(it) => format!(
            "REQUEST client {} number {} op {}",
            it.session.0, it.cxid, it.op
        ),
        ToLeader::Ping { .. } => "PING".to_owned(),
        ToLeader::Revalidate { .. } => format!("{packet:?}"),
    }
}

fn to_learner(packet: &ToLearner) -> String {
    match packet {
        ToLearner::Diff(z) => format!("DIFF {}", zxid(*z)),
        ToLearner::Trunc(z) => format!("TRUNC {}", zxid(*z)),
        ToLearner::Snap(z) => format!("SNAP {}", zxid(*z)),
        ToLearner::LeaderInfo { epoch, .. } => format!("LEADERINFO {epoch}"),
        ToLearner::NewLeader { zxid: z, .. } => format!("NEWLEADER {}", zxid(*z)),
        ToLearner::CommitAndActivate { zxid: z, leader } => {
            format!("COMMITANDACTIVATE {}, {} leads", zxid(*z), leader.0)
        }
        ToLearner::InformAndActivate {
            zxid: z,
            leader,
            body,
        } => format!(
            "INFORMANDACTIVATE {} {}, {} leads",
            zxid(*z),
            written(body),
            leader.0
        ),
        ToLearner::Proposal { zxid: z, body } => format!("PROPOSAL {} {}", zxid(*z), written(body)),
        ToLearner::Commit(z) => format!("COMMIT {}", zxid(*z)),
        ToLearner::Inform { zxid: z, body } => format!("INFORM {} {}", zxid(*z), written(body)),
        ToLearner::Ping(z) => format!("PING {}", zxid(*z)),
        other => format!("{other:?}"),
    }
}
