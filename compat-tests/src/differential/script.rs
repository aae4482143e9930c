//! What a script is made of: steps on a few numbered connections, and operations with every field that goes over the wire.
//! No bytes here, no text, no chance.

use crate::server::Options;
use crate::wire::Acl;
use crate::wire::Blob;
use crate::wire::op;

/// Connections that a script has at a time.
pub const SLOTS: usize = 4;
/// The digest identity that may do everything.
pub const SUPER: &str = "super:secret";
/// What the settings file knows of it.
const SUPER_DIGEST: &str = "super:lK75jTNcA+U9vtVEw5vB51mj/w4=";
/// The shortest session; the step that waits for an end of a session takes little more than this.
const SHORTEST_SESSION_MS: i32 = 600;
/// The longest session.
const LONGEST_SESSION_MS: i32 = 600_000;

/// How both servers are set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum House {
    /// As Apache's server is by default.
    Plain,
    /// With lifetimes, and quotas enforced.
    Extended,
    /// Reconfiguration switched on, and access control lists looked at early.
    Eager,
    /// Access control lists not looked at.
    Open,
}

impl House {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Plain, Self::Extended, Self::Eager, Self::Open];

    /// As scripts call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Extended => "extended",
            Self::Eager => "eager",
            Self::Open => "open",
        }
    }

    /// Whether nodes with a lifetime can be made here.
    #[must_use]
    pub fn has_lifetimes(self) -> bool {
        self == Self::Extended
    }

    /// What servers are started with: nothing happens by itself while a script is played.
    #[must_use]
    pub fn options(self) -> Options {
        let options = Options::default()
            .set("tickTime", 200)
            .set("minSessionTimeout", SHORTEST_SESSION_MS)
            .set("maxSessionTimeout", LONGEST_SESSION_MS)
            .set("maxClientCnxns", 0)
            .property("znode.container.checkIntervalMs", 3_600_000)
            .property(
                "zookeeper.DigestAuthenticationProvider.superDigest",
                SUPER_DIGEST,
            );
        match self {
            Self::Plain => options,
            Self::Extended => options
                .property("zookeeper.extendedTypesEnabled", true)
                .property("zookeeper.enforceQuota", true),
            Self::Eager => options
                .set("reconfigEnabled", true)
                .property("zookeeper.enableEagerACLCheck", true),
            Self::Open => options.property("zookeeper.skipACL", "yes"),
        }
    }
}

/// A whole script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The servers it is for.
    pub house: House,
    /// What happens, one after the other.
    pub steps: Vec<Step>,
}

/// One step, on the connection with the number `slot`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are those of the records, under their names"
)]
pub enum Step {
    /// A new connection with a new session; what was open in this slot is cut off.
    Connect { slot: usize, hello: Hello },
    /// A new connection that asks for the session last held by the slot `of`, which may be this one.
    Reattach {
        slot: usize,
        of: usize,
        password: Password,
        hello: Hello,
    },
    /// A session that comes and goes, on a connection in no slot: for timeouts that are too short to last.
    Visit { hello: Hello },
    /// A session in this slot that makes a few ephemeral nodes and is then waited for until it expires.
    Expire { slot: usize, paths: Vec<Path> },
    /// The connection is cut off; its session is not ended.
    Drop { slot: usize },
    /// A request; its reply is waited for.
    Request { slot: usize, op: Op },
    /// Requests sent at once; their replies are waited for.
    Burst { slot: usize, ops: Vec<Op> },
    /// Bytes on an open connection that must make the server hang up.
    Raw { slot: usize, bytes: Vec<u8> },
}

/// What a ConnectRequest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The session timeout asked for, in ms.
    pub timeout: i32,
    /// The zxid claimed to be seen, counted from the server's last; none: zero.
    pub ahead: Option<i64>,
    /// The last byte; none: the short form of old clients.
    pub read_only: Option<u8>,
    /// The protocol version.
    pub protocol: i32,
}

impl Hello {
    /// As a current client says it.
    #[must_use]
    pub fn new(timeout: i32) -> Self {
        Self {
            timeout,
            ahead: None,
            read_only: Some(0),
            protocol: 0,
        }
    }
}

/// What is shown as the password of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Password {
    /// The one that came with it.
    Right,
    /// One with its last bit flipped.
    Wrong,
    /// The first half.
    Short,
    /// None.
    Null,
}

impl Password {
    /// All of them, with the names that scripts have for them.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Right, "right"),
        (Self::Wrong, "wrong"),
        (Self::Short, "short"),
        (Self::Null, "null"),
    ];
}

/// A path as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Whether the path of the node that this slot made last stands in front.
    pub made: bool,
    /// The text.
    pub text: Blob,
}

impl<T: Into<Blob>> From<T> for Path {
    fn from(text: T) -> Self {
        Self {
            made: false,
            text: text.into(),
        }
    }
}

/// What is done to the bytes of a request before they are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bend {
    /// Only so many bytes of the body are left.
    Cut(usize),
    /// One bit is flipped.
    Flip(usize),
    /// Bytes are added.
    Tail(Vec<u8>),
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// What is asked.
    pub ask: Ask,
    /// What is wrong with the bytes.
    pub bend: Option<Bend>,
}

impl From<Ask> for Op {
    fn from(ask: Ask) -> Self {
        Self { ask, bend: None }
    }
}

/// What a request asks, by the shape of its record. `kind` is the operation code.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are those of the records, under their names"
)]
pub enum Ask {
    /// create, create2, createContainer; with a lifetime, createTTL.
    Create {
        kind: i32,
        path: Path,
        data: Blob,
        acl: Vec<Acl>,
        flags: i32,
        ttl: i64,
    },
    /// delete and check.
    Version { kind: i32, path: Path, version: i32 },
    /// exists, getData, getChildren, getChildren2.
    Watch { kind: i32, path: Path, watch: bool },
    /// getACL, sync, getEphemerals, getAllChildrenNumber, deleteContainer.
    Path { kind: i32, path: Path },
    /// setData.
    SetData {
        path: Path,
        data: Blob,
        version: i32,
    },
    /// setACL.
    SetAcl {
        path: Path,
        acl: Vec<Acl>,
        version: i32,
    },
    /// addWatch, checkWatches, removeWatches.
    Typed { kind: i32, path: Path, of: i32 },
    /// multi and multiRead.
    Multi { kind: i32, asks: Vec<Ask> },
    /// setWatches (three lists) and setWatches2 (five), as of so many transactions before the server's last.
    SetWatches {
        kind: i32,
        back: i64,
        lists: Vec<Vec<Blob>>,
    },
    /// auth.
    Auth { scheme: Blob, proof: Blob },
    /// sasl.
    Sasl { token: Blob },
    /// reconfig.
    Reconfig {
        joining: Blob,
        leaving: Blob,
        members: Blob,
        version: i64,
    },
    /// Whatever has no body: ping, whoAmI, closeSession, and codes that nobody knows.
    Bare { kind: i32 },
}

impl Ask {
    /// The operation code.
    #[must_use]
    pub fn kind(&self) -> i32 {
        match self {
            Self::Create { kind, .. }
            | Self::Version { kind, .. }
            | Self::Watch { kind, .. }
            | Self::Path { kind, .. }
            | Self::Typed { kind, .. }
            | Self::Multi { kind, .. }
            | Self::SetWatches { kind, .. }
            | Self::Bare { kind } => *kind,
            Self::SetData { .. } => op::SET_DATA,
            Self::SetAcl { .. } => op::SET_ACL,
            Self::Auth { .. } => op::AUTH,
            Self::Sasl { .. } => op::SASL,
            Self::Reconfig { .. } => op::RECONFIG,
        }
    }

    /// Whether something may change, so that others may hear of it.
    #[must_use]
    pub fn is_write(&self) -> bool {
        matches!(
            self,
            Self::Create { .. }
                | Self::SetData { .. }
                | Self::SetAcl { .. }
                | Self::Multi { .. }
                | Self::Reconfig { .. }
        ) || matches!(
            self.kind(),
            op::DELETE | op::DELETE_CONTAINER | op::CLOSE_SESSION
        )
    }
}

impl Step {
    /// The requests of this step, if it is such a step.
    #[must_use]
    pub fn ops(&self) -> &[Op] {
        match self {
            Self::Request { op, .. } => std::slice::from_ref(op),
            Self::Burst { ops, .. } => ops,
            _ => &[],
        }
    }

    /// The operation code of a single request.
    #[must_use]
    pub fn kind(&self) -> Option<i32> {
        match self {
            Self::Request { op, .. } => Some(op.ask.kind()),
            _ => None,
        }
    }

    /// The same on other connections.
    #[must_use]
    pub fn moved(mut self, to: impl Fn(usize) -> usize) -> Self {
        match &mut self {
            Self::Reattach { slot, of, .. } => {
                *slot = to(*slot);
                *of = to(*of);
            }
            Self::Connect { slot, .. }
            | Self::Expire { slot, .. }
            | Self::Drop { slot }
            | Self::Request { slot, .. }
            | Self::Burst { slot, .. }
            | Self::Raw { slot, .. } => *slot = to(*slot),
            Self::Visit { .. } => {}
        }
        self
    }

    /// Whether a session may end, and its ephemeral nodes go in any order.
    #[must_use]
    pub fn ends_session(&self) -> bool {
        matches!(self, Self::Expire { .. } | Self::Visit { .. })
            || self.kind() == Some(op::CLOSE_SESSION)
    }

    /// Whether connections other than the step's own may hear or feel something.
    #[must_use]
    pub fn concerns_others(&self) -> bool {
        match self {
            Self::Reattach { .. } | Self::Expire { .. } | Self::Visit { .. } => true,
            _ => self.ops().iter().any(|op| op.ask.is_write()),
        }
    }
}
