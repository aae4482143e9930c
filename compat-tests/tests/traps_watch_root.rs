//! Watches on the root, where every other test would be heard: on a server of their own.

use compat_tests::server::Options;
use compat_tests::stage::on_own;
use compat_tests::wire::{op, request};

#[test]
fn trap_072_persistent_and_recursive_on_the_root() {
    on_own(&Options::default(), |s, _| {
        let (mut client, mut writer) = (s.client(), s.client());
        for mode in [0, 1] {
            let _ = client
                .call(op::ADD_WATCH, &request::path_kind("/", mode))
                .ok();
        }
        let expected = |kind, path: &str| (kind, path.to_owned());
        writer.create("/x", "");
        assert_eq!(
            client.events_seen(),
            [
                expected(op::CREATED, "/x"),
                expected(op::CHILDREN_CHANGED, "/")
            ]
        );
        writer.create("/zookeeper/y", "");
        writer.create("/x/z", "");
        assert_eq!(
            client.events_seen(),
            [
                expected(op::CREATED, "/zookeeper/y"),
                expected(op::CREATED, "/x/z")
            ]
        );
        writer.set_data("/", "x");
        assert_eq!(client.events_seen(), [expected(op::DATA_CHANGED, "/")]);
    });
}
