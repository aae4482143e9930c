//! Watches that would hear or be heard by every other test, on servers of their own; and the bare bytes of a notification.

use compat_tests::server::Options;
use compat_tests::stage::on_own;
use compat_tests::wire::encode::hex;
use compat_tests::wire::{Encoder, op, request};

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

#[test]
fn trap_074_the_state_of_a_notification_is_always_3() {
    on_own(&Options::default(), |s, _| {
        let mut client = s.client();
        let _ = client.call(op::ADD_WATCH, &request::path_kind("/", 1)).ok();
        let mut next = |kind: i32, body: &[u8]| {
            client.send(kind, body);
            let event = client.conn.frame();
            let _ = client.reply().ok();
            event
        };
        let told = |zxid: i64, kind: i32| {
            let head = Encoder::new().int(-1).long(zxid).int(0).int(kind).done();
            [head, hex("00000003 00000002 2f61")].concat()
        };
        let create = request::create("/a", "", &compat_tests::wire::Acl::open(), 0);
        assert_eq!(next(op::CREATE, &create), told(2, op::CREATED));
        let set = request::set_data("/a", "x", -1);
        assert_eq!(next(op::SET_DATA, &set), told(3, op::DATA_CHANGED));
        let delete = request::path_version("/a", -1);
        assert_eq!(next(op::DELETE, &delete), told(4, op::DELETED));
    });
}
