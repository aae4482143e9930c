//! What a seed stands for: an ensemble, its weather, its clients, and a list of faults. Written out whole before the
//! run, so that a plan that fails can be made smaller by leaving things out.

use std::fmt;

use crate::council::{Council, Share, Shares};
use crate::fault::{Fault, Order, What, Who, Wish};
use crate::rng::Rng;

/// Virtual time, in microseconds since the beginning of the run.
pub type Time = i64;
pub const MS: Time = 1000;
pub const SECOND: Time = 1000 * MS;

/// One run.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    pub shape: Shape,
    pub timing: Timing,
    pub weather: Weather,
    pub clients: usize,
    /// How long a client thinks between requests, at most.
    pub think: Time,
    /// How many writes a client sends without waiting.
    pub depth: usize,
    /// In order of time.
    pub faults: Vec<Fault>,
    /// When all faults end and nothing but progress is left.
    pub heal_at: Time,
}

/// Who there is. Members are counted from 0 here; their server ids are one higher.
#[derive(Debug, Clone)]
pub struct Shape {
    pub voters: usize,
    pub observers: usize,
    /// Servers that belong to the ensemble when somebody takes them in.
    pub spares: usize,
    /// Weight and group of every voter; `None`: each counts the same.
    pub shares: Option<Shares>,
}

impl Shape {
    pub fn members(&self) -> usize {
        self.voters + self.observers + self.spares
    }

    /// The first membership.
    pub fn council(&self) -> Council {
        Council {
            shares: self.shares,
            ..Council::plain(self.voters, self.observers)
        }
    }
}

/// The settings that matter to the protocol. Limits are in ticks.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    pub tick_ms: i64,
    pub init_limit: i64,
    pub sync_limit: i64,
    /// How many committed transactions a leader keeps to serve a DIFF from.
    pub backlog: usize,
    /// Whether the log on disk may be used as well.
    pub log_sync: bool,
    /// Whether every learner gets a snapshot.
    pub force_snapshot: bool,
    /// Whether observers write a log.
    pub observer_log: bool,
    /// Whether followers serve observers.
    pub observer_masters: bool,
    /// How many learners may be sent snapshots at once before observers must wait.
    pub snapshots_at_once: usize,
    /// Whether the membership may change.
    pub reconfig: bool,
    /// Whether a server that has lost everything trusts in having had nothing.
    pub autocreate: bool,
    /// The last counter of an epoch.
    pub counter_max: i64,
}

/// What goes wrong all the time.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    /// Delay of a packet, lowest and highest.
    pub delay: (Time, Time),
    /// So many packets in a thousand take ten times as long.
    pub spikes: u32,
    /// So many ballots in a thousand find their connection broken.
    pub ballot_cuts: u32,
    /// How long a flush or a file takes, lowest and highest.
    pub disk: (Time, Time),
    /// How much faster or slower clocks run, in thousandths, at most.
    pub skew: i64,
}

impl Plan {
    /// The plan of a seed.
    pub fn of(seed: u64) -> Plan {
        let rng = &mut Rng::new(seed, 1);
        let timing = Timing {
            observer_masters: Rng::new(seed, 7).chance(500),
            ..timing(rng)
        };
        let shape = shape(rng, timing.reconfig);
        let heal_at = timing.tick_ms * MS * rng.between(20, 120);
        let mut faults = faults(rng, &shape, &timing, heal_at);
        if timing.reconfig {
            faults.extend(changes(rng, &shape, &timing, heal_at));
            faults.sort_by_key(|fault| fault.at);
        }
        Plan {
            seed,
            timing,
            weather: weather(rng, &timing),
            clients: rng.below(4) + 1,
            think: rng.pick(&[5, 50, 200]) * MS * timing.tick_ms / 200,
            depth: rng.below(4) + 1,
            faults,
            heal_at,
            shape,
        }
    }
}

fn shape(rng: &mut Rng, changes: bool) -> Shape {
    let voters = rng.pick(&[3, 3, 3, 3, 5, 5, 5, 7, 2, 4, 1]);
    let shares = rng.chance(150).then(|| shares(rng, voters));
    Shape {
        voters,
        observers: rng.pick(&[0, 0, 0, 1, 1, 2]),
        spares: if changes { rng.below(3) } else { 0 },
        shares,
    }
}

/// Random groups and weights; some voter weighs something.
pub fn shares(rng: &mut Rng, members: usize) -> Shares {
    let groups = if members >= 5 { rng.between(1, 3) } else { 1 };
    let mut shares = Shares::default();
    for member in 0..members {
        let share = Share {
            group: rng.between(1, groups),
            weight: rng.pick(&[1, 1, 1, 2, 3, 0]),
        };
        shares = shares.with(member, share);
    }
    if (0..members).all(|member| shares.of(member).weight == 0) {
        let (group, weight) = (1, 1);
        shares = shares.with(0, Share { group, weight });
    }
    shares
}

fn timing(rng: &mut Rng) -> Timing {
    let tick_ms = rng.pick(&[100, 200, 500, 2000]);
    let init_limit = rng.pick(&[5, 10]);
    Timing {
        tick_ms,
        // The waits of elections are no ticks: who hears of a leader with the second repetition of its ballot must find
        // it gathering still.
        init_limit: init_limit.max(GATHERING_MIN_MS / tick_ms),
        sync_limit: rng.pick(&[2, 5]),
        backlog: rng.pick(&[1, 5, 20, 500]),
        log_sync: rng.chance(600),
        force_snapshot: rng.chance(50),
        observer_log: rng.chance(800),
        observer_masters: false,
        snapshots_at_once: rng.pick(&[1, 10]),
        reconfig: rng.chance(600),
        autocreate: rng.chance(600),
        counter_max: match rng.chance(150) {
            true => rng.between(COUNTERS_MIN, 5 * COUNTERS_MIN),
            false => COUNTERS,
        },
    }
}

/// Two repetitions of a ballot, a last wait, a pause before the leader is called, and the way.
const GATHERING_MIN_MS: i64 = 1000;
/// The last counter that Apache's leaders give.
const COUNTERS: i64 = 0xffff_fffe;
/// Enough for the last writes of all members.
const COUNTERS_MIN: i64 = 40;

fn weather(rng: &mut Rng, timing: &Timing) -> Weather {
    let tick = timing.tick_ms * MS;
    let high = rng.pick(&[tick / 100, tick / 20, tick / 5]);
    let disk = rng.pick(&[tick / 100, tick / 20, tick / 4]);
    Weather {
        delay: (high / 20, high),
        spikes: rng.pick(&[0, 10, 50]),
        ballot_cuts: rng.pick(&[0, 20, 100]),
        disk: (disk / 20, disk),
        skew: rng.pick(&[0, 10, 100]),
    }
}

/// Faults come in bursts of a few kinds: what a seed suffers from is more telling when it is not everything at once.
fn faults(rng: &mut Rng, shape: &Shape, timing: &Timing, until: Time) -> Vec<Fault> {
    let tick = timing.tick_ms * MS;
    let kinds: Vec<usize> = (0..rng.below(4) + 1).map(|_| rng.below(KINDS)).collect();
    let pause = rng.pick(&[2, 4, 8, 16]) * tick;
    let mut faults = Vec::new();
    let mut at = rng.between(0, 8 * tick);
    while at < until {
        let length = rng.pick(&[tick / 2, 2 * tick, 6 * tick, 15 * tick]);
        let kind = rng.pick(&kinds);
        faults.push(Fault {
            at,
            length: rng.between(length / 2, length),
            what: what(rng, shape, kind),
        });
        // Now and then the next one comes at once.
        at += if rng.chance(200) {
            rng.between(0, tick / 4)
        } else {
            rng.between(0, pause)
        };
    }
    faults
}

/// Operators change the membership.
fn changes(rng: &mut Rng, shape: &Shape, timing: &Timing, until: Time) -> Vec<Fault> {
    let tick = timing.tick_ms * MS;
    let pause = rng.pick(&[4, 12, 40]) * tick;
    let mut faults = Vec::new();
    let mut at = rng.between(4 * tick, 10 * tick);
    while at < until {
        let length = rng.between(tick, 10 * tick);
        if rng.chance(200) {
            let after = rng.below(12) + 1;
            let what = What::CrashNearChange { after };
            faults.push(Fault { at, length, what });
        }
        let what = What::Change(wish(rng, shape));
        faults.push(Fault { at, length, what });
        at += rng.between(tick, pause);
    }
    faults
}

fn wish(rng: &mut Rng, shape: &Shape) -> Wish {
    let members = shape.members();
    match rng.below(8) {
        0 | 1 => Wish::Remove(who(rng, shape)),
        2 | 3 => Wish::Vote(rng.below(members)),
        4 => Wish::Observe(who(rng, shape)),
        5 => Wish::Move(who(rng, shape)),
        _ => {
            let sets = 1 << members;
            let voters = rng.below(sets);
            let others = rng.below(sets) & rng.below(sets) & !voters;
            Wish::Whole(Council {
                voters: u16::try_from(voters).expect("few members"),
                observers: u16::try_from(others).expect("few members"),
                moved: 0,
                shares: rng.chance(200).then(|| shares(rng, members)),
            })
        }
    }
}

const KINDS: usize = 14;

fn what(rng: &mut Rng, shape: &Shape, kind: usize) -> What {
    let who = who(rng, shape);
    let members = shape.members();
    let pair = (rng.below(members), rng.below(members));
    let power = rng.chance(500);
    match kind {
        0 => What::Crash { who, power },
        1 => What::CrashAtDisk {
            who,
            nth: rng.below(6) + 1,
        },
        2 => What::CrashAtEffect {
            who,
            nth: rng.below(30) + 1,
        },
        3 => What::CrashAll { power },
        4 => What::Pause { who },
        5 => What::Partition {
            side: u32::try_from(rng.below(1 << members)).expect("few members"),
        },
        6 => What::Isolate { who },
        7 => What::OneWay {
            from: pair.0,
            to: pair.1,
        },
        8 => What::Split {
            a: pair.0,
            b: pair.1,
        },
        9 => What::Cut {
            a: pair.0,
            b: pair.1,
        },
        10 => What::SlowDisk { who },
        11 => What::CrashDuring {
            order: rng.pick(&[
                Order::AcceptedEpoch,
                Order::CurrentEpoch,
                Order::Truncate,
                Order::Truncate,
                Order::Install,
            ]),
        },
        12 => What::Wipe { who },
        _ => What::Snapshot { who },
    }
}

fn who(rng: &mut Rng, shape: &Shape) -> Who {
    match rng.below(5) {
        0 | 1 => Who::Leader,
        2 => Who::Follower(rng.below(shape.members())),
        _ => Who::Member(rng.below(shape.members())),
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { shape, timing, .. } = self;
        writeln!(
            f,
            "seed {}: {} voters, {} observers, {} spares, {} clients, faults until {} ms",
            self.seed,
            shape.voters,
            shape.observers,
            shape.spares,
            self.clients,
            self.heal_at / MS
        )?;
        if shape.shares.is_some() {
            writeln!(f, "  {:?}", shape.council())?;
        }
        writeln!(f, "  {timing:?}")?;
        writeln!(
            f,
            "  {:?}, think {} us, depth {}",
            self.weather, self.think, self.depth
        )?;
        for fault in &self.faults {
            writeln!(f, "  {fault}")?;
        }
        Ok(())
    }
}
