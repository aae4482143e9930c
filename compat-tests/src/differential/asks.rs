//! Single operations by chance: legal and illegal ones, on few names so that they meet. `generator` says what is never asked.

use crate::differential::generator::Generator;
use crate::differential::script::Ask;
use crate::differential::script::Bend;
use crate::differential::script::Op;
use crate::differential::script::Path;
use crate::wire::Acl;
use crate::wire::Blob;
use crate::wire::Null;
use crate::wire::op;

/// Paths that are out of the ordinary.
const ODD_PATHS: [&str; 16] = [
    "",
    "/",
    "a",
    "//",
    "/a/",
    "/a/.",
    "/..",
    "/a\0",
    "/a//b",
    "/\u{1F600}",
    "/\u{E000}",
    "/\u{A0}",
    "/zookeeper",
    "/zookeeper/quota",
    "/zookeeper/config",
    "/zookeeper/config/x",
];

/// Flags and lifetimes for createTTL; long ones, so that no clock matters.
const LIFETIMES: [(i32, i64); 9] = [
    (5, 3_600_000),
    (5, 1_099_511_627_775),
    (6, 3_600_000),
    (5, 0),
    (5, -1),
    (6, 1 << 40),
    (0, 0),
    (1, 5),
    (9, -1),
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

/// Requests in which any bit may be wrong without stopping Apache's server.
const BENDABLE: [i32; 16] = [
    op::CREATE,
    op::DELETE,
    op::EXISTS,
    op::GET_DATA,
    op::SET_DATA,
    op::SET_ACL,
    op::GET_ACL,
    op::GET_CHILDREN,
    op::GET_CHILDREN2,
    op::SYNC,
    op::CREATE2,
    op::SET_WATCHES,
    op::SET_WATCHES2,
    op::ADD_WATCH,
    op::CHECK_WATCHES,
    op::REMOVE_WATCHES,
];

impl Generator {
    /// A request that leaves the connection open.
    pub(super) fn op(&mut self) -> Op {
        let ask = self.ask();
        let kind = ask.kind();
        let quota =
            matches!(&ask, Ask::Create { path, .. } | Ask::SetData { path, .. } if is_quota(path));
        let bend = if kind == op::DELETE_CONTAINER || quota {
            None
        } else if self.dice.one_in(40) {
            Some(Bend::Cut(self.dice.below(40)))
        } else if self.dice.one_in(25) && BENDABLE.contains(&kind) {
            Some(Bend::Flip(self.dice.below(400)))
        } else if self.dice.one_in(60) {
            Some(Bend::Tail(vec![0, 0xff, 7]))
        } else {
            None
        };
        Op { ask, bend }
    }

    fn ask(&mut self) -> Ask {
        match self.dice.below(100) {
            0..28 => self.write(),
            28..48 => self.read(),
            48..54 => Ask::SetAcl {
                path: self.acl_path(),
                acl: self.acl(),
                version: self.version(),
            },
            54..64 => self.multi(),
            64..68 => self.multi_read(),
            68..75 => Ask::Typed {
                kind: op::ADD_WATCH,
                path: self.path(),
                of: self.dice.pick(&[0, 0, 1, 1, 1, 2, -1]),
            },
            75..80 => Ask::Typed {
                kind: self.dice.pick(&[op::CHECK_WATCHES, op::REMOVE_WATCHES]),
                path: self.path(),
                of: self.dice.pick(&[0, 1, 2, 3, 4, 5, 6]),
            },
            80..84 => self.set_watches(),
            84..88 => self.quota(),
            88..90 => self.container(),
            90..92 => Ask::Bare { kind: op::WHO_AM_I },
            92 => Ask::Bare { kind: op::PING },
            93 => Ask::Reconfig {
                joining: self.dice.pick(&[Null.into(), "server.2=h:1:2;3".into()]),
                leaving: self.dice.pick(&[Null.into(), "2".into(), "x".into()]),
                members: Null.into(),
                version: self.dice.pick(&[-1, 0, 5]),
            },
            _ => self.delete(),
        }
    }

    /// Mostly a path of up to three short names, so that requests meet; now and then something odd.
    pub(super) fn path(&mut self) -> Path {
        if self.dice.one_in(25) {
            return match self.dice.below(8) {
                0 => Path::from(Null),
                1 => Path::from(self.dice.pick(&["/qq", "/tt"])).below("/a"),
                _ => Path::from(self.dice.pick(&ODD_PATHS)),
            };
        }
        if self.dice.one_in(15) {
            let text = Blob::from(self.dice.pick(&["", "", "/a", "/"]));
            return Path { made: true, text };
        }
        Path::from(&self.plain_path())
    }

    fn plain_path(&mut self) -> String {
        let depth = self.dice.weighed(&[(3, 1), (4, 2), (2, 3)]);
        let names = (0..depth).map(|_| self.dice.pick(&["/a", "/b", "/c"]));
        names.collect()
    }

    /// Not the root: without permissions there, nothing more would happen.
    fn acl_path(&mut self) -> Path {
        loop {
            let path = self.path();
            let text = path.text.0.as_deref();
            if path.made || !matches!(text, Some(b"/" | b"")) {
                return path;
            }
        }
    }

    fn data(&mut self) -> Blob {
        match self.dice.below(10) {
            0 => Null.into(),
            1 => "".into(),
            2 => Blob::from(&vec![0, 0xff, b'"', b'\\']),
            length => "x".repeat(length).as_str().into(),
        }
    }

    fn version(&mut self) -> i32 {
        self.dice
            .pick(&[-1, -1, -1, -1, -1, 0, 0, 1, 2, -2, i32::MAX])
    }

    fn acl(&mut self) -> Vec<Acl> {
        if !self.dice.one_in(4) {
            return Acl::open();
        }
        let digest = |perms, id: &str| Acl::new(perms, "digest", id);
        let ann = "ann:grDcJ7OS1jCu/cG2TyJHw/I9L8o=";
        let bob = "bob:yqVrLFrvoaI9z9fohteaNPJvRu8=";
        let odd = [
            vec![],
            vec![Acl::world(1)],
            vec![Acl::world(15), Acl::new(31, "ip", "127.0.0.1")],
            vec![Acl::new(31, "ip", "10.0.0.0/8"), Acl::world(29)],
            vec![Acl::new(31, "auth", ""), Acl::world(9)],
            vec![Acl::new(31, "auth", Null)],
            vec![digest(31, ann), Acl::world(17)],
            vec![digest(31, ann), digest(15, bob)],
            vec![digest(31, bob), Acl::world(4)],
            vec![digest(31, "user:x"), Acl::world(29), Acl::world(29)],
            vec![digest(31, "a:b:c")],
            vec![Acl::new(31, "nobody", "x")],
            vec![Acl::new(31, "ip", "300.1.1.1")],
            vec![Acl::new(31, "digest", Null)],
            vec![Acl::new(31, Null, "x")],
            vec![Acl::world(0x7fff_ffff)],
            vec![Acl::world(30)],
            vec![Acl::world(16)],
            vec![Acl::new(31, "super", "")],
        ];
        self.dice.pick(&odd)
    }

    fn flags(&mut self) -> i32 {
        self.dice
            .pick(&[0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 5, 6, 7, -1])
    }

    fn create(&mut self, kind: i32) -> Ask {
        Ask::Create {
            kind,
            path: self.path(),
            data: self.data(),
            acl: self.acl(),
            flags: self.flags(),
            ttl: -1,
        }
    }

    fn create_ttl(&mut self) -> Ask {
        let (flags, ttl) = self.dice.pick(&LIFETIMES);
        Ask::Create {
            kind: op::CREATE_TTL,
            path: self.path(),
            data: self.data(),
            acl: self.acl(),
            flags,
            ttl,
        }
    }

    fn delete(&mut self) -> Ask {
        Ask::Version {
            kind: op::DELETE,
            path: self.path(),
            version: -1,
        }
    }

    /// A write that may also stand in a multi.
    fn write(&mut self) -> Ask {
        match self.dice.below(14) {
            0..=3 => self.create(op::CREATE),
            4 | 5 => self.create(op::CREATE2),
            6 => self.create(op::CREATE_CONTAINER),
            7 => self.create_ttl(),
            8 => self.delete(),
            9 => Ask::Version {
                kind: op::DELETE,
                path: self.path(),
                version: self.version(),
            },
            _ => Ask::SetData {
                path: self.path(),
                data: self.data(),
                version: self.version(),
            },
        }
    }

    fn read(&mut self) -> Ask {
        let kinds = [
            op::EXISTS,
            op::GET_DATA,
            op::GET_CHILDREN,
            op::GET_CHILDREN2,
        ];
        if self.dice.one_in(3) {
            let kinds = [
                op::GET_ACL,
                op::SYNC,
                op::GET_EPHEMERALS,
                op::GET_ALL_CHILDREN_NUMBER,
            ];
            let (kind, path) = (self.dice.pick(&kinds), self.path());
            return Ask::Path { kind, path };
        }
        Ask::Watch {
            kind: self.dice.pick(&kinds),
            path: self.path(),
            watch: !self.dice.one_in(3),
        }
    }

    /// Something about a quota on `/a`, `/b` or `/a/b`.
    fn quota(&mut self) -> Ask {
        let mut path = format!("/zookeeper/quota{}", self.dice.pick(&["/a", "/b", "/a/b"]));
        path.push_str(
            self.dice
                .pick(&["", "/zookeeper_limits", "/zookeeper_stats"]),
        );
        let (path, data) = (Path::from(&path), self.dice.pick(&QUOTAS).into());
        match self.dice.below(9) {
            0..=4 => Ask::Create {
                kind: op::CREATE,
                path,
                data,
                acl: Acl::open(),
                flags: 0,
                ttl: -1,
            },
            5 => Ask::Watch {
                kind: op::GET_DATA,
                path,
                watch: true,
            },
            6 => Ask::SetData {
                path,
                data,
                version: -1,
            },
            _ => Ask::Version {
                kind: op::DELETE,
                path,
                version: -1,
            },
        }
    }

    /// Something about the two nodes that no plain create makes.
    fn container(&mut self) -> Ask {
        let name = self.dice.pick(&["/qq", "/tt"]);
        let path = Path::from(name);
        let acl = Acl::open();
        let data = self.data();
        match self.dice.below(4) {
            0 | 1 => Ask::Path {
                kind: op::DELETE_CONTAINER,
                path: Path::from(
                    self.dice
                        .pick(&["/qq", "/tt", "/nowhere", "/", "/zookeeper"]),
                ),
            },
            2 if self.house.has_lifetimes() => Ask::Create {
                kind: op::CREATE_TTL,
                path: Path::from("/tt"),
                data,
                acl,
                flags: 5,
                ttl: 3_600_000,
            },
            _ => Ask::Create {
                kind: op::CREATE_CONTAINER,
                path,
                data,
                acl,
                flags: self.dice.pick(&[0, 1, 4]),
                ttl: -1,
            },
        }
    }

    /// Several writes, most of which succeed; half of the time one that cannot stands somewhere among them.
    fn multi(&mut self) -> Ask {
        let count = self.dice.below(6);
        let mut asks: Vec<Ask> = (0..count).map(|_| self.element()).collect();
        if self.dice.one_in(2) {
            let place = self.dice.below(asks.len() + 1);
            let fails = self.failing();
            asks.insert(place, fails);
        }
        Ask::Multi {
            kind: op::MULTI,
            asks,
        }
    }

    fn element(&mut self) -> Ask {
        match self.dice.below(10) {
            0..3 => Ask::Version {
                kind: op::CHECK,
                path: self.path(),
                version: self.version(),
            },
            // These succeed wherever their parent is there.
            3..6 => Ask::Create {
                kind: self.dice.pick(&[op::CREATE, op::CREATE2]),
                path: Path::from(&self.plain_path()),
                data: self.data(),
                acl: Acl::open(),
                flags: self.dice.pick(&[0, 2, 2, 3, 4]),
                ttl: -1,
            },
            6 => Ask::SetData {
                path: Path::from(&self.plain_path()),
                data: self.data(),
                version: -1,
            },
            _ => self.write(),
        }
    }

    /// What fails whatever the tree is like, in many ways.
    fn failing(&mut self) -> Ask {
        let nowhere = Path::from("/nowhere/x");
        let acl = Acl::open();
        match self.dice.below(8) {
            0 => Ask::Version {
                kind: op::CHECK,
                path: nowhere,
                version: -1,
            },
            1 => Ask::Version {
                kind: op::DELETE,
                path: Path::from("/zookeeper"),
                version: -1,
            },
            2 => Ask::SetData {
                path: Path::from("/"),
                data: Null.into(),
                version: 77,
            },
            3 => Ask::Watch {
                kind: self.dice.pick(&[op::EXISTS, op::GET_DATA]),
                path: Path::from("/a"),
                watch: true,
            },
            4 => Ask::SetAcl {
                path: Path::from("/a"),
                acl,
                version: -1,
            },
            5 => Ask::Bare { kind: op::PING },
            6 => Ask::Create {
                kind: op::CREATE,
                path: Path::from("/"),
                data: Null.into(),
                acl,
                flags: 0,
                ttl: -1,
            },
            _ => Ask::Create {
                kind: op::CREATE,
                path: nowhere,
                data: Null.into(),
                acl,
                flags: 0,
                ttl: -1,
            },
        }
    }

    fn multi_read(&mut self) -> Ask {
        let kinds = [
            (5, op::GET_DATA),
            (5, op::GET_CHILDREN),
            (1, op::EXISTS),
            (1, op::GET_CHILDREN2),
        ];
        let mut asks: Vec<Ask> = Vec::new();
        for _ in 0..self.dice.below(4) {
            asks.push(if self.dice.one_in(15) {
                self.write()
            } else {
                Ask::Watch {
                    kind: self.dice.weighed(&kinds),
                    path: self.path(),
                    watch: self.dice.one_in(2),
                }
            });
        }
        Ask::Multi {
            kind: op::MULTI_READ,
            asks,
        }
    }

    fn set_watches(&mut self) -> Ask {
        let kind = self.dice.pick(&[op::SET_WATCHES, op::SET_WATCHES2]);
        let count = if kind == op::SET_WATCHES { 3 } else { 5 };
        let lists = (0..count).map(|_| self.watched()).collect();
        let back = self.dice.pick(&[0, 0, 1, 5, 20, 100, -10]);
        Ask::SetWatches { kind, back, lists }
    }

    fn watched(&mut self) -> Vec<Blob> {
        (0..self.dice.below(4)).map(|_| self.path().text).collect()
    }
}

impl Path {
    fn below(mut self, name: &str) -> Self {
        if let Some(bytes) = &mut self.text.0 {
            bytes.extend(name.as_bytes());
        }
        self
    }
}

fn is_quota(path: &Path) -> bool {
    let text = path.text.0.as_deref();
    text.is_some_and(|text| text.starts_with(b"/zookeeper/quota/"))
}
