//! Moves the client port of a member to where a change of the membership wants it. Clients that are connected
//! stay; new ones find it at the new place only.
//!
//! A thread of its own does it: names are looked up on the way, and the old place must have been left before the
//! new one is taken, since it may be the same port.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::config::ClientAddress;
use crate::net::client::{Bell, Door};
use crate::server::error::ServerError;
use crate::server::listeners;
use crate::server::mailbox::Mailbox;

/// How long the thread sleeps without looking around.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
enum Order {
    Move(ClientAddress),
    Stop,
}

/// The client port of a member.
#[derive(Debug)]
pub struct ClientPort {
    orders: Mailbox<Order>,
    bells: Vec<Arc<Bell>>,
    bound: Mutex<Option<SocketAddr>>,
}

impl ClientPort {
    /// Where these shards listen.
    pub fn new(bells: Vec<Arc<Bell>>, listener: Option<&TcpListener>) -> Self {
        let bound = listener.and_then(|listener| listener.local_addr().ok());
        ClientPort {
            orders: Mailbox::default(),
            bells,
            bound: Mutex::new(bound),
        }
    }

    /// The port in use; `None`: clients find none.
    pub fn number(&self) -> Option<u16> {
        self.bound.lock().map(|address| address.port())
    }

    /// It is to be here from now on.
    pub fn move_to(&self, address: &ClientAddress) {
        self.orders.send(Order::Move(address.clone()));
    }

    /// Ends the thread.
    pub fn stop(&self) {
        self.orders.send(Order::Stop);
    }

    /// Does what it is told until told to stop.
    ///
    /// # Errors
    /// Never: a place that cannot be taken is for the operator to see to.
    pub fn run(&self) -> Result<(), ServerError> {
        let mut orders = Vec::new();
        loop {
            self.orders.take(&mut orders, PATIENCE);
            for order in orders.drain(..) {
                match order {
                    Order::Stop => return Ok(()),
                    Order::Move(address) => self.change(&address),
                }
            }
        }
    }

    // apache 3.9.5: server/NIOServerCnxnFactory.java reconfigure
    fn change(&self, address: &ClientAddress) {
        let (left, all_left) = mpsc::channel();
        for bell in &self.bells {
            bell.door(Door::Close(left.clone()));
        }
        drop(left);
        // It ends when the last of them has left, or has ended.
        all_left.iter().for_each(drop);
        let ClientAddress { host, port } = address;
        tracing::info!("binding to port {host}:{port}");
        let opened = listeners::moved_port(host, *port).and_then(|listener| self.open(&listener));
        *self.bound.lock() = match opened {
            Ok(bound) => Some(bound),
            Err(error) => {
                tracing::error!("Error reconfiguring client port to {host}:{port}: {error}");
                None
            }
        };
    }

    fn open(&self, listener: &TcpListener) -> std::io::Result<SocketAddr> {
        let bound = listener.local_addr()?;
        let clones = self.bells.iter().map(|_| listener.try_clone());
        let clones = clones.collect::<std::io::Result<Vec<_>>>()?;
        for (bell, listener) in self.bells.iter().zip(clones) {
            bell.door(Door::Open(listener));
        }
        Ok(bound)
    }
}
