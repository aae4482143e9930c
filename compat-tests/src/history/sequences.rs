//! Numbered nodes: numbers in the order of transactions and without gaps, nothing lost, nothing twice.

use std::collections::BTreeMap;

use crate::history::{Act, Answer, Event, Numbered};

pub(super) fn check(events: &[Event], broken: &mut Vec<String>) {
    let mut appended: BTreeMap<u64, &Event> = BTreeMap::new();
    for event in events {
        if let Act::Append(mark) = event.act {
            appended.insert(mark, event);
        }
    }
    for event in events {
        if let Answer::Sequence(nodes) = &event.answer {
            listed(nodes, event, &appended, broken);
        }
    }
}

/// One listing: everything acknowledged up to its zxid is in it, with the number that was told.
fn listed(
    nodes: &[Numbered],
    listing: &Event,
    appended: &BTreeMap<u64, &Event>,
    broken: &mut Vec<String>,
) {
    let mut nodes = nodes.to_vec();
    nodes.sort_by_key(|node| node.number);
    for (expected, node) in (0..).zip(&nodes) {
        if node.number != expected {
            broken.push(format!("number {expected} is missing before {node:?}"));
            break;
        }
    }
    for pair in nodes
        .windows(2)
        .filter(|pair| pair[1].czxid <= pair[0].czxid)
    {
        broken.push(format!(
            "numbers in another order than transactions: {pair:?}"
        ));
    }
    let mut found = BTreeMap::new();
    for node in &nodes {
        if let Some(other) = found.insert(node.mark, *node) {
            broken.push(format!("appended twice: {other:?} and {node:?}"));
        }
        let by = appended.get(&node.mark);
        if by.is_none_or(|event| event.answer == Answer::Refused) {
            broken.push(format!("nobody appended {node:?}: {by:?}"));
        }
    }
    let due = appended.values().filter(|event| event.zxid <= listing.zxid);
    for event in due {
        let (Act::Append(mark), Answer::Appended(number)) = (&event.act, &event.answer) else {
            continue;
        };
        let node = found.get(mark);
        if node.is_none_or(|node| node.number != *number || node.czxid != event.zxid) {
            broken.push(format!("acknowledged as {event:?}, found as {node:?}"));
        }
    }
}
