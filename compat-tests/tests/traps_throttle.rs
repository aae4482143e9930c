//! Servers that slow clients down: what the client may see of it, and what not.

use compat_tests::server::Options;
use compat_tests::stage::on_own;
use compat_tests::wire::client::Session;
use compat_tests::wire::request::Connect;
use compat_tests::wire::{Acl, Client, code, op, request};

/// Pipelines creates under `/`; their errors in order.
fn pipelined_creates(client: &mut Client, count: i32) -> Vec<i32> {
    let xids: Vec<i32> = (0..count)
        .map(|number| {
            client.send(
                op::CREATE,
                &request::create(format!("/n{number}").as_str(), "", &Acl::open(), 0),
            )
        })
        .collect();
    let replies = xids.into_iter().map(|xid| {
        let reply = client.reply();
        assert_eq!(reply.xid, xid, "replies come in order");
        assert_eq!(
            reply.body.is_empty(),
            reply.err != code::OK,
            "errors are header-only"
        );
        reply.err
    });
    replies.collect()
}

#[test]
fn trap_111_a_request_that_waited_too_long_is_refused_in_its_place() {
    let options = Options::default()
        .property("zookeeper.request_throttle_max_requests", 1)
        .property("zookeeper.throttled_op_wait_time", 1);
    on_own(&options, |s, _| {
        let mut client = s.client();
        let errors = pipelined_creates(&mut client, 300);
        let (done, throttled): (Vec<i32>, Vec<i32>) =
            errors.iter().partition(|err| **err == code::OK);
        assert!(
            throttled.iter().all(|err| *err == code::THROTTLED),
            "{throttled:?}"
        );
        assert!(
            !done.is_empty() && !throttled.is_empty(),
            "{} done, {} refused",
            done.len(),
            throttled.len()
        );
        let made = client.stat("/").num_children - 1;
        assert_eq!(
            usize::try_from(made),
            Ok(done.len()),
            "what is refused is not carried out"
        );
    });
}

#[test]
fn row_10_2_a_throttled_server_still_carries_out_everything() {
    let options = Options::default().property("zookeeper.request_throttle_max_requests", 1);
    on_own(&options, |s, _| {
        let errors = pipelined_creates(&mut s.client(), 100);
        assert_eq!(errors, [code::OK; 100]);
    });
}

#[test]
fn trap_112_the_limit_on_outstanding_requests_is_never_an_error() {
    on_own(
        &Options::default().property("zookeeper.globalOutstandingLimit", 1),
        |s, _| {
            let (mut one, mut two) = (s.client(), s.client());
            two.send(op::SYNC, &request::path("/"));
            assert_eq!(pipelined_creates(&mut one, 300), [code::OK; 300]);
            assert_eq!(two.reply().path(), "/");
        },
    );
}

#[test]
fn row_10_4_connections_without_a_token_are_dropped() {
    let options = Options::default()
        .property("zookeeper.connection_throttle_tokens", 3)
        .property("zookeeper.connection_throttle_fill_time", 3_600_000);
    on_own(&options, |s, _| {
        let connect = || {
            let mut conn = s.conn();
            conn.send_frame(&Connect::new(10_000).encode());
            conn.frame_or_end()
                .map(|frame| Session::parse(&frame).is_refused())
        };
        let seen: Vec<_> = (0..5).map(|_| connect()).collect();
        assert_eq!(seen, [Some(false), Some(false), Some(false), None, None]);
        assert_eq!(s.answer_to(b"ruok"), b"imok", "words cost nothing");
    });
}

#[test]
fn row_10_4_a_refused_connection_does_not_disturb_a_session() {
    let options = Options::default()
        .property("zookeeper.connection_throttle_tokens", 1)
        .property("zookeeper.connection_throttle_fill_time", 3_600_000);
    on_own(&options, |s, _| {
        let mut holder = s.client();
        let mut conn = s.conn();
        conn.send_frame(&holder.reattach().encode());
        conn.ends_silently();
        assert!(holder.exists("/"), "the bucket comes before the session");
    });
}

#[test]
fn row_10_4_tokens_come_back_with_time() {
    let options = Options::default()
        .property("zookeeper.connection_throttle_tokens", 1)
        .property("zookeeper.connection_throttle_fill_time", 200);
    on_own(&options, |s, _| {
        let first = s.client();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        let mut granted = false;
        while !granted && std::time::Instant::now() < deadline {
            let mut conn = s.conn();
            conn.send_frame(&Connect::new(10_000).encode());
            granted = conn.frame_or_end().is_some();
        }
        assert!(granted, "a token comes back");
        first.close();
    });
}

#[test]
fn row_10_4_with_weights_a_new_session_costs_3_and_an_old_one_2() {
    let options = Options::default()
        .property("zookeeper.connection_throttle_tokens", 2)
        .property("zookeeper.connection_throttle_fill_time", 3_600_000)
        .property("zookeeper.connection_throttle_weight_enabled", true);
    on_own(&options, |s, _| {
        // The maximum is multiplied by the weight of a new session: 6.
        let mut again = s.client().reconnect();
        for connect in [Connect::new(10_000), again.reattach()] {
            let mut conn = s.conn();
            conn.send_frame(&connect.encode());
            conn.ends_silently();
        }
        assert!(again.exists("/"));
    });
}
