//! Creating nodes: which refusal comes first, what the flags mean, and how numbers are given out.

use compat_tests::stage::on_shared;
use compat_tests::wire::encode::Encoder;
use compat_tests::wire::{Acl, Client, Null, Reply, code, op, request};

/// Everything but creating children.
const NO_CREATE: i32 = 31 - 4;

/// The four operations that create, each with a body of its own form. `ttl` goes to createTTL only.
fn create_any(client: &mut Client, kind: i32, path: &str, flags: i32) -> Reply {
    let body = if kind == op::CREATE_TTL {
        request::create_ttl(path, "", &Acl::open(), flags, -1)
    } else {
        request::create(path, "", &Acl::open(), flags)
    };
    client.call(kind, &body)
}

#[track_caller]
fn refused(client: &mut Client, path: &str, flags: i32, err: i32) {
    for kind in [op::CREATE, op::CREATE2] {
        create_any(client, kind, path, flags).fails(err);
    }
}

#[test]
fn trap_002_a_vector_count_below_minus_1_is_an_empty_vector() {
    on_shared(|s| {
        let mut client = s.client();
        for count in [0, -1, -2, i32::MIN] {
            let body = Encoder::new()
                .blob("/t002")
                .blob("")
                .int(count)
                .int(0)
                .done();
            client.call(op::CREATE, &body).fails(code::INVALID_ACL);
        }
        assert!(!client.exists("/t002"));
    });
}

#[test]
fn trap_031_an_invalid_acl_comes_before_a_missing_parent() {
    on_shared(|s| {
        let mut client = s.client();
        for acl in [vec![], vec![Acl::new(31, "nobody", "x")]] {
            let body = request::create("/t031/missing", "", &acl, 0);
            client.call(op::CREATE, &body).fails(code::INVALID_ACL);
        }
    });
}

#[test]
fn trap_032_a_missing_parent_comes_before_an_illegal_name() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t032", "");
        for path in [
            "/t032/missing/..",
            "/t032/missing/",
            "/t032/./x",
            "/t032/missing/\u{1}",
            "//x/y",
        ] {
            refused(&mut client, path, op::PERSISTENT, code::NO_NODE);
        }
        for path in ["/..", "/.", "/t032/..", "/t032/\u{1}", "/t032/", "//"] {
            refused(&mut client, path, op::PERSISTENT, code::BAD_ARGUMENTS);
        }
        refused(&mut client, "/t032//", op::PERSISTENT, code::NO_NODE);
    });
}

#[test]
fn trap_033_no_permission_comes_before_node_exists() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t033", "");
        client.create("/t033/child", "");
        client.set_acl("/t033", &[Acl::world(NO_CREATE)]);
        refused(&mut client, "/t033/child", 0, code::NO_AUTH);
        refused(&mut client, "/t033/..", 0, code::NO_AUTH);
    });
}

#[test]
fn trap_034_node_exists_comes_before_the_ephemeral_parent() {
    on_shared(|s| {
        let mut client = s.client();
        client.create_as("/t034", "", &Acl::open(), op::EPHEMERAL);
        refused(
            &mut client,
            "/t034/child",
            0,
            code::NO_CHILDREN_FOR_EPHEMERALS,
        );
        refused(
            &mut client,
            "/t034/child",
            op::EPHEMERAL_SEQUENTIAL,
            code::NO_CHILDREN_FOR_EPHEMERALS,
        );
        refused(&mut client, "/t034/..", 0, code::BAD_ARGUMENTS);
        refused(&mut client, "/t034", 0, code::NODE_EXISTS);
    });
}

#[test]
fn row_4_3_1_flags_come_before_everything_but_the_body() {
    on_shared(|s| {
        let mut client = s.client();
        for flags in [-1, 7, 99, i32::MAX, i32::MIN] {
            for kind in [
                op::CREATE,
                op::CREATE2,
                op::CREATE_CONTAINER,
                op::CREATE_TTL,
            ] {
                create_any(&mut client, kind, "no/slash", flags).fails(code::BAD_ARGUMENTS);
                create_any(&mut client, kind, "/missing/x", flags).fails(code::BAD_ARGUMENTS);
            }
        }
        let body = request::create("/t431f", "", &[], 9);
        client.call(op::CREATE, &body).fails(code::BAD_ARGUMENTS);
        let body = request::create(Null, "", &[], 9);
        client.call(op::CREATE, &body).fails(code::BAD_ARGUMENTS);
    });
}

#[test]
fn row_4_3_1_slash_and_nul_come_before_the_acl_and_the_acl_before_the_rest() {
    on_shared(|s| {
        let mut client = s.client();
        for path in ["", "x", "no slash", "/a\0b"] {
            let body = request::create(path, "", &[], 0);
            client.call(op::CREATE, &body).fails(code::BAD_ARGUMENTS);
        }
        for path in ["/.", "/", "//", "/zookeeper", "x/y"] {
            let body = request::create(path, "", &[], 0);
            client.call(op::CREATE, &body).fails(code::INVALID_ACL);
        }
        let body = request::create(Null, "", &[], 0);
        client.call(op::CREATE, &body).fails(code::MARSHALLING);
    });
}

#[test]
fn row_4_3_1_the_root_exists() {
    on_shared(|s| {
        let mut client = s.client();
        refused(&mut client, "/", op::PERSISTENT, code::NODE_EXISTS);
        refused(&mut client, "/", op::EPHEMERAL, code::NODE_EXISTS);
        refused(&mut client, "/zookeeper", op::PERSISTENT, code::NODE_EXISTS);
        refused(&mut client, "", op::SEQUENTIAL, code::BAD_ARGUMENTS);
    });
}

#[test]
fn row_4_3_1_a_path_without_leading_slash_names_a_parent_that_is_missing() {
    on_shared(|s| {
        let mut client = s.client();
        refused(&mut client, "a/b", op::PERSISTENT, code::NO_NODE);
        refused(&mut client, "zookeeper/b", op::PERSISTENT, code::NO_NODE);
    });
}

#[test]
fn trap_040_numbers_count_the_children_ever_created() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t040", "");
        assert_eq!(client.create_sequential("/t040/n-"), "/t040/n-0000000000");
        client.create("/t040/plain", "");
        assert_eq!(client.create_sequential("/t040/n-"), "/t040/n-0000000002");
        client.delete("/t040/n-0000000002");
        client.delete("/t040/plain");
        assert_eq!(
            client.create_sequential("/t040/other"),
            "/t040/other0000000003"
        );
        refused(&mut client, "/t040/n-0000000000", 0, code::NODE_EXISTS);
        assert_eq!(client.create_sequential("/t040/n-"), "/t040/n-0000000004");
        client.set_data("/t040", "moved");
        assert_eq!(client.create_sequential("/t040/n-"), "/t040/n-0000000005");
    });
}

#[test]
fn trap_040_pipelined_creates_see_each_other() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t040p", "");
        let body = request::create("/t040p/n", "", &Acl::open(), op::SEQUENTIAL);
        for _ in 0..100 {
            client.send(op::CREATE, &body);
        }
        for number in 0..100 {
            assert_eq!(client.reply().path(), format!("/t040p/n{number:010}"));
        }
    });
}

#[test]
fn trap_041_a_sequential_name_may_be_nothing_but_the_number() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t041", "");
        assert_eq!(client.create_sequential("/t041/"), "/t041/0000000000");
        let name = client.create_sequential("/");
        assert!(
            name.len() == 11 && name[1..].parse::<u32>().is_ok(),
            "{name}"
        );
        let reply = create_any(&mut client, op::CREATE, "/t041/", op::EPHEMERAL_SEQUENTIAL);
        assert_eq!(reply.path(), "/t041/0000000001");
        // The number makes a legal name of what is illegal alone.
        assert_eq!(client.create_sequential("/t041/.."), "/t041/..0000000002");
    });
}

#[test]
fn trap_042_a_plain_create_with_container_flags_makes_a_persistent_node() {
    on_shared(|s| {
        let mut client = s.client();
        client.create_as("/t042", "", &Acl::open(), op::CONTAINER);
        let stat = client.stat("/t042");
        assert_eq!((stat.ephemeral_owner, stat.cversion), (0, 0));
        let (path, _) =
            create_any(&mut client, op::CREATE2, "/t042/b", op::CONTAINER).path_and_stat();
        assert_eq!(path, "/t042/b");
    });
}

#[test]
fn trap_043_lifetimes_are_unknown_unless_switched_on_and_the_connection_stays() {
    on_shared(|s| {
        let mut client = s.client();
        for flags in [op::TTL, op::TTL_SEQUENTIAL] {
            for kind in [
                op::CREATE,
                op::CREATE2,
                op::CREATE_CONTAINER,
                op::CREATE_TTL,
            ] {
                create_any(&mut client, kind, "/t043", flags).fails(code::UNIMPLEMENTED);
            }
            let body = request::create_ttl("/t043", "", &Acl::open(), flags, 1000);
            client
                .call(op::CREATE_TTL, &body)
                .fails(code::UNIMPLEMENTED);
        }
        assert!(!client.exists("/t043"));
    });
}

#[test]
fn trap_045_a_lifetime_without_the_flag_is_refused() {
    on_shared(|s| {
        let mut client = s.client();
        for (flags, ttl) in [(0, 5), (0, 0), (1, 1), (2, 1000), (3, 1000), (4, i64::MAX)] {
            let body = request::create_ttl("/t045", "", &Acl::open(), flags, ttl);
            client
                .call(op::CREATE_TTL, &body)
                .fails(code::BAD_ARGUMENTS);
        }
    });
}

#[test]
fn row_4_3_1_only_the_final_path_is_validated() {
    on_shared(|s| {
        let mut client = s.client();
        // The number is appended before the path is looked at as a whole.
        refused(
            &mut client,
            "/t046\u{1}",
            op::SEQUENTIAL,
            code::BAD_ARGUMENTS,
        );
        client.create("/t046", "");
        refused(
            &mut client,
            "/t046/\u{fffd}",
            op::SEQUENTIAL,
            code::BAD_ARGUMENTS,
        );
        assert_eq!(client.create_sequential("/t046/."), "/t046/.0000000000");
    });
}

#[test]
fn row_4_3_1_a_create_writes_what_was_sent() {
    on_shared(|s| {
        let mut client = s.client();
        let acl = [Acl::world(1), Acl::new(30, "ip", "127.0.0.1")];
        for (kind, path) in [
            (op::CREATE, "/t431a"),
            (op::CREATE2, "/t431b"),
            (op::CREATE_CONTAINER, "/t431c"),
        ] {
            let _ = client
                .call(kind, &request::create(path, "data", &acl, 0))
                .ok();
            assert_eq!(
                client
                    .call(op::GET_DATA, &request::path_watch(path, false))
                    .data_text(),
                "data"
            );
            assert_eq!(
                client
                    .call(op::GET_ACL, &request::path(path))
                    .acl_and_stat()
                    .0,
                acl
            );
        }
    });
}

#[test]
fn row_5_2_ephemeral_nodes_name_their_session() {
    on_shared(|s| {
        let mut client = s.client();
        client.create("/t52", "");
        client.create_as("/t52/e", "", &Acl::open(), op::EPHEMERAL);
        let reply = create_any(&mut client, op::CREATE2, "/t52/s", op::EPHEMERAL_SEQUENTIAL);
        let (path, stat) = reply.path_and_stat();
        assert_eq!(
            (path.as_str(), stat.ephemeral_owner),
            ("/t52/s0000000001", client.session.id)
        );
        assert_eq!(client.stat("/t52/e").ephemeral_owner, client.session.id);
        client.close();
        assert_eq!(s.client().stat("/t52").num_children, 0);
    });
}

#[test]
fn row_1_5_a_body_that_ends_early_is_a_marshalling_error() {
    on_shared(|s| {
        let mut client = s.client();
        let whole = request::create("/t15", "data", &Acl::open(), 0);
        for length in 0..whole.len() {
            client
                .call(op::CREATE, &whole[..length])
                .fails(code::MARSHALLING);
        }
        let whole = request::create_ttl("/t15", "data", &Acl::open(), 0, -1);
        for length in [whole.len() - 1, whole.len() - 8] {
            client
                .call(op::CREATE_TTL, &whole[..length])
                .fails(code::MARSHALLING);
        }
        assert!(!client.exists("/t15"));
    });
}
