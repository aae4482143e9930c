//! The life of a session: its id, how long it lives, what keeps it alive, and what goes with it.

use std::time::{Duration, Instant};

use compat_tests::server::Options;
use compat_tests::stage::{Stage, alone_on_shared, on_own};
use compat_tests::wire::request::Connect;
use compat_tests::wire::{Acl, Client, op, request};

const TICK: Duration = Duration::from_millis(200);
/// What a busy machine may add to any wait.
const SLACK: Duration = Duration::from_secs(5);

/// A server with short ticks, so that sessions expire soon.
fn options() -> Options {
    Options::default().set("tickTime", TICK.as_millis())
}

fn short_lived(stage: Stage, timeout_ms: i32) -> Client {
    let client = stage.client_with(&Connect::new(timeout_ms));
    assert_eq!(client.session.timeout_ms, timeout_ms);
    client
}

#[test]
fn trap_087_a_session_expires_after_its_timeout_and_at_most_a_tick_later() {
    on_own(&options(), |s, _| {
        let before = Instant::now();
        let mut client = short_lived(s, 1000);
        let after = Instant::now();
        client.conn.ends_silently();
        let (most, least) = (before.elapsed(), after.elapsed());
        assert!(
            most >= Duration::from_millis(1000),
            "expired after {most:?}"
        );
        assert!(
            least <= Duration::from_millis(1000) + TICK + SLACK,
            "expired after {least:?}"
        );
    });
}

#[test]
fn trap_087_expiry_takes_the_ephemerals_in_one_transaction() {
    on_own(&options(), |s, _| {
        let mut watcher = s.client();
        watcher.create("/p", "");
        let mut client = short_lived(s, 600);
        for path in ["/p/a", "/p/b", "/p/c"] {
            client.create_as(path, "", &Acl::open(), op::EPHEMERAL);
        }
        for path in ["/p/a", "/p/b", "/p/c"] {
            watcher.watch_data(path);
        }
        let events: Vec<_> = (0..3).map(|_| watcher.event()).collect();
        assert!(
            events
                .iter()
                .all(|event| event.kind == op::DELETED && event.zxid == events[0].zxid)
        );
        let stat = watcher.stat("/p");
        assert_eq!(
            (stat.num_children, stat.cversion, stat.pzxid),
            (0, 6, events[0].zxid)
        );
        client.conn.ends_silently();
    });
}

#[test]
fn trap_088_pings_keep_a_session_alive() {
    on_own(&options(), |s, _| {
        let mut client = short_lived(s, 1500);
        let since = Instant::now();
        while since.elapsed() < Duration::from_millis(4000) {
            assert_eq!(client.events(), []);
            client.conn.stays_silent_for(TICK);
        }
        assert!(client.exists("/"));
    });
}

#[test]
fn trap_088_auth_packets_do_not_keep_a_session_alive() {
    on_own(&options(), |s, _| {
        let before = Instant::now();
        let mut client = short_lived(s, 800);
        let auth = request::auth("digest", "user:pass");
        // Each is answered until the end comes.
        let most = Duration::from_millis(800) + TICK + SLACK;
        loop {
            client.send_as(-4, op::AUTH, &auth);
            if client.conn.frame_or_end().is_none() {
                break;
            }
            assert!(before.elapsed() < most, "alive after {most:?}");
            // Often enough to keep a session alive, if that were what it did.
            std::thread::sleep(Duration::from_millis(20));
        }
        let lived = before.elapsed();
        assert!(
            lived >= Duration::from_millis(800),
            "expired after {lived:?}"
        );
    });
}

#[test]
fn trap_089_a_session_that_was_closed_takes_nothing_more() {
    on_own(&options(), |s, _| {
        let (mut client, mut other) = (s.client(), s.client());
        client.send(op::CLOSE_SESSION, &[]);
        for _ in 0..10 {
            client.send(
                op::CREATE,
                &request::create("/lost", "", &Acl::open(), op::SEQUENTIAL),
            );
        }
        client.reply().done();
        client.conn.ends_silently();
        assert_eq!(other.stat("/").num_children, 1);
    });
}

#[test]
fn trap_090_a_session_killed_from_elsewhere_hears_nothing() {
    on_own(&options(), |s, _| {
        let mut client = s.client();
        client.create_as("/e", "", &Acl::open(), op::EPHEMERAL);
        client.watch_data("/e");
        let killer = client.reconnect();
        client.conn.ends_silently();
        killer.close();
        assert!(!s.client().exists("/e"));
    });
}

#[test]
fn row_7_2_reattaching_touches_the_session_with_the_new_timeout() {
    on_own(&options(), |s, _| {
        let client = short_lived(s, 600);
        let longer = Connect {
            timeout_ms: 3000,
            ..client.reattach()
        };
        let before = Instant::now();
        let mut again = s.client_with(&longer);
        assert_eq!(again.session.timeout_ms, 3000);
        again.conn.ends_silently();
        let lived = before.elapsed();
        assert!(
            lived >= Duration::from_millis(3000),
            "expired after {lived:?}"
        );
    });
}

#[test]
fn row_7_2_a_session_outlives_its_connection_until_its_timeout() {
    on_own(&options(), |s, _| {
        let mut client = short_lived(s, 4000);
        client.create_as("/e", "", &Acl::open(), op::EPHEMERAL);
        let again = client.reattach();
        drop(client);
        assert!(s.client().exists("/e"));
        assert!(s.client_with(&again).exists("/e"));
    });
}

#[test]
fn row_7_1_ids_begin_with_the_servers_and_count_up() {
    alone_on_shared(|s| {
        let ids: Vec<i64> = (0..5).map(|_| s.client().session.id).collect();
        assert!(ids.iter().all(|id| id >> 56 == 1), "{ids:x?}");
        assert!(
            ids.windows(2).all(|pair| pair[1] == pair[0] + 1),
            "{ids:x?}"
        );
    });
}

#[test]
fn row_7_1_sessions_outlive_the_server() {
    on_own(&Options::default(), |s, server| {
        let mut client = s.client();
        client.create_as("/e", "", &Acl::open(), op::EPHEMERAL);
        let gone = s.client();
        let closed = gone.reattach();
        gone.close();
        for crash in [true, false] {
            let ended = if crash { server.kill() } else { server.stop() };
            ended.expect("the server ends");
            server.start_again().expect("the server starts again");
            let mut again = s.client_with(&client.reattach());
            assert_eq!(again.session.id, client.session.id);
            assert_eq!(again.stat("/e").ephemeral_owner, client.session.id);
            let mut conn = s.conn();
            conn.send_frame(&closed.encode());
            assert_eq!(conn.frame()[4..8], [0; 4], "a closed session stays closed");
            assert_ne!(
                s.client().session.id,
                client.session.id,
                "ids are not used again"
            );
        }
    });
}

#[test]
fn row_7_3_the_end_of_a_session_takes_what_is_still_on_its_way() {
    on_own(&options(), |s, _| {
        let (mut client, mut other) = (s.client(), s.client());
        other.create("/p", "");
        let create = |path: &str| request::create(path, "", &Acl::open(), op::EPHEMERAL);
        client.send(op::CREATE, &create("/p/a"));
        client.send(op::CREATE, &create("/p/b"));
        client.send(op::DELETE, &request::path_version("/p/a", -1));
        client.send(op::CLOSE_SESSION, &[]);
        for _ in 0..4 {
            let _ = client.reply().ok();
        }
        client.conn.ends_silently();
        let stat = other.stat("/p");
        assert_eq!((stat.num_children, stat.cversion), (0, 4));
    });
}

#[test]
fn row_7_3_a_server_may_leave_the_paths_out_of_the_closing_transaction() {
    let options = options().property("zookeeper.closeSessionTxn.enabled", false);
    on_own(&options, |s, _| {
        let (mut client, mut other) = (s.client(), s.client());
        client.create_as("/e", "", &Acl::open(), op::EPHEMERAL);
        other.watch_data("/e");
        let end = client.close();
        let event = other.event();
        assert_eq!((event.kind, event.zxid), (op::DELETED, end));
    });
}
