//! Sessions between servers of both kinds.

use crate::member::Launch;
use crate::{in_every_mix, of_three, wait};

in_every_mix! { sessions_move_and_expire }

const EPHEMERAL: i32 = 1;

fn sessions_move_and_expire(programs: &[Launch; 3]) {
    let cluster = of_three(programs);
    for (from, to) in [(1, 2), (2, 3), (3, 1)] {
        let mut first = cluster.client(from);
        let path = format!("/moved-{from}");
        assert_eq!(first.create(&path, b"", EPHEMERAL).unwrap(), 0);
        let to = cluster.members[&to].places.client;
        let mut second = first.moved(to).expect("every member knows the session");
        assert_eq!(second.session, first.session);
        second.sync().unwrap();
        assert!(second.has(&path).unwrap());
        let path = format!("/moved-too-{from}");
        assert_eq!(second.create(&path, b"", EPHEMERAL).unwrap(), 0);
        second.close().unwrap();
    }
    let tree = cluster.agreed_tree();
    assert!(
        !tree.keys().any(|path| path.starts_with("/moved")),
        "{tree:?}"
    );
    let mut heard = Vec::new();
    for id in 1..=3 {
        let mut silent = cluster.client_for(id, 2000);
        let path = format!("/silent-{id}");
        assert_eq!(silent.create(&path, b"", EPHEMERAL).unwrap(), 0);
        let mut busy = cluster.client_for(id, 2000);
        let path = format!("/heard-{id}");
        assert_eq!(busy.create(&path, b"", EPHEMERAL).unwrap(), 0);
        heard.push(busy);
    }
    let mut watcher = cluster.client(1);
    wait("silent sessions expire", || {
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
    cluster.no_digest_differs();
}
