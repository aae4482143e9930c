//! Many electors at once, on a network that mixes up, loses and delays ballots: elections end, with one leader,
//! and never without a quorum behind it. Roles are what the simulated ensemble makes of the decisions: a role
//! whose counterpart does not show up in time ends, and its server looks again.

use super::*;
use std::collections::BTreeSet;

/// How long a role waits for its leader, or for enough followers, ms.
const ROLE_WAIT_MS: i64 = 1500;

/// A small generator of numbers that look like chance.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: i64) -> i64 {
        // Marsaglia's xorshift: any odd start value will do.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        i64::try_from(self.0 >> 33).expect("31 bits") % bound
    }
}

struct Server {
    desk: Elector,
    standing: Standing,
    starts: i64,
    /// When its role is looked at.
    review: Option<i64>,
    /// The last ballot of every other server, and who has ever said LEADING to it since it looks.
    heard: BTreeMap<ServerId, Vec<Ballot>>,
}

/// A ballot under way. A later one between the same two servers replaces it, as in a queue of one.
struct Flight {
    arrives: i64,
    ballot: Ballot,
}

struct Crowd {
    now: i64,
    dice: Dice,
    voters: BTreeSet<ServerId>,
    servers: BTreeMap<ServerId, Server>,
    flights: BTreeMap<(ServerId, ServerId), Flight>,
    /// Up to when ballots get lost and are late.
    chaos_until: i64,
    delay_ms: i64,
    decisions: usize,
}

impl Crowd {
    /// Servers 1 to `voters` vote, `observers` more observe. All start within `starts_within` ms.
    fn new(seed: u64, voters: i64, observers: i64, starts_within: i64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let voting: Vec<i64> = (1..=voters).collect();
        let observing: Vec<i64> = (voters + 1..=voters + observers).collect();
        let roll = roll(&voting, &observing);
        let ids = voting.iter().chain(&observing).copied();
        let servers = ids.map(|id| {
            let server = Server {
                desk: Elector::new(ServerId(id), Waits::default(), roll.clone(), true),
                standing: Standing {
                    last_zxid: Zxid(dice.below(4)),
                    current_epoch: dice.below(2),
                    observer: id > voters,
                },
                starts: 1 + dice.below(starts_within),
                review: None,
                heard: BTreeMap::new(),
            };
            (ServerId(id), server)
        });
        Crowd {
            now: 0,
            servers: servers.collect(),
            dice,
            voters: voting.into_iter().map(ServerId).collect(),
            flights: BTreeMap::new(),
            chaos_until: 0,
            delay_ms: 20,
            decisions: 0,
        }
    }

    fn post(&mut self, from: ServerId, out: Vec<Effect>) {
        for effect in out {
            let Effect::SendBallot { to, ballot } = effect else {
                panic!("{effect:?}");
            };
            assert_ne!(from, to);
            if self.now < self.chaos_until && self.dice.below(3) == 0 {
                continue;
            }
            // Who has not started yet is connected to when it has.
            let there = self.servers[&to].starts;
            let arrives = there.max(self.now + self.dice.below(self.delay_ms));
            self.flights.insert((from, to), Flight { arrives, ballot });
        }
    }

    fn look(&mut self, id: ServerId) {
        let mut out = Vec::new();
        let server = self.servers.get_mut(&id).expect("a server of the crowd");
        server.heard.clear();
        server.review = None;
        server
            .desk
            .look(Millis(self.now), server.standing, &mut out);
        self.post(id, out);
    }

    fn deliver(&mut self, from: ServerId, to: ServerId) {
        let Flight { ballot, .. } = self.flights.remove(&(from, to)).expect("it is due");
        let mut out = Vec::new();
        let server = self.servers.get_mut(&to).expect("a server of the crowd");
        server.heard.entry(from).or_default().push(ballot.clone());
        let heard = server
            .desk
            .ballot(Millis(self.now), from, &ballot, &mut out);
        let decision = heard.map(|heard| match heard {
            Heard::Decided(decision) => decision,
            other => panic!("{other:?}"),
        });
        self.post(to, out);
        self.judge(to, decision);
    }

    /// E-13: what ended an election is a quorum of equal votes, or of followers with their leader.
    fn judge(&mut self, id: ServerId, decision: Option<Decision>) {
        let Some(Decision {
            state,
            vote,
            backers,
        }) = decision
        else {
            return;
        };
        self.decisions += 1;
        let server = self.servers.get_mut(&id).expect("a server of the crowd");
        server.review = Some(self.now + ROLE_WAIT_MS);
        assert!(backers.is_subset(&self.voters));
        assert!(backers.len() > self.voters.len() / 2, "{backers:?}");
        assert_eq!(state == PeerState::Leading, vote.leader == id);
        assert!(state != PeerState::Observing || server.standing.observer);
        let said = |from: &ServerId, what: &dyn Fn(&Ballot) -> bool| {
            server.heard.get(from).into_iter().flatten().any(what)
        };
        let same = |ballot: &Ballot| {
            let of = (ballot.leader, ballot.zxid, ballot.round, ballot.epoch);
            of == (vote.leader, vote.zxid, vote.round, vote.epoch)
        };
        let others = || backers.iter().filter(|from| **from != id);
        let agreed = others().all(|from| said(from, &same));
        let in_role = |ballot: &Ballot| ballot.state != LOOKING && ballot.leader == vote.leader;
        let leads = |ballot: &Ballot| in_role(ballot) && ballot.state == PeerState::Leading;
        let joined = others().all(|from| said(from, &in_role))
            && (vote.leader == id || said(&vote.leader, &leads));
        assert!(agreed || joined, "{id:?} took {vote:?} from {backers:?}");
    }

    /// A role lasts when its leader leads and a quorum of voters follows it.
    fn lasts(&self, id: ServerId) -> bool {
        let of = |id: &ServerId| {
            let server = self.servers.get(id).expect("a server of the crowd");
            (
                server.desk.state(),
                server.desk.vote().map(|vote| vote.leader),
            )
        };
        let (state, leader) = of(&id);
        let Some(leader) = leader else {
            return false;
        };
        let behind = self.voters.iter().filter(|voter| {
            let (state, whom) = of(voter);
            state != LOOKING && whom == Some(leader)
        });
        let leads = of(&leader) == (PeerState::Leading, Some(leader));
        state != LOOKING && leads && behind.count() > self.voters.len() / 2
    }

    fn step(&mut self) {
        self.now += 1;
        let ids: Vec<ServerId> = self.servers.keys().copied().collect();
        for id in &ids {
            let server = &self.servers[id];
            let fails = server.review.is_some_and(|at| at <= self.now) && !self.lasts(*id);
            if server.starts == self.now || fails {
                self.look(*id);
            }
        }
        let due = self.flights.iter().filter(|(_, f)| f.arrives <= self.now);
        let mut due: Vec<_> = due.map(|(link, _)| *link).collect();
        while !due.is_empty() {
            let bound = i64::try_from(due.len()).expect("few");
            let at = usize::try_from(self.dice.below(bound)).expect("in range");
            let (from, to) = due.swap_remove(at);
            self.deliver(from, to);
        }
        for id in ids {
            let mut out = Vec::new();
            let server = self.servers.get_mut(&id).expect("a server of the crowd");
            let decision = server.desk.tick(Millis(self.now), &mut out);
            self.post(id, out);
            self.judge(id, decision);
        }
    }

    /// Goes on until every role lasts.
    fn run(&mut self, within_ms: i64) -> ServerId {
        while !self.servers.keys().all(|id| self.lasts(*id)) {
            assert!(self.now < within_ms, "no end after {} ms", self.now);
            self.step();
        }
        let leaders: BTreeSet<ServerId> = self
            .servers
            .values()
            .filter_map(|server| server.desk.vote().map(|vote| vote.leader))
            .collect();
        assert_eq!(leaders.len(), 1, "one ensemble, one leader");
        *leaders.first().expect("one")
    }

    /// Who has the most to offer.
    fn best(&self) -> ServerId {
        let rank = |id: &&ServerId| {
            let standing = self.servers[*id].standing;
            (standing.current_epoch, standing.last_zxid, **id)
        };
        *self
            .voters
            .iter()
            .max_by_key(rank)
            .expect("there are voters")
    }
}

#[test]
fn the_best_server_wins_at_once_when_all_hear_each_other() {
    for seed in 0..150 {
        let voters = [1, 3, 5, 7][usize::try_from(seed % 4).expect("small")];
        let mut crowd = Crowd::new(seed, voters, 0, 50);
        let leader = crowd.run(500);
        assert_eq!(leader, crowd.best(), "seed {seed}");
        let decisions = crowd.decisions;
        assert_eq!(decisions, crowd.servers.len(), "seed {seed}: one each");
    }
}

#[test]
fn elections_end_once_ballots_arrive() {
    for seed in 0..60 {
        let voters = [2, 3, 4, 5][usize::try_from(seed % 4).expect("small")];
        let observers = i64::try_from(seed % 3).expect("small");
        let mut crowd = Crowd::new(seed, voters, observers, 800);
        crowd.chaos_until = 5000;
        crowd.delay_ms = 600;
        while crowd.now < crowd.chaos_until {
            crowd.step();
        }
        crowd.delay_ms = 20;
        crowd.run(5000 + 150_000);
    }
}

#[test]
fn a_late_server_joins_the_leader_that_there_is() {
    for seed in 0..40 {
        let mut crowd = Crowd::new(seed, 3, 1, 1);
        let late = ServerId(1 + i64::try_from(seed % 4).expect("small"));
        crowd.servers.get_mut(&late).expect("of the crowd").starts = 3000;
        while crowd.now < 2999 {
            crowd.step();
        }
        let others = crowd.servers.iter().find(|(id, _)| **id != late);
        let before = others.expect("three more").1.desk.vote().expect("elected");
        // However good it is.
        let server = crowd.servers.get_mut(&late).expect("of the crowd");
        server.standing.current_epoch = 9;
        assert_eq!(crowd.run(6000), before.leader, "seed {seed}");
    }
}
