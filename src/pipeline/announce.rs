//! From a change of the tree to events: fires watches, filters receivers, encodes each event once.

use crate::pipeline::finish::Audience;
use crate::pipeline::outputs::{Effect, Outputs};
use crate::proto::event;
use crate::types::{Acl, ChangeKind, ChangeSink, ConnId, EventType, Zxid};
use crate::watch::{Deliver, Side, Watches};

/// Hears the changes of one transaction.
pub(super) struct Announcer<'a> {
    pub(super) zxid: Zxid,
    pub(super) watches: &'a mut Watches,
    pub(super) audience: &'a mut dyn Audience,
    pub(super) out: &'a mut Outputs,
}

impl ChangeSink for Announcer<'_> {
    fn changed(&mut self, kind: ChangeKind, path: &str, acl: &[Acl], parent_acl: &[Acl]) {
        if self.watches.is_empty() {
            return;
        }
        let mut post = Post {
            zxid: self.zxid,
            acl,
            parent_acl,
            audience: &mut *self.audience,
            out: &mut *self.out,
        };
        self.watches.fire(kind, path, &mut post);
    }
}

struct Post<'a> {
    zxid: Zxid,
    acl: &'a [Acl],
    parent_acl: &'a [Acl],
    audience: &'a mut dyn Audience,
    out: &'a mut Outputs,
}

impl Deliver for Post<'_> {
    fn deliver(&mut self, event: EventType, path: &str, side: Side, receivers: &[ConnId]) {
        let acl = match side {
            Side::Node => self.acl,
            Side::Parent => self.parent_acl,
        };
        let first = self.out.receivers.len();
        if self.audience.everyone_may_read(acl) {
            self.out.receivers.extend_from_slice(receivers);
        } else {
            let readers = receivers
                .iter()
                .filter(|conn| self.audience.may_read(**conn, acl));
            self.out.receivers.extend(readers);
        }
        if self.out.receivers.len() == first {
            return;
        }
        let start = self.out.bytes.len();
        event::append_event(self.zxid.0, event, path, &mut self.out.bytes);
        let receivers = first..self.out.receivers.len();
        let bytes = start..self.out.bytes.len();
        self.out.effects.push(Effect::Event { receivers, bytes });
    }
}
