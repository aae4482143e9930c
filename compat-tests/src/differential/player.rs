//! Plays a script to one server, and writes down what it says: replies in order, events where they come between replies, and the
//! ends of connections. After each step everything that it caused has been heard, on every connection, so that two servers can
//! be compared step by step.

use std::net::SocketAddr;

use crate::differential::describe;
use crate::differential::describe::Header;
use crate::differential::encode;
use crate::differential::encode::Context;
use crate::differential::finish::Keeper;
use crate::differential::link::Heard;
use crate::differential::link::Link;
use crate::differential::names::Names;
use crate::differential::script::Ask;
use crate::differential::script::Hello;
use crate::differential::script::Op;
use crate::differential::script::Password;
use crate::differential::script::Path;
use crate::differential::script::SLOTS;
use crate::differential::script::Step;
use crate::wire::Acl;
use crate::wire::Blob;
use crate::wire::Encoder;
use crate::wire::Null;
use crate::wire::code;
use crate::wire::encode::framed;
use crate::wire::op;
use crate::wire::request::Connect;

/// The timeout of a session that is meant to expire: the server makes the shortest of it.
const EXPIRES: i32 = 1;
/// The xid of pings.
const PING_XID: i32 = -2;

/// A session that was granted.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    pub id: i64,
    pub password: Vec<u8>,
}

/// One of the numbered connections.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// Open, as far as was heard.
    pub link: Option<Link>,
    /// The session last granted here.
    session: Option<Session>,
    /// The path of the node last made here.
    made: Option<String>,
    /// Of the last request.
    xid: i32,
}

/// A script in the course of being played to one server.
#[derive(Debug)]
pub struct Player {
    pub(super) server: SocketAddr,
    pub(super) slots: [Slot; SLOTS],
    pub(super) names: Names,
    /// Sessions that should still be alive, in order of their coming.
    pub(super) alive: Vec<Session>,
    /// The last zxid seen.
    last_zxid: i64,
}

impl Player {
    /// At the begin of a script, on a server whose last zxid is this one.
    #[must_use]
    pub fn new(server: SocketAddr, last_zxid: i64) -> Self {
        Self {
            server,
            slots: Default::default(),
            names: Names::new(last_zxid),
            alive: Vec::new(),
            last_zxid,
        }
    }

    /// Takes one step. Returns a line for everything that was heard. `keeper` looks on, where time has to pass.
    pub fn step(&mut self, step: &Step, keeper: &mut Keeper) -> Vec<String> {
        let mut lines = Vec::new();
        let own = self.act(step, keeper, &mut lines);
        if step.concerns_others() {
            self.others(own, &mut lines);
        }
        if step.ends_session() {
            sort_events(&mut lines);
        }
        lines
    }

    /// Does what the step says. Returns the slot on which everything was heard already.
    fn act(&mut self, step: &Step, keeper: &mut Keeper, lines: &mut Vec<String>) -> Option<usize> {
        match step {
            Step::Connect { slot, hello } => self.connect(*slot, hello, lines),
            Step::Reattach {
                slot,
                of,
                password,
                hello,
            } => self.reattach(*slot, *of, *password, hello, lines),
            Step::Visit { hello } => {
                self.visit(hello, lines);
                return None;
            }
            Step::Expire { slot, paths } => self.expire(*slot, paths, keeper, lines),
            Step::Drop { slot } => self.cut(*slot),
            Step::Request { slot, op } => self.burst(*slot, std::slice::from_ref(op), lines),
            Step::Burst { slot, ops } => self.burst(*slot, ops, lines),
            Step::Raw { slot, bytes } => {
                if let Some(link) = &mut self.slots[*slot].link {
                    link.send(bytes);
                    self.until_end(*slot, lines);
                }
            }
        }
        slot_of(step)
    }

    fn cut(&mut self, slot: usize) {
        if let Some(link) = self.slots[slot].link.take() {
            link.cut();
        }
    }

    fn connect(&mut self, slot: usize, hello: &Hello, lines: &mut Vec<String>) {
        self.greet(slot, hello, None, lines);
    }

    fn reattach(
        &mut self,
        slot: usize,
        of: usize,
        password: Password,
        hello: &Hello,
        lines: &mut Vec<String>,
    ) {
        let Some(session) = self.slots[of].session.clone() else {
            lines.push(format!("c{of} never had a session"));
            return;
        };
        let shown = shown(&session.password, password);
        self.greet(slot, hello, Some((session.id, shown)), lines);
    }

    /// Opens a connection in a slot and asks for a session. The ping behind it tells the zxid of its coming.
    fn greet(
        &mut self,
        slot: usize,
        hello: &Hello,
        again: Option<(i64, Blob)>,
        lines: &mut Vec<String>,
    ) {
        self.cut(slot);
        let Some(mut link) = Link::open(self.server) else {
            lines.push(format!("c{slot} cannot connect"));
            return;
        };
        let (session_id, password) = again.unwrap_or((0, Blob::from(&[0; 16])));
        let connect = Connect {
            protocol_version: hello.protocol,
            last_zxid_seen: hello.ahead.map_or(0, |ahead| self.last_zxid + ahead),
            timeout_ms: hello.timeout,
            session_id,
            password,
            read_only: hello.read_only,
        };
        link.send_frame(&connect.encode());
        let heard = link.hear();
        self.slots[slot].link = Some(link);
        let Heard::Frame(frame) = heard else {
            self.lost(slot, &heard, lines);
            return;
        };
        let Some(granted) = describe::granted(&frame, &mut self.names) else {
            lines.push(format!(
                "c{slot} {}",
                describe::frame(0, &frame, &mut self.names)
            ));
            self.cut(slot);
            return;
        };
        lines.push(format!("c{slot} {}", granted.line));
        if granted.id == 0 {
            self.until_end(slot, lines);
            return;
        }
        let session = Session {
            id: granted.id,
            password: granted.password,
        };
        if self.alive.iter().all(|known| known.id != session.id) {
            self.alive.push(session.clone());
        }
        self.slots[slot].session = Some(session);
        self.ping(slot);
        self.until_pong(slot, lines);
    }

    /// A session on a connection of its own, ended at once.
    fn visit(&mut self, hello: &Hello, lines: &mut Vec<String>) {
        let aside = std::mem::take(&mut self.slots[0]);
        self.connect(0, hello, lines);
        let close = Ask::Bare {
            kind: op::CLOSE_SESSION,
        };
        self.burst(0, &[close.into()], lines);
        self.slots[0] = aside;
    }

    fn expire(
        &mut self,
        slot: usize,
        paths: &[Path],
        keeper: &mut Keeper,
        lines: &mut Vec<String>,
    ) {
        self.connect(slot, &Hello::new(EXPIRES), lines);
        for path in paths {
            let ask = Ask::Create {
                kind: op::CREATE,
                path: path.clone(),
                data: Null.into(),
                acl: Acl::open(),
                flags: op::EPHEMERAL,
                ttl: -1,
            };
            self.burst(slot, &[ask.into()], lines);
        }
        if let Some(session) = self.slots[slot].session.clone() {
            self.forget(session.id);
        }
        // Apache's server may hang up before it ends the session: a connection may be idle until the next full ten seconds only.
        if !keeper.waits_beyond(self.last_zxid) {
            lines.push(format!("c{slot} does not expire"));
        }
        self.until_end(slot, lines);
    }

    /// Sends requests at once and listens until each has its reply.
    pub(super) fn burst(&mut self, slot: usize, ops: &[Op], lines: &mut Vec<String>) {
        let last_zxid = self.last_zxid;
        let place = &mut self.slots[slot];
        let Some(link) = &mut place.link else {
            lines.push(format!("c{slot} is not connected"));
            return;
        };
        let mut bytes = Vec::new();
        for operation in ops {
            place.xid += 1;
            let context = Context {
                made: place.made.as_deref().unwrap_or("/none"),
                last_zxid,
            };
            let body = encode::body(operation, context);
            let (xid, kind) = (place.xid, operation.ask.kind());
            let xid = if kind == op::AUTH { -4 } else { xid };
            bytes.extend(framed(&Encoder::new().int(xid).int(kind).raw(&body).done()));
        }
        link.send(&bytes);
        for operation in ops {
            if !self.until_reply(slot, operation.ask.kind(), lines) {
                return;
            }
        }
    }

    /// Listens until a reply. Returns whether the connection is of any more use.
    fn until_reply(&mut self, slot: usize, kind: i32, lines: &mut Vec<String>) -> bool {
        loop {
            let Some(frame) = self.frame(slot, lines) else {
                return false;
            };
            let text = describe::frame(kind, &frame, &mut self.names);
            lines.push(format!("c{slot} {text}"));
            let Some(header) = Header::read(&frame) else {
                self.cut(slot);
                return false;
            };
            self.last_zxid = self.last_zxid.max(header.zxid);
            if header.xid == -1 {
                continue;
            }
            if let Some(path) = describe::made(kind, &frame)
                && !is_reserved(&path)
            {
                self.slots[slot].made = Some(path);
            }
            if hangs_up(kind, header) {
                self.ended(slot, kind);
                self.until_end(slot, lines);
                return false;
            }
            return true;
        }
    }

    /// The session is over if its client said so.
    fn ended(&mut self, slot: usize, kind: i32) {
        if kind == op::CLOSE_SESSION
            && let Some(session) = self.slots[slot].session.clone()
        {
            self.forget(session.id);
        }
    }

    fn forget(&mut self, session: i64) {
        self.alive.retain(|known| known.id != session);
    }

    /// Listens until the server hangs up.
    fn until_end(&mut self, slot: usize, lines: &mut Vec<String>) {
        while let Some(frame) = self.frame(slot, lines) {
            let text = describe::frame(op::PING, &frame, &mut self.names);
            lines.push(format!("c{slot} {text}"));
        }
    }

    /// Hears what came to all connections but one, and which of them have ended.
    fn others(&mut self, own: Option<usize>, lines: &mut Vec<String>) {
        let open = |place: &usize| Some(*place) != own;
        let listeners: Vec<usize> = (0..SLOTS).filter(open).collect();
        for slot in &listeners {
            self.ping(*slot);
        }
        for slot in listeners {
            self.until_pong(slot, lines);
        }
    }

    fn ping(&mut self, slot: usize) {
        if let Some(link) = &mut self.slots[slot].link {
            link.send_frame(&Encoder::new().int(PING_XID).int(op::PING).done());
        }
    }

    /// Listens until the reply to a ping.
    fn until_pong(&mut self, slot: usize, lines: &mut Vec<String>) {
        if self.slots[slot].link.is_some() {
            self.until_reply(slot, op::PING, lines);
        }
    }

    /// The next frame; otherwise the connection is given up, and a line says why.
    fn frame(&mut self, slot: usize, lines: &mut Vec<String>) -> Option<Vec<u8>> {
        match self.slots[slot].link.as_mut()?.hear() {
            Heard::Frame(frame) => Some(frame),
            other => {
                self.lost(slot, &other, lines);
                None
            }
        }
    }

    fn lost(&mut self, slot: usize, heard: &Heard, lines: &mut Vec<String>) {
        let why = match heard {
            Heard::End => "closed",
            Heard::Silence => "silent, given up",
            Heard::Torn | Heard::Frame(_) => "torn",
        };
        lines.push(format!("c{slot} {why}"));
        self.cut(slot);
    }
}

fn slot_of(step: &Step) -> Option<usize> {
    match step {
        Step::Connect { slot, .. }
        | Step::Reattach { slot, .. }
        | Step::Expire { slot, .. }
        | Step::Drop { slot }
        | Step::Request { slot, .. }
        | Step::Burst { slot, .. }
        | Step::Raw { slot, .. } => Some(*slot),
        Step::Visit { .. } => None,
    }
}

/// What a script touches in its own way only: below `/zookeeper/quota` nothing but quotas is written, lest Apache's server
/// stops, and `/qq` and `/tt` are always containers or have a lifetime (see `generator`).
fn is_reserved(path: &str) -> bool {
    path.starts_with("/zookeeper") || ["/qq", "/tt"].contains(&path)
}

/// Whether the server ends the connection after this reply. A ping that is sent too early could cost the reply itself.
fn hangs_up(kind: i32, header: Header) -> bool {
    match header.err {
        code::OK => kind == op::CLOSE_SESSION,
        code::UNIMPLEMENTED => header.zxid == -1,
        _ => matches!(kind, op::AUTH | op::SASL),
    }
}

/// Sorts events that came one after the other: nodes go in no particular order with their session.
fn sort_events(lines: &mut [String]) {
    let is_event = |line: &str| line.contains(" event ");
    for run in lines.chunk_by_mut(|one, two| is_event(one) && is_event(two)) {
        run.sort();
    }
}

fn shown(password: &[u8], how: Password) -> Blob {
    let mut bytes = password.to_vec();
    match how {
        Password::Right => {}
        Password::Wrong => {
            if let Some(last) = bytes.last_mut() {
                *last ^= 1;
            }
        }
        Password::Short => bytes.truncate(bytes.len() / 2),
        Password::Null => return Null.into(),
    }
    Blob(Some(bytes))
}
