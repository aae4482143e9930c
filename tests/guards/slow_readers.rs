//! Clients that ask and do not listen: they cost a bounded amount of memory, and only themselves time.

use crate::wire::{
    ADD_WATCH, Bytes, CREATE, Client, GET_DATA, SET_DATA, create, path_watch, resident_bytes,
    serve, set_data,
};

/// What the tests of this binary may take together while one of them measures, in bytes.
const ROOM: usize = 128 << 20;

#[test]
fn replies_that_nobody_reads_do_not_pile_up() {
    const NODE: usize = 512 << 10;
    const READS: usize = 1000;
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &["maxSessionTimeout=600000"]).unwrap();
    let mut slow = Client::connect(&server, 600_000);
    assert_eq!(slow.call(CREATE, &create("/big", &[7; NODE], 0)).err, 0);
    let mut other = Client::connect(&server, 600_000);
    let before = resident_bytes();

    // Half a gigabyte of replies if they were all made.
    for _ in 0..READS {
        slow.ask(GET_DATA, &path_watch("/big"));
    }
    for round in 0..200 {
        assert_eq!(
            other.call(SET_DATA, &set_data("/big", &[round; 100])).err,
            0
        );
        assert!(other.exists("/big"), "others are served");
    }
    let grown = resident_bytes().saturating_sub(before);
    assert!(
        grown < ROOM,
        "{grown} bytes for a client that does not read"
    );

    // Once it listens it gets everything, in order.
    for xid in 2..=READS + 1 {
        let reply = slow.reply();
        assert_eq!((usize::try_from(reply.xid), reply.err), (Ok(xid), 0));
    }
    server.stop().unwrap();
}

#[test]
fn reads_behind_a_write_do_not_pile_up_in_the_line() {
    const NODE: usize = 512 << 10;
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &["maxSessionTimeout=600000"]).unwrap();
    let mut client = Client::connect(&server, 600_000);
    assert_eq!(client.call(CREATE, &create("/big", &[7; NODE], 0)).err, 0);
    let mut frames = crate::wire::request(2, SET_DATA, &set_data("/big", &[8; NODE]));
    for xid in 3..103 {
        frames.extend(crate::wire::request(xid, GET_DATA, &path_watch("/big")));
    }
    client.send(&frames);
    for xid in 2..103 {
        let reply = client.reply();
        assert_eq!((reply.xid, reply.err), (xid, 0));
        assert!(xid == 2 || reply.body[4..4 + NODE].iter().all(|byte| *byte == 8));
    }
    server.stop().unwrap();
}

#[test]
fn events_wait_for_a_client_that_does_not_read_and_nobody_waits_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(dir.path(), &["maxSessionTimeout=600000"]).unwrap();
    let mut deaf = Client::connect(&server, 600_000);
    let body = Bytes::default().blob(b"/").int(1).0;
    assert_eq!(deaf.call(ADD_WATCH, &body).err, 0);
    let mut busy = Client::connect(&server, 600_000);
    // Long paths make long events: together more than any socket buffer holds.
    let long = "n".repeat(20_000);
    let paths: Vec<String> = (0..300).map(|number| format!("/{number}{long}")).collect();
    let before = resident_bytes();
    for path in &paths {
        assert_eq!(busy.call(CREATE, &create(path, b"", 0)).err, 0);
    }
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < ROOM, "{grown} bytes");
    let mut created = 0;
    while created < paths.len() {
        let frame = deaf.frame().expect("the connection lives");
        let path = frame.ends_with(paths[created].as_bytes());
        assert!(path || frame.ends_with(b"/"), "events come in order");
        created += usize::from(path);
    }
    assert!(deaf.exists("/"));
    server.stop().unwrap();
}
