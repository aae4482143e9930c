//! A session's replies come in request order; a read sees all of the session's earlier writes.

use std::thread;

use crate::ask::Ask;
use crate::live;
use crate::live::Live;

fn parse(line: &str) -> Ask {
    line.parse().unwrap()
}

/// Writes and reads in one stream, far more than are ever answered at once.
fn stream(at: std::net::SocketAddr, node: &str) {
    const ROUNDS: usize = 400;
    let mut live = Live::open(at);
    let mut sender = live.twin();
    let own = node.to_owned();
    let sending = thread::spawn(move || {
        sender.send(&[parse(&format!("create {own} start"))]);
        for round in 0..ROUNDS {
            let mut asks = vec![
                parse(&format!("set {own} {round}")),
                parse(&format!("get {own}")),
            ];
            if round % 3 == 0 {
                asks.extend([
                    parse("exists /nowhere"),
                    parse(&format!("delete {own}/missing")),
                ]);
            }
            sender.send(&asks);
        }
    });
    let mut xid = 1;
    let mut next = || {
        let heard = live.hear();
        assert_eq!(heard.xid, xid, "replies come in request order");
        xid += 1;
        heard
    };
    assert_eq!(next().err, 0);
    let mut zxid = 0;
    for round in 0..ROUNDS {
        let set = next();
        assert!(set.zxid > zxid, "time does not go back");
        zxid = set.zxid;
        let (data, changed) = next().data();
        assert_eq!(
            (data, changed),
            (round.to_string(), zxid),
            "it sees its own write"
        );
        if round % 3 == 0 {
            assert_eq!(next().err, -101);
            assert_eq!(next().err, -101);
        }
    }
    sending.join().unwrap();
}

#[test]
fn replies_come_in_order_and_reads_see_own_writes() {
    let dir = tempfile::tempdir().unwrap();
    let server = live::start(dir.path(), "forceSync=no\n");
    let at = live::address(&server);
    let streams = ["/a", "/b", "/c", "/d"].map(|node| thread::spawn(move || stream(at, node)));
    for stream in streams {
        stream.join().expect("a session is first in, first out");
    }
    server.stop().unwrap();
}

#[test]
fn requests_right_behind_the_handshake_are_answered_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = live::start(dir.path(), "forceSync=no\n");
    let at = live::address(&server);
    let joiners = [(); 4].map(|()| {
        thread::spawn(move || {
            for _ in 0..60 {
                let asks = [
                    "get /zookeeper",
                    "create-es /s x",
                    "get /zookeeper",
                    "close",
                ];
                let mut live = Live::open_with(at, &asks.map(parse));
                let xids = [(); 4].map(|()| live.hear().xid);
                assert_eq!(xids, [1, 2, 3, 4]);
                assert!(
                    live.next().is_none(),
                    "a closed session's connection is closed"
                );
            }
        })
    });
    for joiner in joiners {
        joiner.join().unwrap();
    }
    server.stop().unwrap();
}
