//! Electors behind real election ports: what the rooms do together.

use super::*;
use crate::consensus::Effect;
use crate::consensus::election::{Decision, Elector, Heard, Roll, Standing, Waits};
use crate::types::Millis;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

/// One server: its port, its elector, and the turns between them.
struct Voter {
    decisions: UnboundedReceiver<Decision>,
    ballots: Ballots,
    tasks: [JoinHandle<()>; 2],
}

impl Voter {
    fn start(me: i64, zxid: i64, servers: &[(i64, SocketAddr)]) -> Voter {
        let members = Arc::new(membership(servers));
        let roll = Roll::of(&members, &members, Bytes::from_static(b"version=0"));
        let elector = Elector::new(ServerId(me), Waits::default(), roll, false);
        let bench = Bench::new(me, servers);
        let (decided, decisions) = unbounded_channel();
        let standing = Standing {
            last_zxid: Zxid(zxid),
            current_epoch: 0,
            observer: false,
        };
        let turns = turns(
            elector,
            standing,
            bench.ballots.clone(),
            bench.desk,
            decided,
        );
        Voter {
            decisions,
            ballots: bench.ballots,
            tasks: [spawn_local(turns), bench.serving],
        }
    }

    async fn decision(&mut self) -> (PeerState, i64) {
        let decision = soon("a decision", self.decisions.recv()).await;
        let decision = decision.expect("the server runs");
        (decision.state, decision.vote.leader.0)
    }

    async fn stop(self) {
        let [turns, serving] = self.tasks;
        turns.abort();
        self.ballots.stop();
        soon("the end", serving).await.expect("no panic");
    }
}

/// What a line does: every ballot and every tick to the elector, what it wants sent to the port.
async fn turns(
    mut elector: Elector,
    standing: Standing,
    ballots: Ballots,
    desk: Arc<Desk>,
    decided: UnboundedSender<Decision>,
) {
    let began = Instant::now();
    let now = || Millis(i64::try_from(began.elapsed().as_millis()).expect("a short test"));
    let mut out = Vec::new();
    elector.look(now(), standing, &mut out);
    loop {
        for effect in out.drain(..) {
            let Effect::SendBallot { to, ballot } = effect else {
                panic!("{effect:?}");
            };
            ballots.send(to, &ballot);
        }
        ballots.ring();
        let left = elector.next_tick().map_or(i64::MAX, |at| at.0 - now().0);
        let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        // Woken or not: there may be letters, and it may be time.
        let _ = timeout(left.min(PATIENCE), desk.woken.notified()).await;
        let mut decision = elector.tick(now(), &mut out);
        let letters = std::mem::take(&mut *desk.letters.lock());
        for (from, ballot) in letters.into_iter().map(BallotLetter::open) {
            if let Some(Heard::Decided(end)) = elector.ballot(now(), from, &ballot, &mut out) {
                decision = Some(end);
            }
        }
        if let Some(decision) = decision {
            elector.update_epoch(1);
            // The test may have seen enough.
            let _ = decided.send(decision);
        }
    }
}

#[test]
fn servers_elect_the_best_of_them_and_late_ones_join() {
    run(async {
        let ports = [reserve(), reserve(), reserve(), reserve(), reserve()];
        let servers: Vec<(i64, SocketAddr)> = (1..).zip(&ports).map(|(id, p)| (id, p.at)).collect();
        let zxids = [(2, 7), (3, 9), (4, 9)];
        let mut voters = zxids.map(|(id, zxid)| Voter::start(id, zxid, &servers));
        assert_eq!(voters[2].decision().await, (PeerState::Leading, 4));
        assert_eq!(voters[0].decision().await, (PeerState::Following, 4));
        assert_eq!(voters[1].decision().await, (PeerState::Following, 4));
        // Below and above the others' ids, and better than they are: it is too late for that.
        let mut late = [1, 5].map(|id| Voter::start(id, 99, &servers));
        for voter in &mut late {
            assert_eq!(voter.decision().await, (PeerState::Following, 4));
        }
        // A member that has forgotten everything finds them again, on its old port.
        let [two, three, four] = voters;
        two.stop().await;
        let mut two = Voter::start(2, 0, &servers);
        assert_eq!(two.decision().await, (PeerState::Following, 4));
        for voter in [two, three, four].into_iter().chain(late) {
            voter.stop().await;
        }
    });
}
