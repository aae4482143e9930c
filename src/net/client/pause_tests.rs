//! A connection that pauses must go on by itself, whatever happens between two looks at the reason.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::LocalSet;

use crate::auth::AuthRules;
use crate::net::client::bell::Bell;
use crate::net::client::connection::{Connection, Phase};
use crate::net::client::local::Local;
use crate::net::client::outbox::Outbox;
use crate::net::client::ports::{ConnectAsk, Limits, Ports, ReadPort, Viewer, WordPort, WritePort};
use crate::net::client::shard::Rooms;
use crate::ops::Reading;
use crate::pipeline::connection_throttle::Arrival;
use crate::replica::Submission;
use crate::types::{ConnId, Id, Millis, SessionId, Zxid};

/// A server that is overloaded whenever it is asked for an odd time.
#[derive(Default)]
struct Moody {
    asked: AtomicUsize,
    submitted: AtomicUsize,
}

impl ReadPort for Moody {
    fn view(&self, _: Viewer<'_>, _: &mut dyn FnMut(&mut Reading<'_>)) -> bool {
        unreachable!("nothing is read")
    }
    fn is_serving(&self) -> bool {
        true
    }
    fn is_read_only(&self) -> bool {
        false
    }
    fn last_zxid(&self) -> Zxid {
        Zxid::ZERO
    }
}

impl WritePort for Moody {
    fn submit(&self, submission: Submission) {
        self.submitted
            .fetch_add(submission.count, Ordering::Relaxed);
    }
    fn connect(&self, _: ConnectAsk) {}
    fn lets_in(&self, _: Arrival) -> bool {
        true
    }
    fn fits_large(&self, _: usize) -> bool {
        true
    }
    fn take_large(&self, _: usize) -> bool {
        true
    }
    fn wake(&self) {}
    fn in_process(&self) -> usize {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        if asked.is_multiple_of(2) { 1000 } else { 0 }
    }
    fn served(&self, _: u64) {}
    fn opened(&self, _: &Arc<Outbox>) -> bool {
        true
    }
    fn closed(&self, _: &Outbox) {}
}

impl WordPort for Moody {
    fn answer(&self, _: [u8; 4], _: &[u8], _: ConnId) -> Option<Vec<u8>> {
        None
    }
}

fn ports(moody: &Arc<Moody>) -> Ports {
    Ports {
        read: Arc::clone(moody) as Arc<dyn ReadPort>,
        write: Arc::clone(moody) as Arc<dyn WritePort>,
        words: Arc::clone(moody) as Arc<dyn WordPort>,
        limits: Arc::new(Limits {
            frame_bytes_max: 1000,
            field_bytes_max: 1000,
            session_timeout_ms_min: 1,
            session_timeout_ms_max: 1,
            large_frame_bytes: usize::MAX,
            in_process_max: 100,
            sessionless_ms: 1,
            syncs_ask_the_leader: false,
            tcp_keep_alive: false,
        }),
        auth: Arc::new(AuthRules {
            skip_acl: true,
            digest: None,
            super_digest: None,
            enforced_schemes: None,
        }),
        clock: || Millis(0),
        next_conn: Arc::new(AtomicU64::new(2)),
    }
}

#[test]
fn requests_behind_a_pause_that_is_over_at_once_are_not_forgotten() {
    const REQUESTS: usize = 5;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (accepted, peer) = listener.accept().unwrap();
    accepted.set_nonblocking(true).unwrap();
    // closeSession, which has no body.
    client
        .write_all(&[0, 0, 0, 8, 0, 0, 0, 1, 255, 255, 255, 245].repeat(REQUESTS))
        .unwrap();

    let bell = Arc::new(Bell::default());
    let identity = Id {
        scheme: "ip".into(),
        id: "127.0.0.1".into(),
    };
    let outbox = Outbox::new(ConnId(1), peer, identity, Arc::clone(&bell), Millis(0));
    outbox.welcome(SessionId(7), 1000, &[]);
    // Something of this connection is in process all the time.
    outbox.submitted(1);
    let moody = Arc::new(Moody::default());
    let all_submitted = async {
        let stream = tokio::net::TcpStream::from_std(accepted).unwrap();
        let local = Rc::new(Local::new(Arc::new(outbox), stream));
        let rooms = Rc::new(Rooms::new(ports(&moody), bell));
        let mut connection = Connection::new(Rc::clone(&local), rooms);
        connection.phase = Phase::Open;
        let task = tokio::task::spawn_local(connection.run());
        while moody.submitted.load(Ordering::Relaxed) < REQUESTS {
            // As a reply would.
            local.wake();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        task.abort();
    };
    let patience = Duration::from_secs(30);
    let done = LocalSet::new().block_on(&runtime, async {
        tokio::time::timeout(patience, all_submitted).await
    });
    assert!(
        done.is_ok(),
        "{} of {REQUESTS} requests were taken",
        moody.submitted.load(Ordering::Relaxed)
    );
}
