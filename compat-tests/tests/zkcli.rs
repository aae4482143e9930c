//! Apache's own shell goes through the tutorial and every command it has, with their errors. It must print the same
//! against either server; only times, session ids and ports may differ. Zxids, versions and sizes may not.

use anyhow::{Context, Result, ensure};
use compat_tests::cache;
use compat_tests::java::{ClassPath, NEWEST, Project};
use compat_tests::server::{Kind, Options, Server, kinds};
use compat_tests::shell::Shell;

/// What the shell prints in front of a watch event.
const EVENT: &str = "WatchedEvent ";

#[test]
fn the_shell_prints_the_same_against_either_server() -> Result<()> {
    let script = std::fs::read_to_string(cache::crate_dir().join("scripts/zkcli-tutorial.txt"))?;
    let expected = tutorial(Kind::JAVA, &script)?;
    // With Java alone this shows that the normalised transcript does not change from run to run.
    let other = kinds()
        .into_iter()
        .find(|kind| *kind == Kind::Oxkeeper)
        .unwrap_or(Kind::JAVA);
    let seen = tutorial(other, &script)?;
    assert!(
        expected == seen,
        "java (-) and {other} (+) differ:\n{}",
        difference(&expected, &seen)
    );
    Ok(())
}

#[test]
fn single_commands_end_with_the_same_exit_code() -> Result<()> {
    let commands = [
        "create /one x",
        "create /one x",
        "get -s /one",
        "get /two",
        "set /one y -v 7",
        "nonsense",
        "ls /",
    ];
    let mut transcripts = Vec::new();
    for kind in kinds() {
        let server = Server::start(kind, options())?;
        let mut transcript = String::new();
        for command in commands {
            let mut shell = shell(&server, command.split(' '))?;
            let (output, code) = shell.finish()?;
            transcript += &format!(
                "> {command}\n{}exit code {code:?}\n",
                normalised(&output, server.port())
            );
        }
        transcripts.push(transcript);
    }
    let first = &transcripts[0];
    assert!(first.contains("Node does not exist: /two"), "{first}");
    for other in &transcripts[1..] {
        assert!(first == other, "{}", difference(first, other));
    }
    Ok(())
}

/// TTL nodes and hard quotas are off by default; the tutorial wants to see them.
fn options() -> Options {
    Options::default()
        .property("zookeeper.extendedTypesEnabled", true)
        .property("zookeeper.enforceQuota", true)
}

fn shell<'a>(server: &Server, arguments: impl Iterator<Item = &'a str>) -> Result<Shell> {
    let class_path: ClassPath = Project::apache(NEWEST).build()?;
    // A dumb terminal echoes nothing; without the setting the line reader looks at the machine it runs on.
    let properties = [
        ("org.jline.terminal.dumb", "true"),
        ("compat.log.level", "OFF"),
    ];
    let mut command = class_path.command("org.apache.zookeeper.ZooKeeperMain", &properties);
    command
        .args(["-waitforconnection", "-server", &server.address()])
        .args(arguments);
    Shell::start(command)
}

/// Runs the script against a fresh server and returns what was printed, command by command.
fn tutorial(kind: Kind, script: &str) -> Result<String> {
    let server = Server::start(kind, options())?;
    let mut shell = shell(&server, std::iter::empty())?;
    let mut transcript = take(&mut shell, 0, 1).context("the first prompt")?;
    let commands = script
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    for (number, line) in commands.enumerate() {
        let (command, events) = line.split_once(" => ").unwrap_or((line, "0"));
        let command = command.replace("PORT", &server.port().to_string());
        shell.send(&command)?;
        let output = if command == "quit" {
            let (rest, code) = shell.finish()?;
            format!("{rest}exit code {code:?}\n")
        } else {
            take(&mut shell, number + 1, events.parse()?)
                .with_context(|| format!("{kind}: {command}"))?
        };
        transcript += &format!(
            "> {command}\n{}",
            if command == "whoami" {
                sorted(&output)
            } else {
                output
            }
        );
    }
    Ok(normalised(&transcript, server.port()))
}

/// Apache's server lists the identities of a client in the order of a hash table.
fn sorted(output: &str) -> String {
    let mut lines: Vec<&str> = output.split_inclusive('\n').collect();
    lines.sort_unstable();
    lines.concat()
}

/// What the shell prints up to prompt `number`, and as many events as are expected: those first that came before.
/// Events are printed by a thread of their own, in pieces, anywhere between the other lines: they are set apart at the
/// end, and empty lines are dropped because most belong to events.
fn take(shell: &mut Shell, number: usize, events: usize) -> Result<String> {
    let prompt = format!(") {number}] ");
    let text = shell.read_until(|text| {
        let prompted = text.find(&prompt)? + prompt.len();
        let mut ends = text
            .match_indices(EVENT)
            .filter_map(|(at, _)| text[at..].find('\n').map(|end| at + end + 1));
        match events {
            0 => Some(prompted),
            _ => ends.nth(events - 1).map(|end| end.max(prompted)),
        }
    })?;
    let (mut lines, mut seen) = (String::new(), String::new());
    for line in text.split_inclusive('\n') {
        let (before, event) = match line.split_once(EVENT) {
            Some((before, event)) => (before, format!("event: {event}")),
            None => (line, String::new()),
        };
        let before = without_prompt(before);
        lines += if matches!(before, "\n" | "WATCHER::\n") {
            ""
        } else {
            before
        };
        seen += &event;
    }
    ensure!(
        seen.lines().count() == events,
        "expected {events} events: {lines}{seen}"
    );
    Ok(lines + &seen)
}

/// A line without the shell's prompt in front of it.
fn without_prompt(line: &str) -> &str {
    match (line.starts_with("[zk: "), line.find("] ")) {
        (true, Some(end)) => &line[end + 2..],
        _ => line,
    }
}

/// The transcript with what is different in every run replaced by its name.
fn normalised(text: &str, port: u16) -> String {
    let text = text.replace(&port.to_string(), "PORT");
    let line = |line: &str| match line.split_once(" = ") {
        Some((name @ ("ctime" | "mtime"), _)) => format!("{name} = TIME\n"),
        Some(("ephemeralOwner", owner)) if owner != "0x0" => {
            "ephemeralOwner = SESSION\n".to_owned()
        }
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// The lines of each text that the other has not, in their order, with some lines around them.
fn difference(left: &str, right: &str) -> String {
    let (left, right): (Vec<&str>, Vec<&str>) = (left.lines().collect(), right.lines().collect());
    let mut report = String::new();
    let (mut l, mut r) = (0, 0);
    while l < left.len() || r < right.len() {
        if left.get(l) == right.get(r) {
            l += 1;
            r += 1;
            continue;
        }
        let command = left[..l]
            .iter()
            .rev()
            .find(|line| line.starts_with("> "))
            .unwrap_or(&"the start");
        // The next command that both have in common ends the difference.
        let next = |lines: &[&str], from: usize| {
            (from..lines.len())
                .find(|at| lines[*at].starts_with("> "))
                .unwrap_or(lines.len())
        };
        let (l_end, r_end) = (next(&left, l).max(l + 1), next(&right, r).max(r + 1));
        report += &format!("after {command}\n");
        report.extend(
            left[l..l_end.min(left.len())]
                .iter()
                .map(|line| format!("  - {line}\n")),
        );
        report.extend(
            right[r..r_end.min(right.len())]
                .iter()
                .map(|line| format!("  + {line}\n")),
        );
        (l, r) = (l_end, r_end);
    }
    report
}
