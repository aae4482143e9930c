//! Clients of three servers, packets and commits in any order that links allow, leaders that change: what each
//! client hears must keep the promises made to every session.

use std::collections::BTreeMap;

use oxkeeper::types::ConnId;
use proptest::prelude::*;

use crate::ensemble::{Ensemble, SERVERS};

#[derive(Debug, Clone, Copy)]
enum Step {
    /// A client sends some requests in one go: 0 writes, 1 reads its own node, 2 syncs and reads its neighbour's,
    /// 3 fails, 4 pings.
    Ask(usize, [u8; 3]),
    Up(usize),
    Down(usize),
    Cut(usize),
    Finish(usize),
    Commit,
    Elect(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let server = 0..SERVERS;
    prop_oneof![
        4 => (server.clone(), [0..5_u8, 0..5_u8, 0..5_u8]).prop_map(|(at, asks)| Step::Ask(at, asks)),
        4 => server.clone().prop_map(Step::Up),
        6 => server.clone().prop_map(Step::Down),
        4 => server.clone().prop_map(Step::Cut),
        4 => server.clone().prop_map(Step::Finish),
        4 => Just(Step::Commit),
        1 => server.prop_map(Step::Elect),
    ]
}

/// What one client has asked and may expect.
struct Client {
    conn: ConnId,
    /// By xid: what a read of a node must say at least, and whether exactly that.
    expected: BTreeMap<usize, (u64, bool)>,
    asked: usize,
    heard: usize,
    /// The last number it wrote, and the last it knows to be written.
    written: u64,
    acknowledged: u64,
    /// By xid: the number written.
    writes: BTreeMap<usize, u64>,
}

struct Run {
    ensemble: Ensemble,
    clients: Vec<Client>,
    /// What had been written to each node at the last change of leaders, at most and at least.
    floor: Vec<u64>,
}

fn value(heard: &str) -> u64 {
    let quoted = heard.split('\'').nth(1).expect("data is quoted");
    quoted.parse().expect("a number")
}

impl Run {
    fn new() -> Run {
        let mut run = Run {
            ensemble: Ensemble::led(),
            clients: Vec::new(),
            floor: vec![0; SERVERS],
        };
        let conn = run.ensemble.join(0);
        run.ensemble.settle();
        for at in 0..SERVERS {
            run.ensemble.send(0, conn, &format!("create /{at} 0"));
        }
        run.ensemble.settle();
        run.join();
        run
    }

    /// A client at each server.
    fn join(&mut self) {
        let conns = (0..SERVERS).map(|at| self.ensemble.join(at));
        let conns = conns.collect::<Vec<_>>();
        self.ensemble.settle();
        self.clients.clear();
        for (at, conn) in conns.into_iter().enumerate() {
            assert_eq!(self.ensemble.heard(at, conn).len(), 1, "the session");
            let client = Client {
                conn,
                expected: BTreeMap::new(),
                asked: 0,
                heard: 0,
                written: self.floor[at],
                acknowledged: self.floor[at],
                writes: BTreeMap::new(),
            };
            self.clients.push(client);
        }
    }

    fn ask(&mut self, at: usize, kinds: [u8; 3]) {
        let neighbour = (at + 1) % SERVERS;
        let known = self.clients[neighbour].acknowledged;
        let client = &mut self.clients[at];
        let mut lines = Vec::new();
        for kind in kinds {
            client.asked += 1;
            match kind {
                0 => {
                    client.written += 1;
                    client.writes.insert(client.asked, client.written);
                    lines.push(format!("set /{at} {}", client.written));
                }
                1 => {
                    client.expected.insert(client.asked, (client.written, true));
                    lines.push(format!("get /{at}"));
                }
                2 => {
                    client.asked += 1;
                    client.expected.insert(client.asked, (known, false));
                    lines.push(format!("sync / | get /{neighbour}"));
                }
                3 => lines.push("delete /none".to_owned()),
                _ => lines.push("ping".to_owned()),
            }
        }
        let conn = client.conn;
        self.ensemble.send(at, conn, &lines.join(" | "));
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Ask(at, kinds) => self.ask(at, kinds),
            Step::Up(at) => _ = self.ensemble.up(at),
            Step::Down(at) => _ = self.ensemble.down(at),
            Step::Cut(at) => self.ensemble.cut(at),
            Step::Finish(at) => self.ensemble.finish(at),
            Step::Commit => _ = self.ensemble.commit(),
            Step::Elect(at) => self.elect(at),
        }
        for at in 0..self.clients.len() {
            self.listen(at);
        }
    }

    /// Clients lose their connections; what was not acknowledged may or may not have happened.
    fn elect(&mut self, at: usize) {
        self.ensemble.elect(at);
        let conn = self.ensemble.join(at);
        self.ensemble.settle();
        self.ensemble.heard(at, conn);
        for node in 0..SERVERS {
            self.ensemble.send(at, conn, &format!("get /{node}"));
            let now = value(&self.ensemble.heard(at, conn)[0]);
            let client = &self.clients[node];
            assert!(
                (client.acknowledged..=client.written).contains(&now),
                "/{node} is {now}"
            );
            self.floor[node] = now;
        }
        self.join();
    }

    fn listen(&mut self, at: usize) {
        let heard = self.ensemble.heard(at, self.clients[at].conn);
        let client = &mut self.clients[at];
        for line in heard {
            client.heard += 1;
            let xid = client.heard;
            let ping = line.starts_with("-2 ");
            assert!(
                ping || line.starts_with(&format!("{xid} ")),
                "{line} comes as answer {xid}"
            );
            if let Some(number) = client.writes.remove(&xid) {
                assert!(line.contains(" ok "), "{line}");
                client.acknowledged = number;
            }
            if let Some((expected, exactly)) = client.expected.remove(&xid) {
                let now = value(&line);
                assert!(
                    now == expected || (!exactly && now > expected),
                    "{line}, not {expected}"
                );
            }
        }
    }

    /// Everything is answered, and all servers agree.
    fn end(mut self) {
        self.ensemble.settle();
        for at in 0..SERVERS {
            self.listen(at);
            assert_eq!(
                self.clients[at].heard, self.clients[at].asked,
                "server {at}"
            );
            assert!(self.ensemble.servers[at].replica.is_idle());
        }
        self.ensemble.assert_same();
    }
}

proptest! {
    #[test]
    fn sessions_are_first_in_first_out_and_see_what_they_must(
        steps in prop::collection::vec(step(), 1..150)
    ) {
        let mut run = Run::new();
        for step in steps {
            run.step(step);
        }
        run.end();
    }
}
