//! One run from beginning to end: a time of faults, in which nothing may go wrong for good, and a time without, in
//! which everything must come right.

use std::cell::Cell;
use std::panic;
use std::panic::AssertUnwindSafe;
use std::sync::Once;

use crate::council::{each, only};
use crate::laws::Broken;
use crate::member::Service;
use crate::mutant::Mutant;
use crate::outlook::can_elect;
use crate::plan::{MS, Plan, Time};
use crate::scene::Event;
use crate::sights::Sights;
use crate::world::{RESEND_MAX, World};

/// How a run ended.
#[derive(Debug)]
pub struct Verdict {
    /// What went wrong, and when.
    pub broken: Option<(Broken, Time)>,
    pub trace: Option<String>,
    /// What the run was worth.
    pub tally: Tally,
}

/// Some numbers of a run, so that one sees that it did something.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tally {
    pub steps: u64,
    pub sights: Sights,
    pub acknowledged: usize,
    pub committed: usize,
    pub leaders: usize,
    /// Virtual time from the end of all faults until everybody served, in thousandths of what is allowed.
    pub recovery: Time,
}

/// Runs a plan. A machine that panics has broken a law of its own.
pub fn run(plan: &Plan, mutant: Option<Mutant>, traced: bool) -> Verdict {
    let mut world = World::new(plan, mutant, traced);
    let ended = quietly(|| panic::catch_unwind(AssertUnwindSafe(|| play(&mut world))));
    let recovery = ended.unwrap_or_else(|cause| {
        let said = cause.downcast_ref::<String>().cloned();
        let said = said.or_else(|| cause.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        world.break_law("no server panics", said.unwrap_or_default());
        0
    });
    let tally = Tally {
        steps: world.steps,
        sights: world.sights.clone(),
        acknowledged: world.clients.iter().map(|client| client.acknowledged).sum(),
        committed: world.laws.committed(),
        leaders: world.laws.leaders(),
        recovery,
    };
    let now = world.scene.now;
    Verdict {
        broken: world.broken.map(|broken| (broken, now)),
        trace: world.trace,
        tally,
    }
}

fn play(world: &mut World) -> Time {
    let heal_at = world.plan.heal_at;
    world.run_until(heal_at, |_| false);
    if world.broken.is_some() {
        return 0;
    }
    world.heal();
    let timing = world.plan.timing;
    let patience =
        timing.tick_ms * MS * (timing.init_limit + timing.sync_limit) * ROUNDS + 5 * RESEND_MAX;
    let until = heal_at + patience;
    let mut recovery = None;
    // A leader of before may have to notice first that nobody follows it any more: then once again.
    while world.run_until(until, all_serve) {
        recovery.get_or_insert((world.scene.now - heal_at) * 1000 / patience);
        let writers = world.last_writes();
        let terms: Vec<u32> = world.members.iter().map(|member| member.term).collect();
        let changed = |world: &World| {
            world
                .members
                .iter()
                .zip(&terms)
                .any(|(it, term)| it.term != *term)
        };
        let answered = |world: &World| {
            writers
                .clone()
                .all(|client| world.clients[client].acknowledged > 0)
        };
        if !world.run_until(until, |world| changed(world) || answered(world)) {
            break;
        }
        if answered(world)
            && world.run_until(until, |world| changed(world) || all_agree(world))
            && all_agree(world)
        {
            world.see(0, &Event::Settled);
            return recovery.unwrap_or_default();
        }
    }
    if is_stuck_in_a_change(world) {
        world.sights.add("left in the middle of a change", 1);
        return recovery.unwrap_or_default();
    }
    let services: Vec<String> = world
        .scene
        .services
        .iter()
        .map(|it| format!("{it:?}"))
        .collect();
    let why = format!(
        "{} ms after the last fault: {}",
        patience / MS,
        services.join(", ")
    );
    world.break_law("an ensemble without faults serves", why);
    0
}

/// How many elections in a row may fail.
const ROUNDS: i64 = 6;

/// One leads, all others have learned from it.
fn all_serve(world: &World) -> bool {
    let services = &world.scene.services;
    let is_leader = |service: &Service| matches!(service, Service::Leader(_));
    let Some(leader) = services.iter().position(is_leader) else {
        return false;
    };
    // An observer at a follower may have an old idea of who leads.
    let far = |member: usize| {
        let council = world.scene.disks[member].committed.council;
        world.plan.timing.observer_masters && !council.votes(member)
    };
    let council = world.scene.disks[leader].committed.council;
    let is_follower = |voter: usize| voter != leader && council.votes(voter);
    let has_masters = each(council.voters)
        .any(|voter| is_follower(voter) && services[voter] == Service::Learner(leader));
    let follows = |(member, service): (usize, &Service)| match service {
        Service::Learner(_) if far(member) => true,
        // As with Apache's servers, the leader does not serve observers then.
        Service::Nothing if far(member) && !has_masters => true,
        service => member == leader || *service == Service::Learner(leader),
    };
    // Nobody makes way for a server that was removed, whatever it has promised.
    let serves = |(member, service)| {
        follows((member, service)) || !council.has(member) || !finds_others(world, member)
    };
    services.iter().enumerate().all(serves)
}

/// Whether a server is up and can find those that serve. Who was away for a few changes may know of voters only that are
/// none any more, and needs an operator. Who is no member any more does not start.
fn finds_others(world: &World, member: usize) -> bool {
    let serves = |voter: usize| {
        let council = world.scene.disks[voter].committed.council;
        let observes = council.has(voter) && !council.votes(voter);
        voter != member && !observes && world.scene.services[voter] != Service::Nothing
    };
    let mut deciding = world.scene.deciding(member);
    world.members[member].is_up() && deciding.any(|council| council.is_quorum(serves))
}

/// Whether nobody can be elected because somebody has seen a change that is not committed. It may have been lost, and who
/// has seen it waits for a quorum of those that it names, too, some of which may be no members, only observe as yet, or
/// support nobody who has less than they. With Apache's server it is the same.
fn is_stuck_in_a_change(world: &World) -> bool {
    let mut disks = world.scene.disks.iter();
    let up = (0..world.members.len()).filter(|member| world.members[*member].is_up());
    disks.any(|disk| disk.next.is_some()) && !can_elect(&world.scene, up.map(only).sum())
}

fn all_agree(world: &World) -> bool {
    let serves = |service: &Service| *service != Service::Nothing;
    let all = world.scene.states.iter().zip(&world.scene.services);
    let mut folds = all
        .filter(|(_, service)| serves(service))
        .map(|(state, _)| state.fold());
    let first = folds.next();
    folds.all(|fold| Some(fold) == first)
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// A panic of a machine is a finding like any other: it is told with its trace, and not at once.
fn quietly<T>(work: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
    QUIET.set(true);
    let result = work();
    QUIET.set(false);
    result
}
