//! A session on a connection: numbers requests, checks that replies come in order, and reads notifications where they are due.

use std::net::SocketAddr;

use crate::wire::code;
use crate::wire::conn::Conn;
use crate::wire::decode::Decoder;
use crate::wire::encode::Acl;
use crate::wire::encode::Blob;
use crate::wire::encode::Encoder;
use crate::wire::op;
use crate::wire::reply::Event;
use crate::wire::reply::Reply;
use crate::wire::reply::Stat;
use crate::wire::request;
use crate::wire::request::Connect;

/// Session timeout that tests ask for unless the timeout is their subject.
pub const TIMEOUT_MS: i32 = 300_000;

/// What a ConnectResponse says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Always 0.
    pub protocol_version: i32,
    /// Negotiated; 0 when the session is not valid.
    pub timeout_ms: i32,
    /// 0 when the session is not valid.
    pub id: i64,
    /// Always 16 bytes.
    pub password: Vec<u8>,
    /// Present if the request had it.
    pub read_only: Option<bool>,
}

impl Session {
    /// Reads a ConnectResponse frame.
    #[must_use]
    #[track_caller]
    pub fn parse(frame: &[u8]) -> Self {
        let mut decoder = Decoder::new(frame);
        let session = Self {
            protocol_version: decoder.int(),
            timeout_ms: decoder.int(),
            id: decoder.long(),
            password: decoder.buffer().expect("the password is never null"),
            read_only: if frame.len() == 37 {
                Some(decoder.boolean())
            } else {
                None
            },
        };
        decoder.end();
        session
    }

    /// Whether this is the answer to an unknown session or a wrong password.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.timeout_ms == 0 && self.id == 0 && self.password == [0; 16]
    }
}

/// A connection with a session on it.
#[derive(Debug)]
pub struct Client {
    /// The connection, for what is not a plain request.
    pub conn: Conn,
    /// What the server granted.
    pub session: Session,
    server: SocketAddr,
    last_xid: i32,
}

impl Client {
    /// A new session.
    #[must_use]
    #[track_caller]
    pub fn connect(server: SocketAddr) -> Self {
        Self::connect_with(server, &Connect::new(TIMEOUT_MS))
    }

    /// A session by any ConnectRequest, which must be granted.
    ///
    /// # Panics
    /// When it is refused.
    #[must_use]
    #[track_caller]
    pub fn connect_with(server: SocketAddr, connect: &Connect) -> Self {
        let mut conn = Conn::open(server);
        conn.send_frame(&connect.encode());
        let session = Session::parse(&conn.frame());
        assert!(!session.is_refused(), "the session is granted");
        Self {
            conn,
            session,
            server,
            last_xid: 0,
        }
    }

    /// The ConnectRequest that takes this session over.
    #[must_use]
    pub fn reattach(&self) -> Connect {
        Connect::again(TIMEOUT_MS, self.session.id, &self.session.password)
    }

    /// The same session on a second connection; this one is closed by the server.
    #[must_use]
    #[track_caller]
    pub fn reconnect(&self) -> Self {
        let again = Self::connect_with(self.server, &self.reattach());
        assert_eq!(again.session.id, self.session.id, "the same session");
        again
    }

    /// Sends a request and does not wait. Returns its xid.
    #[track_caller]
    pub fn send(&mut self, kind: i32, body: &[u8]) -> i32 {
        self.last_xid += 1;
        self.send_as(self.last_xid, kind, body);
        self.last_xid
    }

    /// As [`Client::send`], with an xid of the test's choice.
    #[track_caller]
    pub fn send_as(&mut self, xid: i32, kind: i32, body: &[u8]) {
        self.conn
            .send_frame(&Encoder::new().int(xid).int(kind).raw(body).done());
    }

    /// The next frame, which must be a reply and not a notification.
    #[track_caller]
    pub fn reply(&mut self) -> Reply {
        let reply = Reply::parse(&self.conn.frame());
        assert!(
            reply.xid != -1,
            "a reply, not a notification: {:?}",
            reply.event()
        );
        reply
    }

    /// The next frame, which must be a notification.
    #[track_caller]
    pub fn event(&mut self) -> Event {
        Reply::parse(&self.conn.frame()).event()
    }

    /// Sends a request and reads its reply, which must be the next frame.
    #[track_caller]
    pub fn call(&mut self, kind: i32, body: &[u8]) -> Reply {
        let xid = self.send(kind, body);
        let reply = self.reply();
        assert_eq!(reply.xid, xid, "the reply to this request");
        reply
    }

    /// Sends a request and reads frames until its reply: what was notified before it, and the reply.
    #[track_caller]
    pub fn call_noting(&mut self, kind: i32, body: &[u8]) -> (Vec<Event>, Reply) {
        let xid = self.send(kind, body);
        self.until_reply(xid)
    }

    /// All notifications the server has sent so far: those that come before the reply to a ping.
    #[track_caller]
    pub fn events(&mut self) -> Vec<Event> {
        self.send_as(-2, op::PING, &[]);
        self.until_reply(-2).0
    }

    /// The same without zxids: (kind, path).
    #[track_caller]
    pub fn events_seen(&mut self) -> Vec<(i32, String)> {
        self.events()
            .into_iter()
            .map(|event| (event.kind, event.path))
            .collect()
    }

    /// Sends a request whose answer is the end of the connection, without a frame.
    #[track_caller]
    pub fn call_ends_silently(&mut self, kind: i32, body: &[u8]) {
        self.send(kind, body);
        self.conn.ends_silently();
    }

    #[track_caller]
    fn until_reply(&mut self, xid: i32) -> (Vec<Event>, Reply) {
        let mut events = Vec::new();
        loop {
            let reply = Reply::parse(&self.conn.frame());
            if reply.xid != -1 {
                assert_eq!(reply.xid, xid, "the reply to this request");
                return (events, reply);
            }
            events.push(reply.event());
        }
    }
}

/// What tests do on the way to their subject: these must succeed.
impl Client {
    /// Creates a persistent node for everybody. Returns the zxid.
    #[track_caller]
    pub fn create(&mut self, path: &str, data: &str) -> i64 {
        self.create_as(path, data, &Acl::open(), op::PERSISTENT)
    }

    /// Creates a node with this ACL and these flags; without a number in its name. Returns the zxid.
    #[track_caller]
    pub fn create_as(&mut self, path: &str, data: impl Into<Blob>, acl: &[Acl], flags: i32) -> i64 {
        let reply = self
            .call(op::CREATE, &request::create(path, data, acl, flags))
            .ok();
        assert_eq!(reply.path(), path, "the path is answered as sent");
        reply.zxid
    }

    /// Creates a node and answers its full path, number included.
    #[track_caller]
    pub fn create_sequential(&mut self, prefix: &str) -> String {
        self.call(
            op::CREATE,
            &request::create(prefix, "", &Acl::open(), op::SEQUENTIAL),
        )
        .path()
    }

    /// Deletes a node whatever its version. Returns the zxid.
    #[track_caller]
    pub fn delete(&mut self, path: &str) -> i64 {
        self.call(op::DELETE, &request::path_version(path, -1))
            .done()
    }

    /// Replaces the data whatever the version.
    #[track_caller]
    pub fn set_data(&mut self, path: &str, data: &str) -> Stat {
        self.call(op::SET_DATA, &request::set_data(path, data, -1))
            .stat()
    }

    /// Replaces the ACL whatever the version.
    #[track_caller]
    pub fn set_acl(&mut self, path: &str, acl: &[Acl]) -> Stat {
        self.call(op::SET_ACL, &request::set_acl(path, acl, -1))
            .stat()
    }

    /// The Stat of a node that exists; no watch.
    #[track_caller]
    pub fn stat(&mut self, path: &str) -> Stat {
        self.call(op::EXISTS, &request::path_watch(path, false))
            .stat()
    }

    /// Whether the node exists; no watch.
    #[track_caller]
    pub fn exists(&mut self, path: &str) -> bool {
        let reply = self.call(op::EXISTS, &request::path_watch(path, false));
        assert!(
            matches!(reply.err, code::OK | code::NO_NODE),
            "exists answers: {reply:?}"
        );
        reply.err == code::OK
    }

    /// getData with watch on a node that exists.
    #[track_caller]
    pub fn watch_data(&mut self, path: &str) {
        let _ = self
            .call(op::GET_DATA, &request::path_watch(path, true))
            .ok();
    }

    /// getChildren with watch on a node that exists.
    #[track_caller]
    pub fn watch_children(&mut self, path: &str) {
        let _ = self
            .call(op::GET_CHILDREN, &request::path_watch(path, true))
            .ok();
    }

    /// Adds a `digest` identity to the connection.
    #[track_caller]
    pub fn add_digest(&mut self, user_and_password: &str) {
        self.send_as(-4, op::AUTH, &request::auth("digest", user_and_password));
        let reply = self.reply();
        assert_eq!(reply.xid, -4, "the reply to auth");
        reply.done();
    }

    /// Ends the session. Returns the zxid of its end.
    #[track_caller]
    pub fn close(mut self) -> i64 {
        let zxid = self.call(op::CLOSE_SESSION, &[]).done();
        self.conn.ends_silently();
        zxid
    }
}
