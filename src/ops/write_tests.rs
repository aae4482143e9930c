//! Which test comes first, and what it answers: the tables of the contract, row by row.

use crate::ops::test_desk::{
    Desk, ME, check, container, create, create_record, delete, delete_container, delete_record,
    set, set_acl, set_record, ttl, world,
};
use crate::proto::multi::MultiOp;
use crate::proto::request::{ReconfigRequest, Request};
use crate::types::{ErrorCode, Id, OpCode, SessionId};

/// `/a` open, `/a/kid`; `/shut` for readers only, `/shut/kid`; `/e` ephemeral; `/c` container.
fn furnished() -> Desk {
    let mut desk = Desk::new();
    let open = world(31);
    for path in ["/a", "/a/kid", "/shut", "/shut/kid"] {
        desk.done(create(path, 0, &open));
    }
    desk.done(create("/e", 1, &open));
    desk.done(container("/c", &open));
    desk.done(set_acl("/shut", &world(1), -1));
    desk
}

/// Every row is judged by a desk of its own.
fn expect(rows: Vec<(Request<'_>, Result<(), ErrorCode>)>) {
    for (request, wanted) in rows {
        let words = format!("{request:?}");
        assert_eq!(furnished().ask(request), wanted, "{words}");
    }
}

#[test]
fn create_in_the_order_of_its_tests() {
    use ErrorCode::{
        BadArguments, InvalidAcl, NoAuth, NoChildrenForEphemerals, NoNode, NodeExists,
    };
    let (open, empty) = (world(31), Vec::new());
    let null = Request::Create(
        OpCode::Create,
        crate::proto::request::CreateRequest {
            path: None,
            ..create_record("", 0, &open)
        },
    );
    expect(vec![
        (create("nowhere", 7, &open), Err(BadArguments)),
        (create("/x", -1, &open), Err(BadArguments)),
        (create("/x", 5, &open), Err(BadArguments)),
        (null, Err(ErrorCode::MarshallingError)),
        (create("x", 0, &empty), Err(BadArguments)),
        (create("/x\0", 0, &empty), Err(BadArguments)),
        (create("/missing/x", 0, &empty), Err(InvalidAcl)),
        (create("/missing/x", 0, &open), Err(NoNode)),
        (create("/missing/", 0, &open), Err(NoNode)),
        (create("/shut/kid", 0, &open), Err(NoAuth)),
        (create("/a/", 0, &open), Err(BadArguments)),
        (create("/a/", 2, &open), Ok(())),
        (create("/a/kid", 0, &open), Err(NodeExists)),
        (create("/", 0, &open), Err(NodeExists)),
        (create("/", 2, &open), Ok(())),
        (create("/e/kid", 0, &open), Err(NoChildrenForEphemerals)),
        (create("/a/new", 0, &open), Ok(())),
    ]);
}

#[test]
fn a_time_to_live_has_its_range_and_its_own_flags() {
    use ErrorCode::BadArguments;
    let open = world(31);
    expect(vec![
        (ttl("/t", 5, 1, &open), Ok(())),
        (ttl("/t", 6, 1_099_511_627_775, &open), Ok(())),
        (ttl("/t", 5, 1_099_511_627_776, &open), Err(BadArguments)),
        (ttl("/t", 5, 0, &open), Err(BadArguments)),
        (ttl("/t", 0, 5, &open), Err(BadArguments)),
        (ttl("/t", 0, -1, &open), Err(BadArguments)),
        (ttl("/t", 99, 5, &open), Err(BadArguments)),
    ]);
    let mut desk = furnished();
    desk.rules.owners.extended_types = false;
    let unknown = Err(ErrorCode::Unimplemented);
    assert_eq!(desk.ask(ttl("/t", 5, 1, &open)), unknown);
    assert_eq!(desk.ask(create("/t", 5, &open)), unknown);
}

#[test]
fn delete_in_the_order_of_its_tests() {
    use ErrorCode::{BadArguments, BadVersion, NoAuth, NoNode, NotEmpty};
    expect(vec![
        (delete("x", -1), Err(BadArguments)),
        (delete("/x\0", -1), Err(BadArguments)),
        (delete("/", -1), Err(BadArguments)),
        (delete("/zookeeper", -1), Err(BadArguments)),
        (delete("/zookeeper/quota", -1), Err(BadArguments)),
        (delete("/zookeeper/config", -1), Err(BadArguments)),
        (delete("/missing/x", -1), Err(NoNode)),
        (delete("/shut/missing", -1), Err(NoAuth)),
        (delete("/a/", -1), Err(NoNode)),
        (delete("/a", 7), Err(BadVersion)),
        (delete("/a", 0), Err(NotEmpty)),
        (delete("/a/kid", 0), Ok(())),
        (delete("/e", -1), Ok(())),
    ]);
}

#[test]
fn set_data_and_set_acl_in_the_order_of_their_tests() {
    use ErrorCode::{BadArguments, BadVersion, InvalidAcl, NoAuth, NoNode};
    let (open, empty) = (world(31), Vec::new());
    expect(vec![
        (set("/a/", b"", -1), Err(BadArguments)),
        (set("/missing", b"", -1), Err(NoNode)),
        (set("/shut", b"", 7), Err(NoAuth)),
        (set("/a", b"", 7), Err(BadVersion)),
        (set("/a", b"", 0), Ok(())),
        (set_acl("/a/", &empty, -1), Err(BadArguments)),
        (set_acl("/missing", &empty, -1), Err(InvalidAcl)),
        (set_acl("/missing", &open, -1), Err(NoNode)),
        (set_acl("/shut", &open, 7), Err(NoAuth)),
        (set_acl("/a", &open, 7), Err(BadVersion)),
        (set_acl("/a", &open, 0), Ok(())),
    ]);
}

#[test]
fn delete_container_takes_containers_only() {
    use ErrorCode::{BadArguments, NoNode, NotEmpty};
    expect(vec![
        (delete_container("/"), Err(BadArguments)),
        (delete_container("/missing"), Err(NoNode)),
        (delete_container("/a/kid"), Err(BadArguments)),
        (delete_container("/e"), Err(BadArguments)),
        (delete_container("/c"), Ok(())),
    ]);
    let mut desk = furnished();
    desk.done(create("/c/kid", 0, &world(31)));
    assert_eq!(desk.ask(delete_container("/c")), Err(NotEmpty));
    desk.done(set_acl("/", &world(1), -1));
    desk.done(delete("/c/kid", -1));
    let refused = Err(ErrorCode::NoAuth);
    assert_eq!(
        desk.ask(delete_container("/c")),
        refused,
        "a client needs DELETE"
    );
    assert_eq!(desk.reap("/c"), Ok(()), "the server does not");
}

#[test]
fn what_is_no_longer_a_container_is_not_reaped() {
    let mut desk = furnished();
    desk.ask(delete("/c", -1)).unwrap();
    assert_eq!(desk.reap("/c"), Err(ErrorCode::NoNode));
    desk.ask(create("/c", 0, &world(31))).unwrap();
    assert!(desk.reap("/c").is_err(), "another node has the name now");
    desk.land();
    assert!(desk.reap("/c").is_err());
    assert!(desk.tree.find("/c").is_some());
}

#[test]
fn versions_wrap_around() {
    let mut desk = furnished();
    for (current, next) in [(i32::MAX, i32::MIN), (-2, -1), (0, 1)] {
        assert_eq!(crate::ops::next_version(current, current), Ok(next));
        assert_eq!(crate::ops::next_version(current, -1), Ok(next));
    }
    assert_eq!(desk.ask(set("/a", b"", -2)), Err(ErrorCode::BadVersion));
}

#[test]
fn a_multi_fails_at_any_place_and_leaves_nothing() {
    let open = world(31);
    let fine = |at: usize| match at % 3 {
        0 => MultiOp::Create(OpCode::Create, create_record("/a/s", 2, &open)),
        1 => MultiOp::SetData(set_record("/a/kid", b"new", -1)),
        _ => check("/a", 0),
    };
    for culprit in 0..6 {
        let mut desk = furnished();
        let before = desk.overlay.digest();
        let mut ops = (0..6).map(fine).collect::<Vec<_>>();
        ops[culprit] = MultiOp::Delete(delete_record("/a", -1));
        desk.ask(Request::Multi(ops))
            .expect("it is logged as refused");
        assert_eq!(desk.overlay.digest(), before);
        assert!(desk.overlay.is_empty(), "nothing is in flight");
        desk.land();
        desk.done(create("/a/s", 2, &open));
        assert!(
            desk.tree.find("/a/s0000000001").is_some(),
            "the number is free again"
        );
    }
}

#[test]
fn a_multi_sees_its_own_earlier_parts() {
    let open = world(31);
    let mut desk = furnished();
    let ops = vec![
        MultiOp::Create(OpCode::Create, create_record("/m", 0, &open)),
        MultiOp::Create(OpCode::Create, create_record("/m/s", 2, &open)),
        MultiOp::Create(OpCode::Create, create_record("/m/s", 2, &open)),
        MultiOp::SetData(set_record("/m", b"x", 0)),
        check("/m", 1),
        MultiOp::Delete(delete_record("/m/s0000000000", -1)),
    ];
    desk.done(Request::Multi(ops));
    let node = desk.tree.find("/m").unwrap();
    assert_eq!(node.children().collect::<Vec<_>>(), ["s0000000001"]);
    assert_eq!(node.stat().version, 1);
}

#[test]
fn a_container_that_says_ephemeral_takes_children_once_it_is_applied() {
    let open = world(31);
    let mut desk = furnished();
    let ephemeral = || create_record("/box", 1, &open);
    let ops = vec![
        MultiOp::Create(OpCode::CreateContainer, ephemeral()),
        MultiOp::Create(OpCode::Create, create_record("/box/kid", 0, &open)),
    ];
    desk.ask(Request::Multi(ops))
        .expect("it is logged as refused");
    desk.land();
    assert!(desk.tree.find("/box").is_none());
    desk.done(Request::Create(OpCode::CreateContainer, ephemeral()));
    desk.done(create("/box/kid", 0, &open));
    assert!(desk.tree.find("/box/kid").is_some());
}

#[test]
fn reads_in_a_multi_refuse_it() {
    let mut desk = furnished();
    let read = MultiOp::GetData(crate::proto::request::WatchableRequest {
        path: Some("/a".into()),
        watch: false,
    });
    let refused = desk.ask(Request::Multi(vec![read]));
    assert_eq!(refused, Err(ErrorCode::MarshallingError));
    assert!(desk.overlay.is_empty());
}

#[test]
fn a_session_takes_its_nodes_along_also_those_in_flight() {
    let open = world(31);
    let mut desk = furnished();
    desk.ask(create("/a/fresh", 1, &open)).unwrap();
    desk.ask_as(SessionId(8), create("/a/other", 1, &open))
        .unwrap();
    desk.ask(delete("/e", -1)).unwrap();
    desk.ask(create("/e", 0, &open)).unwrap();
    desk.ask(Request::CloseSession).unwrap();
    assert_eq!(
        desk.ask(create("/a/fresh", 0, &open)),
        Ok(()),
        "the name is free"
    );
    desk.land();
    assert_eq!(desk.tree.ephemerals_of(ME).count(), 0);
    assert!(desk.tree.find("/a/other").is_some());
    assert!(desk.tree.find("/e").is_some(), "what replaced it stays");
}

#[test]
fn hard_quotas_refuse_at_the_limit_and_not_before() {
    let open = world(31);
    let mut desk = furnished();
    desk.done(create("/zookeeper/quota/a", 0, &open));
    desk.done(create("/zookeeper/quota/a/zookeeper_limits", 0, &open));
    desk.done(create("/zookeeper/quota/a/zookeeper_stats", 0, &open));
    let limits = b"count=-1,bytes=-1=;byteHardLimit=20;countHardLimit=3";
    desk.done(set("/zookeeper/quota/a/zookeeper_limits", limits, -1));
    let full = Err(ErrorCode::QuotaExceeded);
    // Two nodes of 4 bytes are there.
    assert_eq!(desk.ask(set("/a/kid", &[b'x'; 17], -1)), full);
    desk.done(set("/a/kid", &[b'x'; 12], -1));
    desk.done(create("/a/third", 0, &open));
    assert_eq!(desk.ask(create("/a/fourth", 0, &open)), full);
    assert_eq!(
        desk.ask(set("/a/kid", b"less", 9)),
        Err(ErrorCode::BadVersion)
    );
    desk.rules.enforce_quota = false;
    assert_eq!(desk.ask(create("/a/fourth", 0, &open)), Ok(()));
}

#[test]
fn the_super_user_and_the_creator_pass() {
    let mut desk = furnished();
    desk.rules.auth.super_digest = Some("super:hash".to_owned());
    assert_eq!(desk.ask(set("/shut", b"", -1)), Err(ErrorCode::NoAuth));
    desk.who = vec![Id::new("super", "")];
    assert_eq!(desk.ask(set("/shut", b"", -1)), Ok(()));
}

#[test]
fn a_standalone_server_does_not_reconfigure() {
    let ask = |desk: &mut Desk| {
        desk.ask(Request::Reconfig(ReconfigRequest {
            joining: None,
            leaving: None,
            members: None,
            config_version: -1,
        }))
    };
    let mut desk = furnished();
    assert_eq!(ask(&mut desk), Err(ErrorCode::ReconfigDisabled));
    desk.rules.reconfig_enabled = true;
    assert_eq!(ask(&mut desk), Err(ErrorCode::Unimplemented));
}
