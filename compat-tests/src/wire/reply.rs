//! Reply frames: header, Stat, notification, and the bodies of the single operations.

use crate::wire::decode::Decoder;
use crate::wire::encode::Acl;
use crate::wire::encode::Blob;
use crate::wire::encode::to_hex;

/// The eleven fields of a node's Stat, in wire order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the names are Apache's and explained in its documentation"
)]
pub struct Stat {
    pub czxid: i64,
    pub mzxid: i64,
    pub ctime: i64,
    pub mtime: i64,
    pub version: i32,
    pub cversion: i32,
    pub aversion: i32,
    pub ephemeral_owner: i64,
    pub data_length: i32,
    pub num_children: i32,
    pub pzxid: i64,
}

impl Stat {
    /// Reads the 68 bytes.
    #[track_caller]
    pub fn read(decoder: &mut Decoder<'_>) -> Self {
        Self {
            czxid: decoder.long(),
            mzxid: decoder.long(),
            ctime: decoder.long(),
            mtime: decoder.long(),
            version: decoder.int(),
            cversion: decoder.int(),
            aversion: decoder.int(),
            ephemeral_owner: decoder.long(),
            data_length: decoder.int(),
            num_children: decoder.int(),
            pzxid: decoder.long(),
        }
    }
}

/// A notification: what happened where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// From the reply header: the transaction, or -1.
    pub zxid: i64,
    /// `CREATED`, `DELETED`, `DATA_CHANGED` or `CHILDREN_CHANGED`.
    pub kind: i32,
    /// The changed node, or the parent.
    pub path: String,
}

/// One reply frame, its body not yet read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Echo of the request's, -1 for a notification, -2 for a ping.
    pub xid: i32,
    /// Transaction, or the last one applied.
    pub zxid: i64,
    /// 0 or an error number.
    pub err: i32,
    /// What follows the 16 bytes of the header.
    pub body: Vec<u8>,
}

impl Reply {
    /// Splits a frame into header and body.
    #[must_use]
    #[track_caller]
    pub fn parse(frame: &[u8]) -> Self {
        let mut decoder = Decoder::new(frame);
        Self {
            xid: decoder.int(),
            zxid: decoder.long(),
            err: decoder.int(),
            body: frame[16..].to_vec(),
        }
    }

    /// The reply, which must be a success.
    #[must_use]
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.err, 0, "the request must succeed; reply {self:?}");
        self
    }

    /// The request must succeed and answer with the header alone. Returns the zxid.
    #[track_caller]
    pub fn done(self) -> i64 {
        assert_eq!(self.body, [], "a header-only reply");
        self.ok().zxid
    }

    /// The request must fail with `err` and answer with the header alone. Returns the zxid.
    #[track_caller]
    pub fn fails(self, err: i32) -> i64 {
        assert_eq!(
            (self.err, to_hex(&self.body)),
            (err, String::new()),
            "error and header-only body"
        );
        self.zxid
    }

    /// The notification in this frame.
    ///
    /// # Panics
    /// When the frame is something else, or breaks the rule that a notification is xid -1, err 0, state 3.
    #[must_use]
    #[track_caller]
    pub fn event(&self) -> Event {
        assert_eq!(
            (self.xid, self.err),
            (-1, 0),
            "a notification, not {self:?}"
        );
        self.read(|decoder| {
            let kind = decoder.int();
            assert_eq!(
                decoder.int(),
                3,
                "the state in a notification is always SyncConnected"
            );
            Event {
                zxid: self.zxid,
                kind,
                path: decoder.text(),
            }
        })
    }

    /// Reads the whole body of a success with `f`.
    #[track_caller]
    pub fn read<T>(&self, f: impl FnOnce(&mut Decoder<'_>) -> T) -> T {
        assert_eq!(self.err, 0, "the request must succeed; reply {self:?}");
        let mut decoder = Decoder::new(&self.body);
        let value = f(&mut decoder);
        decoder.end();
        value
    }

    /// Body of exists, setData and setACL.
    #[must_use]
    #[track_caller]
    pub fn stat(&self) -> Stat {
        self.read(Stat::read)
    }

    /// Body of create and sync.
    #[must_use]
    #[track_caller]
    pub fn path(&self) -> String {
        self.read(|decoder| decoder.text())
    }

    /// Body of create2, createContainer and createTTL.
    #[must_use]
    #[track_caller]
    pub fn path_and_stat(&self) -> (String, Stat) {
        self.read(|decoder| (decoder.text(), Stat::read(decoder)))
    }

    /// Body of getData.
    #[must_use]
    #[track_caller]
    pub fn data_and_stat(&self) -> (Option<Vec<u8>>, Stat) {
        self.read(|decoder| (decoder.buffer(), Stat::read(decoder)))
    }

    /// The text of a node's data, from getData.
    #[must_use]
    #[track_caller]
    pub fn data_text(&self) -> String {
        String::from_utf8(self.data_and_stat().0.expect("data is not null here"))
            .expect("data is text here")
    }

    /// Body of getChildren and getEphemerals, sorted: the order is nobody's promise.
    #[must_use]
    #[track_caller]
    pub fn names(&self) -> Vec<String> {
        let mut names = self.read(|decoder| decoder.vector(Decoder::text));
        names.sort();
        names
    }

    /// Body of getChildren2, the names sorted.
    #[must_use]
    #[track_caller]
    pub fn names_and_stat(&self) -> (Vec<String>, Stat) {
        let (mut names, stat) =
            self.read(|decoder| (decoder.vector(Decoder::text), Stat::read(decoder)));
        names.sort();
        (names, stat)
    }

    /// Body of getACL.
    #[must_use]
    #[track_caller]
    pub fn acl_and_stat(&self) -> (Vec<Acl>, Stat) {
        self.read(|decoder| {
            let acl = decoder.vector(|entry| Acl {
                perms: entry.int(),
                scheme: Blob(entry.buffer()),
                id: Blob(entry.buffer()),
            });
            (acl, Stat::read(decoder))
        })
    }

    /// Body of whoAmI: pairs of scheme and user, sorted.
    #[must_use]
    #[track_caller]
    pub fn identities(&self) -> Vec<(String, String)> {
        let mut pairs = self.read(|decoder| decoder.vector(|entry| (entry.text(), entry.text())));
        pairs.sort();
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::encode::hex;

    #[test]
    fn reads_a_notification() {
        let frame = hex("ffffffff 0000000000000004 00000000 00000003 00000003 00000002 2f61");
        assert_eq!(
            Reply::parse(&frame).event(),
            Event {
                zxid: 4,
                kind: 3,
                path: "/a".into()
            }
        );
    }

    #[test]
    fn reads_an_error_reply() {
        let reply = Reply::parse(&hex("00000002 0000000000000003 ffffff92"));
        assert_eq!((reply.xid, reply.clone().fails(-110)), (2, 3));
    }

    #[test]
    fn stat_is_68_bytes_with_pzxid_last() {
        let mut bytes = vec![0; 60];
        bytes.extend(7_i64.to_be_bytes());
        let reply = Reply {
            xid: 1,
            zxid: 1,
            err: 0,
            body: bytes,
        };
        assert_eq!(reply.stat().pzxid, 7);
    }
}
