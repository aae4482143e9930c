//! The membership changed as operators change it: with the `config` and `reconfig` of Apache's shell, as a super user.
//! What the shell prints is the same whoever leads and whoever answers.

use anyhow::{Context, Result};
use compat_tests::shell::Shell;

use crate::cluster::Cluster;
use crate::member::Launch;
use crate::{APACHE, java, ours, wait};

/// The super user's password is `secret`.
const LINES: &str = "reconfigEnabled=true\n\
                     DigestAuthenticationProvider.superDigest=super:lK75jTNcA+U9vtVEw5vB51mj/w4=\n";

/// `LINE1` is the first member's line, without its key.
const SCRIPT: [&str; 14] = [
    "config",
    "config -c",
    "reconfig -remove 1",
    "addauth digest super:secret",
    "reconfig -remove 1,2,3",
    "reconfig -v 1 -remove 1",
    "reconfig -add 4=nonsense",
    "reconfig -remove 1",
    "config",
    "reconfig -add server.1=LINE1",
    "config -s",
    "reconfig -remove 9",
    "reconfig",
    "quit",
];

#[test]
fn the_shell_prints_the_same_whoever_leads() -> Result<()> {
    let apaches = transcript(&[java, java, java])?;
    assert!(apaches.contains("Insufficient permission"), "{apaches}");
    assert!(
        apaches.contains("Committed new configuration:"),
        "{apaches}"
    );
    for programs in [[java, ours, ours], [ours, ours, java], [ours, java, ours]] {
        assert_eq!(transcript(&programs)?, apaches);
    }
    Ok(())
}

/// What the shell prints that is connected with the second member, a follower.
fn transcript(programs: &[Launch; 3]) -> Result<String> {
    let mut cluster = Cluster::of(programs, 3, LINES);
    cluster.member(3).start();
    let election = cluster.members[&3].places.election;
    wait("the third is there", || {
        std::net::TcpStream::connect(election).is_ok()
    });
    cluster.member(2).start();
    cluster.member(1).start();
    cluster.settle();
    let properties = [
        ("org.jline.terminal.dumb", "true"),
        ("compat.log.level", "OFF"),
        ("zookeeper.sasl.client", "false"),
    ];
    let mut command = APACHE.command("org.apache.zookeeper.ZooKeeperMain", &properties);
    let at = cluster.members[&2].places.client.to_string();
    command.args(["-waitforconnection", "-server", &at]);
    let mut shell = Shell::start(command)?;
    let line = cluster.line_of(1);
    let (_, line) = line.split_once('=').context("a server line")?;
    let mut transcript = String::new();
    prompted(&mut shell, 0)?;
    for (number, line) in SCRIPT
        .map(|text| text.replace("LINE1", line))
        .iter()
        .enumerate()
    {
        shell.send(line)?;
        let said = if line == "quit" {
            // Whether it still prints that it is disconnected is a matter of luck.
            format!("exit code {:?}\n", shell.finish()?.1)
        } else {
            prompted(&mut shell, number + 1)?
        };
        transcript += &format!("> {line}\n{said}\n");
    }
    Ok(normalised(&cluster, &transcript))
}

/// What comes before the next prompt, without the prompts and the lines of events.
fn prompted(shell: &mut Shell, number: usize) -> Result<String> {
    let prompt = format!(") {number}] ");
    let text = shell.read_until(|text| Some(text.find(&prompt)? + prompt.len()))?;
    let lines = text.lines().map(|line| match line.find("] ") {
        Some(end) if line.starts_with("[zk: ") => &line[end + 2..],
        _ => line,
    });
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("WATCHER"));
    let lines =
        lines.filter(|line| !line.starts_with("WatchedEvent") && !line.starts_with("[zk: "));
    Ok(lines.map(|line| format!("{line}\n")).collect())
}

/// Without what is different in every ensemble: places, versions, times.
fn normalised(cluster: &Cluster, text: &str) -> String {
    let mut text = text.to_owned();
    for (id, member) in &cluster.members {
        let places = member.places;
        for (what, port) in [
            ("QUORUM", places.quorum.port()),
            ("ELECTION", places.election.port()),
            ("CLIENT", places.client.port()),
        ] {
            text = text.replace(&format!(":{port}"), &format!(":{what}{id}"));
        }
        text = text.replace(&places.client.ip().to_string(), "HOST");
    }
    let line = |line: &str| match line.split_once('=') {
        Some(("version", version)) => format!("version={} digits\n", version.trim().len()),
        Some((name, _)) if name.trim_end().ends_with("time") || name.contains("Zxid") => {
            format!("{name}=SOME\n")
        }
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}
