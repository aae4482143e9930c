//! What clients see while members are killed, stopped for a while, and cut off from each other is what ZooKeeper
//! promises: see `compat_tests::history`.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::thread;

use compat_tests::history::{self, Answer, Event};
use rustix::process::Signal;

use crate::cluster::Cluster;
use crate::historian::{Desk, Historian};
use crate::islands::{Islands, inside};
use crate::member::Launch;
use crate::{java, of_three, ours, thorough, wait};

const HISTORIANS: u64 = 4;
/// How much is answered before, during and after each trouble.
const ANSWERS: u64 = 200;

/// What happens to a member for a while.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    Killed,
    Stopped,
    CutOff,
}

#[test]
fn of_ours_killed_and_stopped() {
    killed_and_stopped(&[ours; 3]);
}

#[test]
fn of_five_of_ours_killed_and_stopped() {
    if !thorough() {
        return;
    }
    let mut cluster = Cluster::of(&[ours as Launch; 5], 5, "");
    cluster.start_all();
    cluster.settle();
    in_trouble(&mut cluster, None, &[Trouble::Killed, Trouble::Stopped]);
}

#[test]
fn of_two_of_apaches_and_ours_killed_and_stopped() {
    killed_and_stopped(&[java, ours, java]);
}

#[test]
fn of_two_of_ours_and_apaches_killed_and_stopped() {
    killed_and_stopped(&[ours, java, ours]);
}

#[test]
fn of_ours_cut_off_from_each_other() {
    cut_off(&[ours_inside; 3]);
}

#[test]
fn of_two_of_apaches_and_ours_cut_off_from_each_other() {
    cut_off(&[java_inside, ours_inside, java_inside]);
}

fn ours_inside(settings: &Path) -> Command {
    inside(settings, &ours(settings))
}

fn java_inside(settings: &Path) -> Command {
    inside(settings, &java(settings))
}

fn killed_and_stopped(programs: &[Launch; 3]) {
    let mut cluster = of_three(programs);
    in_trouble(&mut cluster, None, &[Trouble::Killed, Trouble::Stopped]);
}

fn cut_off(programs: &[Launch; 3]) {
    let Some(islands) = Islands::raise(3) else {
        eprintln!("no network namespaces here: nobody can be cut off");
        return;
    };
    let mut cluster = islands.settle(programs);
    cluster.start_all();
    cluster.settle();
    in_trouble(&mut cluster, Some(&islands), &[Trouble::CutOff]);
}

fn in_trouble(cluster: &mut Cluster, islands: Option<&Islands>, troubles: &[Trouble]) {
    let places = cluster.members.values().map(|member| member.places.client);
    let desk = Desk::new(places.collect());
    let mut first = Historian::new(&desk, 1);
    first.prepare();
    let mut events = thread::scope(|scope| {
        let _over = Over(&desk);
        let historians = (1..=HISTORIANS).map(|seed| {
            let historian = Historian::new(&desk, seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            scope.spawn(|| historian.write_history())
        });
        let historians: Vec<_> = historians.collect();
        for trouble in (0..rounds()).flat_map(|_| troubles) {
            // Whoever leads, then somebody who follows.
            for leads in [true, false] {
                let leader = cluster.settle();
                let count = i64::try_from(cluster.members.len()).unwrap();
                let id = if leads { leader } else { leader % count + 1 };
                answered(&desk, "before", *trouble);
                befall(cluster, islands, *trouble, id);
                // The others notice: one of them leads.
                let others: Vec<i64> = (1..=count).filter(|other| *other != id).collect();
                cluster.settle_among(&others);
                answered(&desk, "during", *trouble);
                relieve(cluster, islands, *trouble, id);
                cluster.settle();
                answered(&desk, "after", *trouble);
            }
        }
        desk.over.store(true, Ordering::Relaxed);
        let all = historians.into_iter().map(|one| one.join().unwrap());
        all.flatten().collect::<Vec<Event>>()
    });
    let seen: Vec<Event> = desk
        .places
        .iter()
        .flat_map(|place| Historian::look(&desk, *place, &events))
        .collect();
    events.extend(seen);
    let unknown = events
        .iter()
        .filter(|event| event.answer == Answer::Unknown);
    eprintln!(
        "{} events, {} without an answer",
        events.len(),
        unknown.count()
    );
    let broken = history::check(&events).err().unwrap_or_default();
    let count = broken.len();
    let first = &broken[..count.min(20)];
    assert!(broken.is_empty(), "{count} promises broken: {first:#?}");
}

/// How often every trouble comes: `COMPAT_HISTORY_ROUNDS`, or once.
fn rounds() -> u32 {
    let rounds = std::env::var("COMPAT_HISTORY_ROUNDS");
    rounds.map_or(1, |text| {
        text.parse().expect("COMPAT_HISTORY_ROUNDS is a number")
    })
}

/// Ends the historians even when a test fails.
struct Over<'a>(&'a Desk);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

fn answered(desk: &Desk, when: &str, trouble: Trouble) {
    let enough = desk.answers.load(Ordering::Relaxed) + ANSWERS;
    wait(&format!("clients are answered {when} {trouble:?}"), || {
        desk.answers.load(Ordering::Relaxed) >= enough
    });
}

fn befall(cluster: &mut Cluster, islands: Option<&Islands>, trouble: Trouble, id: i64) {
    match trouble {
        Trouble::Killed => drop(cluster.member(id).end(Signal::KILL)),
        Trouble::Stopped => cluster.member(id).signal(Signal::STOP),
        Trouble::CutOff => islands.expect("namespaces").cut(id, true),
    }
}

fn relieve(cluster: &mut Cluster, islands: Option<&Islands>, trouble: Trouble, id: i64) {
    match trouble {
        Trouble::Killed => cluster.member(id).start(),
        Trouble::Stopped => cluster.member(id).signal(Signal::CONT),
        Trouble::CutOff => islands.expect("namespaces").cut(id, false),
    }
}
