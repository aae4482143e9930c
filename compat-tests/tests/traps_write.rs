//! Deleting nodes and changing their data and ACL: which refusal comes first.

use compat_tests::server::Options;
use compat_tests::stage::{on_oxkeeper_only, on_shared};
use compat_tests::wire::{Acl, Null, code, op, request};

const READ: i32 = 1;
const WRITE: i32 = 2;
const CREATE: i32 = 4;
const DELETE: i32 = 8;
const ADMIN: i32 = 16;
const ALL: i32 = 31;

/// Nodes that can never be deleted.
const BUILT_IN: [&str; 4] = ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"];

fn delete(path: &str, version: i32) -> Vec<u8> {
    request::path_version(path, version)
}

#[test]
fn trap_035_delete_looks_at_the_version_before_the_children() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t035", "");
        client.create("/t035/child", "");
        client
            .call(op::DELETE, &delete("/t035", 7))
            .fails(code::BAD_VERSION);
        client
            .call(op::DELETE, &delete("/t035", 0))
            .fails(code::NOT_EMPTY);
        client
            .call(op::DELETE, &delete("/t035", -1))
            .fails(code::NOT_EMPTY);
        client
            .call(op::DELETE, &delete("/t035/child", -2))
            .fails(code::BAD_VERSION);
        client.call(op::DELETE, &delete("/t035/child", 0)).done();
        client.call(op::DELETE, &delete("/t035", 0)).done();
    });
}

#[test]
fn trap_035_delete_looks_at_the_parents_permission_before_the_node() {
    on_shared(|s| {
        let mut client = s.client();
        client.create_as("/t035p", "", &[Acl::world(ALL - DELETE)], 0);
        client.create("/t035p/child", "");
        client
            .call(op::DELETE, &delete("/t035p/missing", -1))
            .fails(code::NO_AUTH);
        client
            .call(op::DELETE, &delete("/t035p/child", 9))
            .fails(code::NO_AUTH);
        client
            .call(op::DELETE, &delete("/t035p/missing/x", -1))
            .fails(code::NO_NODE);
    });
}

#[test]
fn row_4_3_2_delete_does_not_validate_the_path_as_a_whole() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t432", "");
        for path in [
            "/t432/",
            "/t432/.",
            "/t432/\u{1}",
            "/missing/x",
            "//",
            "a/b",
        ] {
            client
                .call(op::DELETE, &delete(path, -1))
                .fails(code::NO_NODE);
        }
        for path in ["", "t432", "/t432\0"] {
            client
                .call(op::DELETE, &delete(path, -1))
                .fails(code::BAD_ARGUMENTS);
        }
        let body = request::path_version(Null, -1);
        client.call(op::DELETE, &body).fails(code::MARSHALLING);
    });
}

#[test]
fn trap_049_built_in_nodes_stay_and_others_may_join_them() {
    on_shared(|s| {
        let mut client = s.client();
        for path in BUILT_IN {
            client
                .call(op::DELETE, &delete(path, -1))
                .fails(code::BAD_ARGUMENTS);
            client
                .call(op::DELETE, &delete(path, 99))
                .fails(code::BAD_ARGUMENTS);
            client
                .call(op::DELETE_CONTAINER, &request::path(path))
                .fails(code::BAD_ARGUMENTS);
        }
        client.create("/zookeeper/x", "");
        client.delete("/zookeeper/x");
        let stat = client.set_data("/zookeeper", "");
        assert!(stat.version > 0);
        let body = request::set_data("/zookeeper/config", "", -1);
        client.call(op::SET_DATA, &body).fails(code::NO_AUTH);
        let body = request::create("/zookeeper/config/x", "", &Acl::open(), 0);
        client.call(op::CREATE, &body).fails(code::NO_AUTH);
    });
}

#[test]
fn trap_036_set_acl_looks_at_the_list_before_the_node() {
    on_shared(|s| {
        let mut client = s.client();
        let body = request::set_acl("/t036/missing", &[], -1);
        client.call(op::SET_ACL, &body).fails(code::INVALID_ACL);
        let body = request::set_acl("/t036/missing", &Acl::open(), -1);
        client.call(op::SET_ACL, &body).fails(code::NO_NODE);
    });
}

#[test]
fn trap_036_set_acl_compares_the_acl_version() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t036v", "");
        client.set_data("/t036v", "1");
        let mut set = |version| {
            client.call(
                op::SET_ACL,
                &request::set_acl("/t036v", &Acl::open(), version),
            )
        };
        set(1).fails(code::BAD_VERSION);
        assert_eq!(set(0).stat().aversion, 1);
        let stat = set(1).stat();
        assert_eq!((stat.aversion, stat.version), (2, 1));
        set(0).fails(code::BAD_VERSION);
        assert_eq!(set(-1).stat().aversion, 3);
    });
}

#[test]
fn row_4_3_3_permission_comes_before_the_version() {
    on_shared(|s| {
        let mut client = s.client();
        client.create_as("/t433", "", &[Acl::world(READ)], 0);
        client
            .call(op::SET_DATA, &request::set_data("/t433", "", 9))
            .fails(code::NO_AUTH);
        client
            .call(op::SET_ACL, &request::set_acl("/t433", &Acl::open(), 9))
            .fails(code::NO_AUTH);
        client
            .call(op::SET_ACL, &request::set_acl("/t433", &[], 9))
            .fails(code::INVALID_ACL);
    });
}

#[test]
fn trap_038_delete_asks_the_parent_and_set_data_asks_the_node() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t038", "");
        client.create_as("/t038/none", "", &[Acl::world(0)], 0);
        client.create_as("/t038/write", "", &[Acl::world(WRITE)], 0);
        client.create_as("/t038/all", "", &Acl::open(), 0);
        client.set_acl("/t038", &[Acl::world(DELETE | ADMIN)]);
        client.set_data("/t038/write", "x");
        let body = request::set_data("/t038/none", "x", -1);
        client.call(op::SET_DATA, &body).fails(code::NO_AUTH);
        client.set_acl("/t038", &[Acl::world(READ | WRITE | CREATE | ADMIN)]);
        client
            .call(op::DELETE, &delete("/t038/all", -1))
            .fails(code::NO_AUTH);
    });
}

#[test]
fn trap_039_a_node_that_allows_nothing_can_still_be_deleted() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t039", "");
        client.create_as("/t039/none", "", &[Acl::world(0)], 0);
        client.delete("/t039/none");
    });
}

#[test]
fn row_8_1_each_permission_opens_its_operations_and_no_other() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t81", "");
        for perms in [0, READ, WRITE, CREATE, DELETE, ADMIN] {
            let path = format!("/t81/{perms}");
            let child = format!("{path}/child");
            client.create(&path, "");
            client.create(&child, "");
            client.set_acl(&path, &[Acl::world(perms)]);
            let expected = |needed: i32| {
                if perms & needed == 0 {
                    code::NO_AUTH
                } else {
                    code::OK
                }
            };
            for kind in [
                op::EXISTS,
                op::GET_DATA,
                op::GET_CHILDREN,
                op::GET_CHILDREN2,
                op::GET_ALL_CHILDREN_NUMBER,
            ] {
                let err = client.call(kind, &request::path_watch(&path, false)).err;
                assert_eq!(err, expected(READ), "operation {kind} with {perms}");
            }
            let acl = client.call(op::GET_ACL, &request::path(&path)).err;
            assert_eq!(acl, expected(READ | ADMIN), "getACL with {perms}");
            let set = client
                .call(op::SET_DATA, &request::set_data(&path, "x", -1))
                .err;
            assert_eq!(set, expected(WRITE), "setData with {perms}");
            let other = format!("{path}/other");
            let create = client
                .call(op::CREATE, &request::create(&other, "", &Acl::open(), 0))
                .err;
            assert_eq!(create, expected(CREATE), "create with {perms}");
            let delete = client.call(op::DELETE, &delete(&child, -1)).err;
            assert_eq!(delete, expected(DELETE), "delete with {perms}");
            let admin = client
                .call(op::SET_ACL, &request::set_acl(&path, &Acl::open(), -1))
                .err;
            assert_eq!(admin, expected(ADMIN), "setACL with {perms}");
        }
    });
}

#[test]
fn trap_050_versions_count_up_from_0_and_minus_1_matches_any() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t050", "");
        for version in 0..3 {
            let body = request::set_data("/t050", "x", version);
            assert_eq!(client.call(op::SET_DATA, &body).stat().version, version + 1);
        }
        for version in [0, 2, 4, -2, i32::MIN, i32::MAX] {
            let body = request::set_data("/t050", "x", version);
            client.call(op::SET_DATA, &body).fails(code::BAD_VERSION);
        }
        assert_eq!(client.set_data("/t050", "x").version, 4);
    });
}

#[test]
fn trap_046_a_client_cannot_delete_a_plain_node_as_a_container() {
    on_oxkeeper_only(&Options::default(), |s, _| {
        let mut client = s.client();
        client.create("/t046", "");
        client.create("/t046/plain", "");
        let container = request::create("/t046/box", "", &Acl::open(), op::PERSISTENT);
        let _ = client.call(op::CREATE_CONTAINER, &container).ok();
        let delete = |path: &str| request::path(path);
        client
            .call(op::DELETE_CONTAINER, &delete("/t046/plain"))
            .fails(code::BAD_ARGUMENTS);
        client.set_acl("/t046", &[Acl::world(ALL - DELETE)]);
        client
            .call(op::DELETE_CONTAINER, &delete("/t046/box"))
            .fails(code::NO_AUTH);
        client.set_acl("/t046", &Acl::open());
        client
            .call(op::DELETE_CONTAINER, &delete("/t046/box"))
            .done();
        assert!(client.exists("/t046/plain") && !client.exists("/t046/box"));
    });
}

#[test]
fn row_4_3_4_what_delete_container_refuses() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t434", "");
        let container = request::create("/t434/box", "", &Acl::open(), op::PERSISTENT);
        let _ = client.call(op::CREATE_CONTAINER, &container).ok();
        client.create("/t434/box/child", "");
        let mut delete = |path: &str| client.call(op::DELETE_CONTAINER, &request::path(path));
        delete("/t434/missing").fails(code::NO_NODE);
        delete("/missing/x").fails(code::NO_NODE);
        delete("/t434/box").fails(code::NOT_EMPTY);
        delete("t434").fails(code::BAD_ARGUMENTS);
        client
            .call(op::DELETE_CONTAINER, &request::path(Null))
            .fails(code::MARSHALLING);
        client.delete("/t434/box/child");
        client
            .call(op::DELETE_CONTAINER, &request::path("/t434/box"))
            .done();
        assert!(!client.exists("/t434/box"));
    });
}

#[test]
fn row_4_3_3_a_null_path_is_a_bad_argument_of_set_data_and_set_acl() {
    on_shared(|s| {
        let mut client = s.client();
        client
            .call(op::SET_DATA, &request::set_data(Null, "", -1))
            .fails(code::BAD_ARGUMENTS);
        client
            .call(op::SET_ACL, &request::set_acl(Null, &Acl::open(), -1))
            .fails(code::BAD_ARGUMENTS);
    });
}
