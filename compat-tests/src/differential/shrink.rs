//! The shortest script that still tells two servers apart: whole stretches of steps are left out, then single ones, then what is
//! inside them, for as long as the difference stays.

use crate::differential::script::Ask;
use crate::differential::script::Hello;
use crate::differential::script::Op;
use crate::differential::script::SLOTS;
use crate::differential::script::Script;
use crate::differential::script::Step;
use crate::wire::Acl;
use crate::wire::Blob;

/// Shrinks a script. `differs` plays one and tells the step at which the same difference shows, if it does.
pub fn shrink(script: &Script, mut differs: impl FnMut(&Script) -> Option<usize>) -> Script {
    let mut best = script.clone();
    let mut accept = |best: &mut Script, steps: Vec<Step>| {
        let mut script = Script {
            house: best.house,
            steps,
        };
        match differs(&script) {
            None => false,
            Some(step) => {
                script.steps.truncate(step + 1);
                *best = script;
                true
            }
        }
    };
    loop {
        let before = best.clone();
        leave_out(&mut best, &mut accept);
        use_fewer_connections(&mut best, &mut accept);
        simplify(&mut best, &mut accept);
        if best == before {
            return best;
        }
    }
}

/// Leaves out stretches of steps, long ones first. The last step, which shows the difference, goes with them only if another one
/// shows it too.
fn leave_out(best: &mut Script, accept: &mut impl FnMut(&mut Script, Vec<Step>) -> bool) {
    let mut length = best.steps.len().div_ceil(2);
    while length > 0 {
        let mut end = best.steps.len();
        while end > 0 {
            let start = end.saturating_sub(length);
            let mut fewer = best.steps.clone();
            fewer.drain(start..end.min(fewer.len()));
            accept(best, fewer);
            end = start.min(best.steps.len());
        }
        length /= 2;
    }
}

/// Moves everything on one connection to another one.
fn use_fewer_connections(
    best: &mut Script,
    accept: &mut impl FnMut(&mut Script, Vec<Step>) -> bool,
) {
    for from in (1..SLOTS).rev() {
        for to in 0..from {
            let other = |slot| if slot == from { to } else { slot };
            let steps: Vec<Step> = best
                .steps
                .iter()
                .map(|step| step.clone().moved(other))
                .collect();
            if steps != best.steps && accept(best, steps) {
                break;
            }
        }
    }
}

/// Puts simpler steps in the places of the steps.
fn simplify(best: &mut Script, accept: &mut impl FnMut(&mut Script, Vec<Step>) -> bool) {
    let mut place = 0;
    while place < best.steps.len() {
        let better = simpler_steps(&best.steps[place]).into_iter().any(|step| {
            let mut steps = best.steps.clone();
            steps[place] = step;
            accept(best, steps)
        });
        // What was simplified may be simplified again.
        if !better {
            place += 1;
        }
    }
}

fn simpler_steps(step: &Step) -> Vec<Step> {
    match step {
        Step::Burst { slot, ops } => {
            let slot = *slot;
            let alone = ops.iter().cloned().map(|op| Step::Request { slot, op });
            let fewer = without_one(ops).into_iter().filter(|ops| !ops.is_empty());
            let fewer = fewer.map(|ops| Step::Burst { slot, ops });
            let simpler = each_simpler(ops, simpler_ops).into_iter();
            let simpler = simpler.map(|ops| Step::Burst { slot, ops });
            alone.chain(fewer).chain(simpler).collect()
        }
        Step::Request { slot, op } => {
            let slot = *slot;
            let simpler = simpler_ops(op).into_iter();
            simpler.map(|op| Step::Request { slot, op }).collect()
        }
        Step::Expire { slot, paths } => {
            let slot = *slot;
            let fewer = without_one(paths).into_iter();
            fewer.map(|paths| Step::Expire { slot, paths }).collect()
        }
        Step::Connect { slot, hello } if *hello != Hello::new(60_000) => vec![Step::Connect {
            slot: *slot,
            hello: Hello::new(60_000),
        }],
        _ => Vec::new(),
    }
}

fn simpler_ops(op: &Op) -> Vec<Op> {
    let bend = op.bend.clone();
    let straight = bend.is_some().then(|| Op::from(op.ask.clone()));
    let simpler = simpler_asks(&op.ask).into_iter().map(|ask| Op {
        ask,
        bend: bend.clone(),
    });
    straight.into_iter().chain(simpler).collect()
}

fn simpler_asks(ask: &Ask) -> Vec<Ask> {
    match ask {
        Ask::Multi { kind, asks } => {
            let kind = *kind;
            let fewer = without_one(asks).into_iter();
            let simpler = each_simpler(asks, simpler_asks);
            let lists = fewer.chain(simpler);
            lists.map(|asks| Ask::Multi { kind, asks }).collect()
        }
        Ask::SetWatches { kind, back, lists } => {
            let lists = each_simpler(lists, |list| without_one(list)).into_iter();
            let watches = |lists| Ask::SetWatches {
                kind: *kind,
                back: *back,
                lists,
            };
            lists.map(watches).collect()
        }
        Ask::Create { data, acl, .. } => plainer(ask, data, acl),
        Ask::SetAcl { path, acl, version } => {
            let lists = without_one(acl).into_iter();
            let version = *version;
            let path = path.clone();
            let set = |acl| Ask::SetAcl {
                path: path.clone(),
                acl,
                version,
            };
            lists.map(set).collect()
        }
        _ => Vec::new(),
    }
}

/// The same create with empty data, or for everybody.
fn plainer(ask: &Ask, data: &Blob, acl: &[Acl]) -> Vec<Ask> {
    let mut simpler = Vec::new();
    if *data != Blob::from("") {
        let mut plain = ask.clone();
        if let Ask::Create { data, .. } = &mut plain {
            *data = Blob::from("");
        }
        simpler.push(plain);
    }
    if acl != Acl::open() {
        let mut plain = ask.clone();
        if let Ask::Create { acl, .. } = &mut plain {
            *acl = Acl::open();
        }
        simpler.push(plain);
    }
    simpler
}

/// The lists that have one element less.
fn without_one<T: Clone>(list: &[T]) -> Vec<Vec<T>> {
    let without = |place: usize| {
        let mut shorter = list.to_vec();
        shorter.remove(place);
        shorter
    };
    (0..list.len()).map(without).collect()
}

/// The lists in which one element is simpler.
fn each_simpler<T: Clone>(list: &[T], simpler: impl Fn(&T) -> Vec<T>) -> Vec<Vec<T>> {
    let mut lists = Vec::new();
    for (place, element) in list.iter().enumerate() {
        for other in simpler(element) {
            let mut changed = list.to_vec();
            changed[place] = other;
            lists.push(changed);
        }
    }
    lists
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::differential::generator;
    use crate::wire::op;

    /// Tells servers apart that disagree on a multi with a check, but only after whoAmI was asked.
    fn planted(script: &Script) -> Option<usize> {
        let mut asked = false;
        for (place, step) in script.steps.iter().enumerate() {
            asked |= step.kind() == Some(op::WHO_AM_I);
            let Step::Request { op: operation, .. } = step else {
                continue;
            };
            if let Ask::Multi { asks, .. } = &operation.ask
                && asked
                && asks.iter().any(|ask| ask.kind() == op::CHECK)
            {
                return Some(place);
            }
        }
        None
    }

    #[test]
    fn what_does_not_matter_goes() {
        for seed in 1..20 {
            let script = generator::script(seed, 1000);
            assert!(planted(&script).is_some(), "seed {seed} has it");
            let mut tries = 0;
            let small = shrink(&script, |script| {
                tries += 1;
                planted(script)
            });
            assert_eq!(small.steps.len(), 2, "seed {seed}: {small}");
            let Step::Request { op, .. } = &small.steps[1] else {
                unreachable!("a request, not {small}");
            };
            assert!(op.bend.is_none(), "{small}");
            assert!(matches!(&op.ask, Ask::Multi { asks, .. } if asks.len() == 1));
            assert!(tries < 400, "{tries} tries");
            assert!(
                small
                    .to_string()
                    .lines()
                    .skip(1)
                    .all(|line| line.starts_with("c0"))
            );
        }
    }
}
