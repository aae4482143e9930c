//! The first bytes of a connection: a four-letter word, or the request for a session.

use crate::net::client::connection::{Connection, End, Phase};
use crate::net::client::ports::ConnectAsk;
use crate::pipeline::connection_throttle::Arrival;
use crate::proto::connect::ConnectRequest;
use crate::proto::frame;
use crate::types::{SessionId, Zxid};

impl Connection {
    /// Processes what a new connection sent first; returns how many bytes that took.
    pub(super) fn first_bytes(&mut self, input: &[u8]) -> Result<usize, End> {
        let Some(word) = frame::prefix(input) else {
            return Ok(0);
        };
        let outbox = &self.local.outbox;
        let rest = &input[word.len()..];
        if let Some(mut answer) = self.rooms.ports.words.answer(word, rest, outbox.conn) {
            outbox.push_local(&mut answer);
            self.drain();
            return Ok(input.len());
        }
        let Some((payload, rest)) = self.split(input)? else {
            return Ok(0);
        };
        let request = ConnectRequest::decode(payload).map_err(|source| End::Malformed {
            what: "connect request",
            source,
        })?;
        self.connect(&request)?;
        Ok(input.len() - rest.len())
    }

    // apache 3.9.5: server/ZooKeeperServer.java processConnectRequest
    fn connect(&mut self, request: &ConnectRequest<'_>) -> Result<(), End> {
        if !self.rooms.ports.read.is_serving() {
            return Err(End::NotServing);
        }
        let head = &request.head;
        let arrival = match SessionId(head.session_id) {
            SessionId::NONE => Arrival::New,
            _ => Arrival::Renewal,
        };
        if !self.rooms.ports.write.lets_in(arrival) {
            return Err(End::Throttled);
        }
        let is_read_only = self.rooms.ports.read.is_read_only();
        if is_read_only && request.read_only != Some(true) {
            tracing::info!(
                "Refusing session request for not-read-only client {}",
                self.local.outbox.peer
            );
            return Err(End::NotReadOnlyClient);
        }
        let ours = self.rooms.ports.read.last_zxid();
        let seen = Zxid(head.last_zxid_seen);
        if seen > ours {
            tracing::info!(
                "Refusing session(0x{:x}) request for client {} as it has seen zxid {seen} our last zxid is \
                 {ours} client must try another server",
                head.session_id,
                self.local.outbox.peer,
            );
            return Err(End::FromTheFuture { seen, ours });
        }
        let limits = &self.rooms.ports.limits;
        let timeout_ms = head
            .timeout_ms
            .max(limits.session_timeout_ms_min)
            .min(limits.session_timeout_ms_max);
        let outbox = &self.local.outbox;
        outbox.answer_read_only(request.read_only.map(|_| is_read_only));
        self.rooms.ports.write.connect(ConnectAsk {
            conn: outbox.conn,
            session: SessionId(head.session_id),
            password: head.password.unwrap_or_default().into(),
            timeout_ms,
        });
        self.rooms.note_submission();
        self.phase = Phase::AwaitSession;
        Ok(())
    }
}
