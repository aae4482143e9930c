//! What has been applied: the part of the server that readers share.

use crate::session::Sessions;
use crate::tree::Tree;
use crate::types::Zxid;

/// The applied tree, the sessions, and the transaction they stand at.
#[derive(Debug)]
pub struct State {
    /// The nodes.
    pub tree: Tree,
    /// The sessions.
    pub sessions: Sessions,
    /// The last transaction applied.
    pub last_zxid: Zxid,
}
