//! An observer in the broadcast: logs and applies what it is told is committed, and acknowledges nothing.
//! Upstream: `Observer`, `ObserverZooKeeperServer`.

use std::sync::Arc;

use bytes::Bytes;

use crate::consensus::Effect;
use crate::consensus::end::{Turn, over};
use crate::consensus::learner::Rest;
use crate::consensus::own::Own;
use crate::proto::peer::ToLearner;
use crate::types::{ServerId, Zxid};

/// The state of it.
#[derive(Debug)]
pub(crate) struct Observer {
    /// The last transaction applied, or the epoch's beginning.
    last: Zxid,
}

impl Observer {
    /// Begins with what was committed while it caught up. What was only proposed will come again.
    pub(crate) fn new(own: &mut Own, epoch: Zxid, rest: Rest, out: &mut Vec<Effect>) -> Self {
        own.is_sure(own.delivered());
        let mut last = own.delivered().max(epoch);
        for (zxid, body) in rest.pending.into_iter().take(rest.committed) {
            own.append(zxid, &body, out);
            own.deliver(zxid, body, out);
            own.is_sure(zxid);
            last = zxid;
        }
        Observer { last }
    }

    pub(crate) fn on_packet(
        &mut self,
        own: &mut Own,
        packet: ToLearner,
        out: &mut Vec<Effect>,
    ) -> Turn {
        match packet {
            ToLearner::Inform { zxid, body } => return self.inform(own, zxid, body, out),
            ToLearner::InformAndActivate { zxid, leader, body } => {
                return self.activate(own, (zxid, body), leader, out);
            }
            ToLearner::Ping(zxid) => out.push(Effect::ReportTouched(zxid)),
            ToLearner::Revalidate { session, valid } => {
                out.push(Effect::Revalidated { session, valid });
            }
            ToLearner::Sync => out.push(Effect::Synced),
            // apache 3.9.5: server/quorum/Observer.java processPacket ignores both.
            ToLearner::Proposal { .. } | ToLearner::Commit(_) => {}
            packet => out.push(Effect::Note(format!("{packet:?} is not for an observer"))),
        }
        Ok(())
    }

    fn inform(&mut self, own: &mut Own, zxid: Zxid, body: Bytes, out: &mut Vec<Effect>) -> Turn {
        let follows = zxid.0.checked_sub(1) == Some(self.last.0);
        if !follows || zxid.counter() == 0 {
            return over(format!("{zxid} is committed after {}", self.last));
        }
        self.last = zxid;
        own.append(zxid, &body, out);
        own.deliver(zxid, body, out);
        own.is_sure(zxid);
        Ok(())
    }

    /// Applies a change of the membership. If it gives this server another role or leader, this role is over.
    fn activate(
        &mut self,
        own: &mut Own,
        (zxid, body): (Zxid, Bytes),
        leader: ServerId,
        out: &mut Vec<Effect>,
    ) -> Turn {
        let membership = own.change_in(&body);
        let ends = membership.is_some_and(|membership| {
            own.activate(&Arc::new(membership), Some((leader, zxid)), out)
        });
        self.inform(own, zxid, body, out)?;
        match ends {
            true => over("the membership has changed"),
            false => Ok(()),
        }
    }
}
