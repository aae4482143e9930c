//! A session of its own for what surrounds a measurement: the nodes it needs, and their removal.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::bench::error::BenchError;
use crate::bench::fleet::Fleet;
use crate::bench::frames;
use crate::bench::frames::Template;
use crate::bench::session::Incoming;
use crate::proto::DecodeError;
use crate::proto::request;

/// Deletes in flight at once.
const DELETES_MAX: usize = 1000;

/// A session that asks one thing after the other. It sends no heartbeats: open one where it is needed.
#[derive(Debug)]
pub(crate) struct Control {
    fleet: Fleet,
}

impl Control {
    /// Opens the session.
    pub(crate) fn open(server: SocketAddr, session_timeout_ms: i32) -> Result<Self, BenchError> {
        let fleet = Fleet::open(&[server], 1, session_timeout_ms)?;
        Ok(Control { fleet })
    }

    /// Opens the session with a server that is given up when it is silent for `patience`.
    pub(crate) fn open_within(
        patience: Duration,
        server: SocketAddr,
        session_timeout_ms: i32,
    ) -> Result<Self, BenchError> {
        let fleet = Fleet::open_within(patience, &[server], 1, session_timeout_ms)?;
        Ok(Control { fleet })
    }

    /// Ends the session.
    pub(crate) fn close(self) -> Result<(), BenchError> {
        self.fleet.close()
    }

    /// Asks, and returns the body of the answer.
    pub(crate) fn call(&mut self, template: &Template, number: u64) -> Result<Vec<u8>, BenchError> {
        self.fleet.sessions()[0].request(template, || number, Instant::now());
        self.fleet.flush()?;
        let mut answer = Vec::new();
        self.fleet.settle(|session, _, incoming, _| {
            if let Incoming::Reply { body, .. } = incoming {
                answer.extend_from_slice(session.bytes(body));
            }
            Ok(())
        })?;
        Ok(answer)
    }

    /// Creates a node under the root that nobody else has, named after this session.
    pub(crate) fn create_base(&mut self) -> Result<String, BenchError> {
        let id = self.fleet.sessions()[0].id().unwrap_or_default();
        let base = format!("/oxkeeper-bench-{id:x}");
        self.call(&frames::create(&base, b""), 0)?;
        Ok(base)
    }

    /// Deletes a node and what is below it, `depth` levels of it.
    pub(crate) fn delete_tree(&mut self, path: &str, depth: usize) -> Result<(), BenchError> {
        if depth > 0 {
            let children = self.children(path)?;
            if depth > 1 {
                for child in &children {
                    self.delete_tree(child, depth - 1)?;
                }
            } else {
                for some in children.chunks(DELETES_MAX) {
                    self.delete_all(some)?;
                }
            }
        }
        self.call(&frames::delete(path), 0)?;
        Ok(())
    }

    fn delete_all(&mut self, paths: &[String]) -> Result<(), BenchError> {
        let now = Instant::now();
        for path in paths {
            self.fleet.sessions()[0].request(&frames::delete(path), || 0, now);
        }
        self.fleet.flush()?;
        self.fleet.settle(|_, _, _, _| Ok(()))
    }

    fn children(&mut self, path: &str) -> Result<Vec<String>, BenchError> {
        let answer = self.call(&frames::get_children(path), 0)?;
        let names = strings(&answer).map_err(|error| BenchError::Protocol {
            server: self.fleet.sessions()[0].server(),
            what: format!("its list of children is not one ({error})"),
        })?;
        Ok(names.iter().map(|name| format!("{path}/{name}")).collect())
    }
}

fn strings(body: &[u8]) -> Result<Vec<String>, DecodeError> {
    let mut reader = request::reader(body, body.len());
    let count = reader.count()?.unwrap_or_default();
    (0..count)
        .map(|_| Ok(reader.string()?.unwrap_or_default().into_owned()))
        .collect()
}
