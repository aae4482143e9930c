//! From a seed to a script: legal and illegal requests mixed, on few names so that they meet.
//!
//! What would stop Apache's server, or is answered otherwise on purpose (`docs/differences.md`), is not asked: createSession,
//! lifetimes that are negative without the flag, text that is no quota, and deleteContainer for anything but `/qq` and `/tt`,
//! which nothing but createContainer and createTTL ever makes.

use crate::differential::dice::Dice;
use crate::differential::script::Ask;
use crate::differential::script::Hello;
use crate::differential::script::House;
use crate::differential::script::Op;
use crate::differential::script::Password;
use crate::differential::script::SLOTS;
use crate::differential::script::SUPER;
use crate::differential::script::Script;
use crate::differential::script::Step;
use crate::wire::Null;
use crate::wire::op;

/// Session timeouts that outlast any script.
const LONG_TIMEOUTS: [i32; 4] = [60_000, 300_000, 10_000_000, i32::MAX];
/// Session timeouts that do not.
const SHORT_TIMEOUTS: [i32; 5] = [0, -5, 1, i32::MIN, 601];

/// Proofs of identity: right, strange and wrong ones.
const PROOFS: [(&str, &str); 9] = [
    ("digest", "ann:one"),
    ("digest", "ann:one"),
    ("digest", "bob:two"),
    ("digest", "ann:wrong"),
    ("digest", SUPER),
    ("digest", "nobody"),
    ("ip", "10.0.0.1"),
    ("world", "anyone"),
    ("nobody", "x"),
];

/// Codes that no request has.
const UNKNOWN: [i32; 7] = [0, 10, 13, -1, 23, 99, 108];

/// The script of a seed, this many steps long.
#[must_use]
pub fn script(seed: u64, length: usize) -> Script {
    let place = usize::try_from(seed % 4).expect("below four");
    let mut generator = Generator {
        dice: Dice::new(seed),
        house: House::ALL[place],
        slots: [Slot::default(); SLOTS],
        alive: Vec::new(),
    };
    let steps = (0..length).map(|_| generator.step()).collect();
    Script {
        house: House::ALL[place],
        steps,
    }
}

/// What is believed of a slot; only to keep most requests off closed connections.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// A connection is open, unless a server has hung up for a reason that only it knows.
    open: bool,
    /// The session it had last.
    session: Option<usize>,
}

pub(super) struct Generator {
    pub(super) dice: Dice,
    pub(super) house: House,
    slots: [Slot; SLOTS],
    /// Whether the sessions, in order of their coming, have not ended.
    alive: Vec<bool>,
}

impl Generator {
    fn step(&mut self) -> Step {
        let slot = self.dice.below(SLOTS);
        if !self.slots[slot].open && !self.dice.one_in(60) {
            return self.open(slot);
        }
        match self.dice.below(1000) {
            0..12 => self.open(slot),
            12..20 => {
                self.slots[slot].open = false;
                Step::Drop { slot }
            }
            20..24 => self.raw(slot),
            24..28 => {
                let hello = Hello {
                    timeout: self.dice.pick(&SHORT_TIMEOUTS),
                    ..self.hello()
                };
                Step::Visit { hello }
            }
            28 if self.dice.one_in(2) => self.expire(slot),
            28..34 => {
                self.slots[slot].open = false;
                let kind = self.dice.pick(&UNKNOWN);
                self.request(slot, Ask::Bare { kind }.into())
            }
            34..42 => {
                self.slots[slot].open = false;
                self.ended(slot);
                let kind = op::CLOSE_SESSION;
                self.request(slot, Ask::Bare { kind }.into())
            }
            42..60 => self.auth(slot),
            60..90 => {
                let count = 2 + self.dice.below(4);
                let mut ops: Vec<Op> = (0..count).map(|_| self.op()).map(hurried).collect();
                if self.house == House::Extended {
                    one_write(&mut ops);
                }
                Step::Burst { slot, ops }
            }
            _ => {
                let op = self.op();
                self.request(slot, op)
            }
        }
    }

    #[expect(clippy::unused_self, reason = "reads as a sentence where it is called")]
    fn request(&self, slot: usize, op: Op) -> Step {
        Step::Request { slot, op }
    }

    fn hello(&mut self) -> Hello {
        let mut hello = Hello::new(self.dice.pick(&LONG_TIMEOUTS));
        match self.dice.below(20) {
            0 => hello.ahead = Some(1),
            1 | 2 => hello.ahead = Some(0),
            3 => hello.ahead = Some(-3),
            4 => hello.read_only = None,
            5 => hello.read_only = Some(1),
            6 => hello.protocol = self.dice.pick(&[1, 77, -1]),
            _ => {}
        }
        hello
    }

    /// The session of a slot is over.
    fn ended(&mut self, slot: usize) {
        if let Some(session) = self.slots[slot].session {
            self.alive[session] = false;
        }
    }

    fn begun(&mut self) -> Option<usize> {
        self.alive.push(true);
        Some(self.alive.len() - 1)
    }

    /// A new connection: for a new session, for the slot's own again, or for another slot's.
    fn open(&mut self, slot: usize) -> Step {
        let hello = self.hello();
        let of = if self.dice.one_in(3) {
            self.dice.below(SLOTS)
        } else {
            slot
        };
        let granted = hello.ahead != Some(1);
        let session = self.slots[of].session;
        let alive = session.is_some_and(|session| self.alive[session]);
        let again = session.is_some() && (alive || self.dice.one_in(8));
        if !again || self.dice.one_in(3) {
            let session = if granted {
                self.begun()
            } else {
                self.slots[slot].session
            };
            self.slots[slot] = Slot {
                open: granted,
                session,
            };
            return Step::Connect { slot, hello };
        }
        let password = match self.dice.below(16) {
            0 => Password::Null,
            1 => Password::Wrong,
            2 => Password::Short,
            _ => Password::Right,
        };
        let open = granted && alive && password == Password::Right;
        if granted {
            for other in &mut self.slots {
                other.open &= other.session != session;
            }
        }
        self.slots[slot].open = open;
        if open {
            self.slots[slot].session = session;
        }
        Step::Reattach {
            slot,
            of,
            password,
            hello,
        }
    }

    fn expire(&mut self, slot: usize) -> Step {
        self.slots[slot] = Slot {
            open: false,
            session: self.begun(),
        };
        self.ended(slot);
        let count = self.dice.below(4);
        let paths = (0..count).map(|_| self.path()).collect();
        Step::Expire { slot, paths }
    }

    /// Frames that no server answers.
    fn raw(&mut self, slot: usize) -> Step {
        self.slots[slot].open = false;
        let frames: [&[u8]; 6] = [
            &[0xff, 0xff, 0xff, 0xff],
            &[0x80, 0, 0, 0],
            &[0x7f, 0xff, 0xff, 0xff],
            &[0, 0, 0, 0],
            &[0, 0, 0, 4, 0, 0, 0, 1],
            b"ruok",
        ];
        let bytes = self.dice.pick(&frames).to_vec();
        Step::Raw { slot, bytes }
    }

    fn auth(&mut self, slot: usize) -> Step {
        let (scheme, proof) = self.dice.pick(&PROOFS);
        let ask = match self.dice.below(20) {
            0 => Ask::Auth {
                scheme: Null.into(),
                proof: proof.into(),
            },
            1 => Ask::Auth {
                scheme: scheme.into(),
                proof: Null.into(),
            },
            2 => Ask::Sasl {
                token: proof.into(),
            },
            3 => Ask::Sasl { token: Null.into() },
            _ => Ask::Auth {
                scheme: scheme.into(),
                proof: proof.into(),
            },
        };
        let good = matches!(&ask, Ask::Auth { scheme, .. } if scheme != &Null.into());
        if !good || !["digest", "ip"].contains(&scheme) {
            self.slots[slot].open = false;
        }
        self.request(slot, ask.into())
    }
}

/// The same operation, or one like it, fit to be sent without waiting for the one before it. With Apache's server it is a matter
/// of luck when a write has been applied; until then a container whose flags say ephemeral takes no children, and an access
/// control list that was replaced is still looked at.
fn hurried(mut op: Op) -> Op {
    fn calm(ask: &mut Ask) {
        match ask {
            Ask::Create { kind, flags, .. } if *kind == op::CREATE_CONTAINER => *flags &= !1,
            Ask::Multi { asks, .. } => asks.iter_mut().for_each(calm),
            _ => {}
        }
    }
    calm(&mut op.ask);
    if let Ask::SetAcl { path, .. } = op.ask {
        op.ask = Ask::Path {
            kind: op::GET_ACL,
            path,
        };
    }
    op
}

/// Leaves the first write and no other: quotas are compared with what has been applied, and that is a matter of luck as well.
fn one_write(ops: &mut [Op]) {
    let writes = ops.iter_mut().filter(|op| op.ask.is_write());
    for op in writes.skip(1) {
        *op = Op::from(Ask::Bare { kind: op::WHO_AM_I });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_says_it_all() {
        assert_eq!(script(3, 200), script(3, 200));
        assert_ne!(script(3, 200), script(7, 200));
    }

    #[test]
    fn text_and_scripts_go_both_ways() {
        for seed in 0..8 {
            let script = script(seed, 3000);
            let again: Script = script.to_string().parse().unwrap();
            assert_eq!(again, script, "seed {seed}");
        }
    }

    #[test]
    fn every_operation_and_every_step_comes() {
        let mut kinds = BTreeSet::new();
        let mut steps = BTreeSet::new();
        for step in script(1, 20_000).steps {
            kinds.extend(step.kind());
            let text = step.to_string();
            let verb = text.split(' ').nth(usize::from(!text.starts_with("visit")));
            steps.insert(verb.unwrap().to_owned());
        }
        let known = (1..=22).filter(|kind| *kind != 10);
        let known = known.chain(100..=107).chain([op::CLOSE_SESSION, -1, 0]);
        let missing: Vec<i32> = known.filter(|kind| !kinds.contains(kind)).collect();
        assert_eq!(missing, [], "operations");
        for verb in [
            "connect", "reattach", "expire", "drop", "burst", "raw", "visit",
        ] {
            assert!(steps.contains(verb), "{verb}");
        }
    }
}
