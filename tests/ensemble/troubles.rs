//! What operators dread: members that have lost everything, two with one id, full disks, the end of the numbers.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use crate::cluster::Cluster;
use crate::leaders::{Load, is_kept};
use crate::{ensemble, of_three, wait};

#[test]
fn five_members_lose_two_lose_all_and_restart_in_turn_under_load() {
    let mut cluster = ensemble(5, 0, "");
    cluster.start_all();
    cluster.settle();
    let places: Vec<_> = cluster
        .members
        .values()
        .map(|member| member.places.client)
        .collect();
    let loads: Vec<Load> = (0..2)
        .map(|n| Load::start(&format!("five{n}"), places.clone()))
        .collect();
    let goes_on = || loads.iter().for_each(|load| load.goes_on(30));
    goes_on();
    // Whoever leads, and another one.
    let leader = cluster.settle();
    let two = [leader, leader % 5 + 1];
    for id in two {
        cluster.member(id).end(Signal::KILL);
    }
    goes_on();
    for id in two {
        cluster.member(id).start();
    }
    cluster.settle();
    goes_on();
    cluster.kill_all();
    cluster.start_all();
    cluster.settle();
    goes_on();
    // A new version is rolled out: one after the other, the leader last.
    let leader = cluster.settle();
    let followers = (1..=5).filter(|id| *id != leader);
    for id in followers.chain([leader]) {
        assert_eq!(cluster.member(id).end(Signal::TERM).code(), Some(143));
        cluster.member(id).start();
        cluster.settle();
        goes_on();
    }
    is_kept(&cluster, &loads.into_iter().flat_map(Load::stop).collect());
}

/// Two of three disks are replaced by empty ones. Where that is not expected, the two do not make an ensemble of
/// nothing, whatever they outvote; what the third has is served again once they are told that it is meant.
#[test]
fn a_majority_of_empty_members_does_not_outvote_the_one_with_data() {
    let mut cluster = ensemble(3, 0, "db.autocreate=false\n");
    for member in cluster.members.values() {
        fs::write(member.data().join("initialize"), "").unwrap();
    }
    cluster.start_all();
    cluster.settle();
    let mut client = cluster.client(1);
    assert_eq!(client.create("/precious", b"", 0).unwrap(), 0);
    cluster.agreed_tree();
    cluster.kill_all();
    for id in [1, 2] {
        cluster.members[&id].wipe();
    }
    cluster.start_all();
    for id in [1, 2] {
        let marker = cluster.members[&id].data().join("initialize");
        wait("an empty member says what is to be done", || {
            cluster.members[&id].says("Unexpected empty data tree, setting zxid to -1")
                && cluster.members[&id].says(&format!("create the file {}", marker.display()))
        });
    }
    // Ballots go to and fro: each hears of both others.
    wait("everybody has heard of everybody", || {
        cluster.members.values().all(|member| {
            let others = (1..=3).filter(|id| *id != member.id);
            let mut heard = others.map(|id| format!("connected with server {id} for elections"));
            heard.all(|heard| member.says(&heard))
        })
    });
    assert!(
        cluster
            .members
            .values()
            .all(|member| member.mode().is_none())
    );
    // The operator says that the first one may begin with nothing.
    cluster.member(1).end(Signal::TERM);
    cluster.members[&1].wipe();
    fs::write(cluster.members[&1].data().join("initialize"), "").unwrap();
    cluster.member(1).start();
    assert_eq!(cluster.settle(), 3, "only it has anything");
    assert!(cluster.agreed_tree().contains_key("/precious"));
}

/// Somebody copies a member, the file `myid` included. Both are thrown out in turn; the others are served.
#[test]
fn two_members_with_one_id_do_not_keep_the_others_from_serving() {
    let mut cluster = ensemble(4, 0, "");
    for id in 1..=3 {
        cluster.configure(id, &[1, 2, 3]);
        cluster.member(id).start();
    }
    let leader = cluster.settle_among(&[1, 2, 3]);
    let twin = leader % 3 + 1;
    let mut client = cluster.client(leader);
    assert_eq!(client.create("/before", b"", 0).unwrap(), 0);
    // The fourth believes to be one of those who follow, and that the ensemble finds it where it is.
    let own = cluster
        .line_of(4)
        .replace("server.4=", &format!("server.{twin}="));
    let others: Vec<i64> = (1..=3).filter(|id| *id != twin).collect();
    cluster.configure(4, &others);
    let file = cluster.members[&4].dir.join("zoo.cfg");
    let settings = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{settings}{own}\n")).unwrap();
    fs::write(cluster.members[&4].data().join("myid"), twin.to_string()).unwrap();
    cluster.member(4).start();
    wait("the leader says that something is wrong", || {
        cluster.members[&leader].says(&format!("two servers have the id {twin}"))
    });
    let third = 6 - leader - twin;
    for n in 0..50 {
        let mut client = cluster.client([leader, third][n % 2]);
        assert_eq!(
            client.create(&format!("/with-twins-{n}"), b"", 0).unwrap(),
            0
        );
        client.close().unwrap();
    }
    assert_eq!(cluster.settle_among(&[leader, third]), leader);
    cluster.member(4).end(Signal::KILL);
    assert_eq!(cluster.settle_among(&[1, 2, 3]), leader);
    let tree = cluster.agreed_tree();
    let written = tree.keys().filter(|path| path.starts_with("/with-twins"));
    assert_eq!(written.count(), 50);
}

/// A small disk; it goes when this is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Nothing where mounting is not permitted.
    fn at(dir: &Path, kib: u32) -> Option<SmallDisk> {
        let size = format!("size={kib}k");
        let mounted = mount(&["-t", "tmpfs", "-o", &size, "tmpfs"], dir);
        mounted.then(|| SmallDisk(dir.to_owned()))
    }

    fn grow(&self) {
        assert!(mount(&["-o", "remount,size=64m"], &self.0));
    }
}

fn mount(words: &[&str], dir: &Path) -> bool {
    let mut command = Command::new("mount");
    let output = command.args(words).arg(dir).output();
    output.is_ok_and(|output| output.status.success())
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Nothing is left to do about a disk that cannot be unmounted.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_of_a_follower_ends_it_alone() {
    full_disk(false);
}

#[test]
fn a_full_disk_of_the_leader_ends_its_reign() {
    full_disk(true);
}

fn full_disk(leads: bool) {
    let mut cluster = of_three();
    let leader = cluster.settle();
    let full = if leads { leader } else { leader % 3 + 1 };
    cluster.member(full).end(Signal::KILL);
    let data = cluster.members[&full].data();
    let Some(disk) = SmallDisk::at(&data, 768) else {
        eprintln!("nothing can be mounted here: no disk is full");
        return;
    };
    fs::write(data.join("myid"), full.to_string()).unwrap();
    cluster.member(full).start();
    let now = cluster.settle();
    if leads && now != full {
        // It has the highest id of those that are left, and knows as much.
        leads_again(&mut cluster, full);
    }
    let mut written = 0;
    let others: Vec<i64> = (1..=3).filter(|id| *id != full).collect();
    let mut acknowledged = BTreeSet::new();
    let mut client = cluster.client(others[0]);
    wait("the disk is full", || {
        written += 1;
        let path = format!("/fills-{written}");
        match client.create(&path, &[7; 20_000], 0) {
            Ok(0) => {
                acknowledged.insert(path);
            }
            // The leader is gone; nobody knows what became of that one.
            _ => client = cluster.client(others[0]),
        }
        cluster.members[&full].says("the server stops, since it can")
    });
    assert_eq!(cluster.member(full).ended().code(), Some(1));
    assert!(!cluster.members[&full].says("panicked"));
    cluster.settle_among(&others);
    let mut client = cluster.client(others[1]);
    assert_eq!(client.create("/without-it", b"", 0).unwrap(), 0);
    disk.grow();
    cluster.member(full).start();
    cluster.settle();
    is_kept(&cluster, &acknowledged);
    cluster.kill_all();
}

/// Others lead until this one does.
fn leads_again(cluster: &mut Cluster, wanted: i64) {
    for _ in 0..10 {
        let leader = cluster.settle();
        if leader == wanted {
            return;
        }
        // Of those who know the same, the one with the highest number leads.
        let mut client = cluster.client(leader);
        let path = format!("/round-{}", client.session);
        assert_eq!(client.create(&path, b"", 0).unwrap(), 0);
        client.close().unwrap();
        cluster.agreed_tree();
        cluster.member(leader).end(Signal::KILL);
        let others: Vec<i64> = (1..=3).filter(|id| *id != leader).collect();
        cluster.settle_among(&others);
        cluster.member(leader).start();
    }
    assert_eq!(cluster.settle(), wanted);
}

/// The last number of an epoch is followed by the first one of the next.
#[test]
fn an_epoch_whose_numbers_are_used_up_is_followed_by_another_one() {
    let mut cluster = of_three();
    let mut client = cluster.client(1);
    assert_eq!(client.create("/before", b"", 0).unwrap(), 0);
    client.close().unwrap();
    cluster.kill_all();
    cluster.start_all();
    cluster.end_second_epoch(2);
    cluster.start_all();
    cluster.settle();
    let (mut client, away) = (cluster.client(3), 1);
    assert_eq!(client.create("/after", b"", 0).unwrap(), 0);
    assert_eq!(client.last_zxid >> 32, 3, "a new epoch");
    cluster.agreed_tree();
    cluster.member(away).end(Signal::KILL);
    cluster.settle_among(&[2, 3]);
    let mut client = cluster.client(3);
    assert_eq!(client.create("/missed", b"", 0).unwrap(), 0);
    cluster.member(away).start();
    cluster.settle();
    let tree = cluster.agreed_tree();
    assert!(
        ["/before", "/after", "/missed"]
            .iter()
            .all(|path| tree.contains_key(*path))
    );
    cluster.no_digest_differs();
}
