//! The last stage: applies what is durable or committed, serves the reads that waited between, collects
//! events and replies. A transaction that came this far cannot be refused.

use std::ops::Range;

use crate::ops;
use crate::ops::{Reading, Rules};
use crate::pipeline::Asker;
use crate::pipeline::announce::Announcer;
use crate::pipeline::answer;
use crate::pipeline::forward::{Forward, Pending, Read};
use crate::pipeline::outputs::{Effect, Outputs};
use crate::pipeline::prep::Prep;
use crate::pipeline::room::{Item, Leaving, Room};
use crate::pipeline::state::State;
use crate::proto::reply;
use crate::proto::reply::ReplyHeader;
use crate::proto::request;
use crate::proto::txn::{LoggedTxn, Txn};
use crate::types::limits;
use crate::types::{Acl, ConnId, ErrorCode, Id, Millis, OpCode, SessionId, Summary, Zxid};
use crate::watch::Watches;

/// Who may hear of what: asks connections for their present identities.
pub trait Audience {
    /// Whether this connection may read a node with this access list.
    fn may_read(&mut self, conn: ConnId, acl: &[Acl]) -> bool;
    /// Whether any connection may, whatever its identities.
    fn everyone_may_read(&self, acl: &[Acl]) -> bool;
    /// Whether this connection is still there. One that has gone must not leave watches behind.
    fn is_here(&mut self, conn: ConnId) -> bool;
}

/// Everything that finishing changes or asks.
pub struct Finish<'f> {
    /// The settings.
    pub rules: &'f Rules,
    /// The applied state.
    pub state: &'f mut State,
    /// Who waits for which event.
    pub watches: &'f mut Watches,
    /// Who may hear of it.
    pub audience: &'f mut dyn Audience,
    /// Told what has landed.
    pub prep: &'f mut Prep,
    /// What a learner waits for.
    pub forward: &'f mut Forward,
    /// The monotonic clock.
    pub now: Millis,
    /// What is to be done.
    pub out: &'f mut Outputs,
    /// Digests that did not match; a running count.
    pub digest_mismatches: &'f mut u64,
    /// The wall clock.
    pub wall: Millis,
    /// From the judgement of each transaction until now, ms; a running tally.
    pub propagation_ms: &'f mut Summary,
    /// Up to this transaction the tree may hold effects of later ones: it was sent by a leader that went on
    /// meanwhile. Digests say nothing until then.
    pub fuzzy_upto: Zxid,
    /// A role has ended, and what leaves now still belongs to it.
    pub retiring: &'f mut bool,
}

impl Finish<'_> {
    /// Finishes up to `count` items that are ready, fewer if their replies are long, and none behind the end
    /// of a role. Returns how many transactions were applied.
    pub fn run(&mut self, room: &mut Room, count: usize) -> usize {
        let mut applied = 0;
        let was_retiring = *self.retiring;
        for _ in 0..count {
            let is_full = self.out.bytes.len() >= limits::APPLY_BATCH_BYTES;
            if is_full || *self.retiring != was_retiring {
                break;
            }
            match room.leave(|leaving| self.one(leaving)) {
                Some(true) => applied += 1,
                Some(false) => {}
                None => break,
            }
        }
        applied
    }

    /// Whether it was a transaction.
    fn one(&mut self, leaving: Leaving<'_>) -> bool {
        match leaving.item {
            Item::Txn { zxid, body, asker } => {
                let body = &leaving.log[body];
                let logged = LoggedTxn::decode(body).expect("what prep encoded can be decoded");
                assert_eq!(
                    logged.header.zxid, zxid.0,
                    "an item points at its own transaction"
                );
                self.apply(&logged, asker);
                return true;
            }
            Item::Delivered { zxid, body } => {
                self.deliver(zxid, &body);
                return true;
            }
            Item::Read {
                asker,
                session,
                op,
                body,
                who,
            } => self.read(asker, session, op, &leaving.frames[body], &who),
            Item::Nothing { asker } => self.out.effects.push(Effect::Unanswered { asker }),
            Item::Refusal { asker, code } => self.reply_code(asker, code),
            Item::Synced => match self.forward.synced() {
                Some(session) => self.go_on(session),
                None => tracing::warn!("The leader has answered a sync that nobody waits for"),
            },
            Item::Resumed {
                conn,
                session,
                timeout_ms,
                valid,
            } => self.out.effects.push(if valid {
                Effect::SessionResumed {
                    conn,
                    session,
                    timeout_ms,
                }
            } else {
                Effect::SessionRefused { conn, session }
            }),
            Item::LocalOpened {
                conn,
                session,
                timeout_ms,
            } => self.out.effects.push(Effect::SessionOpened {
                conn,
                session,
                timeout_ms,
            }),
            Item::LocalClosed { asker, session } => self.close_local(asker, session),
            Item::Unopened { asker, code } => {
                let bytes = self.code_bytes(asker, code);
                let conn = asker.conn;
                self.out
                    .effects
                    .push(Effect::SessionUnopened { conn, bytes });
            }
            Item::Retired => self.retire(),
            Item::Lead { epoch } => self.lead(epoch),
            Item::Membership {
                text,
                version,
                time,
            } => self.show_membership(&text, version, time),
        }
        false
    }

    /// The leader's transaction, which may be the answer to a request of ours.
    fn deliver(&mut self, zxid: Zxid, body: &[u8]) {
        let logged = LoggedTxn::decode(body).expect("a proposal was decoded when it came");
        assert_eq!(logged.header.zxid, zxid.0, "a proposal has its own number");
        let session = SessionId(logged.header.client_id);
        let settled = self.forward.settle(session, logged.header.cxid);
        self.apply(&logged, settled.flatten());
        if matches!(logged.txn, Txn::CloseSession(_)) {
            // Its connection ends here; there is nobody to read what would follow.
            let end = self.out.bytes.len();
            for asker in self.forward.end(session) {
                self.out.reply_since(end, asker);
            }
        } else if settled.is_some() {
            self.go_on(session);
        }
    }

    /// Serves what need not wait any longer in a learner's queue.
    fn go_on(&mut self, session: SessionId) {
        while let Some(pending) = self.forward.next(session) {
            match pending {
                Pending::Sync { read, .. } | Pending::Read(read) => {
                    let Read {
                        asker,
                        op,
                        body,
                        who,
                    } = read;
                    self.read(asker, session, op, &body, &who);
                }
                Pending::Refusal { asker, code } => self.reply_code(asker, code),
                Pending::Close { asker } => self.close_local(Some(asker), session),
                Pending::Write { .. } | Pending::Upgrade => {
                    unreachable!("a write waits for its transaction")
                }
            }
        }
    }

    /// A reply that is no more than a code.
    fn reply_code(&mut self, asker: Asker, code: ErrorCode) {
        let bytes = self.code_bytes(asker, code);
        self.out.effects.push(Effect::Reply { asker, bytes });
    }

    fn code_bytes(&mut self, asker: Asker, code: ErrorCode) -> Range<usize> {
        let start = self.out.bytes.len();
        let zxid = self.state.last_zxid.0;
        let header = ReplyHeader {
            xid: asker.xid,
            zxid,
            err: code.code(),
        };
        reply::append_header(&header, &mut self.out.bytes);
        start..self.out.bytes.len()
    }

    /// The end of a local session is no transaction.
    fn close_local(&mut self, asker: Option<Asker>, session: SessionId) {
        if let Some(asker) = asker {
            self.reply_code(asker, ErrorCode::Ok);
        }
        self.out.effects.push(Effect::SessionClosed { session });
    }

    /// Whoever still waits for the leader of a role that has ended is not answered.
    fn retire(&mut self) {
        *self.retiring = false;
        let effects = &mut self.out.effects;
        let unanswered = |asker| effects.push(Effect::Unanswered { asker });
        self.forward.abandon(unanswered);
    }

    /// Everything of former leaders is applied: this server numbers transactions from now on.
    // apache 3.9.5: server/quorum/Leader.java lead, startZkServer
    fn lead(&mut self, epoch: Zxid) {
        assert!(
            epoch > self.state.last_zxid,
            "epoch {epoch} comes after {}",
            self.state.last_zxid
        );
        self.state.last_zxid = epoch;
        self.state.sessions.restart(self.now);
        self.prep.restart(self.state);
    }

    fn show_membership(&mut self, text: &[u8], version: i64, time: Millis) {
        let mut announcer = Announcer {
            zxid: self.state.last_zxid,
            watches: &mut *self.watches,
            audience: &mut *self.audience,
            out: &mut *self.out,
        };
        let tree = &mut self.state.tree;
        tree.show_membership(text, version, time.0, &mut announcer);
    }

    fn apply(&mut self, logged: &LoggedTxn<'_>, asker: Option<Asker>) {
        let zxid = Zxid(logged.header.zxid);
        assert!(
            zxid > self.state.last_zxid,
            "{zxid} comes after {}",
            self.state.last_zxid
        );
        let session = SessionId(logged.header.client_id);
        let (mut opened, mut closed) = (None, None);
        match &logged.txn {
            Txn::CreateSession(txn) => {
                self.state.sessions.open(session, txn.timeout_ms, self.now);
                opened = Some(session);
            }
            Txn::CloseSession(_) => {
                self.state.sessions.close(session);
                closed = Some(session);
            }
            _ => {}
        }
        let mut announcer = Announcer {
            zxid,
            watches: &mut *self.watches,
            audience: &mut *self.audience,
            out: &mut *self.out,
        };
        let applied = self
            .state
            .tree
            .apply(&logged.header, &logged.txn, &mut announcer);
        self.state.last_zxid = zxid;
        self.propagation_ms
            .add_latency(self.wall.0 - logged.header.time);
        self.compare_digest(logged);
        self.prep.landed(zxid, opened, closed);

        if let Some(asker) = asker {
            self.answer(logged, &applied, asker);
        }
        if let Some(session) = closed {
            self.out.effects.push(Effect::SessionClosed { session });
        }
    }

    fn answer(&mut self, logged: &LoggedTxn<'_>, applied: &crate::tree::Applied, asker: Asker) {
        if answer::is_moved(&logged.txn) {
            self.out.effects.push(Effect::Moved { asker });
            return;
        }
        if let Txn::CreateSession(txn) = &logged.txn {
            self.out.effects.push(Effect::SessionOpened {
                conn: asker.conn,
                session: SessionId(logged.header.client_id),
                timeout_ms: txn.timeout_ms,
            });
            return;
        }
        let start = self.out.bytes.len();
        let zxid = Zxid(logged.header.zxid);
        answer::append(asker.xid, zxid, &logged.txn, applied, &mut self.out.bytes);
        self.out.reply_since(start, asker);
    }

    /// The digest that prep foresaw must be that of the tree; a difference is loud but never fatal.
    fn compare_digest(&mut self, logged: &LoggedTxn<'_>) {
        let Some(digest) = &logged.digest else { return };
        if Zxid(logged.header.zxid) <= self.fuzzy_upto {
            return;
        }
        let actual = self.state.tree.digest();
        if digest.tree_digest != actual {
            *self.digest_mismatches += 1;
            tracing::error!(
                "Digests are not matching. Value is Zxid. zxid {} expected {} actual {actual}",
                Zxid(logged.header.zxid),
                digest.tree_digest,
            );
        }
    }

    fn read(&mut self, asker: Asker, session: SessionId, op: OpCode, body: &[u8], who: &[Id]) {
        let start = self.out.bytes.len();
        if !self.audience.is_here(asker.conn) {
            self.out.reply_since(start, asker);
            return;
        }
        let mut reading = Reading {
            rules: self.rules,
            tree: &self.state.tree,
            zxid: self.state.last_zxid,
            session,
            conn: asker.conn,
            who,
            watches: &mut *self.watches,
        };
        let mut body = request::reader(body, self.rules.field_bytes_max);
        ops::serve(&mut reading, asker.xid, op, &mut body, &mut self.out.bytes);
        self.out.reply_since(start, asker);
    }
}
