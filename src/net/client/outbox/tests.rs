//! One order for replies and events; what an outbox that is too full does.

use super::*;

fn outbox() -> Outbox {
    let peer = (std::net::Ipv4Addr::LOCALHOST, 7).into();
    Outbox::new(
        ConnId(1),
        peer,
        Id::new("ip", "127.0.0.1"),
        Arc::default(),
        Millis(5),
    )
}

#[test]
fn frames_leave_in_the_order_they_came() {
    let outbox = outbox();
    outbox.push(b"one", 1);
    let mut own = b"two".to_vec();
    outbox.push_local(&mut own);
    assert!(own.is_empty(), "the scratch comes back empty");
    outbox.push(b"three", 0);
    assert_eq!(outbox.queued_bytes(), 11);
    assert_eq!(outbox.take(Vec::new()), b"onetwothree");
    assert_eq!(outbox.take(Vec::new()), b"");
    assert_eq!(outbox.sent.load(Ordering::Relaxed), 2);
}

#[test]
fn a_request_is_in_flight_until_its_reply_is_queued() {
    let outbox = outbox();
    outbox.submitted(2);
    assert_eq!(outbox.in_flight(), 2);
    outbox.push(b"event", 0);
    assert_eq!(outbox.in_flight(), 2);
    outbox.push(b"reply", 1);
    outbox.push(b"reply", 1);
    assert_eq!(outbox.in_flight(), 0);
}

#[test]
fn who_sees_the_session_finds_its_response() {
    let outbox = outbox();
    assert_eq!(outbox.session(), None);
    outbox.welcome(SessionId(9), 4000, b"welcome");
    assert_eq!(outbox.session(), Some(SessionId(9)));
    assert_eq!(outbox.timeout_ms(), 4000);
    let mut reply = b"reply".to_vec();
    outbox.push_local(&mut reply);
    assert_eq!(outbox.take(Vec::new()), b"welcomereply");
}

#[test]
fn nothing_follows_a_gap() {
    let outbox = outbox();
    outbox.submitted(2);
    outbox.push(&vec![0; limits::OUTBOX_BYTES_MAX], 0);
    assert_eq!(outbox.closing(), Closing::No);
    outbox.push(b"too much", 1);
    assert_eq!(outbox.closing(), Closing::Now);
    assert_eq!(
        outbox.queued_bytes(),
        0,
        "a peer that takes nothing frees its memory"
    );
    outbox.push(b"later", 1);
    outbox.push_local(&mut b"later still".to_vec());
    assert_eq!(outbox.take(Vec::new()), b"");
    assert_eq!(
        outbox.in_flight(),
        0,
        "the line is done with it all the same"
    );
}

#[test]
fn the_sharper_end_wins() {
    let outbox = outbox();
    outbox.close(Closing::AfterFlush);
    assert_eq!(outbox.closing(), Closing::AfterFlush);
    outbox.close(Closing::Now);
    outbox.close(Closing::AfterFlush);
    assert_eq!(outbox.closing(), Closing::Now);
}

#[test]
fn identities_are_kept_once_and_in_order() {
    let outbox = outbox();
    let alice = Id::new("digest", "alice:x");
    outbox.add_identities(vec![alice.clone(), alice.clone()]);
    outbox.add_identities(vec![alice.clone()]);
    assert_eq!(&*outbox.who(), [Id::new("ip", "127.0.0.1"), alice]);
}

#[test]
fn the_read_only_byte_is_answered_only_when_asked() {
    let outbox = outbox();
    assert_eq!(outbox.read_only_answer(), None);
    for is_read_only in [false, true] {
        outbox.answer_read_only(Some(is_read_only));
        assert_eq!(outbox.read_only_answer(), Some(is_read_only));
    }
}

#[test]
fn an_end_is_heard_of_although_nothing_was_taken_since_the_last_mark() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let heard = |outbox: &Outbox| {
        outbox.ring();
        let patience = std::time::Duration::from_millis(50);
        let wait = async { tokio::time::timeout(patience, outbox.bell.wait()).await };
        runtime
            .block_on(wait)
            .is_ok_and(|marked| marked.dirty == [ConnId(1)])
    };
    for end in [
        (|outbox| outbox.close(Closing::Now)) as fn(&Outbox),
        |outbox| outbox.push(&vec![0; limits::OUTBOX_BYTES_MAX], 0),
    ] {
        let outbox = outbox();
        outbox.push(b"news", 0);
        assert!(heard(&outbox));
        // The shard looks, and the socket takes nothing.
        outbox.push(b"more", 0);
        assert!(!heard(&outbox), "it is marked already");
        end(&outbox);
        assert_eq!(outbox.closing(), Closing::Now);
        assert!(heard(&outbox));
    }
}
