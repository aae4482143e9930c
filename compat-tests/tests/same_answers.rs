//! The same conversation with both servers must read the same: replies and notifications, byte for byte, but for the clock and
//! the ids of sessions. The conversation is drawn from a seed, legal and illegal requests mixed; two clients take turns.

use compat_tests::server::Options;
use compat_tests::stage::{Stage, on_own};
use compat_tests::wire::encode::to_hex;
use compat_tests::wire::multi::request as multi;
use compat_tests::wire::{Acl, Blob, Client, Null, Reply, op, request};

/// Requests in one conversation.
const REQUESTS: usize = 3000;

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
            5 => (
                op::CREATE_TTL,
                request::create_ttl(path, data, &acl, 5, 1000),
            ),
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
        let (kind, mut body) = match self.below(20) {
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
            17 => (
                self.pick(&[op::CHECK_WATCHES, op::REMOVE_WATCHES]),
                request::path_kind(self.path(), self.pick(&[0, 1, 2, 3, 4, 5, 6])),
            ),
            18 => self.set_watches(),
            _ => (op::DELETE, request::path_version(self.path(), -1)),
        };
        if self.one_in(40) {
            body.truncate(self.below(body.len() + 1));
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
    let mut frames = Vec::new();
    loop {
        let frame = client.conn.frame();
        let reply = Reply::parse(&frame);
        let neutral = neutral(&frame, sessions);
        if reply.xid == xid && kind == op::GET_CHILDREN2 && reply.err == 0 {
            // The order of names is nobody's promise.
            let (names, _) = reply.names_and_stat();
            let stat = &neutral[neutral.len() - 68..];
            frames.push(format!("{names:?} {}", to_hex(stat)));
        } else {
            frames.push(to_hex(&neutral));
        }
        if reply.xid == xid {
            return frames;
        }
    }
}

/// Holds the conversation of this seed; what was asked and what was answered, a line each.
fn conversation(stage: Stage, seed: u64) -> Vec<String> {
    let mut dice = Dice(seed);
    let mut clients = [stage.client(), stage.client()];
    clients[0].add_digest("user:pass");
    let sessions = [clients[0].session.id, clients[1].session.id];
    let mut lines = Vec::new();
    for number in 0..REQUESTS {
        let (kind, body) = dice.request();
        let speaker = dice.below(2);
        lines.push(format!(
            "{number}: client {speaker}, operation {kind}, {}",
            to_hex(&body)
        ));
        lines.extend(answers(&mut clients[speaker], kind, &body, &sessions));
        let heard = clients[1 - speaker].events();
        lines.extend(
            heard
                .iter()
                .map(|event| format!("  the other hears {event:?}")),
        );
    }
    lines
}

#[test]
fn a_conversation_reads_the_same_with_both_servers() {
    for seed in [1, 2, 3] {
        let heard = std::cell::RefCell::new(Vec::<Vec<String>>::new());
        on_own(&Options::default(), |stage, _| {
            heard.borrow_mut().push(conversation(stage, seed))
        });
        let heard = heard.into_inner();
        for other in &heard[1..] {
            let split = heard[0].iter().zip(other).position(|(one, two)| one != two);
            if let Some(line) = split {
                let from = line.saturating_sub(6);
                let (one, two) = (heard[0][from..=line].join("\n"), &other[line]);
                assert_eq!(&heard[0][line], two, "seed {seed}, after\n{one}");
            }
        }
    }
}
