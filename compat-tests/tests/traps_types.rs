//! Containers and nodes with a lifetime, on a server that has them switched on and looks after them often.

use std::time::{Duration, Instant};

use compat_tests::server::{Options, Server, kinds};
use compat_tests::stage::{Stage, on_own, on_oxkeeper_only};
use compat_tests::wire::multi::{Outcome, outcomes, request as multi};
use compat_tests::wire::{Acl, Client, Reply, code, op, request};

const MAX_TTL: i64 = 1_099_511_627_775;

/// Extended types on; unused containers and expired nodes are looked for every 100 ms.
fn options() -> Options {
    Options::default()
        .property("zookeeper.extendedTypesEnabled", true)
        .property("znode.container.checkIntervalMs", 100)
}

fn create_ttl(client: &mut Client, path: &str, flags: i32, ttl: i64) -> Reply {
    client.call(
        op::CREATE_TTL,
        &request::create_ttl(path, "", &Acl::open(), flags, ttl),
    )
}

fn create_container(client: &mut Client, path: &str, flags: i32) -> Reply {
    client.call(
        op::CREATE_CONTAINER,
        &request::create(path, "", &Acl::open(), flags),
    )
}

/// The next notification for `path`, which must be its deletion; how long it took.
#[track_caller]
fn wait_for_deletion(client: &mut Client, path: &str) -> Duration {
    let since = Instant::now();
    let event = client.event();
    assert_eq!((event.kind, event.path.as_str()), (op::DELETED, path));
    since.elapsed()
}

#[test]
fn trap_044_lifetimes_from_1_ms_to_40_bits() {
    on_own(&options(), |s, _| {
        let mut client = s.client();
        for flags in [op::TTL, op::TTL_SEQUENTIAL] {
            for ttl in [0, -1, i64::MIN, MAX_TTL + 1, i64::MAX] {
                create_ttl(&mut client, "/t044", flags, ttl).fails(code::BAD_ARGUMENTS);
            }
        }
        let reply = create_ttl(&mut client, "/t044", op::TTL, MAX_TTL);
        let (path, stat) = reply.path_and_stat();
        assert_eq!(
            (path.as_str(), stat.ephemeral_owner, stat.czxid),
            ("/t044", 0, reply.zxid)
        );
        let (path, _) =
            create_ttl(&mut client, "/t044n", op::TTL_SEQUENTIAL, 60_000).path_and_stat();
        assert_eq!(path, "/t044n0000000001");
        for kind in [op::CREATE, op::CREATE2, op::CREATE_CONTAINER] {
            for flags in [op::TTL, op::TTL_SEQUENTIAL] {
                let body = request::create("/t044x", "", &Acl::open(), flags);
                client.call(kind, &body).fails(code::BAD_ARGUMENTS);
            }
        }
    });
}

#[test]
fn trap_027_containers_and_lifetimes_answer_with_stat_and_as_type_15_in_a_multi() {
    on_own(&options(), |s, _| {
        let mut client = s.client();
        let (path, stat) = create_container(&mut client, "/t027c", 0).path_and_stat();
        assert_eq!((path.as_str(), stat), ("/t027c", client.stat("/t027c")));
        let elements = [
            (
                op::CREATE_CONTAINER,
                request::create("/t027d", "", &Acl::open(), 0),
            ),
            (
                op::CREATE_TTL,
                request::create_ttl("/t027t", "", &Acl::open(), op::TTL, 60_000),
            ),
            (
                op::CREATE_TTL,
                request::create_ttl("/t027t", "", &Acl::open(), op::TTL_SEQUENTIAL, 60_000),
            ),
            (
                op::CREATE_TTL,
                request::create_ttl("/t027p", "", &Acl::open(), op::PERSISTENT, 60_000),
            ),
        ];
        let seen = outcomes(&client.call(op::MULTI, &multi(&elements)).ok());
        let paths = ["/t027d", "/t027t", "/t027t0000000003"];
        for (outcome, path) in seen.iter().zip(paths) {
            assert_eq!(
                *outcome,
                Outcome::Created2(path.to_owned(), client.stat(path))
            );
        }
        assert_eq!(seen[3], Outcome::Created("/t027p".to_owned()));
        let bad = [(
            op::CREATE_TTL,
            request::create_ttl("/t027b", "", &Acl::open(), op::TTL, 0),
        )];
        let seen = outcomes(&client.call(op::MULTI, &multi(&bad)).ok());
        assert_eq!(seen, [Outcome::Error(code::BAD_ARGUMENTS)]);
    });
}

#[test]
fn trap_045_no_lifetime_and_no_flag_is_refused() {
    on_oxkeeper_only(&options(), |s, _| {
        let mut client = s.client();
        for flags in 0..=4 {
            for ttl in [-1, i64::MIN] {
                create_ttl(&mut client, "/t045", flags, ttl).fails(code::BAD_ARGUMENTS);
            }
        }
        assert!(!client.exists("/t045"));
    });
}

#[test]
fn trap_042_only_the_container_operation_makes_a_container() {
    on_own(&options(), |s, _| {
        let mut client = s.client();
        client.create_as("/plain", "", &Acl::open(), op::CONTAINER);
        for flags in [0, 1, 4] {
            let path = format!("/box{flags}");
            assert_eq!(
                create_container(&mut client, &path, flags)
                    .path_and_stat()
                    .0,
                path
            );
            client.watch_data(&path);
            client.create(&format!("{path}/child"), "");
            client.delete(&format!("{path}/child"));
            wait_for_deletion(&mut client, &path);
        }
        for flags in [op::SEQUENTIAL, op::EPHEMERAL_SEQUENTIAL] {
            let (path, stat) = create_container(&mut client, "/n", flags).path_and_stat();
            assert_eq!((path.len(), stat.ephemeral_owner), (12, 0));
            client.watch_data(&path);
            client.create(&format!("{path}/child"), "");
            client.delete(&format!("{path}/child"));
            wait_for_deletion(&mut client, &path);
        }
        client.create("/plain/child", "");
        client.delete("/plain/child");
        // Containers that came later have come and gone meanwhile.
        assert!(client.exists("/plain"));
    });
}

#[test]
fn trap_056_a_container_made_in_a_multi_is_reaped() {
    on_own(&options(), |s, _| {
        let mut client = s.client();
        let element = (
            op::CREATE,
            request::create("/t056", "", &Acl::open(), op::CONTAINER),
        );
        let _ = client.call(op::MULTI, &multi(&[element])).ok();
        client.watch_data("/t056");
        client.create("/t056/child", "");
        client.delete("/t056/child");
        wait_for_deletion(&mut client, "/t056");
    });
}

#[test]
fn row_5_5_a_container_that_never_had_a_child_stays() {
    on_own(&options(), |s, _| {
        let mut client = s.client();
        let _ = create_container(&mut client, "/unused", 0).ok();
        let _ = create_container(&mut client, "/used", 0).ok();
        client.watch_data("/used");
        client.create("/used/child", "");
        client.conn.stays_silent_for(Duration::from_millis(300));
        client.delete("/used/child");
        wait_for_deletion(&mut client, "/used");
        assert!(client.exists("/unused"));
    });
}

#[test]
fn row_5_5_a_container_that_never_had_a_child_may_have_an_age_limit() {
    let options = options().property("znode.container.maxNeverUsedIntervalMs", 1000);
    on_own(&options, |s, _| {
        let mut client = s.client();
        let _ = create_container(&mut client, "/unused", 0).ok();
        client.watch_data("/unused");
        let time = wait_for_deletion(&mut client, "/unused");
        assert!(time > Duration::from_millis(500), "gone after {time:?}");
    });
}

#[test]
fn row_5_5_a_lifetime_counts_from_the_last_change_of_data_while_there_are_no_children() {
    on_own(&options(), |s, _| {
        let mut client = s.client();
        let _ = create_ttl(&mut client, "/ttl", op::TTL, 2000).ok();
        client.create("/ttl/child", "");
        client.watch_data("/ttl");
        client.conn.stays_silent_for(Duration::from_millis(2300));
        client.delete("/ttl/child");
        let time = wait_for_deletion(&mut client, "/ttl");
        assert!(
            time < Duration::from_millis(1900),
            "children do not restart the clock: {time:?}"
        );

        let _ = create_ttl(&mut client, "/ttl", op::TTL, 2000).ok();
        client.conn.stays_silent_for(Duration::from_millis(800));
        client.set_data("/ttl", "touched");
        client.watch_data("/ttl");
        let time = wait_for_deletion(&mut client, "/ttl");
        assert!(
            time > Duration::from_millis(1500),
            "data restarts the clock: {time:?}"
        );
    });
}

#[test]
fn row_5_5_reaping_is_a_transaction_that_watches_see() {
    on_own(&options(), |s, _| {
        let mut client = s.client();
        let before = client.create("/parent", "");
        let _ = create_ttl(&mut client, "/parent/ttl", op::TTL, 1).ok();
        client.watch_children("/parent");
        let event = client.event();
        assert_eq!(
            (event.kind, event.path.as_str()),
            (op::CHILDREN_CHANGED, "/parent")
        );
        assert!(event.zxid > before + 1);
        let stat = client.stat("/parent");
        assert_eq!(
            (stat.pzxid, stat.cversion, stat.num_children),
            (event.zxid, 2, 0)
        );
    });
}

#[test]
fn row_5_5_deletions_are_spread_over_the_minute() {
    // 120 per minute is one in half a second. The first may have come before the clock of this test was started.
    let options = options().property("znode.container.maxPerMinute", 120);
    on_own(&options, |s, _| {
        let mut client = s.client();
        for path in ["/a", "/b", "/c"] {
            let _ = create_ttl(&mut client, path, op::TTL, 1).ok();
        }
        // Some may be gone already; a watch on the parent hears of the rest.
        let left = client.stat("/").num_children - 1;
        let _ = client.call(op::ADD_WATCH, &request::path_kind("/", 0)).ok();
        let since = Instant::now();
        for _ in 0..left {
            assert_eq!(client.event().kind, op::CHILDREN_CHANGED);
        }
        let least =
            Duration::from_millis(450) * u32::try_from(left - 1).expect("one at least is left");
        assert!(
            since.elapsed() >= least,
            "{left} deletions in {:?}",
            since.elapsed()
        );
    });
}

#[test]
fn row_5_4_nodes_with_a_lifetime_are_lost_to_a_server_that_does_not_know_them() {
    for kind in kinds() {
        let dir = tempfile::tempdir().expect("a folder");
        let knowing = options().data_dir(dir.path());
        let mut server = Server::start(kind, knowing).expect("the server starts");
        let mut client = Stage::of(&server).client();
        let _ = create_ttl(&mut client, "/ttl", op::TTL, 3_600_000).ok();
        client.create("/plain", "");
        server.stop().expect("the server stops");
        let unknowing = Options::default().data_dir(dir.path());
        let server = Server::start(kind, unknowing).expect("the server starts");
        eprintln!("--- against {kind}");
        let mut client = Stage::of(&server).client();
        assert!(client.exists("/plain") && !client.exists("/ttl"));
    }
}

#[test]
fn row_5_4_lifetimes_outlive_the_server() {
    on_own(&options(), |s, server| {
        let mut client = s.client();
        let _ = create_ttl(&mut client, "/long", op::TTL, 3_600_000).ok();
        let _ = create_ttl(&mut client, "/short", op::TTL, 2000).ok();
        let _ = create_container(&mut client, "/box", 0).ok();
        client.create("/box/child", "");
        server.kill().expect("the server ends");
        server.start_again().expect("the server starts again");
        let mut client = s.client();
        client.watch_data("/box");
        client.delete("/box/child");
        wait_for_deletion(&mut client, "/box");
        let read = request::path_watch("/short", true);
        if client.call(op::EXISTS, &read).err == code::OK {
            wait_for_deletion(&mut client, "/short");
        }
        assert!(client.exists("/long"));
    });
}
