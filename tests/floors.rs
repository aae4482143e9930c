//! The floor plan, checked. Fails when a file imports upward or sideways, when a pure room reaches for the
//! street, when a file has no header, or when a room is missing from the plan. The picture that goes with it is in
//! `docs/architecture.md`.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Room (a path under `src/`) and its floor. The longest match wins.
const PLAN: &[(&str, u8)] = &[
    ("types", 1),
    ("config", 2),
    ("proto", 2),
    ("tree", 3),
    ("watch", 3),
    ("session", 3),
    ("auth", 3),
    ("consensus", 3),
    ("storage/format", 3),
    ("ops", 4),
    ("pipeline", 5),
    ("replica", 6),
    ("storage", 7),
    ("net", 7),
    ("net/client", 8),
    ("net/peer", 8),
    ("admin", 8),
    ("bench", 8),
    ("server", 9),
    (PROGRAM, 10),
];
/// The files beside `main.rs`: a crate of its own above the library, so its `crate::` paths stay inside.
const PROGRAM: &str = "main";
/// What the program may take from the library.
const PROGRAM_IMPORTS: &[&str] = &["bench", "config", "server", "types"];
/// From this floor on a room may wait, read a clock, open files and sockets, and take locks.
const STREET: u8 = 7;
/// What no pure room may say. Hash containers are here because their order is random.
const STREET_WORDS: &[&str] = &[
    "tokio",
    "async",
    "await",
    "std::fs",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "ToSocketAddrs",
    "std::thread",
    "std::env",
    "std::process",
    "Instant",
    "SystemTime",
    "rand",
    "HashMap",
    "HashSet",
    "RandomState",
    "Mutex",
    "RwLock",
    "mpsc",
    "parking_lot",
    "OnceLock",
    "LazyLock",
    "thread_local",
    "static mut",
    "println",
    "eprintln",
];
/// As above, for words that have many endings: `AtomicU64` and its kin.
const STREET_STEMS: &[&str] = &["Atomic"];
/// The only rooms that speak Jute.
const JUTE_ROOMS: &[&str] = &["proto", "storage/format"];

/// The room of a path such as `tree/node` or `tree/node.rs`, and its floor.
fn room_of(path: &str) -> Option<(&'static str, u8)> {
    let inside = |room: &str| {
        path.strip_prefix(room)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    PLAN.iter()
        .filter(|(room, _)| inside(room))
        .max_by_key(|(room, _)| room.len())
        .copied()
}

/// The room of a file: what lies beside `main.rs` is the program.
fn room_of_file(file: &str) -> Option<(&'static str, u8)> {
    let is_program = !file.contains('/') && file != "lib.rs";
    room_of(if is_program { PROGRAM } else { file })
}

/// The paths after every `<root>::` on a line, with `/` for `::`.
fn targets<'l>(line: &'l str, root: &'l str) -> impl Iterator<Item = String> + 'l {
    words(line, root)
        .filter_map(|(_, rest)| rest.strip_prefix("::"))
        .map(|rest| {
            let in_path = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':');
            let end = rest.bytes().take_while(in_path).count();
            rest[..end].replace("::", "/")
        })
}

/// Every place where `word` begins a word of the line, with what follows it.
fn words<'l>(line: &'l str, word: &'l str) -> impl Iterator<Item = (usize, &'l str)> {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word)
        .filter(move |(at, _)| !line[..*at].ends_with(in_word))
        .map(move |(at, _)| (at, &line[at + word.len()..]))
}

fn says(line: &str, word: &str) -> bool {
    words(line, word).any(|(_, rest)| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// Complaints about one file. `file` is its path under `src/`, `text` its contents.
fn check(file: &str, text: &str) -> Vec<String> {
    let mut bad = Vec::new();
    let mut say = |line: usize, what: String| bad.push(format!("src/{file}:{line}: {what}"));
    if !text.starts_with("//!") {
        say(1, "no header: say what lives here".into());
    }
    let Some((room, floor)) = room_of_file(file) else {
        if file != "lib.rs" {
            say(1, "room is not in the plan".into());
        }
        return bad;
    };
    for (n, raw) in text.lines().enumerate().map(|(i, raw)| (i + 1, raw)) {
        let line = raw.split("//").next().unwrap_or_default();
        let complaints = if room == PROGRAM {
            check_program_line(line)
        } else {
            check_line(line, room, floor)
        };
        complaints.into_iter().for_each(|what| say(n, what));
    }
    bad
}

fn check_program_line(line: &str) -> Vec<String> {
    targets(line, "oxkeeper")
        .filter(|target| {
            let first = target.split('/').next().unwrap_or_default();
            !PROGRAM_IMPORTS.contains(&first)
        })
        .map(|target| format!("the program imports `{target}`"))
        .collect()
}

fn check_line(line: &str, room: &str, floor: u8) -> Vec<String> {
    let mut bad = Vec::new();
    if line.contains("crate::{") || line.contains("use crate::*") {
        bad.push("one room per `use` line".into());
    }
    if line.contains("super::") && !line.contains("super::*") {
        bad.push("name the room: `crate::...`".into());
    }
    if words(line, "oxkeeper::").next().is_some() {
        bad.push("the library names itself `crate`".into());
    }
    for target in targets(line, "crate").filter(|target| !target.is_empty()) {
        match room_of(&target) {
            None => bad.push(format!("`{target}` is in no room")),
            Some((other, f)) if other != room && f >= floor => {
                bad.push(format!(
                    "floor {floor} `{room}` imports floor {f} `{other}`"
                ));
            }
            Some(_) => {}
        }
    }
    if words(line, "jute::").next().is_some() && !JUTE_ROOMS.contains(&room) {
        bad.push("speak records, not Jute".into());
    }
    if floor < STREET {
        let whole = STREET_WORDS.iter().filter(|word| says(line, word));
        let stems = STREET_STEMS
            .iter()
            .filter(|stem| words(line, stem).next().is_some());
        bad.extend(
            whole
                .chain(stems)
                .map(|word| format!("`{word}` belongs on the street")),
        );
    }
    bad
}

/// `lib.rs` is the map: module declarations only, in floor order.
fn check_map(text: &str) -> Vec<String> {
    let mut bad = Vec::new();
    let mut last = 0;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with("//") {
            continue;
        }
        let room = line
            .strip_prefix("pub mod ")
            .and_then(|rest| rest.strip_suffix(';'));
        match room.and_then(room_of) {
            None => bad.push(format!("src/lib.rs: `{line}` declares no room")),
            Some((room, floor)) if floor < last => {
                bad.push(format!("src/lib.rs: `{room}` stands above its floor"));
            }
            Some((_, floor)) => last = floor,
        }
    }
    bad
}

fn rust_files(dir: &Path, out: &mut Vec<PathBuf>) {
    for path in fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        if path.is_dir() {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

#[test]
fn the_house_stands() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut files, mut complaints, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    rust_files(&src, &mut files);
    for path in &files {
        let file = path.strip_prefix(&src).unwrap().to_str().unwrap();
        seen.extend(room_of_file(file).map(|(room, _)| room));
        complaints.extend(check(file, &fs::read_to_string(path).unwrap()));
    }
    let empty = PLAN.iter().filter(|(room, _)| !seen.contains(room));
    complaints.extend(empty.map(|(room, _)| format!("room `{room}` is in the plan but empty")));
    complaints.extend(check_map(&fs::read_to_string(src.join("lib.rs")).unwrap()));
    complaints.sort();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// File, line, whether it must be complained about, and what the line stands for.
#[rustfmt::skip]
const SAMPLES: &[(&str, &str, usize, &str)] = &[
    ("tree/apply.rs", "use crate::proto::txn::Txn;", 0, "downward"),
    ("tree/apply.rs", "use crate::tree::node::Node;", 0, "own room"),
    ("ops/create.rs", "use crate::types::{Acl, Id};", 0, "a list of one room"),
    ("tree/apply.rs", "use crate::watch::Watches;", 1, "sideways"),
    ("tree/apply.rs", "use crate::replica::State;", 1, "upward"),
    ("tree/apply.rs", "fn f(x: crate::replica::State) {}", 1, "upward without `use`"),
    ("storage/format/scan.rs", "use crate::storage::disk::Disk;", 1, "pure half to thin half"),
    ("storage/txn_log.rs", "use crate::storage::format::scan;", 0, "thin half to pure half"),
    ("net/client/accept.rs", "use crate::admin::view;", 1, "sideways on the street"),
    ("net/listen.rs", "use crate::net::client::shard;", 1, "from a room to the room inside"),
    ("auth/ip.rs", "let now = std::time::Instant::now();", 1, "a clock"),
    ("auth/ip.rs", "use std::net::IpAddr;", 0, "an address is a value"),
    ("auth/ip.rs", "use std::net::TcpStream;", 1, "a socket"),
    ("server/clock.rs", "let now = std::time::Instant::now();", 0, "the clock's own home"),
    ("session/mod.rs", "ends: HashMap<SessionId, Millis>,", 1, "random order"),
    ("session/mod.rs", "next: AtomicU64,", 1, "a hidden hand-over"),
    ("session/mod.rs", "let operand = rand_free;", 0, "parts of words are free"),
    ("tree/apply.rs", "// tokio would be wrong here", 0, "comments are free"),
    ("ops/create.rs", "use jute::Reader;", 1, "Jute above its floor"),
    ("proto/txn.rs", "use jute::Reader;", 0, "Jute at home"),
    ("tree/apply.rs", "use super::super::watch::Watches;", 1, "round the back"),
    ("tree/apply.rs", "use super::*;", 0, "a test module"),
    ("tree/apply.rs", "use crate::{types::Zxid};", 1, "a list of rooms"),
    ("tree/apply.rs", "use oxkeeper::watch::Watches;", 1, "its own name"),
    ("cache/mod.rs", "", 1, "a room nobody planned"),
    ("main.rs", "use crate::cli::Cli;", 0, "the program's own files"),
    ("ask.rs", "use oxkeeper::config::Config;", 0, "what the program may use"),
    ("main.rs", "use oxkeeper::tree::Tree;", 1, "past the front door"),
];

#[test]
fn the_check_itself_bites() {
    for (file, body, want, why) in SAMPLES {
        let found = check(file, &format!("//! x\n{body}\n"));
        assert_eq!(found.len(), *want, "{why}: {found:?}");
    }
    assert_eq!(check("tree/apply.rs", "fn f() {}\n").len(), 1, "no header");
    assert_eq!(check_map("pub mod types;\n// x\npub mod tree;\n").len(), 0);
    let upside_down = check_map("pub mod tree;\npub mod types;\n");
    assert_eq!(upside_down.len(), 1, "order");
    assert_eq!(check_map("pub mod types;\nfn f() {}\n").len(), 1, "code");
}
