//! Counters at their end. No test can write 2^31 times, so the transactions before the last are put into the log by hand.

use std::fs;
use std::path::Path;

use compat_tests::server::{Options, Server, kinds};
use compat_tests::stage::Stage;
use compat_tests::wire::multi::{Outcome, outcomes, request as multi};
use compat_tests::wire::{Acl, Client, Encoder, code, op, request};

/// Adler-32, the checksum of log entries.
fn adler32(bytes: &[u8]) -> u32 {
    let (low, high) = bytes.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    high << 16 | low
}

/// A log of these transactions, zxids 1 and up: (operation, body).
fn write_log(data_dir: &Path, transactions: &[(i32, Vec<u8>)]) {
    let mut log = Encoder::new().raw(b"ZKLG").int(2).long(0);
    for (zxid, (kind, body)) in (1..).zip(transactions) {
        let (session, time) = (0x0100_0000_0000_0001, 1_700_000_000_000 + zxid);
        let entry = Encoder::new()
            .long(session)
            .int(0)
            .long(zxid)
            .long(time)
            .int(*kind)
            .raw(body)
            .done();
        log = log.long(i64::from(adler32(&entry))).blob(&entry).byte(b'B');
    }
    let dir = data_dir.join("version-2");
    fs::create_dir_all(&dir).expect("a folder for the log");
    fs::write(dir.join("log.1"), log.done()).expect("the log is written");
}

/// CreateTxn: `parent_count` is what the counter of the parent becomes.
fn create(path: &str, parent_count: i32) -> (i32, Vec<u8>) {
    let body = Encoder::new()
        .blob(path)
        .blob("")
        .acls(&Acl::open())
        .boolean(false)
        .int(parent_count)
        .done();
    (op::CREATE, body)
}

fn set_data(path: &str, version: i32) -> (i32, Vec<u8>) {
    (op::SET_DATA, request::set_data(path, "", version))
}

/// Runs the test on a server of each kind that starts with these transactions and no snapshot.
fn on_log(transactions: &[(i32, Vec<u8>)], test: impl Fn(&mut Client)) {
    for kind in kinds() {
        let dir = tempfile::tempdir().expect("a folder");
        write_log(dir.path(), transactions);
        let options = Options::default()
            .data_dir(dir.path())
            .property("zookeeper.snapshot.trust.empty", true);
        let server = Server::start(kind, options).expect("the server starts");
        eprintln!("--- against {kind}");
        test(&mut Stage::of(&server).client());
    }
}

#[test]
fn trap_050_a_version_goes_from_the_largest_number_to_the_smallest() {
    let log = [
        create("/v", 1),
        create("/w", 2),
        set_data("/v", i32::MAX),
        set_data("/w", -2),
    ];
    on_log(&log, |client| {
        assert_eq!(client.stat("/v").version, i32::MAX);
        let body = request::set_data("/v", "", i32::MAX);
        assert_eq!(client.call(op::SET_DATA, &body).stat().version, i32::MIN);
        let body = request::set_data("/v", "", i32::MIN);
        assert_eq!(
            client.call(op::SET_DATA, &body).stat().version,
            i32::MIN + 1
        );
        assert_eq!(client.set_data("/w", "").version, -1);
        // Nothing but the wildcard matches it, and that matches anything.
        client
            .call(op::DELETE, &request::path_version("/w", 0))
            .fails(code::BAD_VERSION);
        assert_eq!(
            client
                .call(op::SET_DATA, &request::set_data("/w", "", -1))
                .stat()
                .version,
            0
        );
    });
}

#[test]
fn row_5_3_the_counter_of_children_stays_at_its_largest_number() {
    let log = [create("/p", 1), create("/p/x", i32::MAX - 1)];
    on_log(&log, |client| {
        assert_eq!(client.create_sequential("/p/n"), "/p/n2147483646");
        let before = client.stat("/p");
        assert_eq!(client.create_sequential("/p/n"), "/p/n2147483647");
        let after = client.stat("/p");
        assert_eq!(
            (after.num_children, after.pzxid),
            (before.num_children + 1, before.pzxid)
        );
        let body = request::create("/p/n", "", &Acl::open(), op::SEQUENTIAL);
        client.call(op::CREATE, &body).fails(code::NODE_EXISTS);
        assert_eq!(client.create_sequential("/p/other"), "/p/other2147483647");
    });
}

#[test]
fn row_5_3_numbers_turn_negative_while_creates_are_on_their_way() {
    let log = [create("/p", 1), create("/p/x", i32::MAX)];
    on_log(&log, |client| {
        let element = (
            op::CREATE,
            request::create("/p/n", "", &Acl::open(), op::SEQUENTIAL),
        );
        let elements = [element.clone(), element.clone(), element];
        let seen = outcomes(&client.call(op::MULTI, &multi(&elements)).ok());
        let names = ["/p/n2147483647", "/p/n-2147483648", "/p/n-2147483647"];
        assert_eq!(seen, names.map(|name| Outcome::Created(name.to_owned())));
    });
}
