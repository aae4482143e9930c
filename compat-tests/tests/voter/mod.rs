//! A member of an ensemble that can elect and nothing else: the product's elector on a line of its own, over the
//! product's election port.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use oxkeeper::config::{Member, Membership, PeerAddress, Role};
use oxkeeper::consensus::Effect;
use oxkeeper::consensus::election::{Decision, Elector, Heard, Roll, Standing, Waits};
use oxkeeper::net::peer::{
    AddressBook, BallotLetter, BallotPort, Ballots, ElectionSettings, election,
};
use oxkeeper::proto::ballot::{HelloVersion, PeerState};
use oxkeeper::types::{Millis, ServerId, Zxid};

/// How far a member is when it begins.
#[derive(Debug, Clone, Copy, Default)]
pub struct Start {
    pub last_zxid: i64,
    pub epoch: i64,
    /// Whether its role goes on to serve, in this epoch.
    pub serves_in: Option<i64>,
    /// Whether it introduces itself as members with several addresses do.
    pub several_addresses: bool,
}

/// The member. Dropped, it is gone.
pub struct Voter {
    decisions: Receiver<Decision>,
    line: Arc<Line>,
    ballots: Ballots,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Mail {
    letters: VecDeque<BallotLetter>,
    stop: bool,
}

#[derive(Default)]
struct Line {
    mail: Mutex<Mail>,
    woken: Condvar,
}

impl BallotPort for Line {
    fn ballot(&self, letter: BallotLetter) {
        let mut mail = self.mail.lock().unwrap_or_else(PoisonError::into_inner);
        mail.letters.push_back(letter);
    }

    fn wake(&self) {
        self.woken.notify_one();
    }

    fn deaf(&self) {
        println!("a member of the test cannot listen for elections");
    }
}

impl Voter {
    /// Starts member `id` of these members: their ids, their election ports, and whether they only observe.
    pub fn start(id: i64, members: &[(i64, u16, bool)], text: String, start: Start) -> Voter {
        let membership = Arc::new(membership(members));
        let line = Arc::new(Line::default());
        let settings = ElectionSettings {
            me: ServerId(id),
            dial_within: Duration::from_secs(5),
            hello_within: Duration::from_secs(5),
            keep_alive: false,
            listen_on_all_ips: false,
            hello: match start.several_addresses {
                true => HelloVersion::V2,
                false => HelloVersion::V1,
            },
            reachability: None,
            silent_within: Duration::from_secs(5),
            bind_attempts: 3,
            bind_pause: Duration::from_secs(1),
        };
        let book = AddressBook::of(&membership, &membership);
        let port = Arc::clone(&line) as Arc<dyn BallotPort>;
        let (ballots, port) = election(settings, book, port);
        let peers = std::thread::spawn(move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_all().build().expect("a runtime");
            tokio::task::LocalSet::new().block_on(&runtime, port.serve());
        });
        let roll = Roll::of(&membership, &membership, text.into());
        let elector = Elector::new(ServerId(id), Waits::default(), roll, false);
        let observer = members.iter().any(|member| member.0 == id && member.2);
        let (decided, decisions) = channel();
        let turns = Turns {
            elector,
            line: Arc::clone(&line),
            ballots: ballots.clone(),
            decided,
            serves_in: start.serves_in,
            began: Instant::now(),
        };
        let standing = Standing {
            last_zxid: Zxid(start.last_zxid),
            current_epoch: start.epoch,
            observer,
        };
        let turning = std::thread::spawn(move || turns.run(standing));
        Voter {
            decisions,
            line,
            ballots,
            threads: vec![turning, peers],
        }
    }

    /// What it decides: what it is now, and who leads.
    ///
    /// # Panics
    /// When it does not decide in time.
    pub fn decision(&self, within: Duration) -> (PeerState, i64) {
        let decision = self.decisions.recv_timeout(within);
        let decision = decision.expect("a decision in time");
        (decision.state, decision.vote.leader.0)
    }
}

impl Drop for Voter {
    fn drop(&mut self) {
        let mut mail = self
            .line
            .mail
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        mail.stop = true;
        drop(mail);
        self.line.woken.notify_one();
        self.ballots.stop();
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "it panicked");
        }
    }
}

fn membership(members: &[(i64, u16, bool)]) -> Membership {
    let members = members.iter().map(|(id, port, observer)| {
        let address = PeerAddress {
            host: "127.0.0.1".to_owned(),
            quorum_port: 1,
            election_port: *port,
        };
        let role = match observer {
            true => Role::Observer,
            false => Role::Participant,
        };
        let member = Member {
            addresses: vec![address],
            role,
            client: None,
        };
        (ServerId(*id), member)
    });
    Membership {
        members: members.collect(),
        groups: None,
        version: 0,
    }
}

/// The line's turns.
struct Turns {
    elector: Elector,
    line: Arc<Line>,
    ballots: Ballots,
    decided: Sender<Decision>,
    serves_in: Option<i64>,
    began: Instant,
}

impl Turns {
    fn now(&self) -> Millis {
        Millis(i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    fn run(mut self, standing: Standing) {
        let mut out = Vec::new();
        self.elector.look(self.now(), standing, &mut out);
        self.carry_out(&mut out);
        while let Some(letter) = self.next_letter() {
            let now = self.now();
            let decision = match letter.map(BallotLetter::open) {
                None => self.elector.tick(now, &mut out),
                Some((from, ballot)) => {
                    let heard = self.elector.ballot(now, from, &ballot, &mut out);
                    heard.and_then(|heard| match heard {
                        Heard::Decided(decision) => Some(decision),
                        Heard::NewerMembership(_) => None,
                    })
                }
            };
            self.carry_out(&mut out);
            if let Some(decision) = decision {
                if let Some(epoch) = self.serves_in {
                    self.elector.update_epoch(epoch);
                }
                // The test may have seen enough.
                let _ = self.decided.send(decision);
            }
        }
    }

    fn carry_out(&self, out: &mut Vec<Effect>) {
        for effect in out.drain(..) {
            if let Effect::SendBallot { to, ballot } = effect {
                self.ballots.send(to, &ballot);
            }
        }
        self.ballots.ring();
    }

    /// A letter, or none when it is time for a tick; nothing at all at the end.
    fn next_letter(&self) -> Option<Option<BallotLetter>> {
        let mut mail = self
            .line
            .mail
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        loop {
            if mail.stop {
                return None;
            }
            if let Some(letter) = mail.letters.pop_front() {
                return Some(Some(letter));
            }
            let left = self.elector.next_tick().map(|at| at.0 - self.now().0);
            let left = left.map_or(3_600_000, |ms| u64::try_from(ms).unwrap_or(0));
            if left == 0 {
                return Some(None);
            }
            let left = Duration::from_millis(left);
            let woken = self.line.woken.wait_timeout(mail, left);
            mail = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
