//! The whole of a run: members, network, clients, laws, and the queue of what happens next. One thread, one seed,
//! no clock.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use oxkeeper::consensus::{Effect, Input, Peer, Saved, Settings};
use oxkeeper::proto::ballot::Ballot;
use oxkeeper::types::{ServerId, Zxid};

use crate::agenda::Agenda;
use crate::client::Client;
use crate::disk::Disk;
use crate::ensemble;
use crate::fault::Order;
use crate::history::{Entry, History};
use crate::laws::{Broken, Laws};
use crate::member::{Clock, Door, Member, Service};
use crate::mutant::Mutant;
use crate::plan::{MS, Plan, SECOND, Time};
use crate::rng::Rng;
use crate::say;
use crate::scene::{Event, Scene};
use crate::sights::Sights;
use crate::wires::Wires;

/// What will happen.
#[derive(Debug)]
pub enum Next {
    /// A machine wants to be woken.
    Wake { member: usize, life: u32 },
    /// A ballot arrives, sent over this generation of the connection to this life of the receiver.
    Ballot {
        from: usize,
        to: usize,
        generation: u32,
        ballot: Ballot,
    },
    /// The first item of a pipe arrives.
    Packet { conn: u64, down: bool },
    /// A dial is tried, or tried again.
    Dial {
        member: usize,
        dial: u64,
        leader: usize,
        door: Door,
        until: Time,
        tries: u32,
    },
    /// The log thread has finished its order.
    Ordered { member: usize, life: u32 },
    /// The next piece of a snapshot leaves for a learner.
    Slice { member: usize, life: u32, conn: u64 },
    /// A snapshot is written.
    SnapshotTaken {
        member: usize,
        life: u32,
        number: u64,
    },
    /// A machine gets an input that comes from inside its own process.
    Feed {
        member: usize,
        life: u32,
        input: Input,
    },
    /// A client acts.
    Client(usize),
    /// The fault of this number begins.
    Fault(usize),
    /// What blocks the network ends.
    Unblock(Vec<(usize, usize)>),
    /// A member starts, unless it has in the meantime.
    Start { member: usize, life: u32 },
}

/// Sources of chance, one for each purpose.
#[derive(Debug)]
pub struct Chance {
    pub network: Rng,
    pub disk: Rng,
    pub clients: Rng,
    pub faults: Rng,
}

/// A run.
#[derive(Debug)]
pub struct World {
    pub plan: Plan,
    pub mutant: Option<Mutant>,
    pub scene: Scene,
    pub members: Vec<Member>,
    pub wires: Wires,
    pub clients: Vec<Client>,
    pub chance: Chance,
    pub laws: Laws,
    pub sights: Sights,
    /// The first law that was broken, or a server that gave up.
    pub broken: Option<Broken>,
    /// Who is next to have its disk do this ends, for so long.
    pub trap: Option<(Order, Time)>,
    /// Who is next to see a membership ends so many effects later, for so long.
    pub change_trap: Option<(usize, Time)>,
    /// Whether the time of faults is over.
    pub healed: bool,
    /// Written down only when somebody will read it.
    pub trace: Option<String>,
    pub steps: u64,
    pub counter: u64,
    agenda: Agenda,
    /// What a step asks for; kept to save its allocation.
    effects: Vec<Effect>,
}

/// Nothing that ends well takes so many steps.
const STEPS_MAX: u64 = 3_000_000;

impl World {
    pub fn new(plan: &Plan, mutant: Option<Mutant>, traced: bool) -> World {
        let count = plan.shape.members();
        let mut clocks = Rng::new(plan.seed, 2);
        let mut clock = || Clock {
            origin_ms: clocks.between(0, 1_000_000),
            rate: 1000 + clocks.between(-plan.weather.skew, plan.weather.skew),
        };
        let mut world = World {
            mutant,
            scene: scene(plan, mutant),
            members: (0..count).map(|_| Member::new(clock())).collect(),
            wires: Wires::new(count),
            clients: (0..plan.clients).map(|_| Client::default()).collect(),
            chance: Chance {
                network: Rng::new(plan.seed, 3),
                disk: Rng::new(plan.seed, 4),
                clients: Rng::new(plan.seed, 5),
                faults: Rng::new(plan.seed, 6),
            },
            laws: Laws::new(),
            sights: Sights::default(),
            broken: None,
            trap: None,
            change_trap: None,
            healed: false,
            trace: traced.then(String::new),
            steps: 0,
            counter: 0,
            agenda: Agenda::default(),
            effects: Vec::new(),
            plan: plan.clone(),
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        for member in 0..self.members.len() {
            let life = self.members[member].life;
            self.after(0, Next::Start { member, life });
        }
        for client in 0..self.clients.len() {
            let at = self.chance.clients.between(0, self.plan.think);
            self.after(at, Next::Client(client));
        }
        for fault in 0..self.plan.faults.len() {
            self.after(self.plan.faults[fault].at, Next::Fault(fault));
        }
    }

    /// A number that was never given before.
    pub fn fresh(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// Something will happen in so many microseconds.
    pub fn after(&mut self, wait: Time, what: Next) {
        self.agenda.put(self.scene.now + wait, what);
    }

    /// Runs until this holds. False when it did not come true by `until`, or a law was broken.
    pub fn run_until(&mut self, until: Time, done: impl Fn(&World) -> bool) -> bool {
        while self.broken.is_none() {
            if done(self) {
                return true;
            }
            let Some((at, what)) = self.agenda.take(until) else {
                self.scene.now = until;
                return false;
            };
            self.scene.now = at;
            self.steps += 1;
            if self.steps > STEPS_MAX {
                self.break_law("it ends", format!("still busy after {STEPS_MAX} steps"));
            }
            self.happen(what);
        }
        false
    }

    fn happen(&mut self, what: Next) {
        match what {
            Next::Wake { member, life } => self.wake(member, life),
            Next::Ballot {
                from,
                to,
                generation,
                ballot,
            } => self.ballot_arrives(from, to, generation, ballot),
            Next::Packet { conn, down } => self.packet_arrives(conn, down),
            Next::Dial {
                member,
                dial,
                leader,
                door,
                until,
                tries,
            } => self.dial(member, dial, (leader, door), until, tries),
            Next::Ordered { member, life } => {
                if self.lives(member, life, || Next::Ordered { member, life }) {
                    self.order_done(member);
                }
            }
            Next::Slice { member, life, conn } => {
                if self.lives(member, life, || Next::Slice { member, life, conn }) {
                    self.stream_slice(member, conn);
                }
            }
            Next::SnapshotTaken {
                member,
                life,
                number,
            } => {
                if self.lives(member, life, || Next::SnapshotTaken {
                    member,
                    life,
                    number,
                }) {
                    self.snapshot_taken(member, number);
                }
            }
            Next::Feed {
                member,
                life,
                input,
            } => {
                if self.lives(member, life, || Next::Feed {
                    member,
                    life,
                    input: input.clone(),
                }) {
                    self.feed(member, input);
                }
            }
            Next::Client(client) => self.client_acts(client),
            Next::Fault(fault) => self.strike(fault),
            Next::Unblock(ways) => self.unblock(&ways),
            Next::Start { member, life } => self.start(member, life),
        }
    }

    /// A machine gets an input from inside its process after a while.
    pub fn feed_after(&mut self, wait: Time, member: usize, input: Input) {
        let life = self.members[member].life;
        self.after(
            wait,
            Next::Feed {
                member,
                life,
                input,
            },
        );
    }

    /// Whether this life of the member still lasts and takes part; what comes to a member that stands still comes
    /// again when it moves.
    pub fn lives(&mut self, member: usize, life: u32, again: impl FnOnce() -> Next) -> bool {
        let it = &self.members[member];
        if it.life != life || !it.is_up() {
            return false;
        }
        let wait = it.paused_until - self.scene.now;
        if wait > 0 {
            self.after(wait, again());
        }
        wait <= 0
    }

    fn wake(&mut self, member: usize, life: u32) {
        let now = self.scene.now;
        if !self.lives(member, life, || Next::Wake { member, life })
            || self.members[member].wake_at > now
        {
            return;
        }
        self.members[member].wake_at = Time::MAX;
        self.feed(member, Input::Tick);
    }

    /// A process starts on what its disk holds.
    pub fn start(&mut self, member: usize, life: u32) {
        if self.members[member].life != life || self.members[member].is_up() {
            return;
        }
        if !self.admit(member) {
            return self.log(member, || "   is no member, and does not start".to_owned());
        }
        let trusting = self.plan.timing.autocreate || self.is_mutant(Mutant::TrustEmptiness);
        let state = self.scene.disks[member].begin(trusting);
        let disk = &self.scene.disks[member];
        let saved = Saved {
            accepted_epoch: disk.accepted_epoch,
            current_epoch: disk.current_epoch,
            last_zxid: state.last,
            recent: recent(disk, &state, self.plan.timing.backlog),
        };
        self.log(member, || format!("starts at {}", say::saved(&saved)));
        self.scene.states[member] = state;
        self.scene.services[member] = Service::Nothing;
        let now = self.members[member].clock.read(self.scene.now);
        self.members[member].peer = Some(Peer::new(self.settings(member), saved, now));
        self.see(member, &Event::Started);
        self.forget_pairs(member);
        self.feed(member, Input::Tick);
    }

    fn settings(&self, member: usize) -> Settings {
        let timing = &self.plan.timing;
        let disk = &self.scene.disks[member];
        let committed = Arc::new(ensemble::membership(disk.committed));
        let mut settings = Settings::new(ensemble::id(member), committed);
        if let Some(next) = disk.next {
            settings.last_seen = Arc::new(ensemble::membership(next));
        }
        settings.member_rules = ensemble::RULES;
        settings.reconfig = timing.reconfig;
        if !self.is_mutant(Mutant::RollOverIgnored) {
            settings.counter_max = timing.counter_max;
        }
        settings.tick_ms = timing.tick_ms;
        settings.init_limit = timing.init_limit;
        settings.sync_limit = timing.sync_limit;
        settings.backlog = timing.backlog;
        settings.log_sync = timing.log_sync;
        settings.force_snapshot = timing.force_snapshot;
        settings.observer_masters = timing.observer_masters;
        settings.observer_log = timing.observer_log;
        settings.snapshot_syncs_max = timing.snapshots_at_once;
        settings.resend_max_ms = RESEND_MAX / MS;
        let life = u64::from(self.members[member].life);
        settings.seed = Rng::new(self.plan.seed, 100 + life).next() ^ settings.id.0.cast_unsigned();
        settings
    }

    /// Hands an input to a member's machine and carries out what it asks for, and so on until nothing is left.
    pub fn feed(&mut self, member: usize, input: Input) {
        let it = &mut self.members[member];
        if !it.is_up() {
            return;
        }
        it.inbox.push_back(input);
        self.drain(member);
    }

    /// What is fed meanwhile is looked at only afterwards: requests that are numbered together.
    pub fn in_one_breath(&mut self, member: usize, act: impl FnOnce(&mut World)) {
        let life = self.members[member].life;
        let fed = std::mem::replace(&mut self.members[member].feeding, true);
        act(self);
        if self.members[member].life == life {
            self.members[member].feeding = fed;
            self.drain(member);
        }
    }

    fn drain(&mut self, member: usize) {
        if std::mem::replace(&mut self.members[member].feeding, true) {
            return;
        }
        while self.broken.is_none() {
            let Some(input) = self.members[member].inbox.pop_front() else {
                break;
            };
            self.step(member, input);
        }
        self.members[member].feeding = false;
        self.schedule_wake(member);
    }

    fn step(&mut self, member: usize, input: Input) {
        self.log(member, || format!("<- {}", say::input(&input)));
        if !self.is_forged(member, &input) {
            self.see(member, &Event::Input(&input));
        }
        let now = self.members[member].clock.read(self.scene.now);
        let mut effects = std::mem::take(&mut self.effects);
        if let Some(peer) = &mut self.members[member].peer {
            peer.step(now, input, &mut effects);
        }
        for effect in effects.drain(..) {
            if self.broken.is_some() || !self.members[member].is_up() {
                break;
            }
            let effect = self.falsify(member, effect);
            self.log(member, || format!("   {}", say::effect(&effect)));
            self.see(member, &Event::Effect(&effect));
            self.carry_out(member, effect);
            self.burn_effect_fuse(member);
        }
        self.effects = effects;
    }

    fn schedule_wake(&mut self, member: usize) {
        let it = &self.members[member];
        let Some(peer) = &it.peer else {
            return;
        };
        let at = it
            .clock
            .when(peer.next_tick())
            .max(self.scene.now + MS / 10);
        if at < it.wake_at {
            let life = it.life;
            self.members[member].wake_at = at;
            self.after(at - self.scene.now, Next::Wake { member, life });
        }
    }

    /// Shows an event to the laws.
    pub fn see(&mut self, member: usize, event: &Event<'_>) {
        self.sights.see(event);
        if self.broken.is_none() {
            self.broken = self.laws.see(&self.scene, member, event);
        }
    }

    pub fn break_law(&mut self, law: &'static str, why: String) {
        self.broken.get_or_insert(Broken { law, why });
    }

    /// A line of the trace, if there is one.
    pub fn log(&mut self, member: usize, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            let ms = self.scene.now / MS;
            let us = self.scene.now % MS;
            writeln!(trace, "{ms:>7}.{us:03} {}: {}", member + 1, line())
                .expect("a string takes all");
        }
    }

    pub fn is_mutant(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// Which member a server id names.
    pub fn member_of(&self, server: ServerId) -> usize {
        let member = ensemble::member(server);
        assert!(
            member < self.members.len(),
            "there is no server {}",
            server.0
        );
        member
    }
}

fn scene(plan: &Plan, mutant: Option<Mutant>) -> Scene {
    let believed = ensemble::believed(plan.shape.council(), mutant);
    Scene::new(&plan.shape, believed, plan.timing.counter_max)
}

/// No machine waits longer before it sends its ballots again.
pub const RESEND_MAX: Time = 4 * SECOND;

/// The last transactions of the log, with their bodies; none when the state goes further than the log.
fn recent(disk: &Disk, state: &History, count: usize) -> Vec<(Zxid, Bytes)> {
    let recent = disk.recent(count);
    let whole = recent.last().is_some_and(|last| last.zxid == state.last);
    let with_body = |entry: &Entry| (entry.zxid, entry.payload.body(entry.zxid));
    if whole {
        recent.iter().map(with_body).collect()
    } else {
        Vec::new()
    }
}
