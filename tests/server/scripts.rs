//! Transcripts: requests of several clients and what each of them hears, as text in `scripts/`. A line that
//! is indented was heard; the others are commands. Run with `REWRITE_SCRIPTS=1` to record anew, and read
//! the difference before believing it.
//!
//! ```text
//! 0> create /a x | get /a     client 0 sends two requests at once
//! cut, sync, finish           the batch is cut, the oldest is durable, everything ready is finished
//! settle                      all three until nothing is left
//! pass 60000                  milliseconds go by, containers and TTL nodes may go
//! expire 1, leave 1           a session expires; a connection goes
//! ```

use std::fmt::Write;
use std::fs;
use std::path::Path;

use oxkeeper::types::{ConnId, SessionId};

use crate::ask::Ask;
use crate::pair;
use crate::world::World;

const CLIENTS: usize = 3;

fn conn(client: &str) -> ConnId {
    let number = client.trim().parse::<u64>().expect("clients are numbers");
    ConnId(number + 1)
}

/// A world with three clients whose sessions are open.
fn world() -> World {
    let mut world = World::new();
    for client in 0..CLIENTS {
        let conn = conn(&client.to_string());
        world.connect(conn, SessionId::NONE, pair::who(client));
        let session = SessionId(0x100 + i64::try_from(client).unwrap());
        world.open_session(conn, session, 10_000);
    }
    settle(&mut world);
    world
        .clients
        .values_mut()
        .for_each(|client| client.heard.clear());
    world
}

fn finish(world: &mut World) {
    while world.finish_one() {}
}

fn settle(world: &mut World) {
    world.cut();
    while world.sync() {}
    finish(world);
}

fn command(world: &mut World, line: &str) {
    if let Some((client, asks)) = line.split_once('>') {
        let asks = asks.split('|').map(|ask| ask.parse::<Ask>().expect(line));
        world.send(conn(client), &asks.collect::<Vec<_>>());
        return;
    }
    let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
    match verb {
        "cut" => world.cut(),
        "sync" => assert!(world.sync(), "there is nothing to sync"),
        "finish" => finish(world),
        "settle" => settle(world),
        "pass" => {
            world.clock += argument.parse::<i64>().expect(line);
            let now = world.now();
            world.replica.reap(&world.state, now);
        }
        "expire" => {
            let session = world.clients[&conn(argument)].session;
            let now = world.now();
            world.replica.expire_session(&world.state, session, now);
        }
        "leave" => {
            world.disconnect(conn(argument));
        }
        _ => panic!("{line}: not a command"),
    }
}

/// The commands of a transcript with what is heard now.
fn play(transcript: &str) -> String {
    let mut world = world();
    let mut out = String::new();
    for line in transcript.lines().filter(|line| !line.starts_with(' ')) {
        writeln!(out, "{line}").unwrap();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        command(&mut world, line);
        for (conn, client) in &mut world.clients {
            for heard in client.heard.drain(..) {
                writeln!(out, "    {}: {heard}", conn.0 - 1).unwrap();
            }
        }
    }
    out
}

#[test]
fn transcripts_are_as_recorded() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/server/scripts");
    let rewrite = std::env::var_os("REWRITE_SCRIPTS").is_some();
    let mut played = 0;
    for entry in fs::read_dir(&dir).unwrap().flatten() {
        let path = entry.path();
        let recorded = fs::read_to_string(&path).unwrap();
        let now = play(&recorded);
        if rewrite {
            fs::write(&path, &now).unwrap();
        }
        for (number, (now, recorded)) in now.lines().zip(recorded.lines()).enumerate() {
            assert!(
                rewrite || now == recorded,
                "{}:{}: {now}",
                path.display(),
                number + 1
            );
        }
        assert!(
            rewrite || now == recorded,
            "{}: the ends differ",
            path.display()
        );
        played += 1;
    }
    assert!(played >= 4, "the transcripts are there");
}
