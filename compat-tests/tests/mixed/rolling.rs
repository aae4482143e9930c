//! An ensemble of Apache's servers becomes one of ours, and one of Apache's again, one member at a time, each on
//! its own directory, while clients of Apache's and Curator write and hold locks: nothing acknowledged is lost, no
//! lock has two holders, no session ends, and the members have equal trees.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use compat_tests::java::{NEWEST, Project};
use compat_tests::program::{self, Host};
use rustix::process::Signal;

use crate::cluster::Cluster;
use crate::member::Launch;
use crate::{java, of_three, ours};

/// Processes with a lock between them.
const HOLDERS: usize = 2;

#[test]
fn from_apaches_to_ours_and_back_under_load() -> Result<()> {
    let mut cluster = of_three(&[java; 3]);
    // The operator's order: whoever leads goes last. The second time the leader goes first, and by crashes.
    let leader = cluster.settle();
    let followers: Vec<i64> = (1..=3).filter(|id| *id != leader).collect();
    let there = followers.iter().chain([&leader]);
    let back = [leader].into_iter().chain(followers.clone());
    let wishes: Vec<String> = there
        .map(|id| format!("stop {id} oxkeeper"))
        .chain(back.map(|id| format!("kill {id} java")))
        .collect();
    let mut programs = vec![load(&cluster, &wishes)?];
    programs.extend(holders(&cluster)?);
    let passed = program::run(&mut cluster, programs, Duration::from_secs(300))?;
    // The load: each change, each worker, and that none broke; and four checks of every holder.
    assert_eq!(
        passed.len(),
        wishes.len() + 4 + 1 + 4 * HOLDERS,
        "{passed:?}"
    );
    let before = cluster.agreed_tree();
    let dumps: Vec<Vec<String>> = (1..=3)
        .map(|id| dump(&mut cluster, id))
        .collect::<Result<_>>()?;
    assert!(dumps[0].len() > 100, "the load wrote much: {:?}", dumps[0]);
    assert_eq!(dumps[0], dumps[1]);
    assert_eq!(dumps[0], dumps[2]);
    // Nothing was lost on the disks, either.
    cluster.kill_all();
    cluster.start_all();
    cluster.settle();
    let after = cluster.agreed_tree();
    for (path, node) in &before {
        assert_eq!(Some(node), after.get(path), "{path} after a crash of all");
    }
    Ok(())
}

fn servers(cluster: &Cluster) -> String {
    let each = cluster.members.values();
    let each: Vec<String> = each
        .map(|member| member.places.client.to_string())
        .collect();
    each.join(",")
}

/// Apache's client: writes as fast as it can, and says when which member is to be replaced.
fn load(cluster: &Cluster, wishes: &[String]) -> Result<Command> {
    let sources = &["common", "crash"];
    let class_path = Project {
        pom: "zookeeper",
        zookeeper: NEWEST,
        sources,
    }
    .build()?;
    let mut command =
        class_path.scenario_with("Crash", &servers(cluster), &[("compat.pace", "20")]);
    command.arg(wishes.len().to_string()).args(wishes);
    Ok(command)
}

/// Curator: locks, caches, a node that is there as long as its session.
fn holders(cluster: &Cluster) -> Result<Vec<Command>> {
    let sources = &["common", "rolling"];
    let class_path = Project {
        pom: "curator",
        zookeeper: "its-own",
        sources,
    }
    .build()?;
    let file = cluster.members[&1].dir.join("lock-of-the-holders");
    let holders = (0..HOLDERS).map(|holder| {
        let mut command = class_path.scenario("Rolling", &servers(cluster));
        command
            .args([holder.to_string(), HOLDERS.to_string()])
            .arg(&file);
        command
    });
    Ok(holders.collect())
}

/// What Apache's client sees of everything on one member; the membership's node has a local time.
fn dump(cluster: &mut Cluster, id: i64) -> Result<Vec<String>> {
    let sources = &["common"];
    let class_path = Project {
        pom: "zookeeper",
        zookeeper: NEWEST,
        sources,
    }
    .build()?;
    let at = cluster.members[&id].places.client.to_string();
    let output = class_path.scenario("Dump", &at).output()?;
    let said = String::from_utf8(output.stdout)?;
    if !output.status.success() || !said.contains("PASS dump") {
        bail!(
            "member {id}: {said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let lines = said.lines().filter(|line| line.starts_with("NODE "));
    let lines = lines.filter(|line| !line.starts_with("NODE /zookeeper/config "));
    Ok(lines.map(str::to_owned).collect())
}

impl Host for Cluster {
    /// `stop <id> <kind>`, `kill <id> <kind>`: that member ends, and goes on as that kind of server.
    fn grant(&mut self, wish: &str) -> Result<()> {
        let words: Vec<&str> = wish.split(' ').collect();
        let &[end, id, kind] = words.as_slice() else {
            bail!("three words, not {wish}");
        };
        let signal = match end {
            "stop" => Signal::TERM,
            "kill" => Signal::KILL,
            other => bail!("nobody knows how to {other} a member"),
        };
        let launch: Launch = match kind {
            "oxkeeper" => ours,
            "java" => java,
            other => bail!("nobody knows a member {other}"),
        };
        let id: i64 = id.parse().context("the number of a member")?;
        let member = self.member(id);
        member.end(signal);
        member.launch = launch;
        member.start();
        self.settle();
        // On the way back this would not hold: the snapshot by which an Apache's member is brought up to date shows
        // some changes too early, and until it has seen them in their turn it finds its digest wrong.
        if kind == "oxkeeper" {
            self.no_digest_differs();
        }
        Ok(())
    }

    fn last_words(&self) -> String {
        let logs = self.members.values().map(|member| {
            let log = fs::read_to_string(member.dir.join("log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let end = lines[lines.len().saturating_sub(80)..].join("\n");
            format!("--- member {} logged\n{end}\n", member.id)
        });
        logs.collect()
    }
}
