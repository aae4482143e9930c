//! What a connection hands to the line: the requests of one socket read, still encoded.

use std::sync::Arc;

use crate::pipeline::Asker;
use crate::proto::frame;
use crate::proto::request;
use crate::types::{ConnId, Id, Millis, OpCode, SessionId};

/// Requests of one connection, in order. One allocation carries them all.
#[derive(Debug)]
pub struct Submission {
    /// The connection.
    pub conn: ConnId,
    /// Its session.
    pub session: SessionId,
    /// Its identities when the requests were read.
    pub who: Arc<[Id]>,
    /// Whole frames, length prefixes included.
    pub frames: Vec<u8>,
    /// How many.
    pub count: usize,
    /// When they were read, by the monotonic clock.
    pub since: Millis,
}

/// A request's header, its operation known.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    /// The request's number.
    pub xid: i32,
    /// What is asked.
    pub op: OpCode,
    /// Bytes of the frame, without its length prefix.
    pub size: u32,
}

/// Iterates over the requests of a [`Submission`].
#[derive(Debug)]
pub struct Requests<'s> {
    rest: &'s [u8],
}

impl Submission {
    /// The requests, in order, from this byte of the frames on. The connection only submits frames whose
    /// header it has understood.
    pub fn requests_from(&self, at: usize) -> Requests<'_> {
        Requests {
            rest: self.frames.get(at..).unwrap_or_default(),
        }
    }

    /// Who asks for what is there from this byte of the frames on.
    pub(super) fn askers_from(&self, at: usize) -> impl Iterator<Item = Asker> {
        let askers = self.requests_from(at);
        askers.map(|(header, _)| self.asker(header))
    }

    /// Who asks for this one of the requests.
    pub(super) fn asker(&self, header: Header) -> Asker {
        Asker {
            conn: self.conn,
            xid: header.xid,
            size: header.size,
            since: self.since,
        }
    }
}

impl Requests<'_> {
    /// Bytes of the requests that are still to come.
    pub fn rest_bytes(&self) -> usize {
        self.rest.len()
    }
}

impl<'s> Iterator for Requests<'s> {
    type Item = (Header, &'s [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (payload, rest) = frame::split(self.rest, usize::MAX).ok().flatten()?;
        self.rest = rest;
        let mut reader = request::reader(payload, usize::MAX);
        let header = request::decode_header(&mut reader).ok()?;
        let op = OpCode::from_code(header.op)?;
        Some((
            Header {
                xid: header.xid,
                op,
                size: u32::try_from(payload.len()).unwrap_or(u32::MAX),
            },
            reader.rest(),
        ))
    }
}
