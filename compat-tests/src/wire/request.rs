//! Bodies of every request a client can send, without header and frame length.

use crate::wire::encode::Acl;
use crate::wire::encode::Blob;
use crate::wire::encode::Encoder;

/// ConnectRequest, field by field; `read_only` is `None` in the short form of old clients.
#[derive(Clone, Debug)]
#[expect(
    missing_docs,
    reason = "the names are Apache's; the builder sets them all"
)]
pub struct Connect {
    pub protocol_version: i32,
    pub last_zxid_seen: i64,
    pub timeout_ms: i32,
    pub session_id: i64,
    pub password: Blob,
    pub read_only: Option<u8>,
}

impl Connect {
    /// A new session, as a current client asks for it.
    #[must_use]
    pub fn new(timeout_ms: i32) -> Self {
        Self {
            protocol_version: 0,
            last_zxid_seen: 0,
            timeout_ms,
            session_id: 0,
            password: Blob::from(&[0; 16]),
            read_only: Some(0),
        }
    }

    /// The same, for a session that exists.
    #[must_use]
    pub fn again(timeout_ms: i32, session_id: i64, password: &[u8]) -> Self {
        Self {
            session_id,
            password: Blob::from(password),
            ..Self::new(timeout_ms)
        }
    }

    /// The payload of the frame: 45 bytes, 44 without the flag.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let encoder = Encoder::new()
            .int(self.protocol_version)
            .long(self.last_zxid_seen)
            .int(self.timeout_ms)
            .long(self.session_id)
            .blob(self.password.clone());
        match self.read_only {
            None => encoder.done(),
            Some(flag) => encoder.byte(flag).done(),
        }
    }
}

/// create, create2 and createContainer.
pub fn create(path: impl Into<Blob>, data: impl Into<Blob>, acl: &[Acl], flags: i32) -> Vec<u8> {
    Encoder::new()
        .blob(path)
        .blob(data)
        .acls(acl)
        .int(flags)
        .done()
}

/// createTTL.
pub fn create_ttl(
    path: impl Into<Blob>,
    data: impl Into<Blob>,
    acl: &[Acl],
    flags: i32,
    ttl: i64,
) -> Vec<u8> {
    Encoder::new()
        .blob(path)
        .blob(data)
        .acls(acl)
        .int(flags)
        .long(ttl)
        .done()
}

/// delete and check.
pub fn path_version(path: impl Into<Blob>, version: i32) -> Vec<u8> {
    Encoder::new().blob(path).int(version).done()
}

/// exists, getData, getChildren and getChildren2.
pub fn path_watch(path: impl Into<Blob>, watch: bool) -> Vec<u8> {
    Encoder::new().blob(path).boolean(watch).done()
}

/// getACL, sync, getEphemerals, getAllChildrenNumber and deleteContainer.
pub fn path(path: impl Into<Blob>) -> Vec<u8> {
    Encoder::new().blob(path).done()
}

/// setData.
pub fn set_data(path: impl Into<Blob>, data: impl Into<Blob>, version: i32) -> Vec<u8> {
    Encoder::new().blob(path).blob(data).int(version).done()
}

/// setACL.
pub fn set_acl(path: impl Into<Blob>, acl: &[Acl], version: i32) -> Vec<u8> {
    Encoder::new().blob(path).acls(acl).int(version).done()
}

/// addWatch (mode), checkWatches and removeWatches (type).
pub fn path_kind(path: impl Into<Blob>, kind: i32) -> Vec<u8> {
    Encoder::new().blob(path).int(kind).done()
}

/// auth.
pub fn auth(scheme: impl Into<Blob>, auth: impl Into<Blob>) -> Vec<u8> {
    Encoder::new().int(0).blob(scheme).blob(auth).done()
}

/// reconfig.
pub fn reconfig(
    joining: impl Into<Blob>,
    leaving: impl Into<Blob>,
    members: impl Into<Blob>,
    config: i64,
) -> Vec<u8> {
    Encoder::new()
        .blob(joining)
        .blob(leaving)
        .blob(members)
        .long(config)
        .done()
}

/// setWatches with three lists, setWatches2 with five.
#[must_use]
pub fn set_watches(relative_zxid: i64, lists: &[&[&str]]) -> Vec<u8> {
    lists
        .iter()
        .fold(Encoder::new().long(relative_zxid), |encoder, list| {
            encoder.texts(list)
        })
        .done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::encode::hex;

    #[test]
    fn connect_has_two_forms() {
        let long = Connect::new(10_000);
        let short = Connect {
            read_only: None,
            ..long.clone()
        };
        assert_eq!((long.encode().len(), short.encode().len()), (45, 44));
    }

    #[test]
    fn create_is_the_published_example() {
        let expected = "00000002 2f61 00000002 6869 00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65 00000000";
        assert_eq!(create("/a", "hi", &Acl::open(), 0), hex(expected));
    }
}
