//! What moves which field of a node's Stat, and of its parent's.

use compat_tests::stage::on_shared;
use compat_tests::wire::{Acl, Stat, op, request};

#[test]
fn trap_063_children_move_cversion_and_pzxid_of_the_parent_and_nothing_else() {
    on_shared(|s| {
        let mut client = s.client();
        let born = client.create("/t063", "data");
        let before = client.stat("/t063");
        let created = client.create("/t063/child", "");
        assert_eq!(
            client.stat("/t063"),
            Stat {
                cversion: 1,
                num_children: 1,
                pzxid: created,
                ..before
            }
        );
        client.set_data("/t063/child", "changed");
        client.set_acl("/t063/child", &Acl::open());
        assert_eq!(
            client.stat("/t063").pzxid,
            created,
            "a child's own changes do not show"
        );
        let deleted = client.delete("/t063/child");
        assert_eq!(
            client.stat("/t063"),
            Stat {
                cversion: 2,
                pzxid: deleted,
                ..before
            }
        );
        assert_eq!((before.mzxid, before.version), (born, 0));
    });
}

#[test]
fn trap_064_set_acl_moves_the_acl_version_alone() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t064", "data");
        let before = client.stat("/t064");
        let after = client.set_acl("/t064", &Acl::open());
        assert_eq!(
            after,
            Stat {
                aversion: 1,
                ..before
            }
        );
        assert_eq!(client.stat("/t064"), after);
        let (acl, stat) = client
            .call(op::GET_ACL, &request::path("/t064"))
            .acl_and_stat();
        assert_eq!((acl, stat), (Acl::open(), after));
    });
}

#[test]
fn row_5_6_set_data_moves_version_mzxid_mtime_and_length() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t56", "data");
        client.create("/t56/child", "");
        let before = client.stat("/t56");
        let reply = client.call(op::SET_DATA, &request::set_data("/t56", "longer data", 0));
        let after = reply.stat();
        let expected = Stat {
            mzxid: reply.zxid,
            mtime: after.mtime,
            version: 1,
            data_length: 11,
            ..before
        };
        assert_eq!((after, client.stat("/t56")), (expected, expected));
        assert!(after.mtime >= before.mtime);
    });
}

#[test]
fn trap_066_a_new_node_has_its_creation_as_pzxid() {
    on_shared(|s| {
        let mut client = s.client();
        let zxid = client.create("/t066", "");
        let stat = client.stat("/t066");
        assert_eq!((stat.czxid, stat.mzxid, stat.pzxid), (zxid, zxid, zxid));
        assert_eq!(
            (stat.ctime, stat.version, stat.cversion, stat.aversion),
            (stat.mtime, 0, 0, 0)
        );
    });
}

#[test]
fn trap_065_containers_show_no_owner() {
    on_shared(|s| {
        let mut client = s.client();
        let body = request::create("/t065", "", &Acl::open(), op::PERSISTENT);
        let (_, stat) = client.call(op::CREATE_CONTAINER, &body).path_and_stat();
        assert_eq!((stat.ephemeral_owner, client.stat("/t065")), (0, stat));
    });
}

#[test]
fn trap_067_the_end_of_a_session_moves_pzxid_of_every_parent() {
    on_shared(|s| {
        let mut client = s.client();
        for path in ["/t067", "/t067/a", "/t067/b"] {
            client.create(path, "");
        }
        let mut owner = s.client();
        for path in ["/t067/a/1", "/t067/a/2", "/t067/b/1"] {
            owner.create_as(path, "", &Acl::open(), op::EPHEMERAL);
        }
        let end = owner.close();
        let seen = |stat: Stat| (stat.pzxid, stat.cversion, stat.num_children);
        assert_eq!(seen(client.stat("/t067/a")), (end, 4, 0));
        assert_eq!(seen(client.stat("/t067/b")), (end, 2, 0));
    });
}

#[test]
fn row_5_6_times_are_the_wall_clock_in_milliseconds() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t56t", "");
        let now = std::time::UNIX_EPOCH
            .elapsed()
            .expect("after 1970")
            .as_millis();
        let stat = client.stat("/t56t");
        let age = now.abs_diff(u128::try_from(stat.ctime).expect("after 1970"));
        assert!(age < 60_000, "created {age} ms from now");
    });
}
