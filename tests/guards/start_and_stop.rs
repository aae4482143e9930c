//! Empty directories that should not be, and servers that are told to stop while clients are busy.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::wire::{CREATE, Client, SET_DATA, create, request, serve, set_data};
use std::io::Write;

#[test]
fn an_empty_directory_is_refused_when_there_should_be_data() {
    let dir = tempfile::tempdir().unwrap();
    let log_dir = tempfile::tempdir().unwrap();
    let log_line = format!("dataLogDir={}", log_dir.path().display());
    let lines = ["db.autocreate=false", &log_line];
    let refused = serve(dir.path(), &lines).err().expect("there is nothing");
    let marker = log_dir.path().join("initialize");
    assert!(
        refused.to_string().contains(&marker.display().to_string()),
        "{refused}"
    );

    fs::write(&marker, "").unwrap();
    let server = serve(dir.path(), &lines).expect("the marker lets it start");
    assert!(!marker.exists(), "the marker is good for one start");
    let mut client = Client::connect(&server, 10_000);
    assert_eq!(client.call(CREATE, &create("/x", b"", 0)).err, 0);
    server.stop().unwrap();

    let server = serve(dir.path(), &lines).expect("now there is data");
    assert!(Client::connect(&server, 10_000).exists("/x"));
    server.stop().unwrap();
}

#[test]
fn the_marker_goes_at_every_start() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("initialize"), "").unwrap();
    serve(dir.path(), &[]).unwrap().stop().unwrap();
    assert!(!dir.path().join("initialize").exists());
}

#[test]
fn clients_that_never_pause_do_not_keep_a_server_from_stopping() {
    for lines in [
        &[][..],
        &[
            "request_throttle_max_requests=1",
            "request_throttler.shutdownTimeout=50",
        ],
    ] {
        let dir = tempfile::tempdir().unwrap();
        let server = serve(dir.path(), lines).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        for index in 0..4 {
            let mut client = Client::connect(&server, 30_000);
            let path = format!("/c{index}");
            assert_eq!(client.call(CREATE, &create(&path, b"", 0)).err, 0);
            let mut reader = client.socket.try_clone().unwrap();
            threads.push(thread::spawn(move || {
                drop(std::io::copy(&mut reader, &mut std::io::sink()));
            }));
            let stop = Arc::clone(&stop);
            threads.push(thread::spawn(move || {
                let frame = request(9, SET_DATA, &set_data(&path, &[1; 100]));
                while !stop.load(Ordering::Relaxed) && client.socket.write_all(&frame).is_ok() {}
            }));
        }
        server.stop().unwrap();
        stop.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().unwrap();
        }
    }
}
