//! Leaders come and go: they are elected, killed under load, frozen, and all of them at once.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::thread::JoinHandle;

use rustix::process::Signal;

use crate::client::{Client, NODE_EXISTS};
use crate::cluster::Cluster;
use crate::{ensemble, of_three, wait};

/// Writes nodes `/<prefix>-<n>` until told to stop, through whoever serves; remembers what was acknowledged.
pub struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    thread: JoinHandle<BTreeSet<String>>,
}

impl Load {
    pub fn start(prefix: &str, members: Vec<SocketAddr>) -> Load {
        let (stop, done) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (told, count, prefix) = (Arc::clone(&stop), Arc::clone(&done), prefix.to_owned());
        let thread = thread::spawn(move || {
            let mut acknowledged = BTreeSet::new();
            let mut turns = members.iter().cycle();
            let mut number = 0;
            while !told.load(Ordering::Relaxed) {
                let at = *turns.next().expect("a cycle has no end");
                let Ok(mut client) = Client::open(at) else {
                    thread::sleep(std::time::Duration::from_millis(20));
                    continue;
                };
                while !told.load(Ordering::Relaxed) {
                    let path = format!("/{prefix}-{number:06}");
                    // An unanswered create may have happened: then the node exists at the next try.
                    match client.create(&path, path.as_bytes(), 0) {
                        Ok(0 | NODE_EXISTS) => {
                            acknowledged.insert(path);
                            number += 1;
                            count.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(other) => unreachable!("create of {path}: {other}"),
                        Err(_) => break,
                    }
                }
            }
            acknowledged
        });
        Load { stop, done, thread }
    }

    /// Waits until so many more writes are acknowledged.
    pub fn goes_on(&self, more: usize) {
        let want = self.done.load(Ordering::Relaxed) + more;
        wait("writes go on", || self.done.load(Ordering::Relaxed) >= want);
    }

    pub fn stop(self) -> BTreeSet<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the load ends well")
    }
}

/// Everybody has all that was acknowledged, and the same tree, after every transaction.
#[track_caller]
pub fn is_kept(cluster: &Cluster, acknowledged: &BTreeSet<String>) {
    let tree = cluster.agreed_tree();
    let lost = acknowledged.iter().filter(|path| !tree.contains_key(*path));
    let lost: Vec<&String> = lost.collect();
    cluster.no_digest_differs();
    assert!(
        lost.is_empty(),
        "{} acknowledged writes are lost: {lost:?}",
        lost.len()
    );
}

#[test]
fn three_members_elect_and_everybody_serves_reads_and_writes() {
    let cluster = of_three();
    for id in 1..=3 {
        let mut client = cluster.client(id);
        assert_eq!(client.create(&format!("/by-{id}"), b"x", 0).unwrap(), 0);
        // A client reads its own writes wherever it is.
        assert!(client.has(&format!("/by-{id}")).unwrap());
    }
    let tree = cluster.agreed_tree();
    for id in 1..=3 {
        assert_eq!(tree[&format!("/by-{id}")].data, b"x");
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_leaders_are_killed_under_load() {
    let mut cluster = of_three();
    let clients: Vec<SocketAddr> = cluster
        .members
        .values()
        .map(|member| member.places.client)
        .collect();
    let loads: Vec<Load> = (0..3)
        .map(|n| Load::start(&format!("load{n}"), clients.clone()))
        .collect();
    for _ in 0..3 {
        loads.iter().for_each(|load| load.goes_on(50));
        let leader = cluster.settle();
        cluster.member(leader).end(Signal::KILL);
        loads.iter().for_each(|load| load.goes_on(50));
        cluster.member(leader).start();
        cluster.settle();
    }
    is_kept(&cluster, &loads.into_iter().flat_map(Load::stop).collect());
}

#[test]
fn all_are_killed_and_come_back_with_everything() {
    let mut cluster = of_three();
    for round in 0..3 {
        let mut client = cluster.client(round + 1);
        for n in 0..20 {
            assert_eq!(client.create(&format!("/r{round}-{n}"), b"", 0).unwrap(), 0);
        }
        cluster.kill_all();
        cluster.start_all();
        cluster.settle();
    }
    let tree = cluster.agreed_tree();
    let kept = tree.keys().filter(|path| path.starts_with("/r")).count();
    assert_eq!(kept, 60);
}

#[test]
fn restarts_with_nothing_written_in_between_keep_everything() {
    let mut cluster = of_three();
    let mut client = cluster.client(1);
    client.create_all("kept-", 5);
    client.close().unwrap();
    // Each time the leader has a snapshot of where its epoch began, and the others only what was written before.
    for _ in 0..4 {
        cluster.kill_all();
        cluster.start_all();
        cluster.settle();
    }
    let mut client = cluster.client(2);
    assert_eq!(client.create("/kept-after", b"", 0).unwrap(), 0);
    client.close().unwrap();
    let tree = cluster.agreed_tree();
    let kept = tree.keys().filter(|path| path.starts_with("/kept")).count();
    assert_eq!(kept, 6);
}

#[test]
fn a_frozen_leader_is_replaced_and_follows_when_it_thaws() {
    let mut cluster = of_three();
    let frozen = cluster.settle();
    cluster.member(frozen).freeze();
    let others: Vec<i64> = (1..=3).filter(|id| *id != frozen).collect();
    let leader = cluster.settle_among(&others);
    let mut client = cluster.client(leader);
    assert_eq!(client.create("/while-frozen", b"", 0).unwrap(), 0);
    cluster.member(frozen).signal(Signal::CONT);
    wait("the old leader follows the new one", || {
        cluster.members[&frozen].mode().as_deref() == Some("follower")
    });
    assert!(cluster.agreed_tree().contains_key("/while-frozen"));
}

#[test]
fn without_a_quorum_nobody_serves_and_with_one_again_all_do() {
    let mut cluster = of_three();
    let leader = cluster.settle();
    let others: Vec<i64> = (1..=3).filter(|id| *id != leader).collect();
    for id in &others {
        cluster.member(*id).end(Signal::KILL);
    }
    wait("the leader gives up", || {
        cluster.members[&leader].mode().is_none()
    });
    cluster.member(others[0]).start();
    cluster.settle();
    let mut client = cluster.client(others[0]);
    assert_eq!(client.create("/again", b"", 0).unwrap(), 0);
    cluster.member(others[1]).start();
    cluster.settle();
    assert!(cluster.agreed_tree().contains_key("/again"));
}

#[test]
fn one_voter_is_a_quorum_of_one() {
    let mut cluster = ensemble(1, 0, "standaloneEnabled=false\n");
    cluster.start_all();
    assert_eq!(cluster.settle(), 1);
    let mut client = cluster.client(1);
    assert_eq!(client.create("/alone", b"", 0).unwrap(), 0);
    cluster.kill_all();
    cluster.start_all();
    cluster.settle();
    assert!(cluster.client(1).has("/alone").unwrap());
}
