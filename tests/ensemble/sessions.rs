//! Sessions belong to the ensemble, not to the member that opened them.

use crate::{of_three, wait};

const EPHEMERAL: i32 = 1;

#[test]
fn a_session_moves_with_its_client_and_ends_everywhere() {
    let cluster = of_three();
    let mut first = cluster.client(1);
    assert_eq!(first.create("/mine", b"", EPHEMERAL).unwrap(), 0);
    let mut second = first
        .moved(cluster.members[&2].places.client)
        .expect("the session is known");
    assert_eq!(second.session, first.session);
    assert_eq!(second.create("/mine-too", b"", EPHEMERAL).unwrap(), 0);
    let tree = cluster.agreed_tree();
    assert!(tree.contains_key("/mine") && tree.contains_key("/mine-too"));
    second.close().unwrap();
    let tree = cluster.agreed_tree();
    assert!(!tree.contains_key("/mine") && !tree.contains_key("/mine-too"));
}

#[test]
fn a_wrong_password_opens_nothing_anywhere() {
    let cluster = of_three();
    let mut client = cluster.client(1);
    client.password = vec![1; 16];
    for id in 1..=3 {
        assert!(client.moved(cluster.members[&id].places.client).is_err());
    }
}

#[test]
fn a_silent_session_expires_wherever_it_was_and_a_heard_one_does_not() {
    let cluster = of_three();
    let leader = cluster.settle();
    let mut heard = Vec::new();
    for id in 1..=3 {
        let mut silent = cluster.client_for(id, 2000);
        assert_eq!(
            silent
                .create(&format!("/silent-{id}"), b"", EPHEMERAL)
                .unwrap(),
            0
        );
        let mut busy = cluster.client_for(id, 2000);
        assert_eq!(
            busy.create(&format!("/heard-{id}"), b"", EPHEMERAL)
                .unwrap(),
            0
        );
        heard.push(busy);
    }
    let mut watcher = cluster.client(leader);
    wait("silent sessions expire", || {
        // Reads keep a session alive, and the members tell the leader of it.
        for busy in &mut heard {
            busy.has("/").expect("a session that is heard lives on");
        }
        let left = watcher.children("/").unwrap();
        !left.iter().any(|name| name.starts_with("silent"))
    });
    let left = watcher.children("/").unwrap();
    assert_eq!(
        left.iter().filter(|name| name.starts_with("heard")).count(),
        3
    );
}

#[test]
fn a_watch_fires_on_the_member_that_holds_it() {
    let cluster = of_three();
    let leader = cluster.settle();
    let mut writer = cluster.client(leader);
    assert_eq!(writer.create("/watched", b"1", 0).unwrap(), 0);
    for id in 1..=3 {
        let mut watcher = cluster.client(id);
        watcher.sync().unwrap();
        watcher
            .get("/watched", true)
            .unwrap()
            .expect("it is there after a sync");
        assert_eq!(writer.set("/watched", b"2").unwrap(), 0);
        wait("the event comes", || {
            watcher.has("/").unwrap();
            watcher.events == ["/watched"]
        });
    }
}

#[test]
fn a_sync_shows_every_write_that_was_acknowledged_anywhere() {
    let cluster = of_three();
    let mut clients: Vec<_> = (1..=3).map(|id| cluster.client(id)).collect();
    for n in 0..60 {
        let path = format!("/n{n}");
        assert_eq!(clients[n % 3].create(&path, b"", 0).unwrap(), 0);
        let reader = &mut clients[(n + 1) % 3];
        assert_eq!(reader.sync().unwrap(), 0);
        assert!(reader.has(&path).unwrap(), "{path} is there after a sync");
    }
}

#[test]
fn sessions_outlive_the_leader() {
    let mut cluster = of_three();
    let leader = cluster.settle();
    let follower = (1..=3).find(|id| *id != leader).expect("there are three");
    let mut client = cluster.client(follower);
    assert_eq!(client.create("/mine", b"", EPHEMERAL).unwrap(), 0);
    cluster.member(leader).end(rustix::process::Signal::KILL);
    let others: Vec<i64> = (1..=3).filter(|id| *id != leader).collect();
    cluster.settle_among(&others);
    let mut again = None;
    wait("the session is taken up again", || {
        again = client.moved(cluster.members[&follower].places.client).ok();
        again.is_some()
    });
    let mut again = again.expect("waited for");
    assert_eq!(again.session, client.session);
    assert!(again.has("/mine").unwrap());
    again.close().unwrap();
    assert!(!cluster.agreed_tree().contains_key("/mine"));
}
