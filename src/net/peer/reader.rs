//! Reading one connection: whatever the socket has, cut into packets, and a snapshot in the middle of them.

use std::convert::Infallible;
use std::mem;
use std::rc::Rc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::net::tcp::OwnedReadHalf;
use tokio::time::Instant;

use crate::consensus::Input;
use crate::net::peer::room::Room;
use crate::net::peer::snapshot::Incoming;
use crate::net::peer::wire::{End, Wire};
use crate::proto::peer::{PacketError, PacketReader, ToLearner};
use crate::types::LinkId;
use crate::types::limits;

/// With less room than this for the next read, a new buffer is begun.
const READ_ROOM_BYTES: usize = 8 << 10;
/// How often the line hears that the leader is alive while no whole packet comes.
const ALIVE_PAUSE: Duration = Duration::from_millis(100);

/// Who is at the other end, and what that one sends.
enum From {
    /// A learner; whether it has said anything.
    Learner { heard: bool },
    /// The leader.
    Leader(Snapshot),
}

/// A connection brings one snapshot at most.
enum Snapshot {
    None,
    Begun(Incoming),
    Complete,
}

/// What was read and is not whole yet.
struct Intake {
    bytes: BytesMut,
    packets: PacketReader,
    /// Bytes of packets that no letter has counted yet.
    taken: usize,
}

impl Intake {
    fn new(field_bytes_max: usize) -> Intake {
        Intake {
            bytes: BytesMut::new(),
            packets: PacketReader::new(field_bytes_max),
            taken: 0,
        }
    }

    /// The buffer, with room for the next read.
    fn room(&mut self) -> &mut BytesMut {
        if self.bytes.capacity() - self.bytes.len() < READ_ROOM_BYTES {
            self.bytes.reserve(limits::READ_CHUNK_BYTES);
        }
        &mut self.bytes
    }

    /// The next packet, without those that nobody expects: Apache's servers skip them, too.
    fn next<T>(
        &mut self,
        read: fn(&mut PacketReader, &mut BytesMut) -> Result<Option<T>, PacketError>,
    ) -> Result<Option<T>, PacketError> {
        let before = self.bytes.len();
        let packet = loop {
            match read(&mut self.packets, &mut self.bytes) {
                Err(error @ PacketError::Unexpected { .. }) => tracing::warn!("{error}"),
                result => break result,
            }
        };
        self.taken += before - self.bytes.len();
        packet
    }
}

/// The reading half of a connection.
pub(super) struct Reader {
    room: Rc<Room>,
    wire: Rc<Wire>,
    half: OwnedReadHalf,
    from: From,
    input: Intake,
    /// When the line last heard of the peer.
    reported: Instant,
}

impl Reader {
    pub(super) fn of_learner(room: Rc<Room>, wire: Rc<Wire>, half: OwnedReadHalf) -> Reader {
        Reader::new(room, wire, half, From::Learner { heard: false })
    }

    pub(super) fn of_leader(room: Rc<Room>, wire: Rc<Wire>, half: OwnedReadHalf) -> Reader {
        Reader::new(room, wire, half, From::Leader(Snapshot::None))
    }

    fn new(room: Rc<Room>, wire: Rc<Wire>, half: OwnedReadHalf, from: From) -> Reader {
        Reader {
            input: Intake::new(room.settings.field_bytes_max),
            room,
            wire,
            half,
            from,
            reported: Instant::now(),
        }
    }

    /// Reads until the connection ends.
    pub(super) async fn run(mut self) -> End {
        match self.read().await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn read(&mut self) -> Result<Infallible, End> {
        loop {
            self.wire.may_read().await;
            if self.half.read_buf(self.input.room()).await? == 0 {
                return Err(End::ByPeer);
            }
            let mut news = Vec::new();
            let digested = self.digest(&mut news);
            self.report(news);
            digested?;
        }
    }

    /// Turns what was read into news, as far as it is whole.
    fn digest(&mut self, news: &mut Vec<Input>) -> Result<(), End> {
        let link = self.wire.outbox.link;
        match &mut self.from {
            From::Learner { heard } => {
                learner(&mut self.input, link, news)?;
                if !*heard && !news.is_empty() {
                    *heard = true;
                    self.room.heard(link);
                }
            }
            From::Leader(snapshot) => leader(&mut self.input, &self.room, snapshot, news)?,
        }
        Ok(())
    }

    /// Tells the line. Of a leader that is in the middle of something it hears now and then.
    fn report(&mut self, mut news: Vec<Input>) {
        if news.is_empty() {
            let is_leader = matches!(self.from, From::Leader(_));
            if !is_leader || self.reported.elapsed() < ALIVE_PAUSE {
                return;
            }
            news.push(Input::LeaderAlive);
        }
        self.reported = Instant::now();
        let bytes = mem::take(&mut self.input.taken);
        self.room.post(&self.wire, news, bytes);
    }
}

fn learner(input: &mut Intake, link: LinkId, news: &mut Vec<Input>) -> Result<(), End> {
    while let Some(packet) = input.next(PacketReader::next_to_leader)? {
        news.push(Input::FromLearner(link, packet));
    }
    Ok(())
}

fn leader(
    input: &mut Intake,
    room: &Room,
    snapshot: &mut Snapshot,
    news: &mut Vec<Input>,
) -> Result<(), End> {
    loop {
        match mem::replace(snapshot, Snapshot::Complete) {
            Snapshot::Begun(mut incoming) => {
                if !incoming.feed(&mut input.bytes)? {
                    *snapshot = Snapshot::Begun(incoming);
                    return Ok(());
                }
                news.push(Input::Snapshot(incoming.finish()?));
            }
            before => *snapshot = before,
        }
        let Some(packet) = input.next(PacketReader::next_to_learner)? else {
            return Ok(());
        };
        if let ToLearner::Snap(zxid) = packet {
            let Snapshot::None = snapshot else {
                return Err(End::Snapshot("it is the second one".to_owned()));
            };
            let sink = room.ports.snapshots.begin(zxid);
            let incoming = Incoming::new(zxid, sink, room.settings.field_bytes_max);
            *snapshot = Snapshot::Begun(incoming);
        }
        news.push(Input::FromLeader(packet));
    }
}
