//! One connection between two servers, once it is known who they are.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Notify, Semaphore};

use crate::net::peer::ballots::letter::{BallotLetter, BallotPort};
use crate::proto::ballot::{self, Ballot};
use crate::types::ServerId;

/// Ballots of one server that the line may not have opened yet.
const UNOPENED_MAX: usize = 8;

/// What is to be sent to one server, however often it is connected.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    slots: RefCell<Slots>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Slots {
    /// Not sent yet.
    waiting: Option<Bytes>,
    /// The last one sent.
    last: Option<Bytes>,
}

impl Outgoing {
    /// Replaces what was not sent yet.
    pub(super) fn put(&self, frame: Bytes) {
        self.slots.borrow_mut().waiting = Some(frame);
        self.changed.notify_one();
    }

    fn take(&self) -> Option<Bytes> {
        let mut slots = self.slots.borrow_mut();
        let frame = slots.waiting.take()?;
        slots.last = Some(frame.clone());
        Some(frame)
    }

    /// What a new connection begins with: the last ballot may have been lost with the one before.
    fn again(&self) -> Option<Bytes> {
        let slots = self.slots.borrow();
        slots.last.clone().filter(|_| slots.waiting.is_none())
    }
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireEnd {
    /// The other server has closed it.
    #[error("closed by the other server")]
    Closed,
    /// No ballot has that length.
    #[error(transparent)]
    BadLength(#[from] crate::proto::frame::BadLength),
    /// It broke.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A connection with another server.
pub(super) struct Wire {
    pub(super) peer: ServerId,
    pub(super) stream: TcpStream,
    /// What came in behind the other server's hello.
    pub(super) received: BytesMut,
    pub(super) outgoing: Rc<Outgoing>,
    /// Set whenever a ballot comes.
    pub(super) heard: Rc<Cell<bool>>,
    pub(super) port: Arc<dyn BallotPort>,
}

impl Wire {
    /// Carries ballots both ways until the connection ends.
    pub(super) async fn run(self) -> WireEnd {
        let (input, output) = self.stream.into_split();
        let (peer, port) = (self.peer, &*self.port);
        let mut reading = pin!(read(peer, input, self.received, (&self.heard, port)));
        let mut writing = pin!(write(output, &self.outgoing));
        let end = poll_fn(|cx| match reading.as_mut().poll(cx) {
            Poll::Pending => writing.as_mut().poll(cx),
            ended => ended,
        });
        end.await.err().unwrap_or(WireEnd::Closed)
    }
}

async fn write(mut output: OwnedWriteHalf, outgoing: &Outgoing) -> Result<(), WireEnd> {
    if let Some(frame) = outgoing.again() {
        output.write_all(&frame).await?;
    }
    loop {
        while let Some(frame) = outgoing.take() {
            output.write_all(&frame).await?;
        }
        outgoing.changed.notified().await;
    }
}

async fn read(
    peer: ServerId,
    mut input: OwnedReadHalf,
    mut received: BytesMut,
    (heard, port): (&Cell<bool>, &dyn BallotPort),
) -> Result<(), WireEnd> {
    let unopened = Arc::new(Semaphore::new(UNOPENED_MAX));
    loop {
        let mut news = false;
        while let Some(message) = ballot::split(&mut received)? {
            let ballot = match Ballot::decode(&message) {
                Ok(ballot) => ballot,
                Err(error) => {
                    tracing::warn!("skipping a ballot of server {}: {error}", peer.0);
                    continue;
                }
            };
            let permit = match Arc::clone(&unopened).try_acquire_owned() {
                Ok(permit) => permit,
                Err(_) => {
                    port.wake();
                    let permit = Arc::clone(&unopened).acquire_owned().await;
                    permit.expect("the semaphore is never closed")
                }
            };
            heard.set(true);
            port.ballot(BallotLetter::new(peer, ballot, permit));
            news = true;
        }
        if news {
            port.wake();
        }
        if input.read_buf(&mut received).await? == 0 {
            return Ok(());
        }
    }
}
