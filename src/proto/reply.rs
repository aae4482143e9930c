//! Replies: the header, every body, and the framing of both together.

use std::borrow::Cow;

use jute::{Field, Text, Writer};

use crate::proto::shared::{Acl, Stat};

jute::record! {
    /// What every reply but the first begins with; 16 bytes.
    pub struct ReplyHeader {
        /// The request's.
        pub xid: i32,
        /// See `docs/architecture.md`: the write's own, or the last one applied.
        pub zxid: i64,
        /// [`ErrorCode`](crate::types::ErrorCode).
        pub err: i32,
    }
}

jute::record! {
    /// create; also the whole body of sync.
    pub struct PathResponse<'a> {
        /// The path.
        pub path: Text<'a>,
    }
}

jute::record! {
    /// create2, createContainer, createTTL.
    pub struct Create2Response<'a> {
        /// The final path.
        pub path: Text<'a>,
        /// The new node's metadata.
        pub stat: Stat,
    }
}

jute::record! {
    /// getData, reconfig.
    pub struct DataResponse<'a> {
        /// Payload; null stays null.
        pub data: Option<&'a [u8]>,
        /// Metadata.
        pub stat: Stat,
    }
}

jute::record! {
    /// getACL.
    pub struct AclResponse<'a> {
        /// Access list.
        pub acl: Option<Vec<Acl<'a>>>,
        /// Metadata.
        pub stat: Stat,
    }
}

jute::record! {
    /// getAllChildrenNumber.
    pub struct NumberResponse {
        /// Descendants at any depth.
        pub total: i32,
    }
}

jute::record! {
    /// An error as a body: addWatch (0), and the failed entries of a multi.
    pub struct ErrorResponse {
        /// The code.
        pub err: i32,
    }
}

jute::record! {
    /// One identity of whoAmI.
    pub struct ClientInfo<'a> {
        /// Scheme.
        pub scheme: Cow<'a, str>,
        /// User name.
        pub user: Cow<'a, str>,
    }
}

jute::record! {
    /// sasl.
    pub struct SaslResponse<'a> {
        /// Token; null at the end of an exchange.
        pub token: Option<&'a [u8]>,
    }
}

/// A frame under construction: a length still unknown, a header, then whatever is appended.
#[derive(Debug)]
#[must_use = "an unfinished frame has no length"]
pub struct OpenFrame {
    start: usize,
}

/// Starts a reply frame with a successful header.
pub fn open(xid: i32, zxid: i64, out: &mut Vec<u8>) -> OpenFrame {
    open_with(&ReplyHeader { xid, zxid, err: 0 }, out)
}

fn open_with(header: &ReplyHeader, out: &mut Vec<u8>) -> OpenFrame {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    header.write(&mut Writer::new(out));
    OpenFrame { start }
}

impl OpenFrame {
    /// Fills in the length: the frame ends here.
    ///
    /// # Panics
    /// When the frame is 2 GiB or longer.
    pub fn close(self, out: &mut [u8]) {
        let body = out.len() - self.start - 4;
        let length = i32::try_from(body).expect("a reply frame is shorter than 2 GiB");
        out[self.start..self.start + 4].copy_from_slice(&length.to_be_bytes());
    }

    /// Bytes of the frame so far, its length prefix included.
    pub fn len_in(&self, out: &[u8]) -> usize {
        out.len() - self.start
    }

    /// Takes the frame back and puts a header-only reply with this code in its place.
    pub fn replace_with_error(self, header: &ReplyHeader, out: &mut Vec<u8>) {
        out.truncate(self.start);
        append_header(header, out);
    }
}

/// Appends a header-only reply.
pub fn append_header(header: &ReplyHeader, out: &mut Vec<u8>) {
    open_with(header, out).close(out);
}

/// Appends a successful reply with this body.
pub fn append_reply<'a, F: Field<'a>>(xid: i32, zxid: i64, body: &F, out: &mut Vec<u8>) {
    let frame = open(xid, zxid, out);
    body.write(&mut Writer::new(out));
    frame.close(out);
}

/// Appends a reply whose body is encoded already; it may have one although it failed (multiRead).
pub fn append_with_raw_body(header: &ReplyHeader, body: &[u8], out: &mut Vec<u8>) {
    let frame = open_with(header, out);
    out.extend_from_slice(body);
    frame.close(out);
}

/// Appends a vector of strings given one by one. `count` must be how many there are.
pub fn append_strings<'s>(count: usize, strings: impl Iterator<Item = &'s str>, out: &mut Vec<u8>) {
    let mut writer = Writer::new(out);
    writer.count(Some(count));
    let mut written = 0;
    for string in strings {
        writer.string(Some(string));
        written += 1;
    }
    assert_eq!(
        written, count,
        "the claimed count of a vector is that of its elements"
    );
}
