//! The C client's own shell, `cli_mt`, as Debian packages it: what it prints for every line of `scripts/cli-mt.txt`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::cache;
use crate::debian;
use crate::server::{Kind, Options, Server};
use crate::shell::Shell;

/// The shell and its library, fetched and unpacked.
///
/// # Errors
/// When they are not to be had here.
pub fn unpacked() -> Result<PathBuf> {
    debian::unpacked("cli-mt", &["zookeeper-bin", "libzookeeper-mt2"])
}

/// Runs the script against a fresh server and returns what was printed, command by command.
///
/// # Errors
/// When the shell is not to be had here (it comes from Debian), or does not answer.
pub fn transcript(kind: Kind) -> Result<String> {
    let root = &unpacked()?;
    let mut server = Server::start(
        kind,
        Options::default().property("zookeeper.extendedTypesEnabled", true),
    )?;
    let library = debian::find(root, "libzookeeper_mt.so.2")?;
    let mut command = Command::new(debian::find(root, "cli_mt")?);
    command
        .env(
            "LD_LIBRARY_PATH",
            library.parent().context("a library is in a folder")?,
        )
        .args(["-h", &server.address()]);
    let mut shell = Shell::start(command)?;
    until(&mut shell, "Got a new session id")?;
    let script = std::fs::read_to_string(cache::crate_dir().join("scripts/cli-mt.txt"))?;
    let mut transcript = String::new();
    for (number, line) in script
        .lines()
        .filter(|line| !line.starts_with('#'))
        .enumerate()
    {
        match line {
            "RESTART" => {
                server.stop()?;
                server.start_again()?;
                until(&mut shell, "CONNECTED_STATE")?;
            }
            "KILL" => {
                server.kill()?;
                server.start_again()?;
                until(&mut shell, "CONNECTED_STATE")?;
            }
            _ => {
                // Answers are printed in order: this one after everything that the command before has caused.
                let marker = format!("/marker-{number}");
                shell.send(line)?;
                shell.send(&format!("get {marker}"))?;
                let answer = format!("{marker}: rc = -101\n");
                let output =
                    until(&mut shell, &answer).with_context(|| format!("{kind}: {line}"))?;
                until(&mut shell, "null")?;
                let output = output.replace(&answer, "");
                transcript += &format!("> {line}\n{}", normalised(&output));
            }
        }
    }
    Ok(transcript)
}

/// What the shell prints up to the end of the line that has this text.
fn until(shell: &mut Shell, text: &str) -> Result<String> {
    shell.read_until(|output| {
        let at = output.find(text)?;
        output[at..].find('\n').map(|end| at + end + 1)
    })
}

/// The output without what is different in every run: the client's own log, times, the session and the state of its
/// connection; and children in order of their names, for the server gives them in none.
fn normalised(output: &str) -> String {
    let volatile = [
        "ZOO_",
        "SESSION_EVENT",
        "time = ",
        "session id",
        "Error -101 for /marker-",
    ];
    let mut children = Vec::new();
    let mut lines = String::new();
    let flush = |children: &mut Vec<&str>, lines: &mut String| {
        children.sort_unstable();
        lines.extend(children.drain(..));
    };
    for line in output.split_inclusive('\n') {
        if volatile.iter().any(|text| line.contains(text)) || line.contains("mtime=") {
            continue;
        }
        if line.starts_with('\t') && !line.contains('=') {
            children.push(line);
            continue;
        }
        flush(&mut children, &mut lines);
        match line.split_once("ephemeralOwner = ") {
            Some((before, owner)) if owner.trim() != "0" => {
                lines += &format!("{before}ephemeralOwner = SESSION\n")
            }
            _ => lines += line,
        }
    }
    flush(&mut children, &mut lines);
    lines
}
