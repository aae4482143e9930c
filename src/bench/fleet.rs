//! Many sessions behind one poll: opens them, waits for what they receive, closes them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use crate::bench::error::BenchError;
use crate::bench::frames;
use crate::bench::session::{Incoming, Session};

/// Handshakes under way at once. More would overflow the listen queue of a server with Java's default.
const OPENING_MAX: usize = 40;
/// A server that answers nothing for this long is given up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
const EVENTS_MAX: usize = 1024;

/// Sessions that are waited for together.
#[derive(Debug)]
pub(crate) struct Fleet {
    poll: Poll,
    events: Events,
    sessions: Vec<Session>,
    heard_at: Instant,
    patience: Duration,
}

impl Fleet {
    /// Opens `count` sessions; with several servers they take turns.
    pub(crate) fn open(
        servers: &[SocketAddr],
        count: usize,
        session_timeout_ms: i32,
    ) -> Result<Self, BenchError> {
        Fleet::open_within(PATIENCE, servers, count, session_timeout_ms)
    }

    /// Opens `count` sessions with servers that are given up when they are silent for `patience`.
    pub(crate) fn open_within(
        patience: Duration,
        servers: &[SocketAddr],
        count: usize,
        session_timeout_ms: i32,
    ) -> Result<Self, BenchError> {
        let mut fleet = Fleet::new(patience)?;
        let mut opened = 0;
        while opened < count {
            while fleet.sessions.len() < count && fleet.sessions.len() - opened < OPENING_MAX {
                let server = servers[fleet.sessions.len() % servers.len()];
                fleet.add(Session::connect(server, session_timeout_ms)?)?;
            }
            fleet.turn(patience, |_, _, incoming, _| {
                opened += usize::from(matches!(incoming, Incoming::Opened));
                Ok(())
            })?;
        }
        Ok(fleet)
    }

    /// Takes sessions over, for instance on another thread.
    pub(crate) fn adopt(sessions: Vec<Session>) -> Result<Self, BenchError> {
        let mut fleet = Fleet::new(PATIENCE)?;
        for session in sessions {
            fleet.add(session)?;
        }
        Ok(fleet)
    }

    fn new(patience: Duration) -> Result<Self, BenchError> {
        Ok(Fleet {
            poll: Poll::new().map_err(poll_failed)?,
            events: Events::with_capacity(EVENTS_MAX),
            sessions: Vec::new(),
            heard_at: Instant::now(),
            patience,
        })
    }

    fn add(&mut self, mut session: Session) -> Result<(), BenchError> {
        self.register(self.sessions.len(), &mut session)?;
        self.sessions.push(session);
        Ok(())
    }

    /// Puts a session in the place of one that is closed.
    pub(crate) fn replace(&mut self, index: usize, mut next: Session) -> Result<(), BenchError> {
        self.register(index, &mut next)?;
        self.sessions[index] = next;
        Ok(())
    }

    fn register(&self, index: usize, session: &mut Session) -> Result<(), BenchError> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registry = self.poll.registry();
        registry
            .register(session.stream(), Token(index), interest)
            .map_err(poll_failed)
    }

    /// The sessions, without the poll.
    pub(crate) fn into_sessions(mut self) -> Result<Vec<Session>, BenchError> {
        for session in &mut self.sessions {
            let registry = self.poll.registry();
            registry.deregister(session.stream()).map_err(poll_failed)?;
        }
        Ok(self.sessions)
    }

    /// The sessions, to queue requests; [`Fleet::flush`] sends them.
    pub(crate) fn sessions(&mut self) -> &mut [Session] {
        &mut self.sessions
    }

    /// Sends what is queued on any session.
    pub(crate) fn flush(&mut self) -> Result<(), BenchError> {
        self.sessions.iter_mut().try_for_each(Session::flush)
    }

    /// Requests that wait for an answer, over all sessions.
    pub(crate) fn in_flight(&self) -> usize {
        self.sessions.iter().map(Session::in_flight).sum()
    }

    /// Waits up to `timeout` for something to come in and hands every message to `on`, with its session,
    /// the session's index and the time. What `on` queues on the session is sent at once.
    pub(crate) fn turn(
        &mut self,
        timeout: Duration,
        mut on: impl FnMut(&mut Session, usize, Incoming, Instant) -> Result<(), BenchError>,
    ) -> Result<(), BenchError> {
        if let Err(error) = self.poll.poll(&mut self.events, Some(timeout))
            && error.kind() != std::io::ErrorKind::Interrupted
        {
            return Err(poll_failed(error));
        }
        let mut heard = false;
        for event in &self.events {
            let Token(index) = event.token();
            let session = &mut self.sessions[index];
            if event.is_readable() || event.is_error() {
                heard = true;
                serve(session, index, &mut on)?;
            }
            session.flush()?;
        }
        self.note(heard)
    }

    /// Gives a silent server up.
    fn note(&mut self, heard: bool) -> Result<(), BenchError> {
        let waiting = |session: &&Session| session.id().is_none() || session.in_flight() > 0;
        let silent = if heard {
            None
        } else {
            self.sessions.iter().find(waiting)
        };
        let Some(session) = silent else {
            self.heard_at = Instant::now();
            return Ok(());
        };
        let waited = self.heard_at.elapsed();
        if waited < self.patience {
            return Ok(());
        }
        let server = session.server();
        Err(BenchError::Stalled { server, waited })
    }

    /// Waits until every request is answered.
    pub(crate) fn settle(
        &mut self,
        mut on: impl FnMut(&mut Session, usize, Incoming, Instant) -> Result<(), BenchError>,
    ) -> Result<(), BenchError> {
        while self.in_flight() > 0 {
            self.turn(self.patience, &mut on)?;
        }
        Ok(())
    }

    /// Ends every session as a good client does.
    pub(crate) fn close(mut self) -> Result<(), BenchError> {
        let (template, now) = (frames::close_session(), Instant::now());
        for session in &mut self.sessions {
            session.request(&template, || 0, now);
        }
        self.flush()?;
        self.settle(|_, _, _, _| Ok(()))
    }
}

fn serve(
    session: &mut Session,
    index: usize,
    on: &mut impl FnMut(&mut Session, usize, Incoming, Instant) -> Result<(), BenchError>,
) -> Result<(), BenchError> {
    let open = session.receive()?;
    let now = Instant::now();
    while let Some(incoming) = session.next()? {
        on(session, index, incoming, now)?;
    }
    if open || session.is_closing() {
        Ok(())
    } else {
        Err(session.hung_up())
    }
}

fn poll_failed(source: std::io::Error) -> BenchError {
    BenchError::System {
        what: "poll sockets",
        source,
    }
}
