//! Every transaction has one zxid, and everybody sees the transactions in zxid order, once.

use std::collections::BTreeSet;
use std::thread;

use crate::live;
use crate::live::Live;

const WRITERS: usize = 4;
const EACH: usize = 150;

#[test]
fn every_watcher_hears_the_same_history() {
    let dir = tempfile::tempdir().unwrap();
    let server = live::start(dir.path(), "forceSync=no\n");
    let at = live::address(&server);
    let mut first = Live::open(at);
    let watchers = [(); 3].map(|()| {
        let mut live = Live::open(at);
        assert_eq!(live.ask("addwatch / 1").err, 0);
        thread::spawn(move || {
            let events = (0..WRITERS * EACH).map(|_| live.hear());
            events
                .map(|event| (event.zxid, event.path()))
                .collect::<Vec<_>>()
        })
    });
    let before = first.ask("sync /").zxid;
    let writers = (0..WRITERS).map(|writer| {
        let mut live = Live::open(at);
        thread::spawn(move || {
            let path = |at: usize| format!("/w{writer}-{at}");
            let asks = (0..EACH).map(|at| format!("create {} x", path(at)).parse().unwrap());
            live.send(&asks.collect::<Vec<_>>());
            let reply = |at: usize| (live.hear().zxid, path(at));
            (0..EACH).map(reply).collect::<Vec<_>>()
        })
    });
    let writers = writers.collect::<Vec<_>>();
    let mut answered = BTreeSet::new();
    for writer in writers {
        let replies = writer.join().unwrap();
        assert!(replies.is_sorted(), "a writer's own order is kept");
        answered.extend(replies);
    }
    let zxids = answered
        .iter()
        .map(|(zxid, _)| *zxid)
        .collect::<BTreeSet<_>>();
    assert_eq!(zxids.len(), WRITERS * EACH, "no number is given twice");
    assert!(zxids.iter().all(|zxid| *zxid > before));
    let answered = answered.into_iter().collect::<Vec<_>>();
    for watcher in watchers {
        assert_eq!(
            watcher.join().unwrap(),
            answered,
            "one history for everybody"
        );
    }
    server.stop().unwrap();
}
