//! Both ends of the election port: one for the line, one for the peers thread.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::net::peer::ballots::letter::BallotPort;
use crate::net::peer::ballots::room::Room;
use crate::net::peer::ballots::{AddressBook, ElectionSettings};
use crate::proto::ballot::Ballot;
use crate::types::ServerId;

/// What the line wants beside sending.
#[derive(Debug)]
enum Order {
    /// Dial these addresses from now on.
    Know(AddressBook),
    /// End all connections, forget all ballots, and listen anew.
    Restart(AddressBook),
    /// End everything.
    Stop,
}

#[derive(Debug, Default)]
struct Mail {
    orders: Vec<Order>,
    /// In their frames. Later than the orders.
    ballots: BTreeMap<ServerId, Bytes>,
}

#[derive(Debug, Default)]
struct Mailbox {
    mail: Mutex<Mail>,
    marked: AtomicBool,
    notify: Notify,
}

impl Mailbox {
    async fn wait(&self) -> Mail {
        self.notify.notified().await;
        mem::take(&mut *self.mail.lock())
    }
}

/// The line's end of the election port.
#[derive(Debug, Clone)]
pub struct Ballots {
    mailbox: Arc<Mailbox>,
}

impl Ballots {
    /// Sends a ballot, connecting first if need be. It replaces one to the same server that is still to be sent.
    /// [`Ballots::ring`] gets it on its way.
    pub fn send(&self, to: ServerId, ballot: &Ballot) {
        let mut frame = Vec::new();
        ballot.append(&mut frame);
        self.mailbox.mail.lock().ballots.insert(to, frame.into());
        self.mailbox.marked.store(true, Ordering::Release);
    }

    /// Wakes the peers thread if anything was put in since it was last woken.
    pub fn ring(&self) {
        if self.mailbox.marked.swap(false, Ordering::AcqRel) {
            self.mailbox.notify.notify_one();
        }
    }

    /// Servers are to be found at these addresses from now on. Connections stay as they are.
    pub fn know(&self, book: AddressBook) {
        self.order(Order::Know(book));
    }

    /// Begins anew, as after a change of the members: connections end, ballots are forgotten, the own addresses
    /// are bound again.
    // apache 3.9.5: server/quorum/QuorumPeer.java restartLeaderElection
    pub fn restart(&self, book: AddressBook) {
        self.order(Order::Restart(book));
    }

    /// Ends the election port: every connection, and [`ElectionPort::serve`].
    pub fn stop(&self) {
        self.order(Order::Stop);
    }

    fn order(&self, order: Order) {
        {
            let mut mail = self.mailbox.mail.lock();
            if let Order::Restart(_) = order {
                mail.ballots.clear();
            }
            mail.orders.push(order);
        }
        self.mailbox.marked.store(true, Ordering::Release);
        self.ring();
    }
}

/// The election port before it is served.
pub struct ElectionPort {
    settings: ElectionSettings,
    book: AddressBook,
    port: Arc<dyn BallotPort>,
    mailbox: Arc<Mailbox>,
}

/// Both ends of an election port.
///
/// # Panics
/// When the book has no address of this server.
pub fn election(
    settings: ElectionSettings,
    book: AddressBook,
    port: Arc<dyn BallotPort>,
) -> (Ballots, ElectionPort) {
    let own = book.find(settings.me);
    assert!(!own.is_empty(), "a server has an election address");
    let mailbox = Arc::new(Mailbox::default());
    let ballots = Ballots {
        mailbox: Arc::clone(&mailbox),
    };
    let port = ElectionPort {
        settings,
        book,
        port,
        mailbox,
    };
    (ballots, port)
}

impl ElectionPort {
    /// Listens, connects and carries ballots until [`Ballots::stop`]. Runs on a `LocalSet`; dropped, it ends
    /// everything as well.
    pub async fn serve(self) {
        let me = self.settings.me;
        let open = |book| Room::open(self.settings.clone(), book, Arc::clone(&self.port));
        let mut room = open(self.book.clone());
        loop {
            let Mail { orders, ballots } = self.mailbox.wait().await;
            for order in orders {
                match order {
                    Order::Know(book) => room.know(book.with_own(me, &room.book())),
                    Order::Restart(book) => {
                        // The same ports are bound again: the old sockets must be closed by then.
                        room.close().await;
                        room = open(book.with_own(me, &room.book()));
                    }
                    Order::Stop => {
                        room.close().await;
                        return;
                    }
                }
            }
            for (to, frame) in ballots {
                room.send(to, frame);
            }
        }
    }
}
