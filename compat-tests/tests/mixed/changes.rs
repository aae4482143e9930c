//! The membership changes while members of both kinds run: whoever leads, all of them know the same members, watches
//! of the membership fire on each, and the files that each writes say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use jute::Reader;
use oxkeeper::types::OpCode;
use rustix::process::Signal;

use crate::client::{Change, Client};
use crate::cluster::Cluster;
use crate::member::Launch;
use crate::{java, ours, wait};

const CONFIG: &str = "/zookeeper/config";
/// Who may change the membership is not what is looked at here.
const LINES: &str = "reconfigEnabled=true\nskipACL=yes\n";

const NEW_CONFIG_NO_QUORUM: i32 = -13;
const BAD_VERSION: i32 = -103;
const BAD_ARGUMENTS: i32 = -8;
const MARSHALLING: i32 = -5;
const DISABLED: i32 = -123;

/// A test for each mix: the first three vote at first, and the third leads them.
macro_rules! in_mixes {
    ($($scenario:ident)*) => {$(
        mod $scenario {
            use crate::{java, ours};
            #[test]
            fn of_apaches_alone() { if crate::thorough() { super::$scenario(&[java; 5]); } }
            #[test]
            fn led_by_ours() { super::$scenario(&[java, java, ours, ours, java]); }
            #[test]
            fn led_by_apaches() { super::$scenario(&[ours, ours, java, java, ours]); }
        }
    )*};
}

in_mixes! {
    members_come_change_and_go
    ports_change
    the_leader_leaves
    refusals
    what_was_proposed_is_completed
}

/// The text of a membership without the version, and the version.
type Known = (BTreeSet<String>, String);

fn split(text: &str) -> Known {
    let (version, lines): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| line.starts_with("version="));
    let lines = lines.into_iter().map(str::to_owned).collect();
    (lines, version.concat())
}

/// The membership as a client of a member sees it.
fn known(client: &mut Client, watch: bool) -> Known {
    let node = client
        .get(CONFIG, watch)
        .unwrap()
        .expect("it is always there");
    split(std::str::from_utf8(&node.data).unwrap())
}

/// Five members of which the first three run.
fn of_three(programs: &[Launch; 5]) -> Cluster {
    let mut cluster = Cluster::of(programs, 5, LINES);
    for id in 1..=3 {
        cluster.configure(id, &[1, 2, 3]);
        cluster.member(id).start();
    }
    let leader = cluster.settle();
    if leader != 3 {
        // It had not started yet; who comes last finds a leader. Of two who know the same it wins.
        cluster.member(leader).end(Signal::KILL);
        cluster.settle_among(&[3 - leader, 3]);
        cluster.member(leader).start();
    }
    assert_eq!(cluster.settle(), 3);
    let mut client = cluster.client(1);
    assert_eq!(client.create("/before", b"", 0).unwrap(), 0);
    client.close().unwrap();
    cluster
}

/// Starts a member that the others do not know: it names them, and itself as what it is to be.
fn start_stranger(cluster: &mut Cluster, id: i64, role: &str) {
    let mut known: Vec<i64> = (1..=3).collect();
    known.push(id);
    cluster.configure(id, &known);
    let file = cluster.members[&id].dir.join("zoo.cfg");
    let line = cluster.line_of(id);
    let text = fs::read_to_string(&file).unwrap();
    let text = text.replace(&line, &with_role(&line, role));
    fs::write(&file, text).unwrap();
    cluster.member(id).start();
    wait(&format!("member {id} serves as a guest"), || {
        cluster.members[&id].mode().is_some()
    });
}

fn with_role(line: &str, role: &str) -> String {
    line.replace(":participant;", &format!(":{role};"))
}

fn serves_as(cluster: &Cluster, id: i64, role: &str) {
    wait(&format!("member {id} is a {role}"), || {
        cluster.members[&id].mode().as_deref() == Some(role)
    });
}

/// Changes the membership through a member; whoever watches it at these members hears of it. A member that gets another
/// role hangs up on its clients, and hears of nothing.
fn change(cluster: &Cluster, through: i64, change: Change, steady: &[i64]) -> Known {
    let mut watchers: Vec<Client> = steady.iter().map(|id| cluster.client(*id)).collect();
    for watcher in &mut watchers {
        known(watcher, true);
    }
    let mut client = cluster.client(through);
    let body = crate::client::reconfig(change, -1);
    let reply = client.call(OpCode::Reconfig, &body).unwrap();
    assert_eq!(reply.err, 0, "{change:?}");
    let mut from = Reader::new(&reply.body);
    let text = from.buffer().unwrap().unwrap_or_default();
    let new = split(std::str::from_utf8(text).unwrap());
    client.close().unwrap();
    for mut watcher in watchers {
        wait("every watch of the membership fires", || {
            let now = known(&mut watcher, false);
            watcher.events.iter().any(|path| path == CONFIG) && now == new
        });
        watcher.close().unwrap();
    }
    new
}

/// All these members know this membership, and have written the same files about it.
#[track_caller]
fn all_know(cluster: &Cluster, ids: &[i64], new: &Known) {
    for id in ids {
        let member = &cluster.members[id];
        wait(&format!("member {id} knows {new:?}"), || {
            let conf = member.word("conf").unwrap_or_default();
            let text = conf.split_once("membership: \n").unwrap_or_default().1;
            let now = Client::open(member.places.client).map(|mut client| {
                let now = known(&mut client, false);
                client.close().unwrap();
                now
            });
            split(text) == *new && now.is_ok_and(|now| now == *new)
        });
        let version = new.1.strip_prefix("version=").expect("a version");
        let dynamic = member.dir.join(format!("zoo.cfg.dynamic.{version}"));
        wait(&format!("member {id} writes {}", dynamic.display()), || {
            let settings = fs::read_to_string(member.dir.join("zoo.cfg")).unwrap();
            settings.ends_with(&format!("dynamicConfigFile={}\n", dynamic.display()))
        });
        let lines: Vec<&str> = new.0.iter().map(String::as_str).collect();
        assert_eq!(
            fs::read_to_string(&dynamic).unwrap(),
            lines.join("\n"),
            "member {id}"
        );
        wait(&format!("member {id} forgets what was proposed"), || {
            !member.dir.join("zoo.cfg.dynamic.next").exists()
        });
    }
}

/// Settings that are not of the membership are the same as before the first change.
#[track_caller]
fn settings_are_kept(cluster: &Cluster, id: i64) {
    let dir = &cluster.members[&id].dir;
    let settings = |file: &str| -> BTreeMap<String, String> {
        let text = fs::read_to_string(dir.join(file)).unwrap();
        let lines = text.lines().filter_map(|line| line.split_once('='));
        lines
            .filter(|(key, _)| !key.starts_with("server.") && *key != "dynamicConfigFile")
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    };
    assert_eq!(settings("zoo.cfg"), settings("zoo.cfg.bak"), "member {id}");
}

fn everybody_writes(cluster: &Cluster, ids: &[i64], prefix: &str) {
    for id in ids {
        let mut client = cluster.client(*id);
        let path = format!("/{prefix}-{id}");
        assert_eq!(client.create(&path, b"", 0).unwrap(), 0);
        client.close().unwrap();
    }
}

fn members_come_change_and_go(programs: &[Launch; 5]) {
    let mut cluster = of_three(programs);
    start_stranger(&mut cluster, 4, "participant");
    let line = cluster.line_of(4);
    let new = change(&cluster, 1, joining(&line), &[1, 2, 3, 4]);
    assert_eq!(new.0.len(), 4);
    all_know(&cluster, &[1, 2, 3, 4], &new);
    everybody_writes(&cluster, &[1, 2, 3, 4], "four");

    // One that observes, and one that observes from now on. Before that, a guest is a follower in any case.
    start_stranger(&mut cluster, 5, "observer");
    let lines = [5, 4].map(|id| with_role(&cluster.line_of(id), "observer"));
    let new = change(&cluster, 2, joining(&lines.join(",")), &[1, 2, 3]);
    all_know(&cluster, &[1, 2, 3, 4, 5], &new);
    for id in [4, 5] {
        serves_as(&cluster, id, "observer");
    }
    everybody_writes(&cluster, &[1, 2, 3, 4, 5], "observed");

    // Observers are no help for a quorum, but may become voters.
    let line = cluster.line_of(5);
    let new = change(&cluster, 4, joining(&line), &[1, 2, 3, 4]);
    all_know(&cluster, &[1, 2, 3, 4, 5], &new);
    serves_as(&cluster, 5, "follower");

    // Away with one of the first, and the observer.
    let new = change(&cluster, 3, leaving("1,4"), &[1, 2, 3, 5]);
    assert_eq!(new.0.len(), 3);
    all_know(&cluster, &[1, 2, 3, 4, 5], &new);
    everybody_writes(&cluster, &[1, 2, 3, 4, 5], "left");

    // All members at once.
    let all: Vec<String> = (1..=5).map(|id| cluster.line_of(id)).collect();
    let all = all.join(",");
    let members = Change {
        members: Some(&all),
        ..Change::default()
    };
    let new = change(&cluster, 3, members, &[2, 3, 5]);
    assert_eq!(new.0.len(), 5);
    all_know(&cluster, &[1, 2, 3, 4, 5], &new);
    everybody_writes(&cluster, &[1, 2, 3, 4, 5], "all");
    for id in 1..=5 {
        settings_are_kept(&cluster, id);
    }

    // Two of five may go; nothing is forgotten by a crash of all.
    let before = cluster.agreed_tree();
    cluster.kill_all();
    for id in [1, 2, 4] {
        cluster.member(id).start();
    }
    cluster.settle();
    all_know(&cluster, &[1, 2, 4], &new);
    for id in [3, 5] {
        cluster.member(id).start();
    }
    cluster.settle();
    all_know(&cluster, &[3, 5], &new);
    let after = cluster.agreed_tree();
    assert!(before.keys().all(|path| after.contains_key(path)));
    cluster.no_digest_differs();
}

/// A member's line with other places.
fn line_at(
    cluster: &mut Cluster,
    id: i64,
    moved: fn(&mut crate::member::Places, crate::member::Places),
) -> String {
    let spare = cluster.spare_places();
    let member = cluster.member(id);
    moved(&mut member.places, spare);
    cluster.line_of(id)
}

fn ports_change(programs: &[Launch; 5]) {
    let mut cluster = of_three(programs);
    // Where clients come to, of one that follows and of the leader.
    for id in [1, 3] {
        let old = cluster.members[&id].places.client;
        let mut there = cluster.client(id);
        let line = line_at(&mut cluster, id, |places, spare| {
            places.client = spare.client
        });
        let new = change(&cluster, 2, joining(&line), &[2, 4 - id]);
        all_know(&cluster, &[1, 2, 3], &new);
        wait("nobody listens any more where clients were", || {
            Client::open(old).is_err()
        });
        assert!(there.has("/before").unwrap(), "member {id}");
        assert_eq!(cluster.settle(), 3);
    }
    // Where a follower is elected, and would lead.
    let line = line_at(&mut cluster, 2, |places, spare| {
        places.election = spare.election;
        places.quorum = spare.quorum;
    });
    let new = change(&cluster, 1, joining(&line), &[1, 2, 3]);
    all_know(&cluster, &[1, 2, 3], &new);
    assert_eq!(cluster.settle(), 3);
    // Where the leader leads: another one leads from now on.
    let line = line_at(&mut cluster, 3, |places, spare| {
        places.election = spare.election;
        places.quorum = spare.quorum;
    });
    change_that_may_hang_up(&cluster, 1, joining(&line));
    let new = wait_for_version_after(&cluster, 1, &new);
    cluster.settle();
    all_know(&cluster, &[1, 2, 3], &new);
    everybody_writes(&cluster, &[1, 2, 3], "moved");
    for id in 1..=3 {
        cluster.member(id).end(Signal::KILL);
        let others: Vec<i64> = (1..=3).filter(|other| *other != id).collect();
        cluster.settle_among(&others);
        cluster.member(id).start();
        cluster.settle();
    }
    everybody_writes(&cluster, &[1, 2, 3], "found");
    cluster.agreed_tree();
    cluster.no_digest_differs();
}

/// Changes the membership in a way that gives the ensemble another leader: the answer may get lost.
fn change_that_may_hang_up(cluster: &Cluster, through: i64, change: Change) {
    let mut client = cluster.client(through);
    if let Ok(code) = client.reconfig(change) {
        assert_eq!(code, 0, "{change:?}");
    }
}

/// The membership that comes after this one.
fn wait_for_version_after(cluster: &Cluster, id: i64, old: &Known) -> Known {
    let mut new = None;
    wait("there is a new membership", || {
        let client = Client::open(cluster.members[&id].places.client);
        new = client.ok().map(|mut client| known(&mut client, false));
        new.as_ref().is_some_and(|new| new.1 != old.1)
    });
    new.expect("waited for")
}

fn the_leader_leaves(programs: &[Launch; 5]) {
    let mut cluster = of_three(programs);
    start_stranger(&mut cluster, 4, "participant");
    let line = cluster.line_of(4);
    let mut now = change(&cluster, 1, joining(&line), &[1, 2, 3, 4]);
    all_know(&cluster, &[1, 2, 3, 4], &now);
    // Leaders of both kinds go until two are left.
    let mut left: Vec<i64> = (1..=4).collect();
    while left.len() > 2 {
        let leader = cluster.settle_among(&left);
        left.retain(|id| *id != leader);
        change_that_may_hang_up(&cluster, left[0], leaving(&leader.to_string()));
        now = wait_for_version_after(&cluster, left[0], &now);
        assert_eq!(now.0.len(), left.len());
        let next = cluster.settle_among(&left);
        assert_ne!(next, leader);
        all_know(&cluster, &left, &now);
        everybody_writes(&cluster, &left, &format!("without-{leader}"));
        all_know(&cluster, &[leader], &now);
        wait("who has left follows", || {
            cluster.members[&leader].mode().as_deref() == Some("follower")
        });
    }
    cluster.agreed_tree();
    cluster.no_digest_differs();
}

fn refusals(programs: &[Launch; 5]) {
    let mut cluster = of_three(programs);
    let (four, five) = (cluster.line_of(4), cluster.line_of(5));
    let both = format!("{four},{five}");
    let taken = cluster.line_of(2).replace("server.2", "server.4");
    let without_client = four.split_once(';').expect("a client port").0.to_owned();
    let refused: [(Change, i64, i32); 8] = [
        (joining(&four), 1, BAD_VERSION),
        (joining(&both), -1, 0),
        (joining(&without_client), -1, BAD_ARGUMENTS),
        (joining("server.x=a:1:2;3"), -1, MARSHALLING),
        (joining("nonsense"), -1, BAD_ARGUMENTS),
        (leaving("x"), -1, MARSHALLING),
        (leaving("2,3"), -1, BAD_ARGUMENTS),
        (joining(&taken), -1, 0),
    ];
    for through in 1..=3 {
        let mut client = cluster.client(through);
        let before = known(&mut client, false);
        for (change, version, code) in refused.iter().filter(|(_, _, code)| *code != 0) {
            let body = crate::client::reconfig(*change, *version);
            let reply = client.call(OpCode::Reconfig, &body);
            assert_eq!(reply.unwrap().err, *code, "{change:?} through {through}");
        }
        assert_eq!(known(&mut client, false), before);
    }
    // Who is not connected and up to date is no help: three of five are enough, two of four are not.
    cluster.member(1).end(Signal::KILL);
    wait("the leader misses one", || {
        cluster.members[&3].metric("zk_synced_followers").as_deref() == Some("1")
    });
    let mut client = cluster.client(2);
    assert_eq!(
        client.reconfig(joining(&four)).unwrap(),
        NEW_CONFIG_NO_QUORUM
    );
    assert_eq!(
        client.reconfig(joining(&both)).unwrap(),
        NEW_CONFIG_NO_QUORUM
    );
    drop(client);
    cluster.member(1).start();
    cluster.settle();
    // Where it is not allowed, it is not even looked at.
    cluster.kill_all();
    for id in 1..=3 {
        let file = cluster.members[&id].dir.join("zoo.cfg");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(
            &file,
            text.replace("reconfigEnabled=true", "reconfigEnabled=false"),
        )
        .unwrap();
        cluster.member(id).start();
    }
    cluster.settle();
    for through in 1..=3 {
        let mut client = cluster.client(through);
        assert_eq!(client.reconfig(joining("nonsense")).unwrap(), DISABLED);
    }
    cluster.no_digest_differs();
}

fn joining(lines: &str) -> Change<'_> {
    Change {
        joining: Some(lines),
        ..Change::default()
    }
}

fn leaving(ids: &str) -> Change<'_> {
    Change {
        leaving: Some(ids),
        ..Change::default()
    }
}

/// A change is in the leader's log alone when everybody is killed. Who knows of it completes it.
fn what_was_proposed_is_completed(programs: &[Launch; 5]) {
    let mut cluster = of_three(programs);
    let before = propose_alone(&mut cluster);
    for id in [1, 3] {
        cluster.member(id).start();
    }
    assert_eq!(cluster.settle_among(&[1, 3]), 3, "it knows more");
    let now = wait_for_version_after(&cluster, 1, &before);
    assert_eq!(now.0.len(), 2, "{now:?}");
    all_know(&cluster, &[1, 3], &now);
    // Who has left does not know yet, and is told.
    cluster.member(2).start();
    serves_as(&cluster, 2, "follower");
    all_know(&cluster, &[2], &now);
    everybody_writes(&cluster, &[1, 2, 3], "completed");
    cluster.agreed_tree();
}

/// The same, and those who do not know of it elect a leader first. Apache's server stays out then: it wants a quorum of
/// both memberships before it follows anybody.
#[test]
fn what_nobody_heard_of_is_forgotten() {
    let mut cluster = of_three(&[java, java, ours, ours, java]);
    let before = propose_alone(&mut cluster);
    for id in [1, 2] {
        cluster.member(id).start();
    }
    cluster.settle_among(&[1, 2]);
    everybody_writes(&cluster, &[1, 2], "unheard");
    all_know(&cluster, &[1, 2], &before);
    cluster.member(3).start();
    serves_as(&cluster, 3, "follower");
    all_know(&cluster, &[3], &before);
    // Another change is possible now.
    let new = change(&cluster, 3, leaving("1"), &[2, 3]);
    all_know(&cluster, &[1, 2, 3], &new);
    everybody_writes(&cluster, &[1, 2, 3], "forgotten");
    cluster.agreed_tree();
}

/// The leader proposes that the second leaves, while nobody else can hear it; then all are killed. Returns the
/// membership in force.
fn propose_alone(cluster: &mut Cluster) -> Known {
    let mut client = cluster.client(3);
    let before = known(&mut client, false);
    for id in [1, 2] {
        cluster.member(id).freeze();
    }
    let body = crate::client::reconfig(leaving("2"), -1);
    client.ask(OpCode::Reconfig, &body).unwrap();
    let next = cluster.members[&3].dir.join("zoo.cfg.dynamic.next");
    wait("the leader keeps what is proposed", || next.exists());
    cluster.kill_all();
    before
}
