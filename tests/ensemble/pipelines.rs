//! Clients that do not wait for answers, at every member at once: each session is first in, first out.

use std::thread;

use jute::{Reader, Writer};
use oxkeeper::types::OpCode;

use crate::client::{self, Client};
use crate::of_three;

/// How often each client asks for all of its kinds of requests.
const ROUNDS: usize = 150;
/// The number that every answer to a heartbeat carries.
const PING: i32 = -2;

fn text(path: &str) -> Vec<u8> {
    let mut body = Vec::new();
    Writer::new(&mut body).string(Some(path));
    body
}

fn get(path: &str) -> Vec<u8> {
    let mut body = text(path);
    body.push(0);
    body
}

/// A sync, a write, a read of it, a write that is refused, and a heartbeat, again and again.
fn pour(mut client: Client, path: &str) {
    assert_eq!(client.create(path, b"", 0).unwrap(), 0);
    let mut expected = Vec::new();
    for round in 0..ROUNDS {
        let data = format!("{path} {round}");
        let mut ask = |op, body: &[u8], err, data| {
            let xid = client.ask(op, body).unwrap();
            let xid = if op == OpCode::Ping { PING } else { xid };
            expected.push((xid, err, data));
        };
        ask(OpCode::Sync, &text("/"), 0, None);
        ask(
            OpCode::SetData,
            &client::set(path, data.as_bytes()),
            0,
            None,
        );
        ask(OpCode::GetData, &get(path), 0, Some(data));
        ask(OpCode::Ping, &[], 0, None);
        let again = client::create(path, b"", 0);
        ask(OpCode::Create, &again, client::NODE_EXISTS, None);
    }
    for (xid, err, data) in expected {
        let reply = client.reply().unwrap();
        assert_eq!((reply.xid, reply.err), (xid, err), "{path}");
        if let Some(data) = data {
            let mut body = Reader::new(&reply.body);
            assert_eq!(body.buffer().unwrap(), Some(data.as_bytes()));
        }
    }
    client.close().unwrap();
}

#[test]
fn who_does_not_wait_is_answered_in_the_order_asked() {
    let cluster = of_three();
    thread::scope(|scope| {
        for at in 0..6 {
            let client = cluster.client(1 + at % 3);
            scope.spawn(move || pour(client, &format!("/p{at}")));
        }
    });
    let tree = cluster.agreed_tree();
    for at in 0..6 {
        let last = format!("/p{at} {}", ROUNDS - 1);
        assert_eq!(tree[&format!("/p{at}")].data, last.as_bytes());
    }
}
