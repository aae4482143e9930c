//! The session handshake. The read-only byte came with 3.4: it is answered iff it was asked for, since
//! older C clients read a response of a fixed size.

use jute::{DecodeError, Field, Reader, Writer};

jute::record! {
    /// A client's first frame, without the read-only byte.
    pub struct ConnectRequestHead<'a> {
        /// Ignored.
        pub protocol_version: i32,
        /// The last zxid the client saw on any server.
        pub last_zxid_seen: i64,
        /// Wished session timeout in ms; any value.
        pub timeout_ms: i32,
        /// 0 for a new session.
        pub session_id: i64,
        /// Proof of ownership for an old one.
        pub password: Option<&'a [u8]>,
    }
}

/// A client's first frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectRequest<'a> {
    /// All but the last byte.
    pub head: ConnectRequestHead<'a>,
    /// Whether a read-only server would do; `None` when the client is too old to say.
    pub read_only: Option<bool>,
}

impl<'a> ConnectRequest<'a> {
    /// Decodes a first frame.
    ///
    /// # Errors
    /// When it is not one.
    pub fn decode(frame: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(frame);
        let head = ConnectRequestHead::read(&mut reader)?;
        let read_only = if reader.left() == 0 {
            None
        } else {
            Some(reader.bool()?)
        };
        Ok(ConnectRequest { head, read_only })
    }
}

jute::record! {
    /// The answer, without the read-only byte.
    pub struct ConnectResponseHead<'a> {
        /// Always 0.
        pub protocol_version: i32,
        /// Negotiated timeout in ms; 0 when the session is not valid.
        pub timeout_ms: i32,
        /// The session; 0 when not valid.
        pub session_id: i64,
        /// 16 bytes; zeros when not valid.
        pub password: Option<&'a [u8]>,
    }
}

/// Appends a framed response to a handshake.
///
/// `read_only` is the server's answer, or `None` when the request had no such byte.
pub fn append_response(
    timeout_ms: i32,
    session_id: i64,
    password: &[u8; 16],
    read_only: Option<bool>,
    out: &mut Vec<u8>,
) {
    let head = ConnectResponseHead {
        protocol_version: 0,
        timeout_ms,
        session_id,
        password: Some(password),
    };
    let size = head.size() + usize::from(read_only.is_some());
    let mut writer = Writer::new(out);
    writer.int(i32::try_from(size).expect("a connect response is 37 bytes at most"));
    head.write(&mut writer);
    if let Some(read_only) = read_only {
        writer.bool(read_only);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_read_only_byte_is_optional() {
        let head = ConnectRequestHead {
            protocol_version: 0,
            last_zxid_seen: 0,
            timeout_ms: 10_000,
            session_id: 0,
            password: Some(&[0; 16]),
        };
        let mut bytes = jute::to_vec(&head);
        assert_eq!(bytes.len(), 44);
        assert_eq!(ConnectRequest::decode(&bytes).unwrap().read_only, None);
        bytes.push(1);
        assert_eq!(
            ConnectRequest::decode(&bytes).unwrap().read_only,
            Some(true)
        );
        assert!(ConnectRequest::decode(&bytes[..20]).is_err());
    }

    #[test]
    fn the_response_is_37_or_36_bytes() {
        for (read_only, want) in [(None, 4 + 36), (Some(false), 4 + 37)] {
            let mut out = Vec::new();
            append_response(10_000, 1, &[7; 16], read_only, &mut out);
            assert_eq!(out.len(), want);
        }
    }
}
