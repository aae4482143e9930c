//! Who is admitted, who holds a session, and when a session was last heard.

use super::*;
use crate::net::client::Bell;
use crate::types::Id;

const TIMEOUT: i32 = 4000;

fn outbox(conn: u64, host: u8, now: i64) -> Arc<Outbox> {
    let peer = (std::net::Ipv4Addr::new(10, 0, 0, host), 1000).into();
    let ip = Id::new("ip", format!("10.0.0.{host}"));
    Arc::new(Outbox::new(
        ConnId(conn),
        peer,
        ip,
        Arc::new(Bell::default()),
        Millis(now),
    ))
}

#[test]
fn limits_count_what_is_open() {
    let mut registry = Registry::default();
    let (a, b, c) = (outbox(1, 1, 0), outbox(2, 1, 0), outbox(3, 2, 0));
    assert_eq!(registry.open(&a, 2, 1), Ok(()));
    let address = b.peer.ip();
    let full = Full::PerAddress { address, limit: 1 };
    assert_eq!(registry.open(&b, 2, 1), Err(full));
    assert_eq!(
        full.to_string(),
        "Too many connections from 10.0.0.1 - max is 1"
    );
    assert_eq!(registry.open(&c, 2, 1), Ok(()));
    let full = Full::Total {
        connections: 2,
        limit: 2,
    };
    assert_eq!(registry.open(&b, 2, 0), Err(full));
    assert_eq!(full.to_string(), "Too many connections 2 - max is 2");
    registry.close(&a);
    registry.close(&a);
    assert_eq!(registry.count(), 1);
    assert_eq!(
        registry.open(&b, 2, 1),
        Ok(()),
        "its address has room again"
    );
    assert_eq!(
        registry.open(&outbox(9, 1, 0), 0, 0),
        Ok(()),
        "0 is no limit"
    );
}

#[test]
fn a_session_remembers_when_it_was_last_heard() {
    let mut registry = Registry::default();
    let (session, a) = (SessionId(5), outbox(1, 1, 100));
    registry.open(&a, 0, 0).unwrap();
    assert_eq!(registry.last_touch(session), None);
    registry.attach(session, a.conn);
    a.welcome(session, TIMEOUT, b"");
    a.touch(Millis(250));
    assert_eq!(registry.last_touch(session), Some((Millis(250), TIMEOUT)));
    assert_eq!(registry.holder(session).map(|held| held.conn), Some(a.conn));
    registry.close(&a);
    assert!(registry.holder(session).is_none(), "nobody holds it now");
    assert_eq!(registry.last_touch(session), Some((Millis(250), TIMEOUT)));
    registry.forget(session);
    assert_eq!(registry.last_touch(session), None);
}

#[test]
fn a_former_connection_takes_nothing_from_the_present_one() {
    let mut registry = Registry::default();
    let session = SessionId(5);
    let (former, present) = (outbox(1, 1, 0), outbox(2, 1, 0));
    for outbox in [&former, &present] {
        registry.open(outbox, 0, 0).unwrap();
        registry.attach(session, outbox.conn);
        outbox.welcome(session, TIMEOUT, b"");
    }
    present.touch(Millis(70));
    registry.close(&former);
    assert_eq!(
        registry.holder(session).map(|held| held.conn),
        Some(present.conn)
    );
    assert_eq!(registry.last_touch(session), Some((Millis(70), TIMEOUT)));
}

#[test]
fn listeners_are_judged_by_the_identities_they_have_now() {
    let mut registry = Registry::default();
    let a = outbox(1, 1, 0);
    registry.open(&a, 0, 0).unwrap();
    let auth = AuthRules::default();
    let acl = [Acl::new(Perms::READ, "digest", "alice:hash")];
    let open = [Acl::new(Perms::READ, "world", "anyone")];
    let mut listeners = Listeners {
        registry: &registry,
        auth: &auth,
    };
    assert!(!listeners.may_read(a.conn, &acl));
    a.add_identities(vec![Id::new("digest", "alice:hash")]);
    assert!(listeners.may_read(a.conn, &acl));
    assert!(!listeners.may_read(ConnId(9), &open), "nobody is there");
    assert!(listeners.everyone_may_read(&open));
    assert!(!listeners.everyone_may_read(&acl));
    assert!(listeners.is_here(a.conn));
    assert!(!listeners.is_here(ConnId(9)));
}
