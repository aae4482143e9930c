//! Clients: they write, read and sync through whichever member serves them, never retry, and remember what they were
//! told.

use std::collections::VecDeque;

use oxkeeper::types::Zxid;

use crate::history::Payload;
use crate::member::Service;
use crate::mutant::Mutant;
use crate::plan::{MS, Time};
use crate::say;
use crate::scene::Event;
use crate::world::{Next, World};

/// A request without an answer.
#[derive(Debug, Clone, Copy)]
pub struct Open {
    pub number: i32,
    pub is_sync: bool,
    pub since: Time,
}

/// One client.
#[derive(Debug, Default)]
pub struct Client {
    /// Which member it talks to, and that member's term.
    pub server: Option<(usize, u32)>,
    pub open: VecDeque<Open>,
    /// The number of its last request.
    pub number: i32,
    /// The highest transaction it has been told of: it talks to no server that is behind.
    pub seen: Zxid,
    /// How many of its writes were acknowledged.
    pub acknowledged: usize,
}

/// A client that waits for so many ticks goes elsewhere.
const PATIENCE_TICKS: i64 = 10;

impl World {
    pub fn client_acts(&mut self, client: usize) {
        if self.healed {
            return;
        }
        let wait = self.chance.clients.between(MS, self.plan.think);
        self.after(wait, Next::Client(client));
        let patience = PATIENCE_TICKS * self.plan.timing.tick_ms * MS;
        let waits_since = self.clients[client].open.front().map(|open| open.since);
        if waits_since.is_some_and(|since| self.scene.now - since > patience) {
            self.leave(client);
        }
        let Some(server) = self.connected(client) else {
            let member = self.chance.clients.below(self.members.len());
            return self.join(client, member);
        };
        match self.chance.clients.below(10) {
            _ if self.clients[client].open.iter().any(|open| open.is_sync) => {}
            0 | 1 if self.clients[client].open.is_empty() => self.read(server, client, None),
            2 | 3 if self.clients[client].open.is_empty() => {
                let number = self.open(client, true);
                self.sync(server, client, number);
            }
            _ if self.clients[client].open.len() < self.plan.depth => {
                let room = self.plan.depth - self.clients[client].open.len();
                let count = self.chance.clients.below(room) + 1;
                self.in_one_breath(server, |world| {
                    for _ in 0..count {
                        let number = world.open(client, false);
                        world.write(server, Payload::write(client, number));
                    }
                });
            }
            _ => {}
        }
    }

    fn open(&mut self, client: usize, is_sync: bool) -> i32 {
        let since = self.scene.now;
        let it = &mut self.clients[client];
        it.number += 1;
        let number = it.number;
        it.open.push_back(Open {
            number,
            is_sync,
            since,
        });
        number
    }

    /// The member that serves the client now.
    fn connected(&self, client: usize) -> Option<usize> {
        let (member, term) = self.clients[client].server?;
        let it = &self.members[member];
        (it.term == term && it.service != Service::Nothing).then_some(member)
    }

    /// Connects if the member serves and is not behind what the client has seen.
    pub fn join(&mut self, client: usize, member: usize) {
        let term = self.members[member].term;
        let serves = self.members[member].service != Service::Nothing;
        let abreast = self.scene.states[member].last >= self.clients[client].seen;
        if serves && (abreast || self.is_mutant(Mutant::SessionsGoBack)) {
            self.clients[client].open.clear();
            self.clients[client].server = Some((member, term));
            self.take_up(member, client);
        }
    }

    fn leave(&mut self, client: usize) {
        self.clients[client].server = None;
        self.clients[client].open.clear();
    }

    /// A member that serves nobody any more lets its clients go; nobody will ever tell them more.
    pub fn drop_clients(&mut self, member: usize) {
        for client in 0..self.clients.len() {
            if self.clients[client]
                .server
                .is_some_and(|(server, _)| server == member)
            {
                self.leave(client);
            }
        }
    }

    /// A client reads at a member; `sync`: as the answer to this sync.
    pub fn read(&mut self, member: usize, client: usize, sync: Option<i32>) {
        if self.connected(client) != Some(member) {
            return;
        }
        if let Some(number) = sync {
            if self.clients[client].open.front().map(|open| open.number) != Some(number) {
                return;
            }
            self.clients[client].open.pop_front();
        }
        let zxid = self.scene.states[member].last;
        self.log(member, || {
            format!("   client {client} reads at {}", say::zxid(zxid))
        });
        self.clients[client].seen = self.clients[client].seen.max(zxid);
        self.see(member, &Event::Read { client, zxid, sync });
    }

    /// A member has applied a write: the client that waits for it there is told.
    pub fn written(&mut self, member: usize, payload: Payload, zxid: Zxid) {
        let Payload {
            client,
            number,
            change: None,
        } = payload
        else {
            return;
        };
        if self.connected(client) != Some(member) {
            return;
        }
        let open = &mut self.clients[client].open;
        if open.front().is_none_or(|open| open.number != number) {
            return;
        }
        open.pop_front();
        let it = &mut self.clients[client];
        it.seen = it.seen.max(zxid);
        it.acknowledged += 1;
        self.log(member, || {
            format!("   client {client} is told that {number} is done")
        });
        self.see(member, &Event::Acknowledged { payload, zxid });
    }

    /// Each member gets a client of its own, which writes once. Returns these clients.
    pub fn last_writes(&mut self) -> std::ops::Range<usize> {
        let first = self.clients.len();
        for member in 0..self.members.len() {
            if self.members[member].service == Service::Nothing {
                continue;
            }
            let client = self.clients.len();
            self.clients.push(Client::default());
            self.join(client, member);
            if self.connected(client).is_some() {
                let number = self.open(client, false);
                self.write(member, Payload::write(client, number));
            }
        }
        first..self.clients.len()
    }
}
