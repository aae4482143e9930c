//! Ephemeral nodes: there from their creation until their session ends, and not afterwards.

use std::collections::BTreeMap;

use crate::history::{Act, Answer, Event};

/// What clients know of one ephemeral node.
#[derive(Default)]
struct Life {
    created: Option<i64>,
    ended: Option<i64>,
    /// Whether somebody tried to end the session without an answer.
    may_have_ended: bool,
}

pub(super) fn check(events: &[Event], broken: &mut Vec<String>) {
    let mut lives: BTreeMap<u64, Life> = BTreeMap::new();
    for event in events {
        match (&event.act, &event.answer) {
            (Act::Hold(name), answer) => {
                let life = lives.entry(*name).or_default();
                life.created = (*answer == Answer::Done).then_some(event.zxid);
            }
            (Act::LetGo(name), answer) => {
                let life = lives.entry(*name).or_default();
                life.ended = (*answer == Answer::Done).then_some(event.zxid);
                life.may_have_ended = *answer != Answer::Done;
            }
            _ => {}
        }
    }
    for event in events {
        if let Answer::Held(names) = &event.answer {
            listed(names, event, &lives, broken);
        }
    }
}

fn listed(names: &[u64], event: &Event, lives: &BTreeMap<u64, Life>, broken: &mut Vec<String>) {
    for name in names {
        match lives.get(name) {
            None => broken.push(format!("nobody holds {name}: {event:?}")),
            Some(life) if life.ended.is_some_and(|ended| ended <= event.zxid) => {
                broken.push(format!("{name} outlives its session: {event:?}"));
            }
            Some(_) => {}
        }
    }
    for (name, life) in lives {
        let there = life.created.is_some_and(|created| created <= event.zxid);
        let still = !life.may_have_ended && life.ended.is_none_or(|ended| ended > event.zxid);
        if there && still && !names.contains(name) {
            broken.push(format!("{name} is gone before its session: {event:?}"));
        }
    }
}
