//! Operation codes of the request header, under the names of Apache's `ZooDefs.OpCode`, and the numbers that go with them.

/// Reserved for notifications; never a request.
pub const NOTIFICATION: i32 = 0;
/// Creates a node, answers its path.
pub const CREATE: i32 = 1;
/// Deletes a node.
pub const DELETE: i32 = 2;
/// Stat of a node that may be missing.
pub const EXISTS: i32 = 3;
/// Data and Stat.
pub const GET_DATA: i32 = 4;
/// Replaces the data.
pub const SET_DATA: i32 = 5;
/// ACL list and Stat.
pub const GET_ACL: i32 = 6;
/// Replaces the ACL list.
pub const SET_ACL: i32 = 7;
/// Names of the children.
pub const GET_CHILDREN: i32 = 8;
/// Echoes a path once earlier writes are visible.
pub const SYNC: i32 = 9;
/// Keeps the session alive.
pub const PING: i32 = 11;
/// Names of the children, and Stat.
pub const GET_CHILDREN2: i32 = 12;
/// Version test; only inside a multi.
pub const CHECK: i32 = 13;
/// Several writes as one.
pub const MULTI: i32 = 14;
/// Creates a node, answers path and Stat.
pub const CREATE2: i32 = 15;
/// Changes the ensemble.
pub const RECONFIG: i32 = 16;
/// Asks whether a watch is set.
pub const CHECK_WATCHES: i32 = 17;
/// Removes watches.
pub const REMOVE_WATCHES: i32 = 18;
/// Creates a container.
pub const CREATE_CONTAINER: i32 = 19;
/// The server's own removal of an empty container.
pub const DELETE_CONTAINER: i32 = 20;
/// Creates a node with a lifetime.
pub const CREATE_TTL: i32 = 21;
/// Several reads in one request.
pub const MULTI_READ: i32 = 22;
/// Adds an identity to the connection.
pub const AUTH: i32 = 100;
/// Registers watches again after a reconnect.
pub const SET_WATCHES: i32 = 101;
/// One step of a SASL exchange.
pub const SASL: i32 = 102;
/// The session's ephemeral nodes.
pub const GET_EPHEMERALS: i32 = 103;
/// Number of descendants.
pub const GET_ALL_CHILDREN_NUMBER: i32 = 104;
/// As 101, with persistent watches.
pub const SET_WATCHES2: i32 = 105;
/// Adds a persistent watch.
pub const ADD_WATCH: i32 = 106;
/// The connection's identities.
pub const WHO_AM_I: i32 = 107;
/// Type of an error entry in a multi result; never a request.
pub const ERROR: i32 = -1;
/// The server's own creation of a session.
pub const CREATE_SESSION: i32 = -10;
/// Ends the session.
pub const CLOSE_SESSION: i32 = -11;

/// Create flags: a plain node.
pub const PERSISTENT: i32 = 0;
/// Create flags: gone with its session.
pub const EPHEMERAL: i32 = 1;
/// Create flags: numbered.
pub const SEQUENTIAL: i32 = 2;
/// Create flags: numbered and gone with its session.
pub const EPHEMERAL_SEQUENTIAL: i32 = 3;
/// Create flags: container.
pub const CONTAINER: i32 = 4;
/// Create flags: with a lifetime.
pub const TTL: i32 = 5;
/// Create flags: numbered, with a lifetime.
pub const TTL_SEQUENTIAL: i32 = 6;

/// Event: the node was created.
pub const CREATED: i32 = 1;
/// Event: the node was deleted.
pub const DELETED: i32 = 2;
/// Event: the node's data changed.
pub const DATA_CHANGED: i32 = 3;
/// Event: a child came or went.
pub const CHILDREN_CHANGED: i32 = 4;
