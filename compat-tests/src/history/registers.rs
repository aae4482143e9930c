//! Registers: one value per version, versions in the order of transactions, no write twice, no read of what
//! nobody wrote or of a moment that never was.

use std::collections::BTreeMap;

use crate::history::{Act, Answer, Event, Seen, by_client};

/// What is known of one register: by version, the value and its transaction.
type Known = BTreeMap<i32, (u64, i64)>;

pub(super) fn check(events: &[Event], broken: &mut Vec<String>) {
    let known = collect(events, broken);
    for (register, versions) in &known {
        in_order(*register, versions, broken);
        written(*register, versions, events, broken);
    }
    for events in by_client(events) {
        never_back(&known, &events, broken);
    }
    for event in events {
        one_moment(&known, event, broken);
    }
}

/// The registers that an event shows, with what it shows of them.
fn shown(event: &Event) -> Vec<(usize, Seen)> {
    match (&event.act, &event.answer) {
        (Act::Write(changes), Answer::Written(versions)) => {
            let changes = changes.iter().zip(versions);
            let seen = |(&(register, value), &version): (&(usize, u64), &i32)| {
                let mzxid = event.zxid;
                (
                    register,
                    Seen {
                        value,
                        version,
                        mzxid,
                    },
                )
            };
            changes.map(seen).collect()
        }
        (Act::Read(registers), Answer::Are(seen)) => registers
            .iter()
            .copied()
            .zip(seen.iter().copied())
            .collect(),
        _ => Vec::new(),
    }
}

fn collect(events: &[Event], broken: &mut Vec<String>) -> BTreeMap<usize, Known> {
    let mut known: BTreeMap<usize, Known> = BTreeMap::new();
    for event in events {
        for (register, seen) in shown(event) {
            let now = (seen.value, seen.mzxid);
            let versions = known.entry(register).or_default();
            let before = *versions.entry(seen.version).or_insert(now);
            if before != now {
                broken.push(format!(
                    "register {register}, version {}: {before:?} and {now:?} (value, mzxid), by {event:?}",
                    seen.version
                ));
            }
        }
    }
    known
}

/// Later versions are of later transactions, and have values of their own.
fn in_order(register: usize, versions: &Known, broken: &mut Vec<String>) {
    let mut values = BTreeMap::new();
    for (version, (value, mzxid)) in versions {
        if let Some(other) = values.insert(value, version) {
            broken.push(format!(
                "register {register}: value {value} was written twice, as versions {other} and {version}"
            ));
        }
        if let Some((next, (_, later))) = versions.range(version + 1..).next()
            && later <= mzxid
        {
            broken.push(format!(
                "register {register}: version {next} of {later:#x} after version {version} of {mzxid:#x}"
            ));
        }
    }
}

/// Whatever is there was written by somebody who was not refused; a change of several registers is one transaction.
fn written(register: usize, versions: &Known, events: &[Event], broken: &mut Vec<String>) {
    let writes = events
        .iter()
        .filter(|event| event.answer != Answer::Refused);
    let writes = writes.filter_map(|event| match &event.act {
        Act::Write(changes) => Some(changes.iter().filter(|(to, _)| *to == register)),
        _ => None,
    });
    let wanted: Vec<u64> = writes.flatten().map(|(_, value)| *value).collect();
    for (version, (value, _)) in versions.range(1..) {
        if !wanted.contains(value) {
            broken.push(format!(
                "register {register}, version {version}: nobody wrote {value}"
            ));
        }
    }
    if versions.get(&0).is_some_and(|(value, _)| *value != 0) {
        broken.push(format!("register {register} did not begin with 0"));
    }
}

/// What a client is shown includes every change up to the last zxid it was shown before.
fn never_back(known: &BTreeMap<usize, Known>, events: &[&Event], broken: &mut Vec<String>) {
    let mut last = 0;
    for event in events {
        for (register, seen) in shown(event) {
            if let Some((missed, _)) = newer(known, register, seen).filter(|(_, at)| *at <= last) {
                broken.push(format!(
                    "a client that had seen {last:#x} is not shown version {missed} of register {register}: {event:?}"
                ));
            }
        }
        last = last.max(event.zxid);
    }
}

/// What one read, or one change, shows of several registers was so at one moment.
fn one_moment(known: &BTreeMap<usize, Known>, event: &Event, broken: &mut Vec<String>) {
    let shown = shown(event);
    let newest = shown.iter().map(|(_, seen)| seen.mzxid).max();
    let newest = newest.unwrap_or_default();
    for (register, seen) in shown {
        if let Some((version, _)) = newer(known, register, seen).filter(|(_, at)| *at <= newest) {
            broken.push(format!(
                "torn: version {version} of register {register} was there already: {event:?}"
            ));
        }
        if seen.mzxid > event.zxid {
            broken.push(format!("an answer from before what it shows: {event:?}"));
        }
    }
}

/// The next version of a register that anybody has seen, and its transaction.
fn newer(known: &BTreeMap<usize, Known>, register: usize, seen: Seen) -> Option<(i32, i64)> {
    let mut later = known.get(&register)?.range(seen.version + 1..);
    later.next().map(|(version, (_, mzxid))| (*version, *mzxid))
}
