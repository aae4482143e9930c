//! A watcher gets the event of a change before it can read any state that includes the change, and
//! after the reply that registered the watch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::thread::JoinHandle;

use crate::ask::Ask;
use crate::live;
use crate::live::Live;

const CHANGES: usize = 3000;

/// Others who are told first of every change, and so keep the server busy between a change and its event.
const CROWD: usize = 100;

fn parse(line: &str) -> Ask {
    line.parse().unwrap()
}

/// Sets the node again and again, some changes at a time, then says so.
fn write(writer: &mut Live, done: &AtomicBool) {
    for round in 0..CHANGES / 20 {
        let sets = (0..20).map(|at| parse(&format!("set /n {round}-{at}")));
        writer.send(&sets.collect::<Vec<_>>());
        (0..20).for_each(|_| assert_eq!(writer.hear().err, 0));
    }
    done.store(true, Ordering::Release);
}

fn against_a_writer(watcher: impl Fn(&mut Live, &AtomicBool) + Send + Sync + Copy + 'static) {
    let dir = tempfile::tempdir().unwrap();
    let server = live::start(dir.path(), "forceSync=no\n");
    let at = live::address(&server);
    assert_eq!(Live::open(at).ask("create /n first").err, 0);
    let crowd = [(); CROWD].map(|()| {
        let mut live = Live::open(at);
        assert_eq!(live.ask("addwatch /n 0").err, 0);
        live
    });
    let done = Arc::new(AtomicBool::new(false));
    let watchers = [(); 3].map(|()| {
        let done = Arc::clone(&done);
        let mut live = Live::open(at);
        thread::spawn(move || watcher(&mut live, &done))
    });
    let mut writer = Live::open(at);
    write(&mut writer, &done);
    // Who has just set a watch still waits for it to fire.
    while !watchers.iter().all(JoinHandle::is_finished) {
        assert_eq!(writer.ask("set /n last").err, 0);
    }
    for watcher in watchers {
        watcher
            .join()
            .expect("no watcher saw news before the event");
    }
    drop(crowd);
    server.stop().expect("the server stops");
}

#[test]
fn with_a_watch_that_stays() {
    against_a_writer(|live, done| {
        live.send(&[parse("addwatch /n 0"), parse("get /n")]);
        assert!(
            !live.hear().is_event(),
            "the registration is answered first"
        );
        let mut known = live.hear().data().1;
        while !done.load(Ordering::Acquire) {
            live.send(&[parse("get /n"), parse("get /n"), parse("get /n")]);
            let mut replies = 0;
            while replies < 3 {
                let heard = live.hear();
                if heard.is_event() {
                    assert!(heard.zxid > known, "each change is told once, in order");
                    known = heard.zxid;
                } else {
                    let (data, changed) = heard.data();
                    assert_eq!(changed, known, "{data} was read before its event came");
                    assert!(heard.zxid >= known);
                    replies += 1;
                }
            }
        }
    });
}

#[test]
fn with_a_watch_that_fires_once() {
    against_a_writer(|live, done| {
        while !done.load(Ordering::Acquire) {
            live.send(&[parse("get /n watch"), parse("get /n"), parse("get /n")]);
            // The watch may fire between any two of the replies, but not before the first.
            let first = live.hear();
            assert!(!first.is_event(), "the registration is answered first");
            let (_, registered) = first.data();
            let (mut event, mut replies) = (None, 0);
            while replies < 2 || event.is_none() {
                let heard = live.hear();
                if heard.is_event() {
                    assert_eq!(event.replace(heard.zxid), None, "it fires once");
                    assert!(heard.zxid > registered);
                } else {
                    let (data, changed) = heard.data();
                    replies += 1;
                    let told = event.is_some_and(|event| changed >= event);
                    assert!(
                        changed == registered || told,
                        "{data} was read before its event"
                    );
                }
            }
        }
    });
}

#[test]
fn for_the_one_who_changes_too() {
    let dir = tempfile::tempdir().unwrap();
    let server = live::start(dir.path(), "forceSync=no\n");
    let mut live = Live::open(live::address(&server));
    live.ask("create /n first");
    for round in 0..50 {
        let asks = ["get /n watch", &format!("set /n {round}"), "get /n"].map(parse);
        live.send(&asks);
        let heard = [(); 4].map(|()| live.hear());
        let kinds = heard.each_ref().map(super::super::live::Heard::is_event);
        assert_eq!(
            kinds,
            [false, true, false, false],
            "watch, event, reply, news"
        );
        assert_eq!(heard[1].zxid, heard[2].zxid);
        assert_eq!(heard[3].data().0, round.to_string());
    }
    server.stop().unwrap();
}
