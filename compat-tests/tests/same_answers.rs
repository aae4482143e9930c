//! The same conversation with both servers must read the same: replies and notifications, byte for byte, but for the clock and
//! the ids of sessions. The conversation is drawn from a seed, legal and illegal requests mixed; two clients take turns.

use std::cell::RefCell;

use compat_tests::server::Options;
use compat_tests::stage::{Stage, on_own};
use compat_tests::wire::encode::to_hex;
use compat_tests::wire::multi::request as multi;
use compat_tests::wire::{Acl, Blob, Client, Null, Reply, op, request};

/// Requests in one conversation.
const REQUESTS: usize = 3000;

/// Flags and lifetimes for createTTL; long ones, so that no clock matters.
const TTLS: [(i32, i64); 8] = [
    (5, 3_600_000),
    (6, 3_600_000),
    (5, 0),
    (5, -1),
    (6, 1 << 40),
    (0, 0),
    (1, 5),
    (9, -1),
];

/// Requests in which any bit may be wrong without stopping Apache's server.
const BENDABLE: [i32; 12] = [
    op::CREATE,
    op::DELETE,
    op::EXISTS,
    op::GET_DATA,
    op::SET_ACL,
    op::GET_CHILDREN2,
    op::SYNC,
    op::CREATE2,
    op::SET_WATCHES,
    op::SET_WATCHES2,
    op::ADD_WATCH,
    op::REMOVE_WATCHES,
];

/// Texts of quotas that both servers can read.
const QUOTAS: [&str; 6] = [
    "count=3,bytes=20",
    "count=1,bytes=-1=;byteHardLimit=-1;countHardLimit=4",
    "byteHardLimit=12",
    "countHardLimit=3;byteHardLimit=9",
    "count=-1,bytes=-1",
    "countHardLimit==7",
];

/// Numbers from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `sides`.
    fn below(&mut self, sides: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(sides).expect("small")).expect("small")
    }

    fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.below(sides) == 0
    }

    /// Mostly a path of up to three short names, so that requests meet; now and then something odd.
    fn path(&mut self) -> Blob {
        if self.one_in(25) {
            let odd = [
                "",
                "/",
                "a",
                "//",
                "/a/",
                "/a/.",
                "/..",
                "/a\0",
                "/zookeeper",
                "/a//b",
                "/\u{1F600}",
                "/zookeeper/config",
            ];
            return if self.one_in(6) {
                Null.into()
            } else {
                self.pick(&odd).into()
            };
        }
        let mut path = String::new();
        for _ in 0..=self.below(3) {
            path.push('/');
            path.push_str(self.pick(&["a", "b", "c"]));
        }
        Blob::from(&path)
    }

    fn data(&mut self) -> Blob {
        match self.below(8) {
            0 => Null.into(),
            1 => "".into(),
            length => "x".repeat(length).as_str().into(),
        }
    }

    fn version(&mut self) -> i32 {
        self.pick(&[-1, -1, -1, -1, 0, 1, 2, -2])
    }

    fn acl(&mut self) -> Vec<Acl> {
        let odd = [
            vec![],
            vec![Acl::world(1)],
            vec![Acl::world(15), Acl::new(31, "ip", "127.0.0.1")],
            vec![Acl::new(31, "auth", ""), Acl::world(9)],
            vec![Acl::new(31, "digest", "user:x"), Acl::world(29)],
            vec![Acl::new(31, "nobody", "x")],
            vec![Acl::new(31, "digest", Null)],
            vec![Acl::world(30)],
        ];
        if self.one_in(4) {
            self.pick(&odd)
        } else {
            Acl::open()
        }
    }

    fn flags(&mut self) -> i32 {
        self.pick(&[0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, -1])
    }

    /// A write that may also stand in a multi.
    fn write(&mut self) -> (i32, Vec<u8>) {
        let (path, data, acl) = (self.path(), self.data(), self.acl());
        match self.below(9) {
            0..=2 => (op::CREATE, request::create(path, data, &acl, self.flags())),
            3 => (op::CREATE2, request::create(path, data, &acl, self.flags())),
            4 => (
                op::CREATE_CONTAINER,
                request::create(path, data, &acl, self.flags()),
            ),
            5 => {
                let (flags, ttl) = self.pick(&TTLS);
                (
                    op::CREATE_TTL,
                    request::create_ttl(path, data, &acl, flags, ttl),
                )
            }
            6 => (op::DELETE, request::path_version(path, self.version())),
            _ => (op::SET_DATA, request::set_data(path, data, self.version())),
        }
    }

    fn read(&mut self) -> (i32, Vec<u8>) {
        let watch = self.one_in(2);
        let kinds = [
            op::EXISTS,
            op::GET_DATA,
            op::GET_CHILDREN2,
            op::GET_ACL,
            op::SYNC,
            op::GET_ALL_CHILDREN_NUMBER,
        ];
        (self.pick(&kinds), request::path_watch(self.path(), watch))
    }

    /// Something about a quota on `/a`, `/b` or `/a/b`.
    fn quota(&mut self) -> (i32, Vec<u8>) {
        let mut path = format!("/zookeeper/quota{}", self.pick(&["/a", "/b", "/a/b"]));
        path.push_str(self.pick(&["", "/zookeeper_limits", "/zookeeper_stats"]));
        let text = self.pick(&QUOTAS);
        match self.below(8) {
            0..=4 => (op::CREATE, request::create(&path, text, &Acl::open(), 0)),
            5 => (op::GET_DATA, request::path_watch(&path, true)),
            6 => (op::SET_DATA, request::set_data(&path, text, -1)),
            _ => (op::DELETE, request::path_version(&path, -1)),
        }
    }

    fn elements(&mut self) -> Vec<(i32, Vec<u8>)> {
        let count = self.below(4);
        let mut element = || match self.below(4) {
            0 => (
                op::CHECK,
                request::path_version(self.path(), self.version()),
            ),
            _ => self.write(),
        };
        (0..count).map(|_| element()).collect()
    }

    /// Any request whose answer is not a matter of luck.
    fn request(&mut self) -> (i32, Vec<u8>) {
        let (kind, mut body) = match self.below(22) {
            0..=6 => self.write(),
            7..=11 => self.read(),
            12 => (
                op::SET_ACL,
                request::set_acl(self.path(), &self.acl(), self.version()),
            ),
            13..=14 => (op::MULTI, multi(&self.elements())),
            15 => (
                op::MULTI_READ,
                multi(&[(op::GET_DATA, request::path_watch(self.path(), false))]),
            ),
            16 => (
                op::ADD_WATCH,
                request::path_kind(self.path(), self.pick(&[0, 0, 1, 1, 2])),
            ),
            17 => {
                let kind = self.pick(&[op::CHECK_WATCHES, op::REMOVE_WATCHES]);
                (
                    kind,
                    request::path_kind(self.path(), self.pick(&[0, 1, 2, 3, 4, 5, 6])),
                )
            }
            18 => self.set_watches(),
            19 => return self.quota(),
            20 => (op::GET_EPHEMERALS, request::path(self.path())),
            _ => (op::DELETE, request::path_version(self.path(), -1)),
        };
        if self.one_in(40) {
            body.truncate(self.below(body.len() + 1));
        } else if self.one_in(20) && BENDABLE.contains(&kind) && !body.is_empty() {
            let place = self.below(body.len());
            body[place] ^= 1 << self.below(8);
        }
        (kind, body)
    }

    fn set_watches(&mut self) -> (i32, Vec<u8>) {
        let names = ["/a", "/b", "/c", "/a/b", "/b/a", "/c/c"];
        let mut list = || -> Vec<&str> { (0..self.below(3)).map(|_| self.pick(&names)).collect() };
        let lists = [list(), list(), list(), list(), list()];
        let lists: Vec<&[&str]> = lists.iter().map(Vec::as_slice).collect();
        let zxid = i64::try_from(self.below(REQUESTS)).expect("small");
        if self.one_in(2) {
            (op::SET_WATCHES, request::set_watches(zxid, &lists[..3]))
        } else {
            (op::SET_WATCHES2, request::set_watches(zxid, &lists))
        }
    }
}

/// Bytes of a frame without what is different in every run: the ids of the two sessions, and times of the last hour.
fn neutral(frame: &[u8], sessions: &[i64; 2]) -> Vec<u8> {
    let now = std::time::UNIX_EPOCH
        .elapsed()
        .expect("after 1970")
        .as_millis();
    let now = i64::try_from(now).expect("a time in 64 bits");
    let mut bytes = frame.to_vec();
    // First the ids: they may begin with a time themselves.
    for (place, id) in (0..).zip(sessions) {
        replace(&mut bytes, 0x5E55_1000 + place, |value| value == *id);
    }
    replace(&mut bytes, 0xC10C, |value| {
        (now - 3_600_000..=now).contains(&value)
    });
    bytes
}

/// Writes `name` over every eight bytes behind the header that `matches` picks.
fn replace(bytes: &mut [u8], name: i64, matches: impl Fn(i64) -> bool) {
    for start in 16..bytes.len().saturating_sub(7) {
        let place = &mut bytes[start..start + 8];
        if matches(i64::from_be_bytes(
            (&*place).try_into().expect("eight bytes"),
        )) {
            place.copy_from_slice(&name.to_be_bytes());
        }
    }
}

/// The frames that answer one request: notifications and the reply.
fn answers(client: &mut Client, kind: i32, body: &[u8], sessions: &[i64; 2]) -> Vec<String> {
    let xid = client.send(kind, body);
    let mut lines = Vec::new();
    loop {
        let frame = client.conn.frame();
        let reply = Reply::parse(&frame);
        lines.push(line(&reply, kind, &neutral(&frame, sessions)));
        if reply.xid == xid {
            return lines;
        }
    }
}

/// One frame as text; lists of names are sorted, for their order is nobody's promise.
fn line(reply: &Reply, kind: i32, neutral: &[u8]) -> String {
    if reply.xid == -1 || reply.err != 0 {
        return to_hex(neutral);
    }
    match kind {
        op::GET_CHILDREN2 => {
            let stat = &neutral[neutral.len() - 68..];
            format!("{:?} {}", reply.names_and_stat().0, to_hex(stat))
        }
        op::GET_EPHEMERALS => format!("{:?}", reply.names()),
        _ => to_hex(neutral),
    }
}

/// Two clients, and the ids of their sessions.
struct Pair {
    clients: [Client; 2],
    sessions: [i64; 2],
}

impl Pair {
    fn new(stage: Stage) -> Self {
        let mut clients = [stage.client(), stage.client()];
        clients[0].add_digest("user:pass");
        let sessions = [clients[0].session.id, clients[1].session.id];
        Self { clients, sessions }
    }

    /// One client asks, and the other listens.
    fn ask(&mut self, speaker: usize, kind: i32, body: &[u8]) -> Vec<String> {
        let mut lines = answers(&mut self.clients[speaker], kind, body, &self.sessions);
        lines.extend(self.heard_by(1 - speaker));
        lines
    }

    /// One client ends its session and begins another. Its ephemeral nodes go in no particular order.
    fn leave(&mut self, stage: Stage, speaker: usize) -> Vec<String> {
        let mut lines = answers(
            &mut self.clients[speaker],
            op::CLOSE_SESSION,
            &[],
            &self.sessions,
        );
        self.clients[speaker] = stage.client();
        self.sessions[speaker] = self.clients[speaker].session.id;
        lines.extend(self.heard_by(1 - speaker));
        lines.sort();
        lines
    }

    fn heard_by(&mut self, listener: usize) -> Vec<String> {
        let events = self.clients[listener].events();
        events
            .iter()
            .map(|event| format!("  the other hears {event:?}"))
            .collect()
    }
}

/// Holds the conversation of this seed; what was asked and what was answered, a line each.
fn conversation(stage: Stage, seed: u64) -> Vec<String> {
    let mut dice = Dice(seed);
    let mut pair = Pair::new(stage);
    let mut lines = Vec::new();
    for number in 0..REQUESTS {
        let speaker = dice.below(2);
        if dice.one_in(100) {
            lines.push(format!("{number}: client {speaker} leaves"));
            lines.extend(pair.leave(stage, speaker));
            continue;
        }
        let (kind, body) = dice.request();
        lines.push(format!(
            "{number}: client {speaker}, operation {kind}, {}",
            to_hex(&body)
        ));
        lines.extend(pair.ask(speaker, kind, &body));
    }
    lines
}

#[test]
fn a_conversation_reads_the_same_with_both_servers() {
    let options = Options::default()
        .property("zookeeper.extendedTypesEnabled", true)
        .property("zookeeper.enforceQuota", true);
    for seed in [1, 2, 3] {
        let heard = RefCell::new(Vec::<Vec<String>>::new());
        on_own(&options, |stage, _| {
            heard.borrow_mut().push(conversation(stage, seed))
        });
        let heard = heard.into_inner();
        for other in &heard[1..] {
            let split = heard[0].iter().zip(other).position(|(one, two)| one != two);
            if let Some(line) = split {
                let from = line.saturating_sub(6);
                let before = heard[0][from..line].join("\n");
                assert_eq!(heard[0][line], other[line], "seed {seed}, after\n{before}");
            }
        }
    }
}
