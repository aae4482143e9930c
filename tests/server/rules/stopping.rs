//! A server that is told to stop stops, whatever its clients are doing.

use std::thread;

use crate::live;
use crate::live::Live;

#[test]
fn clients_that_go_on_asking_do_not_keep_it_alive() {
    let dir = tempfile::tempdir().unwrap();
    let server = live::start(dir.path(), "");
    let at = live::address(&server);
    let busy = [0, 1, 2, 3].map(|client| {
        let mut live = Live::open(at);
        live.ask(&format!("create /n{client} x"));
        thread::spawn(move || {
            let set = format!("set /n{client} y").parse().unwrap();
            let mut last = 0;
            live.send(&[]);
            loop {
                live.send_raw(&crate::ask::Ask::frame(&set, 7));
                match live.next() {
                    Some(heard) => last = heard.zxid,
                    None => return last,
                }
            }
        })
    });
    server.stop().expect("the server stops in order");
    let answered = busy
        .map(|client| client.join().unwrap())
        .into_iter()
        .max()
        .unwrap();
    let server = live::start(dir.path(), "");
    let mut live = Live::open(live::address(&server));
    assert!(
        live.ask("sync /").zxid >= answered,
        "what was answered is there"
    );
    server.stop().unwrap();
}
