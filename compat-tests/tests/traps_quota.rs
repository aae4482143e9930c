//! Quotas: how usage is counted, which limits stop a write, and what the text of a quota may be.

use std::time::{Duration, Instant};

use compat_tests::server::{Options, Server};
use compat_tests::stage::{Stage, on_own, on_oxkeeper_only, on_shared_with};
use compat_tests::wire::multi::{Outcome, outcomes, request as multi};
use compat_tests::wire::{Acl, Client, Null, code, op, request};

/// A server that enforces quotas.
fn enforcing() -> Options {
    Options::default().property("zookeeper.enforceQuota", true)
}

fn on_enforcing(test: impl Fn(Stage)) {
    on_shared_with(&enforcing(), test);
}

/// Creates the node and puts a quota on it.
fn with_quota(client: &mut Client, path: &str, limits: &str) {
    client.create(path, "");
    put_quota(client, path, limits);
}

/// Puts a quota on a node that exists, as Apache's shell does: limits and then usage.
fn put_quota(client: &mut Client, path: &str, limits: &str) {
    let mut quota = String::from("/zookeeper/quota");
    for name in path.split('/').skip(1) {
        quota.push('/');
        quota.push_str(name);
        if !client.exists(&quota) {
            client.create(&quota, "");
        }
    }
    client.create(&format!("{quota}/zookeeper_limits"), limits);
    client.create(&format!("{quota}/zookeeper_stats"), "count=0,bytes=0");
}

/// The usage text of a node with a quota.
fn usage(client: &mut Client, path: &str) -> String {
    let stats = format!("/zookeeper/quota{path}/zookeeper_stats");
    client
        .call(op::GET_DATA, &request::path_watch(&stats, false))
        .data_text()
}

fn create(client: &mut Client, path: &str, data: &str) -> i32 {
    client
        .call(op::CREATE, &request::create(path, data, &Acl::open(), 0))
        .err
}

fn set(client: &mut Client, path: &str, data: &str, version: i32) -> i32 {
    client
        .call(op::SET_DATA, &request::set_data(path, data, version))
        .err
}

/// Waits for a snapshot besides the one of the empty tree.
fn wait_for_snapshot(server: &Server) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let dir = server.data_dir().join("version-2");
    loop {
        let files = std::fs::read_dir(&dir).expect("the data can be listed");
        let names = files.map(|file| file.expect("a file has a name").file_name());
        let snapshots = names.filter(|name| name.to_string_lossy().starts_with("snapshot."));
        if snapshots.count() > 1 {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "a snapshot is written at the start"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn trap_107_usage_is_counted_when_the_stats_node_is_created() {
    on_enforcing(|s| {
        let mut client = s.client();
        client.create("/t107", "abc");
        client.create("/t107/a", "12345");
        client.create_as("/t107/a/null", Null, &Acl::open(), 0);
        put_quota(&mut client, "/t107", "count=10,bytes=100");
        assert_eq!(usage(&mut client, "/t107"), "count=3,bytes=8");
        client.create("/t107/b", "xy");
        assert_eq!(usage(&mut client, "/t107"), "count=4,bytes=10");
        client.set_data("/t107/b", "");
        assert_eq!(usage(&mut client, "/t107"), "count=4,bytes=8");
        client.set_data("/t107", "abcdef");
        assert_eq!(usage(&mut client, "/t107"), "count=4,bytes=11");
        client.delete("/t107/a/null");
        client.delete("/t107/a");
        assert_eq!(usage(&mut client, "/t107"), "count=2,bytes=6");
    });
}

#[test]
fn row_9_2_ephemerals_count_until_their_session_ends() {
    on_enforcing(|s| {
        let (mut client, mut owner) = (s.client(), s.client());
        with_quota(&mut client, "/t92e", "count=10");
        owner.create_as("/t92e/e", "1234", &Acl::open(), op::EPHEMERAL);
        assert_eq!(usage(&mut client, "/t92e"), "count=2,bytes=4");
        owner.close();
        assert_eq!(usage(&mut client, "/t92e"), "count=1,bytes=0");
    });
}

#[test]
fn trap_108_of_nested_quotas_the_inner_one_counts() {
    on_enforcing(|s| {
        let mut client = s.client();
        with_quota(&mut client, "/t108", "count=10,bytes=100");
        with_quota(&mut client, "/t108/in", "count=10,bytes=100");
        assert_eq!(usage(&mut client, "/t108"), "count=2,bytes=0");
        client.create("/t108/in/x", "12345");
        client.create("/t108/other", "1");
        assert_eq!(usage(&mut client, "/t108"), "count=3,bytes=1");
        assert_eq!(usage(&mut client, "/t108/in"), "count=2,bytes=5");
    });
}

#[test]
fn trap_108_the_outer_limit_does_not_hold_below_the_inner_quota() {
    on_enforcing(|s| {
        let mut client = s.client();
        with_quota(&mut client, "/t108o", "countHardLimit=2");
        with_quota(&mut client, "/t108o/in", "count=10");
        assert_eq!(create(&mut client, "/t108o/x", ""), code::QUOTA_EXCEEDED);
        assert_eq!(create(&mut client, "/t108o/in/x", ""), code::OK);
    });
}

#[test]
fn row_9_2_names_are_compared_as_a_whole() {
    on_enforcing(|s| {
        let mut client = s.client();
        with_quota(&mut client, "/t92", "countHardLimit=1");
        client.create("/t92x", "");
        client.create("/t92x/y", "");
        assert_eq!(usage(&mut client, "/t92"), "count=1,bytes=0");
        assert_eq!(create(&mut client, "/t92/y", ""), code::QUOTA_EXCEEDED);
    });
}

#[test]
fn trap_075_usage_moves_no_stat_and_fires_no_watch() {
    on_enforcing(|s| {
        let (mut client, mut watcher) = (s.client(), s.client());
        with_quota(&mut client, "/t075", "count=100,bytes=1000");
        let stats = "/zookeeper/quota/t075/zookeeper_stats";
        let before = client.stat(stats);
        watcher.watch_data(stats);
        client.create("/t075/a", "1234567890");
        assert_eq!(watcher.events(), []);
        let after = client.stat(stats);
        assert_eq!(
            after,
            compat_tests::wire::Stat {
                data_length: 16,
                ..before
            }
        );
        assert_eq!(usage(&mut client, "/t075"), "count=2,bytes=10");
    });
}

#[test]
fn row_9_3_a_hard_limit_may_be_reached_and_not_passed() {
    on_enforcing(|s| {
        let mut client = s.client();
        with_quota(&mut client, "/t93", "countHardLimit=3;byteHardLimit=10");
        assert_eq!(
            create(&mut client, "/t93/a", "12345678901"),
            code::QUOTA_EXCEEDED
        );
        assert_eq!(create(&mut client, "/t93/a", "1234567890"), code::OK);
        assert_eq!(create(&mut client, "/t93/b", "1"), code::QUOTA_EXCEEDED);
        assert_eq!(create(&mut client, "/t93/b", ""), code::OK);
        assert_eq!(create(&mut client, "/t93/c", ""), code::QUOTA_EXCEEDED);
        assert_eq!(set(&mut client, "/t93/b", "1", -1), code::QUOTA_EXCEEDED);
        client.delete("/t93/a");
        assert_eq!(set(&mut client, "/t93/b", "1", -1), code::OK);
        assert_eq!(create(&mut client, "/t93/c", ""), code::OK);
        assert_eq!(usage(&mut client, "/t93"), "count=3,bytes=1");
    });
}

#[test]
fn row_9_3_soft_limits_stop_nothing() {
    on_enforcing(|s| {
        let mut client = s.client();
        with_quota(&mut client, "/t93s", "count=1,bytes=1");
        client.create("/t93s/a", "12345");
        client.set_data("/t93s/a", "1234567890");
        assert_eq!(usage(&mut client, "/t93s"), "count=2,bytes=10");
        with_quota(
            &mut client,
            "/t93b",
            "count=5,bytes=-1=;byteHardLimit=-1;countHardLimit=2",
        );
        assert_eq!(create(&mut client, "/t93b/a", ""), code::OK);
        assert_eq!(create(&mut client, "/t93b/b", ""), code::QUOTA_EXCEEDED);
    });
}

#[test]
fn row_9_1_how_limits_may_be_written() {
    on_enforcing(|s| {
        let mut client = s.client();
        let texts = [
            ("countHardLimit=1", true),
            ("count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=1", true),
            ("bytes=5;countHardLimit=1", true),
            ("bytes=5,countHardLimit=1,other=7", true),
            ("countHardLimit==1", false),
            ("countHardLimit=-1", false),
            ("count=1", false),
            ("count=1,bytes=1", false),
        ];
        for (round, (limits, stops)) in texts.into_iter().enumerate() {
            let path = format!("/t91-{round}");
            with_quota(&mut client, &path, limits);
            let expected = if stops {
                code::QUOTA_EXCEEDED
            } else {
                code::OK
            };
            assert_eq!(
                create(&mut client, &format!("{path}/a"), ""),
                expected,
                "{limits}"
            );
        }
    });
}

#[test]
fn row_9_3_limits_may_be_changed_and_taken_away() {
    on_enforcing(|s| {
        let mut client = s.client();
        with_quota(&mut client, "/t93c", "countHardLimit=1");
        assert_eq!(create(&mut client, "/t93c/a", ""), code::QUOTA_EXCEEDED);
        let limits = "/zookeeper/quota/t93c/zookeeper_limits";
        client.set_data(limits, "countHardLimit=2");
        assert_eq!(create(&mut client, "/t93c/a", ""), code::OK);
        assert_eq!(create(&mut client, "/t93c/b", ""), code::QUOTA_EXCEEDED);
        client.delete(limits);
        assert_eq!(create(&mut client, "/t93c/b", ""), code::OK);
        assert_eq!(
            usage(&mut client, "/t93c"),
            "count=2,bytes=0",
            "no longer followed"
        );
    });
}

#[test]
fn trap_034_node_exists_comes_before_quota() {
    on_enforcing(|s| {
        let mut client = s.client();
        with_quota(&mut client, "/t034", "countHardLimit=2");
        client.create("/t034/a", "");
        assert_eq!(create(&mut client, "/t034/a", ""), code::NODE_EXISTS);
        assert_eq!(create(&mut client, "/t034/b", ""), code::QUOTA_EXCEEDED);
        assert_eq!(create(&mut client, "/t034/.", ""), code::BAD_ARGUMENTS);
    });
}

#[test]
fn trap_037_no_permission_comes_before_quota_and_quota_before_the_version() {
    on_enforcing(|s| {
        let mut client = s.client();
        with_quota(&mut client, "/t037", "byteHardLimit=3");
        client.create_as("/t037/locked", "", &[Acl::world(1)], 0);
        client.create("/t037/open", "");
        assert_eq!(set(&mut client, "/t037/locked", "12345", 9), code::NO_AUTH);
        assert_eq!(
            set(&mut client, "/t037/open", "12345", 9),
            code::QUOTA_EXCEEDED
        );
        assert_eq!(set(&mut client, "/t037/open", "123", 9), code::BAD_VERSION);
    });
}

#[test]
fn trap_109_shrinking_is_refused_while_the_sum_is_too_large_and_the_same_size_is_not() {
    on_enforcing(|s| {
        let mut client = s.client();
        client.create("/t109", "");
        client.create("/t109/a", "1234567890");
        put_quota(&mut client, "/t109", "byteHardLimit=5");
        assert_eq!(
            set(&mut client, "/t109/a", "12345678", -1),
            code::QUOTA_EXCEEDED
        );
        assert_eq!(set(&mut client, "/t109/a", "0987654321", -1), code::OK);
        assert_eq!(
            create(&mut client, "/t109/b", ""),
            code::OK,
            "nothing is added"
        );
        assert_eq!(set(&mut client, "/t109/a", "12345", -1), code::OK);
    });
}

#[test]
fn row_4_4_2_creates_of_one_multi_may_pass_the_limit_together() {
    on_enforcing(|s| {
        let mut client = s.client();
        with_quota(&mut client, "/t442", "countHardLimit=2");
        let element = |name: &str| {
            (
                op::CREATE,
                request::create(format!("/t442/{name}").as_str(), "", &Acl::open(), 0),
            )
        };
        let _ = client
            .call(
                op::MULTI,
                &multi(&[element("a"), element("b"), element("c")]),
            )
            .ok();
        assert_eq!(usage(&mut client, "/t442"), "count=4,bytes=0");
        let seen = outcomes(&client.call(op::MULTI, &multi(&[element("d")])).ok());
        assert_eq!(seen, [Outcome::Error(code::QUOTA_EXCEEDED)]);
    });
}

#[test]
fn row_9_2_without_a_stats_node_nothing_is_counted() {
    on_enforcing(|s| {
        let mut client = s.client();
        client.create("/t92m", "");
        client.create("/zookeeper/quota/t92m", "");
        client.create("/zookeeper/quota/t92m/zookeeper_limits", "count=1");
        client.create("/t92m/a", "x");
        client.set_data("/t92m/a", "xy");
        client.delete("/t92m/a");
        assert!(!client.exists("/zookeeper/quota/t92m/zookeeper_stats"));
    });
}

#[test]
fn trap_110_without_enforcement_a_hard_limit_does_nothing() {
    on_own(&Options::default(), |s, _| {
        let mut client = s.client();
        with_quota(&mut client, "/t110", "countHardLimit=1;byteHardLimit=1");
        client.create("/t110/a", "12345");
        client.set_data("/t110/a", "1234567890");
        assert_eq!(
            usage(&mut client, "/t110"),
            "count=2,bytes=10",
            "usage is followed all the same"
        );
    });
}

#[test]
fn row_9_2_usage_is_counted_again_when_a_snapshot_is_loaded() {
    on_own(&enforcing(), |s, server| {
        let mut client = s.client();
        with_quota(&mut client, "/q", "countHardLimit=2");
        client.create("/q/a", "12345");
        client.set_data("/zookeeper/quota/q/zookeeper_stats", "count=1,bytes=0");
        // A start replays the log and writes a snapshot, the next loads that.
        server.kill().expect("the server ends");
        server.start_again().expect("the server starts again");
        wait_for_snapshot(server);
        server.kill().expect("the server ends");
        server.start_again().expect("the server starts again");
        let mut client = s.client();
        assert_eq!(usage(&mut client, "/q"), "count=2,bytes=5");
        assert_eq!(create(&mut client, "/q/b", ""), code::QUOTA_EXCEEDED);
    });
}

#[test]
fn row_9_4_a_quota_on_the_root_is_a_node_and_nothing_more() {
    on_oxkeeper_only(&enforcing(), |s, server| {
        let mut client = s.client();
        client.create("/zookeeper/quota/zookeeper_limits", "countHardLimit=1");
        client.create("/zookeeper/quota/zookeeper_stats", "count=0,bytes=0");
        client.create("/a", "12345");
        server.kill().expect("the server ends");
        server.start_again().expect("the data can be loaded");
        assert!(s.client().exists("/a"));
    });
}

#[test]
fn row_9_4_text_that_is_no_quota_limits_nothing() {
    on_oxkeeper_only(&enforcing(), |s, server| {
        let mut client = s.client();
        for (round, text) in [
            "count=many",
            "=",
            "count",
            "countHardLimit=",
            ";;,,",
            "\u{1F600}",
            "countHardLimit=99999999999999999999",
        ]
        .iter()
        .enumerate()
        {
            let path = format!("/q{round}");
            with_quota(&mut client, &path, text);
            client.create(&format!("{path}/a"), "12345");
            client.set_data(&format!("/zookeeper/quota{path}/zookeeper_stats"), text);
            client.create(&format!("{path}/b"), "12345");
            client.delete(&format!("{path}/a"));
        }
        client.create("/null", "");
        client.create("/zookeeper/quota/null", "");
        client.create_as(
            "/zookeeper/quota/null/zookeeper_limits",
            Null,
            &Acl::open(),
            0,
        );
        client.create_as(
            "/zookeeper/quota/null/zookeeper_stats",
            Null,
            &Acl::open(),
            0,
        );
        client.create("/null/a", "12345");
        server.kill().expect("the server ends");
        server.start_again().expect("the data can be loaded");
        assert!(s.client().exists("/q5/b") && s.client().exists("/null/a"));
    });
}
